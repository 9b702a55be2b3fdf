/// CRC-32 as zlib computes it (polynomial 0xEDB88320).
///
/// Every DynamoDB response carries it in `x-amz-crc32`, and log records on disk are sealed with it.
/// Long texts are taken as four interleaved rows of words, which do not wait for each other's table
/// lookups; only the last word of each row is chained to the next (Kadatch and Jenkins, "Everything
/// we know about CRC but afraid to forget", 2010, as zlib does since 1.2.12).
package enum CRC32 {
    private static let rows = 4

    /// At `256 * k + b`: the remainder of byte `b` with `7 - k` zero bytes behind it, then those of
    /// ``rows`` - 1 more words.
    private static let tables: (word: [UInt32], row: [UInt32]) = (
        Self.table(zeros: 0), Self.table(zeros: 8 * (Self.rows - 1))
    )

    private static func table(zeros: Int) -> [UInt32] {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0...zeros { value = self.shifted(value) }
            for position in (0..<8).reversed() {
                table[256 * position + byte] = value
                value = self.shifted(value)
            }
        }
        return table
    }

    /// The remainder once another zero byte follows.
    private static func shifted(_ remainder: UInt32) -> UInt32 {
        var value = remainder
        for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
        return value
    }

    package static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { self.checksum($0) }
    }

    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        self.tables.word.withUnsafeBufferPointer { word in
            self.tables.row.withUnsafeBufferPointer { row in
                self.checksum(bytes, word, row)
            }
        }
    }

    private static func checksum(
        _ bytes: UnsafeRawBufferPointer,
        _ word: UnsafeBufferPointer<UInt32>,
        _ row: UnsafeBufferPointer<UInt32>
    ) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        var offset = 0
        let block = 8 * self.rows
        if bytes.count >= 2 * block {
            var first = crc
            var second: UInt32 = 0
            var third: UInt32 = 0
            var fourth: UInt32 = 0
            while bytes.count - offset >= 2 * block {
                first = self.step(row, first, bytes, offset)
                second = self.step(row, second, bytes, offset + 8)
                third = self.step(row, third, bytes, offset + 16)
                fourth = self.step(row, fourth, bytes, offset + 24)
                offset += block
            }
            crc = self.step(word, first, bytes, offset)
            crc = self.step(word, second ^ crc, bytes, offset + 8)
            crc = self.step(word, third ^ crc, bytes, offset + 16)
            crc = self.step(word, fourth ^ crc, bytes, offset + 24)
            offset += block
        }
        while bytes.count - offset >= 8 {
            crc = self.step(word, crc, bytes, offset)
            offset += 8
        }
        while offset < bytes.count {
            // The last table of a word has no zero bytes behind its own.
            crc = (crc >> 8) ^ word[1_792 + Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
            offset += 1
        }
        return crc ^ 0xFFFF_FFFF
    }

    /// The remainder of the eight bytes at `offset` and of what came before them.
    @inline(__always)
    private static func step(
        _ table: UnsafeBufferPointer<UInt32>,
        _ crc: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int
    ) -> UInt32 {
        let next = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let data = UInt64(littleEndian: next) ^ UInt64(crc)
        let low =
            table[Int(data & 0xFF)] ^ table[256 + Int(data >> 8 & 0xFF)]
            ^ table[512 + Int(data >> 16 & 0xFF)] ^ table[768 + Int(data >> 24 & 0xFF)]
        let high =
            table[1_024 + Int(data >> 32 & 0xFF)] ^ table[1_280 + Int(data >> 40 & 0xFF)]
            ^ table[1_536 + Int(data >> 48 & 0xFF)] ^ table[1_792 + Int(data >> 56)]
        return low ^ high
    }
}
