package import Primitives
import Topology

/// What a probe should see on a pair of links, and whether it did.
package struct LinkExpectation: Equatable, Sendable {
    package var forward: LinkSettings
    package var backward: LinkSettings
    /// What the link there was before; nil when loss and bandwidth are not to be measured.
    package var former: LinkSettings?

    package init(forward: LinkSettings, backward: LinkSettings, former: LinkSettings? = nil) {
        self.forward = forward
        self.backward = backward
        self.former = former
    }

    package var roundTrip: Nanoseconds { self.forward.latency + self.backward.latency }
    private var jitter: Nanoseconds { self.forward.jitter + self.backward.jitter }

    /// A round trip may be off by 5 % and 2 ms, and by the jitter; what waits for bandwidth or for
    /// a retransmission may be late by any time, but never early.
    package func accepts(_ probe: LinkProbe) -> Bool {
        if self.forward.isCut || self.backward.isCut {
            guard probe.roundTrips.isEmpty, let arrived = probe.arrived else { return false }
            return self.forward.isCut ? arrived == 0 : arrived > 0
        }
        guard let fastest = probe.roundTrips.min() else { return false }
        let measured = Nanoseconds.microseconds(fastest)
        if measured + .milliseconds(1) < self.roundTrip { return false }
        let latest = self.roundTrip + self.roundTrip / 20 + .milliseconds(2) + self.jitter
        guard self.isUnbounded || measured <= latest else { return false }
        return self.acceptsLoss(probe) && self.acceptsThroughput(probe)
    }

    private func acceptsLoss(_ probe: LinkProbe) -> Bool {
        guard self.lossFrames > 0 else { return true }
        return probe.losses?.fits(perMillion: self.forward.lossPerMillion) ?? false
    }

    private func acceptsThroughput(_ probe: LinkProbe) -> Bool {
        guard self.bandwidthFrameBytes > 0 else { return true }
        guard let limit = self.forward.bandwidth else {
            return probe.throughput?.exceeds(self.former?.bandwidth ?? 0) ?? false
        }
        let isLossy = self.forward.lossPerMillion > 0
        return probe.throughput?.fits(limit, mayBeSlower: isLossy) ?? false
    }

    private var isUnbounded: Bool {
        self.forward.lossPerMillion > 0 || self.backward.lossPerMillion > 0
            || self.forward.bandwidth != nil || self.backward.bandwidth != nil
    }

    // MARK: Bursts

    /// Frames of a burst that show the loss there, now or before, two dozen times; zero when there
    /// is no change to measure.
    package var lossFrames: Int {
        guard let former = self.former, !self.forward.isCut,
            former.lossPerMillion != self.forward.lossPerMillion
        else { return 0 }
        let chance = max(self.forward.lossPerMillion, former.lossPerMillion)
        return min(max(24 * 1_000_000 / Int(chance), Self.lossFramesMin), Self.lossFramesMax)
    }

    private static let lossFramesMin = 500
    private static let lossFramesMax = 8_000

    /// The size of each of ``bandwidthFrames`` that take a third of a second at the limit, now or
    /// before; zero when there is no change to measure.
    package var bandwidthFrameBytes: Int {
        guard let former = self.former, !self.forward.isCut,
            former.bandwidth != self.forward.bandwidth,
            let limit = [self.forward.bandwidth, former.bandwidth].compactMap({ $0 }).min()
        else { return 0 }
        return Int(min(max(limit / UInt64(3 * Self.bandwidthFrames), 64), 128 << 10))
    }

    package static let bandwidthFrames = 16

    /// How long a probe has to wait for its answer.
    package var timeoutMilliseconds: UInt64 {
        let delays = self.roundTrip + self.jitter
        let retransmissions: UInt64 = self.isUnbounded ? 1_500 : 0
        return (delays + delays / 2) / 1_000_000 + 300 + retransmissions
    }

    /// How long the last frame of a burst may take beyond its sending, and a retransmission.
    var burstDelay: Nanoseconds {
        let latency = self.forward.latency
        let isLossy = self.forward.lossPerMillion > 0
        let lossy = isLossy ? Link.retransmission(latency: latency) : 0
        return latency + self.forward.jitter + lossy
    }

    package var text: String {
        if self.forward.isCut { return "nothing arrives" }
        if self.backward.isCut { return "arrives, nothing comes back" }
        var parts = ["round trip \(Figures.milliseconds(self.roundTrip))"]
        if self.lossFrames > 0 {
            parts.append("loss \(Quantity.text(partsPerMillion: self.forward.lossPerMillion))")
        }
        if self.bandwidthFrameBytes > 0 {
            let limit = self.forward.bandwidth.map { "\(Figures.bytes($0))/s" }
            parts.append(limit ?? "no limit")
        }
        return parts.joined(separator: ", ")
    }
}
