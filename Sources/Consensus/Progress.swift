import Primitives

/// What a leader knows of one other member (Raft Figure 2: `nextIndex`, `matchIndex`).
struct Progress: Sendable {
    enum State: Equatable, Sendable {
        /// It is unknown where the logs agree: one append at a time. Can transition to:
        /// - `replicating` when an append is accepted,
        /// - `restoring` when the log no longer reaches back far enough.
        case probing(isSent: Bool)
        /// Appends are sent without waiting, `next` being a guess. Can transition to:
        /// - `probing` when one is refused or goes unanswered, or when the connection is new.
        case replicating
        /// The host ships a snapshot. Can transition to:
        /// - `probing` when it was sent or given up,
        /// - `replicating` when the peer reports an entry that the log still follows.
        case restoring
    }

    /// An append on its way.
    struct Inflight: Sendable {
        var last: LogIndex
        var bytes: Int
    }

    /// Beyond this an emptied window gives its memory back.
    private static let inflightCapacityIdleMax = 4

    let peer: ReplicaID
    var isVoter: Bool
    private(set) var state: State = .probing(isSent: false)
    /// Invariant: `match < next`.
    private(set) var match: LogIndex = .zero
    private(set) var next: LogIndex
    /// The highest commit index that the peer was told and could take in.
    private(set) var commitSent: LogIndex = .zero
    /// The host reported its node as gone: nothing is sent until the connection is new.
    private(set) var isDown = false
    /// It accepted this leader since the connection began.
    private(set) var isConfirmed = false
    private(set) var inflight: [Inflight] = []
    private(set) var inflightBytes = 0
    /// Since when an answer is due; nil when none is, or when one came since the last flush.
    private(set) var awaitingSince: Instant?
    private var retryAt: Instant = .zero
    private var retryInterval = ConsensusLimits.appendRetryMin

    init(peer: ReplicaID, isVoter: Bool, next: LogIndex) {
        self.peer = peer
        self.isVoter = isVoter
        self.next = next
    }

    // MARK: Queries

    var hasUnanswered: Bool { self.state == .probing(isSent: true) || !self.inflight.isEmpty }

    var hasRoom: Bool {
        self.inflight.count < ConsensusLimits.inflightMessagesMax
            && self.inflightBytes < ConsensusLimits.inflightBytesMax
    }

    /// A repeated probe carries no entries: they would pile up before a peer that does not answer.
    var isRetrying: Bool { self.retryInterval > ConsensusLimits.appendRetryMin }

    /// Nothing is left to tell this peer, or it cannot be told now.
    func isSettled(last: LogIndex, commit: LogIndex) -> Bool {
        if self.isDown || self.state == .restoring { return true }
        return self.state == .replicating && self.isConfirmed && self.match == last
            && self.commitSent >= commit
    }

    func isSilent(at now: Instant) -> Bool {
        guard let since = self.awaitingSince else { return false }
        return now.since(since) >= ConsensusLimits.electionTimeout
    }

    // MARK: Sending

    mutating func probeSent(commit: LogIndex) {
        self.state = .probing(isSent: true)
        self.commitSent = commit
    }

    mutating func entriesSent(through last: LogIndex, bytes: Int, commit: LogIndex) {
        precondition(self.state == .replicating && last >= self.next)
        self.next = last.next
        self.inflight.append(Inflight(last: last, bytes: bytes))
        self.inflightBytes += bytes
        self.commitSent = max(self.commitSent, commit)
    }

    mutating func commitAnnounced(_ commit: LogIndex) {
        self.commitSent = max(self.commitSent, commit)
    }

    mutating func snapshotBegan() { self.becomeRestoring() }

    /// Starts the clock of what was sent, at the end of a turn; `needsAnswer` is true for a peer
    /// that is down while the leader waits for a majority.
    mutating func turnEnded(now: Instant, needsAnswer: Bool) {
        guard self.hasUnanswered || needsAnswer else {
            self.awaitingSince = nil
            return
        }
        guard self.awaitingSince == nil else { return }
        self.awaitingSince = now
        self.retryAt = now + self.retryInterval
    }

    /// An answer is overdue: forgets what is on its way and probes, each time after a longer wait.
    mutating func retryIfDue(now: Instant) {
        guard self.hasUnanswered, self.awaitingSince != nil, self.retryAt <= now else { return }
        self.retryInterval = min(2 * self.retryInterval, ConsensusLimits.appendRetryMax)
        self.retryAt = now + self.retryInterval
        self.becomeProbing()
    }

    // MARK: Answers

    /// Any answer of this term: the peer lives and follows.
    mutating func answered() {
        self.isDown = false
        self.isConfirmed = true
        self.awaitingSince = nil
        self.retryInterval = ConsensusLimits.appendRetryMin
    }

    /// The peer holds everything up to `index`; `base` is the entry before the first available.
    mutating func matched(_ index: LogIndex, base: LogIndex) {
        if index > self.match {
            self.match = index
            while let first = self.inflight.first, first.last <= index {
                self.inflight.removeFirst()
                self.inflightBytes -= first.bytes
            }
            if self.inflight.isEmpty, self.inflight.capacity > Self.inflightCapacityIdleMax {
                self.inflight = []
            }
        }
        switch self.state {
        case .probing:
            self.becomeReplicating()
        case .replicating:
            self.next = max(self.next, self.match.next)
        case .restoring:
            if self.match >= base { self.becomeReplicating() }
            self.next = max(self.next, self.match.next)
        }
    }

    /// Whether a refusal of an append after `previous` still says something; what the peer once
    /// acknowledged it cannot refuse.
    func isCurrent(rejectionOf previous: LogIndex) -> Bool {
        guard previous > self.match else { return false }
        switch self.state {
        case .probing: return previous == self.next.previous
        case .replicating: return previous < self.next
        case .restoring: return false
        }
    }

    mutating func rejected(next: LogIndex) {
        self.becomeProbing()
        self.next = max(next, self.match.next)
    }

    // MARK: The connection and the snapshot

    mutating func connectionReset() {
        self.isDown = false
        self.isConfirmed = false
        self.awaitingSince = nil
        self.retryInterval = ConsensusLimits.appendRetryMin
        self.becomeProbing()
    }

    mutating func nodeLost() {
        self.isDown = true
        self.isConfirmed = false
        self.becomeProbing()
    }

    /// The peer does not know its leader; tells it, unless that is on its way.
    mutating func leaderMissed() {
        self.isDown = false
        if self.state == .replicating { self.becomeProbing() }
    }

    mutating func snapshotEnded(last: LogIndex) {
        guard self.state == .restoring else { return }
        self.becomeProbing()
        self.next = last.next
    }

    // MARK: Transitions

    private mutating func becomeProbing() {
        self.state = .probing(isSent: false)
        self.clearInflight()
        self.commitSent = .zero
        // A match of zero is mostly ignorance, where the guess serves better.
        if self.match > .zero { self.next = self.match.next }
    }

    private mutating func becomeReplicating() {
        self.state = .replicating
        self.clearInflight()
        self.next = self.match.next
    }

    private mutating func becomeRestoring() {
        self.state = .restoring
        self.clearInflight()
    }

    private mutating func clearInflight() {
        self.inflight = []
        self.inflightBytes = 0
    }

    func checkInvariants(last: LogIndex) -> [String] {
        var broken = BrokenInvariants()
        broken.expect(self.match < self.next, "next is not behind match")
        broken.expect(self.next <= last.next, "next is behind the log")
        let bytes = self.inflight.reduce(0) { $0 + $1.bytes }
        broken.expect(self.inflightBytes == bytes, "\(bytes) bytes are on their way")
        if self.state != .replicating {
            broken.expect(self.inflight.isEmpty, "appends on their way to who is probed")
        }
        if self.isDown { broken.expect(!self.isConfirmed, "who is down has confirmed") }
        if let newest = self.inflight.last {
            broken.expect(newest.last < self.next, "more is on its way than was sent")
        }
        broken.expect(
            self.inflight.count <= ConsensusLimits.inflightMessagesMax,
            "\(self.inflight.count) appends are on their way"
        )
        return broken.list
    }
}
