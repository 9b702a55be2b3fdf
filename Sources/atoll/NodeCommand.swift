import Fleet
import NodeHost

/// `atoll node`: one replica node, until it is told to stop.
enum NodeCommand {
    static func run(_ command: ParsedCommand, _ console: Console) throws(UsageError) -> Int32 {
        let options = NodeOptions(
            topology: try command.required("--topology"),
            node: try command.required("--node"),
            data: try command.required("--data"),
            cluster: command.value("--cluster") ?? "atoll",
            bootstraps: command.has("--bootstrap"),
            portOffset: try command.portOffset(),
            diesWithParent: command.has("--die-with-parent"),
            applyLog: command.value("--apply-log")
        )
        do throws(NodeHostError) {
            try NodeHost.run(options)
            return ExitCode.done
        } catch {
            console.error(error.description, hint: "Nodes are started by: atoll up")
            return ExitCode.failed
        }
    }
}
