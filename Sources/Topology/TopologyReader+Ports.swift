import Primitives

/// The first port of each kind of listener, and the line that says so.
struct PortsDraft {
    /// A run of ports that one key stands for.
    struct Run {
        var key: String
        var first: Int
        var count: Int
        /// Nil when it is the default.
        var line: Int?

        var last: Int { self.first + self.count - 1 }

        func overlaps(_ other: Run) -> Bool {
            self.first <= other.last && other.first <= self.last
        }

        var text: String {
            let ports = self.count == 1 ? "\(self.first)" : "\(self.first) to \(self.last)"
            return "\(self.key) (\(ports))"
        }
    }

    var runs: [Run]

    static func defaults(regionCount: Int, nodeCount: Int) -> PortsDraft {
        PortsDraft(runs: [
            Run(key: "gateway", first: 8_000, count: 1),
            Run(key: "regions", first: 8_001, count: regionCount),
            Run(key: "nodes", first: 8_100, count: nodeCount),
            Run(key: "peers", first: 8_200, count: nodeCount),
            Run(key: "control", first: 8_090, count: 1),
        ])
    }

    func first(_ key: String) -> Int { self.runs.first { $0.key == key }?.first ?? 0 }
}

extension TopologyReader {
    /// The ports of a cluster; runs are as long as there are regions or nodes, and must not
    /// overlap.
    mutating func ports(
        _ node: YAMLNode?,
        regionCount: Int,
        nodeCount: Int,
        line: Int
    ) -> PortsDraft {
        var draft = PortsDraft.defaults(
            regionCount: max(regionCount, 1),
            nodeCount: max(nodeCount, 1)
        )
        if let node {
            guard
                let fields = self.fields(
                    node,
                    of: "ports",
                    under: " under ports",
                    known: draft.runs.map(\.key)
                )
            else { return draft }
            for index in draft.runs.indices {
                let key = draft.runs[index].key
                guard let value = fields[key] else { continue }
                let port = self.integer(value, of: "port of \(key)", in: TopologyLimits.ports)
                guard let port else { continue }
                draft.runs[index].first = port
                draft.runs[index].line = value.line
            }
        }
        self.checkRuns(draft.runs, line: node?.line ?? line)
        return draft
    }

    private mutating func checkRuns(_ runs: [PortsDraft.Run], line: Int) {
        let highest = TopologyLimits.ports.upperBound
        for run in runs where run.last > highest {
            self.report(
                run.line ?? line,
                "ports of \(run.text) end beyond \(highest); begin lower"
            )
        }
        for (index, run) in runs.enumerated() {
            for other in runs[..<index] where run.overlaps(other) {
                let place = max(run.line ?? 0, other.line ?? 0)
                self.report(
                    place == 0 ? line : place,
                    "ports of \(other.text) and of \(run.text) overlap; "
                        + "allowed are runs apart, set 'ports' so"
                )
            }
        }
    }
}
