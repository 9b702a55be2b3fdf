/// Appends fixed-width little-endian integers, varints and length-prefixed bytes to a buffer.
package struct ByteWriter: Sendable {
    package var bytes: [UInt8]

    package init(reserving capacity: Int = 0) {
        self.bytes = []
        if capacity > 0 { self.bytes.reserveCapacity(capacity) }
    }

    package mutating func u8(_ value: UInt8) { self.bytes.append(value) }
    package mutating func bool(_ value: Bool) { self.bytes.append(value ? 1 : 0) }
    package mutating func u16(_ value: UInt16) { self.fixed(value.littleEndian) }
    package mutating func u32(_ value: UInt32) { self.fixed(value.littleEndian) }
    package mutating func u64(_ value: UInt64) { self.fixed(value.littleEndian) }

    /// LEB128: seven bits a byte, low bits first.
    package mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }

    /// Raw bytes without a length.
    package mutating func raw(_ value: [UInt8]) { self.bytes.append(contentsOf: value) }

    /// A varint length, then the bytes.
    package mutating func block(_ value: [UInt8]) {
        self.varint(UInt64(value.count))
        self.bytes.append(contentsOf: value)
    }

    package mutating func string(_ value: String) {
        self.varint(UInt64(value.utf8.count))
        self.bytes.append(contentsOf: value.utf8)
    }

    private mutating func fixed<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value) { self.bytes.append(contentsOf: $0) }
    }
}
