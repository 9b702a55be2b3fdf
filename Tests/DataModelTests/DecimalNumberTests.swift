import DataModel
import Primitives
import Testing

@Suite("Numbers: text, limits and packed form")
struct DecimalNumberTests {
    static let nines = String(repeating: "9", count: 38)
    static func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }

    @Test(
        "a number is printed in plain decimal without leading and trailing zeros",
        arguments: [
            ("0", "0"), ("-0", "0"), ("+0.000", "0"), ("0e999", "0"), ("0E-99999999999999", "0"),
            ("1", "1"), ("+1", "1"), ("01", "1"), ("1.0", "1"), ("1.", "1"), (".5", "0.5"),
            ("-1.50", "-1.5"), ("-0.001", "-0.001"), ("1e-3", "0.001"), ("12e-3", "0.012"),
            ("100000", "100000"), ("1E5", "100000"), ("1e+2", "100"), ("10", "10"),
            ("99", "99"), ("100", "100"), ("101", "101"), ("1010", "1010"), ("0.10", "0.1"),
            ("0.01", "0.01"), ("10.01", "10.01"), ("100.5", "100.5"), ("123.456", "123.456"),
            ("-9.99", "-9.99"), ("1000000000000000000000", "1000000000000000000000"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("1E125", "1" + zeros(125)), ("1E-130", "0." + zeros(129) + "1"),
            ("-1E-130", "-0." + zeros(129) + "1"),
            ("9." + nines.dropFirst() + "E125", nines + zeros(88)),
            ("0." + zeros(200) + "1e201", "1"), ("1" + zeros(200) + "e-200", "1"),
        ] as [(String, String)]
    )
    func canonicalText(_ input: String, _ expected: String) throws {
        let number = try DecimalNumber(text: input)
        #expect(text(number.text) == expected)
        #expect(try DecimalNumber(text: expected) == number)
    }

    @Test(
        "text that is no storable number is refused with the reason",
        arguments: [
            ("", .malformed), ("-", .malformed), (".", .malformed), ("+.", .malformed),
            ("e5", .malformed), ("1e", .malformed), ("1e+", .malformed), ("1e1.5", .malformed),
            ("1.2.3", .malformed), ("--1", .malformed), (" 1", .malformed), ("1 ", .malformed),
            ("1_000", .malformed), ("0x10", .malformed), ("NaN", .malformed),
            ("Infinity", .malformed), ("1,5", .malformed), ("１", .malformed),
            ("1E126", .overflow), ("-1E126", .overflow), ("10E125", .overflow),
            ("1e99999999999999999999", .overflow), ("1" + zeros(126), .overflow),
            ("1E-131", .underflow), ("-1E-131", .underflow), ("0.1E-130", .underflow),
            ("1e-99999999999999999999", .underflow),
            ("1" + zeros(37) + "1", .tooManyDigits), ("0.1" + nines, .tooManyDigits),
            ("1" + nines + "e200", .overflow), ("1" + nines + "e-200", .underflow),
        ] as [(String, NumberError)]
    )
    func refused(_ input: String, _ error: NumberError) {
        #expect(throws: error) { try DecimalNumber(text: input) }
    }

    @Test("38 digits fit whatever zeros surround them")
    func digits38() throws {
        for spelling in [Self.nines, "000" + Self.nines + ".000", "0.0" + Self.nines] {
            _ = try number(spelling)
        }
        #expect(text(try number("1" + Self.zeros(60)).text) == "1" + Self.zeros(60))
    }

    @Test("bytes and numbers have the same order")
    func order() throws {
        let ascending = try [
            "-9." + Self.nines.dropFirst() + "E125", "-1E125", "-1E38", "-101", "-100.5", "-100",
            "-99.99", "-99", "-10.01", "-10", "-9.9", "-9", "-1.5", "-1.01", "-1", "-0.99",
            "-0.1", "-0.0999", "-0.01", "-1.5E-130", "-1E-130", "0", "1E-130", "1.5E-130", "2E-130",
            "1E-129", "1E-128", "0.01", "0.0999", "0.1", "0.99", "1", "1.01", "1.5", "9", "9.9",
            "10", "10.01", "99", "99.99", "100", "100.5", "101", "1E38", "1E125",
            "9." + Self.nines.dropFirst() + "E125",
        ].map(number)
        for (low, high) in zip(ascending, ascending.dropFirst()) {
            #expect(low < high)
            #expect(!(high < low))
            #expect(ByteOrder.compare(low.packed, high.packed) == .less, "\(low) \(high)")
        }
    }

    @Test("the packed form is a header and digits of base 100")
    func packedForm() throws {
        #expect(try number("0").packed == [0x80])
        #expect(try number("1").packed == [0xC1, 2])
        #expect(try number("-1").packed == [0x3E, 100, 0xFF])
        #expect(try number("123").packed == [0xC2, 2, 24])
        #expect(try number("1E-130").packed == [0x80, 2])
        #expect(try number("99E124").packed == [0xFF, 100])
        #expect(try number("-99E124").packed == [0x00, 2, 0xFF])
        #expect(try number("-1." + String(repeating: "1", count: 37)).packed.count == 22)
    }

    @Test(
        "packed bytes that no number has are refused",
        arguments: [
            [], [0x00], [0x7F], [0x81], [0xC1, 0], [0xC1, 1], [0xC1, 101], [0xC1, 2, 1],
            [0xC1, 1, 2], [0x3E, 100], [0x3E, 0xFF], [0x3E, 101, 0xFF], [0x3E, 100, 101, 0xFF],
            [0x3E, 1, 0xFF], [0x80, 0], [0xC1] + [UInt8](repeating: 50, count: 20),
            [0xC1] + [UInt8](repeating: 50, count: 30),
        ] as [[UInt8]]
    )
    func refusedPacked(_ bytes: [UInt8]) {
        #expect(throws: NumberError.self) { try DecimalNumber(packed: bytes) }
    }

    @Test("machine integers convert both ways")
    func integers() throws {
        for value in [0, 1, -1, 9, 10, 99, 100, 101, -100, 1_000_000, .max, .min, .max - 1] {
            #expect(DecimalNumber(value).int == value)
            #expect(text(DecimalNumber(value).text) == "\(value)")
            #expect(try number("\(value)") == DecimalNumber(value))
        }
        for text in ["0.5", "1e30", "9223372036854775808", "-9223372036854775809", "1.01"] {
            #expect(try number(text).int == nil)
        }
    }

    @Test(
        "sums and differences are exact",
        arguments: [
            ("1", "2", "3", "-1"), ("0.1", "0.2", "0.3", "-0.1"), ("99", "1", "100", "98"),
            ("-5", "5", "0", "-10"), ("0", "-7.5", "-7.5", "7.5"), ("3", "0", "3", "3"),
            (
                "1e20", "1e-17", "100000000000000000000.00000000000000001",
                "99999999999999999999.99999999999999999"
            ),
            (nines, "0", nines, nines), ("50", "-49.99", "0.01", "99.99"),
            ("1E125", "1E125", "2" + zeros(125), "0"),
        ] as [(String, String, String, String)]
    )
    func arithmetic(_ left: String, _ right: String, _ sum: String, _ difference: String) throws {
        let (a, b) = (try number(left), try number(right))
        #expect(text(try DecimalNumber.adding(a, b).text) == sum)
        #expect(text(try DecimalNumber.adding(b, a).text) == sum)
        #expect(text(try DecimalNumber.subtracting(a, b).text) == difference)
    }

    @Test("a difference may be longer than its operands and still fit")
    func cancellation() throws {
        let difference = try DecimalNumber.subtracting(try number("1e38"), try number("1"))
        #expect(text(difference.text) == Self.nines)
        let shifted = try DecimalNumber.subtracting(try number("1e-2"), try number("1e-40"))
        #expect(text(shifted.text) == "0.00" + Self.nines)
    }

    @Test("sums that cannot be stored exactly are refused")
    func arithmeticRefused() throws {
        let largest = try number("9." + Self.nines.dropFirst() + "E125")
        #expect(throws: NumberError.overflow) { try DecimalNumber.adding(largest, largest) }
        #expect(throws: NumberError.overflow) {
            try DecimalNumber.adding(try number("9E125"), try number("1E125"))
        }
        #expect(throws: NumberError.underflow) {
            try DecimalNumber.subtracting(try number("1.5E-130"), try number("1E-130"))
        }
        for (left, right) in [("1e38", "1"), ("1e125", "1"), ("1e125", "1e-130"), ("1e39", "-1")] {
            #expect(throws: NumberError.tooManyDigits) {
                try DecimalNumber.adding(try number(left), try number(right))
            }
        }
    }
}
