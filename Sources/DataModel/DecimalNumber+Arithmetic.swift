extension DecimalNumber {
    /// The exact sum, or the error when it does not fit: DynamoDB never rounds.
    package static func adding(_ lhs: Self, _ rhs: Self) throws(NumberError) -> Self {
        guard let left = lhs.digits, let right = rhs.digits else { throw .malformed }
        return try self.sum(left, right)
    }

    /// The exact difference, or the error when it does not fit.
    package static func subtracting(_ lhs: Self, _ rhs: Self) throws(NumberError) -> Self {
        guard let left = lhs.digits, var right = rhs.digits else { throw .malformed }
        right.isNegative.toggle()
        return try self.sum(left, right)
    }

    private static func sum(
        _ lhs: CentesimalDigits,
        _ rhs: CentesimalDigits
    ) throws(NumberError) -> Self {
        if rhs.count == 0 { return Self(lhs) }
        if lhs.count == 0 { return Self(rhs) }
        // One more digit for the carry. Digits that lie further apart cannot cancel out.
        let top = max(lhs.exponent, rhs.exponent) + 1
        let bottom = min(lhs.lowestPower, rhs.lowestPower)
        guard top - bottom < CentesimalDigits.capacity else { throw .tooManyDigits }

        var result = CentesimalDigits()
        if lhs.isNegative == rhs.isNegative {
            result = self.added(lhs, rhs, bottom...top)
            result.isNegative = lhs.isNegative
        } else if self.isMagnitudeLess(lhs, rhs, bottom...top) {
            result = self.subtracted(rhs, lhs, bottom...top)
            result.isNegative = rhs.isNegative
        } else {
            result = self.subtracted(lhs, rhs, bottom...top)
            result.isNegative = lhs.isNegative
        }
        guard result.count > 0 else { return .zero }
        guard result.exponent <= 62 else { throw .overflow }
        guard result.exponent >= -65 else { throw .underflow }
        guard result.decimalDigitCount <= ItemLimits.numberDigitsMax else { throw .tooManyDigits }
        return Self(result)
    }

    private static func isMagnitudeLess(
        _ lhs: CentesimalDigits,
        _ rhs: CentesimalDigits,
        _ powers: ClosedRange<Int>
    ) -> Bool {
        for power in powers.reversed() {
            let left = lhs.digit(atPower: power)
            let right = rhs.digit(atPower: power)
            if left != right { return left < right }
        }
        return false
    }

    private static func added(
        _ lhs: CentesimalDigits,
        _ rhs: CentesimalDigits,
        _ powers: ClosedRange<Int>
    ) -> CentesimalDigits {
        var sums = InlineArray<24, UInt8>(repeating: 0)
        var carry: UInt8 = 0
        for power in powers {
            let sum = lhs.digit(atPower: power) + rhs.digit(atPower: power) + carry
            carry = sum >= 100 ? 1 : 0
            sums[power - powers.lowerBound] = sum >= 100 ? sum - 100 : sum
        }
        return self.normalised(sums, powers)
    }

    /// The difference of two magnitudes of which the second is not greater.
    private static func subtracted(
        _ lhs: CentesimalDigits,
        _ rhs: CentesimalDigits,
        _ powers: ClosedRange<Int>
    ) -> CentesimalDigits {
        var differences = InlineArray<24, UInt8>(repeating: 0)
        var borrow: UInt8 = 0
        for power in powers {
            let taken = rhs.digit(atPower: power) + borrow
            let digit = lhs.digit(atPower: power)
            borrow = digit < taken ? 1 : 0
            differences[power - powers.lowerBound] = digit + 100 * borrow - taken
        }
        return self.normalised(differences, powers)
    }

    /// Digits from the lowest power up, without the zeros at either end.
    private static func normalised(
        _ digits: InlineArray<24, UInt8>,
        _ powers: ClosedRange<Int>
    ) -> CentesimalDigits {
        var result = CentesimalDigits()
        for power in powers.reversed() {
            let digit = digits[power - powers.lowerBound]
            if digit == 0, result.count == 0 { continue }
            if result.count == 0 { result.exponent = power }
            result.append(digit)
        }
        result.trim()
        return result
    }
}
