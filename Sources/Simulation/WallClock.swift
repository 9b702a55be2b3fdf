import Primitives

/// The wall clock of one node: true time, set off, drifting, and stepped by faults.
struct WallClock {
    /// True time when virtual time is zero: some day of the year 2026.
    static let epoch: UInt64 = 1_790_000_000_000_000_000

    private var offset: Int64
    private var drift: Int32
    /// From when the drift counts.
    private var since: Instant
    /// What readings are rounded down to.
    private let grain: UInt64

    init(_ setting: ClusterPlan.ClockSetting, since: Instant, grain: Nanoseconds) {
        self.grain = grain
        self.offset = setting.offset
        self.drift = setting.drift
        self.since = since
    }

    /// Sets the clock off against true time from now on, as `atoll fault clock` does.
    mutating func set(_ setting: ClusterPlan.ClockSetting, now: Instant) {
        self = WallClock(setting, since: now, grain: self.grain)
    }

    /// Steps the clock by a difference, keeping its rate.
    mutating func step(by difference: Int64) { self.offset += difference }

    func now(_ instant: Instant) -> WallTime {
        var time = Int64(Self.epoch + instant.nanoseconds) + self.offset
        if self.drift != 0 {
            time += Int64(instant.since(self.since)) / 1_000_000 * Int64(self.drift)
        }
        guard self.grain > 1 else { return WallTime(nanoseconds: UInt64(time)) }
        return WallTime(nanoseconds: UInt64(time) / self.grain * self.grain)
    }
}
