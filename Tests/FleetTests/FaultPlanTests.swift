import Fleet
import Primitives
import Testing

@Suite("Faults on one thing add up, and healing one leaves the others") struct FaultPlanTests {
    private let ab = DirectedLink(from: 0, to: 1)
    private let ba = DirectedLink(from: 1, to: 0)

    private var plan: FaultPlan {
        let link = LinkSettings(latency: .milliseconds(35), bandwidth: 1_000_000)
        let base = (0..<3).map { row in (0..<3).map { row == $0 ? .instant : link } }
        return FaultPlan(
            links: LinkPlan(base: base),
            clocks: [ClockEffect(offset: 5), ClockEffect(), ClockEffect()]
        )
    }

    @Test("delays add, losses combine as chances, the narrower bandwidth holds")
    func composition() {
        var plan = self.plan
        plan.links.add(
            fault: 1,
            [
                self.ab: LinkSettings(
                    latency: .milliseconds(10),
                    jitter: 7,
                    lossPerMillion: 500_000,
                    bandwidth: 2_000_000
                )
            ]
        )
        plan.links.add(
            fault: 2,
            [
                self.ab: LinkSettings(
                    latency: .milliseconds(5),
                    jitter: 1,
                    lossPerMillion: 500_000,
                    bandwidth: 500
                )
            ]
        )
        let settings = plan.links.settings(of: self.ab)
        #expect(
            settings
                == LinkSettings(
                    latency: .milliseconds(50),
                    jitter: 8,
                    lossPerMillion: 750_000,
                    bandwidth: 500
                )
        )
        #expect(plan.links.settings(of: self.ba).latency == .milliseconds(35))
    }

    @Test(
        "healing in any order ends where the topology began",
        arguments: [
            [1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1],
        ]
    )
    func healing(order: [Int]) {
        var plan = self.plan
        let effects: [LinkSettings] = [
            .cut, LinkSettings(latency: 9, lossPerMillion: 10_000), LinkSettings(bandwidth: 10),
        ]
        for (index, effect) in effects.enumerated() {
            plan.links.add(fault: index + 1, [self.ab: effect])
        }
        for (position, fault) in order.enumerated() {
            plan.remove(fault: fault)
            let left = order[(position + 1)...]
            #expect(plan.links.settings(of: self.ab).isCut == left.contains(1))
            #expect(
                plan.links.settings(of: self.ab).bandwidth == (left.contains(3) ? 10 : 1_000_000)
            )
        }
        #expect(plan.isClear)
        #expect(
            plan.links.settings(of: self.ab) == self.plan.links.settings(of: self.ab)
        )
    }

    @Test("a cut stops the sending side of its direction only")
    func outboundCuts() {
        var plan = self.plan
        plan.links.add(fault: 1, [self.ab: .cut])
        #expect(plan.links.outboundCuts(of: 0) == [1])
        #expect(plan.links.outboundCuts(of: 1) == [])
        #expect(plan.links.inbound(to: 1).map(\.source) == [0, 2])
        #expect(plan.links.inbound(to: 1).map(\.settings.isCut) == [true, false])
    }

    @Test("clock offsets and drifts add to the topology's")
    func clocks() {
        var plan = self.plan
        plan.add(fault: 1, clocks: [0: ClockEffect(offset: -100, driftPPM: 40)])
        plan.add(fault: 2, clocks: [0: ClockEffect(offset: 30), 1: ClockEffect(driftPPM: -1)])
        #expect(plan.clock(of: 0) == ClockEffect(offset: -65, driftPPM: 40))
        #expect(plan.clock(of: 1) == ClockEffect(driftPPM: -1))
        plan.remove(fault: 1)
        #expect(plan.clock(of: 0) == ClockEffect(offset: 35))
    }

    @Test("replication pauses per direction while one fault holds it")
    func replication() {
        var plan = self.plan
        plan.add(fault: 1, pausing: [RegionPair(from: 0, to: 1), RegionPair(from: 1, to: 0)])
        plan.add(fault: 2, pausing: [RegionPair(from: 0, to: 1), RegionPair(from: 0, to: 2)])
        #expect(plan.pausedTargets(of: 0) == [1, 2])
        plan.remove(fault: 2)
        #expect(plan.pausedTargets(of: 0) == [1])
        #expect(plan.pausedTargets(of: 1) == [0])
        plan.remove(fault: 1)
        #expect(plan.pausedTargets(of: 0) == [])
    }

    @Test("endpoint faults: delays add, the latest error answers, one refusal is enough")
    func endpoints() {
        var plan = self.plan
        plan.add(fault: 1, endpoint: 2, EndpointEffect(error: "503", latency: 10))
        plan.add(fault: 2, endpoint: 2, EndpointEffect(refuses: true, error: "500", latency: 5))
        #expect(
            plan.endpoint(of: 2)
                == EndpointEffect(refuses: true, error: "500", latency: 15)
        )
        plan.remove(fault: 2)
        #expect(plan.endpoint(of: 2) == EndpointEffect(error: "503", latency: 10))
        #expect(plan.endpoint(of: 1) == .none)
    }
}

@Suite("A probe proves a link's state or refutes it") struct LinkExpectationTests {
    private func probe(_ roundTrips: [UInt64], arrived: Int?) -> LinkProbe {
        LinkProbe(roundTrips: roundTrips, lost: 5 - roundTrips.count, arrived: arrived, oneWay: [])
    }

    private let plain = LinkSettings(latency: .milliseconds(50))
    private let cut = LinkSettings(latency: .milliseconds(50), isCut: true)

    @Test(
        "a round trip may be off by 5 % and 2 ms",
        arguments: [
            (98_000, false), (99_100, true), (100_000, true), (106_900, true), (107_200, false),
        ]
    )
    func tolerance(microseconds: UInt64, isAccepted: Bool) {
        let expectation = LinkExpectation(forward: self.plain, backward: self.plain)
        #expect(expectation.accepts(self.probe([microseconds], arrived: 1)) == isAccepted)
    }

    @Test("a cut there, a cut back and no cut are told apart by what the receiver counted")
    func cuts() {
        let nothing = self.probe([], arrived: 0)
        let oneWay = self.probe([], arrived: 5)
        let untold = self.probe([], arrived: nil)
        let both = self.probe([100_000], arrived: 5)
        let probes = [nothing, oneWay, untold, both]
        let there = LinkExpectation(forward: self.cut, backward: self.plain)
        let back = LinkExpectation(forward: self.plain, backward: self.cut)
        let twice = LinkExpectation(forward: self.cut, backward: self.cut)
        let none = LinkExpectation(forward: self.plain, backward: self.plain)
        #expect(probes.map(there.accepts) == [true, false, false, false])
        #expect(probes.map(back.accepts) == [false, true, false, false])
        #expect(probes.map(twice.accepts) == [true, false, false, false])
        #expect(probes.map(none.accepts) == [false, false, false, true])
    }

    @Test(
        "a loss is proved by its share of a burst, and refuted by another",
        arguments: [
            (0, 500, false), (1, 500, false), (25, 500, true), (50, 500, true), (75, 500, true),
            (90, 500, false), (0, 0, false),
        ]
    )
    func loss(lost: Int, among: Int, isAccepted: Bool) {
        let lossy = LinkSettings(latency: .milliseconds(50), lossPerMillion: 100_000)
        var probe = self.probe([100_000], arrived: 5)
        let injected = LinkExpectation(forward: lossy, backward: self.plain, former: self.plain)
        #expect(!injected.accepts(probe), "not measured")
        #expect(injected.lossFrames == 500)
        probe.losses = LossReading(lost: lost, among: among)
        #expect(injected.accepts(probe) == isAccepted)
        let healed = LinkExpectation(forward: self.plain, backward: self.plain, former: lossy)
        #expect(healed.accepts(probe) == (lost <= 1 && among > 0))
    }

    @Test("a rare loss is looked for in more frames, and never in more than a burst may have")
    func lossFrames() {
        let chances: [UInt32] = [0, 1, 1_000, 10_000, 500_000]
        let frames = chances.map { chance in
            let lossy = LinkSettings(lossPerMillion: chance)
            return LinkExpectation(forward: lossy, backward: .instant, former: .instant).lossFrames
        }
        #expect(frames == [0, 8_000, 8_000, 2_400, 500])
    }

    @Test("a bandwidth is proved by a burst that takes its time, and refuted by a faster one")
    func throughput() {
        let narrow = LinkSettings(latency: .milliseconds(50), bandwidth: 1_000_000)
        let injected = LinkExpectation(forward: narrow, backward: self.plain, former: self.plain)
        let healed = LinkExpectation(forward: self.plain, backward: self.plain, former: narrow)
        let readings: [ThroughputReading] = [
            .nothing, .atOnce, .bytesPerSecond(400_000), .bytesPerSecond(900_000),
            .bytesPerSecond(1_100_000), .bytesPerSecond(2_000_000),
        ]
        func accepted(_ expectation: LinkExpectation) -> [Bool] {
            readings.map { reading in
                var probe = self.probe([100_000], arrived: 5)
                probe.throughput = reading
                return expectation.accepts(probe)
            }
        }
        #expect(accepted(injected) == [false, false, false, true, true, false])
        #expect(accepted(healed) == [false, true, false, false, false, true])
        #expect(!injected.accepts(self.probe([100_000], arrived: 5)), "not measured")
        let bytes = injected.bandwidthFrameBytes * LinkExpectation.bandwidthFrames
        #expect((300_000...340_000).contains(bytes))
    }

    @Test("a clock is proved by its offset and by what it gains between two readings")
    func clocks() {
        let expected = ClockEffect(offset: 120_000_000, driftPPM: 400)
        func reading(_ first: Int64, _ second: Int64, _ settings: ClockEffect) -> ClockReading {
            ClockReading(
                error: second,
                at: 1_500_000_000,
                earlier: (first, 1_000_000_000),
                settings: settings
            )
        }
        let good = reading(120_000_000, 120_200_000, expected)
        #expect(good.driftPPM == 400)
        #expect(good.fits(expected))
        #expect(good.text == "+120.2 ms, drift 400 ppm")
        #expect(!reading(120_000_000, 120_000_000, expected).fits(expected), "it stands still")
        #expect(!reading(20_000_000, 20_200_000, expected).fits(expected), "the offset is wrong")
        #expect(!reading(120_000_000, 120_200_000, ClockEffect()).fits(expected), "not its own")
        let right = ClockEffect()
        #expect(reading(-3_000, 1_000, right).fits(right))
        #expect(!reading(0, 100_000, right).fits(right), "it drifts, whatever it says")
    }

    @Test("with loss or a narrow link a probe may be late but never early")
    func unbounded() {
        let lossy = LinkSettings(latency: .milliseconds(50), lossPerMillion: 1)
        let expectation = LinkExpectation(forward: lossy, backward: self.plain)
        #expect(expectation.accepts(self.probe([900_000], arrived: 1)))
        #expect(!expectation.accepts(self.probe([90_000], arrived: 1)))
    }
}
