package import Fleet

/// The commands that need no cluster: they judge histories, and make them.
package enum LaboratoryCommands {
    package static let all: [CommandSpec] = [CheckCommand.spec, AgreeCommand.spec]

    /// Nil when the command is not one of them.
    package static func run(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(UsageError) -> Int32? {
        switch command.spec.name {
        case CheckCommand.spec.name: return try CheckCommand.run(command, console)
        case AgreeCommand.spec.name: return try AgreeCommand.run(command, console)
        default: return nil
        }
    }
}
