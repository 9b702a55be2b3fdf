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
            if options.isJSON {
                console.print(outcome.json)
            } else {
                console.print(outcome.lines(options).joined(separator: "\n") + "\n")
            }
            if options.isWorker { console.print("\u{1e}\n") }
            tally.add(outcome)
            if outcome.verdict == .wrong, !options.keepsGoing { break }
            guard seed.addingReportingOverflow(options.stride).overflow == false else { break }
            seed += options.stride
        }
        if !options.isWorker, !options.isJSON, options.first != options.last {
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
                console.error("cannot write \(file): \(error)", hint: "Name another file.")
                report.doubts.append("the history is not written")
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
