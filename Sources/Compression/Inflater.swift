import CZlib

/// Why bytes cannot be decompressed.
package enum CompressionError: Error, Equatable, Sendable {
    /// Not gzip, cut off, or damaged.
    case malformed
    /// More comes out than is allowed.
    case tooLarge
}

/// Decompresses whole bodies.
package enum Inflater {
    /// What a gzip body holds: one member, or several behind each other.
    ///
    /// Bytes behind the last member that begin no other are passed over, as the service does.
    ///
    /// - Throws: bytes that are no gzip, or more than `limit` bytes.
    package static func gzip(
        _ bytes: ArraySlice<UInt8>,
        limit: Int
    ) throws(CompressionError) -> [UInt8] {
        var out: [UInt8] = []
        var rest = bytes
        repeat {
            guard try self.member(&rest, into: &out, limit: limit) else {
                guard out.isEmpty else { return out }
                throw .malformed
            }
        } while !rest.isEmpty
        return out
    }

    /// Appends one member's contents; false when there is none.
    private static func member(
        _ rest: inout ArraySlice<UInt8>,
        into out: inout [UInt8],
        limit: Int
    ) throws(CompressionError) -> Bool {
        guard rest.starts(with: [0x1F, 0x8B]) else { return false }
        var stream = z_stream()
        // 15 bits of window, and gzip's framing.
        guard atollInflateInit(&stream, 15 + 16) == Z_OK else { throw .malformed }
        defer { inflateEnd(&stream) }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        var consumed = 0
        var status = Z_OK
        while status != Z_STREAM_END {
            let available = rest.count - consumed
            var produced = 0
            rest.withUnsafeBufferPointer { input in
                chunk.withUnsafeMutableBufferPointer { output in
                    // zlib does not write to its input.
                    stream.next_in = UnsafeMutablePointer(
                        mutating: input.baseAddress?.advanced(by: consumed)
                    )
                    stream.avail_in = UInt32(available)
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    status = inflate(&stream, Z_NO_FLUSH)
                    consumed += available - Int(stream.avail_in)
                    produced = output.count - Int(stream.avail_out)
                }
            }
            out.append(contentsOf: chunk[..<produced])
            guard out.count <= limit else { throw .tooLarge }
            guard
                status == Z_STREAM_END || status == Z_OK && (produced > 0 || consumed < rest.count)
            else { throw .malformed }
        }
        rest = rest.dropFirst(consumed)
        return true
    }
}
