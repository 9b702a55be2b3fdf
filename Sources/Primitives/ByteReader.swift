/// Bytes that end too early or hold what no writer writes.
package struct DecodingError: Error, Equatable, Sendable {
    package var offset: Int
    package init(offset: Int) { self.offset = offset }
}

/// Reads what ``ByteWriter`` wrote; every read is bounds-checked and throws instead of trapping,
/// because the bytes come from sockets and disks.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    private(set) package var offset: Int
    private let end: Int

    package init(_ bytes: [UInt8]) { self.init(bytes, in: 0..<bytes.count) }

    package init(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        self.offset = range.lowerBound
        self.end = range.upperBound
    }

    package var remaining: Int { self.end - self.offset }
    package var isAtEnd: Bool { self.offset == self.end }

    package mutating func u8() throws(DecodingError) -> UInt8 {
        guard self.offset < self.end else { throw DecodingError(offset: self.offset) }
        defer { self.offset += 1 }
        return self.bytes[self.offset]
    }

    package mutating func bool() throws(DecodingError) -> Bool {
        let value = try self.u8()
        guard value <= 1 else { throw DecodingError(offset: self.offset - 1) }
        return value == 1
    }

    package mutating func u16() throws(DecodingError) -> UInt16 { try self.fixed() }
    package mutating func u32() throws(DecodingError) -> UInt32 { try self.fixed() }
    package mutating func u64() throws(DecodingError) -> UInt64 { try self.fixed() }

    package mutating func varint() throws(DecodingError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try self.u8()
            guard shift < 63 || byte <= 1 else { throw DecodingError(offset: self.offset - 1) }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
    }

    /// A count that a sane writer can have written: no more than the bytes that remain.
    package mutating func count() throws(DecodingError) -> Int {
        let value = try self.varint()
        guard value <= UInt64(self.remaining) else { throw DecodingError(offset: self.offset) }
        return Int(value)
    }

    package mutating func raw(_ count: Int) throws(DecodingError) -> [UInt8] {
        guard count >= 0, count <= self.remaining else { throw DecodingError(offset: self.offset) }
        defer { self.offset += count }
        return Array(self.bytes[self.offset..<self.offset + count])
    }

    package mutating func block() throws(DecodingError) -> [UInt8] {
        try self.raw(try self.count())
    }

    package mutating func string() throws(DecodingError) -> String {
        let bytes = try self.block()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DecodingError(offset: self.offset)
        }
        return text
    }

    private mutating func fixed<Integer: FixedWidthInteger>() throws(DecodingError) -> Integer {
        let width = MemoryLayout<Integer>.size
        guard width <= self.remaining else { throw DecodingError(offset: self.offset) }
        defer { self.offset += width }
        let value = self.bytes.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: self.offset, as: Integer.self)
        }
        return Integer(littleEndian: value)
    }
}
