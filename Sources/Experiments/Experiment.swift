import Primitives

/// One scenario, written once for every host.
package struct Experiment: Sendable {
    package var name: String
    /// What it does and what must come of it, in one line.
    package var summary: String
    /// The clusters it needs, one after another; `run` is called with each.
    package var settings: [ClusterSetting]
    package var run: @Sendable (Bench, ClusterSetting) throws(ExperimentError) -> Void

    /// Every scenario, in the order in which they are run.
    package static let all: [Experiment] = [
        .leaderKill, .regionCut, .skewedClocks, .pausedReplication, .replicaUnderLoad,
    ]

    package static func named(_ name: String) -> Experiment? { self.all.first { $0.name == name } }

    /// Runs it on clusters of a host.
    package func outcome(on host: any ClusterHost) throws(ExperimentError) -> Outcome {
        var outcome = Outcome(experiment: self.name, host: host.name)
        for setting in self.settings {
            let cluster = try host.start(setting)
            defer { host.stop(cluster) }
            let bench = Bench(cluster)
            try self.run(bench, setting)
            bench.concludeReads()
            outcome.verdicts += bench.verdicts
            outcome.figures += bench.figures
        }
        return outcome
    }
}

/// What came of an experiment on one host.
package struct Outcome: Equatable, Sendable {
    package var experiment: String
    package var host: String
    package var verdicts: [Verdict] = []
    package var figures: [Figure] = []

    package init(experiment: String, host: String) {
        self.experiment = experiment
        self.host = host
    }
}

/// A fact that every host must show alike.
package struct Verdict: Equatable, Sendable {
    /// As a sentence, such as "no acknowledged write is lost".
    package var fact: String
    package var holds: Bool

    package init(fact: String, holds: Bool) {
        self.fact = fact
        self.holds = holds
    }
}

/// A quantity that hosts must show nearly alike.
package struct Figure: Equatable, Sendable {
    package enum Unit: Equatable, Sendable { case time, count }

    package var name: String
    package var unit: Unit
    /// Nanoseconds, or a count.
    package var value: UInt64
    /// The greatest difference between hosts that is no disagreement.
    package var tolerance: UInt64
    /// What it may be at most, on every host.
    package var limit: UInt64

    package init(name: String, unit: Unit, value: UInt64, tolerance: UInt64, limit: UInt64) {
        self.name = name
        self.unit = unit
        self.value = value
        self.tolerance = tolerance
        self.limit = limit
    }
}
