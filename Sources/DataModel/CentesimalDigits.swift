/// A number taken apart into digits of base 100, most significant first: the working form of
/// ``DecimalNumber`` for parsing, printing and adding.
///
/// The value is the sum of `digits[i] * 100^(exponent - i)`; zero has no digits. A stored number
/// has at most 20 digits; sums need a few more before they are checked.
struct CentesimalDigits {
    static let capacity = 24

    var isNegative = false
    /// The power of 100 of the first digit.
    var exponent = 0
    private(set) var count = 0
    private var storage = InlineArray<24, UInt8>(repeating: 0)

    init() {}

    init(_ value: Int) {
        self.isNegative = value < 0
        var rest = value.magnitude
        var reversed = CentesimalDigits()
        while rest > 0 {
            reversed.append(UInt8(rest % 100))
            rest /= 100
        }
        for index in 0..<reversed.count { self.append(reversed[reversed.count - 1 - index]) }
        self.exponent = self.count - 1
        self.trim()
    }

    subscript(index: Int) -> UInt8 { self.storage[index] }

    mutating func append(_ digit: UInt8) {
        self.storage[self.count] = digit
        self.count += 1
    }

    /// The digit at the given power of 100; zero outside the digits held.
    func digit(atPower power: Int) -> UInt8 {
        let index = self.exponent - power
        return index >= 0 && index < self.count ? self.storage[index] : 0
    }

    /// The power of 100 of the last digit.
    var lowestPower: Int { self.exponent - self.count + 1 }

    var isNormalised: Bool {
        self.count == 0 || (self.storage[0] != 0 && self.storage[self.count - 1] != 0)
    }

    /// Significant decimal digits of a normalised number.
    var decimalDigitCount: Int {
        guard self.count > 0 else { return 0 }
        var digits = 2 * self.count
        if self.storage[0] < 10 { digits -= 1 }
        if self.storage[self.count - 1] % 10 == 0 { digits -= 1 }
        return digits
    }

    /// Drops trailing zeros.
    mutating func trim() {
        while self.count > 0, self.storage[self.count - 1] == 0 { self.count -= 1 }
    }

    var int: Int? {
        guard self.count > 0 else { return 0 }
        guard self.exponent <= 9, self.lowestPower >= 0 else { return nil }
        var magnitude: UInt = 0
        for power in stride(from: self.exponent, through: 0, by: -1) {
            let (product, overflows) = magnitude.multipliedReportingOverflow(by: 100)
            let (sum, carries) = product.addingReportingOverflow(
                UInt(self.digit(atPower: power))
            )
            guard !overflows, !carries else { return nil }
            magnitude = sum
        }
        guard self.isNegative else { return Int(exactly: magnitude) }
        return magnitude <= Int.min.magnitude ? Int(truncatingIfNeeded: 0 &- magnitude) : nil
    }
}
