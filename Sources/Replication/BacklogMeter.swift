package import Primitives

/// The source's meter of one (partition, destination): what is committed here and not acknowledged
/// there, defined even while nothing moves.
///
/// Backlog is a difference of running totals and therefore exact. The watermark age is the time
/// since the commit of the oldest unacknowledged change. Commit times are kept as a queue of marks
/// that halves itself when full, keeping the older mark of each pair: the age may then read high
/// by one mark's span, but never low.
package struct BacklogMeter: Equatable, Sendable {
    /// Marks kept; at 24 bytes each.
    package static let marksMax = 512

    private struct Mark: Equatable, Sendable {
        /// The ordinals from here up to the next mark were committed at `at` or later.
        var ordinal: UInt64
        var at: Instant
    }

    private(set) package var committed: ChangeTotals
    private(set) package var acknowledged: ChangeTotals
    private var marks: [Mark] = []
    /// Changes between two marks; doubles whenever the queue is thinned.
    private var stride: UInt64 = 1

    /// Starts at a recorded cursor, with what the log holds behind it not yet fed.
    package init(from acknowledged: ChangeTotals) {
        self.committed = acknowledged
        self.acknowledged = acknowledged
    }

    package var backlogChanges: UInt64 { self.committed.changes - self.acknowledged.changes }
    package var backlogBytes: UInt64 {
        self.committed.bytes - Swift.min(self.acknowledged.bytes, self.committed.bytes)
    }

    /// A local-origin change was committed, or was found in the log by a new leader.
    ///
    /// - Parameters:
    ///   - totals: including the change.
    ///   - instant: of the commit.
    package mutating func committed(_ totals: ChangeTotals, at instant: Instant) {
        guard totals > self.committed else { return }
        let isFirst = self.backlogChanges == 0
        self.committed = totals
        if isFirst {
            self.marks = [Mark(ordinal: totals.changes, at: instant)]
            self.stride = 1
            return
        }
        guard let last = self.marks.last, totals.changes >= last.ordinal + self.stride else {
            return
        }
        self.marks.append(Mark(ordinal: totals.changes, at: instant))
        if self.marks.count > Self.marksMax { self.thin() }
    }

    /// The log shows when an unacknowledged change was committed: a new leader, which began with
    /// totals alone, learns the true age from what it reads first.
    package mutating func found(ordinal: UInt64, committedAt instant: Instant) {
        guard ordinal > self.acknowledged.changes, ordinal <= self.committed.changes,
            let first = self.marks.first, instant < first.at
        else { return }
        self.marks.insert(Mark(ordinal: min(ordinal, first.ordinal), at: instant), at: 0)
        if self.marks.count > Self.marksMax { self.thin() }
    }

    /// The destination acknowledged everything up to these totals.
    package mutating func acknowledged(_ totals: ChangeTotals) {
        guard totals > self.acknowledged else { return }
        self.acknowledged = totals
        if totals > self.committed { self.committed = totals }
        if self.backlogChanges == 0 {
            self.marks.removeAll(keepingCapacity: true)
            return
        }
        let next = totals.changes + 1
        let covering = self.marks.lastIndex { $0.ordinal <= next } ?? 0
        self.marks.removeFirst(covering)
    }

    /// The commit of the oldest change that is not acknowledged; nil when there is none.
    package var oldest: Instant? { self.backlogChanges == 0 ? nil : self.marks.first?.at }

    /// How far the destination is behind: zero when it has everything.
    package func watermarkAge(now: Instant) -> Nanoseconds {
        self.oldest.map { now.since($0) } ?? 0
    }

    /// What does not hold, in words.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.expect(
            self.acknowledged.changes <= self.committed.changes,
            "more is acknowledged than committed"
        )
        broken.expect(
            (self.backlogChanges == 0) == self.marks.isEmpty,
            "\(self.marks.count) marks of \(self.backlogChanges) changes"
        )
        broken.expect(self.marks.count <= Self.marksMax, "\(self.marks.count) marks")
        for (left, right) in zip(self.marks, self.marks.dropFirst()) {
            broken.expect(left.ordinal <= right.ordinal, "marks out of order")
        }
        return broken.list
    }

    private mutating func thin() {
        var kept: [Mark] = []
        kept.reserveCapacity(Self.marksMax)
        for (index, mark) in self.marks.enumerated() where index % 2 == 0 { kept.append(mark) }
        self.marks = kept
        self.stride *= 2
    }
}
