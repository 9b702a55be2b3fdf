import DataModel
import Primitives
import Testing

/// A number as one decimal digit for each power of ten: slow, and obviously right.
private struct NaiveNumber: Equatable {
    static let lowest = -170
    var isNegative = false
    /// Digits from 10^130 down to 10^-170.
    var digits = [Int](repeating: 0, count: 301)

    init(digits: [Int], isNegative: Bool) {
        self.digits = digits
        self.isNegative = isNegative && digits.contains { $0 != 0 }
    }

    init(_ text: String) {
        var mantissa = text[...]
        var exponent = 0
        if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            exponent = Int(text[text.index(after: mark)...])!
            mantissa = text[..<mark]
        }
        if mantissa.hasPrefix("-") { self.isNegative = true }
        if mantissa.hasPrefix("-") || mantissa.hasPrefix("+") { mantissa.removeFirst() }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0].compactMap(\.wholeNumberValue)
        let fraction = parts.count > 1 ? parts[1].compactMap(\.wholeNumberValue) : []
        for (offset, digit) in (whole + fraction).enumerated() where digit != 0 {
            self.digits[130 - (whole.count - 1 - offset + exponent)] = digit
        }
        if !self.digits.contains(where: { $0 != 0 }) { self.isNegative = false }
    }

    static func compare(_ lhs: NaiveNumber, _ rhs: NaiveNumber) -> ScalarOrder {
        if lhs == rhs { return .equal }
        if lhs.isNegative != rhs.isNegative { return lhs.isNegative ? .less : .greater }
        let isLess = lhs.digits.lexicographicallyPrecedes(rhs.digits)
        return isLess != lhs.isNegative ? .less : .greater
    }

    static func sum(_ lhs: NaiveNumber, _ rhs: NaiveNumber) -> NaiveNumber {
        if lhs.isNegative == rhs.isNegative {
            return NaiveNumber(
                digits: self.carried(zip(lhs.digits, rhs.digits).map(+)),
                isNegative: lhs.isNegative
            )
        }
        let isLess = lhs.digits.lexicographicallyPrecedes(rhs.digits)
        let (large, small) = isLess ? (rhs, lhs) : (lhs, rhs)
        return NaiveNumber(
            digits: self.carried(zip(large.digits, small.digits).map(-)),
            isNegative: large.isNegative
        )
    }

    private static func carried(_ columns: [Int]) -> [Int] {
        var digits = columns
        for index in stride(from: digits.count - 1, to: 0, by: -1) {
            let carry = digits[index] < 0 ? -1 : digits[index] / 10
            digits[index] -= carry * 10
            digits[index - 1] += carry
        }
        return digits
    }

    /// What DynamoDB makes of the number: its plain text, or the error.
    var stored: Result<String, NumberError> {
        guard let first = self.digits.firstIndex(where: { $0 != 0 }),
            let last = self.digits.lastIndex(where: { $0 != 0 })
        else { return .success("0") }
        if 130 - first > 125 { return .failure(.overflow) }
        if 130 - first < -130 { return .failure(.underflow) }
        if last - first >= 38 { return .failure(.tooManyDigits) }
        let whole = self.digits[min(first, 130)...130].map(String.init).joined()
        let fraction = last > 130 ? "." + self.digits[131...last].map(String.init).joined() : ""
        return .success((self.isNegative ? "-" : "") + whole + fraction)
    }
}

@Suite("Numbers against a naive model")
struct DecimalNumberModelTests {
    @Test("parsing, printing and packing agree", arguments: [1, 2, 3] as [UInt64])
    func textAgrees(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        for round in 0..<3_000 {
            let input = samples.numberText()
            let mine = Result { () throws(NumberError) in try DecimalNumber(text: input) }
            let printed = mine.map { text($0.text) }
            #expect(printed == NaiveNumber(input).stored, "seed \(seed) round \(round): \(input)")
            guard let number = try? mine.get() else { continue }
            #expect(try DecimalNumber(packed: number.packed) == number)
            #expect(number.packed.count == number.packedCount)
        }
    }

    @Test("order, hash and packed order agree", arguments: [4, 5, 6] as [UInt64])
    func orderAgrees(seed: UInt64) {
        var samples = Samples(seed: seed)
        var previous = samples.number()
        for round in 0..<3_000 {
            // Close neighbours are more telling than two draws from 256 orders of magnitude.
            var number = samples.number()
            if samples.below(2) == 0, let near = try? DecimalNumber.adding(previous, number) {
                number = near
            }
            let expected = NaiveNumber.compare(
                NaiveNumber(text(previous.text)),
                NaiveNumber(text(number.text))
            )
            let order: ScalarOrder =
                previous < number ? .less : previous == number ? .equal : .greater
            #expect(order == expected, "seed \(seed) round \(round): \(previous) \(number)")
            #expect(ByteOrder.compare(previous.packed, number.packed) == expected)
            #expect((previous.hashValue == number.hashValue) || previous != number)
            previous = number
        }
    }

    @Test("sums agree, errors included", arguments: [7, 8, 9] as [UInt64])
    func sumsAgree(seed: UInt64) {
        var samples = Samples(seed: seed)
        var stored = 0
        for round in 0..<3_000 {
            let (left, right) = (samples.number(), samples.number())
            let naive = (NaiveNumber(text(left.text)), NaiveNumber(text(right.text)))
            let sum = Result { () throws(NumberError) in try DecimalNumber.adding(left, right) }
            #expect(
                sum.map { text($0.text) } == NaiveNumber.sum(naive.0, naive.1).stored,
                "seed \(seed) round \(round): \(left) + \(right)"
            )
            var negated = naive.1
            negated = NaiveNumber(digits: negated.digits, isNegative: !negated.isNegative)
            let difference = Result { () throws(NumberError) in
                try DecimalNumber.subtracting(left, right)
            }
            #expect(
                difference.map { text($0.text) } == NaiveNumber.sum(naive.0, negated).stored,
                "seed \(seed) round \(round): \(left) - \(right)"
            )
            if case .success = sum { stored += 1 }
        }
        #expect(stored > 300, "the draws must reach the case that succeeds")
    }
}
