package import Primitives

/// Draws a scenario from a seed: topology, links, clocks, disks, workload and what breaks.
///
/// Swarm testing (Groce et al., ISSTA 2012): each seed leaves out most of what could happen, so
/// that rare combinations of the rest come up.
package struct Swarm: Sendable {
    /// What is given and not drawn.
    package struct Given: Sendable {
        /// Nil: drawn.
        package var plan: ClusterPlan?
        package var rate: UInt64?
        /// Of a hundred operations so many are reads, half of them strong.
        package var readPercent: UInt64?
        package var duration: Nanoseconds = .seconds(60)
        package var faults = Faults.swarm
        package var tables = Tables.swarm

        package init() {}
    }

    /// What the table has beside its items.
    package enum Tables: String, CaseIterable, Sendable {
        /// Nothing.
        case plain
        /// Indexes in some seeds, a time to live in some.
        case swarm
        /// Both in every seed.
        case full
    }

    /// Which faults there are.
    package enum Faults: Equatable, Sendable {
        case none
        /// Each kind, but for those that have to be asked for, in some seeds.
        case swarm
        /// Exactly these, in every seed.
        case kinds([FaultKind])
    }

    var random: SplitMix64

    package static func scenario(seed: UInt64, _ given: Given) -> Scenario {
        var swarm = Swarm(random: SplitMix64(seed: seed ^ 0x5EED_0F57_A7E5))
        return swarm.draw(seed, given)
    }

    private mutating func draw(_ seed: UInt64, _ given: Given) -> Scenario {
        // Every concern draws from a generator of its own.
        var plans = Swarm(random: SplitMix64(seed: self.random.next()))
        var loads = Swarm(random: SplitMix64(seed: self.random.next()))
        var faults = Swarm(random: SplitMix64(seed: self.random.next()))
        let plan = given.plan ?? plans.plan(isCalm: given.faults == .none)
        var scenario = Scenario(
            seed: seed,
            plan: plan,
            workload: loads.workload(plan, given),
            duration: given.duration
        )
        if loads.random.chance(1, outOf: 2) {
            scenario.logRetained = 20 + loads.random.below(400)
        }
        var kinds = faults.kinds(given.faults)
        // Where every turn is synced, power may go: nothing that was promised goes with it.
        if plan.durability == .disk, given.faults == .swarm, faults.random.chance(1, outOf: 2) {
            kinds.append(.power)
        }
        scenario.losesPower = kinds.contains(.power)
        scenario.faults = faults.faults(kinds, scenario)
        // The last to be drawn, so that seeds whose table stays plain are as without it.
        var tables = Swarm(random: SplitMix64(seed: self.random.next()))
        scenario.workload.table = tables.table(given.tables, given.duration)
        return scenario
    }

    // MARK: Chance

    mutating func one<Element>(of choices: [Element]) -> Element {
        choices[Int(self.random.below(UInt64(choices.count)))]
    }

    private mutating func span(_ low: Nanoseconds, _ high: Nanoseconds) -> Nanoseconds {
        low + self.random.below(high - low + 1)
    }

    /// Between two spans, short ones as often as long ones.
    mutating func spread(_ low: Nanoseconds, _ high: Nanoseconds) -> Nanoseconds {
        var doublings: UInt64 = 0
        while low << (doublings + 1) <= high { doublings += 1 }
        let base = low << self.random.below(doublings + 1)
        return min(high, base + self.random.below(base))
    }

    private mutating func signed(_ limit: UInt64) -> Int64 {
        Int64(self.random.below(2 * limit + 1)) - Int64(limit)
    }

    // MARK: Cluster

    private mutating func plan(isCalm: Bool) -> ClusterPlan {
        let regions = self.one(of: [1, 2, 2, 2, 3, 3, 3, 4])
        let nodes = self.one(of: [3, 3, 3, 3, 4, 5])
        var plan = ClusterPlan(
            name: "drawn",
            regions: Array(ClusterPlan.regionNames.prefix(regions)),
            nodesPerRegion: nodes
        )
        plan.partitionsPerTable = self.one(of: [1, 2, 2, 4])
        plan.isHybrid = !self.random.chance(1, outOf: 8)
        plan.durability = self.one(of: ClusterPlan.Durability.allCases)
        plan.streams = self.random.chance(1, outOf: 4) ? .bytes : .values
        if self.random.chance(3, outOf: 5) { plan.turnMax = self.spread(2_000, 500_000) }
        if plan.durability == .disk { plan.syncTime = self.spread(20_000, 4_000_000) }
        for from in 0..<regions {
            for to in 0..<regions { plan.links[from][to] = self.link(from == to, plan.streams) }
        }
        self.drawClocks(&plan)
        return plan
    }

    private mutating func link(_ isNear: Bool, _ streams: ClusterPlan.Streams) -> LinkSettings {
        var link = LinkSettings()
        link.latency = isNear ? self.spread(50_000, 2_000_000) : self.spread(2_000_000, 150_000_000)
        if self.random.chance(1, outOf: 2) {
            link.jitter = self.random.below(link.latency / 2 + 1)
        }
        if !isNear, self.random.chance(1, outOf: 4) {
            link.lossPerMillion = UInt32(self.random.below(5_000))
        }
        if !isNear, streams == .bytes, self.random.chance(1, outOf: 3) {
            link.bandwidth = self.spread(200_000, 20_000_000)
        }
        return link
    }

    private mutating func drawClocks(_ plan: inout ClusterPlan) {
        if self.random.chance(1, outOf: 4) {
            plan.clockGrain = self.one(of: [1_000_000, 10_000_000])
        }
        guard self.random.chance(1, outOf: 2) else { return }
        let offsetMax = self.spread(100_000, 2_000_000_000)
        let driftMax = self.spread(1, 500)
        for node in plan.clocks.indices {
            plan.clocks[node].offset = self.signed(offsetMax)
            plan.clocks[node].drift = Int32(self.signed(driftMax))
        }
    }

    // MARK: Workload

    private mutating func workload(_ plan: ClusterPlan, _ given: Given) -> WorkloadPlan {
        var regions = Array(plan.regions.indices)
        if regions.count > 1, self.random.chance(1, outOf: 3) {
            regions = [self.one(of: regions)]
        } else if regions.count > 2, self.random.chance(1, outOf: 2) {
            regions.remove(at: Int(self.random.below(UInt64(regions.count))))
        }
        var load = WorkloadPlan(regions: regions)
        let rate = self.spread(20, 400)
        load.rate = given.rate ?? rate
        load.keys = Int(self.spread(3, 120))
        load.hotPercent = self.one(of: [0, 30, 60, 90])
        load.hasHomes = self.random.chance(1, outOf: 2)
        load.clientsPerRegion = Int(self.spread(4, 32))
        load.attemptsMax = self.one(of: [1, 1, 3])
        load.timeout = self.spread(300_000_000, 10_000_000_000)
        load.wayMax = self.spread(10_000, 4_000_000)
        load.padding = self.random.chance(1, outOf: 4) ? Int(self.spread(100, 4_000)) : 0
        load.mix.put = self.random.below(40)
        load.mix.update = self.random.below(30)
        load.mix.conditionalPut = self.random.below(40)
        load.mix.delete = self.random.below(20)
        load.mix.strongGet = 5 + self.random.below(40)
        load.mix.eventualGet = self.random.below(40)
        if let percent = given.readPercent {
            let writes = 100 - percent
            load.mix.put = writes * 2
            load.mix.update = writes
            load.mix.conditionalPut = writes / 2
            load.mix.delete = writes - writes / 2
            load.mix.strongGet = percent * 2
            load.mix.eventualGet = percent * 2
        }
        if given.rate != nil {
            // What is asked for is to be asked: no client waits for its turn.
            load.clientsPerRegion = max(load.clientsPerRegion, Int(min(4_000, load.rate)))
        }
        return load
    }

    // MARK: Faults

    private mutating func kinds(_ faults: Faults) -> [FaultKind] {
        switch faults {
        case .none: return []
        case .kinds(let kinds): return kinds
        case .swarm:
            let isCalm = self.random.chance(1, outOf: 16)
            return FaultKind.allCases.filter { kind in
                let isDrawn = self.random.chance(2, outOf: 5)
                return isDrawn && !isCalm && kind != .power
            }
        }
    }

    private mutating func faults(_ kinds: [FaultKind], _ scenario: Scenario) -> [PlannedFault] {
        guard !kinds.isEmpty else { return [] }
        let gap = self.spread(300_000_000, 15_000_000_000)
        let longest = self.spread(1_000_000_000, 20_000_000_000)
        var planned: [PlannedFault] = []
        var at = self.random.below(gap)
        while at < scenario.duration, planned.count < 2_000 {
            let lasts = self.spread(20_000_000, longest)
            if let fault = self.fault(self.one(of: kinds), scenario) {
                planned.append(PlannedFault(at: at, lasts: fault.isInstant ? 0 : lasts, fault))
            }
            at += 1 + self.random.below(2 * gap)
        }
        return planned
    }

    private mutating func node(_ plan: ClusterPlan) -> Int {
        Int(self.random.below(UInt64(plan.nodeCount)))
    }

    private mutating func pair(_ plan: ClusterPlan) -> (Int, Int) {
        let from = self.node(plan)
        let mates = plan.regionOfNode.indices.filter {
            $0 != from && plan.regionOfNode[$0] == plan.regionOfNode[from]
        }
        // Mostly inside a region.
        if !mates.isEmpty, self.random.chance(3, outOf: 4) { return (from, self.one(of: mates)) }
        let to = self.node(plan)
        return (from, to == from ? (from + 1) % plan.nodeCount : to)
    }

    private mutating func regionPair(_ plan: ClusterPlan) -> (Int, Int)? {
        guard plan.regions.count > 1 else { return nil }
        let from = Int(self.random.below(UInt64(plan.regions.count)))
        let step = 1 + Int(self.random.below(UInt64(plan.regions.count - 1)))
        return (from, (from + step) % plan.regions.count)
    }

    /// One fault of a kind; nil where the cluster has nothing that could break like that.
    private mutating func fault(_ kind: FaultKind, _ scenario: Scenario) -> Fault? {
        let plan = scenario.plan
        switch kind {
        case .crash: return .crash(node: self.node(plan))
        case .power: return .powerLoss(node: self.node(plan))
        case .pause: return .pause(node: self.node(plan))
        case .diskLoss: return .diskLoss(node: self.node(plan))
        case .region:
            return .regionCrash(region: Int(self.random.below(UInt64(plan.regions.count))))
        case .partition:
            let node = self.node(plan)
            switch self.random.below(4) {
            case 0: return .isolate(node: node, inbound: true, outbound: true)
            case 1: return .isolate(node: node, inbound: true, outbound: false)
            case 2: return .isolate(node: node, inbound: false, outbound: true)
            default:
                let (from, to) = self.pair(plan)
                return .cut(from: from, to: to)
            }
        case .regionCut:
            guard let (from, to) = self.regionPair(plan) else { return nil }
            return self.random.chance(1, outOf: 3)
                ? .regionIsolate(region: from) : .regionCut(from: from, to: to)
        case .stall:
            let (from, to) = self.pair(plan)
            return .stall(from: from, to: to)
        case .reset:
            let (from, to) = self.pair(plan)
            guard let (one, other) = self.regionPair(plan), self.random.chance(1, outOf: 2) else {
                return .reset(from: from, to: to)
            }
            return .regionReset(from: one, to: other)
        case .slow, .clock, .slowDisk, .fullDisk, .bitRot, .replication, .rejoin:
            return self.otherFault(kind, scenario)
        }
    }

    private mutating func otherFault(_ kind: FaultKind, _ scenario: Scenario) -> Fault? {
        let plan = scenario.plan
        let node = self.node(plan)
        switch kind {
        case .slow: return self.slowLink(plan)
        case .clock:
            if self.random.chance(1, outOf: 2) {
                let limit = self.spread(1_000_000, 5_000_000_000)
                return .clockStep(node: node, by: self.signed(limit))
            }
            var setting = ClusterPlan.ClockSetting()
            setting.offset = self.signed(self.spread(1_000_000, 5_000_000_000))
            setting.drift = Int32(self.signed(2_000))
            return .clock(node: node, setting)
        case .slowDisk: return .slowDisk(node: node, self.spread(1_000_000, 500_000_000))
        case .fullDisk:
            return self.random.chance(1, outOf: 2) ? .fullDisk(node: node) : .brokenDisk(node: node)
        case .bitRot:
            let space = self.one(of: [UInt8(1), 2, 3, 3])
            return .bitRot(node: node, space: space, place: self.random.below(40))
        case .replication:
            return self.regionPair(plan).map { .pauseReplication(from: $0.0, to: $0.1) }
        case .rejoin:
            // Only where nobody writes: what a region has not passed on leaves with it.
            let idle = plan.regions.indices.filter { !scenario.workload.regions.contains($0) }
            return idle.isEmpty ? nil : .rejoin(region: self.one(of: idle))
        case .crash, .power, .pause, .diskLoss, .region, .partition, .regionCut, .stall, .reset:
            return nil
        }
    }

    private mutating func slowLink(_ plan: ClusterPlan) -> Fault {
        let region = Int(self.random.below(UInt64(plan.regions.count)))
        let (from, to) = self.regionPair(plan) ?? (region, region)
        let isNear = self.random.chance(1, outOf: 3) || from == to
        var settings = LinkSettings()
        settings.latency =
            isNear ? self.spread(500_000, 300_000_000) : self.spread(10_000_000, 2_000_000_000)
        settings.jitter = self.random.below(settings.latency + 1)
        settings.lossPerMillion = UInt32(self.random.below(self.one(of: [1, 1_000, 50_000])))
        if plan.streams == .bytes, self.random.chance(1, outOf: 3) {
            settings.bandwidth = self.spread(20_000, 2_000_000)
        }
        return isNear ? .link(from: from, to: from, settings) : .link(from: from, to: to, settings)
    }
}

extension Fault {
    /// Over as soon as it has begun.
    var isInstant: Bool {
        switch self {
        case .reset, .regionReset, .bitRot: true
        case .crash, .powerLoss, .pause, .diskLoss, .regionCrash, .cut, .isolate, .regionCut,
            .regionIsolate, .stall, .link, .clock, .clockStep, .slowDisk, .fullDisk, .brokenDisk,
            .pauseReplication, .rejoin:
            false
        }
    }
}
