import DataModel
import Primitives
import Replication
import Tables
import Testing

/// Three regions of one table that exchange batches in any order, with duplicates and losses.
private struct Sea {
    /// What really happened, told by no vector.
    struct Write {
        var key: ItemKey
        var stamp: Stamp
        /// The stamps of all versions in the write's past.
        var past: Set<Stamp>
        var image: Item?
    }

    var random: SplitMix64
    var rigs: [Rig]
    var writes: [Stamp: Write] = [:]
    /// Acknowledged writes that lost to a version they had seen, by their value.
    var lostCount = 0
    /// How far each pair's receiver has acknowledged.
    var cursors: [[ReplicationCursor]]
    /// Batches on their way.
    var flying: [(to: Int, cursor: ReplicationCursor, batch: ChangeBatch)] = []

    init(seed: UInt64, mode: HybridClock.Mode) {
        self.random = SplitMix64(seed: seed)
        self.rigs = (0..<3).map { Rig(region: UInt8($0), id: UInt64(10 + $0), mode: mode) }
        self.cursors = .init(repeating: .init(repeating: ReplicationCursor(), count: 3), count: 3)
        // Clocks differ by far more than anything takes.
        for region in 0..<3 { self.rigs[region].wall += self.random.below(100) * 1_000 }
    }

    mutating func write() throws {
        let region = Int(self.random.below(3))
        self.rigs[region].wall += self.random.below(50)
        let (name, sort) = ("k\(self.random.below(2))", Int(self.random.below(2)))
        let key = Rig.key(name, sort)
        let before = self.latest(key, region)
        let value = Int(self.random.below(1_000))
        let isDelete = self.random.chance(1, outOf: 3)
        let request = isDelete ? Rig.delete(name, sort) : Rig.put(name, sort, value)
        switch try self.rigs[region].evaluate(request) {
        case .proposal(_, let outcome):
            guard let stamp = outcome.stamp, !outcome.isLost else {
                #expect(outcome.stamp != nil)
                self.lostCount += 1
                return
            }
            let past = before.map { self.writes[$0]!.past.union([$0]) } ?? []
            self.writes[stamp] = Write(key: key, stamp: stamp, past: past, image: outcome.new)
            self.held[region][key] = stamp
        case .unchanged: break
        case .conditionFailed: Issue.record("no condition was given")
        }
    }

    /// Each region's version of a key, as last-writer-wins by the book has it.
    var held: [[ItemKey: Stamp]] = .init(repeating: [:], count: 3)

    func latest(_ key: ItemKey, _ region: Int) -> Stamp? { self.held[region][key] }

    mutating func ship() throws {
        let (from, to) = (Int(self.random.below(3)), Int(self.random.below(3)))
        guard from != to else { return }
        // Ships from any point that was acknowledged, so batches overlap.
        let bytesMax = self.random.chance(1, outOf: 2) ? Int.max : 300
        let collector = try self.rigs[from].collect(
            after: self.cursors[from][to],
            bytesMax: bytesMax
        )
        guard
            let batch = collector.batch(
                source: RegionID(UInt8(from)),
                epoch: self.rigs[from].partition.id
            )
        else { return }
        for _ in 0..<self.random.below(3) { self.flying.append((to, collector.cursor, batch)) }
        // Read ahead as if it had been acknowledged: the next batch may leave a gap.
        if self.random.chance(1, outOf: 3) { self.cursors[from][to] = collector.cursor }
    }

    mutating func land() throws {
        guard !self.flying.isEmpty else { return }
        let place = Int(self.random.below(UInt64(self.flying.count)))
        let (to, cursor, batch) = self.flying.remove(at: place)
        try self.deliver(batch, to, cursor)
    }

    mutating func deliver(_ batch: ChangeBatch, _ to: Int, _ cursor: ReplicationCursor) throws {
        let from = Int(batch.source.rank)
        switch try self.rigs[to].receive(batch) {
        case .proposal(_, let counts):
            #expect(counts.won + counts.superseded + counts.conflicts >= batch.changes.count)
            for change in batch.changes {
                let key = ItemKey(trusted: change.key)
                let mine = self.held[to][key] ?? .zero
                if change.version.stamp > mine { self.held[to][key] = change.version.stamp }
            }
            self.cursors[from][to] = cursor
        case .duplicate: break
        case .gap: self.cursors[from][to] = ReplicationCursor()
        case .malformed: Issue.record("a batch of a region was malformed")
        }
    }

    mutating func turn() throws {
        let region = Int(self.random.below(3))
        try self.rigs[region].apply(max: Int(self.random.below(4)))
        if self.random.chance(1, outOf: 2) { try self.rigs[region].commitTurn() }
        if self.random.chance(1, outOf: 20) {
            // The whole log is committed, so nothing that was decided is lost.
            try self.rigs[region].restart()
        }
    }

    /// Everything arrives.
    mutating func calm() throws {
        while !self.flying.isEmpty { try self.land() }
        for region in 0..<3 { try self.rigs[region].settle() }
        for from in 0..<3 {
            for to in 0..<3 where to != from {
                let collector = try self.rigs[from].collect(after: ReplicationCursor())
                let source = RegionID(UInt8(from))
                if let batch = collector.batch(source: source, epoch: self.rigs[from].partition.id)
                {
                    try self.deliver(batch, to, collector.cursor)
                }
            }
        }
        for region in 0..<3 { try self.rigs[region].settle() }
    }

    /// Whether a write lies in another's past; a region's later write stands for its earlier ones.
    func isSeen(_ stamp: Stamp, by other: Stamp) -> Bool {
        let past = self.writes[other]!.past.union([other])
        return past.contains { $0.region == stamp.region && $0.time >= stamp.time }
    }
}

@Suite("Last writer wins in three regions")
struct ConvergenceTests {
    @Test(
        "all orders of arrival converge to the greatest stamp, deletes included",
        arguments: 1...60,
        [HybridClock.Mode.hybrid, .wall]
    )
    func converges(seed: UInt64, mode: HybridClock.Mode) throws {
        var sea = Sea(seed: seed, mode: mode)
        for _ in 0..<250 {
            switch sea.random.below(6) {
            case 0, 1: try sea.write()
            case 2: try sea.ship()
            case 3: try sea.land()
            default: try sea.turn()
            }
        }
        try sea.calm()
        let first = try sea.rigs[0].records()
        for rig in sea.rigs {
            #expect(try rig.records() == first, "seed \(seed)")
            #expect(rig.partition.digest == sea.rigs[0].partition.digest, "seed \(seed)")
            #expect(try rig.partition.violations(rig.store) == [], "seed \(seed)")
        }
        for key in Set(sea.writes.values.map(\.key)) {
            let winner = try #require(
                sea.writes.values.filter { $0.key == key }.max { $0.stamp < $1.stamp }
            )
            #expect(first[key]?.stamp == winner.stamp && first[key]?.item == winner.image)
        }
        try self.checkLedger(sea, mode, seed)
    }

    private func checkLedger(_ sea: Sea, _ mode: HybridClock.Mode, _ seed: UInt64) throws {
        var losers: Set<Stamp> = []
        var inversions = 0
        for rig in sea.rigs {
            for record in try rig.conflicts() {
                #expect(record.loser < record.winner && record.decidedBy == rig.partition.region)
                guard record.relation == .concurrent else {
                    inversions += 1
                    continue
                }
                losers.insert(record.loser)
                #expect(!sea.isSeen(record.loser, by: record.winner), "seed \(seed)")
                #expect(!sea.isSeen(record.winner, by: record.loser), "seed \(seed)")
                #expect(record.key == sea.writes[record.loser]?.key.bytes)
                let image = sea.writes[record.loser]?.image?.bytes
                #expect(record.loserImage == ConflictRecord.kept(image))
            }
        }
        #expect(inversions == sea.lostCount, "seed \(seed)")
        if mode == .hybrid { #expect(inversions == 0) }
        // Whoever was seen by nobody lost for good, except the winner.
        for write in sea.writes.values {
            let rivals = sea.writes.values.filter { $0.key == write.key && $0.stamp != write.stamp }
            let isSeen = rivals.contains { sea.isSeen(write.stamp, by: $0.stamp) }
            let isWinner = rivals.allSatisfy { $0.stamp < write.stamp }
            if !isSeen, !isWinner { #expect(losers.contains(write.stamp), "seed \(seed)") }
        }
    }

    @Test(
        "a batch that arrives in any permutation with the others leaves the same",
        arguments: 1...20
    )
    func permutations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var sources = (0..<3).map { Rig(region: UInt8($0), id: UInt64(20 + $0)) }
        for region in 0..<3 {
            sources[region].wall += random.below(1_000)
            for _ in 0..<6 {
                let sort = Int(random.below(2))
                let isDelete = random.chance(1, outOf: 3)
                try sources[region].run(
                    isDelete ? Rig.delete("a", sort) : Rig.put("a", sort, Int(random.below(100)))
                )
                sources[region].wall += random.below(500)
            }
        }
        let batches = try sources.compactMap { try $0.batch(after: ReplicationCursor()) }
        var expected: [ItemKey: ItemRecord]?
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            var target = Rig(region: 9, id: 99)
            for index in order where index < batches.count {
                _ = try target.receive(batches[index])
            }
            try target.settle()
            let records = try target.records()
            #expect(records == expected ?? records, "seed \(seed)")
            expected = records
        }
    }
}
