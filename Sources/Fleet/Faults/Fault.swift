import Primitives
package import Topology
package import Wire

/// Something that can be broken on purpose and mended again.
///
/// A fault is a value that knows how to bring itself about and how to undo itself, and that
/// measures both: what a probe saw before, and what it sees after. One fault a file, all of them in
/// ``FaultRegistry``.
package protocol Fault: Sendable {
    /// The word that names it: `partition`.
    static var kind: String { get }

    /// Reads what a request asks for.
    init(_ arguments: FaultArguments) throws(FaultError)

    /// For lists: `partition us-east-1 ⇄ eu-west-1`.
    var title: String { get }

    /// False when it is over as soon as it has happened, so that there is nothing to heal.
    var lasts: Bool { get }

    /// Brings it about and proves it by measuring; throws when it has not taken effect.
    @FleetLoop func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]

    /// Undoes it and proves it by measuring. Other faults stay in force.
    @FleetLoop func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement]
}

extension Fault {
    package var lasts: Bool { true }
}

/// What a probe saw before and after, and whether that is what was asked for.
package struct Measurement: Equatable, Sendable {
    package var what: String
    package var before: String
    package var after: String
    package var expected: String
    package var isAsExpected: Bool

    package init(
        _ what: String,
        before: String,
        after: String,
        expected: String,
        isAsExpected: Bool
    ) {
        self.what = what
        self.before = before
        self.after = after
        self.expected = expected
        self.isAsExpected = isAsExpected
    }

    package var json: JSONValue {
        [
            "what": .string(self.what), "before": .string(self.before),
            "after": .string(self.after), "expected": .string(self.expected),
            "ok": .bool(self.isAsExpected),
        ]
    }
}

/// Why a fault was not injected or not healed.
package struct FaultError: Error, Equatable, Sendable {
    package var message: String
    package var hint: String
    package var measurements: [Measurement]

    package init(_ message: String, hint: String = "", measurements: [Measurement] = []) {
        self.message = message
        self.hint = hint
        self.measurements = measurements
    }
}

/// The members of a request for a fault, checked against the topology.
package struct FaultArguments: Sendable {
    package var topology: Topology
    package var json: JSONValue

    package init(topology: Topology, json: JSONValue) {
        self.topology = topology
        self.json = json
    }

    package func text(_ name: String) throws(FaultError) -> String {
        guard let text = self.json[name]?.string else {
            throw FaultError("the fault needs \"\(name)\"")
        }
        return text
    }

    package func flag(_ name: String) -> Bool { self.json[name]?.bool ?? false }

    /// A number that is not negative; zero when absent.
    package func count(_ name: String) throws(FaultError) -> UInt64 {
        guard let value = self.json[name], value != .null else { return 0 }
        guard let number = value.uint64 else {
            throw FaultError("\"\(name)\" must be a whole number that is not negative")
        }
        return number
    }

    /// A number with a sign; zero when absent.
    package func signed(_ name: String) throws(FaultError) -> Int64 {
        guard let value = self.json[name], value != .null else { return 0 }
        guard let number = value.int else { throw FaultError("\"\(name)\" must be a whole number") }
        return Int64(number)
    }

    /// The positions of the nodes that a member's word means.
    package func nodes(_ name: String) throws(FaultError) -> [Int] {
        let word = try self.text(name)
        guard let nodes = self.topology.nodes(matching: word) else {
            throw self.unknown(word, among: self.topology.selectorWords)
        }
        return nodes.map { Int($0.index) }
    }

    /// The rank of the region that a member names.
    package func region(_ name: String) throws(FaultError) -> Int {
        let word = try self.text(name)
        guard let region = self.topology.region(named: word) else {
            throw self.unknown(word, among: self.topology.regions.map(\.name))
        }
        return Int(region.id.rank)
    }

    /// Two disjoint groups of nodes; `rest` means all that the other does not.
    package func sides() throws(FaultError) -> (a: [Int], b: [Int]) {
        let all = Set(self.topology.nodes.indices)
        let aIsRest = try self.text("a") == "rest"
        let bIsRest = try self.text("b") == "rest"
        guard !(aIsRest && bIsRest) else {
            throw FaultError("one of both must be a region, a zone or a node")
        }
        let a = aIsRest ? all.subtracting(try self.nodes("b")) : Set(try self.nodes("a"))
        let b = bIsRest ? all.subtracting(a) : Set(try self.nodes("b"))
        guard a.isDisjoint(with: b) else {
            throw FaultError(
                "\(try self.text("a")) and \(try self.text("b")) overlap",
                hint: "Name two that have no node in common."
            )
        }
        guard !a.isEmpty, !b.isEmpty else { throw FaultError("there is nobody on the other side") }
        return (a.sorted(), b.sorted())
    }

    private func unknown(_ word: String, among known: [String]) -> FaultError {
        let near = Suggestion.nearest(to: word, among: known)
        return FaultError(
            "nothing here is called \(word)",
            hint: near.map { "Did you mean \($0)?" } ?? "\"atoll status\" lists all names."
        )
    }
}

/// Every kind of fault.
package enum FaultRegistry {
    package static let kinds: [any Fault.Type] = [
        KillFault.self, PauseFault.self, RestartFault.self, PartitionFault.self, SlowFault.self,
        ClockFault.self, PauseReplicationFault.self, EndpointFault.self,
    ]

    package static func fault(_ arguments: FaultArguments) throws(FaultError) -> any Fault {
        let kind = try arguments.text("kind")
        guard let type = self.kinds.first(where: { $0.kind == kind }) else {
            let known = self.kinds.map { $0.kind }
            throw FaultError(
                "no fault is called \(kind)",
                hint: "Known are \(known.joined(separator: ", "))."
            )
        }
        return try type.init(arguments)
    }
}
