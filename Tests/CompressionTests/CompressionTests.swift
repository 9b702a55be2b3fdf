import Compression
import Primitives
import Testing
import Wire

@Suite("Compression of bodies")
struct CompressionTests {
    static let limit = 1 << 20

    /// Text that compresses well and bytes that do not, by turns.
    private func sample(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { index in
            index / 1_000 % 2 == 0 ? UInt8(ascii: "x") : UInt8(truncatingIfNeeded: random.next())
        }
    }

    @Test("gzip comes back as it went", arguments: [0, 1, 100, 65_536, 65_537, 1_000_000])
    func roundTrip(count: Int) throws {
        let body = self.sample(count, seed: UInt64(count))
        let packed = try #require(Deflater.compress(body, as: .gzip))
        #expect(try Inflater.gzip(packed[...], limit: Self.limit) == body)
    }

    @Test("members behind each other join; what follows them and is none is passed over")
    func members() throws {
        let one = try #require(Deflater.compress(Array("{\"Table".utf8), as: .gzip))
        let two = try #require(Deflater.compress(Array("Name\":1}".utf8), as: .gzip))
        let whole = Array("{\"TableName\":1}".utf8)
        #expect(try Inflater.gzip((one + two)[...], limit: 100) == whole)
        #expect(try Inflater.gzip((one + two + Array("junk".utf8))[...], limit: 100) == whole)
        #expect(try Inflater.gzip(([1, 2] + one)[2...], limit: 100) == Array("{\"Table".utf8))
    }

    @Test("a body in two members that meet anywhere is the same body")
    func membersMeetAnywhere() throws {
        let body = self.sample(1_500, seed: 9)
        for index in body.indices {
            let one = try #require(Deflater.compress(Array(body[..<index]), as: .gzip))
            let two = try #require(Deflater.compress(Array(body[index...]), as: .gzip))
            #expect(try Inflater.gzip((one + two)[...], limit: Self.limit) == body)
        }
    }

    @Test("what is cut anywhere is malformed")
    func cuts() throws {
        let body = self.sample(3_000, seed: 7)
        let packed = try #require(Deflater.compress(body, as: .gzip))
        for end in 0..<packed.count {
            #expect(throws: CompressionError.malformed) {
                try Inflater.gzip(packed[..<end], limit: Self.limit)
            }
        }
        #expect(throws: CompressionError.malformed) {
            try Inflater.gzip(Array("{}".utf8)[...], limit: 100)
        }
    }

    @Test("a changed byte never traps, and never changes the text unnoticed")
    func damage() throws {
        let body = self.sample(3_000, seed: 8)
        let packed = try #require(Deflater.compress(body, as: .gzip))
        var refused = 0
        for index in packed.indices {
            var damaged = packed
            damaged[index] ^= 0x55
            do throws(CompressionError) {
                let out = try Inflater.gzip(damaged[...], limit: Self.limit)
                // The header's fields and a few bits of the codes have no effect.
                #expect(out == body)
            } catch {
                refused += 1
            }
        }
        #expect(refused > packed.count - 20)
    }

    @Test("a small body that holds too much is refused")
    func bomb() throws {
        let packed = try #require(
            Deflater.compress(Array(repeating: 0x20, count: 1 << 20), as: .gzip)
        )
        #expect(packed.count < 10_000)
        #expect(throws: CompressionError.tooLarge) {
            try Inflater.gzip(packed[...], limit: 1 << 16)
        }
    }
}

@Suite("Accept-Encoding, as the service reads it")
struct AcceptEncodingTests {
    static let examples: [(String, ContentEncoding?)] = [
        ("identity", nil), ("", nil), ("br", nil), ("zstd", nil), ("x-gzip", nil),
        ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate", .gzip),
        ("br, identity, deflate, gzip", .deflate), ("GZIP, identity", .gzip),
        ("dog, gzip ,, cat", .gzip), ("gzip;q=0.8, deflate;q=0.5", .gzip),
        ("gzip;q=0.4, deflate;q=0.5", .deflate),
        ("br, gzip;q=0, deflate; q = 0.5 , identity;q=0", .deflate), ("*", .gzip),
        ("*, deflate;q=0.5", .gzip), ("*, deflate", .deflate), ("*, identity", .gzip),
        ("*, gzip;q=0.5", .deflate), ("gzip ;q=0", nil), ("gzip;q=0.001", .gzip),
        ("gzip;q=0.5, identity;q=1", nil), ("gzip;q=x", nil), ("gzip;level=9", .gzip),
        ("*;q=0", nil),
    ]

    @Test("examples", arguments: examples)
    func prefers(value: String, encoding: ContentEncoding?) {
        let bytes = Array(value.utf8)
        #expect(ContentEncoding.preferred(bytes, 0..<bytes.count) == encoding)
    }
}
