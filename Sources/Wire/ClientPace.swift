/// How long a client may hold a connection without making use of it; nanoseconds.
///
/// A connection costs a descriptor and memory, and there are only so many: without these bounds a
/// few thousand that stay silent keep everybody out, health checks and control included.
package struct ClientPatience: Sendable {
    /// A request must be whole after this, and a second more for each ``bytesPerSecondMin`` of it.
    package var request: UInt64 = 30_000_000_000
    package var bytesPerSecondMin: UInt64 = 16 << 10
    /// When all places are taken, a connection that nothing was heard of for so long makes room
    /// for a new one.
    ///
    /// SDKs keep idle connections for minutes, which does no harm while there are places left.
    package var idle: UInt64 = 5_000_000_000
    /// How often unfinished requests are looked at.
    package var sweepInterval: UInt64 = 1_000_000_000

    package init() {}
}

/// What a server notes of one client's connection to know whether it makes use of it.
///
/// Times are nanoseconds of the host's monotonic clock.
package struct ClientPace: Sendable {
    /// When the request that is being read began; nil between requests.
    private var begunAt: UInt64?
    /// When bytes came or an answer was made last.
    package private(set) var seenAt: UInt64

    package init(now: UInt64) { self.seenAt = now }

    /// Bytes came, or an answer was made.
    package mutating func seen(now: UInt64) { self.seenAt = now }

    /// A whole request was taken.
    package mutating func taken() { self.begunAt = nil }

    /// All whole requests were taken; of another one so many bytes are here.
    package mutating func left(_ bytes: Int, now: UInt64) {
        self.begunAt = bytes == 0 ? nil : self.begunAt ?? now
    }

    /// Whether the request that is being read, of which so many bytes came, takes too long.
    package func isOverdue(_ bytes: Int, now: UInt64, _ patience: ClientPatience) -> Bool {
        guard let begunAt, now > begunAt else { return false }
        let earned = UInt64(bytes) * 1_000_000_000 / max(1, patience.bytesPerSecondMin)
        return now - begunAt > patience.request + earned
    }

    /// Whether nothing happened for so long that the connection may go to make room.
    package func isQuiet(now: UInt64, _ patience: ClientPatience) -> Bool {
        now > self.seenAt && now - self.seenAt >= patience.idle
    }
}
