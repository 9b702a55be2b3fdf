/// Estimates from a burst of frames what the link does that they crossed: what share it loses, and
/// how fast it lets bytes through.
///
/// A link loses nothing for good: a lost frame arrives a retransmission later, and what was sent
/// behind it waits for it. A frame that would have had to wait as long had it been lost itself
/// tells nothing and is not counted; of all others it can be told.
package struct BurstMeter: Sendable {
    package struct Arrival: Equatable, Sendable {
        package var sentAt: Instant
        package var arrivedAt: Instant
        /// As the link counts it, so that it can be compared with the link's bandwidth.
        package var bytes: Int

        package init(sentAt: Instant, arrivedAt: Instant, bytes: Int) {
            self.sentAt = sentAt
            self.arrivedAt = arrivedAt
            self.bytes = bytes
        }

        var delay: Nanoseconds { self.arrivedAt.since(self.sentAt) }
    }

    /// In the order of delivery.
    package private(set) var arrivals: [Arrival] = []

    package init() {}

    package mutating func add(_ arrival: Arrival) { self.arrivals.append(arrival) }

    package var count: Int { self.arrivals.count }

    /// Frames that were lost, among those of which it can be told, on a link of a known latency.
    ///
    /// How late the receiver looks does not matter: it widens what is not counted.
    package func losses(latency: Nanoseconds) -> (lost: Int, among: Int) {
        let late = latency + Link.retransmission(latency: latency)
        var lost = 0
        var onTime = 0
        var deliveredAt = Instant.zero
        for arrival in self.arrivals {
            if arrival.sentAt + late > deliveredAt {
                if arrival.delay < late { onTime += 1 } else { lost += 1 }
            }
            deliveredAt = arrival.arrivedAt
        }
        return (lost, lost + onTime)
    }

    /// Bytes a second from the first arrival to the last; nil when they came all at once.
    package var throughput: UInt64? {
        guard let first = self.arrivals.first, let last = self.arrivals.last,
            last.arrivedAt > first.arrivedAt
        else { return nil }
        let bytes = self.arrivals.dropFirst().reduce(UInt64(0)) { $0 + UInt64($1.bytes) }
        return bytes * 1_000_000_000 / last.arrivedAt.since(first.arrivedAt)
    }
}
