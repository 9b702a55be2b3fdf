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
                self.ab: LinkEffect(
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
                self.ab: LinkEffect(
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
        let effects: [LinkEffect] = [
            .cut, LinkEffect(latency: 9, lossPerMillion: 10_000), LinkEffect(bandwidth: 10),
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
    private func probe(_ roundTrips: [UInt64], arrived: Int) -> LinkProbe {
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

    @Test("a cut there, a cut back and no cut are told apart")
    func cuts() {
        let nothing = self.probe([], arrived: 0)
        let oneWay = self.probe([], arrived: 5)
        let both = self.probe([100_000], arrived: 5)
        let there = LinkExpectation(forward: self.cut, backward: self.plain)
        let back = LinkExpectation(forward: self.plain, backward: self.cut)
        let none = LinkExpectation(forward: self.plain, backward: self.plain)
        #expect([nothing, oneWay, both].map(there.accepts) == [true, false, false])
        #expect([nothing, oneWay, both].map(back.accepts) == [false, true, false])
        #expect([nothing, oneWay, both].map(none.accepts) == [false, false, true])
    }

    @Test("where no arrival is reported, the two ends together tell which way is cut")
    func cutsSeenFromBothEnds() {
        func silent(return isReturnCut: Bool, forward isForwardCut: Bool?) -> LinkProbe {
            var probe = self.probe([], arrived: 0)
            probe.isReturnCut = isReturnCut
            probe.isForwardCut = isForwardCut
            return probe
        }
        let there = LinkExpectation(forward: self.cut, backward: self.plain)
        let back = LinkExpectation(forward: self.plain, backward: self.cut)
        let both = LinkExpectation(forward: self.cut, backward: self.cut)
        let probes = [
            silent(return: false, forward: true), silent(return: true, forward: false),
            silent(return: true, forward: true), silent(return: false, forward: false),
        ]
        #expect(probes.map(there.accepts) == [true, false, true, false])
        #expect(probes.map(back.accepts) == [false, true, false, false])
        #expect(probes.map(both.accepts) == [true, false, true, false])
    }

    @Test("with loss or a narrow link a probe may be late but never early")
    func unbounded() {
        let lossy = LinkSettings(latency: .milliseconds(50), lossPerMillion: 1)
        let expectation = LinkExpectation(forward: lossy, backward: self.plain)
        #expect(expectation.accepts(self.probe([900_000], arrived: 1)))
        #expect(!expectation.accepts(self.probe([90_000], arrived: 1)))
    }
}
