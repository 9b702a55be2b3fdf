package import Primitives

/// Whether the simulator finds a mistake that was put in on purpose.
package struct ZooFinding: Sendable {
    package var bug: Bug
    /// The seed that showed it, and what caught it; nil when no seed did.
    package var seed: UInt64?
    package var failure: Failure?
    package var seedsTried = 0
    /// Operations of the run that showed it.
    package var operations: UInt64 = 0

    /// The invariant or checker, in a few words.
    package var catcher: String {
        guard let failure = self.failure else { return "nothing" }
        let head = failure.text.split(separator: "\n").first.map(String.init) ?? ""
        return "\(failure.source.rawValue): \(head)"
    }
}

/// Runs a cluster with one of the zoo's bugs until something catches it.
package enum Zoo {
    package static func find(
        _ bug: Bug,
        seeds: ClosedRange<UInt64>,
        _ given: Swarm.Given
    ) -> ZooFinding {
        var finding = ZooFinding(bug: bug)
        var options = SimulationOptions()
        options.bug = bug
        options.checksInvariants = true
        for seed in seeds {
            finding.seedsTried += 1
            let report = Simulator.run(Swarm.scenario(seed: seed, given), options)
            guard let failure = report.failures.first else { continue }
            // It counts only if the seed is good without the bug.
            var control = options
            control.bug = nil
            let other = Simulator.run(Swarm.scenario(seed: seed, given), control)
            guard other.failures.isEmpty else { continue }
            finding.seed = seed
            finding.failure = failure
            finding.operations = report.operations
            break
        }
        return finding
    }
}
