import Topology

/// Help for people, made from the same specifications that the parser reads.
package struct HelpText {
    package var commands: [CommandSpec]
    package var style: TextStyle

    package init(commands: [CommandSpec], style: TextStyle) {
        self.commands = commands
        self.style = style
    }

    /// Help for one command, for a group such as `fault`, or for everything.
    package func text(for path: [String]) throws(UsageError) -> String {
        if path.isEmpty { return self.overview() }
        if let spec = self.commands.first(where: { $0.path == path }) { return self.help(spec) }
        let group = self.commands.filter { $0.path.starts(with: path) }
        if !group.isEmpty {
            return self.list(group) + "\n\"atoll \(path.joined(separator: " ")) "
                + "\(group[0].path.last ?? "") --help\" explains one.\n"
        }
        let known = self.commands.map(\.name)
        let word = path.joined(separator: " ")
        let near = Suggestion.nearest(to: word, among: known)
        throw UsageError(
            "no command \"\(word)\"",
            hint: (near.map { "Did you mean \"\($0)\"? " } ?? "") + "\"atoll --help\" lists all."
        )
    }

    private func overview() -> String {
        var text = self.style.bold("atoll") + ": a DynamoDB-compatible, multi-region cluster on "
        text += "this machine that you can break on purpose.\n\n"
        text += self.list(self.commands.filter { !$0.isInternal })
        text += "\nBegin with \"atoll up\". \"atoll COMMAND --help\" explains one, with examples.\n"
        text += "Exit status: 0 done, 1 failed, 2 not understood, or not decided by a check.\n"
        return text
    }

    private func list(_ commands: [CommandSpec]) -> String {
        var table = ReportTable(indent: 2)
        for spec in commands {
            let usage =
                (spec.path + spec.positionals.map { $0.isOptional ? "[\($0.name)]" : $0.name })
            table.row([.plain(usage.joined(separator: " ")), .plain(spec.summary)])
        }
        return table.rendered(self.style)
    }

    private func help(_ spec: CommandSpec) -> String {
        var text = "\(self.style.bold("atoll " + spec.name)): \(spec.summary)\n\n"
        text += "usage: \(spec.usage)\n"
        if !spec.positionals.isEmpty {
            var table = ReportTable(indent: 2)
            for positional in spec.positionals {
                table.row([.plain(positional.name), .plain(positional.help)])
            }
            text += table.rendered(self.style)
        }
        var table = ReportTable(indent: 2)
        for option in spec.options {
            let name = option.value.map { "\(option.name) \($0)" } ?? option.name
            table.row([.plain(name), .plain(option.help)])
        }
        table.row([.plain("--help"), .plain("this text")])
        text += "\noptions:\n" + table.rendered(self.style)
        if !spec.examples.isEmpty {
            var table = ReportTable(indent: 2)
            for example in spec.examples {
                table.row([.plain(example.line), .dim("# " + example.purpose)])
            }
            text += "\nexamples:\n" + table.rendered(self.style)
        }
        return text
    }
}
