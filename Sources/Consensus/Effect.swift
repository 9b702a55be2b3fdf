package import Primitives

/// What a host must do after a replica's inputs.
///
/// In this order, for everything of one loop turn:
///
/// 1. put every `.setVote`, `.truncate` and `.append`, in the order given, into one batch together
///    with what `.apply` changed, and make that batch durable;
/// 2. then, and only then, perform the `.send`s and answer clients.
///
/// Because of this order a leader counts its own log and a candidate its own vote at once. If the
/// batch cannot be made durable, nothing of the turn may leave the node until it can.
package enum Effect: Equatable, Sendable {
    /// Delete every durable entry from this index on; always followed by an `.append`.
    case truncate(from: LogIndex)
    /// Make these entries durable; they follow the log's last entry.
    case append([Entry])
    /// Remember this term, and whom it was voted for in it.
    case setVote(Term, votedFor: ReplicaID?)
    case send(ReplicaID, Message)
    /// Apply these committed entries; each is handed over once and in order. Every kind is
    /// included: the host stores a configuration entry's payload, with its index, as applied state.
    /// Answer with `applied(through:)`.
    case apply([Entry])
    /// Proposals are accepted from here on; strong reads only once ``Replica/leaderReady``.
    case becameLeader(Term)
    /// Proposals of an earlier leadership that were not applied may or may not commit later.
    case becameFollower(Term, leader: ReplicaID?)
    /// ``Replica/configuration`` is another one, committed or not.
    case configurationChanged
    /// The log no longer holds what this peer lacks: ship it the applied state, then report
    /// `snapshotSent` or `snapshotFailed`.
    case snapshotNeeded(to: ReplicaID)
}

/// Why a proposal was not appended.
package enum ProposalError: Error, Equatable, Sendable {
    case notLeader(hint: ReplicaID?)
    /// Leadership is being handed over.
    case transferring(to: ReplicaID)
    /// Too much waits to be committed; try later.
    case backlogFull
    case payloadTooLarge
    /// No entry of the leader's own term is committed yet, or another change is not (thesis §4.1;
    /// the former closes the hole of "bug in single-server membership changes", 2015).
    case configurationPending
    /// More than one voter differs, a member occurs twice, or no voter is left.
    case configurationInvalid
    /// A voter can only be made of a learner that has almost the whole log.
    case learnerBehind(ReplicaID)
    /// Not a voter of the group.
    case notVoter(ReplicaID)
}
