import DataModel
import Primitives

/// The text of a byte string, for readable failures.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

func number(_ text: String) throws -> DecimalNumber { try DecimalNumber(text: text) }

/// Draws values, items and numbers of every shape from a seed.
struct Samples {
    var random: SplitMix64

    init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

    mutating func below(_ bound: Int) -> Int { Int(self.random.below(UInt64(bound))) }

    mutating func bytes(max: Int) -> [UInt8] {
        let count = self.below(max + 1)
        return (0..<count).map { _ in UInt8(self.below(256)) }
    }

    mutating func string(max: Int) -> [UInt8] {
        let alphabet: [Character] = ["a", "b", "c", "é", "\u{301}", "語", "🐢", "\0", "~"]
        let count = self.below(max + 1)
        return utf8(String((0..<count).map { _ in alphabet[self.below(alphabet.count)] }))
    }

    /// A number's text with up to 38 digits, anywhere in the range, in any spelling.
    mutating func numberText() -> String {
        let digitCount = 1 + self.below(self.below(2) == 0 ? 4 : 38)
        let digits = (0..<digitCount).map { _ in self.below(3) == 0 ? 0 : self.below(10) }
        let exponent = self.below(2) == 0 ? self.below(12) - 6 : self.below(256 - 38) - 130
        let sign = ["", "-", "+"][self.below(3)]
        let joined = digits.map(String.init).joined()
        switch self.below(3) {
        case 0: return "\(sign)\(joined)"
        case 1: return "\(sign)\(digits[0]).\(joined.dropFirst())e\(exponent)"
        default: return "\(sign)0.00\(joined)E\(exponent >= 0 ? "+" : "")\(exponent + 3)"
        }
    }

    mutating func number() -> DecimalNumber {
        while true {
            if let number = try? DecimalNumber(text: self.numberText()) { return number }
        }
    }

    mutating func value(depth: Int = 3) -> AttributeValue {
        switch self.below(depth > 0 ? 10 : 5) {
        case 0: return .null
        case 1: return .bool(self.below(2) == 0)
        case 2: return .number(self.number())
        case 3: return .string(self.string(max: self.below(10) == 0 ? 300 : 12))
        case 4: return .binary(self.bytes(max: 12))
        case 5: return .list((0..<self.below(5)).map { _ in self.value(depth: depth - 1) })
        case 6: return .map(self.map(depth: depth - 1))
        case 7: return .stringSet((0...self.below(4)).map { _ in self.string(max: 6) })
        case 8: return .numberSet((0...self.below(4)).map { _ in self.number() })
        default: return .binarySet((0...self.below(4)).map { _ in self.bytes(max: 6) })
        }
    }

    mutating func map(depth: Int = 3) -> AttributeMap {
        let count = self.below(self.below(20) == 0 ? 200 : 6)
        return AttributeMap(
            (0..<count).map { _ in (self.string(max: 8), self.value(depth: depth)) }
        )
    }
}
