import Primitives
import Replication
import Testing

@Suite("Outbound stream")
struct OutboundStreamTests {
    static func cursor(_ index: UInt64, _ changes: UInt64) -> ReplicationCursor {
        ReplicationCursor(index: index, totals: ChangeTotals(changes: changes, bytes: changes * 10))
    }

    let now = Instant(nanoseconds: 1_000)

    @Test("a caught-up or paused stream sends nothing; pausing drops nothing")
    func pausing() {
        var stream = OutboundStream(from: Self.cursor(5, 2))
        #expect(stream.batchToSend(now: self.now, lastCommitted: 5) == nil)
        stream.isPaused = true
        #expect(stream.batchToSend(now: self.now, lastCommitted: 9) == nil)
        stream.isPaused = false
        let plan = stream.batchToSend(now: self.now, lastCommitted: 9)
        #expect(plan?.previous == 2 && plan?.from == 6)
    }

    @Test("batches are pipelined up to the window, in count and in bytes")
    func window() {
        var limits = OutboundStream.Limits()
        limits.inFlightMax = 3
        limits.inFlightBytesMax = 100
        var byCount = OutboundStream(from: .init(), limits: limits)
        for index in 1...3 as ClosedRange<UInt64> {
            #expect(byCount.batchToSend(now: self.now, lastCommitted: 99) != nil)
            let isSent = byCount.willSend(upTo: Self.cursor(index, index), bytes: 1, now: self.now)
            #expect(isSent)
        }
        #expect(byCount.batchToSend(now: self.now, lastCommitted: 99) == nil)
        let hasMoved = byCount.acknowledged(upTo: 1)
        #expect(hasMoved)
        #expect(byCount.batchToSend(now: self.now, lastCommitted: 99)?.previous == 3)
        var byBytes = OutboundStream(from: .init(), limits: limits)
        let isLargeSent = byBytes.willSend(upTo: Self.cursor(1, 1), bytes: 100, now: self.now)
        #expect(isLargeSent)
        #expect(byBytes.batchToSend(now: self.now, lastCommitted: 99) == nil)
    }

    @Test("entries without changes settle only when nothing before them is in flight")
    func skipping() {
        var stream = OutboundStream(from: .init())
        let isSent = stream.willSend(upTo: Self.cursor(4, 3), bytes: 30, now: self.now)
        #expect(isSent)
        stream.skipped(upTo: 9)
        #expect(stream.acknowledged.index == 0)
        stream.acknowledged(upTo: 2)
        #expect(stream.acknowledged.index == 0, "half a batch acknowledges nothing")
        stream.acknowledged(upTo: 3)
        #expect(
            stream.acknowledged
                == ReplicationCursor(
                    index: 9,
                    totals: ChangeTotals(changes: 3, bytes: 30)
                )
        )
    }

    @Test("reset, time-out and gap go back to what was acknowledged")
    func rewinding() {
        var stream = OutboundStream(from: .init())
        func fill() {
            while stream.inFlightCount < 3 {
                let next = stream.read.index + 1
                _ = stream.willSend(upTo: Self.cursor(next, next), bytes: 1, now: self.now)
            }
        }
        fill()
        stream.acknowledged(upTo: 1)
        stream.linkReset()
        #expect(stream.batchToSend(now: self.now, lastCommitted: 9)?.from == 2)
        fill()
        let isEarly = stream.timeout(now: self.now + (stream.limits.timeout - 1))
        #expect(!isEarly)
        let isDue = stream.timeout(now: self.now + stream.limits.timeout)
        #expect(isDue)
        #expect(stream.batchToSend(now: self.now, lastCommitted: 9)?.previous == 1)
        fill()
        let isKnown = stream.gapReported(have: 2)
        #expect(isKnown, "a gap also acknowledges what is before it")
        #expect(stream.batchToSend(now: self.now, lastCommitted: 9)?.previous == 2)
        let isStillThere = stream.gapReported(have: 0)
        #expect(!isStillThere, "the receiver lost what it had")
        stream.restart(from: .init())
        #expect(stream.batchToSend(now: self.now, lastCommitted: 9)?.from == 1)
    }

    @Test("what gets on is not sent twice, and what does not is sent less and less often")
    func slowLink() {
        var stream = OutboundStream(from: .init())
        for ordinal in 1...6 as ClosedRange<UInt64> {
            _ = stream.willSend(upTo: Self.cursor(ordinal, ordinal), bytes: 1, now: self.now)
        }
        var now = self.now
        for ordinal in 1...5 as ClosedRange<UInt64> {
            now = now + (stream.limits.timeout - 1)
            stream.acknowledged(upTo: ordinal)
            let isResent = stream.timeout(now: now)
            #expect(!isResent, "batch \(ordinal) came in time")
        }
        var spans: [Nanoseconds] = []
        for _ in 0..<7 {
            let at = stream.timeoutAt!
            spans.append(at.since(now))
            now = at
            let isDue = stream.timeout(now: now)
            #expect(isDue)
            _ = stream.willSend(upTo: Self.cursor(6, 6), bytes: 1, now: now)
        }
        let first = stream.limits.timeout
        #expect(spans == [1, 2, 4, 8, 16, 32, 32].map { $0 * first })
        stream.acknowledged(upTo: 6)
        _ = stream.willSend(upTo: Self.cursor(7, 7), bytes: 1, now: now)
        #expect(stream.timeoutAt == now + first, "it got on, and is as patient as at first")
    }

    @Test("a new leader with an old cursor does not send what the receiver has")
    func oldCursor() {
        var stream = OutboundStream(from: Self.cursor(10, 10))
        let isSent = stream.willSend(upTo: Self.cursor(11, 11), bytes: 1, now: self.now)
        #expect(isSent)
        stream.acknowledged(upTo: 40)
        #expect(stream.acknowledged == Self.cursor(11, 11))
        let isSentAgain = stream.willSend(upTo: Self.cursor(30, 30), bytes: 1, now: self.now)
        #expect(!isSentAgain)
        #expect(stream.acknowledged == Self.cursor(30, 30))
        let isNewSent = stream.willSend(upTo: Self.cursor(41, 41), bytes: 1, now: self.now)
        #expect(isNewSent)
    }

    @Test("the cursor is recorded once a while, and its own records do not cause more")
    func recording() {
        var stream = OutboundStream(from: .init())
        let late = self.now + stream.limits.recordInterval
        #expect(stream.cursorToRecord(now: late) == nil)
        _ = stream.willSend(upTo: Self.cursor(1, 1), bytes: 1, now: self.now)
        stream.acknowledged(upTo: 1)
        let cursor = stream.cursorToRecord(now: late)
        #expect(cursor == Self.cursor(1, 1))
        stream.recordProposed(Self.cursor(1, 1), now: late)
        stream.skipped(upTo: 2)
        #expect(stream.cursorToRecord(now: late + .seconds(60)) == nil)
        _ = stream.willSend(upTo: Self.cursor(3, 2), bytes: 1, now: late)
        stream.acknowledged(upTo: 2)
        #expect(stream.cursorToRecord(now: late) == nil, "too early")
        stream.skipped(upTo: 1 + stream.limits.recordEntries)
        #expect(stream.cursorToRecord(now: late) != nil, "worth it for the log's sake")
    }

    @Test(
        "everything arrives once and in order over a link that loses, doubles and resets",
        arguments: 1...40
    )
    func lossyLink(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        // Some log entries are changes: the ordinal of each, or nil.
        var ordinals: [UInt64?] = []
        var changes: UInt64 = 0
        for _ in 0..<400 {
            let isChange = random.chance(3, outOf: 4)
            if isChange { changes += 1 }
            ordinals.append(isChange ? changes : nil)
        }
        var stream = OutboundStream(from: .init())
        var inbound = InboundCursors()
        var received: [UInt64] = []
        var now = Instant(nanoseconds: 1)
        var steps = 0
        while stream.acknowledged.totals.changes < changes {
            steps += 1
            guard steps < 50_000 else { Issue.record("no progress, seed \(seed)"); return }
            now = now + .milliseconds(100)
            if random.chance(1, outOf: 50) { stream.linkReset() }
            _ = stream.timeout(now: now)
            guard let plan = stream.batchToSend(now: now, lastCommitted: 400) else { continue }
            var cursor = ReplicationCursor(
                index: plan.from - 1,
                totals: ChangeTotals(changes: plan.previous)
            )
            for index in plan.from...min(400, plan.from + random.below(8)) {
                cursor.index = index
                cursor.totals.changes = ordinals[Int(index) - 1] ?? cursor.totals.changes
            }
            guard cursor.totals.changes > plan.previous else {
                stream.skipped(upTo: cursor.index)
                continue
            }
            guard stream.willSend(upTo: cursor, bytes: 1, now: now) else { continue }
            for _ in 0..<random.below(3) {
                let verdict = inbound.verdict(
                    source: RegionID(0),
                    epoch: 1,
                    previous: plan.previous,
                    upTo: cursor.totals.changes
                )
                let have = inbound.ordinal(source: RegionID(0), epoch: 1)
                switch verdict {
                case .inOrder:
                    received += (have + 1)...cursor.totals.changes
                    inbound.advance(source: RegionID(0), epoch: 1, to: cursor.totals.changes)
                case .duplicate: break
                case .gap(let have):
                    if random.chance(2, outOf: 3) {
                        let isKnown = stream.gapReported(have: have)
                        #expect(isKnown)
                    }
                    continue
                }
                if random.chance(2, outOf: 3) {
                    stream.acknowledged(upTo: inbound.ordinal(source: RegionID(0), epoch: 1))
                }
            }
        }
        #expect(received == Array(1...changes))
    }
}
