package import Primitives

/// Issues the stamps of one node: the scalar form of hybrid logical clocks.
///
/// Kulkarni et al. (*Logical Physical Clocks*, OPODIS 2014, §3) keep a pair (l, c): the largest
/// physical time seen and a counter for events within it. Nanoseconds are finer than any node
/// issues stamps, so the counter is folded into the time's low digits: an event at a standing or
/// lagging physical clock gets the last time plus one. What the paper proves still holds: a stamp
/// is greater than that of every event that happened before, and exceeds the largest physical time
/// in its past by no more than the number of events issued since. One integer compares faster, and
/// encodes smaller, than a pair.
///
/// A node observes the stamp of the version that a write replaces before it stamps the write, so in
/// hybrid mode a local write always wins over what its writer could see, however skewed the clocks.
package struct HybridClock: Equatable, Sendable {
    /// Which clock the stamps of a cluster follow.
    package enum Mode: UInt8, Sendable {
        /// Physical time, pushed forward by every stamp observed.
        case hybrid
        /// The node's own wall clock and nothing else, to show how skew loses newer writes.
        case wall
    }

    package let mode: Mode
    package let region: RegionID
    /// The greatest time issued or observed; every later stamp exceeds it.
    private(set) package var last: UInt64 = 0

    package init(mode: Mode, region: RegionID) {
        self.mode = mode
        self.region = region
    }

    /// The stamp of a new event; strictly greater than every stamp issued before.
    package mutating func issue(wall: WallTime) -> Stamp {
        self.last = max(wall.nanoseconds, self.last + 1)
        return Stamp(time: self.last, region: self.region)
    }

    /// What does not hold, in words.
    ///
    /// Nothing may push the clock out of its range, where it could not count on.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.expect(self.last < Self.timeMax, "the hybrid clock stands at \(self.last)")
        return broken.list
    }

    /// The year 2262: what no clock shows.
    private static let timeMax: UInt64 = 1 << 63

    /// Takes note of another event's stamp, which later stamps will exceed; ignored in wall mode.
    ///
    /// A time that no clock shows is passed over: the clock could not count on from it.
    package mutating func observe(_ stamp: Stamp) {
        guard self.mode == .hybrid, stamp.time < Self.timeMax else { return }
        self.last = max(self.last, stamp.time)
    }
}
