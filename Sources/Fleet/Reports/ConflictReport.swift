package import Wire

/// The conflict ledgers of all partitions as one list.
///
/// Each region decides for itself, so the same decision comes from several: those are one entry
/// that lists the regions.
package struct ConflictReport: Equatable, Sendable {
    private var entries: [(identity: [UInt8], json: JSONValue, regions: [String])] = []

    package init() {}

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.json(limit: .max) == rhs.json(limit: .max)
    }

    /// Adds one node's answer.
    package mutating func add(_ json: JSONValue) {
        for conflict in json["conflicts"]?.array ?? [] {
            let identity = JSONValue.array([
                conflict["table"] ?? .null, conflict["key"] ?? .null, conflict["winner"] ?? .null,
                conflict["loser"] ?? .null,
            ]).serialized()
            let region = conflict["decidedIn"]?.string ?? "?"
            if let index = self.entries.firstIndex(where: { $0.identity == identity }) {
                if !self.entries[index].regions.contains(region) {
                    self.entries[index].regions.append(region)
                }
            } else {
                self.entries.append((identity, conflict, [region]))
            }
        }
    }

    /// The latest decisions first.
    package func json(limit: Int) -> JSONValue {
        let sorted = self.entries.enumerated().sorted { first, second in
            let left = first.element.json["decidedAtNs"]?.uint64 ?? 0
            let right = second.element.json["decidedAtNs"]?.uint64 ?? 0
            return left == right ? first.offset < second.offset : left > right
        }
        let conflicts = sorted.prefix(limit).map { entry in
            var json = entry.element.json
            json["decidedIn"] = .array(entry.element.regions.sorted().map { .string($0) })
            return json
        }
        return ["conflicts": .array(conflicts), "total": .integer(self.entries.count)]
    }
}
