import Primitives

/// What is going to happen, the earliest first; equal times in the order of planning.
///
/// A binary heap of plain words: entries name things by number, so that moving them counts no
/// references. The sequence number makes the order total, and so the same in every run.
struct Agenda {
    /// What an entry stands for; `a` and `b` of the entry say of what.
    enum Kind: UInt8 {
        /// Machine `a`, start of its process `b`.
        case tick, turn, synced, retryCommit
        /// The first waiting frame of path `a`.
        case frame
        /// Bytes of path `a` reach the receiver's socket.
        case chunk
        /// Path `a`, start of the dialling process `b`.
        case dial
        /// The receiver of path `a` has heard that connection `b` of it is gone.
        case request
        case arrival
        case deadline
        case retry
        case health
        case faultBegins, faultEnds
        case flushDisk
        case milestone
    }

    struct Entry {
        var at: UInt64
        /// Sequence × 256 + kind.
        var order: UInt64
        var a: UInt32
        var b: UInt32

        var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: self.order))! }
    }

    private var heap: [Entry] = []
    private var sequence: UInt64 = 0

    var nextAt: UInt64? { self.heap.first?.at }
    var count: Int { self.heap.count }

    mutating func plan(_ kind: Kind, _ a: Int, _ b: UInt32 = 0, at instant: Instant) {
        self.sequence += 1
        let entry = Entry(
            at: instant.nanoseconds,
            order: self.sequence << 8 | UInt64(kind.rawValue),
            a: UInt32(a),
            b: b
        )
        self.heap.append(entry)
        self.heap.withUnsafeMutableBufferPointer { heap in
            var child = heap.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard Self.precedes(entry, heap[parent]) else { break }
                heap[child] = heap[parent]
                child = parent
            }
            heap[child] = entry
        }
    }

    /// Takes out the first entry if it is due by `limit`.
    mutating func pop(by limit: UInt64) -> Entry? {
        guard let first = self.heap.first, first.at <= limit else { return nil }
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return first }
        self.heap.withUnsafeMutableBufferPointer { heap in
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, Self.precedes(heap[child + 1], heap[child]) {
                    child += 1
                }
                guard Self.precedes(heap[child], last) else { break }
                heap[parent] = heap[child]
                parent = child
            }
            heap[parent] = last
        }
        return first
    }

    @inline(__always)
    private static func precedes(_ one: Entry, _ other: Entry) -> Bool {
        one.at != other.at ? one.at < other.at : one.order < other.order
    }
}
