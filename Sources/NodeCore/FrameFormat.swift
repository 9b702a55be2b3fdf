package import Primitives

/// How messages lie on a stream between two nodes.
///
/// A stream begins with a hello (magic u32, cluster key u64, sender u16) and goes on with frames:
/// length u32, send time u64 (the machine's monotonic clock), message.
package enum FrameFormat {
    /// The first four bytes of a stream: "ATL1".
    package static let magic: UInt32 = 0x314C_5441
    package static let helloSize = 14
    package static let headerSize = 12
    /// The largest frame: a batch of items, or a chunk of a snapshot.
    package static let frameMax = 64 << 20

    /// The first bytes of every stream that `sender` dials.
    package static func hello(from sender: NodeID, clusterKey: UInt64) -> [UInt8] {
        var writer = ByteWriter(reserving: self.helloSize)
        writer.u32(self.magic)
        writer.u64(clusterKey)
        writer.u16(sender.index)
        return writer.bytes
    }

    package static func append(_ message: Message, sentAt: Instant, to out: inout [UInt8]) {
        let start = out.count
        var writer = ByteWriter()
        swap(&writer.bytes, &out)
        writer.u32(0)
        writer.u64(sentAt.nanoseconds)
        message.encode(into: &writer)
        let length = UInt32(writer.bytes.count - start - 4)
        writer.bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self)
        }
        swap(&writer.bytes, &out)
    }
}

/// Why a stream cannot be read further.
package enum FrameError: Error, Equatable, Sendable {
    case foreign
    case badLength(Int)
}

/// One frame of a stream: a message that is still bytes.
package struct ReceivedFrame: Equatable, Sendable {
    package var sentAt: Instant
    package var bytes: [UInt8]

    package init(sentAt: Instant, bytes: [UInt8]) {
        self.sentAt = sentAt
        self.bytes = bytes
    }
}

/// Cuts a stream that another node dialled into frames, whatever pieces its bytes arrive in.
package struct FrameReader: Sendable {
    /// The hello that this node would send: all but the sender must be the same.
    private let ownHello: [UInt8]
    private var buffer: [UInt8] = []
    private var start = 0
    /// Who dialled; known once the hello has arrived.
    package private(set) var sender: NodeID?

    package init(ownHello: [UInt8]) { self.ownHello = ownHello }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if self.start > 0, self.start == self.buffer.count || self.start > 1 << 20 {
            self.buffer.removeFirst(self.start)
            self.start = 0
        }
        self.buffer.append(contentsOf: bytes)
    }

    /// The next whole frame, or nil while more bytes are needed.
    package mutating func next() throws(FrameError) -> ReceivedFrame? {
        if self.sender == nil {
            guard try self.readHello() else { return nil }
        }
        guard self.buffer.count - self.start >= 4 else { return nil }
        let length = self.buffer.withUnsafeBytes {
            Int(
                UInt32(
                    littleEndian: $0.loadUnaligned(fromByteOffset: self.start, as: UInt32.self)
                )
            )
        }
        guard length > 8, length <= FrameFormat.frameMax else { throw .badLength(length) }
        guard self.buffer.count - self.start >= 4 + length else { return nil }
        let sentAt = self.buffer.withUnsafeBytes {
            UInt64(
                littleEndian: $0.loadUnaligned(fromByteOffset: self.start + 4, as: UInt64.self)
            )
        }
        let body = self.start + FrameFormat.headerSize..<self.start + 4 + length
        self.start += 4 + length
        return ReceivedFrame(
            sentAt: Instant(nanoseconds: sentAt),
            bytes: Array(self.buffer[body])
        )
    }

    private mutating func readHello() throws(FrameError) -> Bool {
        let size = FrameFormat.helloSize
        guard self.buffer.count - self.start >= size else { return false }
        guard self.buffer[self.start..<self.start + size - 2] == self.ownHello[..<(size - 2)] else {
            throw .foreign
        }
        let low = self.buffer[self.start + size - 2]
        let high = self.buffer[self.start + size - 1]
        self.sender = NodeID(UInt16(low) | UInt16(high) << 8)
        self.start += size
        return true
    }
}
