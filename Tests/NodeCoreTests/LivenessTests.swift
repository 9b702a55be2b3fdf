import NodeCore
import Primitives
import Testing

@Suite("Leases of a pair of nodes") struct LivenessTests {
    static let leader = NodeID(0)
    static let follower = NodeID(1)

    private func instant(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: .milliseconds(10_000 + milliseconds))
    }

    @Test("while a leader relies on a promise, the follower keeps it, whatever the delays")
    func leasesEndBeforePromises() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var leader = Liveness(peers: [Self.follower], now: self.instant(0))
            var follower = Liveness(peers: [Self.leader], now: self.instant(0))
            var greetings: [(at: UInt64, sentAt: UInt64)] = []
            var answers: [(at: UInt64, sentAt: UInt64)] = []
            var arrival: UInt64 = 0
            for time in 0..<4_000 as Range<UInt64> {
                let now = self.instant(time)
                if leader.greetingIsDue(now: now), !random.chance(1, outOf: 3) {
                    arrival = max(arrival, time + random.below(300))
                    greetings.append((arrival, time))
                }
                while let first = greetings.first, first.at <= time {
                    greetings.removeFirst()
                    _ = follower.greeted(by: Self.leader, boot: 1, now: now)
                    answers.append((time + random.below(300), first.sentAt))
                }
                for answer in answers where answer.at == time {
                    leader.acknowledged(
                        by: Self.follower,
                        sentAt: self.instant(answer.sentAt),
                        now: now
                    )
                }
                guard leader.holdsLease(from: Self.follower, now: now) else { continue }
                let later = now + (NodeTiming.leaseMargin - 1)
                #expect(
                    follower.isPromised(to: Self.leader, now: later),
                    "seed \(seed) at \(time) ms"
                )
            }
        }
    }

    @Test("a leader that is followed before it greets again can be lost again")
    func lostTwice() {
        var follower = Liveness(peers: [Self.leader], now: self.instant(0))
        follower.connected(Self.leader)
        let silence = NodeTiming.silence / .milliseconds(1)
        #expect(follower.newlyLost(now: self.instant(silence + 1)) == [Self.leader])
        #expect(follower.newlyLost(now: self.instant(silence + 500)).isEmpty)
        follower.followed(Self.leader, now: self.instant(1_500))
        #expect(follower.newlyLost(now: self.instant(1_501)).isEmpty)
        #expect(follower.isLost(Self.leader), "only a greeting brings it back")
        #expect(follower.newlyLost(now: self.instant(1_501 + silence)) == [Self.leader])
        #expect(follower.newlyLost(now: self.instant(9_000)).isEmpty)
    }

    @Test("a lease lasts from the greeting, not from its answer") func leaseCountsFromSending() {
        var leader = Liveness(peers: [Self.follower], now: self.instant(0))
        leader.acknowledged(by: Self.follower, sentAt: self.instant(0), now: self.instant(300))
        let lease = (NodeTiming.lease - NodeTiming.leaseMargin) / .milliseconds(1)
        #expect(leader.holdsLease(from: Self.follower, now: self.instant(lease - 1)))
        #expect(!leader.holdsLease(from: Self.follower, now: self.instant(lease)))
        // An older answer that comes late takes nothing away.
        leader.acknowledged(by: Self.follower, sentAt: self.instant(200), now: self.instant(400))
        leader.acknowledged(by: Self.follower, sentAt: self.instant(100), now: self.instant(401))
        #expect(leader.holdsLease(from: Self.follower, now: self.instant(200 + lease - 1)))
    }

    @Test("what acknowledges a greeting without a claim promises nothing")
    func unclaimedGreetingsGiveNoLease() {
        var leader = Liveness(peers: [Self.follower], now: self.instant(0))
        leader.greetedWithoutClaim(now: self.instant(1_000))
        leader.acknowledged(
            by: Self.follower,
            sentAt: self.instant(1_000),
            now: self.instant(1_001)
        )
        #expect(!leader.holdsLease(from: Self.follower, now: self.instant(1_001)))
        #expect(!leader.isIsolated(now: self.instant(1_001)))
        leader.acknowledged(
            by: Self.follower,
            sentAt: self.instant(1_060),
            now: self.instant(1_061)
        )
        #expect(leader.holdsLease(from: Self.follower, now: self.instant(1_061)))
    }

    @Test("a started node keeps quiet for a lease, because it may have promised before")
    func startsQuiet() {
        let lease = NodeTiming.lease / .milliseconds(1)
        let started = Liveness(peers: [Self.leader], now: self.instant(0))
        #expect(started.isPromised(to: nil, now: self.instant(lease - 1)))
        #expect(!started.isPromised(to: nil, now: self.instant(lease)))
        let alone = Liveness(peers: [], now: self.instant(0))
        #expect(!alone.isPromised(to: nil, now: self.instant(0)))
    }

    @Test("a silent node is lost once, after the silence; one that greets again has returned")
    func losesSilentNodes() {
        var liveness = Liveness(peers: [Self.leader], now: self.instant(0))
        liveness.connected(Self.leader)
        #expect(liveness.greeted(by: Self.leader, boot: 4, now: self.instant(1_000)) == .none)
        let silence = NodeTiming.silence / .milliseconds(1)
        #expect(liveness.newlyLost(now: self.instant(1_000 + silence)).isEmpty)
        #expect(liveness.newlyLost(now: self.instant(1_001 + silence)) == [Self.leader])
        #expect(liveness.newlyLost(now: self.instant(1_002 + silence)).isEmpty)
        #expect(liveness.isLost(Self.leader))
        let back = self.instant(5_000)
        #expect(liveness.greeted(by: Self.leader, boot: 4, now: back) == .returned)
        #expect(!liveness.isLost(Self.leader))
        #expect(liveness.greeted(by: Self.leader, boot: 5, now: back) == .restarted)
    }

    @Test("a node whose stream broke is lost as soon as the promise to it ran out")
    func losesDisconnectedNodes() {
        let lease = NodeTiming.lease / .milliseconds(1)
        var liveness = Liveness(peers: [Self.leader], now: self.instant(0))
        liveness.connected(Self.leader)
        _ = liveness.greeted(by: Self.leader, boot: 1, now: self.instant(1_000))
        liveness.disconnected(Self.leader)
        #expect(liveness.newlyLost(now: self.instant(1_000 + lease - 1)).isEmpty)
        #expect(liveness.newlyLost(now: self.instant(1_000 + lease)) == [Self.leader])
    }

    @Test("nodes of other regions are not watched") func ignoresStrangers() {
        var liveness = Liveness(peers: [Self.leader], now: self.instant(0))
        #expect(liveness.greeted(by: NodeID(9), boot: 1, now: self.instant(0)) == .none)
        #expect(liveness[NodeID(9)] == nil)
        #expect(!liveness.holdsLease(from: NodeID(9), now: self.instant(0)))
    }
}
