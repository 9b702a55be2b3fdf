import Primitives
import Simulation
import Testing

/// Regions that leave a table and join it again, with what once went wrong there.
@Suite("Regions that come and go") struct MembershipTests {
    static func report(_ seed: UInt64, _ kinds: [FaultKind]) -> Report {
        var given = Swarm.Given()
        given.duration = .seconds(10)
        given.rate = 20
        given.tables = .plain
        given.faults = .kinds(kinds)
        var options = SimulationOptions()
        options.checksInvariants = true
        return Simulator.run(Swarm.scenario(seed: seed, given), options)
    }

    /// Of `atoll sim --seed 1120 --for 20s`: a region's former cursor was taken for its new one, so
    /// that it was never filled; a confirmation of another region's change of the same generation
    /// was taken for one of the own; and a copy that was behind made a removed table anew.
    @Test("it is filled again, and is gone where it was removed", arguments: [1, 2, 3, 4, 5, 6])
    func rejoins(seed: UInt64) {
        let report = Self.report(seed, [.rejoin, .regionCut])
        #expect(report.failures.isEmpty, "seed \(seed): \(report.failures)")
    }
}
