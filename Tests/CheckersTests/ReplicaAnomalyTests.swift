import Checkers
import History
import Testing

/// Each anomaly of replicas that has a name, as few events as it takes, and who must find it.
@Suite("Anomalies by name, replicas") struct ReplicaAnomalyTests {
    private let early = HistoryStamp(10, 0)
    private let late = HistoryStamp(20, 1)

    @Test("resurrected delete: an older put is applied after a newer delete")
    func resurrection() throws {
        var story = Story()
        story.apply("a", on: "n", sequence: 1, at: HistoryStamp(10, 0))
        story.apply("d", on: "n", sequence: 2, at: HistoryStamp(30, 0), isDelete: true)
        #expect(story.verdict(.noResurrection) == .valid)
        story.apply("b", on: "n", sequence: 3, at: HistoryStamp(20, 1))
        let found = try #require(story.verdict(.noResurrection)?.counterexample)
        #expect(found.summary == "t/k: an older version returned after a delete")
        #expect(found.lines.count == 2)
        #expect(story.verdict(.monotoneReplicas)?.isInvalid == true)
    }

    @Test("divergent tie: each region keeps its own of two equal times")
    func divergentTie() {
        var story = Story()
        let (mine, yours) = (HistoryStamp(10, 0), HistoryStamp(10, 1))
        story.apply("a", on: "n", of: 0, sequence: 1, at: mine)
        story.apply("b", on: "m", of: 1, sequence: 1, at: yours)
        var right = story
        right.apply("a", on: "m", of: 1, sequence: 2, at: mine, .older, against: yours)
        right.apply("b", on: "n", of: 0, sequence: 2, at: yours, against: mine)
        #expect(right.verdict(.ties) == .valid && right.verdict(.decisions) == .valid)
        story.apply("a", on: "m", of: 1, sequence: 2, at: mine, .older, against: yours)
        story.apply("b", on: "n", of: 0, sequence: 2, at: yours, .older, against: mine)
        story.final("a", on: "n", of: 0, at: mine)
        story.final("b", on: "m", of: 1, at: yours)
        #expect(story.verdict(.ties)?.isInvalid == true)
        #expect(story.verdict(.decisions)?.isInvalid == true)
        #expect(story.verdict(.convergence)?.isInvalid == true)
    }

    @Test("write lost in transit: acknowledged here, superseded by nothing there")
    func lostInTransit() throws {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.put("b", over: "a", at: HistoryStamp(11, 0))
        story.final("b", on: "n", of: 0, at: HistoryStamp(11, 0))
        story.final("a", on: "m", of: 1, at: self.early)
        let found = try #require(story.verdict(.nothingLost)?.counterexample)
        #expect(found.lines.count == 2 && found.lines[1].contains("m ends with a"))
        #expect(story.verdict(.convergence)?.isInvalid == true)
    }

    @Test("a delete that did not arrive")
    func lostDelete() {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.delete("d", over: "a", at: self.late)
        story.final("d", on: "n", of: 0, at: self.late, isDelete: true)
        story.final("a", on: "m", of: 1, at: self.early)
        #expect(story.verdict(.nothingLost)?.isInvalid == true)
        var agreed = Story()
        agreed.put("a", over: nil, at: self.early)
        agreed.delete("d", over: "a", at: self.late)
        agreed.final("a", on: "n", of: 0, at: self.early)
        agreed.final("a", on: "m", of: 1, at: self.early)
        #expect(agreed.verdict(.convergence) == .valid)
        #expect(agreed.verdict(.rightWinner)?.isInvalid == true)
        #expect(agreed.verdict(.noResurrection)?.isInvalid == true)
    }

    @Test("a superseded write and a tombstone that was collected are no loss")
    func noLoss() {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.put("b", region: 1, over: nil, at: self.late)
        for (node, region) in [("n", 0), ("m", 1)] as [(String, RegionRank)] {
            story.final("b", on: node, of: region, at: self.late)
        }
        #expect(story.judged().verdict == .valid)
        var collected = Story()
        collected.put("a", over: nil, at: self.early)
        collected.delete("d", over: "a", at: self.late)
        collected.final("d", on: "n", at: self.late, isDelete: true)
        collected.final(nil, on: "m", of: 1)
        #expect(collected.judged().verdict == .valid)
    }

    @Test("half-applied: one replica of a region kept the item, the other did not")
    func halfApplied() {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.final("a", on: "n", at: self.early)
        story.final(nil, on: "o")
        #expect(story.verdict(.convergence)?.isInvalid == true)
        #expect(story.verdict(.nothingLost)?.isInvalid == true)
    }

    @Test("replicas of one region disagree about one place of their log")
    func logsDiffer() {
        var story = Story()
        story.apply("a", on: "n", sequence: 1, at: self.early)
        story.apply("b", on: "o", sequence: 1, at: HistoryStamp(11, 0))
        #expect(story.verdict(.replicasAgree)?.isInvalid == true)
    }

    @Test("a node that restarts may repeat its log, and nothing else")
    func replay() {
        var story = Story()
        let stamps = (1...3).map { HistoryStamp(UInt64($0) * 10, 0) }
        for (index, stamp) in stamps.enumerated() {
            story.apply("w\(index)", on: "n", sequence: UInt64(index) + 1, at: stamp)
        }
        story.apply("w1", on: "n", sequence: 2, at: stamps[1])
        story.apply("w2", on: "n", sequence: 3, at: stamps[2])
        story.apply("w3", on: "n", sequence: 4, at: HistoryStamp(40, 0))
        #expect(story.judged().verdict == .valid)
        #expect(story.judged()[.monotoneReplicas]?.figure("repeated after restarts") == 2)
        story.apply("w4", on: "n", sequence: 2, at: HistoryStamp(50, 0))
        #expect(story.verdict(.replicasAgree)?.isInvalid == true)
    }

    @Test("done twice: one write, two stamps")
    func doneTwice() {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.apply("a", on: "n", sequence: 1, at: self.early)
        #expect(story.verdict(.oneStamp) == .valid)
        story.apply("a", on: "n", sequence: 2, at: HistoryStamp(11, 0))
        #expect(story.verdict(.oneStamp)?.isInvalid == true)
    }

    @Test("true conflict: neither had seen the other; listed with its loser, once")
    func trueConflict() throws {
        var story = Story()
        story.apply("a", on: "n", of: 0, sequence: 1, at: self.early)
        story.apply("b", on: "m", of: 1, sequence: 1, at: self.late)
        for node in ["n", "o"] {
            story.apply("b", on: node, of: 0, sequence: 2, at: self.late, against: self.early)
        }
        story.apply("a", on: "m", of: 1, sequence: 2, at: self.early, .older, against: self.late)
        let result = try #require(story.judged()[.conflicts])
        #expect(result.verdict == .valid)
        #expect(result.figure("true conflicts") == 1 && result.figure("skew inversions") == 0)
        #expect(
            result.listed == [
                "t/k: a (10 us-east-1) lost to b (20 eu-west-1), neither had seen the other"
            ]
        )
    }

    @Test("one after the other is no conflict, whoever wins")
    func ordered() throws {
        var story = Story()
        story.apply("a", on: "n", of: 0, sequence: 1, at: self.early)
        story.apply("a", on: "m", of: 1, sequence: 1, at: self.early)
        story.apply("b", on: "m", of: 1, sequence: 2, at: self.late)
        story.apply("b", on: "n", of: 0, sequence: 2, at: self.late)
        let result = try #require(story.judged()[.conflicts])
        #expect(result.figures.allSatisfy { $0.value == 0 })
    }

    @Test("skew inversion: a write had seen another and loses to it")
    func skewInversion() throws {
        var story = Story()
        let ahead = HistoryStamp(90, 0)
        story.apply("a", on: "n", of: 0, sequence: 1, at: ahead)
        story.apply("a", on: "m", of: 1, sequence: 1, at: ahead)
        story.apply("b", on: "m", of: 1, sequence: 2, at: self.late, .older, against: ahead)
        story.apply("b", on: "n", of: 0, sequence: 2, at: self.late, .older, against: ahead)
        let result = try #require(story.judged()[.conflicts])
        #expect(result.figure("skew inversions") == 1 && result.figure("true conflicts") == 0)
        #expect(result.listed.first?.hasSuffix("which it had seen: skew") == true)
    }

    @Test("a key that two regions write is judged where apply lines tell what landed")
    func landings() {
        var story = Story()
        story.put("a", over: nil, at: self.early)
        story.put("b", client: 2, region: 1, over: nil, at: self.late)
        story.get("b")
        var dark = story
        #expect(dark.verdict(.linearizability)?.isUnknown == true)
        dark.get("a")
        #expect(dark.judged()[.linearizability] == nil)
        var lit = Story()
        lit.put("a", over: nil, at: self.early)
        lit.apply("a", on: "n", sequence: 1, at: self.early)
        lit.put("b", client: 2, region: 1, over: nil, at: self.late)
        lit.get("a")
        lit.apply("b", on: "n", sequence: 2, at: self.late, against: self.early)
        lit.get("b")
        #expect(lit.verdict(.linearizability) == .valid)
        lit.get("a")
        #expect(lit.verdict(.linearizability)?.isInvalid == true)
    }

    @Test("what no operation explains is unknown, and what does not fit is refused")
    func nothingToJudge() {
        let story = Story()
        #expect(story.judged().results.isEmpty)
        for check in Check.allCases { #expect(story.verdict(check)?.isUnknown == true) }
        var broken = Story()
        let id = broken.begin(.put, "a")
        broken.wrote(id)
        broken.wrote(id)
        #expect(broken.judged().verdict == .unknown("operation 1 ends and is not open"))
    }
}
