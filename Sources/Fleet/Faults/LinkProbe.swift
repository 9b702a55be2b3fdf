package import Primitives
package import Wire

/// What was measured on the way from one node to another: round trips by the sender, from
/// `POST /_atoll/probe`, and what arrived by the receiver, from `GET /_atoll/arrivals`.
package struct LinkProbe: Equatable, Sendable {
    /// Microseconds, one a probe that came back.
    package var roundTrips: [UInt64]
    package var lost: Int
    /// Probes that the receiver counted, which tells a cut there from one back; nil when it did not
    /// say.
    package var arrived: Int?
    /// Delays that the receiver measured, microseconds.
    package var oneWay: [UInt64]
    /// Nil when no burst was sent to find out.
    package var losses: LossReading?
    /// Nil when no burst was sent to find out.
    package var throughput: ThroughputReading?

    package init(roundTrips: [UInt64], lost: Int, arrived: Int?, oneWay: [UInt64]) {
        self.roundTrips = roundTrips
        self.lost = lost
        self.arrived = arrived
        self.oneWay = oneWay
    }

    package init?(json: JSONValue) {
        guard let roundTrips = json["roundTripsUs"]?.array else { return nil }
        self.init(
            roundTrips: roundTrips.compactMap(\.uint64),
            lost: json["lost"]?.int ?? 0,
            arrived: nil,
            oneWay: (json["oneWayUs"]?.array ?? []).compactMap(\.uint64)
        )
    }

    /// The middle one, nanoseconds; nil when none came back.
    package var roundTripMedian: Nanoseconds? {
        guard !self.roundTrips.isEmpty else { return nil }
        return .microseconds(self.roundTrips.sorted()[self.roundTrips.count / 2])
    }

    package var text: String {
        guard let median = self.roundTripMedian else {
            guard let arrived = self.arrived else {
                return "no answer, and the receiver does not say what arrived"
            }
            return arrived > 0
                ? "\(arrived) arrived, no answer came back" : "nothing arrives (\(self.lost) lost)"
        }
        var parts = ["round trip \(Figures.milliseconds(median))"]
        if self.lost > 0 { parts[0] += ", \(self.lost) lost" }
        if let losses = self.losses { parts.append(losses.text) }
        if let throughput = self.throughput { parts.append(throughput.text) }
        return parts.joined(separator: ", ")
    }
}

/// Frames of a burst that arrived a retransmission late, among those of which it can be told.
package struct LossReading: Equatable, Sendable {
    package var lost: Int
    package var among: Int

    package init(lost: Int, among: Int) {
        self.lost = lost
        self.among = among
    }

    var text: String {
        guard self.among > 0 else { return "loss unknown: nothing arrived" }
        let perThousand = (self.lost * 1_000 + self.among / 2) / self.among
        return "loss \(perThousand / 10).\(perThousand % 10) % (\(self.lost) of \(self.among))"
    }

    /// Whether chance explains the reading: within four standard deviations of what is expected,
    /// and one for a process that had to wait.
    func fits(perMillion: UInt32) -> Bool {
        guard self.among > 0 else { return false }
        let chance = Double(perMillion) / 1_000_000
        let expected = chance * Double(self.among)
        let deviation = (expected * (1 - chance)).squareRoot()
        return (Double(self.lost) - expected).magnitude <= 4 * deviation + 1
    }
}

/// How fast a burst came through.
package enum ThroughputReading: Equatable, Sendable {
    case bytesPerSecond(UInt64)
    /// Faster than can be told.
    case atOnce
    /// Less than two of its frames arrived in time.
    case nothing

    var text: String {
        switch self {
        case .bytesPerSecond(let rate): "\(Figures.bytes(rate))/s"
        case .atOnce: "a burst at once"
        case .nothing: "no burst came through"
        }
    }

    /// A burst may pass a little faster than the link says, by when its first frame was noticed;
    /// slower by what shares the link, or, on a fast one, by the machine.
    func fits(_ limit: UInt64, mayBeSlower: Bool) -> Bool {
        switch self {
        case .nothing: false
        case .atOnce: limit > Self.machineBytesPerSecond
        case .bytesPerSecond(let rate):
            rate <= limit + limit / 5
                && (rate >= limit / 2 || mayBeSlower || limit > Self.machineBytesPerSecond)
        }
    }

    /// Whether a former limit is gone.
    func exceeds(_ limit: UInt64) -> Bool {
        switch self {
        case .nothing: false
        case .atOnce: true
        case .bytesPerSecond(let rate):
            rate > limit + limit / 2 || limit > Self.machineBytesPerSecond
        }
    }

    /// Beyond this a busy machine may be what limits.
    private static let machineBytesPerSecond: UInt64 = 20_000_000
}
