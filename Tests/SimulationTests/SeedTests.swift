import Primitives
import Simulation
import Testing

/// Whole clusters under faults, judged: a share of what `atoll sim` runs, and what it once found.
@Suite("Seeds") struct SeedTests {
    static func given(_ seconds: UInt64) -> Swarm.Given {
        var given = Swarm.Given()
        given.duration = .seconds(seconds)
        return given
    }

    @Test("nothing is wrong under faults", arguments: 1...12 as ClosedRange<UInt64>)
    func nothingWrong(seed: UInt64) {
        var options = SimulationOptions()
        options.checksInvariants = true
        let report = Simulator.run(Swarm.scenario(seed: seed, Self.given(10)), options)
        #expect(report.failures.isEmpty, "atoll sim --seed \(seed) --for 10s: \(report.failures)")
        #expect(report.operations > 0)
    }

    @Test("faults happen, and clients are served all the same") func faultsHappen() {
        var given = Self.given(15)
        given.faults = .kinds([.crash, .pause, .partition])
        given.rate = 100
        let report = Simulator.run(Swarm.scenario(seed: 4, given), SimulationOptions())
        #expect(report.failures.isEmpty, "\(report.failures)")
        #expect(report.faults > 0)
        #expect(report.succeeded > 100)
    }

    @Test("a node that lost its disk twice is not taken for itself")
    func secondDiskLoss() {
        var given = Self.given(30)
        given.faults = .kinds([.diskLoss])
        var options = SimulationOptions()
        options.checksInvariants = true
        for seed in [25, 26, 27] as [UInt64] {
            let report = Simulator.run(Swarm.scenario(seed: seed, given), options)
            #expect(report.failures.isEmpty, "seed \(seed): \(report.failures)")
        }
    }

    @Test("a seeded bug is found, shrunk, and replayed") func findsAndShrinks() throws {
        var options = SimulationOptions()
        options.bug = .acknowledgedBeforeCommit
        let finding = Zoo.find(.acknowledgedBeforeCommit, seeds: 1...20, Self.given(10))
        let seed = try #require(finding.seed)
        let scenario = Swarm.scenario(seed: seed, Self.given(10))
        options.checksInvariants = true
        var shrinker = try #require(Shrinker(scenario, options, runsMax: 60, progress: { _ in }))
        shrinker.shrink()
        #expect(shrinker.report.operations < finding.operations)
        let again = Simulator.run(try Scenario(json: shrinker.scenario.json), options)
        #expect(again.failures.first?.signature == finding.failure?.signature)
    }
}
