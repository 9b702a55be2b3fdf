import CZlib
package import Wire

/// Compresses whole bodies.
package enum Deflater {
    /// Fast: an answer is sent once, mostly over the loopback.
    private static let level: Int32 = 1

    /// The body as an encoding frames it; nil when zlib has no memory.
    package static func compress(_ body: [UInt8], as encoding: ContentEncoding) -> [UInt8]? {
        var stream = z_stream()
        let windowBits: Int32 = encoding == .gzip ? 15 + 16 : 15
        guard atollDeflateInit(&stream, self.level, windowBits) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        var out = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(body.count))))
        var status = Z_OK
        body.withUnsafeBufferPointer { input in
            out.withUnsafeMutableBufferPointer { output in
                // zlib does not write to its input.
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                status = deflate(&stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END else { return nil }
        out.removeLast(out.count - Int(stream.total_out))
        return out
    }
}
