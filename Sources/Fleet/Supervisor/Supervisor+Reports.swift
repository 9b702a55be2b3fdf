import EventLoop
import Primitives
import Topology
import Wire

/// What the cluster looks like, gathered from its nodes.
extension Supervisor {
    /// Asks every node that runs; nil for those that gave no answer.
    func askAll(_ target: String, timeoutMilliseconds: UInt64 = 2_000) async -> [JSONValue?] {
        let asked = self.nodes.filter(\.answers)
        let results = await self.http.gather(
            asked.map {
                HTTPClient.Request(
                    "GET",
                    target,
                    port: $0.port,
                    timeoutMilliseconds: timeoutMilliseconds
                )
            }
        )
        var answers = [JSONValue?](repeating: nil, count: self.nodes.count)
        for (node, result) in zip(asked, results) {
            guard case .success(let answer) = result, answer.status == 200 else { continue }
            answers[node.index] = answer.json
        }
        return answers
    }

    func status() async -> JSONValue {
        let answers = await self.askAll("/_atoll/status", timeoutMilliseconds: 1_000)
        let regions = self.topology.regions.map { region -> JSONValue in
            let nodes = region.nodes.map { id -> JSONValue in
                let index = Int(id.index)
                return self.status(of: self.nodes[index], answers[index])
            }
            return [
                "name": .string(region.name),
                "port": .integer(self.ports.regions[Int(region.id.rank)]),
                "nodes": .array(nodes),
            ]
        }
        let now = self.loop.now
        return [
            "cluster": .string(self.options.cluster), "phase": .string(self.phase.rawValue),
            "topology": .string(self.topology.path),
            "uptimeMs": .integer((now - self.startedAt) / 1_000_000),
            "gatewayPort": .integer(self.ports.gateway),
            "gatewayRuns": .bool(self.gateway != nil), "regions": .array(regions),
            "faults": .array(self.faults.map { $0.json(now: now) }),
            "events": .array(
                self.events.suffix(10).map {
                    [
                        "agoMs": .integer((now - $0.at) / 1_000_000), "text": .string($0.text),
                    ]
                }
            ),
        ]
    }

    /// What the supervisor knows of a process, and what the node says of itself.
    private func status(of node: NodeProcess, _ answer: JSONValue?) -> JSONValue {
        let state: String
        if node.pid == nil {
            state = "dead"
        } else if !node.pauses.isEmpty {
            state = "paused"
        } else if answer == nil {
            state = "silent"
        } else {
            state = node.condition.rawValue
        }
        return [
            "name": .string(node.name), "zone": .string(node.node.zone),
            "port": .integer(node.port), "pid": node.pid.map { .integer($0) } ?? .null,
            "state": .string(state),
            "lastExit": node.lastExit.map { .string($0) } ?? .null, "report": answer ?? .null,
        ]
    }

    func lag() async -> LagReport {
        var report = LagReport()
        for answer in await self.askAll("/_atoll/lag") {
            if let answer { report.add(answer) }
        }
        return report
    }

    /// From tables to their global indexes, within each region.
    func indexLag() async -> LagReport {
        var report = LagReport()
        for answer in await self.askAll("/_atoll/lag") {
            if let indexes = answer?["indexes"] { report.add(indexes) }
        }
        return report
    }

    func conflicts(limit: Int) async -> JSONValue {
        var report = ConflictReport()
        for answer in await self.askAll("/_atoll/conflicts?limit=\(limit)") {
            if let answer { report.add(answer) }
        }
        return report.json(limit: limit)
    }
}
