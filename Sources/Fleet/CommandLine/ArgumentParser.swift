import Topology

/// A command line that was understood.
package struct ParsedCommand: Sendable {
    package var spec: CommandSpec
    package var positionals: [String]
    /// Options in the order given; switches have an empty value.
    package var options: [(name: String, value: String)]

    /// The value of an option; the last one wins.
    package func value(_ name: String) -> String? {
        self.options.last { $0.name == name }?.value
    }

    package func has(_ name: String) -> Bool { self.value(name) != nil }

    /// The positional at an index, or nil when it was left out.
    package func positional(_ index: Int) -> String? {
        index < self.positionals.count ? self.positionals[index] : nil
    }
}

/// What a command line asks for.
package enum CommandRequest: Sendable {
    case run(ParsedCommand)
    /// Help for one command, or for all whose path starts with these words.
    case help([String])
}

/// A command line that cannot be understood; ends the process with status 2.
package struct UsageError: Error, Equatable, Sendable {
    package var message: String
    /// What to do next, as whole sentences.
    package var hint: String

    package init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// Turns words into a command: `--name value`, `--name=value`, `--` ends the options.
package struct ArgumentParser: Sendable {
    package var commands: [CommandSpec]

    package init(commands: [CommandSpec]) { self.commands = commands }

    package func parse(_ words: [String]) throws(UsageError) -> CommandRequest {
        guard let first = words.first else { return .help([]) }
        if first == "--help" || first == "-h" { return .help([]) }
        if first == "--version" { return try self.parse(["version"]) }
        if first == "help" { return .help(Array(words.dropFirst())) }
        let spec = try self.command(in: words)
        guard let spec else { return .help(Array(words.prefix { !$0.hasPrefix("-") })) }
        return try self.parse(Array(words.dropFirst(spec.path.count)), of: spec)
    }

    /// The command with the longest path that the words start with; nil when only help was asked
    /// for a group of commands.
    private func command(in words: [String]) throws(UsageError) -> CommandSpec? {
        let matches = self.commands.filter { words.starts(with: $0.path) }
        if let spec = matches.max(by: { $0.path.count < $1.path.count }) { return spec }
        let group = self.commands.filter { $0.path.count > 1 && $0.path[0] == words[0] }
        if group.isEmpty {
            let known = self.commands.filter { !$0.isInternal }.map { $0.path[0] } + ["help"]
            throw UsageError(
                "unknown command \"\(words[0])\"",
                hint: self.didYouMean(words[0], known) + "\"atoll --help\" lists the commands."
            )
        }
        let known = group.map { $0.path[1] }
        let list = known.joined(separator: ", ")
        guard words.count > 1 else {
            throw UsageError(
                "\"atoll \(words[0])\" needs one of: \(list)",
                hint: "\"atoll \(words[0]) --help\" explains each."
            )
        }
        if words[1] == "--help" || words[1] == "-h" { return nil }
        throw UsageError(
            "unknown command \"\(words[0]) \(words[1])\"; known are: \(list)",
            hint: self.didYouMean(words[1], known, prefix: words[0] + " ")
                + "\"atoll \(words[0]) --help\" explains each."
        )
    }

    private func parse(_ words: [String], of spec: CommandSpec) throws(UsageError)
        -> CommandRequest
    {
        var parsed = ParsedCommand(spec: spec, positionals: [], options: [])
        var index = 0
        var optionsEnded = false
        while index < words.count {
            let word = words[index]
            index += 1
            if optionsEnded || !word.hasPrefix("-") || word == "-" {
                parsed.positionals.append(word)
            } else if word == "--" {
                optionsEnded = true
            } else if word == "--help" || word == "-h" {
                return .help(spec.path)
            } else {
                try self.option(word, words, &index, &parsed)
            }
        }
        try self.checkPositionals(of: parsed)
        return .run(parsed)
    }

    private func option(
        _ word: String,
        _ words: [String],
        _ index: inout Int,
        _ parsed: inout ParsedCommand
    ) throws(UsageError) {
        let spec = parsed.spec
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = spec.options.first(where: { $0.name == name }) else {
            let known = spec.options.map(\.name) + ["--help"]
            throw UsageError(
                "\"atoll \(spec.name)\" has no option \"\(name)\"",
                hint: self.didYouMean(name, known)
                    + "\"atoll \(spec.name) --help\" lists its options."
            )
        }
        guard let valueName = option.value else {
            if parts.count > 1 {
                throw UsageError(
                    "\"\(name)\" takes no value",
                    hint: "Write it alone: \(name)."
                )
            }
            parsed.options.append((name, ""))
            return
        }
        if parts.count > 1 {
            parsed.options.append((name, String(parts[1])))
        } else if index < words.count, !words[index].hasPrefix("--") {
            parsed.options.append((name, words[index]))
            index += 1
        } else {
            throw UsageError(
                "\"\(name)\" needs a value: \(name) \(valueName)",
                hint: "What it does: \(option.help)."
            )
        }
    }

    private func checkPositionals(of parsed: ParsedCommand) throws(UsageError) {
        let spec = parsed.spec
        let isOpen = spec.positionals.last?.isRepeated ?? false
        if parsed.positionals.count > spec.positionals.count, !isOpen {
            let extra = parsed.positionals[spec.positionals.count]
            throw UsageError(
                "\"atoll \(spec.name)\" does not take \"\(extra)\"",
                hint: "Usage: \(spec.usage)"
            )
        }
        let missing = spec.positionals.dropFirst(parsed.positionals.count).first { !$0.isOptional }
        if let missing {
            throw UsageError(
                "\"atoll \(spec.name)\" needs \(missing.name): \(missing.help)",
                hint: "Usage: \(spec.usage)"
            )
        }
    }

    private func didYouMean(_ word: String, _ known: [String], prefix: String = "") -> String {
        guard let near = Suggestion.nearest(to: word, among: known) else { return "" }
        return "Did you mean \"\(prefix)\(near)\"? "
    }
}
