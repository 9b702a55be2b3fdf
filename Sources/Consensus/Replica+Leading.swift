package import Primitives

// The leader's side: Raft §5.3 and §5.4.2; quorum checks, thesis §6.2.

extension Replica {
    mutating func becomeLeader(into effects: inout [Effect]) {
        precondition(self.votedFor == self.id)
        let first = self.log.last.index.next
        self.role = .leader(Leadership(first: first))
        self.fruitlessCampaigns = 0
        self.unreportedMatch = nil
        self.uncommittedBytes = 0
        self.adoptPeers()
        self.log.append(Entry(term: self.term, index: first, kind: .noop, payload: []))
        effects.append(.becameLeader(self.term))
    }

    // MARK: Proposing

    /// Appends a command to the leader's log; returns where, which is where it commits unless the
    /// leader loses its term first.
    package mutating func propose(_ payload: [UInt8]) throws(ProposalError) -> LogIndex {
        _ = try self.leadershipForProposal()
        guard payload.count <= ConsensusLimits.payloadBytesMax else { throw .payloadTooLarge }
        guard
            self.uncommittedBytes < ConsensusLimits.uncommittedBytesMax,
            self.log.last.index.distance(from: self.commitIndex)
                < ConsensusLimits.uncommittedEntriesMax
        else { throw .backlogFull }
        return self.appendOwn(.command, payload).index
    }

    func leadershipForProposal() throws(ProposalError) -> Leadership {
        guard case .leader(let leadership) = self.role else {
            throw .notLeader(hint: self.leader)
        }
        if let transfer = leadership.transfer { throw .transferring(to: transfer.target) }
        return leadership
    }

    mutating func appendOwn(_ kind: Entry.Kind, _ payload: [UInt8]) -> Entry {
        precondition(self.isLeader)
        let entry = Entry(
            term: self.term,
            index: self.log.last.index.next,
            kind: kind,
            payload: payload
        )
        self.log.append(entry)
        self.uncommittedBytes += entry.size
        return entry
    }

    // MARK: Sending

    /// Sends each peer what it lacks, as far as its window is open.
    mutating func replicate(
        now: Instant,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        // Peers that are level get the same batch; building it once saves copies.
        var batch: [Entry] = []
        let isWaiting = self.commitIndex < self.log.last.index
        for index in self.peers.indices {
            if !self.peers[index].isDown {
                while let message = self.nextAppend(index, &batch, storage, into: &effects) {
                    effects.append(.send(self.peers[index].peer, .append(message)))
                }
            }
            let needsAnswer = self.peers[index].isDown && isWaiting
            self.peers[index].turnEnded(now: now, needsAnswer: needsAnswer)
        }
    }

    private mutating func nextAppend(
        _ index: Int,
        _ batch: inout [Entry],
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) -> Message.Append? {
        let peer = self.peers[index]
        switch peer.state {
        case .restoring, .probing(isSent: true):
            return nil
        case .probing(isSent: false):
            guard peer.next > self.log.base.index else {
                self.peers[index].snapshotBegan()
                effects.append(.snapshotNeeded(to: peer.peer))
                return nil
            }
            let hasEntries = !peer.isRetrying && peer.next <= self.log.last.index
            guard let append = self.append(peer.next, hasEntries, &batch, storage) else {
                return nil
            }
            self.peers[index].probeSent(commit: append.commitTaken)
            return append
        case .replicating:
            return self.nextPipelinedAppend(index, &batch, storage, into: &effects)
        }
    }

    private mutating func nextPipelinedAppend(
        _ index: Int,
        _ batch: inout [Entry],
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) -> Message.Append? {
        let peer = self.peers[index]
        if peer.next <= self.log.base.index {
            self.peers[index].snapshotBegan()
            effects.append(.snapshotNeeded(to: peer.peer))
            return nil
        }
        if peer.next <= self.log.last.index {
            guard peer.hasRoom, let append = self.append(peer.next, true, &batch, storage) else {
                return nil
            }
            let bytes = append.entries.reduce(0) { $0 + $1.size }
            self.peers[index].entriesSent(
                through: append.end,
                bytes: bytes,
                commit: append.commitTaken
            )
            return append
        }
        guard peer.commitSent < self.commitIndex,
            var append = self.append(peer.next, false, &batch, storage)
        else { return nil }
        append.wantsResponse = false
        self.peers[index].commitAnnounced(append.commitTaken)
        return append
    }

    /// An append of what follows `next`; nil when storage does not show it yet.
    private func append(
        _ next: LogIndex,
        _ hasEntries: Bool,
        _ batch: inout [Entry],
        _ storage: some LogStorage
    ) -> Message.Append? {
        guard let previous = self.ownPosition(at: next.previous, storage) else { return nil }
        if hasEntries, batch.first?.index != next {
            guard
                let entries = self.log.entries(
                    next,
                    through: self.log.last.index,
                    bytesMax: ConsensusLimits.appendBytesMax,
                    countMax: ConsensusLimits.appendEntriesMax,
                    storage
                )
            else { return nil }
            batch = entries
        }
        return Message.Append(
            term: self.term,
            previous: previous,
            entries: hasEntries ? batch : [],
            commit: self.commitIndex,
            wantsResponse: true
        )
    }

    /// A position in the leader's log; of its own term for all it appended, which spares the steady
    /// state a read from storage per message.
    private func ownPosition(at index: LogIndex, _ storage: some LogStorage) -> LogPosition? {
        if case .leader(let leadership) = self.role, index >= leadership.first {
            return LogPosition(index: index, term: self.term)
        }
        return self.log.position(at: index, storage)
    }

    // MARK: Answers

    mutating func appendAnswered(
        _ response: Message.AppendResponse,
        by peer: ReplicaID,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        guard self.isLeader else {
            // Its term is not heeded: a late answer must not make a follower forget its leader, and
            // with it the lease it promised.
            if response.term <= self.term { effects.append(.send(peer, .resigned(self.term))) }
            return
        }
        self.adopt(response.term, into: &effects)
        guard response.term == self.term, self.isLeader else { return }
        guard let index = self.peers.firstIndex(where: { $0.peer == peer }) else { return }
        switch response.outcome {
        case .matched(let matched):
            guard matched <= self.log.last.index else { return }
            self.peers[index].answered()
            self.peers[index].matched(matched, base: self.log.base.index)
            if self.peers[index].isVoter { self.commitIfMajority(into: &effects) }
        case .rejected(let previous, let hint):
            self.peers[index].answered()
            guard self.peers[index].isCurrent(rejectionOf: previous) else { return }
            let match = self.peers[index].match
            let agreed = self.log.lastPosition(notAfter: hint, floor: match, storage).index
            self.peers[index].rejected(next: min(previous, agreed.next))
        }
    }

    /// Raft §5.3 and §5.4.2: an entry of the leader's own term is committed once a majority of the
    /// voters holds it, and everything before it with it.
    mutating func commitIfMajority(into effects: inout [Effect]) {
        guard case .leader(let leadership) = self.role else { return }
        var highest = self.commitIndex
        if self.isVoter { self.raise(&highest, to: self.log.last.index) }
        for peer in self.peers where peer.isVoter { self.raise(&highest, to: peer.match) }
        guard highest > self.commitIndex, highest >= leadership.first else { return }
        self.advanceCommit(to: highest)
        self.stepDownIfRemoved(into: &effects)
    }

    private func raise(_ highest: inout LogIndex, to index: LogIndex) {
        guard index > highest else { return }
        var holders = self.isVoter ? 1 : 0
        holders += self.peers.count { $0.isVoter && $0.match >= index }
        if holders >= self.configuration.majority { highest = index }
    }

    mutating func advanceCommit(to index: LogIndex) {
        precondition(index > self.commitIndex && index <= self.log.last.index)
        self.commitIndex = index
        self.settleConfigurations()
    }

    // MARK: Time

    mutating func tickLeader(now: Instant, into effects: inout [Effect]) {
        for index in self.peers.indices { self.peers[index].retryIfDue(now: now) }
        self.endTransferIfDue(now: now, into: &effects)
        guard self.isLeader else { return }
        var responsive = self.isVoter ? 1 : 0
        responsive += self.peers.count { $0.isVoter && !$0.isSilent(at: now) }
        guard responsive < self.configuration.majority else { return }
        self.resign(into: &effects)
    }

    /// Gives up leadership and says so: followers of a live node have no other way to know.
    mutating func resign(except successor: ReplicaID? = nil, into effects: inout [Effect]) {
        for peer in self.peers where !peer.isDown && peer.peer != successor {
            effects.append(.send(peer.peer, .resigned(self.term)))
        }
        self.becomeFollower(self.term, leader: nil, into: &effects)
    }

    // MARK: Connections

    /// The connection to this peer is a new one: what was on its way may be lost, and it may have
    /// restarted.
    package mutating func peerReset(_ peer: ReplicaID, into effects: inout [Effect]) {
        if let index = self.peers.firstIndex(where: { $0.peer == peer }) {
            self.peers[index].connectionReset()
        } else if peer == self.leader {
            self.greetLeader(into: &effects)
        } else if self.configuration.voters.contains(peer) {
            self.fruitlessCampaigns = 0
            self.requestVotes(of: [peer], into: &effects)
        }
    }

    /// The host found this peer's node to be gone: nothing is sent to it until `peerReset`.
    ///
    /// A new leader must be told again.
    package mutating func peerDown(_ peer: ReplicaID) {
        guard let index = self.peers.firstIndex(where: { $0.peer == peer }) else { return }
        self.peers[index].nodeLost()
    }

    // MARK: Handing over

    /// Stops proposals, brings `target` up to date and invites it to campaign (thesis §3.10).
    ///
    /// Given up after an election timeout: with the invitation sent the leader steps down, since
    /// the target may yet win without regard to leases; otherwise it goes on leading.
    package mutating func transferLeadership(
        to target: ReplicaID,
        into effects: inout [Effect]
    ) throws(ProposalError) {
        var leadership = try self.leadershipForProposal()
        guard target != self.id, self.configuration.voters.contains(target) else {
            throw .notVoter(target)
        }
        leadership.transfer = Transfer(target: target)
        self.role = .leader(leadership)
        self.transferIfCaughtUp(into: &effects)
    }

    mutating func transferIfCaughtUp(into effects: inout [Effect]) {
        guard case .leader(var leadership) = self.role, var transfer = leadership.transfer,
            !transfer.isSent,
            let peer = self.peers.first(where: { $0.peer == transfer.target }), !peer.isDown,
            peer.match == self.log.last.index
        else { return }
        transfer.isSent = true
        leadership.transfer = transfer
        self.role = .leader(leadership)
        effects.append(.send(transfer.target, .timeoutNow(self.term)))
    }

    private mutating func endTransferIfDue(now: Instant, into effects: inout [Effect]) {
        guard case .leader(var leadership) = self.role, var transfer = leadership.transfer
        else { return }
        guard let deadline = transfer.deadline else {
            transfer.deadline = now + ConsensusLimits.electionTimeout
            leadership.transfer = transfer
            self.role = .leader(leadership)
            return
        }
        guard deadline <= now else { return }
        leadership.transfer = nil
        self.role = .leader(leadership)
        if transfer.isSent { self.resign(into: &effects) }
    }
}

extension Message.Append {
    /// The last index that it speaks of.
    var end: LogIndex { self.previous.index.advanced(by: self.entries.count) }
    /// The commit index that its receiver can take from it.
    var commitTaken: LogIndex { min(self.commit, self.end) }
}
