package import Primitives
import Replication

extension Partition {
    /// Puts what changed of the partition's own records into the store's batch.
    ///
    /// Must be called in each turn that applied something, so that items and counts are committed
    /// together.
    package mutating func persistMeta(into store: any Store) {
        guard !self.dirty.isEmpty else { return }
        if self.dirty.contains(.core) {
            store.put(.meta, PartitionKeys.meta(self.id, .core), self.encodedCore)
        }
        if self.dirty.contains(.outbound) {
            var writer = ByteWriter(reserving: 64)
            writer.varint(UInt64(self.outbound.count))
            for (destination, cursor) in self.outbound {
                writer.u8(destination.rank)
                cursor.encode(into: &writer)
            }
            store.put(.meta, PartitionKeys.meta(self.id, .outbound), writer.bytes)
        }
        if self.dirty.contains(.inbound) {
            var writer = ByteWriter(reserving: 64)
            self.inbound.encode(into: &writer)
            store.put(.meta, PartitionKeys.meta(self.id, .inbound), writer.bytes)
        }
        self.persistIndexMeta(into: store)
        for (bucket, sum) in self.digest.takeDirty() {
            var writer = ByteWriter(reserving: 8)
            writer.u64(sum)
            store.put(.meta, PartitionKeys.meta(self.id, .digest, bucket), writer.bytes)
        }
        self.dirty = []
    }

    /// A partition as a store holds it; without items when the store holds nothing of it.
    ///
    /// - Throws: `corrupt` when its records cannot be read.
    package static func restored(
        id: PartitionID,
        descriptor: TableDescriptor,
        range: ClosedRange<Token>,
        region: RegionID,
        from store: any Store
    ) throws(StoreError) -> Partition {
        var partition = Partition(id: id, descriptor: descriptor, range: range, region: region)
        var records: [(kind: UInt8, value: [UInt8])] = []
        try store.scan(
            .meta,
            from: PartitionKeys.prefix(id),
            to: PartitionKeys.end(id),
            reverse: false
        ) { key, value in
            guard key.count == 9, key[8] < Self.firstForeignKind else { return false }
            records.append((key[8], Array(value)))
            return true
        }
        for (kind, value) in records {
            do throws(DecodingError) {
                try partition.restore(kind, value)
            } catch {
                throw .corrupt("record \(kind) of partition \(id.number)")
            }
        }
        partition.settled = ReplicationCursor(
            index: partition.appliedIndex,
            totals: partition.totals
        )
        return partition
    }

    /// Removes everything of a partition that was dropped.
    package static func erase(_ id: PartitionID, from store: any Store) {
        let from = PartitionKeys.prefix(id)
        let to = PartitionKeys.end(id)
        for space in [Space.item, .ledger, .index] { store.deleteRange(space, from: from, to: to) }
        store.deleteRange(.meta, from: from, to: from + [Self.firstForeignKind])
    }

    /// From here on, kinds of records in ``Space/meta`` belong to consensus.
    private static let firstForeignKind: UInt8 = 0x80

    private mutating func restore(_ kind: UInt8, _ value: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(value)
        switch kind {
        case PartitionKeys.Kind.core.rawValue: try self.restoreCore(from: &reader)
        case PartitionKeys.Kind.outbound.rawValue:
            for _ in 0..<(try reader.count()) {
                let destination = RegionID(try reader.u8())
                self.outbound.append((destination, try ReplicationCursor(from: &reader)))
            }
        case PartitionKeys.Kind.inbound.rawValue:
            self.inbound = try InboundCursors(from: &reader)
        case PartitionKeys.Kind.indexes.rawValue:
            for _ in 0..<(try reader.count()) {
                self.indexes.append(try MaintainedIndex(from: &reader))
            }
            self.refreshIndexKeyNames()
        case PartitionKeys.Kind.locals.rawValue: try self.restoreLocalCounts(from: &reader)
        case PartitionKeys.Kind.fences.rawValue: self.fences = try IndexFences(from: &reader)
        default:
            guard kind >= PartitionKeys.Kind.digest.rawValue else {
                throw DecodingError(offset: 0)
            }
            let bucket = Int(kind - PartitionKeys.Kind.digest.rawValue)
            self.digest.restore(try reader.u64(), at: bucket)
        }
        guard reader.isAtEnd else { throw DecodingError(offset: reader.offset) }
    }

    private func persistIndexMeta(into store: any Store) {
        if self.dirty.contains(.indexes) {
            var writer = ByteWriter(reserving: 128)
            writer.varint(UInt64(self.indexes.count))
            for index in self.indexes { index.encode(into: &writer) }
            store.put(.meta, PartitionKeys.meta(self.id, .indexes), writer.bytes)
        }
        if self.dirty.contains(.locals) {
            var writer = ByteWriter(reserving: 32)
            writer.varint(UInt64(self.localCounts.count))
            for counts in self.localCounts {
                writer.varint(counts.items)
                writer.varint(counts.bytes)
            }
            store.put(.meta, PartitionKeys.meta(self.id, .locals), writer.bytes)
        }
        if self.dirty.contains(.fences) {
            var writer = ByteWriter(reserving: 64)
            self.fences.encode(into: &writer)
            store.put(.meta, PartitionKeys.meta(self.id, .fences), writer.bytes)
        }
    }

    private mutating func restoreLocalCounts(
        from reader: inout ByteReader
    ) throws(DecodingError) {
        guard try reader.count() == self.localCounts.count else {
            throw DecodingError(offset: reader.offset)
        }
        for position in self.localCounts.indices {
            self.localCounts[position].items = try reader.varint()
            self.localCounts[position].bytes = try reader.varint()
        }
    }

    private var encodedCore: [UInt8] {
        var writer = ByteWriter(reserving: 64)
        writer.varint(self.appliedIndex)
        writer.varint(self.itemCount)
        writer.varint(self.sizeBytes)
        writer.varint(self.tombstoneCount)
        self.totals.encode(into: &writer)
        writer.varint(self.ledger.entries)
        writer.varint(self.ledger.concurrent)
        writer.varint(self.ledger.skewInversions)
        self.newest.encode(into: &writer)
        return writer.bytes
    }

    private mutating func restoreCore(from reader: inout ByteReader) throws(DecodingError) {
        self.appliedIndex = try reader.varint()
        self.itemCount = try reader.varint()
        self.sizeBytes = try reader.varint()
        self.tombstoneCount = try reader.varint()
        self.totals = try ChangeTotals(from: &reader)
        self.ledger.entries = try reader.varint()
        self.ledger.concurrent = try reader.varint()
        self.ledger.skewInversions = try reader.varint()
        // Earlier records end here.
        if !reader.isAtEnd { self.newest = try Stamp(from: &reader) }
    }
}
