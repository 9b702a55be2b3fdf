/// What a checker says about a history, and why.
///
///     let report = Judge.judge(history)                       // all that the history allows
///     let report = Judge.judge(history, CheckPlan(checks: [.linearizability]))
///     if case .invalid(let counterexample) = report.verdict { show(counterexample.text) }
///
/// Three values: a search that ran out of its budget says so and is never taken for a pass. The
/// checkers know histories only; they share no code with what they judge.
package enum Verdict: Equatable, Sendable {
    case valid
    case invalid(Counterexample)
    /// Neither, and why.
    case unknown(String)

    package var isValid: Bool { self == .valid }

    package var isInvalid: Bool {
        switch self {
        case .invalid: true
        case .valid, .unknown: false
        }
    }

    /// The verdict about both: wrong beats unknown beats good, the former of two alike stays.
    package func combined(with other: Verdict) -> Verdict {
        switch (self, other) {
        case (.invalid, _): self
        case (_, .invalid): other
        case (.unknown, _): self
        case (.valid, _): other
        }
    }
}

/// Few events that cannot all be, in plain text.
package struct Counterexample: Equatable, Sendable {
    /// One sentence.
    package var summary: String
    /// The events, in the order in which they were seen.
    package var lines: [String]

    package init(_ summary: String, _ lines: [String] = []) {
        self.summary = summary
        self.lines = lines
    }

    package var text: String {
        ([self.summary] + self.lines.map { "  " + $0 }).joined(separator: "\n")
    }
}

/// A number that a check found on its way.
package struct Figure: Equatable, Sendable {
    package enum Unit: Sendable { case count, nanoseconds }

    package var name: String
    package var value: UInt64
    package var unit: Unit

    package init(_ name: String, _ value: Int) {
        self.name = name
        self.value = UInt64(max(0, value))
        self.unit = .count
    }

    package init(_ name: String, nanoseconds: UInt64) {
        self.name = name
        self.value = nanoseconds
        self.unit = .nanoseconds
    }
}

/// What one check found.
package struct CheckResult: Equatable, Sendable {
    package var check: Check
    package var verdict: Verdict = .valid
    /// How many of the check's subjects were judged: keys, replicas, reads, as ``Check/subject``.
    package var judged = 0
    /// How many were found wrong; the verdict tells of one.
    package var violations = 0
    package var figures: [Figure] = []
    /// Things that are legal and worth knowing, such as conflicts; at most ``listedMax``.
    package var listed: [String] = []

    package static let listedMax = 20

    package init(_ check: Check) { self.check = check }

    package func figure(_ name: String) -> UInt64? {
        self.figures.first { $0.name == name }?.value
    }

    /// Counts a violation; the counterexample with the fewest lines is kept.
    mutating func violate(_ counterexample: Counterexample) {
        self.violations += 1
        if case .invalid(let known) = self.verdict,
            known.lines.count <= counterexample.lines.count
        {
            return
        }
        self.verdict = .invalid(counterexample)
    }

    mutating func list(_ line: @autoclosure () -> String) {
        if self.listed.count < Self.listedMax { self.listed.append(line()) }
    }
}

/// What all checks of a plan found.
package struct CheckReport: Equatable, Sendable {
    package var results: [CheckResult]

    /// Wrong if one check is, else unknown if one is.
    package var verdict: Verdict {
        self.results.reduce(.valid) { $0.combined(with: $1.verdict) }
    }

    package subscript(check: Check) -> CheckResult? {
        self.results.first { $0.check == check }
    }
}
