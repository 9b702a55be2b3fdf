import CRocksDB
import Tables

/// Writes that wait for the turn's commit, in the form in which RocksDB logs a batch.
///
/// Encoded here and not through `rocksdb_writebatch_put_cf`, which needs the handles of an open
/// database: a batch must outlive a database that is closed and reopened for want of space. The
/// form is that of every write-ahead log (db/write_batch.cc): sequence u64, count u32, then records
/// of tag, column family, key and value, each with its length.
struct PendingBatch {
    private enum Tag {
        static let deletion: UInt8 = 0x0
        static let value: UInt8 = 0x1
        static let rangeDeletion: UInt8 = 0xF
        static let familyDeletion: UInt8 = 0x4
        static let familyValue: UInt8 = 0x5
        static let familyRangeDeletion: UInt8 = 0xE
    }

    /// RocksDB numbers families in the order of their making; the log is the first after the
    /// default.
    private static let logFamily: UInt8 = 1
    private static let headerBytes = 12
    /// Buffers larger than this give their memory back after the commit.
    private static let retainedBytesMax = 4 << 20

    private var bytes = [UInt8](repeating: 0, count: PendingBatch.headerBytes)
    private var count: UInt32 = 0

    var isEmpty: Bool { self.count == 0 }
    var byteCount: Int { self.bytes.count - Self.headerBytes }

    mutating func put(_ space: Space, _ key: [UInt8], _ value: [UInt8]) {
        self.begin(space, Tag.value, Tag.familyValue)
        self.append(space, key)
        self.appendLength(value.count)
        self.bytes.append(contentsOf: value)
    }

    mutating func delete(_ space: Space, _ key: [UInt8]) {
        self.begin(space, Tag.deletion, Tag.familyDeletion)
        self.append(space, key)
    }

    mutating func deleteRange(_ space: Space, _ from: [UInt8], _ to: [UInt8]) {
        // RocksDB refuses a whole batch for one range that is upside down.
        guard from.lexicographicallyPrecedes(to) else { return }
        self.begin(space, Tag.rangeDeletion, Tag.familyRangeDeletion)
        self.append(space, from)
        self.append(space, to)
    }

    /// The batch as RocksDB's object; the caller destroys it.
    mutating func copied() -> OpaquePointer? {
        self.bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: self.count.littleEndian, toByteOffset: 8, as: UInt32.self)
            return rocksdb_writebatch_create_from(
                raw.baseAddress?.assumingMemoryBound(to: CChar.self),
                raw.count
            )
        }
    }

    mutating func clear() {
        if self.bytes.capacity > Self.retainedBytesMax { self.bytes = [] }
        self.bytes.removeAll(keepingCapacity: true)
        self.bytes.append(contentsOf: repeatElement(0, count: Self.headerBytes))
        self.count = 0
    }

    private mutating func begin(_ space: Space, _ tag: UInt8, _ familyTag: UInt8) {
        self.count += 1
        if space == .log {
            self.bytes.append(familyTag)
            self.bytes.append(Self.logFamily)
        } else {
            self.bytes.append(tag)
        }
    }

    private mutating func append(_ space: Space, _ key: [UInt8]) {
        self.appendLength(key.count + 1)
        self.bytes.append(space.rawValue)
        self.bytes.append(contentsOf: key)
    }

    private mutating func appendLength(_ length: Int) {
        var rest = UInt32(length)
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }
}
