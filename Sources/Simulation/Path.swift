import NodeCore
import Primitives

/// What travels from one node to another.
enum FrameContent {
    /// The first bytes of a stream, not delayed by the link.
    case hello
    case message(Message)
    /// Stands for `Message.operation`, whose bytes only the real host understands.
    case operation(NodeCore.Operation, call: UInt64)
    /// Stands for `Message.operationAnswer`.
    case answer(NodeCore.Answer, call: UInt64)
    /// A frame that was read off a byte stream.
    case bytes([UInt8])
}

struct Frame {
    var at: Instant
    /// Which connection of the path it came on.
    var epoch: UInt32
    var content: FrameContent
}

/// The way from one node to another: the stream that the former dials, and the link that delays
/// what arrives on it, as `PeerNetwork` does at the receiving end.
struct Path {
    var link: Link
    /// What the link does while nothing is broken.
    let base: LinkSettings
    /// The sender holds a connection.
    var isOpen = false
    /// Counts connections.
    var epoch: UInt32 = 0
    /// Frames of connections before this one are void: their receiver closed them, or died.
    var floor: UInt32 = 0
    /// Reasons why frames vanish here.
    var cuts = 0
    /// Frames vanished; the stream breaks when the last cut ends.
    var hasDropped = false
    /// Nothing arrives before this.
    var stalledUntil: Instant = .zero
    /// Frames in order of arrival; those before `head` are gone.
    var frames: [Frame] = []
    var head = 0
    var isPlanned = false
    /// Bytes on their way, when frames travel as bytes.
    var wire: ByteStream?

    init(_ settings: LinkSettings, seed: UInt64) {
        self.link = Link(settings, seed: seed)
        self.base = settings
    }

    var isCut: Bool { self.cuts > 0 }
    var waiting: Int { self.frames.count - self.head }

    /// Drops frames that were delivered once all are.
    mutating func tidy() {
        if self.head == self.frames.count {
            self.frames.removeAll(keepingCapacity: self.frames.capacity <= 64)
            self.head = 0
        } else if self.head > 64, self.head * 2 > self.frames.count {
            self.frames.removeFirst(self.head)
            self.head = 0
        }
    }
}

/// Both sockets of one connection: bytes that were written, and the reader at the other end.
final class ByteStream {
    struct Chunk {
        var at: Instant
        var bytes: [UInt8]
    }

    /// Written in this turn.
    var outbound: [UInt8] = []
    var chunks: [Chunk] = []
    var head = 0
    var isPlanned = false
    /// The last connection whose hello was read.
    var announcedEpoch: UInt32 = 0
    var reader: FrameReader

    init(ownHello: [UInt8]) { self.reader = FrameReader(ownHello: ownHello) }
}
