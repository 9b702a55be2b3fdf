package import Primitives

/// What clients do to the table: how often, to which keys, and with what patience.
package struct WorkloadPlan: Equatable, Sendable {
    /// How often each operation is drawn, in relation to the others.
    package struct Mix: Equatable, Sendable {
        package var put: UInt64 = 25
        package var update: UInt64 = 10
        package var conditionalPut: UInt64 = 10
        package var delete: UInt64 = 5
        package var strongGet: UInt64 = 25
        package var eventualGet: UInt64 = 25

        package init() {}

        package var total: UInt64 {
            self.put + self.update + self.conditionalPut + self.delete + self.strongGet
                + self.eventualGet
        }
    }

    /// Operations per virtual second, over all regions; an open loop.
    package var rate: UInt64 = 100
    package var keys = 40
    /// Of a hundred operations so many go to the first tenth of the keys.
    package var hotPercent: UInt64 = 50
    package var mix = Mix()
    /// Ranks of the regions that have clients; the table is in all regions.
    package var regions: [Int]
    package var clientsPerRegion = 8
    /// Each key is written, and read strongly, in one region only: then it has one order of writes.
    package var hasHomes = false
    /// Attempts of one intention; each attempt is an operation of its own, with its own write.
    package var attemptsMax = 1
    package var timeout: Nanoseconds = .seconds(2)
    /// The most that a request takes from its client to a node.
    package var wayMax: Nanoseconds = .microseconds(500)
    /// Bytes of an item beyond its key and its write's name.
    package var padding = 0
    /// What the table has beside its items.
    package var table = TablePlan()
    /// Nothing is asked any more after so many operations; nil for no such end.
    package var operationsMax: UInt64?
    /// Keys that are not asked for, and operations that are left out, when a failure is shrunk.
    package var skippedKeys: [Int] = []
    package var skippedOperations: [UInt64] = []

    package init(regions: [Int]) { self.regions = regions }
}

/// One operation as it was drawn.
struct DrawnOperation {
    enum Kind { case put, update, conditionalPut, delete, strongGet, eventualGet }

    var kind: Kind
    var region: Int
    var key: Int
    /// For a conditional put: whether it demands that nothing is there.
    var wantsAbsence: Bool
}

/// Draws operations; each takes the same number of draws, so that leaving one out shifts no other.
struct WorkloadSource {
    private let plan: WorkloadPlan
    private var random: SplitMix64
    private(set) var count: UInt64 = 0

    init(_ plan: WorkloadPlan, seed: UInt64) {
        self.plan = plan
        self.random = SplitMix64(seed: seed)
    }

    /// The time to the next operation.
    mutating func pause() -> Nanoseconds {
        let mean = 1_000_000_000 / max(1, self.plan.rate)
        return 1 + self.random.below(2 * mean)
    }

    /// The next operation, or nil for one that is left out.
    mutating func next() -> DrawnOperation? {
        self.count += 1
        var region = self.plan.regions[Int(self.random.below(UInt64(self.plan.regions.count)))]
        let isHot = self.random.chance(self.plan.hotPercent, outOf: 100)
        let place = self.random.next()
        let kind = self.kind(self.random.below(self.plan.mix.total))
        let wantsAbsence = self.random.chance(1, outOf: 3)
        let reach = isHot ? max(1, self.plan.keys / 10) : self.plan.keys
        let key = Int(place % UInt64(reach))
        if self.plan.hasHomes, kind != .eventualGet {
            region = self.plan.regions[key % self.plan.regions.count]
        }
        if self.plan.skippedKeys.contains(key) || self.plan.skippedOperations.contains(self.count) {
            return nil
        }
        return DrawnOperation(kind: kind, region: region, key: key, wantsAbsence: wantsAbsence)
    }

    var isExhausted: Bool { self.plan.operationsMax.map { self.count >= $0 } ?? false }

    /// Drawn at the end of a run: one draw more or less than in another run of the seed shows.
    mutating func unseed() -> UInt64 { self.random.next() }

    private func kind(_ number: UInt64) -> DrawnOperation.Kind {
        let mix = self.plan.mix
        var rest = number
        let weights: [(UInt64, DrawnOperation.Kind)] = [
            (mix.put, .put), (mix.update, .update), (mix.conditionalPut, .conditionalPut),
            (mix.delete, .delete), (mix.strongGet, .strongGet),
        ]
        for (weight, kind) in weights {
            if rest < weight { return kind }
            rest -= weight
        }
        return .eventualGet
    }
}
