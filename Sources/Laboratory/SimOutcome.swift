import Fleet
import Primitives
import Simulation
import Wire

/// Whether a run was good.
enum SimVerdict {
    case good, wrong, unknown

    /// As programs are told.
    var name: String { "\(self)" }

    var exitCode: Int32 {
        switch self {
        case .good: ExitCode.done
        case .wrong: ExitCode.failed
        case .unknown: ExitCode.notUnderstood
        }
    }
}

/// One run and what it cost.
struct SimOutcome {
    var scenario: Scenario
    var report: Report
    /// Of the processor.
    var seconds: Double

    var verdict: SimVerdict {
        if !self.report.failures.isEmpty { return .wrong }
        return self.report.doubts.isEmpty ? .good : .unknown
    }

    /// The run for programs.
    var json: JSONValue {
        [
            "seed": .integer(self.report.seed), "verdict": .string(self.verdict.name),
            "nodes": .integer(self.scenario.plan.nodeCount),
            "virtualNanoseconds": .integer(self.report.virtual),
            "setupNanoseconds": .integer(self.report.clientsBegan.since(.zero)),
            "processorNanoseconds": .integer(UInt64(self.seconds * 1e9)),
            "events": .integer(self.report.events), "frames": .integer(self.report.frames),
            "turns": .integer(self.report.turns),
            "operations": .integer(self.report.operations),
            "succeeded": .integer(self.report.succeeded),
            "unknown": .integer(self.report.unknown),
            "dropped": .integer(self.report.dropped),
            "faults": .integer(self.report.faults),
            "conflicts": .integer(self.report.conflicts),
            "residentBytes": .integer(residentBytes()),
            "traceHash": .string(hexadecimal(self.report.traceHash)),
            "failures": .array(self.report.failures.map { .string($0.text) }),
        ]
    }

    /// One line for the run; more when it is not good.
    func lines(_ options: SimOptions) -> [String] {
        let plan = self.scenario.plan
        let nodes = plan.regions.map { "\($0.nodes)" }
        let shape =
            Set(nodes).count == 1 ? "\(nodes.count)x\(nodes[0])" : nodes.joined(separator: "+")
        let report = self.report
        let virtual = Double(report.virtual) / 1e9
        let speed = self.seconds > 0 ? virtual / self.seconds : 0
        let columns = [
            Self.left("seed \(report.seed)", 12),
            Self.left(
                "\(shape) \(plan.durability.rawValue) \(plan.isHybrid ? "hybrid" : "wall")",
                18
            ),
            Self.right(Self.decimal(virtual, 1) + " s", 9),
            Self.right(Self.grouped(report.events) + " events", 18),
            Self.right(Self.grouped(report.operations) + " operations", 18),
            Self.right("\(report.faults) faults", 11),
            Self.right(Self.grouped(report.conflicts) + " conflicts", 16),
            Self.right(Self.decimal(speed, 0) + "x", 7),
            " " + hexadecimal(report.traceHash),
            self.verdict == .good ? " good" : self.verdict == .wrong ? " WRONG" : " unknown",
        ]
        var lines = [columns.joined()]
        for failure in report.failures.prefix(3) {
            let when =
                failure.at.nanoseconds > 0
                ? " after \(Self.decimal(Double(failure.after) / 1e9, 6)) s" : ""
            lines.append("  \(failure.source.rawValue)\(when): " + Self.indented(failure.text))
        }
        if options.isTraced { lines += report.state.map { "    " + $0 } }
        for doubt in report.doubts { lines.append("  not decided: " + Self.indented(doubt)) }
        guard self.verdict == .wrong, !report.failures.isEmpty else { return lines }
        if case .seeds = options.mode { lines += options.replayLines(report.seed) }
        return lines
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n    ")
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    static func grouped(_ number: UInt64) -> String {
        var digits = Array("\(number)")
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return String(digits)
    }

    static func decimal(_ number: Double, _ places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let whole = UInt64(max(0, number) * scale + 0.5)
        guard places > 0 else { return self.grouped(whole) }
        let fraction = "\(whole % UInt64(scale))"
        return self.grouped(whole / UInt64(scale)) + "."
            + String(repeating: "0", count: places - fraction.count) + fraction
    }
}

extension SimOptions {
    /// How to see a seed's failure again.
    func replayLines(_ seed: UInt64) -> [String] {
        let words = self.words.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
        let rest = words.isEmpty ? "" : " " + words
        return ["trace", "shrink"].map { mode in
            "  \(mode == "trace" ? "replay" : "shrink"): atoll sim\(rest) --seed \(seed) --\(mode)"
        }
    }
}

/// What came of many runs.
struct SimTally {
    var runs = 0
    var wrong = 0
    var unknown = 0
    var virtual: Double = 0
    var seconds: Double = 0

    mutating func add(_ outcome: SimOutcome) {
        self.runs += 1
        if outcome.verdict == .wrong { self.wrong += 1 }
        if outcome.verdict == .unknown { self.unknown += 1 }
        self.virtual += Double(outcome.report.virtual) / 1e9
        self.seconds += outcome.seconds
    }

    var summary: String {
        var text = "\(self.runs) seeds: \(self.runs - self.wrong - self.unknown) good"
        if self.wrong > 0 { text += ", \(self.wrong) wrong" }
        if self.unknown > 0 { text += ", \(self.unknown) unknown" }
        guard self.seconds > 0 else { return text }
        return text + "; \(SimOutcome.decimal(self.virtual, 0)) s of virtual time at "
            + "\(SimOutcome.decimal(self.virtual / self.seconds, 0))x a core"
    }

    var exitCode: Int32 {
        self.wrong > 0
            ? SimVerdict.wrong.exitCode
            : self.unknown > 0
                ? SimVerdict.unknown.exitCode : SimVerdict.good.exitCode
    }
}
