package import Primitives

/// One member of a Raft group, as a pure state machine that knows no items.
///
/// It decides who leads the group and which commands, in which order, every member applies: a
/// leader is elected by a majority, appends what is proposed to its log, copies its log to the
/// others, and an entry that a majority holds is committed for good. The rules are those of
/// "In Search of an Understandable Consensus Algorithm" (Ongaro and Ousterhout, 2014; Figure 2 and
/// §5), with pre-vote, leadership transfer, single-server membership change and quorum checks from
/// Ongaro's thesis (2014; §9.6, §3.10, §4.1, §6.2).
///
/// We deviate in one thing: an idle group is silent. Heartbeats and leases belong to pairs of
/// nodes, not to groups, because a node hosts thousands of groups. So a replica has no timer; its
/// host says when the leader's node is lost, and calls `tick` only while `needsTick`.
///
/// How to use it: call inputs as they happen, each leaving effects behind; at the end of a loop
/// turn call `flush` on every replica that had an input, which leaves the remaining ones: appends,
/// entries to apply, and messages, each batched over the turn. Perform them as ``Effect`` says.
/// While ``needsFlush``, flush again in the next turn.
///
/// Messages may be lost, doubled and reordered without harm to safety. For progress of an idle
/// group the host must call `peerReset` at both ends whenever a message may have been lost, as a
/// connection that broke and was made anew does.
package struct Replica: Sendable {
    enum Role: Equatable, Sendable {
        /// Follows `leader`, or waits for one. Can transition to:
        /// - `preCandidate` when no leader is known and `campaignAt` passes,
        /// - `candidate` when its leader or its host asks for that.
        case follower(leader: ReplicaID?, campaignAt: Instant?)
        /// Asks whether a majority would vote for it. Can transition to:
        /// - `candidate` when it would, `preCandidate` again when `retryAt` passes,
        /// - `follower` when a leader is heard of.
        case preCandidate(granted: [ReplicaID], retryAt: Instant?)
        /// Collects votes. Can transition to:
        /// - `leader` when a majority grants its vote, `preCandidate` when `retryAt` passes,
        /// - `follower` when a leader or a higher term is heard of.
        case candidate(granted: [ReplicaID], isTransfer: Bool, retryAt: Instant?)
        /// Owns the log of its term. Can transition to:
        /// - `follower` when a higher term is heard of, the majority falls silent, it is no longer
        ///   a voter, or it handed leadership over.
        case leader(Leadership)
    }

    struct Leadership: Equatable, Sendable {
        /// The no-op that began the term; everything from here on is of the leader's own term.
        var first: LogIndex
        var transfer: Transfer?
    }

    struct Transfer: Equatable, Sendable {
        var target: ReplicaID
        var deadline: Instant?
        /// Once sent the target may win past all leases, so that this leadership is over either
        /// way.
        var isSent = false
    }

    package let id: ReplicaID
    package internal(set) var term: Term
    package internal(set) var votedFor: ReplicaID?
    var role: Role = .follower(leader: nil, campaignAt: nil) { didSet { self.roleChanged() } }
    // What follows from the role is kept, because hosts ask for it all the time, and a part of a
    // replica is read in place where a computed property copies the whole of it.
    package private(set) var isLeader = false
    /// Whom to ask instead; itself when it leads.
    package private(set) var leader: ReplicaID?
    /// From which applied index on it is ready, while it leads and has not invited a successor.
    package private(set) var readyAt: LogIndex?

    var log: Log
    /// Invariant: `applied ≤ delivered ≤ commit ≤ log.last`.
    package internal(set) var commitIndex: LogIndex
    /// Handed over to be applied.
    var delivered: LogIndex
    package internal(set) var appliedIndex: LogIndex

    /// The latest in the log, committed or not (thesis §4.1).
    package internal(set) var configuration: Configuration
    var configurationIndex: LogIndex
    /// What an uncommitted configuration replaced, oldest first; to return to if it is truncated.
    var formerConfigurations: [(index: LogIndex, configuration: Configuration)] = []

    /// The other members as their leader sees them; empty unless leader.
    var peers: [Progress] = []
    /// What the leader's own term waits to have committed.
    var uncommittedBytes = 0
    /// The last index up to which this log agrees with the leader's, if not reported yet.
    var unreportedMatch: LogIndex?
    /// Pre-votes that found no majority since a leader was last known.
    var fruitlessCampaigns: UInt8 = 0
    /// The leader said itself that it leads no more, so that waiting for it serves nothing.
    var isLeaderGone = false
    var random: SplitMix64
    /// When the last turn ended.
    var turn: Instant = .zero
    /// A mistake to be found; only simulations set it.
    package var bug: Bug?

    /// A replica as its host restored it; `seed` must differ between members of a group.
    package init(
        id: ReplicaID,
        restored: Restored,
        seed: UInt64,
        _ storage: some LogStorage
    ) {
        precondition(restored.base.index <= restored.applied)
        precondition(restored.applied <= restored.commit && restored.commit <= restored.last.index)
        precondition(restored.last.term <= restored.term)
        precondition(restored.configurationIndex <= restored.applied)
        self.id = id
        self.term = restored.term
        self.votedFor = restored.votedFor
        self.log = Log(base: restored.base, last: restored.last)
        self.commitIndex = restored.commit
        self.delivered = restored.applied
        self.appliedIndex = restored.applied
        self.configuration = restored.configuration
        self.configurationIndex = restored.configurationIndex
        self.random = SplitMix64(seed: seed)
        self.adoptConfigurations(after: restored.applied, storage)
    }

    // MARK: Queries

    private mutating func roleChanged() {
        self.isLeader = false
        self.leader = nil
        self.readyAt = nil
        switch self.role {
        case .follower(let leader, _): self.leader = leader
        case .preCandidate, .candidate: break
        case .leader(let leadership):
            self.isLeader = true
            self.leader = self.id
            if leadership.transfer?.isSent != true { self.readyAt = leadership.first }
        }
    }

    package var isVoter: Bool { self.configuration.voters.contains(self.id) }

    /// The entry before the first that the log still has.
    package var base: LogPosition { self.log.base }
    package var last: LogPosition { self.log.last }

    /// Whether a configuration waits to be committed, so that no other may be proposed.
    package var isConfigurationPending: Bool { self.configurationIndex > self.commitIndex }

    /// Whether the state of every earlier leader is applied here, so that, under a lease, a read of
    /// applied state is strong.
    ///
    /// False for good once a successor was invited.
    package var leaderReady: Bool {
        guard let readyAt = self.readyAt else { return false }
        return self.appliedIndex >= readyAt
    }

    /// Whether this peer accepted this leader in this term since its connection began.
    package func isConfirmed(by peer: ReplicaID) -> Bool {
        self.peers.contains { $0.peer == peer && $0.isConfirmed }
    }

    /// Whether the host must call `tick` about every ``ConsensusLimits/tickInterval``.
    package var needsTick: Bool {
        if self.needsFlush || self.hasTrimmableTail { return true }
        switch self.role {
        case .follower(let leader, _):
            return leader == nil && self.isVoter
        case .preCandidate, .candidate:
            return true
        case .leader(let leadership):
            return leadership.transfer != nil || self.commitIndex < self.log.last.index
                || self.peers.contains {
                    !$0.isSettled(last: self.log.last.index, commit: self.commitIndex)
                }
        }
    }

    /// Whether `flush` has something to hand over even if no input comes.
    package var needsFlush: Bool {
        self.log.flushed < self.log.last.index || self.unreportedMatch != nil
            || (self.delivered < self.commitIndex && self.delivered == self.appliedIndex)
    }

    /// The lowest index that some reachable member is not known to hold beyond; the log is best
    /// kept from there on.
    ///
    /// Only of use on a leader.
    package var slowestMatch: LogIndex {
        self.peers.reduce(self.log.last.index) { $1.isDown ? $0 : min($0, $1.match) }
    }

    /// How one member stands, as its leader sees it.
    package struct PeerStatus: Equatable, Sendable {
        package var peer: ReplicaID
        package var isVoter: Bool
        package var match: LogIndex
        package var isDown: Bool
        package var isRestoring: Bool
        package var isConfirmed: Bool
    }

    package var peerStatuses: [PeerStatus] {
        self.peers.map {
            PeerStatus(
                peer: $0.peer,
                isVoter: $0.isVoter,
                match: $0.match,
                isDown: $0.isDown,
                isRestoring: $0.state == .restoring,
                isConfirmed: $0.isConfirmed
            )
        }
    }

    /// ``needsFlush`` and ``needsTick`` together.
    ///
    /// Mutating, though it changes nothing, so that it looks at the replica where it is instead of
    /// at a copy.
    package mutating func outstanding() -> (needsFlush: Bool, needsTick: Bool) {
        (self.needsFlush, self.needsTick)
    }

    // MARK: Messages

    /// A message of another replica of the group.
    ///
    /// `leaseHeld` says that this node still promises the current leader not to help another to
    /// power. The connection vouches for the sender.
    package mutating func message(
        from peer: ReplicaID,
        _ message: Message,
        leaseHeld: Bool,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        precondition(peer != self.id)
        switch message {
        case .append(let append):
            self.appendReceived(append, from: peer, storage, into: &effects)
        case .appendResponse(let response):
            self.appendAnswered(response, by: peer, storage, into: &effects)
        case .requestVote(let request):
            self.voteRequested(request, by: peer, leaseHeld: leaseHeld, into: &effects)
        case .voteResponse(let response):
            self.voteAnswered(response, by: peer, into: &effects)
        case .timeoutNow(let term):
            guard term == self.term, self.isVoter, case .follower = self.role else { return }
            self.becomeCandidate(isTransfer: true, into: &effects)
        case .resigned(let term):
            guard peer == self.leader, term >= self.term else { return }
            self.becomeFollower(term, leader: nil, into: &effects)
            self.isLeaderGone = true
        }
    }

    /// Raft §5.1: a higher term makes a follower of anyone.
    mutating func adopt(_ term: Term, into effects: inout [Effect]) {
        if term > self.term { self.becomeFollower(term, leader: nil, into: &effects) }
    }

    /// `votingFor` may only be given with a new term.
    mutating func becomeFollower(
        _ term: Term,
        leader: ReplicaID?,
        votingFor candidate: ReplicaID? = nil,
        into effects: inout [Effect]
    ) {
        precondition(term >= self.term)
        if candidate != nil { precondition(term > self.term) }
        precondition(leader != self.id)
        let known = self.leader
        let wasLeader = self.isLeader
        let isNewTerm = term > self.term
        if isNewTerm {
            self.term = term
            self.votedFor = candidate
            effects.append(.setVote(term, votedFor: candidate))
        }
        self.role = .follower(leader: leader, campaignAt: nil)
        self.peers = []
        self.uncommittedBytes = 0
        if isNewTerm || leader != known { self.unreportedMatch = nil }
        if leader != nil {
            self.fruitlessCampaigns = 0
            self.isLeaderGone = false
        }
        if isNewTerm || wasLeader || leader != known {
            effects.append(.becameFollower(term, leader: leader))
        }
    }

    // MARK: Time

    /// Time has passed; called about every ``ConsensusLimits/tickInterval`` while `needsTick`, and
    /// followed by `flush` as every input is.
    package mutating func tick(now: Instant, into effects: inout [Effect]) {
        if self.isLeader {
            self.tickLeader(now: now, into: &effects)
        } else {
            self.campaignIfDue(now: now, into: &effects)
        }
    }

    /// The end of a loop turn in which this replica had an input: leaves what remained to be done.
    ///
    /// May be called several times in a turn, with the same instant; a later instant says that the
    /// host has made the former turn's batch durable.
    package mutating func flush(
        now: Instant,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        if now > self.turn {
            self.turn = now
            self.log.turnBegan()
        }
        if self.isLeader, self.configuration.voters.count == 1 {
            self.commitIfMajority(into: &effects)
        }
        self.log.flush(into: &effects)
        self.deliver(storage, into: &effects)
        if self.isLeader {
            self.replicate(now: now, storage, into: &effects)
            self.transferIfCaughtUp(into: &effects)
        } else {
            self.reportMatch(into: &effects)
        }
        self.log.trim(through: self.trimmable)
    }

    /// Hands over what is committed: all of it from memory, a slice at a time from storage.
    private mutating func deliver(_ storage: some LogStorage, into effects: inout [Effect]) {
        guard self.delivered < self.commitIndex else { return }
        let isInMemory = self.delivered.next >= self.log.tailFirst
        if !isInMemory, self.appliedIndex < self.delivered { return }
        guard
            let entries = self.log.entries(
                self.delivered.next,
                through: self.commitIndex,
                bytesMax: isInMemory ? Int.max : ConsensusLimits.applyBytesMax,
                countMax: isInMemory ? Int.max : ConsensusLimits.appendEntriesMax,
                storage
            ),
            let last = entries.last
        else { return }
        self.delivered = last.index
        if case .leader(let leadership) = self.role {
            for entry in entries where entry.index > leadership.first {
                self.uncommittedBytes -= entry.size
            }
        }
        effects.append(.apply(entries))
    }

    /// The host applied everything up to `index`, in the batch of this turn.
    package mutating func applied(through index: LogIndex) {
        precondition(index >= self.appliedIndex && index <= self.delivered)
        self.appliedIndex = index
    }

    // MARK: Trimming

    /// The end of what memory need not keep: applied, and sent to whoever is being sent to, unless
    /// that would keep too much.
    private var trimmable: LogIndex {
        guard self.log.tailBytes <= ConsensusLimits.cacheBytesMax else { return self.appliedIndex }
        return self.peers.reduce(self.appliedIndex) { kept, peer in
            peer.isDown || peer.state == .restoring ? kept : min(kept, peer.next.previous)
        }
    }

    private var hasTrimmableTail: Bool {
        !self.log.tail.isEmpty && self.log.tailFirst <= self.trimmable
    }
}

/// What a host reads back from disk to begin with.
package struct Restored: Equatable, Sendable {
    package var term: Term
    package var votedFor: ReplicaID?
    /// The latest one that was applied, or the one the group was founded with.
    package var configuration: Configuration
    package var configurationIndex: LogIndex
    /// The entry before the first in the log: the last one compacted or covered by a snapshot.
    package var base: LogPosition
    package var last: LogPosition
    /// The last entry known to be committed; `applied` if the host does not keep it.
    package var commit: LogIndex
    package var applied: LogIndex

    package init(
        term: Term,
        votedFor: ReplicaID?,
        configuration: Configuration,
        configurationIndex: LogIndex,
        base: LogPosition,
        last: LogPosition,
        commit: LogIndex,
        applied: LogIndex
    ) {
        self.term = term
        self.votedFor = votedFor
        self.configuration = configuration
        self.configurationIndex = configurationIndex
        self.base = base
        self.last = last
        self.commit = commit
        self.applied = applied
    }

    /// An empty replica: of a new group, with the same members for all of them, or, with
    /// ``Configuration/none``, one that joins a group and hears of its members from the log.
    package static func fresh(_ configuration: Configuration) -> Restored {
        Restored(
            term: .zero,
            votedFor: nil,
            configuration: configuration,
            configurationIndex: .zero,
            base: .zero,
            last: .zero,
            commit: .zero,
            applied: .zero
        )
    }
}
