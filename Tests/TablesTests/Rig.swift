import DataModel
import Expressions
import Primitives
import Replication
import Tables

/// A partition with one replica: its log is a list, and consensus always agrees.
struct Rig {
    static let schema = KeySchema(
        partitionKey: KeyAttribute(name: [0x70], type: .string),
        sortKey: KeyAttribute(name: [0x73], type: .number)
    )

    var partition: Partition
    let store = MemoryStore()
    /// The payloads of the entries from 1 on.
    var log: [[UInt8]] = []
    var clock: HybridClock
    var wall: UInt64 = 1_000_000
    var now = Instant(nanoseconds: 1)

    init(
        region: UInt8 = 0,
        id: UInt64 = 1,
        isGlobal: Bool = true,
        mode: HybridClock.Mode = .hybrid,
        range: ClosedRange<Token> = 0...Token.max
    ) {
        let descriptor = TableDescriptor(
            id: TableID(1),
            name: "music",
            schema: Self.schema,
            isGlobal: isGlobal
        )
        self.partition = Partition(
            id: PartitionID(id),
            descriptor: descriptor,
            range: range,
            region: RegionID(region)
        )
        self.clock = HybridClock(mode: mode, region: RegionID(region))
        self.partition.becameLeader()
    }

    static func key(_ partition: String, _ sort: Int) -> ItemKey {
        let item = Self.item(partition, sort)
        guard let key = try? ItemKey(Self.schema, from: item) else {
            preconditionFailure("a key that fits the schema")
        }
        return key
    }

    static func item(_ partition: String, _ sort: Int, _ value: Int? = nil) -> Item {
        var map = AttributeMap()
        map[[0x70]] = .string(Array(partition.utf8))
        map[[0x73]] = .number(DecimalNumber(sort))
        if let value { map[[0x76]] = .number(DecimalNumber(value)) }
        return Item(map)
    }

    static func put(_ partition: String, _ sort: Int, _ value: Int) -> WriteRequest {
        WriteRequest(
            key: self.key(partition, sort),
            action: .put(self.item(partition, sort, value))
        )
    }

    static func delete(_ partition: String, _ sort: Int) -> WriteRequest {
        WriteRequest(key: self.key(partition, sort), action: .delete)
    }

    static func condition(_ text: String, _ value: Int? = nil) throws -> ConditionExpression {
        var names = try Self.substitutions(value)
        return try ConditionExpression(parsing: Array(text.utf8), kind: .condition, &names)
    }

    static func update(_ text: String, _ value: Int? = nil) throws -> UpdateExpression {
        var names = try Self.substitutions(value)
        return try UpdateExpression(parsing: Array(text.utf8), &names)
    }

    private static func substitutions(_ value: Int?) throws -> Substitutions {
        let values = value.map {
            [(key: Array(":v".utf8), value: AttributeValue.number(DecimalNumber($0)))]
        }
        return try Substitutions(names: nil, values: values)
    }

    // MARK: The replica's life

    /// Decides and, if something is to be done, appends.
    mutating func evaluate(_ write: WriteRequest) throws -> Evaluated {
        let decided = try self.partition.evaluate(
            write,
            clock: &self.clock,
            wall: WallTime(nanoseconds: self.wall),
            now: self.now,
            self.store
        )
        if case .proposal(let proposal, _) = decided { self.append(proposal) }
        return decided
    }

    mutating func append(_ proposal: Proposal) {
        self.log.append(proposal.payload)
        self.partition.proposed(proposal, at: UInt64(self.log.count))
    }

    /// Decides another region's batch and appends.
    mutating func receive(_ batch: ChangeBatch) throws -> RemoteEvaluated {
        let decided = try self.partition.evaluate(
            batch,
            clock: &self.clock,
            wall: WallTime(nanoseconds: self.wall),
            now: self.now,
            self.store
        )
        if case .proposal(let proposal, _) = decided { self.append(proposal) }
        return decided
    }

    /// Applies up to so many entries of the log.
    @discardableResult
    mutating func apply(max: Int = .max) throws -> [Applied] {
        var results: [Applied] = []
        while results.count < max, self.partition.appliedIndex < UInt64(self.log.count) {
            let index = self.partition.appliedIndex + 1
            results.append(
                try self.partition.apply(self.log[Int(index) - 1], at: index, self.store)
            )
        }
        return results
    }

    mutating func commitTurn() throws {
        self.partition.persistMeta(into: self.store)
        try self.store.commit(sync: false)
        self.partition.turnCommitted()
    }

    mutating func settle() throws {
        try self.apply()
        try self.commitTurn()
    }

    /// Decides, applies and commits.
    @discardableResult
    mutating func run(_ write: WriteRequest) throws -> Evaluated {
        let decided = try self.evaluate(write)
        try self.settle()
        return decided
    }

    /// The process dies and comes back; the log is whole.
    mutating func restart() throws {
        self.store.crash()
        self.partition = try Partition.restored(
            id: self.partition.id,
            descriptor: self.partition.descriptor,
            range: self.partition.range,
            region: self.partition.region,
            from: self.store
        )
        try self.apply()
        self.partition.becameLeader()
    }

    // MARK: Shipping

    /// The changes behind a cursor as one batch.
    func collect(after cursor: ReplicationCursor, bytesMax: Int = .max) throws -> ChangeCollector {
        var collector = ChangeCollector(after: cursor, bytesMax: bytesMax)
        while collector.cursor.index < self.partition.appliedIndex, !collector.isFull {
            let index = collector.cursor.index + 1
            try collector.take(self.log[Int(index) - 1], at: index)
        }
        return collector
    }

    func batch(after cursor: ReplicationCursor, bytesMax: Int = .max) throws -> ChangeBatch? {
        try self.collect(after: cursor, bytesMax: bytesMax).batch(
            source: self.partition.region,
            epoch: self.partition.id
        )
    }

    // MARK: Seeing

    func records() throws -> [ItemKey: ItemRecord] {
        var found: [ItemKey: ItemRecord] = [:]
        var failure: (any Error)?
        let (from, to) = (
            PartitionKeys.prefix(self.partition.id), PartitionKeys.end(self.partition.id)
        )
        try self.store.scan(.item, from: from, to: to, reverse: false) { key, value in
            do {
                found[ItemKey(trusted: Array(key.dropFirst(8)))] = try ItemRecord(value)
            } catch {
                failure = error
            }
            return true
        }
        if let failure { throw failure }
        return found
    }

    func conflicts() throws -> [ConflictRecord] {
        try self.partition.conflicts(after: 0, max: .max, self.store).map(\.record)
    }
}

extension Evaluated {
    var outcome: WriteOutcome? {
        switch self {
        case .proposal(_, let outcome), .unchanged(let outcome, _): outcome
        case .conditionFailed: nil
        }
    }

    var dependsOn: UInt64? {
        switch self {
        case .proposal: nil
        case .unchanged(_, let index), .conditionFailed(_, _, let index): index
        }
    }
}
