/// A span of time in nanoseconds.
package typealias Nanoseconds = UInt64

extension Nanoseconds {
    package static func microseconds(_ count: UInt64) -> Nanoseconds { count * 1_000 }
    package static func milliseconds(_ count: UInt64) -> Nanoseconds { count * 1_000_000 }
    package static func seconds(_ count: UInt64) -> Nanoseconds { count * 1_000_000_000 }
}

/// A point on the host's monotonic clock, in nanoseconds; never adjusted, so leases and timers
/// use it.
///
/// Every node of one machine reads the same monotonic clock, which makes it the reference clock of
/// lag measurements too. The core never reads it: every entry point takes the instant as an
/// argument.
package struct Instant: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static let zero = Instant(nanoseconds: 0)
    package static let distantFuture = Instant(nanoseconds: .max)

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.nanoseconds < rhs.nanoseconds }

    package static func + (lhs: Self, rhs: Nanoseconds) -> Instant {
        Instant(nanoseconds: lhs.nanoseconds &+ rhs)
    }

    /// The time since `earlier`, or zero when `earlier` lies in the future.
    package func since(_ earlier: Instant) -> Nanoseconds {
        self.nanoseconds > earlier.nanoseconds ? self.nanoseconds - earlier.nanoseconds : 0
    }
}

/// A reading of a node's wall clock: nanoseconds since 1970, which faults may skew and drift.
package struct WallTime: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
}
