import DataModel
import Expressions
import Primitives
import Replication
import Tables
import Testing

/// A partition of a table with two local indexes, and one partition of its global index.
private struct IndexRig {
    static let schema = KeySchema(
        partitionKey: KeyAttribute(name: Array("pk".utf8), type: .string),
        sortKey: KeyAttribute(name: Array("sk".utf8), type: .number)
    )
    static let group = KeyAttribute(name: Array("g".utf8), type: .string)
    static let number = KeyAttribute(name: Array("n".utf8), type: .number)
    static let locals = [
        IndexDefinition(
            name: "by-g",
            keys: IndexKeys(partition: [schema.partitionKey], sort: [group]),
            projection: .keysOnly
        ),
        IndexDefinition(
            name: "by-n",
            keys: IndexKeys(partition: [schema.partitionKey], sort: [number]),
            projection: .all
        ),
    ]
    static let global = IndexDefinition(
        name: "global",
        keys: IndexKeys(partition: [group], sort: [number]),
        projection: .include([Array("v".utf8)])
    )
    static let globalID = TableID(7)

    var table: Partition
    let store = MemoryStore()
    var log: [[UInt8]] = []
    var clock = HybridClock(mode: .hybrid, region: RegionID(0))
    var wall: UInt64 = 1_000

    var index: Partition
    let indexStore = MemoryStore()
    var indexLog: [[UInt8]] = []

    init(collectionBytesMax: UInt64 = 1 << 30, isGlobal: Bool = false) {
        var descriptor = TableDescriptor(
            id: TableID(1),
            name: "t",
            schema: Self.schema,
            isGlobal: isGlobal,
            locals: Self.locals
        )
        descriptor.collectionBytesMax = collectionBytesMax
        self.table = Partition(
            id: PartitionID(1),
            descriptor: descriptor,
            range: 0...Token.max,
            region: RegionID(0)
        )
        self.table.becameLeader()
        self.index = Partition(
            id: PartitionID(2),
            descriptor: TableDescriptor(
                id: Self.globalID,
                name: "t",
                schema: Self.schema,
                isGlobal: false,
                entriesOf: Self.global
            ),
            range: 0...Token.max,
            region: RegionID(0)
        )
        self.index.becameLeader()
    }

    static func item(
        _ pk: String,
        _ sk: Int,
        g: AttributeValue? = nil,
        n: Int? = nil,
        v: String? = nil
    ) -> Item {
        var map = AttributeMap()
        map[Array("pk".utf8)] = .string(Array(pk.utf8))
        map[Array("sk".utf8)] = .number(DecimalNumber(sk))
        map[Array("g".utf8)] = g
        if let n { map[Array("n".utf8)] = .number(DecimalNumber(n)) }
        if let v { map[Array("v".utf8)] = .string(Array(v.utf8)) }
        return Item(map)
    }

    static func key(_ pk: String, _ sk: Int) -> ItemKey {
        guard let key = try? ItemKey(Self.schema, from: Self.item(pk, sk)) else {
            preconditionFailure("a key that fits the schema")
        }
        return key
    }

    mutating func append(_ proposal: Proposal) {
        self.log.append(proposal.payload)
        self.table.proposed(proposal, at: UInt64(self.log.count))
    }

    mutating func write(_ key: ItemKey, _ item: Item?) throws {
        self.wall += 1
        let decided = try self.table.evaluate(
            put: item,
            at: key,
            clock: &self.clock,
            wall: WallTime(nanoseconds: self.wall),
            now: Instant(nanoseconds: self.wall),
            self.store
        )
        if case .proposal(let proposal, _) = decided { self.append(proposal) }
    }

    mutating func put(_ item: Item) throws {
        try self.write(try ItemKey(Self.schema, from: item), item)
    }

    mutating func settle() throws {
        while self.table.appliedIndex < UInt64(self.log.count) {
            let next = self.table.appliedIndex + 1
            try self.table.apply(self.log[Int(next) - 1], at: next, self.store)
        }
        self.table.persistMeta(into: self.store)
        try self.store.commit(sync: false)
        self.table.turnCommitted()
    }

    /// Takes a batch in, as the leader of the index's partition does.
    @discardableResult
    mutating func deliver(_ batch: IndexBatch) throws -> IndexEvaluated {
        let decided = try self.index.evaluate(batch, self.indexStore)
        if case .proposal(let proposal) = decided {
            self.indexLog.append(proposal.payload)
            let at = UInt64(self.indexLog.count)
            self.index.proposed(proposal, at: at)
            try self.index.apply(proposal.payload, at: at, self.indexStore)
            self.index.persistMeta(into: self.indexStore)
            try self.indexStore.commit(sync: false)
            self.index.turnCommitted()
        }
        return decided
    }

    /// What the log holds behind an entry, through another one.
    func batch(after start: UInt64, through end: UInt64) throws -> IndexBatch {
        var collector = IndexCollector(
            Self.global,
            Self.schema,
            after: start,
            bytesMax: .max
        )
        for at in start..<end { try collector.take(self.log[Int(at)], at: at + 1) }
        return IndexBatch(
            source: self.table.id,
            extent: .changes(upTo: collector.read),
            changes: collector.changes
        )
    }

    func expectIndexInStep(_ seed: UInt64) throws {
        let expected = try self.table.expectedEntries(of: Self.global, self.store)
        #expect(self.index.itemCount == expected.count, "SEED=\(seed)")
        #expect(self.index.digest.total == expected.sum, "SEED=\(seed)")
        #expect(try self.index.violations(self.indexStore) == [], "SEED=\(seed)")
    }

    mutating func randomWrite(_ random: inout SplitMix64) throws {
        let pk = "p\(random.below(3))"
        let sk = Int(random.below(4))
        if random.below(4) == 0 { return try self.write(Self.key(pk, sk), nil) }
        let groups = ["a", "b\0", "b\0\0c", "b"]
        let group = random.below(5) == 0 ? nil : groups[Int(random.below(4))]
        try self.put(
            Self.item(
                pk,
                sk,
                g: group.map { .string(Array($0.utf8)) },
                n: random.below(5) == 0 ? nil : Int(random.below(7)) - 3,
                v: "\(random.below(1_000))"
            )
        )
    }
}

@Suite("Indexes of a partition") struct IndexTests {
    @Test("local entries and sizes are what the items say, whenever turns end", arguments: 0..<20)
    func localIndexes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rig = IndexRig(isGlobal: seed % 2 == 1)
        for _ in 0..<120 {
            try rig.randomWrite(&random)
            if random.below(4) == 0 { try rig.settle() }
        }
        try rig.settle()
        #expect(try rig.table.violations(rig.store) == [], "SEED=\(seed)")
        let restored = try Partition.restored(
            id: rig.table.id,
            descriptor: rig.table.descriptor,
            range: rig.table.range,
            region: rig.table.region,
            from: rig.store
        )
        #expect(restored.localCounts == rig.table.localCounts)
        #expect(try restored.violations(rig.store) == [], "SEED=\(seed)")
    }

    @Test("a global index follows the log, whatever is repeated or comes late", arguments: 0..<30)
    func globalIndex(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rig = IndexRig()
        for _ in 0..<10 { try rig.randomWrite(&random) }
        rig.append(rig.table.proposal(starting: IndexRig.globalID, IndexRig.global))
        try rig.settle()
        let start = rig.table.indexes[0].start
        #expect(start > 0)
        // Writes go on while the backfill reads; parts of it come twice, and late.
        var parts: [IndexBatch] = []
        var after: ItemKey?
        repeat {
            for _ in 0..<random.below(4) { try rig.randomWrite(&random) }
            try rig.settle()
            let part = try rig.table.indexBackfill(
                IndexRig.global,
                after: after,
                bytesMax: .max,
                recordsMax: 3,
                rig.store
            )
            parts.append(
                IndexBatch(source: rig.table.id, extent: .backfill, changes: part.changes)
            )
            try rig.deliver(parts[parts.count - 1])
            if random.below(2) == 0 {
                try rig.deliver(parts[Int(random.below(UInt64(parts.count)))])
            }
            after = part.next
        } while after != nil
        try rig.deliver(
            IndexBatch(source: rig.table.id, extent: .changes(upTo: start), changes: [])
        )
        var read = start
        var sent: [IndexBatch] = []
        for _ in 0..<20 {
            for _ in 0..<random.below(6) { try rig.randomWrite(&random) }
            try rig.settle()
            // A new leader begins again at what is on record.
            if random.below(4) == 0 { read = start + random.below(read - start + 1) }
            let end = read + random.below(rig.table.appliedIndex - read + 1)
            if end > read {
                let batch = try rig.batch(after: read, through: end)
                sent.append(batch)
                try rig.deliver(batch)
                read = end
            }
            if !sent.isEmpty { try rig.deliver(sent[Int(random.below(UInt64(sent.count)))]) }
            try rig.deliver(parts[Int(random.below(UInt64(parts.count)))])
        }
        if rig.table.appliedIndex > read {
            try rig.deliver(try rig.batch(after: read, through: rig.table.appliedIndex))
        }
        try rig.expectIndexInStep(seed)
    }

    @Test("a leader knows from the log which indexes need former keys")
    func formerKeysSurviveLeaders() throws {
        var rig = IndexRig()
        try rig.put(IndexRig.item("p", 1, g: .string([0x61]), n: 1))
        rig.append(rig.table.proposal(starting: IndexRig.globalID, IndexRig.global))
        try rig.settle()
        rig.table.resignedLeadership()
        rig.table.becameLeader()
        try rig.put(IndexRig.item("p", 1, g: .string([0x62]), n: 1))
        try rig.settle()
        let batch = try rig.batch(after: 2, through: 3)
        #expect(batch.changes.count == 2)
        #expect(batch.changes[0].image == nil)
    }

    @Test("pages of a local index have its order and lead on") func localPages() throws {
        var rig = IndexRig()
        for sk in 0..<10 { try rig.put(IndexRig.item("p", sk, n: sk % 3, v: "x")) }
        try rig.settle()
        let all = IndexRange(
            partition: [.string(Array("p".utf8))],
            equal: [],
            last: .all
        )
        var read = RangeRead(
            bounds: try IndexRig.locals[1].localBounds(2, all, IndexRig.schema)
        )
        read.space = .index
        read.itemsMax = 4
        var found: [Int] = []
        while true {
            let page = try rig.table.page(read, rig.store)
            for item in page.items {
                guard case .number(let sk)? = item[Array("sk".utf8)]?.unpacked() else { continue }
                found.append(sk.int ?? -1)
            }
            guard let last = page.last else { break }
            let keys = IndexRig.locals[1].keyItem(ofLocal: last.bytes, IndexRig.schema)
            #expect(keys.count == 3)
            #expect(
                IndexRig.locals[1].localKey(
                    2,
                    of: keys,
                    at: try ItemKey(IndexRig.schema, from: keys)
                )
                    == last.bytes
            )
            read.after = last
        }
        #expect(found == [0, 3, 6, 9, 1, 4, 7, 2, 5, 8])
    }

    @Test("keys of several attributes come back from entries") func keysComeBack() throws {
        let definition = IndexDefinition(
            name: "many",
            keys: IndexKeys(
                partition: [IndexRig.group, IndexRig.number],
                sort: [KeyAttribute(name: Array("v".utf8), type: .string)]
            ),
            projection: .all
        )
        for group in ["", "\0", "a\0\0b", "\u{FF}"] {
            let item = IndexRig.item("p\0q", -3, g: .string(Array(group.utf8)), n: 12, v: "x\0")
            let key = try ItemKey(IndexRig.schema, from: item)
            guard let entry = definition.globalKey(of: item, at: key) else {
                #expect(group.isEmpty)
                continue
            }
            #expect(definition.keyItem(ofGlobal: entry, IndexRig.schema) == item)
        }
    }

    @Test("an item that an index cannot take is refused") func refusals() throws {
        var rig = IndexRig(collectionBytesMax: 200)
        let wrong = IndexRig.item("p", 1, g: .number(DecimalNumber(1)))
        #expect(throws: WriteError.self) { try rig.put(wrong) }
        #expect(throws: WriteError.self) { try rig.put(IndexRig.item("p", 1, g: .string([]))) }
        try rig.put(IndexRig.item("p", 1, n: 1, v: String(repeating: "x", count: 50)))
        #expect(throws: WriteError.collectionTooLarge) {
            try rig.put(IndexRig.item("p", 2, n: 1, v: String(repeating: "x", count: 50)))
        }
        // Another partition key has a collection of its own.
        try rig.put(IndexRig.item("q", 2, n: 1, v: String(repeating: "x", count: 50)))
        try rig.write(IndexRig.key("p", 1), nil)
        try rig.put(IndexRig.item("p", 2, n: 1, v: String(repeating: "x", count: 50)))
        try rig.settle()
        #expect(try rig.table.violations(rig.store) == [])
    }

    @Test("only numbers that lie in the past, and not too far, expire") func expiry() throws {
        var rig = IndexRig()
        let now = 2_000_000_000
        let seconds = [now - 1, now, now + 1, now - 6 * 366 * 86_400]
        for (sk, second) in seconds.enumerated() { try rig.put(IndexRig.item("p", sk, n: second)) }
        try rig.put(IndexRig.item("p", 9, g: .string(Array("\(now - 1)".utf8))))
        try rig.settle()
        let expiry = Expiry(attribute: Array("n".utf8), now: now, grace: 60)
        let found = try rig.table.expiredKeys(expiry, after: nil, rig.store)
        #expect(found.keys == [IndexRig.key("p", 0), IndexRig.key("p", 1)])
        #expect(found.next == nil)
        // An item that was written again meanwhile stays.
        try rig.put(IndexRig.item("p", 0, n: now + 100))
        var proposals = 0
        for key in found.keys {
            let deletion = try rig.table.evaluate(
                expired: key,
                expiry,
                clock: &rig.clock,
                wall: WallTime(nanoseconds: rig.wall),
                now: .zero,
                rig.store
            )
            if let deletion {
                proposals += 1
                #expect(deletion.item != nil && deletion.stamp > .zero)
                rig.append(deletion.proposal)
            }
        }
        #expect(proposals == 1)
        try rig.settle()
        #expect(rig.table.itemCount == 4)
    }
}
