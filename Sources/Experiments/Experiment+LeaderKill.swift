import Primitives

extension Experiment {
    /// Unavailability is a lease of 450 ms that runs out, an election, and a lease of the new
    /// leader's own.
    ///
    /// Drawn time-outs spread it over a few hundred milliseconds, and a real kill takes part of a
    /// supervisor's round besides: the tolerance.
    static let leaderKill = Experiment(
        name: "leader-kill",
        summary: "a partition's leader dies three times; writes go on, and nothing is lost",
        settings: [ClusterSetting()]
    ) { bench, _ throws(ExperimentError) in
        let table = "leader-kill"
        let region = bench.cluster.regions[0]
        let keys = (0..<8).map { "key-\($0)" }
        try bench.makeTable(table, in: [region])
        for key in keys { try bench.putUntilDone(key, of: table, in: region) }
        var silences: [Nanoseconds] = []
        for _ in 0..<3 {
            try bench.wait(.seconds(30), "a leader in every partition") {
                () throws(ExperimentError) in
                try bench.cluster.leaders(of: table, in: region).count == 4
            }
            // The leader of partition 0; some of the keys are its own.
            guard let leader = try bench.cluster.leaders(of: table, in: region)[0] else {
                throw ExperimentError("partition 0 has no leader")
            }
            let killed = bench.cluster.now
            let fault = try bench.cluster.begin(.kill(node: leader))
            for key in keys { try bench.putUntilDone(key, of: table, in: region) }
            silences.append(bench.cluster.now - killed)
            for key in keys { try bench.readStrongly(key, of: table, in: region) }
            let successor = try bench.cluster.leaders(of: table, in: region)[0]
            bench.verdict("another node leads", successor != nil && successor != leader)
            try bench.cluster.heal(fault)
            for key in keys { try bench.readStrongly(key, of: table, in: region) }
        }
        bench.verdict("writes go on with one node dead", true)
        bench.time(
            "unavailable after a kill, median",
            silences.median,
            tolerance: .milliseconds(600),
            limit: .seconds(3)
        )
    }
}
