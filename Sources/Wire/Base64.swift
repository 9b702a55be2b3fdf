/// Why a text is not base 64 (RFC 4648 §4, with padding and without line breaks).
enum Base64Error: Error, Equatable, Sendable {
    case badLength(Int)
    case badByte(UInt8)
    /// Padding inside the text, or bits in the last character that no byte takes.
    case badEnding
}

/// Binary values as JSON carries them.
enum Base64 {
    /// A byte's value in the alphabet; 64 for `=`, 255 for all others.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, byte) in Self.alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        values[Int(UInt8(ascii: "="))] = 64
        return values
    }()

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    static func decode(_ text: UnsafeRawBufferPointer) throws(Base64Error) -> [UInt8] {
        guard text.count % 4 == 0 else { throw .badLength(text.count) }
        guard !text.isEmpty else { return [] }
        var out: [UInt8] = []
        out.reserveCapacity(text.count / 4 * 3)
        var failure: Base64Error?
        self.values.withUnsafeBufferPointer { values in
            var offset = 0
            while offset + 4 < text.count || offset + 4 == text.count && text[offset + 3] != 0x3D {
                let a = values[Int(text[offset])]
                let b = values[Int(text[offset + 1])]
                let c = values[Int(text[offset + 2])]
                let d = values[Int(text[offset + 3])]
                guard a | b | c | d < 64 else {
                    failure = self.firstProblem(text, offset)
                    return
                }
                out.append(a << 2 | b >> 4)
                out.append(b << 4 | c >> 2)
                out.append(c << 6 | d)
                offset += 4
            }
            if offset < text.count { failure = self.decodeLast(text, offset, values, &out) }
        }
        if let failure { throw failure }
        return out
    }

    /// The last four characters, of which at least the last is padding.
    private static func decodeLast(
        _ text: UnsafeRawBufferPointer,
        _ offset: Int,
        _ values: UnsafeBufferPointer<UInt8>,
        _ out: inout [UInt8]
    ) -> Base64Error? {
        let a = values[Int(text[offset])]
        let b = values[Int(text[offset + 1])]
        let c = values[Int(text[offset + 2])]
        guard a < 64, b < 64, c <= 64 else { return self.firstProblem(text, offset) }
        out.append(a << 2 | b >> 4)
        guard c < 64 else { return b & 0x0F == 0 ? nil : .badEnding }
        out.append(b << 4 | c >> 2)
        return c & 0x03 == 0 ? nil : .badEnding
    }

    private static func firstProblem(
        _ text: UnsafeRawBufferPointer,
        _ offset: Int
    ) -> Base64Error {
        for byte in text[offset...] where self.values[Int(byte)] == 255 { return .badByte(byte) }
        return .badEnding
    }

    static func encodedSize(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Fills `out`, which has ``encodedSize(_:)`` bytes.
    static func encode(
        _ bytes: UnsafeRawBufferPointer,
        into out: UnsafeMutableBufferPointer<UInt8>
    ) {
        precondition(out.count == self.encodedSize(bytes.count))
        self.alphabet.withUnsafeBufferPointer { alphabet in
            var offset = 0
            var target = 0
            while offset + 3 <= bytes.count {
                let (a, b, c) = (bytes[offset], bytes[offset + 1], bytes[offset + 2])
                out[target] = alphabet[Int(a >> 2)]
                out[target + 1] = alphabet[Int((a & 3) << 4 | b >> 4)]
                out[target + 2] = alphabet[Int((b & 15) << 2 | c >> 6)]
                out[target + 3] = alphabet[Int(c & 63)]
                offset += 3
                target += 4
            }
            guard offset < bytes.count else { return }
            let hasSecond = offset + 1 < bytes.count
            let a = bytes[offset]
            let b = hasSecond ? bytes[offset + 1] : 0
            out[target] = alphabet[Int(a >> 2)]
            out[target + 1] = alphabet[Int((a & 3) << 4 | b >> 4)]
            out[target + 2] = hasSecond ? alphabet[Int((b & 15) << 2)] : UInt8(ascii: "=")
            out[target + 3] = UInt8(ascii: "=")
        }
    }
}
