import Primitives
import Topology
import Wire

/// Stops the replicators between regions; what is written meanwhile queues and is sent after
/// healing.
package struct PauseReplicationFault: Fault {
    package static let kind = "pause-replication"
    package let title: String
    private let pairs: Set<RegionPair>

    package init(_ arguments: FaultArguments) throws(FaultError) {
        let a = try arguments.region("a")
        let hasOther = arguments.json["b"]?.string != nil
        let others =
            hasOther
            ? [try arguments.region("b")]
            : arguments.topology.regions.indices.filter { $0 != a }
        guard !others.contains(a), !others.isEmpty else {
            throw FaultError("replication needs two regions", hint: "Name two that differ.")
        }
        var pairs: Set<RegionPair> = []
        for other in others {
            pairs.insert(RegionPair(from: a, to: other))
            if !arguments.flag("oneWay") { pairs.insert(RegionPair(from: other, to: a)) }
        }
        self.pairs = pairs
        let arrow = arguments.flag("oneWay") ? "→" : "⇄"
        let name = arguments.topology.regions[a].name
        let other = hasOther ? try arguments.text("b") : "all others"
        self.title = "pause-replication \(name) \(arrow) \(other)"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        let nodes = fleet.sources(of: self.pairs)
        guard !nodes.isEmpty else {
            throw FaultError("no node of these regions answers", hint: "\"atoll status\" says why.")
        }
        let before = await fleet.pausedReplication(of: nodes)
        fleet.plan.add(fault: id, pausing: self.pairs)
        return try await fleet.settleReplication(nodes, before)
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        let nodes = fleet.sources(of: self.pairs)
        let before = await fleet.pausedReplication(of: nodes)
        fleet.plan.remove(fault: id)
        return try await fleet.settleReplication(nodes, before)
    }
}

extension Supervisor {
    /// The nodes that answer and whose replicators a pause concerns.
    func sources(of pairs: Set<RegionPair>) -> [Int] {
        let regions = Set(pairs.map(\.source))
        return self.nodes.indices.filter {
            self.nodes[$0].answers && regions.contains(Int(self.nodes[$0].node.region.rank))
        }
    }

    /// The regions to which each node says it sends nothing; nil without an answer.
    func pausedReplication(of nodes: [Int]) async -> [[String]?] {
        await self.liveness(of: nodes).map { result in
            guard case .success(let answer) = result,
                let regions = answer.json?["pausedReplication"]?.array
            else { return nil }
            return regions.compactMap(\.string).sorted()
        }
    }

    func settleReplication(
        _ nodes: [Int],
        _ before: [[String]?]
    ) async throws(FaultError) -> [Measurement] {
        let problems = await self.apply(toNodes: Set(nodes))
        guard problems.isEmpty else { throw FaultError(problems.joined(separator: "; ")) }
        let after = await self.pausedReplication(of: nodes)
        let measurements = nodes.indices.map { index in
            let region = Int(self.nodes[nodes[index]].node.region.rank)
            let expected = self.plan.pausedTargets(of: region).map {
                self.topology.regions[$0].name
            }.sorted()
            return Measurement(
                self.nodes[nodes[index]].name,
                before: Self.text(before[index]),
                after: Self.text(after[index]),
                expected: Self.text(expected),
                isAsExpected: after[index] == expected
            )
        }
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError("not every node replicates as it should", measurements: measurements)
        }
        return measurements
    }

    private static func text(_ paused: [String]?) -> String {
        guard let paused else { return "no answer" }
        return paused.isEmpty
            ? "replicates to all" : "sends nothing to \(paused.joined(separator: ", "))"
    }
}
