package import DataModel
package import Primitives
package import Replication

/// What one entry of a global index becomes.
package struct IndexChange: Equatable, Sendable {
    /// An ``ItemKey``'s bytes.
    package var key: [UInt8]
    /// Of the item's version.
    package var stamp: Stamp
    /// The packed entry; nil when there is none any more.
    package var image: [UInt8]?

    package init(key: [UInt8], stamp: Stamp, image: [UInt8]?) {
        self.key = key
        self.stamp = stamp
        self.image = image
    }

    var size: Int { self.key.count + (self.image?.count ?? 0) + 24 }
}

/// Changes of one partition of a table for one partition of one of its indexes.
package struct IndexBatch: Equatable, Sendable {
    package enum Extent: Equatable, Sendable {
        /// Entries of items that were there when the index was made.
        case backfill
        /// All changes of the source up to this entry of its log that concern the receiver, from
        /// the last that it has taken in.
        case changes(upTo: UInt64)
    }

    package var source: PartitionID
    package var extent: Extent
    package var changes: [IndexChange]

    package init(source: PartitionID, extent: Extent, changes: [IndexChange]) {
        self.source = source
        self.extent = extent
        self.changes = changes
    }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(self.source.number)
        switch self.extent {
        case .backfill: writer.varint(0)
        case .changes(let upTo): writer.varint(upTo)
        }
        writer.varint(UInt64(self.changes.count))
        for change in self.changes {
            writer.block(change.key)
            change.stamp.encode(into: &writer)
            writer.optional(change.image) { $0.block($1) }
        }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        let source = PartitionID(try reader.varint())
        let upTo = try reader.varint()
        self.init(
            source: source,
            extent: upTo == 0 ? .backfill : .changes(upTo: upTo),
            changes: []
        )
        for _ in 0..<(try reader.count()) {
            let key = try reader.block()
            let stamp = try Stamp(from: &reader)
            let image = try reader.bool() ? try reader.block() : nil
            self.changes.append(IndexChange(key: key, stamp: stamp, image: image))
        }
    }
}

/// What a batch leaves in a partition of an index.
struct IndexCommand: Equatable {
    struct Entry: Equatable {
        var key: ItemKey
        var deltas: Deltas
        /// Nil: the entry goes.
        var record: ItemRecord?
    }

    var source: UInt64
    /// Zero for a part of a backfill.
    var upTo: UInt64
    var entries: [Entry]

    func encode(into writer: inout ByteWriter) {
        writer.varint(self.source)
        writer.varint(self.upTo)
        writer.varint(UInt64(self.entries.count))
        for entry in self.entries {
            writer.block(entry.key.bytes)
            entry.deltas.encode(into: &writer)
            writer.optional(entry.record) { $0.block($1.bytes) }
        }
    }

    init(source: UInt64, upTo: UInt64) {
        self.source = source
        self.upTo = upTo
        self.entries = []
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        self.init(source: try reader.varint(), upTo: try reader.varint())
        for _ in 0..<(try reader.count()) {
            let key = try reader.itemKey()
            let deltas = try Deltas(from: &reader)
            let record = try reader.bool() ? try reader.record(try reader.block()) : nil
            self.entries.append(Entry(key: key, deltas: deltas, record: record))
        }
    }
}

/// Collects what committed entries of a partition's log change in one global index.
///
/// Several changes of one entry become the last of them.
package struct IndexCollector: Sendable {
    package let bytesMax: Int
    /// A mistake to be found; only simulations set it.
    package var bug: Bug?
    /// Everything up to here has been read.
    private(set) package var read: UInt64
    private(set) package var bytes = 0
    /// When the writes were committed, for lag.
    private(set) package var committedAt: [Instant] = []
    private let definition: IndexDefinition
    private let schema: KeySchema
    private var places: [ItemKey: Int] = [:]
    private var all: [IndexChange?] = []

    package init(
        _ definition: IndexDefinition,
        _ schema: KeySchema,
        after index: UInt64,
        bytesMax: Int
    ) {
        self.definition = definition
        self.schema = schema
        self.read = index
        self.bytesMax = bytesMax
    }

    package var isFull: Bool { self.bytes >= self.bytesMax }
    /// In the order of the last change of each entry.
    package var changes: [IndexChange] { self.all.compactMap { $0 } }

    /// Takes the next entry; nil for one of consensus' own.
    ///
    /// - Throws: `corrupt` when it cannot be read.
    package mutating func take(_ payload: [UInt8]?, at index: UInt64) throws(StoreError) {
        precondition(index == self.read + 1, "entries are read in order")
        self.read = index
        guard let payload, Command.changesItems(payload) else { return }
        switch try Command(payload) {
        case .write(let write):
            self.take(write.key, write.record, write.index, write.committedAt)
        case .remoteBatch(let batch):
            for winner in batch.winners {
                self.take(winner.key, winner.record, winner.index, nil)
            }
            self.committedAt += batch.committedAt
        default: break
        }
    }

    private mutating func take(
        _ key: ItemKey,
        _ record: ItemRecord,
        _ part: IndexPart?,
        _ committedAt: Instant?
    ) {
        let former = part?.former.flatMap { self.definition.globalKey(of: $0, at: key) }
        let item = record.item
        let present = item.flatMap { self.definition.globalKey(of: $0, at: key) }
        if let former, former != present, present == nil || self.bug != .indexEntryLeft {
            self.append(IndexChange(key: former.bytes, stamp: record.stamp, image: nil))
        }
        if let present, let item {
            let image = self.definition.image(of: item, self.schema)
            self.append(
                IndexChange(key: present.bytes, stamp: record.stamp, image: image.bytes)
            )
        }
        guard former != nil || present != nil, let committedAt else { return }
        self.committedAt.append(committedAt)
    }

    private mutating func append(_ change: IndexChange) {
        let key = ItemKey(trusted: change.key)
        if let place = self.places[key], let former = self.all[place] {
            self.bytes -= former.size
            self.all[place] = nil
        }
        self.places[key] = self.all.count
        self.all.append(change)
        self.bytes += change.size
    }
}
