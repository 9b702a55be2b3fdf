import Primitives
import Replication
import Testing

/// A change travels from a source's meter to a destination's in virtual time.
private struct MeteredPair {
    var backlog = BacklogMeter(from: ChangeTotals())
    var lag = LagMeter()
    var inTransit: [(totals: ChangeTotals, committedAt: Instant)] = []

    mutating func commit(at now: Instant) {
        let totals = self.backlog.committed.adding(bytes: 100)
        self.backlog.committed(totals, at: now)
        self.inTransit.append((totals, now))
    }

    /// Applies the oldest change; the acknowledgement is immediate.
    mutating func apply(at now: Instant) {
        let change = self.inTransit.removeFirst()
        self.lag.applied(committedAt: change.committedAt, appliedAt: now)
        self.backlog.acknowledged(change.totals)
    }
}

@Suite("Checks of the lag meter itself")
struct MeterTests {
    @Test("a constant delay is the median, exactly, and the slope of nothing")
    func constantDelay() {
        var pair = MeteredPair()
        let delay: Nanoseconds = .milliseconds(70)
        var now = Instant(nanoseconds: 0)
        for step in 0..<20_000 {
            now = Instant(nanoseconds: UInt64(step) * .milliseconds(1))
            pair.commit(at: now)
            if let first = pair.inTransit.first, now.since(first.committedAt) >= delay {
                pair.apply(at: now)
            }
        }
        for seconds in [10, 60] {
            let summary = pair.lag.summary(lastSeconds: seconds, now: now)
            #expect(summary.p50 == delay && summary.p99 == delay && summary.max == delay)
            #expect(summary.count > 9_000)
        }
        #expect(pair.backlog.watermarkAge(now: now) == delay - .milliseconds(1))
        #expect(pair.backlog.backlogChanges == 70)
    }

    @Test("while paused the age grows a second a second and the backlog by the rate; both drain")
    func pause() throws {
        var pair = MeteredPair()
        let pausedAt = Instant(nanoseconds: .seconds(5))
        let healedAt = Instant(nanoseconds: .seconds(35))
        let interval: Nanoseconds = .milliseconds(5)
        var ages: [(at: Instant, age: Nanoseconds)] = []
        for step in 0...10_000 as ClosedRange<UInt64> {
            let now = Instant(nanoseconds: step * interval)
            pair.commit(at: now)
            if now < pausedAt {
                pair.apply(at: now)
            } else if now >= healedAt {
                // Drains at four times the rate.
                for _ in 0..<4 where !pair.inTransit.isEmpty { pair.apply(at: now) }
            }
            if now >= pausedAt, now < healedAt {
                ages.append((now, pair.backlog.watermarkAge(now: now)))
                let expected = now.since(pausedAt) / interval + 1
                #expect(pair.backlog.backlogChanges == expected)
                #expect(pair.backlog.backlogBytes == expected * 100)
            }
        }
        let first = try #require(ages.first)
        let last = try #require(ages.last)
        #expect(last.age - first.age == last.at.since(first.at))
        // 30 s of backlog at three times the rate net: 10 s, and it is over by 50 s.
        #expect(pair.backlog.backlogChanges == 0 && pair.backlog.oldest == nil)
        let now = Instant(nanoseconds: 10_000 * interval)
        #expect(pair.backlog.watermarkAge(now: now) == 0)
        #expect(pair.lag.summary(lastSeconds: 60, now: now).max == .seconds(30))
    }

    @Test(
        "the mean backlog is rate times mean lag within five per cent (Little's law)",
        arguments: 1...5
    )
    func littlesLaw(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var pair = MeteredPair()
        var area: UInt64 = 0
        var commits: UInt64 = 0
        let tick: Nanoseconds = .microseconds(100)
        let ticks: UInt64 = 300_000
        var busyUntil = Instant.zero
        for step in 0..<ticks {
            let now = Instant(nanoseconds: step * tick)
            if random.chance(1, outOf: 20) {
                pair.commit(at: now)
                commits += 1
            }
            if !pair.inTransit.isEmpty, busyUntil <= now,
                now.since(pair.inTransit[0].committedAt) >= .milliseconds(40)
            {
                pair.apply(at: now)
                busyUntil = now + random.below(.milliseconds(2))
            }
            area += pair.backlog.backlogChanges
        }
        let meanBacklog = Double(area) / Double(ticks)
        let rate = Double(commits) / Double(ticks * tick)
        let expected = rate * Double(pair.lag.total.mean)
        #expect(abs(meanBacklog - expected) <= 0.05 * expected, "seed \(seed)")
    }

    @Test("a late change counts in the second of its commit and in that of its arrival")
    func windows() {
        var meter = LagMeter()
        let now = Instant(nanoseconds: .seconds(100))
        meter.applied(committedAt: Instant(nanoseconds: .seconds(70)), appliedAt: now)
        meter.applied(committedAt: Instant(nanoseconds: .seconds(20)), appliedAt: now)
        meter.applied(committedAt: Instant(nanoseconds: .seconds(99)), appliedAt: now)
        #expect(meter.summary(lastSeconds: 10, now: now).count == 1)
        #expect(meter.summary(lastSeconds: 60, now: now).count == 2)
        #expect(meter.arrivalSummary(lastSeconds: 10, now: now).count == 3)
        #expect(meter.total.count == 3)
        let later = now + .seconds(30)
        #expect(meter.summary(lastSeconds: 10, now: later).count == 0)
        #expect(meter.summary(lastSeconds: 60, now: later).count == 1)
    }

    @Test(
        "the age never reads low when marks are thinned, and high by one mark's span at most",
        arguments: 1...5
    )
    func thinning(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var meter = BacklogMeter(from: ChangeTotals())
        var instants: [Instant] = []
        var now = Instant.zero
        let count = 40_000
        for _ in 0..<count {
            now = now + random.below(1_000)
            instants.append(now)
            meter.committed(meter.committed.adding(bytes: 1), at: now)
        }
        var acknowledged = 0
        while acknowledged < count {
            let exact = now.since(instants[acknowledged])
            let age = meter.watermarkAge(now: now)
            #expect(age >= exact)
            let earlier = max(0, acknowledged - 2 * count / BacklogMeter.marksMax - 1)
            #expect(age <= now.since(instants[earlier]), "seed \(seed) at \(acknowledged)")
            acknowledged += 1 + Int(random.below(50))
            let changes = UInt64(min(acknowledged, count))
            meter.acknowledged(ChangeTotals(changes: changes, bytes: changes))
        }
        #expect(meter.oldest == nil)
    }

    @Test("a new leader's meter takes the age from the log")
    func newLeader() {
        var meter = BacklogMeter(from: ChangeTotals(changes: 10, bytes: 100))
        let now = Instant(nanoseconds: .seconds(50))
        meter.committed(ChangeTotals(changes: 40, bytes: 400), at: now)
        #expect(meter.backlogChanges == 30 && meter.watermarkAge(now: now) == 0)
        meter.found(ordinal: 10, committedAt: .zero)
        #expect(meter.watermarkAge(now: now) == 0, "acknowledged before")
        meter.found(ordinal: 11, committedAt: Instant(nanoseconds: .seconds(20)))
        #expect(meter.watermarkAge(now: now) == .seconds(30))
        meter.acknowledged(ChangeTotals(changes: 40, bytes: 400))
        #expect(meter.watermarkAge(now: now) == 0 && meter.backlogBytes == 0)
    }
}
