import Checkers
import Fleet
import History
import Wire

/// What the checkers found, for people and for programs.
struct CheckView {
    private let report: CheckReport
    private let files: HistoryFiles

    init(_ report: CheckReport, _ files: HistoryFiles) {
        self.report = report
        self.files = files
    }

    // MARK: For people

    func text(_ style: TextStyle) -> String {
        var text = self.heading(style)
        guard !self.report.results.isEmpty else {
            return text + "the history holds nothing that can be judged\n"
        }
        var table = ReportTable(headings: ["check", "verdict", "judged", "", "wrong", "found"])
        for result in self.report.results { table.row(self.row(result)) }
        text += table.rendered(style)
        for result in self.report.results { text += self.details(result, style) }
        return text + self.conclusion(style)
    }

    private func heading(_ style: TextStyle) -> String {
        let header = self.files.header
        let seed = header.seed.map { ", seed \($0)" } ?? ""
        let topology = header.topology.map { ", \($0)" } ?? ""
        let evidence = self.files.evidence
        return style.bold("history") + " of a \(header.host.rawValue)\(topology)\(seed): "
            + "\(evidence.operations.count) operations on \(self.files.names.keyCount) keys, "
            + "\(evidence.applied.count) decisions, \(evidence.finals.count) final states\n"
    }

    private func row(_ result: CheckResult) -> [TableCell] {
        [
            .plain(result.check.rawValue), Self.cell(result.verdict),
            .number("\(result.judged)"), .dim(result.check.subject),
            .number(result.violations == 0 ? "" : "\(result.violations)"),
            .plain(Self.figures(result)),
        ]
    }

    private static func cell(_ verdict: Verdict) -> TableCell {
        switch verdict {
        case .valid: .good("good")
        case .invalid: .bad("wrong")
        case .unknown: .warning("unknown")
        }
    }

    /// Figures that are not zero; a distribution as one.
    private static func figures(_ result: CheckResult) -> String {
        if result.check == .staleness { return self.staleness(result) }
        return result.figures.filter { $0.value > 0 }
            .map { "\($0.name) \(self.text($0))" }.joined(separator: ", ")
    }

    private static func staleness(_ result: CheckResult) -> String {
        let parts = ["strong", "eventual"].compactMap { name -> String? in
            guard let reads = result.figure("\(name) reads"),
                let stale = result.figure("\(name) stale")
            else { return nil }
            guard stale > 0 else { return "\(name): none of \(reads) stale" }
            let spans = ["p50", "p90", "p99", "max"].compactMap { share in
                result.figure("\(name) \(share)").map { "\(share) \(Figures.duration($0))" }
            }
            let versions = ["p50", "p90", "p99", "max"].compactMap { share in
                result.figure("\(name) versions \(share)").map { "\($0)" }
            }
            return "\(name): \(stale) of \(reads) stale, \(spans.joined(separator: " ")), "
                + "versions \(versions.joined(separator: "/"))"
        }
        return parts.joined(separator: "; ")
    }

    private static func text(_ figure: Figure) -> String {
        switch figure.unit {
        case .count: "\(figure.value)"
        case .nanoseconds: Figures.duration(figure.value)
        }
    }

    private func details(_ result: CheckResult, _ style: TextStyle) -> String {
        var text = ""
        switch result.verdict {
        case .valid: break
        case .invalid(let counterexample):
            text += "\n" + style.red(result.check.rawValue) + ": \(result.check.question)\n"
            text += "  \(counterexample.summary)\n"
            for line in counterexample.lines { text += "    \(line)\n" }
        case .unknown(let why):
            text += "\n" + style.yellow(result.check.rawValue) + ": unknown, \(why)\n"
        }
        guard !result.listed.isEmpty else { return text }
        text += "\n\(result.check.rawValue):\n"
        for line in result.listed { text += "  \(line)\n" }
        let all = result.figures.reduce(0) { $0 + Int($1.value) }
        if all > result.listed.count { text += "  …\n" }
        return text
    }

    private func conclusion(_ style: TextStyle) -> String {
        switch self.report.verdict {
        case .valid: "\n" + style.green("good") + ": every check holds\n"
        case .invalid: "\n" + style.red("wrong") + "\n"
        case .unknown:
            "\n" + style.yellow("unknown") + ": nothing wrong was found, not all is known\n"
        }
    }

    // MARK: For programs

    var json: JSONValue {
        [
            "verdict": .string(Self.word(self.report.verdict)),
            "operations": .integer(self.files.evidence.operations.count),
            "keys": .integer(self.files.names.keyCount),
            "decisions": .integer(self.files.evidence.applied.count),
            "finals": .integer(self.files.evidence.finals.count),
            "checks": .array(self.report.results.map { self.json($0) }),
        ]
    }

    private static func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .valid: "good"
        case .invalid: "wrong"
        case .unknown: "unknown"
        }
    }

    private func json(_ result: CheckResult) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("check", .string(result.check.rawValue)),
            .init("verdict", .string(Self.word(result.verdict))),
            .init("judged", .integer(result.judged)),
            .init("subject", .string(result.check.subject)),
            .init("wrong", .integer(result.violations)),
            .init("figures", self.figures(result.figures)),
        ]
        switch result.verdict {
        case .valid: break
        case .invalid(let counterexample):
            let lines = counterexample.lines.map { JSONValue.string($0) }
            members.append(.init("summary", .string(counterexample.summary)))
            members.append(.init("counterexample", .array(lines)))
        case .unknown(let why): members.append(.init("reason", .string(why)))
        }
        if !result.listed.isEmpty {
            members.append(.init("listed", .array(result.listed.map { .string($0) })))
        }
        return .object(members)
    }

    /// Durations in nanoseconds.
    private func figures(_ figures: [Figure]) -> JSONValue {
        .object(
            figures.map { figure in
                let unit = figure.unit == .nanoseconds ? " ns" : ""
                return .init(figure.name + unit, .integer(figure.value))
            }
        )
    }
}
