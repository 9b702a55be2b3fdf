import Primitives

/// What replicas of one group say to each other.
///
/// The sender travels outside the message.
///
/// The large cases are boxed so that an ``Effect`` stays small.
package enum Message: Equatable, Sendable {
    indirect case append(Append)
    case appendResponse(AppendResponse)
    indirect case requestVote(VoteRequest)
    case voteResponse(VoteResponse)
    /// The leader of this term asks its successor to campaign at once (thesis §3.10).
    case timeoutNow(Term)
    /// "I do not lead": who follows the sender as leader of this term or an earlier one is free.
    case resigned(Term)

    /// AppendEntries (Raft Figure 2); the sender is the leader.
    package struct Append: Equatable, Sendable {
        package var term: Term
        /// The entry before the first of `entries`.
        package var previous: LogPosition
        /// Contiguous from `previous.index + 1`.
        package var entries: [Entry]
        package var commit: LogIndex
        /// False for a mere announcement of a commit index, which only a disagreement answers.
        package var wantsResponse: Bool

        package init(
            term: Term,
            previous: LogPosition,
            entries: [Entry],
            commit: LogIndex,
            wantsResponse: Bool
        ) {
            self.term = term
            self.previous = previous
            self.entries = entries
            self.commit = commit
            self.wantsResponse = wantsResponse
        }
    }

    package struct AppendResponse: Equatable, Sendable {
        package enum Outcome: Equatable, Sendable {
            /// The follower's log agrees with the leader's up to here.
            case matched(LogIndex)
            /// The follower lacks the entry before `previous + 1`, or has another one there. No
            /// entry after `hint` can agree (Raft §5.3, last paragraphs).
            indirect case rejected(previous: LogIndex, hint: LogPosition)
        }

        package var term: Term
        package var outcome: Outcome

        package init(term: Term, outcome: Outcome) {
            self.term = term
            self.outcome = outcome
        }
    }

    /// RequestVote (Raft Figure 2).
    package struct VoteRequest: Equatable, Sendable {
        /// The term to be led: for a pre-vote the one that the candidate would start.
        package var term: Term
        package var last: LogPosition
        /// Asks only whether a vote would be given, and changes nothing (thesis §9.6).
        package var isPreVote: Bool
        /// The leader asked for this election, so that its lease does not stand against it.
        package var isTransfer: Bool

        package init(term: Term, last: LogPosition, isPreVote: Bool, isTransfer: Bool) {
            self.term = term
            self.last = last
            self.isPreVote = isPreVote
            self.isTransfer = isTransfer
        }
    }

    package struct VoteResponse: Equatable, Sendable {
        /// A granted pre-vote carries the term asked for, everything else the voter's own term.
        package var term: Term
        package var isPreVote: Bool
        package var isGranted: Bool

        package init(term: Term, isPreVote: Bool, isGranted: Bool) {
            self.term = term
            self.isPreVote = isPreVote
            self.isGranted = isGranted
        }
    }
}
