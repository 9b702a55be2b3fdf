/// The place of an entry in a replica's log; the first entry has index 1, zero is "before any".
package struct LogIndex: Hashable, Comparable, Sendable {
    package var value: UInt64

    package init(_ value: UInt64) { self.value = value }

    package static let zero = LogIndex(0)

    package var next: LogIndex { LogIndex(self.value + 1) }
    /// The index before this one; traps at zero.
    package var previous: LogIndex { LogIndex(self.value - 1) }

    package func advanced(by count: Int) -> LogIndex { LogIndex(self.value + UInt64(count)) }

    /// How many entries lie in `(earlier, self]`; zero when `earlier` is not earlier.
    package func distance(from earlier: LogIndex) -> Int {
        self > earlier ? Int(self.value - earlier.value) : 0
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.value < rhs.value }
}

/// A period with at most one leader (Raft §5.1); zero means that no election was ever held.
package struct Term: Hashable, Comparable, Sendable {
    package var value: UInt64

    package init(_ value: UInt64) { self.value = value }

    package static let zero = Term(0)

    package var next: Term { Term(self.value + 1) }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.value < rhs.value }
}

/// An entry's index and term, which together name it: two logs that hold the same position hold
/// the same entries up to it (Raft §5.3, Log Matching).
package struct LogPosition: Hashable, Sendable {
    package var index: LogIndex
    package var term: Term

    package init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }

    package static let zero = LogPosition(index: .zero, term: .zero)

    /// Raft §5.4.1: a higher last term wins; between equal terms the longer log does.
    package func isAtLeastAsUpToDate(as other: LogPosition) -> Bool {
        (self.term, self.index) >= (other.term, other.index)
    }
}
