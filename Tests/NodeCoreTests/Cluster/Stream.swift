import NodeCore
import Primitives

/// What travels between two machines.
struct Frame {
    enum Content {
        /// The first frame of a stream.
        case hello
        case message(Message)
        /// Stands for `Message.operation`, whose bytes only hosts understand.
        case operation(Operation, call: UInt64)
    }

    var from: Int
    var to: Int
    var epoch: Int
    var content: Content
}

/// The stream from one machine to another: in order, and complete or broken.
struct Stream {
    var isOpen = false
    /// Counts connections; frames of a broken one are void.
    var epoch = 0
    /// Frames of earlier connections are dropped by the receiver.
    var floor = 0
    var lastAt: Instant = .zero
    /// One way, and the most that chance adds to it.
    var latency: Nanoseconds
    var jitter: Nanoseconds
    /// Frames vanish, and the stream breaks when this ends.
    var isCut = false
    var hasDropped = false
}
