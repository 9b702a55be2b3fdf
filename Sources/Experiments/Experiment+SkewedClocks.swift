import Primitives

extension Experiment {
    /// A write follows another one, in a region whose clocks are behind.
    ///
    /// With wall clock stamps it is older than what it follows, and loses, acknowledged; a hybrid
    /// clock has heard of the greater stamp.
    static let skewedClocks = Experiment(
        name: "skewed-clocks",
        summary: "clocks 2 s behind: wall stamps lose the newer write, hybrid ones do not",
        settings: [ClusterSetting(isHybrid: true), ClusterSetting(isHybrid: false)]
    ) { bench, setting throws(ExperimentError) in
        let table = "skewed-clocks"
        let (first, behind) = (bench.cluster.regions[0], bench.cluster.regions[1])
        let stamps = setting.isHybrid ? "hybrid" : "wall"
        try bench.makeTable(table, in: [first, behind])
        let fault = try bench.cluster.begin(.clock(region: behind, offset: -2_000_000_000))
        try bench.putUntilDone("key", of: table, in: first)
        let older = bench.latest("key", of: table, in: first)
        try bench.waitForArrival(of: older, "key", of: table, in: behind)
        // Whoever writes this has seen the older one.
        try bench.putUntilDone("key", of: table, in: behind)
        let newer = bench.latest("key", of: table, in: behind)
        try bench.waitForAgreement(on: table, in: [first, behind])
        let final = [first, behind].map {
            bench.cluster.get("key", of: table, in: $0, isConsistent: true)
        }
        bench.verdict("\(stamps): both regions agree", final[0] == final[1])
        bench.verdict(
            setting.isHybrid
                ? "hybrid: the newer write wins" : "wall: the newer write is lost",
            final[0] == .done(setting.isHybrid ? newer : older)
        )
        try bench.cluster.heal(fault)
    }
}
