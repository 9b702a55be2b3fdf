import Checkers
import History
import Testing

/// Each anomaly that has a name, as few events as it takes, and who must find it.
@Suite("Anomalies by name, clients") struct ClientAnomalyTests {
    @Test("stale read: the item it shows was replaced before it began")
    func staleRead() throws {
        var story = Story()
        story.put("a", over: nil)
        story.put("b", over: "a")
        story.get("a", client: 2)
        let found = try #require(story.verdict(.linearizability)?.counterexample)
        #expect(
            found.text == """
                t/k in us-east-1: stale read: it began after b had replaced what it saw
                  [+0.000000 s … +0.001000 s] us-east-1 client 1: put a → ok, replaced no item
                  [+0.002000 s … +0.003000 s] us-east-1 client 1: put b → ok, replaced a
                  [+0.004000 s … +0.005000 s] us-east-1 client 2: strong get → a
                """
        )
        // While the second write is under way, either is right.
        var concurrent = Story()
        concurrent.put("a", over: nil)
        let id = concurrent.begin(.put, "b")
        concurrent.get("a", client: 2)
        concurrent.wrote(id, over: "a")
        #expect(concurrent.verdict(.linearizability) == .valid)
    }

    @Test("an eventually consistent read may be stale")
    func eventualRead() {
        var story = Story()
        story.put("a", over: nil)
        story.put("b", over: "a")
        story.get("a", client: 2, strong: false)
        #expect(story.verdict(.linearizability) == .valid)
    }

    @Test("lost update: two writes replaced the same item")
    func lostUpdate() throws {
        var story = Story()
        story.put("a", over: nil)
        let first = story.begin(.update, "b", client: 1)
        let second = story.begin(.update, "c", client: 2)
        story.wrote(first, over: "a")
        story.wrote(second, over: "a")
        let found = try #require(story.verdict(.linearizability)?.counterexample)
        #expect(found.summary == "t/k in us-east-1: lost update: two writes replaced a")
        #expect(found.lines.count == 3)
    }

    @Test("two conditional writes cannot both have found no item")
    func bothCreated() {
        var story = Story()
        let first = story.begin(.put, "a", client: 1, condition: .exists(false))
        let second = story.begin(.put, "b", client: 2, condition: .exists(false))
        story.wrote(first)
        story.wrote(second)
        #expect(story.verdict(.linearizability)?.isInvalid == true)
        // Unless a delete, which nobody knows to have happened, lies between.
        story.lost(story.begin(.delete, "d", client: 3))
        #expect(story.verdict(.linearizability)?.isInvalid == true, "the delete began too late")
        var early = Story()
        early.lost(early.begin(.delete, "d", client: 3))
        let one = early.begin(.put, "a", client: 1, condition: .exists(false))
        early.wrote(one)
        let two = early.begin(.put, "b", client: 2, condition: .exists(false))
        early.wrote(two)
        #expect(early.verdict(.linearizability) == .valid)
    }

    @Test("dirty read: the write that it shows had failed")
    func dirtyRead() throws {
        var story = Story()
        story.failed(story.begin(.put, "a"))
        story.get("a", client: 2)
        let found = try #require(story.verdict(.linearizability)?.counterexample)
        #expect(found.summary == "t/k in us-east-1: a was observed, and had failed")
    }

    @Test("a write whose outcome is unknown may happen at any later time, once")
    func openWrite() {
        var story = Story()
        story.put("a", over: nil)
        story.lost(story.begin(.put, "b", client: 2))
        story.get("a", client: 3)
        story.get("b", client: 3)
        #expect(story.verdict(.linearizability) == .valid)
        story.get("a", client: 3)
        #expect(story.verdict(.linearizability)?.isInvalid == true)
    }

    @Test("phantom: nobody wrote it; before a gateway began to watch, somebody may have")
    func phantom() {
        var story = Story()
        story.get("ghost")
        #expect(story.verdict(.linearizability)?.isInvalid == true)
        var watched = Story(host: .gateway)
        watched.get("old")
        watched.put("a", over: "old")
        watched.get("a")
        #expect(watched.verdict(.linearizability) == .valid)
        watched.get("old")
        #expect(watched.verdict(.linearizability)?.isInvalid == true)
    }

    @Test("a read of the future, a circle of writes, another key's item")
    func impossible() {
        var future = Story()
        future.get("a")
        future.put("a", over: nil)
        #expect(future.verdict(.linearizability)?.isInvalid == true)
        var circle = Story()
        let first = circle.begin(.put, "a", client: 1)
        let second = circle.begin(.put, "b", client: 2)
        circle.wrote(first, over: "b")
        circle.wrote(second, over: "a")
        #expect(circle.verdict(.linearizability)?.isInvalid == true)
        var other = Story()
        other.put("a", key: "x", over: nil)
        other.get("a", key: "y")
        #expect(other.verdict(.linearizability)?.isInvalid == true)
    }

    @Test("a counterexample of a long search is short")
    func shortCounterexample() throws {
        var story = Story()
        for round in 0..<200 {
            let delete = story.begin(.delete, "d\(round)", client: 1)
            let put = story.begin(.put, "p\(round)", client: 2)
            story.wrote(delete)
            story.wrote(put)
            story.get(round % 2 == 0 ? nil : "p\(round)", client: 3)
        }
        #expect(story.verdict(.linearizability) == .valid)
        story.put("x", client: 2)
        story.get(nil, client: 3)
        for round in 200..<300 { story.put("p\(round)", client: 2) }
        let found = try #require(story.verdict(.linearizability)?.counterexample)
        #expect(found.lines.count <= 3, "\(found.text)")
        #expect(found.text.contains("put x"))
    }

    @Test("a search that runs out of its budget is unknown, never good")
    func budget() {
        var story = Story()
        let ids = (0..<40).map { number in
            story.begin(
                .put,
                "w\(number)",
                client: UInt32(number),
                condition: .exists(number % 2 == 0)
            )
        }
        for id in ids { story.wrote(id) }
        var plan = CheckPlan(checks: [.linearizability])
        plan.stepsMax = 1_000
        guard case .unknown(let why)? = story.judged(plan)[.linearizability]?.verdict else {
            Issue.record("decided within a thousand steps")
            return
        }
        #expect(why == "t/k in us-east-1: no order after 1000 steps")
        plan.stepsMax = .max
        plan.configurationsMax = 100
        #expect(story.judged(plan).verdict.isUnknown)
    }

    @Test("read your writes: a strong read shows less than the client's own write")
    func readYourWrites() {
        var story = Story()
        story.put("a", over: nil, at: HistoryStamp(5, 0))
        story.put("b", over: "a", at: HistoryStamp(9, 0))
        story.get("a", strong: false)
        let report = story.judged()[.readYourWrites]
        #expect(report?.verdict == .valid && report?.figure("where nothing is promised") == 1)
        var plan = CheckPlan(checks: [.readYourWrites])
        plan.isStrict = true
        #expect(story.judged(plan).verdict.isInvalid)
        story.get("a")
        #expect(story.verdict(.readYourWrites)?.isInvalid == true)
    }

    @Test("a value that another region overwrote is no broken promise, and is counted")
    func overwritten() {
        var story = Story()
        story.put("a", over: nil, at: HistoryStamp(5, 0))
        story.put("b", client: 2, region: 1, over: nil, at: HistoryStamp(9, 1))
        story.get("b", at: HistoryStamp(9, 1))
        let result = story.judged()[.readYourWrites]
        #expect(result?.verdict == .valid)
        #expect(result?.figure("own value overwritten by others") == 1)
    }

    @Test("an absence breaks a session, unless a delete explains it")
    func absence() {
        var story = Story()
        story.put("a", over: nil, at: HistoryStamp(5, 0))
        var deleted = story
        story.get(nil)
        #expect(story.verdict(.readYourWrites)?.isInvalid == true)
        deleted.lost(deleted.begin(.delete, "d", client: 2))
        deleted.get(nil)
        #expect(deleted.verdict(.readYourWrites) == .valid)
    }

    @Test("non-monotonic read: a strong read shows less than an earlier one")
    func nonMonotonicRead() {
        var story = Story()
        story.put("a", over: nil, at: HistoryStamp(5, 0))
        story.put("b", over: "a", at: HistoryStamp(9, 0))
        story.get("b", client: 2)
        story.get("a", client: 3)
        #expect(story.verdict(.monotonicReads) == .valid)
        story.get("a", client: 2)
        #expect(story.verdict(.monotonicReads)?.isInvalid == true)
    }

    @Test("monotonic writes and writes follow reads: a later write has the lower stamp")
    func writeOrder() {
        var writes = Story()
        writes.put("a", over: nil, at: HistoryStamp(9, 0))
        writes.put("b", over: "a", at: HistoryStamp(5, 0))
        #expect(writes.verdict(.monotonicWrites)?.isInvalid == true)
        var reads = Story()
        reads.put("a", over: nil, at: HistoryStamp(9, 0))
        reads.get("a", client: 2)
        reads.put("b", client: 2, over: "a", at: HistoryStamp(5, 0))
        #expect(reads.verdict(.writesFollowReads)?.isInvalid == true)
        #expect(reads.verdict(.monotonicWrites) == .valid)
    }

    @Test("staleness counts the time since the first newer acknowledgement, and the versions")
    func staleness() throws {
        var story = Story()
        story.put("a", over: nil, at: HistoryStamp(1, 0))
        story.put("b", over: "a", at: HistoryStamp(2, 0))
        story.put("c", over: "b", at: HistoryStamp(3, 0))
        story.wait(milliseconds: 100)
        story.get("c", client: 2, strong: false)
        story.get("a", client: 2, strong: false)
        let result = try #require(story.judged()[.staleness])
        #expect(result.verdict == .valid)
        #expect(result.figure("eventual reads") == 2 && result.figure("eventual stale") == 1)
        #expect(result.figure("eventual versions max") == 2)
        #expect(result.figure("eventual max") == 105_000_000)
        #expect(result.figure("eventual p50") == 0)
        var plan = CheckPlan()
        plan.stalenessMax = 105_000_000
        #expect(story.judged(plan)[.staleness]?.verdict == .valid)
        plan.stalenessMax = 104_999_999
        #expect(story.judged(plan)[.staleness]?.verdict.counterexample?.lines.count == 2)
    }
}
