import Primitives

extension Experiment {
    /// The backlog is exact on both hosts; draining it is one way and back, and a real host is
    /// asked in rounds.
    static let pausedReplication = Experiment(
        name: "paused-replication",
        summary: "changes to one region queue, to the other they pass; afterwards all agree",
        settings: [ClusterSetting()]
    ) { bench, _ throws(ExperimentError) in
        let table = "paused"
        let regions = bench.cluster.regions
        try bench.makeTable(table, in: regions)
        try bench.putUntilDone("first", of: table, in: regions[0])
        try bench.waitForAgreement(on: table, in: regions)
        let fault = try bench.cluster.begin(
            .pauseReplication(from: regions[0], to: regions[1])
        )
        let keys = (0..<20).map { "key-\($0)" }
        for key in keys { try bench.putUntilDone(key, of: table, in: regions[0]) }
        let last = bench.latest("key-19", of: table, in: regions[0])
        try bench.waitForArrival(of: last, "key-19", of: table, in: regions[2])
        try bench.wait(.seconds(10), "one region's acknowledgements") {
            () throws(ExperimentError) in
            try bench.cluster.backlog(of: table) <= UInt64(keys.count)
        }
        bench.count(
            "changes that wait",
            try bench.cluster.backlog(of: table),
            tolerance: 0,
            limit: UInt64(keys.count)
        )
        let seen = bench.cluster.get("key-0", of: table, in: regions[1], isConsistent: false)
        bench.verdict("nothing arrives where replication is paused", seen == .done(nil))
        let before = bench.cluster.now
        try bench.cluster.heal(fault)
        try bench.waitForAgreement(on: table, in: regions)
        bench.time(
            "until all agree after the heal",
            bench.cluster.now - before,
            tolerance: .milliseconds(1_500),
            limit: .seconds(10)
        )
        for key in keys { try bench.readStrongly(key, of: table, in: regions[0]) }
        bench.verdict(
            "every queued change arrived",
            keys.allSatisfy { key in
                bench.cluster.get(key, of: table, in: regions[1], isConsistent: true)
                    == .done(bench.latest(key, of: table, in: regions[0]))
            }
        )
    }
}
