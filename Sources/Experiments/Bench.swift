import Primitives

/// What a scenario works with: its cluster, an account of what clients wrote, and what it found.
package final class Bench {
    package let cluster: any Cluster
    private(set) var verdicts: [Verdict] = []
    private(set) var figures: [Figure] = []
    private var writeCount = 0
    /// Per key, what the latest acknowledged write was and which later ones may have taken effect.
    private var known: [String: Known] = [:]
    /// Strong reads that showed something else than the account allows.
    private var wrongReads: [String] = []
    private(set) var readCount = 0

    private struct Known {
        var latest: String?
        var doubtful: [String] = []
    }

    package init(_ cluster: any Cluster) { self.cluster = cluster }

    // MARK: Findings

    /// Notes a fact; several notes of the same fact must all hold.
    func verdict(_ fact: String, _ holds: Bool) {
        if let index = self.verdicts.firstIndex(where: { $0.fact == fact }) {
            self.verdicts[index].holds = self.verdicts[index].holds && holds
        } else {
            self.verdicts.append(Verdict(fact: fact, holds: holds))
        }
    }

    /// Notes a time.
    func time(
        _ name: String,
        _ value: Nanoseconds,
        tolerance: Nanoseconds,
        limit: Nanoseconds
    ) {
        self.figures.append(
            Figure(name: name, unit: .time, value: value, tolerance: tolerance, limit: limit)
        )
    }

    func count(_ name: String, _ value: UInt64, tolerance: UInt64, limit: UInt64) {
        self.figures.append(
            Figure(name: name, unit: .count, value: value, tolerance: tolerance, limit: limit)
        )
    }

    // MARK: Tables

    /// A table in some regions, made in the first of them.
    func makeTable(_ table: String, in regions: [String]) throws(ExperimentError) {
        try self.cluster.createTable(table, in: regions[0])
        for other in regions.dropFirst() {
            try self.cluster.addReplica(of: table, from: regions[0], in: other)
            try self.wait(.seconds(60), "a replica in \(other)") { () throws(ExperimentError) in
                try self.cluster.hasReplica(of: table, from: regions[0], in: other)
            }
        }
    }

    // MARK: Writes and strong reads of one region

    /// Writes once; the account remembers what may be there.
    @discardableResult
    func put(_ key: String, of table: String, in region: String) -> Bool {
        self.writeCount += 1
        let write = "w\(self.writeCount)"
        let place = "\(region)/\(table)/\(key)"
        switch self.cluster.put(write, at: key, of: table, in: region) {
        case .done:
            self.known[place] = Known(latest: write)
            return true
        case .unknown:
            self.known[place, default: Known()].doubtful.append(write)
            return false
        case .refused:
            return false
        }
    }

    /// Writes until a write is acknowledged; how long that took.
    func putUntilDone(
        _ key: String,
        of table: String,
        in region: String,
        within limit: Nanoseconds = .seconds(20)
    ) throws(ExperimentError) {
        let deadline = self.cluster.now + limit
        while !self.put(key, of: table, in: region) {
            guard self.cluster.now < deadline else {
                throw ExperimentError("no write of \(key) succeeds in \(region)")
            }
            self.cluster.advance(by: .milliseconds(10))
        }
    }

    /// The name of the latest acknowledged write of a key through a region.
    func latest(_ key: String, of table: String, in region: String) -> String? {
        self.known["\(region)/\(table)/\(key)"]?.latest
    }

    /// Reads strongly until there is an answer, and holds it against the account of the region.
    func readStrongly(
        _ key: String,
        of table: String,
        in region: String,
        within limit: Nanoseconds = .seconds(20)
    ) throws(ExperimentError) {
        let deadline = self.cluster.now + limit
        while true {
            let reply = self.cluster.get(key, of: table, in: region, isConsistent: true)
            if case .done(let write) = reply {
                self.readCount += 1
                self.judge(write, "\(region)/\(table)/\(key)")
                return
            }
            guard self.cluster.now < deadline else {
                throw ExperimentError("no strong read of \(key) succeeds in \(region)")
            }
            self.cluster.advance(by: .milliseconds(10))
        }
    }

    private func judge(_ write: String?, _ place: String) {
        var known = self.known[place] ?? Known()
        if write == known.latest { return }
        if let write, known.doubtful.contains(write) {
            // It took effect after all; what was there before does not come back.
            known.latest = write
            self.known[place] = known
            return
        }
        self.wrongReads.append("\(place) showed \(write ?? "nothing")")
    }

    /// Strong reads are part of every experiment that made any.
    func concludeReads() {
        guard self.readCount > 0 else { return }
        self.verdict("strong reads show the latest acknowledged write", self.wrongReads.isEmpty)
    }

    // MARK: Waiting

    /// Looks at a condition every so often until it holds; how long that took.
    @discardableResult
    func wait(
        _ limit: Nanoseconds,
        every step: Nanoseconds = .milliseconds(5),
        _ what: String,
        until holds: () throws(ExperimentError) -> Bool
    ) throws(ExperimentError) -> Nanoseconds {
        let start = self.cluster.now
        while try !holds() {
            guard self.cluster.now - start < limit else {
                throw ExperimentError("\(what) did not come within \(limit / 1_000_000_000) s")
            }
            self.cluster.advance(by: step)
        }
        return self.cluster.now - start
    }

    /// Waits until a write has arrived in another region; how long that took.
    @discardableResult
    func waitForArrival(
        of write: String?,
        _ key: String,
        of table: String,
        in region: String,
        within limit: Nanoseconds = .seconds(20)
    ) throws(ExperimentError) -> Nanoseconds {
        try self.wait(limit, every: .milliseconds(1), "\(key) in \(region)") {
            self.cluster.get(key, of: table, in: region, isConsistent: false) == .done(write)
        }
    }

    /// Waits until every change is everywhere and all regions agree; how long that took.
    @discardableResult
    func waitForAgreement(
        on table: String,
        in regions: [String]
    ) throws(ExperimentError) -> Nanoseconds {
        try self.wait(.seconds(60), "agreement on \(table)") { () throws(ExperimentError) in
            guard try self.cluster.backlog(of: table) == 0 else { return false }
            return try self.cluster.agrees(on: table, in: regions)
        }
    }
}

extension [UInt64] {
    /// The middle one; zero of none.
    var median: UInt64 { self.isEmpty ? 0 : self.sorted()[self.count / 2] }
}
