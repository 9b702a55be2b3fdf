import Primitives

extension Experiment {
    /// The time until the replica is active is some control messages across the sea and the copy of
    /// a few hundred items; a real host also looks at its tables in rounds.
    static let replicaUnderLoad = Experiment(
        name: "replica-under-load",
        summary: "a region joins a table that is being written; no write fails, nothing is missing",
        settings: [ClusterSetting()]
    ) { bench, _ throws(ExperimentError) in
        let table = "growing"
        let (first, other) = (bench.cluster.regions[0], bench.cluster.regions[1])
        try bench.makeTable(table, in: [first])
        let keys = (0..<200).map { "key-\($0)" }
        for key in keys { try bench.putUntilDone(key, of: table, in: first) }
        let began = bench.cluster.now
        try bench.cluster.addReplica(of: table, from: first, in: other)
        var failures: UInt64 = 0
        var written = 0
        var isActive = false
        while !isActive {
            for _ in 0..<10 {
                if !bench.put(keys[written * 7 % keys.count], of: table, in: first) {
                    failures += 1
                }
                written += 1
                bench.cluster.advance(by: .milliseconds(2))
            }
            isActive = try bench.cluster.hasReplica(of: table, from: first, in: other)
            guard bench.cluster.now - began < .seconds(60) else {
                throw ExperimentError("the replica did not become active within 60 s")
            }
        }
        bench.time(
            "until the replica is active",
            bench.cluster.now - began,
            tolerance: .milliseconds(2_500),
            limit: .seconds(10)
        )
        bench.count("writes that failed meanwhile", failures, tolerance: 0, limit: 0)
        try bench.waitForAgreement(on: table, in: [first, other])
        for key in keys { try bench.readStrongly(key, of: table, in: first) }
        bench.verdict(
            "the new region holds every item as it was written last",
            keys.allSatisfy { key in
                bench.cluster.get(key, of: table, in: other, isConsistent: true)
                    == .done(bench.latest(key, of: table, in: first))
            }
        )
        bench.verdict("it was written while it was filled", written > 0)
    }
}
