package import DataModel
import Primitives
package import Replication

/// One version of an item as the store, the log and the overlay hold it.
///
/// ```
/// flags u8 | stamp 9 | hash u64 | size u32 | [other stamps] | packed item
/// ```
///
/// The hash sums into the partition's digest and the size is the item's as DynamoDB counts it; both
/// stand in the record so that a write need not walk the version that it replaces. A tombstone has
/// neither item nor size, and a hash of zero: digests tell live items only.
package struct ItemRecord: Equatable, Sendable {
    private static let tombstoneFlag: UInt8 = 1
    private static let othersFlag: UInt8 = 2
    private static let headerSize = 1 + Stamp.encodedSize + 8 + 4

    /// The encoded record.
    package let bytes: [UInt8]
    package let version: VersionVector
    /// What the record adds to its digest bucket.
    package let hash: UInt64
    /// The item's size as DynamoDB counts it; zero for a tombstone.
    package let size: Int
    package let isTombstone: Bool
    private let imageStart: Int

    package var stamp: Stamp { self.version.stamp }

    /// A new version; without an image a tombstone.
    package init(key: ItemKey, version: VersionVector, image: [UInt8]?, size: Int) {
        let hash = image.map { Self.hash(key.bytes, version.stamp, $0) } ?? 0
        let hasOthers = !version.others.isEmpty
        let extra = hasOthers ? 1 + version.others.count * Stamp.encodedSize : 0
        var writer = ByteWriter(reserving: Self.headerSize + extra + (image?.count ?? 0))
        writer.u8((image == nil ? Self.tombstoneFlag : 0) | (hasOthers ? Self.othersFlag : 0))
        version.stamp.encode(into: &writer)
        writer.u64(hash)
        writer.u32(UInt32(size))
        if hasOthers { version.encodeOthers(into: &writer) }
        self.imageStart = writer.bytes.count
        if let image { writer.raw(image) }
        self.bytes = writer.bytes
        self.version = version
        self.hash = hash
        self.size = size
        self.isTombstone = image == nil
    }

    /// The item of an encoded record and its size, without the rest; nil for a tombstone.
    ///
    /// A page of a query takes nothing else of a record, and copies only the item.
    static func item(
        of record: UnsafeRawBufferPointer
    ) throws(StoreError) -> (item: Item, size: Int)? {
        guard record.count >= self.headerSize,
            record[0] <= self.tombstoneFlag | self.othersFlag
        else { throw .corrupt("an item record of \(record.count) bytes") }
        let isTombstone = record[0] & self.tombstoneFlag != 0
        var start = self.headerSize
        if record[0] & self.othersFlag != 0 {
            guard record.count > start else { throw .corrupt("item record at byte \(start)") }
            start += 1 + Int(record[start]) * Stamp.encodedSize
        }
        guard record.count > start || isTombstone && record.count == start else {
            throw .corrupt("item record at byte \(start)")
        }
        guard !isTombstone else { return nil }
        let size = record.loadUnaligned(fromByteOffset: self.headerSize - 4, as: UInt32.self)
        let image = UnsafeRawBufferPointer(rebasing: record[start...])
        return (Item(trusted: Array(image)), Int(UInt32(littleEndian: size)))
    }

    /// Reads a record back.
    ///
    /// The image is trusted: it was validated when it came in and the store checks its blocks.
    package init(_ bytes: [UInt8]) throws(StoreError) {
        do throws(DecodingError) {
            var reader = ByteReader(bytes)
            let flags = try reader.u8()
            guard flags <= Self.tombstoneFlag | Self.othersFlag else {
                throw DecodingError(offset: 0)
            }
            let stamp = try Stamp(from: &reader)
            self.hash = try reader.u64()
            self.size = Int(try reader.u32())
            self.version =
                flags & Self.othersFlag != 0
                ? try VersionVector(stamp: stamp, othersFrom: &reader) : VersionVector(stamp)
            self.imageStart = reader.offset
            self.isTombstone = flags & Self.tombstoneFlag != 0
            guard reader.isAtEnd == self.isTombstone else {
                throw DecodingError(offset: reader.offset)
            }
            self.bytes = bytes
        } catch {
            throw .corrupt("item record at byte \(error.offset)")
        }
    }

    package init(_ buffer: UnsafeRawBufferPointer) throws(StoreError) {
        try self.init(Array(buffer))
    }

    /// The packed item, or nil for a tombstone.
    package var image: [UInt8]? {
        self.isTombstone ? nil : Array(self.bytes[self.imageStart...])
    }

    package var item: Item? { self.image.map { Item(trusted: $0) } }

    /// What a version adds to its digest bucket: the same in every region that stores it.
    package static func hash(_ key: [UInt8], _ stamp: Stamp, _ image: [UInt8]) -> UInt64 {
        let seed = stamp.time &* 0x9E37_79B1_85EB_CA87 &+ UInt64(stamp.region.rank)
        return XXHash64.hash(image, seed: XXHash64.hash(key, seed: seed))
    }

    /// Whether the stored hash is that of the stored image.
    package func hashMatches(_ key: ItemKey) -> Bool {
        self.hash == (self.image.map { Self.hash(key.bytes, self.stamp, $0) } ?? 0)
    }
}
