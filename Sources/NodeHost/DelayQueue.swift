import Primitives

/// Frames that wait for their delivery time, earliest first; frames of equal time in arrival order.
///
/// A binary heap: insertion and removal are O(log n).
struct DelayQueue {
    struct Frame {
        var at: Instant
        var stream: InboundStream
        var bytes: [UInt8]
        fileprivate var sequence: UInt64 = 0

        init(at: Instant, stream: InboundStream, bytes: [UInt8]) {
            self.at = at
            self.stream = stream
            self.bytes = bytes
        }

        fileprivate func precedes(_ other: Frame) -> Bool {
            self.at != other.at ? self.at < other.at : self.sequence < other.sequence
        }
    }

    private var heap: [Frame] = []
    private var sequence: UInt64 = 0
    /// The sum of the waiting frames' sizes.
    private(set) var bytes = 0

    var nextAt: Instant? { self.heap.first?.at }

    mutating func insert(_ frame: Frame) {
        var frame = frame
        frame.sequence = self.sequence
        self.sequence += 1
        self.bytes += frame.bytes.count
        self.heap.append(frame)
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].precedes(self.heap[parent]) else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the first frame if its time has come.
    mutating func popDue(now: Instant) -> Frame? {
        guard let first = self.heap.first, first.at <= now else { return nil }
        self.bytes -= first.bytes.count
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].precedes(self.heap[least]) { least = child }
            }
            guard least != parent else { break }
            self.heap.swapAt(parent, least)
            parent = least
        }
        return first
    }
}
