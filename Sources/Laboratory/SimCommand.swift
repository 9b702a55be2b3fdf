package import Fleet
import Glibc
import History
import Primitives
import Simulation
import Wire

/// `atoll sim`: whole clusters in virtual time, from seeds.
package enum SimCommand {
    /// - Returns: 0 when all is well, 1 when something is wrong, 2 when that is not known.
    package static func run(_ command: ParsedCommand, _ console: Console) throws(UsageError)
        -> Int32
    {
        let options = try SimOptions(command)
        switch options.mode {
        case .seeds:
            if options.jobs > 1, options.last > options.first {
                return SimJobs(options, console).run()
            }
            return self.runSeeds(options, console)
        case .shrink: return SimShrink.run(options, console)
        case .replay(let file): return self.replay(file, options, console)
        case .zoo: return SimZoo.run(options, console)
        }
    }

    // MARK: Seeds

    private static func runSeeds(_ options: SimOptions, _ console: Console) -> Int32 {
        var tally = SimTally()
        var seed = options.first
        while seed <= options.last {
            let scenario = Swarm.scenario(seed: seed, options.given)
            let outcome = self.runOne(scenario, options, console)
            console.print(outcome.lines(options).joined(separator: "\n") + "\n")
            if options.isWorker { console.print("\u{1e}\n") }
            tally.add(outcome)
            if outcome.verdict == .wrong, !options.keepsGoing { break }
            guard seed.addingReportingOverflow(options.stride).overflow == false else { break }
            seed += options.stride
        }
        if !options.isWorker, options.first != options.last {
            console.print(tally.summary + "\n")
        }
        return tally.exitCode
    }

    static func runOne(
        _ scenario: Scenario,
        _ options: SimOptions,
        _ console: Console
    ) -> SimOutcome {
        var simulation = options.simulation
        if options.isTraced {
            console.print(TraceLine.header + "\n")
            let printer = LinePrinter()
            let names = scenario.plan.nodeNames
            simulation.trace = { printer.add($0.rendered(names)) }
        }
        let began = processorSeconds()
        var report = Simulator.run(scenario, simulation)
        let took = processorSeconds() - began
        LinePrinter.flush()
        if let file = options.history, let history = report.history {
            if let error = writeFile(history.encoded(), to: file) {
                console.error("cannot write \(file): \(error)")
            }
        }
        report.history = nil
        return SimOutcome(scenario: scenario, report: report, seconds: took)
    }

    // MARK: Replay

    private static func replay(
        _ file: String,
        _ options: SimOptions,
        _ console: Console
    ) -> Int32 {
        guard let bytes = readFile(file) else {
            console.error("cannot read \(file)", hint: "atoll sim --shrink writes such files.")
            return ExitCode.notUnderstood
        }
        let scenario: Scenario
        do {
            scenario = try Scenario(json: try JSONValue(parsing: bytes))
        } catch let error as ScenarioError {
            console.error("\(file): \(error.message)")
            return ExitCode.notUnderstood
        } catch {
            console.error("\(file) is not JSON: \(error)")
            return ExitCode.notUnderstood
        }
        var replayed = options
        if replayed.bug == nil, let name = (try? JSONValue(parsing: bytes))?["bug"]?.string {
            replayed.bug = Bug(name: name)
        }
        let outcome = self.runOne(scenario, replayed, console)
        console.print(outcome.lines(replayed).joined(separator: "\n") + "\n")
        return outcome.verdict.exitCode
    }
}

/// Whether a run was good.
enum SimVerdict {
    case good, wrong, unknown

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
        for doubt in report.doubts { lines.append("  not decided: " + Self.indented(doubt)) }
        guard self.verdict == .wrong, !report.failures.isEmpty else { return lines }
        let words = options.words.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
        let rest = words.isEmpty ? "" : " " + words
        if case .seeds = options.mode {
            lines.append("  replay: atoll sim\(rest) --seed \(report.seed) --trace")
            lines.append("  shrink: atoll sim\(rest) --seed \(report.seed) --shrink")
        }
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
