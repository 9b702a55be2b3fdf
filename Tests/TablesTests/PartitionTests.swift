import DataModel
import Expressions
import Primitives
import Replication
import Tables
import Testing

@Suite("Partition against a dictionary")
struct PartitionTests {
    /// What the partition must look like after each entry of the log.
    private struct Model {
        var items: [ItemKey: Item] = [:]
    }

    private static func request(
        _ random: inout SplitMix64
    ) throws -> (request: WriteRequest, key: ItemKey, expected: (Item?) -> (Bool, Item?)) {
        let name = "k\(random.below(3))"
        let sort = Int(random.below(4)) - 1
        let value = Int(random.below(5))
        let key = Rig.key(name, sort)
        switch random.below(6) {
        case 0, 1:
            return (Rig.put(name, sort, value), key, { _ in (true, Rig.item(name, sort, value)) })
        case 2: return (Rig.delete(name, sort), key, { _ in (true, nil) })
        case 3:
            var request = Rig.put(name, sort, value)
            request.condition = try Rig.condition("attribute_not_exists(p)")
            return (request, key, { ($0 == nil, $0 ?? Rig.item(name, sort, value)) })
        case 4:
            var request = Rig.delete(name, sort)
            request.condition = try Rig.condition("v = :v", value)
            return (
                request, key,
                { old in
                    let holds = old?[[0x76]] == PackedValue(.number(DecimalNumber(value)))
                    return (holds, holds ? nil : old)
                }
            )
        default:
            let update = try Rig.update("ADD v :v", value)
            let keyItem = Rig.item(name, sort)
            let request = WriteRequest(key: key, action: .update(update, key: keyItem))
            return (
                request, key,
                { old in
                    let before = old?[[0x76]]?.number?.int ?? 0
                    return (true, Rig.item(name, sort, before + value))
                }
            )
        }
    }

    @Test(
        "decisions, stored items, counts and sums agree with a dictionary through restarts",
        arguments: 1...60
    )
    func model(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rig = Rig(isGlobal: random.chance(1, outOf: 2))
        var models = [Model()]
        for step in 0..<200 {
            switch random.below(10) {
            case 0: try rig.apply(max: Int(random.below(3)))
            case 1:
                try rig.apply(max: Int(random.below(3)))
                try rig.commitTurn()
            case 2 where random.chance(1, outOf: 4): try rig.restart()
            case 3 where random.chance(1, outOf: 3):
                // Leadership is lost with some entries, and won again.
                let kept =
                    rig.partition.appliedIndex
                    + random.below(UInt64(rig.log.count) - rig.partition.appliedIndex + 1)
                rig.partition.resignedLeadership()
                rig.log.removeSubrange(Int(kept)...)
                models.removeSubrange((Int(kept) + 1)...)
                try rig.apply()
                rig.partition.becameLeader()
            default:
                rig.wall += random.below(3)
                let (request, key, expected) = try Self.request(&random)
                var model = try #require(models.last)
                let (holds, item) = expected(model.items[key])
                switch try rig.evaluate(request) {
                case .proposal(_, let outcome):
                    #expect(holds && outcome.old == model.items[key], "seed \(seed) \(step)")
                    #expect(outcome.new == item && !outcome.isLost)
                    model.items[key] = item
                    models.append(model)
                case .unchanged(_, let index):
                    #expect(holds && item == nil && model.items[key] == nil)
                    #expect(index.map { $0 > rig.partition.appliedIndex } ?? true)
                case .conditionFailed(let shown, _, let index):
                    #expect(!holds && shown == model.items[key], "seed \(seed) step \(step)")
                    #expect(index.map { $0 > rig.partition.appliedIndex } ?? true)
                }
            }
        }
        try rig.settle()
        try self.compare(rig, try #require(models.last).items, seed)
        try rig.restart()
        try self.compare(rig, try #require(models.last).items, seed)
        try self.compareFollower(rig)
    }

    private func compare(_ rig: Rig, _ items: [ItemKey: Item], _ seed: UInt64) throws {
        #expect(try rig.partition.violations(rig.store) == [], "seed \(seed)")
        #expect(Int(rig.partition.itemCount) == items.count)
        for (key, item) in items {
            #expect(try rig.partition.get(key, rig.store) == item, "seed \(seed)")
        }
        let page = try rig.partition.page(RangeRead(tokens: 0...Token.max), rig.store)
        #expect(page.end == .exhausted && page.scannedCount == items.count)
        #expect(page.items == items.keys.sorted().compactMap { items[$0] })
        if !rig.partition.descriptor.isGlobal {
            #expect(rig.partition.tombstoneCount == 0 && rig.store.count(.item) == items.count)
        }
    }

    /// A follower that only applied the log holds the same bytes.
    private func compareFollower(_ rig: Rig) throws {
        var follower = Rig(isGlobal: rig.partition.descriptor.isGlobal)
        follower.partition.resignedLeadership()
        follower.log = rig.log
        try follower.settle()
        #expect(try follower.records() == rig.records())
        #expect(follower.partition.digest == rig.partition.digest)
        #expect(follower.partition.totals == rig.partition.totals)
        #expect(follower.partition.sizeBytes == rig.partition.sizeBytes)
    }

    @Test("a write without condition reads the store once at the leader and never when applied")
    func noReadsWhenApplied() throws {
        var rig = Rig()
        try rig.run(Rig.put("a", 1, 1))
        _ = try rig.evaluate(Rig.put("a", 1, 2))
        rig.store.readFailure = .io("no reads")
        try rig.apply()
        #expect(throws: WriteError.store(.io("no reads"))) {
            var copy = rig
            _ = try copy.evaluate(Rig.put("b", 1, 2))
        }
        // The second version is in the overlay until the turn is committed.
        let decided = try rig.evaluate(Rig.delete("a", 1))
        #expect(decided.outcome?.old == Rig.item("a", 1, 2))
    }

    @Test("items above 400 KB are refused, put or updated to it")
    func itemSize() throws {
        var rig = Rig()
        var map = Rig.item("a", 1).unpacked()
        // p, s and their values take 5 bytes, the name b one.
        let room = ItemLimits.itemBytesMax - Item(map).size - 1
        map[[0x62]] = .binary([UInt8](repeating: 7, count: room))
        let key = Rig.key("a", 1)
        try rig.run(WriteRequest(key: key, action: .put(Item(map))))
        #expect(rig.partition.sizeBytes == UInt64(ItemLimits.itemBytesMax))
        let update = try Rig.update("SET c = :v", 1)
        #expect(throws: WriteError.self) {
            _ = try rig.evaluate(
                WriteRequest(key: key, action: .update(update, key: Rig.item("a", 1)))
            )
        }
        map[[0x62]] = .binary([UInt8](repeating: 7, count: room + 1))
        #expect(throws: WriteError.itemTooLarge) {
            _ = try rig.evaluate(WriteRequest(key: key, action: .put(Item(map))))
        }
    }

    @Test("an update without an expression makes an item of the key, or changes nothing of one")
    func emptyUpdate() throws {
        var rig = Rig()
        let request = WriteRequest(
            key: Rig.key("a", 1),
            action: .update(nil, key: Rig.item("a", 1))
        )
        #expect(try rig.run(request).outcome?.new == Rig.item("a", 1))
        try rig.run(Rig.put("a", 1, 9))
        #expect(try rig.run(request).outcome?.new == Rig.item("a", 1, 9))
    }

    @Test("a log that skips a change is refused")
    func skippedChange() throws {
        var rig = Rig()
        _ = try rig.evaluate(Rig.put("a", 1, 1))
        _ = try rig.evaluate(Rig.put("a", 2, 1))
        #expect(throws: StoreError.self) {
            try rig.partition.apply(rig.log[1], at: 1, rig.store)
        }
    }
}
