/// Eight bytes of a text that are looked at in one step.
///
/// In what the tests yield, the top bit of a byte tells of that byte (Bit Twiddling Hacks,
/// "Determine if a word has a zero byte"). A borrow can only raise bits above a true one: whether
/// there is any, and which is the first, is exact.
struct WordOfBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    private let bytes: UInt64

    /// The bytes from `offset` on; eight must be left.
    @inline(__always)
    init(_ text: UnsafeRawBufferPointer, at offset: Int) {
        self.bytes = UInt64(
            littleEndian: text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        )
    }

    /// Bytes less than `limit`, which is at most 0x80.
    @inline(__always)
    func below(_ limit: UInt8) -> UInt64 {
        (self.bytes &- Self.ones &* UInt64(limit)) & ~self.bytes & Self.tops
    }

    @inline(__always)
    func equal(to byte: UInt8) -> UInt64 {
        let rest = self.bytes ^ (Self.ones &* UInt64(byte))
        return (rest &- Self.ones) & ~rest & Self.tops
    }

    /// Bytes that are not ASCII.
    @inline(__always)
    var notASCII: UInt64 { self.bytes & Self.tops }

    /// Which of the eight bytes a test found first; not for zero.
    @inline(__always)
    static func first(_ found: UInt64) -> Int { found.trailingZeroBitCount / 8 }
}
