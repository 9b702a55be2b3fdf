package import Primitives
package import Wire

/// What a node measured towards another one, from `POST /_atoll/probe`.
package struct LinkProbe: Equatable, Sendable {
    /// Microseconds, one a probe that came back.
    package var roundTrips: [UInt64]
    package var lost: Int
    /// Probes that the receiver says it got, over whatever path: tells a cut there from a cut back.
    package var arrived: Int
    /// Delays that the receiver measured, microseconds.
    package var oneWay: [UInt64]
    /// The asking node lets nothing in from the other one, so it cannot learn what arrived there.
    package var isReturnCut: Bool
    /// Whether the other node lets nothing in from the asking one, as its own probe said; nil when
    /// it was not asked.
    package var isForwardCut: Bool?

    package init(
        roundTrips: [UInt64],
        lost: Int,
        arrived: Int,
        oneWay: [UInt64],
        isReturnCut: Bool = false
    ) {
        self.roundTrips = roundTrips
        self.lost = lost
        self.arrived = arrived
        self.oneWay = oneWay
        self.isReturnCut = isReturnCut
    }

    package init?(json: JSONValue) {
        guard let roundTrips = json["roundTripsUs"]?.array, let arrived = json["arrived"]?.int
        else { return nil }
        self.init(
            roundTrips: roundTrips.compactMap(\.uint64),
            lost: json["lost"]?.int ?? 0,
            arrived: arrived,
            oneWay: (json["oneWayUs"]?.array ?? []).compactMap(\.uint64),
            isReturnCut: json["linkCut"]?.bool ?? false
        )
    }

    /// The middle one, nanoseconds; nil when none came back.
    package var roundTripMedian: Nanoseconds? {
        guard !self.roundTrips.isEmpty else { return nil }
        return .microseconds(self.roundTrips.sorted()[self.roundTrips.count / 2])
    }

    package var text: String {
        if let median = self.roundTripMedian {
            let lost = self.lost > 0 ? ", \(self.lost) lost" : ""
            return "round trip \(Figures.milliseconds(median))\(lost)"
        }
        if self.arrived > 0 { return "\(self.arrived) arrived, no answer came back" }
        if self.isReturnCut && self.isForwardCut == false { return "no answer comes back" }
        return "nothing arrives (\(self.lost) lost)"
    }
}

/// What a probe should see on a pair of links, and whether it did.
package struct LinkExpectation: Equatable, Sendable {
    package var forward: LinkSettings
    package var backward: LinkSettings

    package init(forward: LinkSettings, backward: LinkSettings) {
        self.forward = forward
        self.backward = backward
    }

    package var roundTrip: Nanoseconds { self.forward.latency + self.backward.latency }
    private var jitter: Nanoseconds { self.forward.jitter + self.backward.jitter }

    /// A round trip may be off by 5 % and 2 ms, and by the jitter; what waits for bandwidth or for
    /// a retransmission may be late by any time, but never early.
    package func accepts(_ probe: LinkProbe) -> Bool {
        if self.forward.isCut || self.backward.isCut {
            guard probe.roundTrips.isEmpty else { return false }
            let isReturnOnly = probe.isReturnCut && probe.isForwardCut != true
            return self.forward.isCut
                ? probe.arrived == 0 && probe.isForwardCut != false
                : probe.arrived > 0 || isReturnOnly
        }
        guard let fastest = probe.roundTrips.min() else { return false }
        let measured = Nanoseconds.microseconds(fastest)
        if measured + .milliseconds(1) < self.roundTrip { return false }
        return self.isUnbounded
            || measured <= self.roundTrip + self.roundTrip / 20 + .milliseconds(2) + self.jitter
    }

    private var isUnbounded: Bool {
        self.forward.lossPerMillion > 0 || self.backward.lossPerMillion > 0
            || self.forward.bandwidth != nil || self.backward.bandwidth != nil
    }

    /// How long a probe has to wait for its answer.
    package var timeoutMilliseconds: UInt64 {
        let delays = self.roundTrip + self.jitter
        let retransmissions: UInt64 = self.isUnbounded ? 1_500 : 0
        return (delays + delays / 2) / 1_000_000 + 300 + retransmissions
    }

    package var text: String {
        if self.forward.isCut { return "nothing arrives" }
        if self.backward.isCut { return "arrives, nothing comes back" }
        return "round trip \(Figures.milliseconds(self.roundTrip))"
    }
}
