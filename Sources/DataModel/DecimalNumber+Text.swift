extension DecimalNumber {
    /// The number as DynamoDB returns it: plain decimal without an exponent, such as "1.5",
    /// "-0.001" and "100000".
    package var text: [UInt8] {
        var bytes: [UInt8] = []
        self.appendText(to: &bytes)
        return bytes
    }

    package func appendText(to bytes: inout [UInt8]) {
        guard let digits = self.digits, digits.count > 0 else {
            bytes.append(UInt8(ascii: "0"))
            return
        }
        if digits.isNegative { bytes.append(UInt8(ascii: "-")) }
        if digits.exponent < 0 {
            bytes.append(UInt8(ascii: "0"))
        } else {
            self.appendInteger(digits, to: &bytes)
        }
        if digits.lowestPower < 0 { self.appendFraction(digits, to: &bytes) }
    }

    private func appendInteger(_ digits: CentesimalDigits, to bytes: inout [UInt8]) {
        for power in stride(from: digits.exponent, through: 0, by: -1) {
            let digit = digits.digit(atPower: power)
            if digit >= 10 || power < digits.exponent {
                bytes.append(UInt8(ascii: "0") + digit / 10)
            }
            bytes.append(UInt8(ascii: "0") + digit % 10)
        }
    }

    private func appendFraction(_ digits: CentesimalDigits, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "."))
        for power in stride(from: -1, through: digits.lowestPower, by: -1) {
            let digit = digits.digit(atPower: power)
            bytes.append(UInt8(ascii: "0") + digit / 10)
            if digit % 10 != 0 || power > digits.lowestPower {
                bytes.append(UInt8(ascii: "0") + digit % 10)
            }
        }
    }
}

extension DecimalNumber: CustomStringConvertible {
    package var description: String { String(decoding: self.text, as: UTF8.self) }
}
