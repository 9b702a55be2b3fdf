/// Why a text or a sum is not a number DynamoDB can store.
package enum NumberError: Error, Hashable, Sendable {
    /// Not an optional sign, digits with an optional point, and an optional exponent.
    case malformed
    /// A magnitude of 1E+126 or more.
    case overflow
    /// A magnitude below 1E-130, but not zero.
    case underflow
    /// More than 38 significant digits.
    case tooManyDigits

    /// DynamoDB's words for the error; after those of ``malformed`` it repeats the offending text.
    package var message: String {
        switch self {
        case .malformed: "The parameter cannot be converted to a numeric value"
        case .overflow:
            "Number overflow. Attempting to store a number with magnitude larger than supported"
                + " range"
        case .underflow:
            "Number underflow. Attempting to store a number with magnitude smaller than supported"
                + " range"
        case .tooManyDigits: "Attempting to store more than 38 significant digits in a Number"
        }
    }
}

/// A decimal number of up to 38 significant digits, 1E-130 to 9.99…E+125 in magnitude, or zero.
///
/// It is held as its packed form, whose unsigned byte order is the numeric order, so that numbers
/// compare, hash and serve as sort keys without decoding:
///
/// - zero is the byte 0x80;
/// - a positive number is the byte 0x80 + 65 + *x*, then its digits in base 100, each plus one,
///   where *x* (-65…62) is the power of 100 of the first digit;
/// - a negative number is the byte 0x7F - 65 - *x*, then each digit as 101 minus it, then 0xFF,
///   which keeps a longer (so more negative) number before its prefix.
///
/// Trailing zero digits are dropped, so equal numbers have equal bytes. Apart from the first, no
/// byte is zero, so a packed number may be followed by 0x00 inside a composite key. The length is
/// also the size in bytes that DynamoDB counts for the number. At most 22 bytes: they live in three
/// big-endian words, zero-padded, with the length in the last byte, and need no heap.
package struct DecimalNumber: Hashable, Comparable, Sendable {
    private var word0: UInt64
    private var word1: UInt64
    private var word2: UInt64

    package static let packedBytesMax = 22

    package static let zero = DecimalNumber(0)

    /// Packs `digits`, which must be normalised and in range.
    init(_ digits: CentesimalDigits) {
        var packer = NumberPacker()
        if digits.count == 0 {
            packer.append(0x80)
        } else if digits.isNegative {
            packer.append(UInt8(0x7F - 65 - digits.exponent))
            for index in 0..<digits.count { packer.append(101 - digits[index]) }
            packer.append(0xFF)
        } else {
            packer.append(UInt8(0x80 + 65 + digits.exponent))
            for index in 0..<digits.count { packer.append(digits[index] + 1) }
        }
        self.init(packer)
    }

    /// Takes packed bytes that are known to be good, such as those inside an ``Item``.
    package init(trusted bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= 1 && bytes.count <= Self.packedBytesMax)
        var packer = NumberPacker()
        for byte in bytes { packer.append(byte) }
        self.init(packer)
    }

    private init(_ packer: NumberPacker) {
        self.word0 = packer.words[0]
        self.word1 = packer.words[1]
        self.word2 = packer.words[2] | UInt64(packer.count)
    }

    package init(_ value: Int) {
        self.init(CentesimalDigits(value))
    }

    package init(text: UnsafeRawBufferPointer) throws(NumberError) {
        self = try NumberScanner.number(text).get()
    }

    package init(text: [UInt8]) throws(NumberError) {
        self = try text.withUnsafeBytes { NumberScanner.number($0) }.get()
    }

    package init(text: String) throws(NumberError) {
        try self.init(text: Array(text.utf8))
    }

    /// Checks that the bytes are exactly what ``packed`` yields for some number.
    package init(packed bytes: UnsafeRawBufferPointer) throws(NumberError) {
        guard bytes.count >= 1, bytes.count <= Self.packedBytesMax else { throw .malformed }
        self.init(trusted: bytes)
        guard let digits = self.digits, digits.isNormalised else { throw .malformed }
        guard digits.decimalDigitCount <= ItemLimits.numberDigitsMax else { throw .tooManyDigits }
    }

    package init(packed bytes: [UInt8]) throws(NumberError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(NumberError) in try DecimalNumber(packed: buffer) }
        }
        self = try result.get()
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0 < rhs.word0 }
        if lhs.word1 != rhs.word1 { return lhs.word1 < rhs.word1 }
        return lhs.word2 < rhs.word2
    }

    package var isZero: Bool { self.word0 == 0x80 << 56 }
    package var isNegative: Bool { self.word0 < 0x80 << 56 }

    /// Bytes of the packed form, and so the bytes that DynamoDB counts for the number.
    package var packedCount: Int { Int(self.word2 & 0xFF) }

    package var packed: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.packedCount)
        self.appendPacked(to: &bytes)
        return bytes
    }

    package func appendPacked(to bytes: inout [UInt8]) {
        for index in 0..<self.packedCount { bytes.append(self.packedByte(at: index)) }
    }

    private func packedByte(at index: Int) -> UInt8 {
        let word = index < 8 ? self.word0 : index < 16 ? self.word1 : self.word2
        return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
    }

    /// The number's base-100 digits, or nil when the packed bytes are not well formed.
    var digits: CentesimalDigits? {
        let header = Int(self.packedByte(at: 0))
        var count = self.packedCount - 1
        if count == 0 { return header == 0x80 ? CentesimalDigits() : nil }
        var digits = CentesimalDigits()
        digits.isNegative = header < 0x80
        digits.exponent = digits.isNegative ? 0x7F - 65 - header : header - 0x80 - 65
        if digits.isNegative {
            guard self.packedByte(at: count) == 0xFF else { return nil }
            count -= 1
        }
        for index in 0..<count {
            let byte = self.packedByte(at: index + 1)
            let digit = digits.isNegative ? 101 &- byte : byte &- 1
            guard digit < 100 else { return nil }
            digits.append(digit)
        }
        return count == 0 ? nil : digits
    }

    /// The number as a machine integer, or nil when it has a fraction or does not fit.
    package var int: Int? { self.digits?.int }
}

/// Fills the three words of a packed number from its first byte on.
private struct NumberPacker {
    var words = InlineArray<3, UInt64>(repeating: 0)
    var count = 0

    mutating func append(_ byte: UInt8) {
        self.words[self.count >> 3] |= UInt64(byte) << UInt64(56 - 8 * (self.count & 7))
        self.count += 1
    }
}
