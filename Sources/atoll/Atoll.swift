import Fleet
import Glibc
import Laboratory
import Topology
import Wire

/// The one binary: commands for people and programs, and the processes of a cluster.
@main enum Atoll {
    static let version = "0.1.0"

    static func main() { exit(self.run(Array(CommandLine.arguments.dropFirst()))) }

    private static func run(_ words: [String]) -> Int32 {
        let console = Console()
        let commands = CommandCatalog.all + LaboratoryCommands.all
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
        case "operations":
            console.print(self.operations(asMarkdown: command.has("--markdown")))
            return ExitCode.done
        default:
            if let code = try LaboratoryCommands.run(command, console) { return code }
            guard let code = FleetCommands.run(command, console) else {
                preconditionFailure("\(command.spec.name) is in the catalog and not in the program")
            }
            return code
        }
    }

    /// The table of operations, for people or for the documentation.
    private static func operations(asMarkdown: Bool) -> String {
        if asMarkdown { return ServiceOperation.markdown }
        var text = ""
        for operation in ServiceOperation.all {
            let name = operation.name + String(repeating: " ", count: 38 - operation.name.count)
            let here =
                switch operation.support {
                case .whole: "yes     "
                case .partial: "partly  "
                case .none: "no      "
                }
            text += "\(name)\(here)\(operation.note.isEmpty ? operation.area : operation.note)\n"
        }
        return text
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
