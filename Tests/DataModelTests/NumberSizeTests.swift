import DataModel
import Testing

/// What numbers count for in an item's size.
///
/// The figures were measured against the service, each by an item that just fits and one that does
/// not: nubo-db/dynamodb-conformance, src/item-size.ts, August 2026.
@Suite("Numbers: bytes in an item")
struct NumberSizeTests {
    static let measured: [(String, Int)] = [
        ("0", 1), ("1", 2), ("12", 2), ("123", 3), ("1234", 3),
        ("12345678901234567890123456789012345678", 20), ("0042", 2), ("100", 2), ("1010", 3),
        ("0.0000001", 2), ("1E125", 2), ("1E-100", 2), ("1.5", 3), ("15", 2), ("1.2", 3),
        ("1.200", 3), ("1.234", 4), ("3.14159", 5), ("123456", 4), ("100.5", 4), ("0.15", 2),
        ("-42", 3), ("-0", 1),
    ]

    @Test("as measured", arguments: measured)
    func sizes(text: String, size: Int) throws {
        let number = try DecimalNumber(text: Array(text.utf8))
        #expect(PackedValue(.number(number)).storedSize == size)
        #expect(Item(["n": .number(number)]).size == 1 + size)
    }
}
