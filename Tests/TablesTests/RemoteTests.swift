import DataModel
import Primitives
import Replication
import Tables
import Testing

@Suite("Other regions' batches")
struct RemoteTests {
    static let start = ReplicationCursor()

    /// A source with three changes of two keys.
    static func source() throws -> Rig {
        var rig = Rig(region: 1, id: 50)
        for (sort, value) in [(1, 1), (2, 2), (1, 3)] {
            rig.now = rig.now + 1_000
            _ = try rig.run(Rig.put("a", sort, value))
        }
        return rig
    }

    @Test("several changes of a key become the last, and the extent counts all")
    func coalescing() throws {
        let batch = try #require(try Self.source().batch(after: Self.start))
        #expect(batch.extent == .following(previous: 0, upTo: 3))
        #expect(batch.changes.map(\.ordinal) == [2, 3])
        #expect(batch.epoch == 50 && batch.source == RegionID(1))
    }

    @Test("a batch is cut at its limit and continues behind it; other entries are passed")
    func cutting() throws {
        var rig = try Self.source()
        let cursor = ReplicationCursor(index: 3, totals: rig.partition.totals)
        rig.append(rig.partition.proposal(moving: RegionID(0), to: cursor))
        try rig.settle()
        let first = try rig.collect(after: Self.start, bytesMax: 1)
        #expect(first.cursor.index == 1 && first.cursor.totals.changes == 1)
        let rest = try rig.collect(after: first.cursor)
        #expect(rest.cursor.index == 4 && rest.cursor.totals == rig.partition.totals)
        #expect(
            try rig.batch(after: ReplicationCursor(index: 3, totals: rig.partition.totals)) == nil
        )
        #expect(rig.partition.cursor(to: RegionID(0)) == cursor)
        try rig.restart()
        #expect(rig.partition.cursor(to: RegionID(0)) == cursor)
    }

    @Test("what came in is a duplicate, what is missing a gap, and only applied changes count")
    func order() throws {
        let source = try Self.source()
        var target = Rig(region: 0, id: 60)
        let first = try source.collect(after: Self.start, bytesMax: 1)
        let second = try #require(try source.batch(after: first.cursor))
        let whole = try #require(try source.batch(after: Self.start))
        #expect(try target.receive(second) == .gap(have: 0))
        _ = try target.receive(whole)
        #expect(try target.receive(whole) == .duplicate(have: 0), "proposed, and may be lost")
        target.partition.resignedLeadership()
        target.log = []
        target.partition.becameLeader()
        guard case .proposal = try target.receive(whole) else {
            Issue.record("the batch was lost with its leader and must be decided again")
            return
        }
        let applied = try target.apply()
        #expect(applied.last?.inbound?.ordinal == 3)
        #expect(applied.last?.inbound?.committedAt.map(\.nanoseconds) == [2_001, 3_001])
        #expect(try target.receive(second) == .duplicate(have: 3))
        try target.commitTurn()
        try target.restart()
        #expect(try target.receive(second) == .duplicate(have: 3))
        #expect(target.partition.totals.changes == 0, "not this region's changes")
    }

    @Test("what one command cannot hold is cut, and goes on where it was cut")
    func cut() throws {
        var source = Rig(region: 1, id: 50)
        let padding = [UInt8](repeating: 0x78, count: 300_000)
        for sort in 0..<30 {
            var item = Rig.item("a", sort, sort).unpacked()
            item[Array("pad".utf8)] = .string(padding)
            let write = WriteRequest(key: Rig.key("a", sort), action: .put(Item(item)))
            _ = try source.evaluate(write)
        }
        try source.settle()
        let whole = try #require(try source.batch(after: Self.start))
        var target = Rig(region: 0, id: 60)
        var cuts: [UInt64] = []
        while true {
            let decided = try target.receive(whole)
            guard case .proposal(let proposal, let counts) = decided else { break }
            #expect(proposal.payload.count < 8 << 20)
            try target.settle()
            guard let cut = counts.cutAt else { break }
            cuts.append(cut)
        }
        #expect(!cuts.isEmpty && cuts == cuts.sorted())
        #expect(try target.receive(whole) == .duplicate(have: 30))
        #expect(try target.records() == (try source.records()))
    }

    @Test("a batch decided again changes nothing, and says so")
    func again() throws {
        var whole = try #require(try Self.source().batch(after: Self.start))
        var target = Rig(region: 0, id: 60)
        _ = try target.receive(whole)
        try target.settle()
        let before = try target.records()
        whole.extent = .backfill
        guard case .proposal(_, let counts) = try target.receive(whole) else {
            Issue.record("a backfill is always decided")
            return
        }
        #expect(counts.won == 0 && counts.superseded == 2 && counts.conflicts == 0)
        try target.settle()
        #expect(try target.records() == before)
    }

    @Test("a batch of another table, range or region is refused whole")
    func malformed() throws {
        let whole = try #require(try Self.source().batch(after: Self.start))
        var target = Rig(region: 0, id: 60)
        var wrongItem = whole
        wrongItem.changes[0].image = Rig.item("b", 2, 2).bytes
        #expect(try target.receive(wrongItem) == .malformed)
        var noItem = whole
        noItem.changes[0].image = [9, 9, 9]
        #expect(try target.receive(noItem) == .malformed)
        var wrongKey = whole
        wrongKey.changes[1].key[9] ^= 1
        #expect(try target.receive(wrongKey) == .malformed)
        var wrongRegion = whole
        wrongRegion.source = RegionID(2)
        #expect(try target.receive(wrongRegion) == .malformed)
        let token = Rig.key("a", 1).token
        var elsewhere = Rig(region: 0, id: 61, range: (token + 1)...Token.max)
        #expect(try elsewhere.receive(whole) == .malformed)
        #expect(target.log.isEmpty && elsewhere.log.isEmpty)
    }

    @Test("an older put that arrives after a newer delete does not bring the item back")
    func noResurrection() throws {
        let source = try Self.source()
        let whole = try #require(try source.batch(after: Self.start))
        var target = Rig(region: 0, id: 60)
        // Newer by the clock, and concurrent.
        target.wall = source.wall + 1_000
        try target.run(Rig.put("a", 1, 9))
        try target.run(Rig.delete("a", 1))
        _ = try target.receive(whole)
        try target.settle()
        #expect(try target.partition.get(Rig.key("a", 1), target.store) == nil)
        #expect(target.partition.tombstoneCount == 1 && target.partition.itemCount == 1)
        let conflict = try #require(try target.conflicts().first)
        #expect(conflict.loser == source.clockStamp(of: Rig.key("a", 1)))
        #expect(conflict.relation == .concurrent && conflict.table == "music")
    }

    @Test("wall stamps: a newer local write with a slow clock is acknowledged and lost")
    func skewInversion() throws {
        var source = Rig(region: 1, id: 50, mode: .wall)
        source.wall = 9_000_000
        try source.run(Rig.put("a", 1, 1))
        var target = Rig(region: 0, id: 60, mode: .wall)
        _ = try target.receive(try #require(try source.batch(after: Self.start)))
        try target.settle()
        let lost = try target.run(Rig.put("a", 1, 2))
        #expect(lost.outcome?.isLost == true && lost.outcome?.new == Rig.item("a", 1, 2))
        #expect(try target.partition.get(Rig.key("a", 1), target.store) == Rig.item("a", 1, 1))
        #expect(target.partition.totals.changes == 0, "nothing to tell other regions")
        #expect(target.partition.ledger.skewInversions == 1)
        #expect(try target.conflicts().map(\.relation) == [.skewInversion])
        var hybrid = Rig(region: 0, id: 61)
        _ = try hybrid.receive(try #require(try source.batch(after: Self.start)))
        try hybrid.settle()
        #expect(try hybrid.run(Rig.put("a", 1, 2)).outcome?.isLost == false)
        #expect(hybrid.partition.ledger == LedgerCounts())
    }

    @Test("a backfill in chunks while writes go on leaves the joiner equal", arguments: 1...20)
    func backfill(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var source = Rig(region: 1, id: 50)
        for _ in 0..<60 { try source.run(Rig.put("a", Int(random.below(40)), 1)) }
        var target = Rig(region: 0, id: 60)
        let begin = ReplicationCursor(
            index: source.partition.appliedIndex,
            totals: source.partition.totals
        )
        var after: ItemKey?
        repeat {
            let chunk = try source.partition.backfillChunk(
                after: after,
                bytesMax: 1 + Int(random.below(500)),
                onlyFrom: nil,
                source.store
            )
            after = chunk.next
            let extent: ChangeBatch.Extent =
                after == nil ? .backfilled(upTo: begin.totals.changes) : .backfill
            let batch = ChangeBatch(
                source: RegionID(1),
                epoch: 50,
                extent: extent,
                changes: chunk.changes
            )
            _ = try target.receive(batch)
            if random.chance(1, outOf: 4) { _ = try target.receive(batch) }
            try source.run(
                random.chance(1, outOf: 2)
                    ? Rig.delete("a", Int(random.below(40)))
                    : Rig.put("a", Int(random.below(40)), Int(random.below(100)))
            )
            if random.chance(1, outOf: 2) { try target.settle() }
        } while after != nil
        _ = try target.receive(try #require(try source.batch(after: begin)))
        try target.settle()
        #expect(target.partition.digest == source.partition.digest, "seed \(seed)")
        #expect(try target.partition.violations(target.store) == [])
        #expect(target.partition.ledger == LedgerCounts())
    }

    @Test("a backfill of one origin leaves the others' versions out")
    func backfillOrigin() throws {
        let source = try Self.source()
        var target = Rig(region: 0, id: 60)
        try target.run(Rig.put("b", 1, 1))
        _ = try target.receive(try #require(try source.batch(after: Self.start)))
        try target.settle()
        let own = try target.partition.backfillChunk(
            after: nil,
            bytesMax: .max,
            onlyFrom: RegionID(0),
            target.store
        )
        #expect(own.changes.map(\.key) == [Rig.key("b", 1).bytes] && own.next == nil)
    }

    @Test("old tombstones are collected in bounded steps, unless a write is on its way")
    func tombstones() throws {
        var rig = Rig()
        for sort in 0..<10 { try rig.run(Rig.put("a", sort, 1)) }
        for sort in 0..<8 { try rig.run(Rig.delete("a", sort)) }
        let bound = rig.clock.last
        try rig.run(Rig.delete("a", 8))
        _ = try rig.evaluate(Rig.put("a", 3, 7))
        var after: ItemKey?
        var steps = 0
        repeat {
            let (proposal, next) = try rig.partition.tombstonesToCollect(
                before: bound,
                after: after,
                recordsMax: 4,
                rig.store
            )
            if let proposal { rig.append(proposal) }
            after = next
            steps += 1
        } while after != nil
        #expect(steps == 3)
        // Collected, but not visible: a put in between starts afresh.
        _ = try rig.evaluate(Rig.put("a", 0, 5))
        try rig.settle()
        // 7 was the last before the bound, 8 came after it.
        #expect(rig.partition.tombstoneCount == 2 && rig.partition.itemCount == 3)
        #expect(try rig.partition.violations(rig.store) == [])
        #expect(try rig.partition.get(Rig.key("a", 3), rig.store) == Rig.item("a", 3, 7))
        #expect(try rig.partition.get(Rig.key("a", 0), rig.store) == Rig.item("a", 0, 5))
    }

    @Test("the ledger keeps its newest entries, and counts all")
    func ledgerLimit() throws {
        let record = ConflictRecord(
            table: "music",
            key: [],
            winner: Stamp(time: 2, region: RegionID(0)),
            loser: Stamp(time: 1, region: RegionID(1)),
            relation: .skewInversion,
            decidedBy: RegionID(0),
            decidedAt: .zero,
            decidedAtWall: WallTime(nanoseconds: 0),
            loserImage: .deletion
        )
        // Kind 5: a local write that lost.
        var writer = ByteWriter()
        writer.u8(5)
        record.encode(into: &writer)
        var rig = Rig()
        let count = LedgerCounts.keptMax + 10
        for _ in 0..<count { rig.log.append(writer.bytes) }
        try rig.settle()
        #expect(rig.partition.ledger.entries == count)
        #expect(rig.store.count(.ledger) == Int(LedgerCounts.keptMax))
        let newest = try rig.partition.conflicts(after: count - 3, max: 10, rig.store)
        #expect(newest.map(\.number) == [count - 2, count - 1, count])
        #expect(newest.allSatisfy { $0.record == record })
    }
}

extension Rig {
    fileprivate func clockStamp(of key: ItemKey) -> Stamp? {
        (try? self.partition.storedRecord(key, self.store))?.stamp
    }
}
