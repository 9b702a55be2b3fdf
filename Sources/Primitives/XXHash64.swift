/// XXH64: the 64-bit hash that places keys on the ring and sums items into digests.
///
/// Follows the xxHash specification, version 0.1.1; the same on every platform and run.
package enum XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    package static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { self.hash($0, seed: seed) }
    }

    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var offset = 0
        var result: UInt64
        if bytes.count >= 32 {
            result = self.stripes(bytes, seed: seed, offset: &offset)
        } else {
            result = seed &+ self.prime5
        }
        result &+= UInt64(bytes.count)
        return self.finish(bytes, from: offset, result)
    }

    private static func stripes(
        _ bytes: UnsafeRawBufferPointer,
        seed: UInt64,
        offset: inout Int
    ) -> UInt64 {
        var a = seed &+ self.prime1 &+ self.prime2
        var b = seed &+ self.prime2
        var c = seed
        var d = seed &- self.prime1
        while offset + 32 <= bytes.count {
            a = self.round(a, self.word(bytes, offset))
            b = self.round(b, self.word(bytes, offset + 8))
            c = self.round(c, self.word(bytes, offset + 16))
            d = self.round(d, self.word(bytes, offset + 24))
            offset += 32
        }
        var result = self.rotate(a, 1) &+ self.rotate(b, 7)
        result = result &+ self.rotate(c, 12) &+ self.rotate(d, 18)
        for lane in [a, b, c, d] {
            result = (result ^ self.round(0, lane)) &* self.prime1 &+ self.prime4
        }
        return result
    }

    private static func finish(
        _ bytes: UnsafeRawBufferPointer,
        from start: Int,
        _ value: UInt64
    ) -> UInt64 {
        var offset = start
        var result = value
        while offset + 8 <= bytes.count {
            result ^= self.round(0, self.word(bytes, offset))
            result = self.rotate(result, 27) &* self.prime1 &+ self.prime4
            offset += 8
        }
        if offset + 4 <= bytes.count {
            let half = UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            )
            result ^= UInt64(half) &* self.prime1
            result = self.rotate(result, 23) &* self.prime2 &+ self.prime3
            offset += 4
        }
        while offset < bytes.count {
            result ^= UInt64(bytes[offset]) &* self.prime5
            result = self.rotate(result, 11) &* self.prime1
            offset += 1
        }
        result = (result ^ (result >> 33)) &* self.prime2
        result = (result ^ (result >> 29)) &* self.prime3
        return result ^ (result >> 32)
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        self.rotate(lane &+ input &* self.prime2, 31) &* self.prime1
    }

    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        (value << bits) | (value >> (64 - bits))
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
