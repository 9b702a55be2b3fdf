/// What a command prints, and the status that it exits with.
package struct CommandResult: Equatable, Sendable {
    package var output: String
    package var exitCode: Int32

    package init(output: String, exitCode: Int32) {
        self.output = output
        self.exitCode = exitCode
    }
}

/// `atoll topology`: looks at topology files without starting anything.
package enum TopologyCommand {
    package static let usage = """
        usage: atoll topology list                 names of the topologies at hand
               atoll topology check FILE|NAME…     report every fault; exit 1 when there is one
               atoll topology show [--json] FILE|NAME
                                                   regions, nodes, ports, ring shares, round trips
        """

    /// Runs the words that follow `atoll topology`.
    package static func run(
        _ arguments: [String],
        files: TopologyFiles = .standard
    ) -> CommandResult {
        let words = arguments.filter { $0 != "--json" }
        switch (words.first, words.count) {
        case ("list", 1):
            return CommandResult(
                output: files.names.map { $0 + "\n" }.joined(),
                exitCode: 0
            )
        case ("check", 2...):
            let results = words.dropFirst().map { self.check($0, files: files) }
            return CommandResult(
                output: results.map(\.output).joined(),
                exitCode: results.map(\.exitCode).max() ?? 0
            )
        case ("show", 2):
            return self.show(words[1], asJSON: arguments.contains("--json"), files: files)
        case ("help", _), ("--help", _), ("-h", _):
            return CommandResult(output: self.usage + "\n", exitCode: 0)
        default:
            return CommandResult(output: self.usage + "\n", exitCode: 2)
        }
    }

    /// One line for a valid topology; for another one a line a fault and a count, and exit code 1.
    package static func check(
        _ nameOrPath: String,
        files: TopologyFiles = .standard
    ) -> CommandResult {
        self.load(nameOrPath, files) { topology in
            let regions = Self.counted(topology.regions.count, "region")
            let nodes = Self.counted(topology.nodes.count, "node")
            return "\(topology.path): ok: \(regions), \(nodes), "
                + "replication factor \(topology.replicationFactor)\n"
        }
    }

    /// The whole topology as a table or as JSON; the faults and exit code 1 when it is not valid.
    package static func show(
        _ nameOrPath: String,
        asJSON: Bool,
        files: TopologyFiles = .standard
    ) -> CommandResult {
        self.load(nameOrPath, files) { asJSON ? $0.json : $0.table }
    }

    private static func load(
        _ nameOrPath: String,
        _ files: TopologyFiles,
        _ output: (Topology) -> String
    ) -> CommandResult {
        do throws(TopologyError) {
            let topology = try Topology.load(nameOrPath: nameOrPath, files: files)
            return CommandResult(output: output(topology), exitCode: 0)
        } catch {
            let count = error.faults.count
            let total = count > 1 ? "\(count) faults\n" : ""
            return CommandResult(output: error.description + "\n" + total, exitCode: 1)
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
