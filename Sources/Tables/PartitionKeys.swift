package import DataModel
package import Primitives

/// Where a partition's records lie: every key begins with the partition's number, big-endian.
package enum PartitionKeys {
    /// The kinds of records in ``Space/meta`` that a partition owns; consensus uses 0xF0 and above.
    enum Kind: UInt8 {
        case core = 0x01
        case outbound = 0x02
        case inbound = 0x03
        /// The global indexes that a partition keeps up.
        case indexes = 0x04
        /// What its local indexes hold.
        case locals = 0x05
        /// What a partition of an index has taken in.
        case fences = 0x06
        /// Plus the number of the bucket, up to 0x7F.
        case digest = 0x40
    }

    package static func prefix(_ partition: PartitionID) -> [UInt8] {
        self.bigEndian(partition.number)
    }

    /// The first key behind everything of the partition.
    package static func end(_ partition: PartitionID) -> [UInt8] {
        self.bigEndian(partition.number + 1)
    }

    package static func item(_ partition: PartitionID, _ key: ItemKey) -> [UInt8] {
        self.item(partition, key.bytes)
    }

    package static func item(_ partition: PartitionID, _ key: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + key.count)
        withUnsafeBytes(of: partition.number.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: key)
        return bytes
    }

    /// Where the size of an item collection stands: entries of local indexes begin with 1 and more.
    static func collection(_ partition: PartitionID, _ prefix: [UInt8]) -> [UInt8] {
        self.prefix(partition) + [0] + prefix
    }

    package static func ledger(_ partition: PartitionID, _ number: UInt64) -> [UInt8] {
        self.prefix(partition) + self.bigEndian(number)
    }

    static func meta(_ partition: PartitionID, _ kind: Kind, _ offset: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(9)
        withUnsafeBytes(of: partition.number.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(kind.rawValue + UInt8(offset))
        return bytes
    }

    /// The item key inside a stored key.
    static func itemKey(_ key: UnsafeRawBufferPointer) -> ItemKey {
        ItemKey(trusted: Array(UnsafeRawBufferPointer(rebasing: key[8...])))
    }

    static func bigEndian(_ number: UInt64) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
