/// What one command of `atoll` takes and does: the parser, the help and the suggestions read it.
package struct CommandSpec: Sendable {
    /// A word that stands on its own, in order.
    package struct Positional: Sendable {
        package var name: String
        package var help: String
        package var isOptional = false
        /// The last one, which takes all words that follow.
        package var isRepeated = false
    }

    /// A word that starts with two dashes, with or without a value.
    package struct Option: Sendable {
        package var name: String
        /// How help names the value; nil for a switch.
        package var value: String?
        package var help: String

        package init(_ name: String, _ value: String? = nil, _ help: String) {
            self.name = name
            self.value = value
            self.help = help
        }
    }

    /// A command line that works as printed, and what it is for.
    package struct Example: Sendable {
        package var line: String
        package var purpose: String
    }

    /// The words that select the command: `["fault", "kill"]`.
    package var path: [String]
    package var summary: String
    package var positionals: [Positional]
    package var options: [Option]
    package var examples: [Example]
    /// Started by other commands; absent from the list of commands.
    package var isInternal: Bool

    package init(
        _ path: String,
        _ summary: String,
        positionals: [Positional] = [],
        options: [Option] = [],
        examples: [Example],
        isInternal: Bool = false
    ) {
        self.path = path.split(separator: " ").map(String.init)
        self.summary = summary
        self.positionals = positionals
        self.options = options
        self.examples = examples
        self.isInternal = isInternal
    }

    package var name: String { self.path.joined(separator: " ") }

    /// `atoll fault slow A B [options]`.
    package var usage: String {
        var words = ["atoll"] + self.path
        words += self.positionals.map { $0.isOptional ? "[\($0.name)]" : $0.name }
        if !self.options.isEmpty { words.append("[options]") }
        return words.joined(separator: " ")
    }
}

extension CommandSpec.Positional {
    package static func required(_ name: String, _ help: String) -> Self {
        Self(name: name, help: help)
    }

    package static func optional(_ name: String, _ help: String) -> Self {
        Self(name: name, help: help, isOptional: true)
    }
}

extension CommandSpec.Positional {
    /// Any number of words, at the end.
    package static func repeated(_ name: String, _ help: String) -> Self {
        Self(name: name, help: help, isOptional: true, isRepeated: true)
    }
}

extension CommandSpec.Example {
    package init(_ line: String, _ purpose: String) {
        self.init(line: line, purpose: purpose)
    }
}
