/// Reads a number's text: `[+-] digits [. digits] [e [+-] digits]`, with a digit on at least one
/// side of the point and no blanks, as DynamoDB does.
struct NumberScanner {
    private static let exponentMax = 1_000_000_000

    private var digits = InlineArray<38, UInt8>(repeating: 0)
    /// Digits from the first one that is not zero.
    private var significant = 0
    private var lastNonzero = 0
    private var integerDigits = 0
    private var leadingFractionZeros = 0

    /// The number that all of `text` spells.
    ///
    /// Range errors come before the error about digits, as in DynamoDB.
    static func number(_ text: UnsafeRawBufferPointer) -> Result<DecimalNumber, NumberError> {
        var scanner = NumberScanner()
        var offset = 0
        var isNegative = false
        if let first = text.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            offset = 1
        }
        guard scanner.scanMantissa(text, &offset),
            let shift = Self.scanExponent(text, &offset), offset == text.count
        else { return .failure(.malformed) }
        guard scanner.significant > 0 else { return .success(.zero) }

        let exponent =
            shift
            + (scanner.integerDigits > 0
                ? scanner.integerDigits - 1 : -scanner.leadingFractionZeros - 1)
        if exponent > ItemLimits.numberExponents.upperBound { return .failure(.overflow) }
        if exponent < ItemLimits.numberExponents.lowerBound { return .failure(.underflow) }
        if scanner.lastNonzero > ItemLimits.numberDigitsMax { return .failure(.tooManyDigits) }
        return .success(
            DecimalNumber(scanner.paired(exponent: exponent, isNegative: isNegative))
        )
    }

    private mutating func scanMantissa(
        _ text: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> Bool {
        var hasDigits = false
        var hasPoint = false
        while offset < text.count {
            let digit = text[offset] &- UInt8(ascii: "0")
            if digit <= 9 {
                hasDigits = true
                self.take(digit, isFraction: hasPoint)
            } else if text[offset] == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            offset += 1
        }
        return hasDigits
    }

    private mutating func take(_ digit: UInt8, isFraction: Bool) {
        if digit == 0, self.significant == 0 {
            if isFraction { self.leadingFractionZeros += 1 }
            return
        }
        if self.significant < ItemLimits.numberDigitsMax { self.digits[self.significant] = digit }
        self.significant += 1
        if digit != 0 { self.lastNonzero = self.significant }
        if !isFraction { self.integerDigits += 1 }
    }

    /// The exponent's value, 0 without one, nil when there is an `e` but no digits; saturates.
    private static func scanExponent(
        _ text: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> Int? {
        guard offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") else { return 0 }
        offset += 1
        var isNegative = false
        if offset < text.count,
            text[offset] == UInt8(ascii: "-") || text[offset] == UInt8(ascii: "+")
        {
            isNegative = text[offset] == UInt8(ascii: "-")
            offset += 1
        }
        guard offset < text.count else { return nil }
        var value = 0
        while offset < text.count {
            let digit = text[offset] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = min(value * 10 + Int(digit), Self.exponentMax)
            offset += 1
        }
        return isNegative ? -value : value
    }

    /// The decimal digits as digits of base 100; a first digit at an even power of ten is alone.
    private func paired(exponent: Int, isNegative: Bool) -> CentesimalDigits {
        var result = CentesimalDigits()
        result.isNegative = isNegative
        result.exponent = exponent >> 1
        var index = 0
        if exponent & 1 == 0 {
            result.append(self.digits[0])
            index = 1
        }
        while index < self.lastNonzero {
            let low = index + 1 < self.lastNonzero ? self.digits[index + 1] : 0
            result.append(self.digits[index] * 10 + low)
            index += 2
        }
        return result
    }
}
