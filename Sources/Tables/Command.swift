import DataModel
import Primitives
import Replication

/// What an entry of a partition's log does.
///
/// Leaders decide, commands only say what to store: a follower applies them without a read. That is
/// why they carry differences of counts and sums, which only a leader that saw the replaced version
/// can know.
enum Command: Equatable {
    case write(WriteCommand)
    case remoteBatch(RemoteCommand)
    case cursorMoved(RegionID, ReplicationCursor)
    case tombstonesCollected([ItemKey])
    /// A local write that was acknowledged and lost against the stored stamp.
    case localLoss(ConflictRecord)
    /// The partition keeps up a global index from here on.
    case indexStarted(TableID, IndexDefinition)
    /// An index has all changes up to a log entry; only known once it is backfilled.
    case indexMoved(TableID, upTo: UInt64)
    case indexDropped(TableID)
    /// In a partition of an index: changes of a partition of its table.
    case indexBatch(IndexCommand)

    enum Kind: UInt8 {
        case write = 1
        case remoteBatch = 2
        case cursorMoved = 3
        case tombstonesCollected = 4
        case localLoss = 5
        /// As ``write`` and ``remoteBatch``, with what indexes need.
        case indexedWrite = 6
        case indexedRemoteBatch = 7
        case indexStarted = 8
        case indexMoved = 9
        case indexDropped = 10
        case indexBatch = 11
    }

    /// Whether a payload changes items, without reading it.
    static func changesItems(_ payload: [UInt8]) -> Bool {
        switch payload.first.flatMap(Kind.init(rawValue:)) {
        case .write, .remoteBatch, .indexedWrite, .indexedRemoteBatch: true
        default: false
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .write(let command): return command.encoded
        case .remoteBatch(let command): return command.encoded
        case .cursorMoved(let destination, let cursor):
            var writer = ByteWriter(reserving: 32)
            writer.u8(Kind.cursorMoved.rawValue)
            writer.u8(destination.rank)
            cursor.encode(into: &writer)
            return writer.bytes
        case .tombstonesCollected(let keys):
            var writer = ByteWriter(reserving: 16 + keys.reduce(0) { $0 + $1.bytes.count + 2 })
            writer.u8(Kind.tombstonesCollected.rawValue)
            writer.varint(UInt64(keys.count))
            for key in keys { writer.block(key.bytes) }
            return writer.bytes
        case .localLoss(let record):
            var writer = ByteWriter(reserving: 256)
            writer.u8(Kind.localLoss.rawValue)
            record.encode(into: &writer)
            return writer.bytes
        case .indexStarted(let id, let definition):
            var writer = ByteWriter(reserving: 128)
            writer.u8(Kind.indexStarted.rawValue)
            writer.varint(id.number)
            definition.encode(into: &writer)
            return writer.bytes
        case .indexMoved(let id, let upTo):
            var writer = ByteWriter(reserving: 32)
            writer.u8(Kind.indexMoved.rawValue)
            writer.varint(id.number)
            writer.varint(upTo)
            return writer.bytes
        case .indexDropped(let id):
            var writer = ByteWriter(reserving: 16)
            writer.u8(Kind.indexDropped.rawValue)
            writer.varint(id.number)
            return writer.bytes
        case .indexBatch(let command):
            var writer = ByteWriter(reserving: 1_024)
            writer.u8(Kind.indexBatch.rawValue)
            command.encode(into: &writer)
            return writer.bytes
        }
    }

    init(_ payload: [UInt8]) throws(StoreError) {
        do throws(DecodingError) {
            var reader = ByteReader(payload)
            guard let kind = Kind(rawValue: try reader.u8()) else {
                throw DecodingError(offset: 0)
            }
            switch kind {
            case .write: self = .write(try WriteCommand(from: &reader, isIndexed: false))
            case .indexedWrite:
                self = .write(try WriteCommand(from: &reader, isIndexed: true))
            case .remoteBatch:
                self = .remoteBatch(try RemoteCommand(from: &reader, isIndexed: false))
            case .indexedRemoteBatch:
                self = .remoteBatch(try RemoteCommand(from: &reader, isIndexed: true))
            case .cursorMoved:
                let destination = RegionID(try reader.u8())
                self = .cursorMoved(destination, try ReplicationCursor(from: &reader))
            case .tombstonesCollected:
                var keys: [ItemKey] = []
                for _ in 0..<(try reader.count()) { keys.append(try reader.itemKey()) }
                self = .tombstonesCollected(keys)
            case .localLoss: self = .localLoss(try ConflictRecord(from: &reader))
            case .indexStarted:
                let id = TableID(try reader.varint())
                self = .indexStarted(id, try IndexDefinition(from: &reader))
            case .indexMoved:
                self = .indexMoved(TableID(try reader.varint()), upTo: try reader.varint())
            case .indexDropped: self = .indexDropped(TableID(try reader.varint()))
            case .indexBatch: self = .indexBatch(try IndexCommand(from: &reader))
            }
            guard reader.isAtEnd else { throw DecodingError(offset: reader.offset) }
        } catch {
            throw .corrupt("command at byte \(error.offset)")
        }
    }
}

/// What replacing one version by another changes in a partition's counts and sums.
struct Deltas: Equatable {
    var items: Int = 0
    var tombstones: Int = 0
    var size: Int = 0
    var hash: UInt64 = 0

    /// From the version before, if any, to the one after; nil after means nothing is left.
    init(from old: ItemRecord?, to new: ItemRecord?) {
        if let old { self.count(old, -1) }
        if let new { self.count(new, 1) }
        self.hash = (new?.hash ?? 0) &- (old?.hash ?? 0)
    }

    private mutating func count(_ record: ItemRecord, _ sign: Int) {
        if record.isTombstone {
            self.tombstones += sign
        } else {
            self.items += sign
            self.size += sign * record.size
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.signed(self.items)
        writer.signed(self.tombstones)
        writer.signed(self.size)
        writer.u64(self.hash)
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        self.items = try reader.signed()
        self.tombstones = try reader.signed()
        self.size = try reader.signed()
        self.hash = try reader.u64()
    }
}

/// A local-origin change of one item.
struct WriteCommand: Equatable {
    var key: ItemKey
    /// The record is a tombstone that nobody needs: the item is removed without a trace.
    var isRemoval: Bool
    var deltas: Deltas
    /// The partition's running totals, this change included.
    var totals: ChangeTotals
    /// When the leader proposed it, on the reference clock: commit time but for the round trip
    /// inside the region.
    var committedAt: Instant
    var record: ItemRecord
    /// Present in partitions with indexes.
    var index: IndexPart?

    /// What the change counts in the totals.
    static func size(_ key: ItemKey, _ record: ItemRecord) -> Int {
        key.bytes.count + record.bytes.count
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(reserving: 64 + self.key.bytes.count + self.record.bytes.count)
        let kind: Command.Kind = self.index == nil ? .write : .indexedWrite
        writer.u8(kind.rawValue)
        writer.bool(self.isRemoval)
        self.totals.encode(into: &writer)
        writer.u64(self.committedAt.nanoseconds)
        self.deltas.encode(into: &writer)
        writer.block(self.key.bytes)
        self.index?.encode(into: &writer)
        writer.raw(self.record.bytes)
        return writer.bytes
    }
}

extension WriteCommand {
    init(from reader: inout ByteReader, isIndexed: Bool) throws(DecodingError) {
        self.isRemoval = try reader.bool()
        self.totals = try ChangeTotals(from: &reader)
        self.committedAt = Instant(nanoseconds: try reader.u64())
        self.deltas = try Deltas(from: &reader)
        self.key = try reader.itemKey()
        self.index = isIndexed ? try IndexPart(from: &reader) : nil
        self.record = try reader.record(try reader.raw(reader.remaining))
    }
}

/// What a batch of another region's changes left after last-writer-wins.
struct RemoteCommand: Equatable {
    struct Winner: Equatable {
        var key: ItemKey
        var deltas: Deltas
        var record: ItemRecord
        /// Present in partitions with indexes.
        var index: IndexPart?
    }

    var source: RegionID
    var epoch: UInt64
    /// With this batch all the source's changes up to here are in; zero moves no cursor.
    var ordinal: UInt64
    var winners: [Winner]
    var conflicts: [ConflictRecord]
    /// The commit times of all changes that the batch brought, losers included; for lag.
    var committedAt: [Instant]

    var encoded: [UInt8] {
        let size = self.winners.reduce(64 + 9 * self.committedAt.count) {
            $0 + 32 + $1.key.bytes.count + $1.record.bytes.count
        }
        var writer = ByteWriter(reserving: size + 256 * self.conflicts.count)
        let isIndexed = self.winners.contains { $0.index != nil }
        let kind: Command.Kind = isIndexed ? .indexedRemoteBatch : .remoteBatch
        writer.u8(kind.rawValue)
        writer.u8(self.source.rank)
        writer.varint(self.epoch)
        writer.varint(self.ordinal)
        writer.varint(UInt64(self.winners.count))
        for winner in self.winners {
            writer.block(winner.key.bytes)
            winner.deltas.encode(into: &writer)
            writer.block(winner.record.bytes)
            if isIndexed { writer.optional(winner.index) { $1.encode(into: &$0) } }
        }
        writer.varint(UInt64(self.conflicts.count))
        for conflict in self.conflicts { conflict.encode(into: &writer) }
        writer.varint(UInt64(self.committedAt.count))
        for instant in self.committedAt { writer.u64(instant.nanoseconds) }
        return writer.bytes
    }
}

extension RemoteCommand {
    init(from reader: inout ByteReader, isIndexed: Bool) throws(DecodingError) {
        self.source = RegionID(try reader.u8())
        self.epoch = try reader.varint()
        self.ordinal = try reader.varint()
        self.winners = []
        for _ in 0..<(try reader.count()) {
            let key = try reader.itemKey()
            let deltas = try Deltas(from: &reader)
            let record = try reader.record(try reader.block())
            var part: IndexPart?
            if isIndexed, try reader.bool() { part = try IndexPart(from: &reader) }
            self.winners.append(
                Winner(key: key, deltas: deltas, record: record, index: part)
            )
        }
        self.conflicts = []
        for _ in 0..<(try reader.count()) {
            self.conflicts.append(try ConflictRecord(from: &reader))
        }
        self.committedAt = []
        for _ in 0..<(try reader.count()) {
            self.committedAt.append(Instant(nanoseconds: try reader.u64()))
        }
    }
}

extension ByteWriter {
    /// Zigzag: small numbers of either sign are short.
    mutating func signed(_ value: Int) {
        self.varint(UInt64(bitPattern: Int64((value << 1) ^ (value >> 63))))
    }
}

extension ByteReader {
    mutating func signed() throws(DecodingError) -> Int {
        let value = try self.varint()
        return Int(bitPattern: UInt(value >> 1)) ^ -Int(value & 1)
    }

    /// A key that a leader wrote: only its shortest length is checked.
    mutating func itemKey() throws(DecodingError) -> ItemKey {
        let bytes = try self.block()
        guard bytes.count >= 10 else { throw DecodingError(offset: self.offset) }
        return ItemKey(trusted: bytes)
    }

    func record(_ bytes: [UInt8]) throws(DecodingError) -> ItemRecord {
        do throws(StoreError) {
            return try ItemRecord(bytes)
        } catch {
            throw DecodingError(offset: self.offset)
        }
    }
}
