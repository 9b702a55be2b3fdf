package import DataModel
package import Primitives

/// What replacing a version means to the indexes of its table: what a follower could not know
/// without a read, and a replicator not without the version before.
///
/// Only in the commands of partitions with indexes; see ``Partition/indexKeyNames``.
struct IndexPart: Equatable {
    /// By how much the entries of one local index change.
    struct LocalDelta: Equatable {
        var items: Int
        var bytes: Int
    }

    /// The attributes that key any index, of the version before; nil when nothing was there.
    var former: Item?
    /// One for each local index.
    var locals: [LocalDelta] = []
    /// The bytes of all items and local entries of the partition key, this change included; present
    /// with local indexes.
    var collection: UInt64?

    func encode(into writer: inout ByteWriter) {
        writer.optional(self.former) { $0.block($1.bytes) }
        writer.varint(UInt64(self.locals.count))
        for delta in self.locals {
            writer.signed(delta.items)
            writer.signed(delta.bytes)
        }
        writer.optional(self.collection) { $0.varint($1) }
    }

    init(former: Item?) { self.former = former }

    init(from reader: inout ByteReader) throws(DecodingError) {
        self.former = try reader.bool() ? Item(trusted: try reader.block()) : nil
        for _ in 0..<(try reader.count()) {
            self.locals.append(
                LocalDelta(items: try reader.signed(), bytes: try reader.signed())
            )
        }
        self.collection = try reader.bool() ? try reader.varint() : nil
    }
}

/// What a write takes in one index.
package struct IndexUnits: Equatable, Sendable {
    package var index: String
    package var isLocal: Bool
    package var units: Int

    package init(index: String, isLocal: Bool, units: Int) {
        self.index = index
        self.isLocal = isLocal
        self.units = units
    }
}

/// What one local index holds in one partition.
package struct LocalIndexCounts: Equatable, Sendable {
    package internal(set) var items: UInt64 = 0
    package internal(set) var bytes: UInt64 = 0

    package init() {}
}

/// A global index that a partition keeps up: from ``start`` on its log says what that index lacks.
///
/// In the partition's own replicated state and not read from the catalog, because whoever decides a
/// write must know without doubt whether the former keys belong into the command.
package struct MaintainedIndex: Equatable, Sendable {
    package let id: TableID
    package let definition: IndexDefinition
    /// The log entry that began it.
    package let start: UInt64
    /// Every change up to this log entry is in the index, once it is backfilled.
    package internal(set) var cursor: UInt64
    /// What was there at ``start`` is in the index.
    package internal(set) var isBackfilled: Bool

    func encode(into writer: inout ByteWriter) {
        writer.varint(self.id.number)
        self.definition.encode(into: &writer)
        writer.varint(self.start)
        writer.varint(self.cursor)
        writer.bool(self.isBackfilled)
    }

    init(id: TableID, definition: IndexDefinition, start: UInt64, isBackfilled: Bool) {
        self.id = id
        self.definition = definition
        self.start = start
        self.cursor = start
        self.isBackfilled = isBackfilled
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        self.id = TableID(try reader.varint())
        self.definition = try IndexDefinition(from: &reader)
        self.start = try reader.varint()
        self.cursor = try reader.varint()
        self.isBackfilled = try reader.bool()
    }
}

/// How far a partition of an index has taken in the changes of each partition of its table.
///
/// One source sends one batch at a time and goes on when all index partitions concerned have it, so
/// what comes later covers all that came before. A batch that ends at or below what is on record
/// is a repetition. That alone keeps entries in step: a repeated or late batch of a former leader
/// cannot undo anything, and removed entries need no tombstones.
struct IndexFences: Equatable {
    struct Entry: Equatable {
        var source: UInt64
        var upTo: UInt64
    }

    /// By source.
    private(set) var entries: [Entry] = []

    func upTo(_ source: UInt64) -> UInt64 {
        let place = self.place(source)
        guard place < self.entries.count, self.entries[place].source == source else { return 0 }
        return self.entries[place].upTo
    }

    mutating func advance(_ source: UInt64, to upTo: UInt64) {
        let place = self.place(source)
        if place < self.entries.count, self.entries[place].source == source {
            self.entries[place].upTo = max(self.entries[place].upTo, upTo)
        } else {
            self.entries.insert(Entry(source: source, upTo: upTo), at: place)
        }
    }

    private func place(_ source: UInt64) -> Int {
        var low = 0
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].source < source { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(self.entries.count))
        for entry in self.entries {
            writer.varint(entry.source)
            writer.varint(entry.upTo)
        }
    }

    init() {}

    init(from reader: inout ByteReader) throws(DecodingError) {
        for _ in 0..<(try reader.count()) {
            let source = try reader.varint()
            if let last = self.entries.last, last.source >= source {
                throw DecodingError(offset: reader.offset)
            }
            self.entries.append(Entry(source: source, upTo: try reader.varint()))
        }
    }
}

/// Sizes of item collections that were proposed and that the store does not show yet.
struct CollectionOverlay: Equatable {
    private struct Departure: Equatable {
        var index: UInt64
        var prefix: [UInt8]
    }

    private var sizes: [[UInt8]: (index: UInt64, bytes: UInt64)] = [:]
    private var departures: [Departure] = []

    subscript(prefix: [UInt8]) -> UInt64? { self.sizes.isEmpty ? nil : self.sizes[prefix]?.bytes }

    mutating func insert(_ prefix: [UInt8], _ bytes: UInt64, at index: UInt64) {
        self.sizes[prefix] = (index, bytes)
        self.departures.append(Departure(index: index, prefix: prefix))
    }

    mutating func settle(through index: UInt64) {
        guard !self.departures.isEmpty else { return }
        let count = self.departures.prefix { $0.index <= index }.count
        for departure in self.departures[..<count]
        where self.sizes[departure.prefix]?.index == departure.index {
            self.sizes[departure.prefix] = nil
        }
        self.departures.removeFirst(count)
    }

    mutating func removeAll() {
        self.sizes.removeAll()
        self.departures.removeAll()
    }

    static func == (lhs: Self, rhs: Self) -> Bool { lhs.departures == rhs.departures }
}

extension ByteWriter {
    /// A flag and, if there is one, the value.
    mutating func optional<Value>(
        _ value: Value?,
        _ write: (inout ByteWriter, Value) -> Void
    ) {
        self.bool(value != nil)
        if let value { write(&self, value) }
    }
}
