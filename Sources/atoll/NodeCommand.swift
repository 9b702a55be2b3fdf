import Fleet

/// `atoll node`: one replica node, until it is told to stop.
enum NodeCommand {
    static func run(_ command: ParsedCommand, _ console: Console) throws(UsageError) -> Int32 {
        let topology = try command.required("--topology")
        let node = try command.required("--node")
        let data = try command.required("--data")
        let offset = try command.portOffset()
        console.error(
            "cannot run \(node) of \(topology) in \(data) at offset \(offset)",
            hint: "The node is not built yet."
        )
        return ExitCode.failed
    }
}
