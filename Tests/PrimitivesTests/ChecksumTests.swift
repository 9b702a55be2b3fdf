import Primitives
import Testing

@Suite("Checksums and hashes agree with their published test values") struct ChecksumTests {
    @Test func crc32OfTheCheckString() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(CRC32.checksum([]) == 0)
    }

    @Test("texts of every length, wherever they lie, have the checksum of their bits")
    func crc32OfEveryLength() {
        var random = SplitMix64(seed: 5)
        let bytes = (0..<300).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        for start in 0..<9 {
            var crc: UInt32 = 0xFFFF_FFFF
            for end in start..<bytes.count {
                #expect(CRC32.checksum(Array(bytes[start..<end])) == crc ^ 0xFFFF_FFFF)
                crc ^= UInt32(bytes[end])
                for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
            }
        }
    }

    @Test(arguments: [
        ("", 0xEF46_DB37_51D8_E999 as UInt64), ("a", 0xD24E_C4F1_A98C_6E5B),
        ("abc", 0x44BC_2CF5_AD77_0999),
    ])
    func xxHash64(text: String, expected: UInt64) {
        #expect(XXHash64.hash(Array(text.utf8)) == expected)
    }

    @Test("a long input takes the striped path and differs from its prefix")
    func xxHash64Striped() {
        let text = Array("Nobody inspects the spammish repetition".utf8)
        #expect(XXHash64.hash(text) == 0xFBCE_A83C_8A37_8BF1)
    }
}
