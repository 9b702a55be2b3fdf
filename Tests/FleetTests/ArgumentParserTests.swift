import Fleet
import Testing
import Wire

private let parser = ArgumentParser(commands: CommandCatalog.all)

private func parsed(_ line: String) throws -> ParsedCommand {
    let request = try parser.parse(line.split(separator: " ").map(String.init))
    guard case .run(let command) = request else {
        throw UsageError("help instead of a command", hint: "")
    }
    return command
}

private func refusal(_ line: String) -> UsageError? {
    do throws(UsageError) {
        _ = try parser.parse(line.split(separator: " ").map(String.init))
        return nil
    } catch {
        return error
    }
}

@Suite("Command lines are understood or refused with the way on") struct ArgumentParserTests {
    @Test("positionals and options mix in any order, values follow a blank or an equals sign")
    func forms() throws {
        for line in [
            "fault slow us-east-1 eu-west-1 --latency 200ms --one-way",
            "fault slow --latency=200ms us-east-1 --one-way eu-west-1",
        ] {
            let command = try parsed(line)
            #expect(command.spec.name == "fault slow")
            #expect(command.positionals == ["us-east-1", "eu-west-1"])
            #expect(command.value("--latency") == "200ms")
            #expect(command.has("--one-way") && !command.has("--loss"))
        }
    }

    @Test("a value may begin with a minus sign, and the last of two wins")
    func signedValue() throws {
        let command = try parsed("fault clock eu-west-1 --offset 1s --offset -500ms")
        #expect(command.value("--offset") == "-500ms")
    }

    @Test("two dashes end the options")
    func endOfOptions() throws {
        #expect(try parsed("verify -- --odd-name").positionals == ["--odd-name"])
    }

    @Test(
        "what is unknown is refused with the nearest known word",
        arguments: [
            ("statsu", "status"), ("faults kill x", "Usage: atoll faults"),
            ("fault kil x", "fault kill"),
            ("lag --wndow 3s", "--window"), ("fault", "atoll fault --help"),
            ("topology chekc x", "topology check"), ("up --detahc", "--detach"),
        ]
    )
    func suggestions(line: String, hint: String) throws {
        let error = try #require(refusal(line))
        #expect((error.message + error.hint).contains(hint))
    }

    @Test(
        "missing and superfluous words are refused",
        arguments: [
            "fault kill", "fault partition a", "down now", "up a b", "lag --window",
            "lag --json=yes",
            "lag --window --json",
        ]
    )
    func counts(line: String) { #expect(refusal(line) != nil) }

    @Test(
        "help is asked for in four ways",
        arguments: [
            ("", [] as [String]), ("--help", []), ("help fault kill", ["fault", "kill"]),
            ("fault kill --help", ["fault", "kill"]), ("fault --help", ["fault"]),
            ("up -h", ["up"]),
        ]
    )
    func help(line: String, path: [String]) throws {
        let request = try parser.parse(line.split(separator: " ").map(String.init))
        guard case .help(let asked) = request else {
            Issue.record("no help for \(line)")
            return
        }
        #expect(asked == path)
    }

    @Test("every command has a path of its own, help, and examples that parse to itself")
    func catalog() throws {
        #expect(Set(CommandCatalog.all.map(\.name)).count == CommandCatalog.all.count)
        let help = HelpText(commands: CommandCatalog.all, style: .plain)
        for spec in CommandCatalog.all {
            #expect(!spec.examples.isEmpty, "\(spec.name)")
            #expect(try help.text(for: spec.path).contains(spec.usage))
            for example in spec.examples {
                #expect(
                    try parsed(String(example.line.dropFirst("atoll ".count))).spec.name
                        == spec.name
                )
            }
        }
    }

    @Test("every kind of fault has a command, and the other way round")
    func faultsMatchCommands() {
        let commands = CommandCatalog.all.filter { $0.path[0] == "fault" }.map { $0.path[1] }
        #expect(Set(commands) == Set(FaultRegistry.kinds.map { $0.kind }))
    }
}

@Suite("Command lines of faults become requests") struct FaultCommandTests {
    @Test("quantities are sent in the units of the control API")
    func slow() throws {
        let line =
            "fault slow us-east-1 rest --latency 1.5ms --jitter 2ms --loss 2% "
            + "--bandwidth 8Mbit --for 30s --one-way"
        let json = try FaultCommand.request(try parsed(line))
        #expect(
            json == [
                "kind": "slow", "a": "us-east-1", "b": "rest", "latencyUs": 1500, "jitterUs": 2000,
                "lossPpm": 20_000, "bandwidth": 1_000_000, "forMs": 30_000, "oneWay": true,
            ]
        )
    }

    @Test("targets are named as the kind of fault names them")
    func targets() throws {
        #expect(
            try FaultCommand.request(try parsed("fault clock n --offset -2s --drift 40ppm")) == [
                "kind": "clock", "target": "n", "offsetNs": -2_000_000_000, "driftPpm": 40,
            ]
        )
        #expect(
            try FaultCommand.request(try parsed("fault endpoint r --error 503 --blackhole")) == [
                "kind": "endpoint", "region": "r", "error": "503", "blackhole": true,
            ]
        )
        #expect(
            try FaultCommand.request(try parsed("fault pause-replication a")) == [
                "kind": "pause-replication", "a": "a",
            ]
        )
        #expect(
            try FaultCommand.request(try parsed("fault restart n --wipe")) == [
                "kind": "restart", "target": "n", "wipe": true,
            ]
        )
    }

    @Test("a number without unit is refused with what may be written")
    func units() throws {
        let command = try parsed("fault slow a b --latency 3")
        let error = #expect(throws: ClusterError.self) { try FaultCommand.request(command) }
        #expect(error?.hint.contains("70ms") == true)
    }
}
