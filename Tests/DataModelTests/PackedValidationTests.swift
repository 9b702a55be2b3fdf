import DataModel
import Primitives
import Testing

@Suite("Hostile packed bytes")
struct PackedValidationTests {
    @Test(
        "bytes that no writer writes are refused",
        arguments: [
            ("empty", []), ("missing entry", [1]), ("trailing byte", [0, 0]),
            ("padded count", [0x80, 0]), ("long count", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
            ("missing value", [1, 1, 0x61]), ("unknown tag", [1, 1, 0x61, 11]),
            ("names out of order", [2, 1, 0x62, 0, 1, 0x61, 0]),
            ("name twice", [2, 1, 0x61, 0, 1, 0x61, 0]), ("name not UTF-8", [1, 1, 0xFF, 0]),
            ("string not UTF-8", [1, 1, 0x61, 4, 2, 0xC3, 0x28]),
            ("string too short", [1, 1, 0x61, 4, 3, 0x61]),
            ("number not normalised", [1, 1, 0x61, 3, 3, 0xC1, 2, 1]),
            ("number without bytes", [1, 1, 0x61, 3, 0]),
            ("list length too small", [1, 1, 0x61, 6, 1, 1, 0]),
            ("list length too large", [1, 1, 0x61, 6, 3, 1, 0]),
            ("list count too large", [1, 1, 0x61, 6, 2, 2, 0]),
            ("empty set", [1, 1, 0x61, 8, 1, 0]),
            ("set out of order", [1, 1, 0x61, 8, 5, 2, 1, 0x62, 1, 0x61]),
            ("member twice", [1, 1, 0x61, 10, 5, 2, 1, 0x61, 1, 0x61]),
            ("string set not UTF-8", [1, 1, 0x61, 8, 3, 1, 1, 0xFF]),
            ("number set of text", [1, 1, 0x61, 9, 3, 1, 1, 0x61]),
        ] as [(String, [UInt8])]
    )
    func refused(_ what: String, _ bytes: [UInt8]) {
        #expect(throws: DecodingError.self, "\(what)") { try Item(validating: bytes) }
    }

    @Test("an item cut anywhere is refused")
    func cuts() throws {
        var samples = Samples(seed: 11)
        for _ in 0..<50 {
            let bytes = Item(samples.map()).bytes
            for end in 0..<bytes.count {
                #expect(throws: DecodingError.self) {
                    try Item(validating: Array(bytes[..<end]))
                }
            }
        }
    }

    @Test("100,000 random and damaged inputs are refused or are canonical", arguments: [12, 13])
    func fuzz(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        var accepted = 0
        var valid = Item(samples.map()).bytes
        for round in 0..<50_000 {
            if round % 16 == 0 { valid = Item(samples.map()).bytes }
            var bytes = round % 4 == 0 ? samples.bytes(max: 40) : valid
            if round % 4 != 0 {
                for _ in 0...samples.below(3) where !bytes.isEmpty {
                    let position = samples.below(bytes.count)
                    switch samples.below(4) {
                    case 0: bytes[position] = UInt8(samples.below(256))
                    case 1: bytes[position] ^= 1 << UInt8(samples.below(8))
                    case 2: bytes.remove(at: position)
                    default: bytes.insert(UInt8(samples.below(12)), at: position)
                    }
                }
            }
            guard let item = try? Item(validating: bytes) else { continue }
            accepted += 1
            // What was accepted is readable in every way, and packs to the same bytes again.
            #expect(Item(item.unpacked()).bytes == bytes, "seed \(seed) round \(round)")
            for entry in item.entries { #expect(item[entry.name] == entry.value) }
            #expect(item.size >= 0 && item.depth <= ItemLimits.nestingMax)
        }
        #expect(accepted > 1_000, "seed \(seed): the fuzz must also reach valid inputs")
    }
}
