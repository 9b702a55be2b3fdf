import Primitives

/// What is going to happen in a simulated cluster, the earliest first; equal times in the order of
/// planning.
struct Agenda {
    enum Step {
        case tick(Machine, life: Int)
        case turn(Machine, life: Int)
        case frame(Frame)
        case dial(from: Int, to: Int, life: Int)
        case script(() -> Void)
    }

    private struct Entry {
        var at: Instant
        var order: UInt64
        var step: Step

        func precedes(_ other: Entry) -> Bool {
            (self.at.nanoseconds, self.order) < (other.at.nanoseconds, other.order)
        }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    var nextAt: Instant? { self.heap.first?.at }

    mutating func plan(_ step: Step, at instant: Instant) {
        self.order += 1
        self.heap.append(Entry(at: instant, order: self.order, step: step))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].precedes(self.heap[parent]) else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (at: Instant, step: Step)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        return (first.at, first.step)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].precedes(self.heap[least]) { least = child }
            }
            guard least != parent else { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
