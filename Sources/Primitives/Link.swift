/// What a directed link between two nodes does to the bytes that cross it.
package struct LinkSettings: Hashable, Sendable {
    /// One-way delay.
    package var latency: Nanoseconds
    /// Each frame draws an addition uniformly from `0...jitter`; order on the link is kept.
    package var jitter: Nanoseconds
    /// Frames in a million that are lost once and so arrive a retransmission time-out later.
    package var lossPerMillion: UInt32
    /// Bytes a second, or nil for as fast as the machine.
    package var bandwidth: UInt64?
    /// A cut link neither sends nor delivers.
    package var isCut: Bool

    package init(
        latency: Nanoseconds = 0,
        jitter: Nanoseconds = 0,
        lossPerMillion: UInt32 = 0,
        bandwidth: UInt64? = nil,
        isCut: Bool = false
    ) {
        self.latency = latency
        self.jitter = jitter
        self.lossPerMillion = lossPerMillion
        self.bandwidth = bandwidth
        self.isCut = isCut
    }

    package static let instant = LinkSettings()

    package var isInstant: Bool { self == .instant }
}

/// The receiving end of a directed link: decides when a frame that was sent at a known instant may
/// be delivered.
///
/// A frame carries its send time on the machine's monotonic clock, and the receiver holds it until
/// that time plus the delay drawn here, so that delay costs no bandwidth. A stream cannot lose
/// bytes: loss shows as the wait for a retransmission (at least 200 ms, as TCP's minimum, or two
/// round trips), and everything behind the lost frame waits with it.
package struct Link: Sendable {
    package var settings: LinkSettings
    private var random: SplitMix64
    private var lastDelivery: Instant = .zero
    private var wireFreeAt: Instant = .zero

    private static let retransmissionMin: Nanoseconds = .milliseconds(200)

    /// How much later than others a lost frame arrives.
    package static func retransmission(latency: Nanoseconds) -> Nanoseconds {
        max(self.retransmissionMin, 4 * latency)
    }

    package init(_ settings: LinkSettings, seed: UInt64) {
        self.settings = settings
        self.random = SplitMix64(seed: seed)
    }

    /// When a frame of `size` bytes sent at `sentAt` is delivered, or nil when the link is cut.
    ///
    /// Never earlier than a frame that was offered before it.
    package mutating func delivery(sentAt: Instant, size: Int) -> Instant? {
        guard !self.settings.isCut else { return nil }
        var start = sentAt
        if let bandwidth = self.settings.bandwidth, bandwidth > 0 {
            start = max(start, self.wireFreeAt)
            start = start + UInt64(size) * 1_000_000_000 / bandwidth
            self.wireFreeAt = start
        }
        var arrival = start + self.settings.latency
        if self.settings.jitter > 0 {
            arrival = arrival + self.random.below(self.settings.jitter + 1)
        }
        while self.settings.lossPerMillion > 0,
            self.random.chance(UInt64(self.settings.lossPerMillion), outOf: 1_000_000)
        {
            arrival = arrival + Self.retransmission(latency: self.settings.latency)
        }
        self.lastDelivery = max(self.lastDelivery, arrival)
        return self.lastDelivery
    }
}
