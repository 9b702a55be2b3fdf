import Topology
import Wire

/// The commands that talk to a running supervisor.
package enum FleetCommands {
    /// Nil when the command is not one of them.
    package static func run(_ command: ParsedCommand, _ console: Console) -> Int32? {
        do throws(ClusterError) {
            switch command.spec.name {
            case "up": return UpCommand.run(command, console)
            case "down": return try DownCommand.run(command, console)
            case "status":
                return try self.show(command, "/v1/status", console) { json, style in
                    StatusView(json, style, hasPartitions: command.has("--partitions")).text
                }
            case "lag": return try self.lag(command, console)
            case "conflicts": return try self.conflicts(command, console)
            case "verify": return try self.verify(command, console)
            case "faults":
                return try self.show(command, "/v1/faults", console) { json, style in
                    FaultView(style).list(json)
                }
            case "heal": return try self.heal(command, console)
            case let name where name.hasPrefix("fault "):
                return try FaultCommand.run(command, console)
            default: return nil
            }
        } catch {
            console.error(error.message, hint: error.hint)
            return ExitCode.failed
        }
    }

    static func client(_ command: ParsedCommand) throws(ClusterError) -> ControlClient {
        ControlClient(cluster: try ClusterDirectory.running(named: command.value("--cluster")))
    }

    private static func show(
        _ command: ParsedCommand,
        _ target: String,
        _ console: Console,
        _ view: (JSONValue, TextStyle) -> String
    ) throws(ClusterError) -> Int32 {
        let json = try self.client(command).ask("GET", target)
        if command.has("--json") {
            console.print(json)
        } else {
            console.print(view(json, console.style))
        }
        return ExitCode.done
    }

    private static func lag(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        var seconds: Int?
        if let text = command.value("--window") {
            let span = try Amount.duration("--window", text)
            guard span == 10_000_000_000 || span == 60_000_000_000 else {
                throw ClusterError(
                    "--window \(text) is not measured",
                    hint: "Write 10s or 60s."
                )
            }
            seconds = Int(span / 1_000_000_000)
        }
        let isOfIndexes = command.has("--indexes")
        let page = isOfIndexes ? "/v1/lag/indexes" : "/v1/lag"
        return try self.show(command, page, console) { json, style in
            ReportViews.lag(json, seconds: seconds, isOfIndexes: isOfIndexes, style)
        }
    }

    private static func conflicts(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        let limit = command.value("--limit") ?? "50"
        guard let number = Int(limit), number > 0 else {
            throw ClusterError(
                "--limit \(limit) is not a positive number",
                hint: "For example: --limit 10"
            )
        }
        return try self.show(command, "/v1/conflicts?limit=\(number)", console) { json, style in
            ReportViews.conflicts(json, style)
        }
    }

    private static func verify(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        var wait: UInt64 = 0
        if let text = command.value("--wait") {
            wait = try Amount.duration("--wait", text) / 1_000_000
        }
        var target = "/v1/verify?waitMs=\(wait)"
        if let table = command.positional(0) { target += "&table=\(PercentCoding.encoded(table))" }
        let json = try self.client(command).ask(
            "GET",
            target,
            timeoutMilliseconds: Int(wait) + 60_000
        )
        if command.has("--json") {
            console.print(json)
        } else {
            console.print(ReportViews.verify(json, console.style))
        }
        let isProven = json["equal"]?.bool == true && (wait == 0 || json["drained"]?.bool == true)
        return isProven ? ExitCode.done : ExitCode.failed
    }

    private static func heal(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        let id = command.positional(0)
        guard (id == nil) == command.has("--all") else {
            throw ClusterError(
                "heal needs one fault's id, or --all",
                hint: "atoll faults lists the ids."
            )
        }
        let body: JSONValue = id.map { ["id": .string($0)] } ?? [:]
        let answer = try self.client(command).send(
            "POST",
            "/v1/heal",
            body,
            timeoutMilliseconds: 180_000
        )
        guard answer.json["healed"] != nil else {
            throw ControlClient.error(answer.json, answer.status)
        }
        if command.has("--json") {
            console.print(answer.json)
        } else {
            console.print(FaultView(console.style).healed(answer.json, isAll: id == nil))
        }
        return answer.status == 200 ? ExitCode.done : ExitCode.failed
    }
}

/// Quantities of the command line, with errors that say what may be written.
enum Amount {
    static func duration(_ option: String, _ text: String) throws(ClusterError) -> UInt64 {
        do throws(QuantityError) {
            return try Quantity.duration(text)
        } catch {
            throw self.error(option, text, .duration)
        }
    }

    static func signedDuration(_ option: String, _ text: String) throws(ClusterError) -> Int64 {
        do throws(QuantityError) {
            return try Quantity.signedDuration(text)
        } catch {
            throw self.error(option, text, .signedDuration)
        }
    }

    static func ratio(_ option: String, _ text: String) throws(ClusterError) -> UInt32 {
        do throws(QuantityError) {
            return try Quantity.partsPerMillion(text)
        } catch {
            throw self.error(option, text, .ratio)
        }
    }

    static func drift(_ option: String, _ text: String) throws(ClusterError) -> Int32 {
        do throws(QuantityError) {
            return try Quantity.drift(text)
        } catch {
            throw self.error(option, text, .drift)
        }
    }

    static func bandwidth(_ option: String, _ text: String) throws(ClusterError) -> UInt64 {
        do throws(QuantityError) {
            return try Quantity.bandwidth(text)
        } catch {
            throw self.error(option, text, .bandwidth)
        }
    }

    private static func error(
        _ option: String,
        _ text: String,
        _ form: Quantity.Form
    ) -> ClusterError {
        ClusterError("\(option) \(text) is not understood", hint: "Write \(form.allowed).")
    }
}
