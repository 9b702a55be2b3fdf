import Checkers
package import Fleet
import Glibc
import History
import Topology
import Wire

/// `atoll check`: reads a history, runs the checkers over it, tells what they found.
package enum CheckCommand {
    package static let spec = CommandSpec(
        "check",
        "judge a history: linearizable, last writer wins, sessions, staleness",
        positionals: [
            .required("HISTORY", "a file as written by \"atoll sim\" or \"atoll up --history\""),
            .repeated("MORE…", "its other parts, such as the nodes' apply logs"),
        ],
        options: [
            .init("--linearizable", nil, "each key of a region is one register"),
            .init("--lww", nil, "replicas converge to the greatest stamp, and nothing is lost"),
            .init("--sessions", nil, "clients read their own writes, and never backwards"),
            .init("--strict", nil, "sessions hold for eventually consistent reads, too"),
            .init("--staleness", "DURATION", "no read is further behind than this"),
            .init("--json", nil, "print JSON for programs"),
        ],
        examples: [
            .init("atoll check h.jsonl", "all that the history's contents allow"),
            .init("atoll check h.jsonl h.jsonl.*.applies", "with what the replicas say"),
            .init("atoll check h.jsonl --staleness 1s", "also: no read is more than 1 s behind"),
            .init("atoll check h.jsonl --lww --json", "some checks, for a program"),
        ]
    )

    /// Good, wrong, and neither: unknown, or not readable.
    enum Status {
        static let good: Int32 = 0
        static let wrong: Int32 = 1
        static let unknown: Int32 = 2
    }

    package static func run(
        _ command: ParsedCommand,
        _ console: Console
    ) throws(UsageError) -> Int32 {
        let plan = try self.plan(command)
        var reading = HistoryFiles()
        do throws(FilesError) {
            for path in command.positionals { try reading.read(path) }
        } catch {
            console.error(error.message, hint: error.hint)
            return Status.unknown
        }
        let report = Judge.judge(reading.evidence, reading.names, plan)
        let view = CheckView(report, reading)
        if command.has("--json") {
            console.print(view.json)
        } else {
            console.print(view.text(console.style))
        }
        switch report.verdict {
        case .valid: return report.results.isEmpty ? Status.unknown : Status.good
        case .invalid: return Status.wrong
        case .unknown: return Status.unknown
        }
    }

    /// The checks that were asked for; without any, all that the contents allow.
    private static func plan(_ command: ParsedCommand) throws(UsageError) -> CheckPlan {
        var groups: [Check.Group] = []
        if command.has("--linearizable") { groups.append(.linearizable) }
        if command.has("--lww") { groups.append(.lww) }
        if command.has("--sessions") || command.has("--strict") { groups.append(.sessions) }
        var limit: UInt64?
        if let text = command.value("--staleness") {
            do throws(QuantityError) {
                limit = try Quantity.duration(text)
            } catch {
                throw UsageError(
                    "--staleness \(text) is not a duration",
                    hint: "Write \(Quantity.Form.duration.allowed)."
                )
            }
        }
        // A limit alone adds an assertion to all checks; beside others it is one of them.
        if limit != nil, !groups.isEmpty { groups.append(.staleness) }
        var plan = groups.isEmpty ? CheckPlan() : CheckPlan(groups: groups)
        plan.stalenessMax = limit
        plan.isStrict = command.has("--strict")
        return plan
    }
}
