import Primitives

extension Experiment {
    /// Lag is the way between the regions, and on a real host the poll's own round trip.
    ///
    /// Catching up takes new connections and one batch; a real host's heal returns only when its
    /// probes have shown it, a second or so later: the tolerance. It stays below the five seconds
    /// after which a batch that was lost without a word is sent again.
    static let regionCut = Experiment(
        name: "region-cut",
        summary: "a region is cut off and healed; both sides serve, then agree on the later writes",
        settings: [ClusterSetting()]
    ) { bench, _ throws(ExperimentError) in
        let table = "region-cut"
        let regions = bench.cluster.regions
        let (near, far) = (regions[0], regions[regions.count - 1])
        try bench.makeTable(table, in: regions)
        try bench.measureLag(of: table, from: near, to: far)

        let fault = try bench.cluster.begin(.isolate(region: far))
        for key in ["both", "near-only"] { try bench.putUntilDone(key, of: table, in: near) }
        bench.cluster.advance(by: .milliseconds(50))
        // Later than the other side's write of the same key.
        for key in ["both", "far-only"] { try bench.putUntilDone(key, of: table, in: far) }
        bench.verdict("both sides serve writes while they are cut", true)
        for key in ["both", "near-only"] { try bench.readStrongly(key, of: table, in: near) }
        for key in ["both", "far-only"] { try bench.readStrongly(key, of: table, in: far) }
        let way = bench.cluster.delay(from: near, to: far)
        bench.cluster.advance(by: 3 * way)
        let seen = bench.cluster.get("near-only", of: table, in: far, isConsistent: false)
        bench.verdict("nothing passes the cut", seen == .done(nil))
        bench.verdict("changes wait", try bench.cluster.backlog(of: table) > 0)

        let before = bench.cluster.now
        try bench.cluster.heal(fault)
        try bench.waitForAgreement(on: table, in: regions)
        bench.time(
            "until all agree after the heal",
            bench.cluster.now - before,
            tolerance: .milliseconds(2_500),
            limit: .seconds(10)
        )
        let final = bench.latest("both", of: table, in: far)
        let winners = regions.map { region in
            bench.cluster.get("both", of: table, in: region, isConsistent: true)
        }
        bench.verdict(
            "the later write of a key wins everywhere",
            winners.allSatisfy { $0 == .done(final) }
        )
        bench.verdict(
            "each side's own writes are everywhere",
            regions.allSatisfy { region in
                [("near-only", near), ("far-only", far)].allSatisfy { key, origin in
                    bench.cluster.get(key, of: table, in: region, isConsistent: true)
                        == .done(bench.latest(key, of: table, in: origin))
                }
            }
        )
        bench.verdict("the loser is in the ledger", try bench.cluster.conflicts(of: table) > 0)
    }
}

extension Bench {
    /// Measures how long writes take to be seen in another region, beyond the way itself.
    func measureLag(
        of table: String,
        from source: String,
        to destination: String
    ) throws(ExperimentError) {
        var lags: [Nanoseconds] = []
        for number in 0..<5 {
            let key = "lag-\(number)"
            try self.putUntilDone(key, of: table, in: source)
            let write = self.latest(key, of: table, in: source)
            lags.append(
                try self.waitForArrival(of: write, key, of: table, in: destination)
            )
        }
        let way = self.cluster.delay(from: source, to: destination)
        self.verdict("no change is faster than its way", lags.allSatisfy { $0 + 2_000_000 >= way })
        self.time(
            "replication lag, median",
            lags.median,
            tolerance: .milliseconds(60),
            limit: way + .milliseconds(500)
        )
    }
}
