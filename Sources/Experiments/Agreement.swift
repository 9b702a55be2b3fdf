/// What two hosts showed in one experiment, side by side.
package struct Agreement: Sendable {
    /// One fact or figure on both hosts.
    package struct Row: Equatable, Sendable {
        package var name: String
        /// By host; nil where a host did not show it.
        package var values: [String?]
        /// What was allowed, for people.
        package var allowed: String
        package var isGood: Bool
    }

    package let experiment: String
    package let hosts: [String]
    package private(set) var rows: [Row] = []

    package var isGood: Bool { self.rows.allSatisfy(\.isGood) }

    /// Compares outcomes of one experiment.
    ///
    /// Facts must hold on each host. Figures must be within their limits on each, and between
    /// hosts differ by no more than their tolerance.
    package init(_ outcomes: [Outcome]) {
        precondition(!outcomes.isEmpty)
        self.experiment = outcomes[0].experiment
        self.hosts = outcomes.map(\.host)
        for fact in Self.union(outcomes.map { $0.verdicts.map(\.fact) }) {
            let verdicts = outcomes.map { $0.verdicts.first { $0.fact == fact } }
            self.rows.append(
                Row(
                    name: fact,
                    values: verdicts.map { $0.map { $0.holds ? "yes" : "NO" } },
                    allowed: "yes",
                    isGood: verdicts.allSatisfy { $0?.holds == true }
                )
            )
        }
        for name in Self.union(outcomes.map { $0.figures.map(\.name) }) {
            let figures = outcomes.map { $0.figures.first { $0.name == name } }
            self.rows.append(Self.row(name, figures))
        }
    }

    private static func row(_ name: String, _ figures: [Figure?]) -> Row {
        let known = figures.compactMap { $0 }
        let values = known.map(\.value)
        let spread = (values.max() ?? 0) - (values.min() ?? 0)
        let first = known[0]
        let limits = "at most \(first.text(first.limit))"
        let isAlone = figures.count == 1
        return Row(
            name: name,
            values: figures.map { $0.map { $0.text($0.value) } },
            allowed: isAlone ? limits : "± \(first.text(first.tolerance)), \(limits)",
            isGood: known.count == figures.count && spread <= first.tolerance
                && known.allSatisfy { $0.value <= $0.limit }
        )
    }

    /// All names, in the order of their first appearance.
    private static func union(_ lists: [[String]]) -> [String] {
        var all: [String] = []
        for name in lists.joined() where !all.contains(name) { all.append(name) }
        return all
    }
}

extension Figure {
    /// A value of this figure's unit, for people.
    package func text(_ value: UInt64) -> String {
        switch self.unit {
        case .count: return "\(value)"
        case .time:
            let tenths = (value + 50_000) / 100_000
            return tenths >= 10_000
                ? "\(tenths / 10_000).\(tenths % 10_000 / 1_000) s"
                : "\(tenths / 10).\(tenths % 10) ms"
        }
    }
}
