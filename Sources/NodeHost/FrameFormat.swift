import EventLoop
import NodeCore
import Primitives

/// How messages lie on a stream: length u32, send time u64 (the machine's monotonic clock),
/// message.
enum FrameFormat {
    /// The first four bytes of a stream: "ATL1".
    static let magic: UInt32 = 0x314C_5441
    static let helloSize = 14
    static let headerSize = 12
    /// The largest frame: a batch of items, or a chunk of a snapshot.
    static let frameMax = 64 << 20

    static func append(_ message: Message, sentAt: Instant, to out: inout [UInt8]) {
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
enum FrameError: Error, Equatable {
    case foreign
    case badLength(Int)
}

/// One stream that another node dialled, cut into frames.
final class InboundStream {
    struct Frame {
        var sentAt: Instant
        var bytes: [UInt8]
    }

    let connection: TCPConnection
    private let ownHello: [UInt8]
    private var buffer: [UInt8] = []
    private var start = 0
    private(set) var sender: NodeID?
    private var isAnnounced = false
    /// A frame was dropped, so the stream may not go on once the link is whole again.
    var hasDropped = false
    /// Nothing of this stream is delivered any more.
    var isClosed = false

    init(connection: TCPConnection, hello: [UInt8]) {
        self.connection = connection
        self.ownHello = hello
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        if self.start > 0, self.start == self.buffer.count || self.start > 1 << 20 {
            self.buffer.removeFirst(self.start)
            self.start = 0
        }
        self.buffer.append(contentsOf: bytes)
    }

    /// True once, when the sender has become known.
    func announce() -> Bool {
        guard self.sender != nil, !self.isAnnounced else { return false }
        self.isAnnounced = true
        return true
    }

    /// The next whole frame, or nil while more bytes are needed.
    func next() throws(FrameError) -> Frame? {
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
        return Frame(sentAt: Instant(nanoseconds: sentAt), bytes: Array(self.buffer[body]))
    }

    private func readHello() throws(FrameError) -> Bool {
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
