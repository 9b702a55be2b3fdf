package import Primitives

/// The figures of one window of one (table, source region).
package struct LagSummary: Equatable, Sendable {
    package var count: UInt64
    package var p50: Nanoseconds
    package var p90: Nanoseconds
    package var p99: Nanoseconds
    package var max: Nanoseconds
    package var mean: Nanoseconds

    package init(_ histogram: Histogram) {
        self.count = histogram.count
        self.p50 = histogram.quantile(perMille: 500)
        self.p90 = histogram.quantile(perMille: 900)
        self.p99 = histogram.quantile(perMille: 990)
        self.max = histogram.isEmpty ? 0 : histogram.max
        self.mean = histogram.mean
    }
}

/// A minute of histograms, a second each.
package struct SlidingHistogram: Equatable, Sendable {
    package static let slotCount = 60
    package static let slotLength: Nanoseconds = .seconds(1)

    private struct Slot: Equatable, Sendable {
        var number: UInt64
        var histogram = Histogram()
    }

    /// Ascending by number; only seconds with samples have one.
    private var slots: [Slot] = []

    package init() {}

    /// Counts a value under the second of `at`.
    ///
    /// By `now` it is decided which seconds have passed out of the minute; a sample older than the
    /// minute is not counted.
    package mutating func record(_ value: Nanoseconds, at: Instant, now: Instant) {
        let number = at.nanoseconds / Self.slotLength
        let oldest = Self.oldestSlot(now: now, slots: Self.slotCount)
        while let first = self.slots.first, first.number < oldest { self.slots.removeFirst() }
        guard number >= oldest else { return }
        if let last = self.slots.last, last.number == number {
            self.slots[self.slots.count - 1].histogram.record(value)
            return
        }
        let place = self.slots.firstIndex { $0.number >= number } ?? self.slots.endIndex
        if place == self.slots.endIndex || self.slots[place].number != number {
            self.slots.insert(Slot(number: number), at: place)
        }
        self.slots[place].histogram.record(value)
    }

    /// Everything of the last `seconds` seconds (at most 60), the running second included.
    package func window(seconds: Int, now: Instant) -> Histogram {
        precondition((1...Self.slotCount).contains(seconds))
        let oldest = Self.oldestSlot(now: now, slots: seconds)
        let newest = now.nanoseconds / Self.slotLength
        var merged = Histogram()
        for slot in self.slots where slot.number >= oldest && slot.number <= newest {
            merged.merge(slot.histogram)
        }
        return merged
    }

    private static func oldestSlot(now: Instant, slots: Int) -> UInt64 {
        let current = now.nanoseconds / self.slotLength
        return current - Swift.min(current, UInt64(slots - 1))
    }
}

/// The destination's meter of one (table, source region): apply time minus commit time on the
/// reference clock, per change.
///
/// Windows by **commit** time are unbiased: a slow change belongs to the second it was written in,
/// even when it arrives much later. Windows by **arrival** are what CloudWatch's
/// `ReplicationLatency` shows, and are blind while nothing arrives; that is why the sender's
/// ``BacklogMeter`` stands beside this one.
package struct LagMeter: Equatable, Sendable {
    private(set) package var byCommit = SlidingHistogram()
    private(set) package var byArrival = SlidingHistogram()
    /// Since the meter was made.
    private(set) package var total = Histogram()

    package init() {}

    /// A change that was committed at the source was applied here.
    package mutating func applied(committedAt: Instant, appliedAt: Instant) {
        let lag = appliedAt.since(committedAt)
        self.byCommit.record(lag, at: committedAt, now: appliedAt)
        self.byArrival.record(lag, at: appliedAt, now: appliedAt)
        self.total.record(lag)
    }

    /// The changes committed in the last so many seconds that have arrived.
    package func summary(lastSeconds seconds: Int, now: Instant) -> LagSummary {
        LagSummary(self.byCommit.window(seconds: seconds, now: now))
    }

    /// The changes that arrived in the last so many seconds.
    package func arrivalSummary(lastSeconds seconds: Int, now: Instant) -> LagSummary {
        LagSummary(self.byArrival.window(seconds: seconds, now: now))
    }
}
