import Fleet
import Glibc
import Topology

/// The one binary: commands for people and programs, and the processes of a cluster.
@main enum Atoll {
    static let version = "0.1.0"

    static func main() { exit(self.run(Array(CommandLine.arguments.dropFirst()))) }

    private static func run(_ words: [String]) -> Int32 {
        let console = Console()
        let commands = CommandCatalog.all
        do throws(UsageError) {
            switch try ArgumentParser(commands: commands).parse(words) {
            case .help(let path):
                let help = HelpText(commands: commands, style: console.style)
                console.print(try help.text(for: path))
                return ExitCode.done
            case .run(let command):
                return try self.run(command, console)
            }
        } catch {
            console.error(error.message, hint: error.hint)
            return ExitCode.notUnderstood
        }
    }

    private static func run(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(UsageError) -> Int32 {
        switch command.spec.name {
        case "node": return try NodeCommand.run(command, console)
        case "gateway": return try GatewayCommand.run(command, console)
        case "topology check":
            return self.show(TopologyCommand.check(command.positionals[0]), console)
        case "topology show":
            let name = command.positional(0) ?? UpCommand.defaultTopology
            let isJSON = command.has("--json")
            return self.show(TopologyCommand.show(name, asJSON: isJSON), console)
        case "version":
            let isJSON = command.has("--json")
            console.print(
                isJSON ? "{\"version\": \"\(self.version)\"}\n" : "atoll \(self.version)\n"
            )
            return ExitCode.done
        default:
            guard let code = FleetCommands.run(command, console) else {
                preconditionFailure("\(command.spec.name) is in the catalog and not in the program")
            }
            return code
        }
    }

    private static func show(_ result: CommandResult, _ console: Console) -> Int32 {
        console.print(result.output)
        return result.exitCode
    }
}

extension ParsedCommand {
    /// The value of an option that the command cannot do without.
    func required(_ name: String) throws(UsageError) -> String {
        guard let value = self.value(name) else {
            throw UsageError(
                "\"atoll \(self.spec.name)\" needs \(name)",
                hint: "Usage: \(self.spec.usage)"
            )
        }
        return value
    }

    /// `--port-offset`, or zero.
    func portOffset() throws(UsageError) -> Int {
        guard let text = self.value("--port-offset") else { return 0 }
        guard let offset = Int(text) else {
            throw UsageError(
                "--port-offset \(text) is not a number",
                hint: "For example: --port-offset 1000"
            )
        }
        return offset
    }
}
