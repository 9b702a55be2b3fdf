package import Primitives

/// Why a written quantity is not one.
package enum QuantityError: Error, Equatable, Sendable {
    case malformed
    /// A number alone, where only a unit says what is meant.
    case missingUnit
    case unknownUnit(String)
    /// Digits below the smallest unit, such as a tenth of a nanosecond.
    case tooFine
    case tooLarge
}

/// Quantities as people write them: a number and its unit, without a space.
///
/// `70ms`, `1.5s`, `250us`, `+120ms`, `0.1%`, `50Mbit`, `10MB`, `-40ppm`. Numbers are decimal and
/// exact: nothing passes through floating point. The same forms serve topology files and the
/// command line.
package enum Quantity {
    /// A unit and how many of the smallest unit it holds.
    private typealias Unit = (name: String, scale: UInt64)

    private static let durations: [Unit] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]
    private static let ratios: [Unit] = [("%", 10_000), ("ppm", 1)]
    private static let drifts: [Unit] = [("ppm", 1)]
    /// In bits; a capital B means bytes, as everywhere.
    private static let bandwidths: [Unit] = [
        ("bit", 1), ("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000), ("kB", 8_000),
        ("MB", 8_000_000), ("GB", 8_000_000_000),
    ]

    /// What may be written for each kind, for messages.
    package enum Form: Sendable {
        case duration, signedDuration, ratio, drift, bandwidth

        /// Examples, then the units.
        package var allowed: String {
            switch self {
            case .duration: "a duration such as 70ms or 1.5s (units ns, us, ms, s, m, h)"
            case .signedDuration: "a duration such as +120ms or -2s (units ns, us, ms, s, m, h)"
            case .ratio: "a share such as 0.1% or 500ppm (units %, ppm)"
            case .drift: "a drift such as 40ppm or -40ppm (unit ppm, whole)"
            case .bandwidth:
                "a rate a second such as 50Mbit or 10MB (units bit, kbit, Mbit, Gbit, kB, MB, GB)"
            }
        }
    }

    // MARK: Reading

    package static func duration(_ text: String) throws(QuantityError) -> Nanoseconds {
        try self.unsigned(text, self.durations)
    }

    /// Nanoseconds with a sign; a missing sign means plus.
    package static func signedDuration(_ text: String) throws(QuantityError) -> Int64 {
        try self.signed(text, self.durations)
    }

    /// Parts in a million, at most a million.
    package static func partsPerMillion(_ text: String) throws(QuantityError) -> UInt32 {
        let value = try self.unsigned(text, self.ratios)
        guard value <= 1_000_000 else { throw .tooLarge }
        return UInt32(value)
    }

    /// Parts in a million with a sign.
    package static func drift(_ text: String) throws(QuantityError) -> Int32 {
        guard let value = Int32(exactly: try self.signed(text, self.drifts)) else {
            throw .tooLarge
        }
        return value
    }

    /// Bytes a second, rounded down.
    package static func bandwidth(_ text: String) throws(QuantityError) -> UInt64 {
        try self.unsigned(text, self.bandwidths) / 8
    }

    private static func unsigned(
        _ text: String,
        _ units: [Unit]
    ) throws(QuantityError) -> UInt64 {
        guard text.utf8.first != UInt8(ascii: "+"), text.utf8.first != UInt8(ascii: "-") else {
            throw .malformed
        }
        return try self.magnitude(Array(text.utf8)[...], units)
    }

    private static func signed(_ text: String, _ units: [Unit]) throws(QuantityError) -> Int64 {
        var bytes = Array(text.utf8)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        guard let value = Int64(exactly: try self.magnitude(bytes, units)) else { throw .tooLarge }
        return isNegative ? -value : value
    }

    /// `digits[.digits]unit`, in the smallest unit.
    private static func magnitude(
        _ text: ArraySlice<UInt8>,
        _ units: [Unit]
    ) throws(QuantityError) -> UInt64 {
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        let whole = text.prefix(while: isDigit)
        var rest = text[whole.endIndex...]
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { throw .malformed }
            rest = rest[fraction.endIndex...]
        }
        guard !whole.isEmpty else { throw .malformed }
        guard !rest.isEmpty else { throw .missingUnit }
        let name = String(decoding: rest, as: UTF8.self)
        guard let unit = units.first(where: { $0.name == name }) else {
            // A letter after the number begins what was meant as a unit; anything else does not.
            let isWord = rest.first.map { $0 > 0x40 || $0 == UInt8(ascii: "%") } == true
            throw isWord ? .unknownUnit(name) : .malformed
        }
        let (product, overflow) = try self.number(whole).multipliedReportingOverflow(by: unit.scale)
        guard !overflow else { throw .tooLarge }
        let (sum, carried) = product.addingReportingOverflow(
            try self.part(fraction, of: unit.scale)
        )
        guard !carried else { throw .tooLarge }
        return sum
    }

    private static func number(_ digits: ArraySlice<UInt8>) throws(QuantityError) -> UInt64 {
        guard let value = UInt64(String(decoding: digits, as: UTF8.self)) else { throw .tooLarge }
        return value
    }

    /// `0.digits` of `scale`, which must be whole.
    private static func part(
        _ digits: ArraySlice<UInt8>,
        of scale: UInt64
    ) throws(QuantityError) -> UInt64 {
        var digits = digits
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        guard !digits.isEmpty else { return 0 }
        guard digits.count <= 18 else { throw .tooFine }
        let power = digits.reduce(1 as UInt64) { product, _ in product * 10 }
        let product = try self.number(digits).multipliedFullWidth(by: scale)
        // The digits are below the power, so the quotient is below the scale and fits.
        let (quotient, remainder) = power.dividingFullWidth(product)
        guard remainder == 0 else { throw .tooFine }
        return quotient
    }

    // MARK: Writing

    /// The shortest exact form in the largest unit that leaves a whole part: `70ms`, `1.5s`,
    /// `250us`.
    package static func text(nanoseconds: Nanoseconds) -> String {
        for (name, scale) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] as [Unit]
        where nanoseconds >= scale { return self.decimal(nanoseconds, per: scale) + name }
        return nanoseconds == 0 ? "0ms" : "\(nanoseconds)ns"
    }

    /// As ``text(nanoseconds:)`` with its sign: `+120ms`, `-2s`.
    package static func text(signedNanoseconds value: Int64) -> String {
        (value < 0 ? "-" : "+") + self.text(nanoseconds: value.magnitude)
    }

    /// `0.1%`.
    package static func text(partsPerMillion value: UInt32) -> String {
        self.decimal(UInt64(value), per: 10_000) + "%"
    }

    /// `50Mbit`, from bytes a second.
    package static func text(bandwidth: UInt64) -> String {
        let (bits, overflow) = bandwidth.multipliedReportingOverflow(by: 8)
        guard !overflow else { return self.decimal(bandwidth, per: 1_000_000_000) + "GB" }
        for (name, scale) in [("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000)]
            as [Unit]
        where bits >= scale { return self.decimal(bits, per: scale) + name }
        return "\(bits)bit"
    }

    /// Milliseconds with at most three decimals and without unit, for tables: `69.65`.
    package static func milliseconds(_ value: Nanoseconds) -> String {
        self.decimal((value + 500) / 1_000, per: 1_000)
    }

    /// `value / scale` in decimal, exact; `scale` is a power of ten.
    private static func decimal(_ value: UInt64, per scale: UInt64) -> String {
        let (whole, rest) = value.quotientAndRemainder(dividingBy: scale)
        guard rest > 0 else { return "\(whole)" }
        var digits = String(rest + scale).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
