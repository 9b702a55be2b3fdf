import Checkers
import History
import Testing

/// Compares verdicts with the truth, many small histories at a time.
///
/// Histories that are linearizable are told as keys of one story, those that are not of another:
/// no key of the first may be found wrong, every key of the second must be.
private struct Comparison {
    static let batch = 2_000

    private(set) var count = 0
    private(set) var good = 0
    private var goodOnes: [SmallHistory] = []
    private var badOnes: [SmallHistory] = []

    mutating func add(_ history: SmallHistory) {
        self.count += 1
        if history.isLinearizable() {
            self.good += 1
            self.goodOnes.append(history)
            if self.goodOnes.count == Self.batch { self.flushGood() }
        } else {
            self.badOnes.append(history)
            if self.badOnes.count == Self.batch { self.flushBad() }
        }
    }

    mutating func finish() {
        self.flushGood()
        self.flushBad()
    }

    private static func judge(_ histories: [SmallHistory]) -> CheckResult? {
        var story = Story()
        for (index, history) in histories.enumerated() {
            history.tell(&story, key: "\(index)")
        }
        return story.judged(CheckPlan(checks: [.linearizability]))[.linearizability]
    }

    private mutating func flushGood() {
        defer { self.goodOnes = [] }
        guard let result = Self.judge(self.goodOnes) else { return }
        let undecided = result.figure("undecided") ?? 0
        if result.violations == 0, undecided == 0 { return }
        for history in self.goodOnes {
            guard let result = Self.judge([history]), result.judged > 0 else { continue }
            if result.verdict != .valid {
                Issue.record("good, and found \(result.verdict): \(history)")
                return
            }
        }
        Issue.record("good ones together were found \(result.verdict)")
    }

    private mutating func flushBad() {
        defer { self.badOnes = [] }
        guard let result = Self.judge(self.badOnes) else { return }
        if result.violations == self.badOnes.count { return }
        for history in self.badOnes where Self.judge([history])?.verdict.isInvalid != true {
            Issue.record("wrong, and not found: \(history)")
            return
        }
    }
}

@Suite("Linearizability, against every order of every small history") struct BruteForceTests {
    /// Debug builds are slow: they take a share of the large sets, release builds all.
    private static let share = _isDebugAssertConfiguration() ? 16 : 1

    private func compare(
        _ count: Int,
        overlap: Int = .max,
        leavesOutPhantoms: Bool = false,
        share: Int = 1,
        _ kinds: (Int) -> [SmallHistory.Kind]
    ) -> (all: Int, good: Int) {
        let interleavings = Enumeration.interleavings(count, overlap: overlap)
        var comparison = Comparison()
        var number = 0
        Enumeration.choices(count, kinds) { chosen in
            if leavesOutPhantoms, Enumeration.hasPhantom(chosen) { return }
            for events in interleavings {
                number += 1
                guard share == 1 || number % share == 0 else { continue }
                comparison.add(SmallHistory(kinds: chosen, events: events))
            }
        }
        comparison.finish()
        print("\(count) operations: \(comparison.count) judged, \(comparison.good) linearizable")
        return (comparison.count, comparison.good)
    }

    @Test("there are as many ways to overlap as there are perfect matchings")
    func interleavings() {
        #expect((1...5).map { Enumeration.interleavings($0).count } == [1, 3, 15, 105, 945])
        #expect(Enumeration.interleavings(6, overlap: 1).count == 1)
    }

    @Test("everything that can be said, up to three operations: 406,466 histories")
    func everything() {
        let small = (1...2).map { self.compare($0, Enumeration.everything($0)).all }
        #expect(small == [14, 1_452])
        let counts = self.compare(3, share: Self.share, Enumeration.everything(3))
        #expect(counts.all == 405_000 / Self.share && counts.good > counts.all / 8)
    }

    @Test("puts and reads, up to five operations: 518,750 histories")
    func registers() {
        let counts = (1...5).map {
            self.compare(
                $0,
                leavesOutPhantoms: true,
                share: $0 == 5 ? Self.share : 1,
                Enumeration.register($0)
            )
        }
        #expect(counts.map(\.all) == [2, 18, 345, 10_920, 507_465 / Self.share])
        #expect(counts[3].good == 6_882)
    }

    @Test("chains of puts, deletes and reads, up to four operations: 62,358 histories")
    func chains() {
        let counts = (1...4).map {
            self.compare($0, overlap: 2, leavesOutPhantoms: true, Enumeration.chains($0))
        }
        #expect(counts.map(\.all) == [3, 48, 1_395, 60_912])
        #expect(counts.map(\.good) == [3, 37, 433, 5_155])
    }

    @Test("puts and reads, two at a time, six operations: 753,300 histories")
    func sixOperations() {
        let counts = self.compare(
            6,
            overlap: 2,
            leavesOutPhantoms: true,
            share: Self.share,
            Enumeration.register(6)
        )
        #expect(counts.all == 753_300 / Self.share && counts.good > counts.all / 16)
    }
}
