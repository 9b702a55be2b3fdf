import Primitives

/// Makes a failing scenario smaller, for as long as it fails in the same way.
///
/// Delta debugging (Zeller and Hildebrandt, 2002) over faults, operations and keys, then shorter
/// times, fewer regions and plainer settings. Operations and keys that are left out still take
/// their draws, so that what stays is drawn as before.
package struct Shrinker {
    package private(set) var scenario: Scenario
    private let options: SimulationOptions
    private let signature: String
    private var runsLeft: Int
    package private(set) var runs = 0
    /// What the smallest scenario so far fails with.
    package private(set) var report: Report
    private let progress: (String) -> Void

    /// - Returns: nil when the scenario does not fail.
    package init?(
        _ scenario: Scenario,
        _ options: SimulationOptions,
        runsMax: Int = 600,
        progress: @escaping (String) -> Void
    ) {
        self.scenario = scenario
        self.options = options
        self.runsLeft = runsMax
        self.progress = progress
        self.report = Simulator.run(scenario, options)
        guard let failure = self.report.failures.first else { return nil }
        self.signature = failure.signature
    }

    package mutating func shrink() {
        self.cutDuration()
        for round in 1...3 {
            let before = self.scenario
            self.shrinkFaults()
            self.shrinkRegions()
            self.shrinkOperations()
            self.shrinkKeys()
            self.simplify()
            self.cutDuration()
            self.progress("round \(round): \(self.size)")
            if self.scenario == before || self.runsLeft == 0 { break }
        }
    }

    package var size: String {
        let left = self.report.operations
        return "\(self.scenario.plan.regions.count) regions, \(self.scenario.faults.count) faults, "
            + "\(left) operations, \(self.report.virtual.seconds) of virtual time, "
            + "\(self.runs) runs"
    }

    /// Keeps a smaller scenario if it fails in the same way.
    private mutating func keeps(_ smaller: Scenario) -> Bool {
        guard self.runsLeft > 0 else { return false }
        self.runsLeft -= 1
        self.runs += 1
        let report = Simulator.run(smaller, self.options)
        guard report.failures.first?.signature == self.signature else { return false }
        self.scenario = smaller
        self.report = report
        return true
    }

    /// Removes as many elements as it can; `apply` makes a scenario of those that are kept.
    private mutating func reduce<Element>(
        _ elements: [Element],
        _ apply: (Scenario, [Element]) -> Scenario
    ) {
        var kept = elements
        var pieces = 2
        while kept.count >= 1, self.runsLeft > 0 {
            let size = max(1, (kept.count + pieces - 1) / pieces)
            var start = 0
            var hasShrunk = false
            while start < kept.count, self.runsLeft > 0 {
                var fewer = kept
                fewer.removeSubrange(start..<min(start + size, kept.count))
                if self.keeps(apply(self.scenario, fewer)) {
                    kept = fewer
                    hasShrunk = true
                } else {
                    start += size
                }
            }
            if size == 1, !hasShrunk { break }
            pieces = min(max(2, pieces * 2), max(2, kept.count))
            if kept.isEmpty { break }
        }
    }

    // MARK: Steps

    /// Nothing after the failure matters.
    private mutating func cutDuration() {
        let whole = self.scenario.duration
        for share in [1, 2, 4] as [UInt64] {
            var shorter = self.scenario
            shorter.duration = max(.milliseconds(100), whole * share / 8)
            if shorter.duration < self.scenario.duration, self.keeps(shorter) { break }
        }
        guard self.report.phase == "safety", let failure = self.report.failures.first else {
            return
        }
        // Setup takes some of the time before the failure; the rest is the clients'.
        let began = self.report.clientsBegan
        var shorter = self.scenario
        shorter.duration = failure.at.since(began) + .milliseconds(1)
        if shorter.duration < self.scenario.duration { _ = self.keeps(shorter) }
    }

    private mutating func shrinkFaults() {
        self.reduce(self.scenario.faults) { scenario, faults in
            var smaller = scenario
            smaller.faults = faults
            return smaller
        }
        for index in self.scenario.faults.indices {
            var shorter = self.scenario
            shorter.faults[index].lasts /= 4
            if shorter.faults[index].lasts > .milliseconds(5) { _ = self.keeps(shorter) }
        }
    }

    private mutating func shrinkOperations() {
        let skipped = self.scenario.workload.skippedOperations
        let drawn = self.report.drawn
        guard drawn > 0 else { return }
        let all = (1...drawn).filter { !skipped.contains($0) }
        self.reduce(all) { scenario, kept in
            var smaller = scenario
            var next = 0
            var skipped: [UInt64] = []
            for number in 1...drawn {
                if next < kept.count, kept[next] == number {
                    next += 1
                } else {
                    skipped.append(number)
                }
            }
            smaller.workload.skippedOperations = skipped
            return smaller
        }
    }

    private mutating func shrinkKeys() {
        let skipped = self.scenario.workload.skippedKeys
        let all = (0..<self.scenario.workload.keys).filter { !skipped.contains($0) }
        let keys = self.scenario.workload.keys
        self.reduce(all) { scenario, kept in
            var smaller = scenario
            smaller.workload.skippedKeys = (0..<keys).filter { !kept.contains($0) }
            return smaller
        }
    }

    private mutating func shrinkRegions() {
        var region = self.scenario.plan.regions.count - 1
        while region >= 0, self.scenario.plan.regions.count > 1 {
            if let smaller = self.scenario.without(region: region) { _ = self.keeps(smaller) }
            region -= 1
        }
    }

    /// Plainer settings, one by one.
    private mutating func simplify() {
        self.reduce(self.scenario.workload.table.indexes) { scenario, indexes in
            var smaller = scenario
            smaller.workload.table.indexes = indexes
            return smaller
        }
        let changes: [(inout Scenario) -> Void] = [
            { $0.plan.turnMax = 0 },
            { $0.plan.streams = .values },
            { $0.plan.clockGrain = 1 },
            { scenario in
                for node in scenario.plan.clocks.indices {
                    scenario.plan.clocks[node] = .init()
                }
            },
            { $0.workload.wayMax = 0 },
            { $0.workload.padding = 0 },
            { $0.workload.attemptsMax = 1 },
            { $0.workload.table.timeToLive = nil },
            { $0.workload.table.hasSortKey = $0.workload.table.hasLocals },
            { $0.losesPower = $0.faults.contains { $0.fault.kind == .power } },
        ]
        for change in changes {
            var plainer = self.scenario
            change(&plainer)
            if plainer != self.scenario { _ = self.keeps(plainer) }
        }
    }
}

extension Scenario {
    /// The scenario with one region less; nil when its clients are all there.
    func without(region: Int) -> Scenario? {
        var smaller = self
        let nodes = self.plan.regionOfNode
        smaller.plan.regions.remove(at: region)
        smaller.plan.links.remove(at: region)
        for row in smaller.plan.links.indices { smaller.plan.links[row].remove(at: region) }
        smaller.plan.clocks = self.plan.clocks.indices.filter { nodes[$0] != region }.map {
            self.plan.clocks[$0]
        }
        smaller.workload.regions = self.workload.regions.filter { $0 != region }.map {
            $0 > region ? $0 - 1 : $0
        }
        guard !smaller.workload.regions.isEmpty else { return nil }
        var places: [Int?] = []
        var next = 0
        for node in nodes.indices {
            places.append(nodes[node] == region ? nil : next)
            if nodes[node] != region { next += 1 }
        }
        smaller.faults = self.faults.compactMap { planned in
            let fault = planned.fault.mapped(
                node: { places[$0] },
                region: { $0 == region ? nil : $0 > region ? $0 - 1 : $0 }
            )
            return fault.map { PlannedFault(at: planned.at, lasts: planned.lasts, $0) }
        }
        return smaller
    }
}

extension Fault {
    /// The same in a cluster whose nodes and regions have other numbers; nil when it is gone.
    func mapped(node: (Int) -> Int?, region: (Int) -> Int?) -> Fault? {
        func nodes(_ from: Int, _ to: Int) -> (Int, Int)? {
            guard let from = node(from), let to = node(to) else { return nil }
            return (from, to)
        }
        func regions(_ from: Int, _ to: Int) -> (Int, Int)? {
            guard let from = region(from), let to = region(to) else { return nil }
            return (from, to)
        }
        switch self {
        case .crash(let one): return node(one).map { .crash(node: $0) }
        case .powerLoss(let one): return node(one).map { .powerLoss(node: $0) }
        case .pause(let one): return node(one).map { .pause(node: $0) }
        case .diskLoss(let one): return node(one).map { .diskLoss(node: $0) }
        case .fullDisk(let one): return node(one).map { .fullDisk(node: $0) }
        case .brokenDisk(let one): return node(one).map { .brokenDisk(node: $0) }
        case .slowDisk(let one, let time): return node(one).map { .slowDisk(node: $0, time) }
        case .clock(let one, let setting): return node(one).map { .clock(node: $0, setting) }
        case .clockStep(let one, let by): return node(one).map { .clockStep(node: $0, by: by) }
        case .bitRot(let one, let space, let place):
            return node(one).map { .bitRot(node: $0, space: space, place: place) }
        case .isolate(let one, let inbound, let outbound):
            return node(one).map { .isolate(node: $0, inbound: inbound, outbound: outbound) }
        case .regionCrash(let one): return region(one).map { .regionCrash(region: $0) }
        case .regionIsolate(let one): return region(one).map { .regionIsolate(region: $0) }
        case .rejoin(let one): return region(one).map { .rejoin(region: $0) }
        case .cut(let from, let to): return nodes(from, to).map { .cut(from: $0.0, to: $0.1) }
        case .stall(let from, let to): return nodes(from, to).map { .stall(from: $0.0, to: $0.1) }
        case .reset(let from, let to): return nodes(from, to).map { .reset(from: $0.0, to: $0.1) }
        case .regionCut(let from, let to):
            return regions(from, to).map { .regionCut(from: $0.0, to: $0.1) }
        case .regionReset(let from, let to):
            return regions(from, to).map { .regionReset(from: $0.0, to: $0.1) }
        case .pauseReplication(let from, let to):
            return regions(from, to).map { .pauseReplication(from: $0.0, to: $0.1) }
        case .link(let from, let to, let link):
            return regions(from, to).map { .link(from: $0.0, to: $0.1, link) }
        }
    }
}
