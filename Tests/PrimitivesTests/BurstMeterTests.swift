import Primitives
import Testing

@Suite("A burst tells what a link does") struct BurstMeterTests {
    /// What arrives of a burst over a link, by a receiver that looks only now and then.
    private func arrivals(
        _ settings: LinkSettings,
        seed: UInt64,
        frames: Int,
        size: Int,
        every gap: Nanoseconds,
        lateness: Nanoseconds = 0
    ) -> BurstMeter {
        var link = Link(settings, seed: seed)
        var random = SplitMix64(seed: seed)
        var due: [(sentAt: Instant, at: Instant)] = []
        for number in 0..<frames {
            let sentAt = Instant(nanoseconds: .seconds(1) + UInt64(number) * gap)
            if let at = link.delivery(sentAt: sentAt, size: size) { due.append((sentAt, at)) }
        }
        var meter = BurstMeter()
        var lookedAt = Instant.zero
        for frame in due {
            if frame.at > lookedAt { lookedAt = frame.at + random.below(lateness + 1) }
            meter.add(.init(sentAt: frame.sentAt, arrivedAt: lookedAt, bytes: size))
        }
        return meter
    }

    @Test("the share of lost frames, whatever waits behind them, and however late one looks")
    func losses() {
        for perMillion in [0, 1_000, 10_000, 100_000, 300_000] as [UInt32] {
            for latency in [0, 1, 40, 120] as [UInt64] {
                for lateness in [0, 8] as [UInt64] {
                    let settings = LinkSettings(
                        latency: .milliseconds(latency),
                        jitter: .milliseconds(latency / 10),
                        lossPerMillion: perMillion
                    )
                    let frames = perMillion > 10_000 ? 500 : 8_000
                    let meter = self.arrivals(
                        settings,
                        seed: UInt64(perMillion) &+ latency,
                        frames: frames,
                        size: 20,
                        every: .milliseconds(700) / UInt64(frames),
                        lateness: .milliseconds(lateness)
                    )
                    let (lost, among) = meter.losses(latency: settings.latency)
                    let expected = Double(among) * Double(perMillion) / 1_000_000
                    let deviation = expected.squareRoot()
                    #expect(
                        (Double(lost) - expected).magnitude <= 4 * deviation,
                        "\(perMillion) ppm, \(latency) ms, late \(lateness): \(lost) of \(among)"
                    )
                    #expect(meter.count == frames && among > 0)
                }
            }
        }
    }

    @Test("bytes a second, as the link allows them", arguments: [10_000, 1_000_000, 50_000_000])
    func throughput(bandwidth: UInt64) throws {
        let settings = LinkSettings(latency: .milliseconds(35), bandwidth: bandwidth)
        let size = Int(bandwidth / 48)
        let meter = self.arrivals(settings, seed: 1, frames: 17, size: size, every: 0)
        let measured = try #require(meter.throughput)
        #expect(measured > bandwidth * 99 / 100 && measured < bandwidth * 101 / 100)
        let free = self.arrivals(.instant, seed: 1, frames: 17, size: size, every: 0)
        #expect(free.throughput == nil)
    }

    @Test("nothing tells nothing") func empty() {
        let meter = BurstMeter()
        #expect(meter.count == 0 && meter.throughput == nil)
        #expect(meter.losses(latency: 5) == (0, 0))
    }
}
