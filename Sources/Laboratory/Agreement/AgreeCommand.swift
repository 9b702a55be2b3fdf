import Experiments
package import Fleet
import Simulation
import Topology

/// `atoll agree`: the same experiments on simulated and on real clusters, side by side.
package enum AgreeCommand {
    package static let spec = CommandSpec(
        "agree",
        "run experiments on simulated and real clusters, and compare them",
        positionals: [
            .repeated("EXPERIMENT…", Experiment.all.map(\.name).joined(separator: ", "))
        ],
        options: [
            .init("--host", "HOST", "simulation, real or both (default both)"),
            .init("--seed", "N", "of the simulated clusters (default 1)"),
            .init("--port-offset", "N", "of the real clusters' ports (default 3000)"),
        ],
        examples: [
            .init("atoll agree", "every experiment on both hosts, a minute or two"),
            .init("atoll agree leader-kill --host simulation --seed 7", "one of them, at once"),
        ]
    )

    package static func run(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(UsageError) -> Int32 {
        let experiments = try self.experiments(command.positionals)
        let hosts = command.value("--host") ?? "both"
        guard ["simulation", "real", "both"].contains(hosts) else {
            throw UsageError(
                "--host \(hosts) is not known",
                hint: "It is simulation, real or both."
            )
        }
        let seed = try self.number(command, "--seed", default: 1)
        let offset = try self.number(command, "--port-offset", default: 3_000)
        do throws(TopologyError) {
            let topology = try Topology.load(nameOrPath: UpCommand.defaultTopology)
            var chosen: [any ClusterHost] = []
            if hosts != "real" {
                chosen.append(SimulatedHost(ClusterPlan(topology), seed: UInt64(seed)))
            }
            if hosts != "simulation" {
                chosen.append(RealHost(topology, portOffset: offset))
            }
            return self.compare(experiments, chosen, console)
        } catch {
            console.error(error.description, hint: "Run it as scripts/atoll, or set ATOLL_HOME.")
            return ExitCode.failed
        }
    }

    private static func experiments(_ names: [String]) throws(UsageError) -> [Experiment] {
        var experiments: [Experiment] = []
        for name in names {
            guard let experiment = Experiment.named(name) else {
                let known = Experiment.all.map(\.name).joined(separator: ", ")
                throw UsageError("no experiment is called \(name)", hint: "Known are \(known).")
            }
            experiments.append(experiment)
        }
        return experiments.isEmpty ? Experiment.all : experiments
    }

    private static func number(
        _ command: ParsedCommand,
        _ option: String,
        default value: Int
    ) throws(UsageError) -> Int {
        guard let text = command.value(option) else { return value }
        guard let number = Int(text), number >= 0 else {
            throw UsageError("\(option) \(text) is not a number", hint: "For example: \(option) 5")
        }
        return number
    }

    /// Zero when everything holds and agrees, 1 when something does not, 2 when an experiment
    /// could not be carried out.
    private static func compare(
        _ experiments: [Experiment],
        _ hosts: [any ClusterHost],
        _ console: Console
    ) -> Int32 {
        var disagreements = 0
        for experiment in experiments {
            console.print(console.style.bold(experiment.name) + "  \(experiment.summary)\n")
            var outcomes: [Outcome] = []
            for host in hosts {
                do throws(ExperimentError) {
                    outcomes.append(try experiment.outcome(on: host))
                } catch {
                    console.error("\(experiment.name) on \(host.name): \(error)")
                    return ExitCode.notUnderstood
                }
            }
            let agreement = Agreement(outcomes)
            console.print(self.table(agreement, console.style))
            if !agreement.isGood { disagreements += 1 }
        }
        let count = "\(experiments.count) experiment\(experiments.count == 1 ? "" : "s")"
        guard disagreements == 0 else {
            console.error("\(disagreements) of \(count) went wrong")
            return ExitCode.failed
        }
        let names = hosts.map(\.name).joined(separator: " and ")
        let verb = hosts.count > 1 ? "agree" : "holds"
        console.print(console.style.green("\(names) \(verb)") + " in \(count)\n")
        return ExitCode.done
    }

    private static func table(_ agreement: Agreement, _ style: TextStyle) -> String {
        var table = ReportTable(indent: 2, headings: [""] + agreement.hosts + ["allowed", ""])
        for row in agreement.rows {
            let values = row.values.map { TableCell.number($0 ?? "—") }
            let mark = row.isGood ? TableCell.good("✓") : .bad("✗")
            table.row([.plain(row.name)] + values + [.plain(row.allowed), mark])
        }
        return table.rendered(style) + "\n"
    }
}
