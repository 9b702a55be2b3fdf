package import Wire

/// Replication lag of the whole cluster, merged from what its nodes measured.
package struct LagReport: Equatable, Sendable {
    /// One table's way from one region to another.
    package struct Route: Hashable, Comparable, Sendable {
        package var table: String
        package var source: String
        package var destination: String

        package init(table: String, source: String, destination: String) {
            self.table = table
            self.source = source
            self.destination = destination
        }

        fileprivate init?(json: JSONValue) {
            guard let table = json["table"]?.string, let source = json["source"]?.string,
                let destination = json["destination"]?.string
            else { return nil }
            self.init(table: table, source: source, destination: destination)
        }

        package static func < (lhs: Self, rhs: Self) -> Bool {
            (lhs.table, lhs.source, lhs.destination) < (rhs.table, rhs.source, rhs.destination)
        }
    }

    /// What arrived within a sliding window; microseconds.
    package struct Window: Equatable, Sendable {
        package var seconds: Int
        package var count: UInt64 = 0
        package var max: UInt64 = 0
        package var histogram = LagHistogram()

        /// Bounded by the exact maximum, which a bucket's middle may exceed.
        package func quantile(perMille: UInt64) -> UInt64 {
            min(self.histogram.quantile(perMille: perMille) ?? 0, self.max * 1_000) / 1_000
        }
    }

    /// What has not arrived yet.
    package struct Backlog: Equatable, Sendable {
        package var changes: UInt64 = 0
        package var bytes: UInt64 = 0
        /// Age of the oldest change, microseconds.
        package var watermarkAge: UInt64 = 0
    }

    package private(set) var windows: [Route: [Window]] = [:]
    package private(set) var backlogs: [Route: Backlog] = [:]

    package init() {}

    package var routes: [Route] {
        Set(self.windows.keys).union(self.backlogs.keys).sorted()
    }

    /// Changes that are still to arrive somewhere, of one table or of all.
    package func backlogChanges(of table: String? = nil) -> UInt64 {
        self.backlogs.reduce(0) { sum, entry in
            table == nil || entry.key.table == table ? sum + entry.value.changes : sum
        }
    }

    /// Adds the answer of one node: counts and backlogs add up, ages and maxima take the greater.
    package mutating func add(_ json: JSONValue) {
        for entry in json["inbound"]?.array ?? [] {
            guard let route = Route(json: entry), let seconds = entry["window"]?.int else {
                continue
            }
            var windows = self.windows[route] ?? []
            let index =
                windows.firstIndex { $0.seconds == seconds }
                ?? {
                    windows.append(Window(seconds: seconds))
                    return windows.count - 1
                }()
            windows[index].count += entry["count"]?.uint64 ?? 0
            windows[index].max = max(windows[index].max, entry["maxUs"]?.uint64 ?? 0)
            windows[index].histogram.merge(LagHistogram(json: entry["histogram"] ?? .array([])))
            self.windows[route] = windows.sorted { $0.seconds < $1.seconds }
        }
        for entry in json["outbound"]?.array ?? [] {
            guard let route = Route(json: entry) else { continue }
            var backlog = self.backlogs[route] ?? Backlog()
            backlog.changes += entry["backlogChanges"]?.uint64 ?? 0
            backlog.bytes += entry["backlogBytes"]?.uint64 ?? 0
            backlog.watermarkAge = max(
                backlog.watermarkAge,
                entry["watermarkAgeUs"]?.uint64 ?? 0
            )
            self.backlogs[route] = backlog
        }
    }

    /// One entry a route and window; a route without arrivals has one with a count of zero.
    package var json: JSONValue {
        var entries: [JSONValue] = []
        for route in self.routes {
            let backlog = self.backlogs[route] ?? Backlog()
            for window in self.windows[route] ?? [Window(seconds: 0)] {
                entries.append([
                    "table": .string(route.table), "source": .string(route.source),
                    "destination": .string(route.destination),
                    "window": .integer(window.seconds), "count": .integer(window.count),
                    "p50Us": .integer(window.quantile(perMille: 500)),
                    "p90Us": .integer(window.quantile(perMille: 900)),
                    "p99Us": .integer(window.quantile(perMille: 990)),
                    "maxUs": .integer(window.max), "backlogChanges": .integer(backlog.changes),
                    "backlogBytes": .integer(backlog.bytes),
                    "watermarkAgeUs": .integer(backlog.watermarkAge),
                ])
            }
        }
        return ["lag": .array(entries)]
    }
}
