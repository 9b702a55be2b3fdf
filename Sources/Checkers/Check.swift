/// Everything that can be checked, by name.
package enum Check: String, CaseIterable, Sendable {
    case linearizability

    case convergence
    case rightWinner = "right-winner"
    case nothingLost = "nothing-lost"
    case monotoneReplicas = "monotone-replicas"
    case noResurrection = "no-resurrection"
    case decisions
    case ties
    case replicasAgree = "replicas-agree"
    case oneStamp = "one-stamp"
    case conflicts

    case readYourWrites = "read-your-writes"
    case monotonicReads = "monotonic-reads"
    case monotonicWrites = "monotonic-writes"
    case writesFollowReads = "writes-follow-reads"

    case staleness

    package enum Group: String, CaseIterable, Sendable {
        case linearizable, lww, sessions, staleness
    }

    package var group: Group {
        switch self {
        case .linearizability: .linearizable
        case .convergence, .rightWinner, .nothingLost, .monotoneReplicas, .noResurrection,
            .decisions, .ties, .replicasAgree, .oneStamp, .conflicts:
            .lww
        case .readYourWrites, .monotonicReads, .monotonicWrites, .writesFollowReads: .sessions
        case .staleness: .staleness
        }
    }

    /// What it asks of the history, in one sentence.
    package var question: String {
        switch self {
        case .linearizability:
            "each key of a region behaves like one register, in an order that real time allows"
        case .convergence: "all replicas of a key hold the same at the end"
        case .rightWinner: "where they agree, they hold the version with the greatest stamp"
        case .nothingLost: "no region ends behind a write that was acknowledged"
        case .monotoneReplicas: "stamps that a replica applies to a key only grow"
        case .noResurrection: "no older version returns after a delete"
        case .decisions: "each decision follows the two stamps it compared"
        case .ties: "equal times are decided alike everywhere: the higher rank wins"
        case .replicasAgree: "replicas of a region apply the same at the same place of the log"
        case .oneStamp: "a write has one stamp, wherever it is seen"
        case .conflicts: "what lost to whom: counted and listed, never wrong"
        case .readYourWrites: "a client's read shows its own earlier write, or a later one"
        case .monotonicReads: "a client's read is never older than its earlier read"
        case .monotonicWrites: "a client's later write beats its earlier one"
        case .writesFollowReads: "a client's write beats what the client had read"
        case .staleness: "how far reads lag behind acknowledged writes"
        }
    }

    /// What ``CheckResult/judged`` counts.
    package var subject: String {
        switch self {
        case .linearizability, .convergence, .rightWinner, .noResurrection, .conflicts: "keys"
        case .nothingLost, .oneStamp, .monotonicWrites, .writesFollowReads: "writes"
        case .monotoneReplicas, .decisions, .ties, .replicasAgree: "decisions"
        case .readYourWrites, .monotonicReads, .staleness: "reads"
        }
    }
}

/// Which checks to run, how strictly, and at what cost.
package struct CheckPlan: Sendable {
    /// Nil for all that the history's contents allow.
    ///
    /// A check that is named and has nothing to judge is left out, and unknown when none of those
    /// named in its group has anything to judge.
    package var checks: [Check]?
    /// The greatest staleness that is good; nil only measures.
    package var stalenessMax: UInt64?
    /// Sessions hold for eventually consistent reads and across regions, too.
    ///
    /// DynamoDB promises them for strongly consistent reads in the region of the write only.
    package var isStrict = false
    /// How many steps the search for a linear order may take for one key.
    package var stepsMax = 20_000_000
    /// How many configurations it may remember for one key, at 32 bytes each.
    package var configurationsMax = 2_000_000

    package init(checks: [Check]? = nil) { self.checks = checks }

    /// All checks of some groups.
    package init(groups: [Check.Group]) {
        self.checks = Check.allCases.filter { groups.contains($0.group) }
    }
}
