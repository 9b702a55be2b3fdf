package import Fleet

/// The commands that need no cluster: they judge histories, and make them.
package enum LaboratoryCommands {
    package static let all: [CommandSpec] = [
        SimCommand.spec, CheckCommand.spec, AgreeCommand.spec,
    ]

    /// Nil when the command is not one of them.
    package static func run(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(UsageError) -> Int32? {
        switch command.spec.name {
        case SimCommand.spec.name: return try SimCommand.run(command, console)
        case CheckCommand.spec.name: return try CheckCommand.run(command, console)
        case AgreeCommand.spec.name: return try AgreeCommand.run(command, console)
        default: return nil
        }
    }
}
