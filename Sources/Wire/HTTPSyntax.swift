/// The bytes that RFC 9110 §5 allows where, and comparisons without regard to case.
enum HTTPSyntax {
    /// Bit n of word n / 64: byte n is a token character (RFC 9110 §5.6.2).
    private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    static func isToken(_ byte: UInt8) -> Bool {
        // Nearly all bytes of nearly all names.
        if (byte | 0x20) &- 0x61 < 26 { return true }
        if byte < 64 { return self.tokenLow >> UInt64(byte) & 1 == 1 }
        return byte < 128 && self.tokenHigh >> UInt64(byte - 64) & 1 == 1
    }

    /// A byte of a header's value: tab, space, visible ASCII or anything above ASCII.
    static func isFieldContent(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Whether `bytes[range]` spells `literal`, which is in lower case, in any case.
    ///
    /// Only for literals of letters and hyphens, or other bytes that have bit 5 set.
    static func matches(_ bytes: [UInt8], _ range: Range<Int>, _ literal: StaticString) -> Bool {
        guard range.count == literal.utf8CodeUnitCount else { return false }
        let start = literal.utf8Start
        return bytes.withUnsafeBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[range])
            for index in text.indices {
                let byte = text[index]
                let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
                if folded != start[index] { return false }
            }
            return true
        }
    }

    /// The range without blanks at its ends.
    static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high, self.isBlank(bytes[low]) { low += 1 }
        while high > low, self.isBlank(bytes[high - 1]) { high -= 1 }
        return low..<high
    }

    /// A decimal number of digits only; nil when it is malformed or above `Int.max`.
    static func decimal(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 19 else { return nil }
        var value = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(digit))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Splits a header line into name and trimmed value.
    static func header(
        _ bytes: [UInt8],
        _ line: Range<Int>
    ) throws(HTTPError) -> (name: Range<Int>, value: Range<Int>) {
        let end = bytes.withUnsafeBytes { self.endOfName($0, line) }
        guard let colon = end else { throw .badHeader }
        let value = self.trimmed(bytes, colon + 1..<line.upperBound)
        return (line.lowerBound..<colon, value)
    }

    /// Where the colon of a header line is; nil when the name is no token or the value holds a
    /// control byte.
    private static func endOfName(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Int? {
        let text = UnsafeRawBufferPointer(rebasing: bytes[line])
        var colon = 0
        while colon < text.count, self.isToken(text[colon]) { colon += 1 }
        guard colon > 0, colon < text.count, text[colon] == UInt8(ascii: ":"),
            self.isFieldContent(UnsafeRawBufferPointer(rebasing: text[(colon + 1)...]))
        else { return nil }
        return line.lowerBound + colon
    }

    /// Whether all bytes may stand in a header's value.
    ///
    /// Eight bytes a step, see ``WordOfBytes``: values are most of a request's head.
    private static func isFieldContent(_ text: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index + 8 <= text.count {
            let word = WordOfBytes(text, at: index)
            if word.below(0x20) | word.equal(to: 0x7F) != 0 {
                // Unless it is a tab, which is rare.
                for index in index..<index + 8 where !self.isFieldContent(text[index]) {
                    return false
                }
            }
            index += 8
        }
        while index < text.count {
            guard self.isFieldContent(text[index]) else { return false }
            index += 1
        }
        return true
    }

    /// Visits the elements of a comma-separated list, trimmed, empty ones left out.
    static func forEachElement(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ visit: (Range<Int>) -> Void
    ) {
        var start = range.lowerBound
        for index in range.lowerBound...range.upperBound
        where index == range.upperBound || bytes[index] == UInt8(ascii: ",") {
            let element = self.trimmed(bytes, start..<index)
            if !element.isEmpty { visit(element) }
            start = index + 1
        }
    }
}
