import Primitives
import Testing

@Suite("Checksums and hashes agree with their published test values") struct ChecksumTests {
    @Test func crc32OfTheCheckString() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(CRC32.checksum([]) == 0)
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
