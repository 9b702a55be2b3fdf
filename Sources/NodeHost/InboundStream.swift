import EventLoop
import NodeCore
import Primitives

/// One stream that another node dialled, cut into frames.
final class InboundStream {
    let connection: TCPConnection
    private var reader: FrameReader
    private var isAnnounced = false
    /// A frame was dropped, so the stream may not go on once the link is whole again.
    var hasDropped = false
    /// Nothing of this stream is delivered any more.
    var isClosed = false

    init(connection: TCPConnection, hello: [UInt8]) {
        self.connection = connection
        self.reader = FrameReader(ownHello: hello)
    }

    var sender: NodeID? { self.reader.sender }

    func append(_ bytes: UnsafeRawBufferPointer) { self.reader.append(bytes) }

    /// True once, when the sender has become known.
    func announce() -> Bool {
        guard self.sender != nil, !self.isAnnounced else { return false }
        self.isAnnounced = true
        return true
    }

    /// The next whole frame, or nil while more bytes are needed.
    func next() throws(FrameError) -> ReceivedFrame? { try self.reader.next() }
}
