package import Primitives

/// One change of one item on its way to another region: the whole new image, or a deletion.
package struct RemoteChange: Equatable, Sendable {
    /// The change's place in its source partition's stream; zero in a backfill.
    package var ordinal: UInt64
    /// The item's encoded key.
    package var key: [UInt8]
    /// The version's stamp and what it had seen.
    package var version: VersionVector
    /// The packed item; nil for a deletion.
    package var image: [UInt8]?
    /// When it was committed at the source; zero in a backfill.
    package var committedAt: Instant

    package init(
        ordinal: UInt64,
        key: [UInt8],
        version: VersionVector,
        image: [UInt8]?,
        committedAt: Instant
    ) {
        self.ordinal = ordinal
        self.key = key
        self.version = version
        self.image = image
        self.committedAt = committedAt
    }

    /// About what the change takes in a frame.
    package var size: Int { 32 + self.key.count + (self.image?.count ?? 0) }

    package func encode(into writer: inout ByteWriter) {
        let hasOthers = !self.version.others.isEmpty
        writer.u8((self.image == nil ? 1 : 0) | (hasOthers ? 2 : 0))
        writer.varint(self.ordinal)
        writer.u64(self.committedAt.nanoseconds)
        self.version.stamp.encode(into: &writer)
        if hasOthers { self.version.encodeOthers(into: &writer) }
        writer.block(self.key)
        if let image = self.image { writer.block(image) }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        let flags = try reader.u8()
        guard flags <= 3 else { throw DecodingError(offset: reader.offset - 1) }
        self.ordinal = try reader.varint()
        self.committedAt = Instant(nanoseconds: try reader.u64())
        let stamp = try Stamp(from: &reader)
        self.version =
            flags & 2 != 0
            ? try VersionVector(stamp: stamp, othersFrom: &reader) : VersionVector(stamp)
        self.key = try reader.block()
        self.image = flags & 1 == 0 ? try reader.block() : nil
    }
}

/// Several changes of one partition, sent to one region as one frame.
///
/// Several changes of one key become the last of them, as the real service's replicator may also
/// combine them; the extent still counts all.
package struct ChangeBatch: Equatable, Sendable {
    /// Which part of the source's stream the batch is.
    package enum Extent: Equatable, Sendable {
        /// The changes `previous + 1 ... upTo`.
        case following(previous: UInt64, upTo: UInt64)
        /// A part of the source's items; moves no cursor.
        case backfill
        /// The last part of the source's items: with it the receiver has all changes `... upTo`.
        case backfilled(upTo: UInt64)
    }

    package var source: RegionID
    /// The number of the source partition.
    package var epoch: UInt64
    package var extent: Extent
    package var changes: [RemoteChange]

    package init(source: RegionID, epoch: UInt64, extent: Extent, changes: [RemoteChange]) {
        self.source = source
        self.epoch = epoch
        self.extent = extent
        self.changes = changes
    }

    package func encode(into writer: inout ByteWriter) {
        writer.u8(self.source.rank)
        writer.varint(self.epoch)
        switch self.extent {
        case .following(let previous, let upTo):
            writer.u8(0)
            writer.varint(previous)
            writer.varint(upTo)
        case .backfill: writer.u8(1)
        case .backfilled(let upTo):
            writer.u8(2)
            writer.varint(upTo)
        }
        writer.varint(UInt64(self.changes.count))
        for change in self.changes { change.encode(into: &writer) }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.source = RegionID(try reader.u8())
        self.epoch = try reader.varint()
        switch try reader.u8() {
        case 0:
            let previous = try reader.varint()
            let upTo = try reader.varint()
            guard previous < upTo else { throw DecodingError(offset: reader.offset) }
            self.extent = .following(previous: previous, upTo: upTo)
        case 1: self.extent = .backfill
        case 2: self.extent = .backfilled(upTo: try reader.varint())
        default: throw DecodingError(offset: reader.offset - 1)
        }
        self.changes = []
        for _ in 0..<(try reader.count()) {
            self.changes.append(try RemoteChange(from: &reader))
        }
    }
}
