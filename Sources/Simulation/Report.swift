package import History
package import Primitives

/// Something that is wrong, and who saw it.
package struct Failure: Equatable, Sendable {
    package enum Source: String, Sendable {
        /// What must hold in or between nodes after every turn.
        case invariant
        /// Requests are refused that must not be.
        case availability
        /// Requests do not succeed, or changes do not arrive, although nothing is broken any more.
        case liveness
        /// Replicas do not agree in the end.
        case convergence
        /// An index does not hold what follows from the items.
        case index
        /// A checker of histories.
        case checker
    }

    package var source: Source
    package var text: String
    /// When it was seen; zero for what was found in the history afterwards.
    package var at: Instant
    /// Virtual time since the first start.
    package var after: Nanoseconds { self.at.since(World.start) }

    package init(source: Source, text: String, at: Instant) {
        self.source = source
        self.text = text
        self.at = at
    }

    /// The sentence without names, times and numbers, to compare the failure of a shrunk scenario.
    ///
    /// Words with a digit are left out: a smaller cluster has fewer regions to name. What follows a
    /// colon is detail.
    package var signature: String {
        var words: [Substring] = []
        for word in self.text.split(whereSeparator: \.isWhitespace)
        where !word.contains(where: \.isNumber) {
            words.append(word)
            if word.hasSuffix(":") || words.count == 12 { break }
        }
        return "\(self.source.rawValue): \(words.joined(separator: " "))"
    }
}

/// What came of one run.
package struct Report: Sendable {
    package var seed: UInt64
    package var failures: [Failure] = []
    /// Nothing is wrong, and something could not be decided.
    package var doubts: [String] = []
    /// All of the run, from the first start on.
    package var virtual: Nanoseconds = 0
    package var events: UInt64 = 0
    package var operations: UInt64 = 0
    package var succeeded: UInt64 = 0
    package var unknown: UInt64 = 0
    package var conditionsFailed: UInt64 = 0
    package var dropped: UInt64 = 0
    package var faults = 0
    package var faultsLeftOut = 0
    package var conflicts: UInt64 = 0
    package var frames: UInt64 = 0
    package var turns: UInt64 = 0
    package var traceHash: UInt64 = 0
    package var unseed: UInt64 = 0
    /// From the end of the faults until all agreed.
    package var phase = ""
    /// When clients began to ask.
    package var clientsBegan = Instant.zero
    /// Operations that were drawn, those that were left out among them.
    package var drawn: UInt64 = 0
    package var history: History?
    /// The checkers have seen the history; they are not asked once something else is wrong.
    package var judged = false
    /// How the cluster stood when it failed.
    package var state: [String] = []

    package var isGood: Bool { self.failures.isEmpty && self.doubts.isEmpty }
}

/// Runs scenarios.
package enum Simulator {
    /// Runs one scenario to its end, or to the first thing that is wrong.
    package static func run(_ scenario: Scenario, _ options: SimulationOptions) -> Report {
        let run = Run(scenario, options)
        run.run()
        var report = Report(seed: scenario.seed)
        report.failures = run.failures
        report.virtual = run.world.now.since(World.start)
        report.events = run.world.counts.events
        report.frames = run.world.counts.frames
        report.turns = run.world.counts.turns
        report.operations = run.clients.counts.asked
        report.succeeded = run.clients.counts.succeeded
        report.unknown = run.clients.counts.unknown
        report.conditionsFailed = run.clients.counts.conditionsFailed
        report.dropped = run.clients.counts.dropped
        report.faults = run.injector.begun
        report.faultsLeftOut = run.injector.leftOut
        report.conflicts = run.world.conflictCount
        report.unseed = run.unseed()
        report.traceHash = run.world.trace.hash ^ report.unseed
        report.phase = run.phase.rawValue
        report.clientsBegan = run.clientsBegan
        report.drawn = run.clients.drawnCount
        report.history = run.clients.history
        report.judged = options.keepsHistory && run.failures.isEmpty
        if report.judged { Judging.judge(&report, scenario) }
        if !run.failures.isEmpty { report.state = run.world.stateLines }
        return report
    }
}
