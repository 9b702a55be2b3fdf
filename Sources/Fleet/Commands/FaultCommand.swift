package import Wire

/// `atoll fault …`: turns a command line into a request for the control API.
package enum FaultCommand {
    static func run(_ command: ParsedCommand, _ console: Console) throws(ClusterError) -> Int32 {
        let request = try self.request(command)
        let client = try FleetCommands.client(command)
        let answer = try client.send("POST", "/v1/faults", request, timeoutMilliseconds: 120_000)
        let view = FaultView(console.style)
        guard answer.status == 200 else {
            if command.has("--json") { console.print(answer.json) }
            if !command.has("--json"), answer.json["measurements"]?.array?.isEmpty == false {
                console.print(view.measurements(answer.json))
            }
            throw ControlClient.error(answer.json, answer.status)
        }
        if command.has("--json") {
            console.print(answer.json)
        } else {
            console.print(view.injected(answer.json))
        }
        return ExitCode.done
    }

    /// The body of `POST /v1/faults`.
    package static func request(_ command: ParsedCommand) throws(ClusterError) -> JSONValue {
        let kind = command.spec.path[1]
        var json: JSONValue = ["kind": .string(kind)]
        let names = kind == "endpoint" ? ["region"] : self.isPair(kind) ? ["a", "b"] : ["target"]
        for (name, word) in zip(names, command.positionals) { json[name] = .string(word) }
        for (option, value) in command.options {
            switch option {
            case "--one-way": json["oneWay"] = true
            case "--wipe", "--refuse", "--blackhole": json[String(option.dropFirst(2))] = true
            case "--error": json["error"] = .string(value)
            case "--for":
                json["forMs"] = .integer(max(1, try Amount.duration(option, value) / 1_000_000))
            case "--latency":
                json["latencyUs"] = .integer(try Amount.duration(option, value) / 1_000)
            case "--jitter":
                json["jitterUs"] = .integer(try Amount.duration(option, value) / 1_000)
            case "--loss": json["lossPpm"] = .integer(try Amount.ratio(option, value))
            case "--bandwidth": json["bandwidth"] = .integer(try Amount.bandwidth(option, value))
            case "--offset": json["offsetNs"] = .integer(try Amount.signedDuration(option, value))
            case "--drift": json["driftPpm"] = .integer(try Amount.drift(option, value))
            default: break
            }
        }
        return json
    }

    private static func isPair(_ kind: String) -> Bool {
        ["partition", "slow", "pause-replication"].contains(kind)
    }
}
