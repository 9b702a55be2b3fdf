import Primitives
import Simulation
import Testing
import Wire

/// Tables with indexes and items that expire, under faults.
@Suite("Indexes and expiry") struct TableTests {
    static func given(_ seconds: UInt64) -> Swarm.Given {
        var given = Swarm.Given()
        given.duration = .seconds(seconds)
        given.tables = .full
        return given
    }

    @Test("indexes hold what follows from the items", arguments: 1...8 as ClosedRange<UInt64>)
    func nothingWrong(seed: UInt64) {
        var options = SimulationOptions()
        options.checksInvariants = true
        let report = Simulator.run(Swarm.scenario(seed: seed, Self.given(8)), options)
        #expect(
            report.failures.isEmpty,
            "atoll sim --seed \(seed) --for 8s --tables full: \(report.failures)"
        )
    }

    @Test("what the table has is drawn last: all else of a seed stays")
    func drawnLast() {
        var plain = Self.given(20)
        plain.tables = .plain
        for seed in 1...50 as ClosedRange<UInt64> {
            var full = Swarm.scenario(seed: seed, Self.given(20))
            #expect(!full.workload.table.isPlain, "seed \(seed)")
            full.workload.table = TablePlan()
            #expect(full == Swarm.scenario(seed: seed, plain), "seed \(seed)")
        }
    }

    @Test("a share of the seeds has indexes, and some come and go")
    func swarmVaries() {
        var given = Self.given(20)
        given.tables = .swarm
        let tables = (1...200).map { Swarm.scenario(seed: $0, given).workload.table }
        #expect((60...100).contains(tables.count { !$0.indexes.isEmpty }))
        #expect((30...70).contains(tables.count { $0.timeToLive != nil }))
        let indexes = tables.flatMap(\.indexes)
        for kind in IndexKind.allCases { #expect(indexes.contains { $0.kind == kind }) }
        #expect(indexes.contains { $0.madeAt != nil && $0.droppedAt != nil })
        #expect(indexes.allSatisfy { !$0.kind.isLocal || $0.madeAt == nil && $0.droppedAt == nil })
    }

    @Test("a table's plan survives its file", arguments: [1, 2, 3, 5, 8, 13] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        let scenario = Swarm.scenario(seed: seed, Self.given(20))
        let bytes = Array(scenario.json.pretty().utf8)
        let read = try Scenario(json: try JSONValue(parsing: bytes))
        #expect(read == scenario, "seed \(seed)")
    }

    @Test(
        "mistakes with indexes are found by the check that is meant for them",
        arguments: [
            .indexEntryLeft, .indexBackfillSkips, .localEntryLeft, .snapshotWithoutEntries,
        ] as [Primitives.Bug]
    )
    func mistakesAreFound(bug: Primitives.Bug) {
        let finding = Zoo.find(bug, seeds: 1...20, Self.given(10))
        #expect(finding.failure?.source == .index, "\(bug.name): \(finding.catcher)")
    }

    @Test("an item that was renewed while it expired is missed") func renewedIsMissed() {
        let finding = Zoo.find(.expiryOfRenewed, seeds: 1...40, Self.given(10))
        #expect(finding.seed != nil)
    }
}
