package import Primitives

// Elections: Raft §5.2 and §5.4.1; pre-vote, thesis §9.6; lease-protected leaders, thesis §4.2.3.

extension Replica {
    // MARK: Starting one

    /// The leader's node is gone and this node's promise to it has expired.
    ///
    /// The voters campaign one after the other, in their order after the lost leader, so that one
    /// election suffices and the leaders of many groups spread over the survivors.
    package mutating func leaderLost(now: Instant, into effects: inout [Effect]) {
        guard case .follower(let leader, let planned) = self.role else { return }
        guard self.isVoter else {
            self.becomeFollower(self.term, leader: nil, into: &effects)
            return
        }
        let rank = self.campaignRank(after: leader)
        var campaignAt = now + UInt64(rank) * ConsensusLimits.campaignStagger
        if rank > 0 { campaignAt = campaignAt + self.jitter(ConsensusLimits.campaignStagger / 2) }
        self.becomeFollower(self.term, leader: nil, into: &effects)
        self.role = .follower(leader: nil, campaignAt: min(planned ?? campaignAt, campaignAt))
        self.campaignIfDue(now: now, into: &effects)
    }

    /// The leader of this term was given up for lost and is heard of again; the host is about to
    /// renew its promise to it.
    ///
    /// Any election that this replica prepares is off. One that has begun goes on: the leader of an
    /// earlier term cannot return.
    package mutating func leaderReturned(_ leader: ReplicaID, into effects: inout [Effect]) {
        switch self.role {
        case .follower(leader: nil, _), .preCandidate:
            self.becomeFollower(self.term, leader: leader, into: &effects)
        case .follower, .candidate, .leader:
            return
        }
    }

    /// The host chose this replica to be the first leader of a fresh group; no pre-vote is needed,
    /// since there is nobody to disturb.
    ///
    /// Does nothing when a leader is known.
    package mutating func campaign(now: Instant, into effects: inout [Effect]) {
        guard self.isVoter, self.leader == nil else { return }
        self.becomeCandidate(isTransfer: false, into: &effects)
        self.armRetry(now: now)
    }

    /// Campaigns, or repeats an election that found no majority, once it is time to.
    mutating func campaignIfDue(now: Instant, into effects: inout [Effect]) {
        guard self.isVoter else { return }
        switch self.role {
        case .follower(leader: nil, let campaignAt):
            guard let campaignAt else { return self.armCampaign(now: now) }
            if campaignAt <= now { self.becomePreCandidate(now: now, into: &effects) }
        case .preCandidate(_, let retryAt), .candidate(_, _, let retryAt):
            guard let retryAt else { return self.armRetry(now: now) }
            if retryAt <= now { self.becomePreCandidate(now: now, into: &effects) }
        case .follower, .leader:
            return
        }
    }

    /// Without news of a leader: waits for one, then in order of rank.
    private mutating func armCampaign(now: Instant) {
        let rank = UInt64(self.campaignRank(after: nil))
        var wait = rank * ConsensusLimits.campaignStagger
        if self.isLeaderGone {
            self.isLeaderGone = false
        } else {
            wait += ConsensusLimits.electionTimeout
        }
        wait += self.jitter(ConsensusLimits.campaignStagger)
        self.role = .follower(leader: nil, campaignAt: now + wait)
    }

    private mutating func armRetry(now: Instant) {
        switch self.role {
        case .preCandidate(let granted, _):
            var wait = ConsensusLimits.preVoteRetryMin
            for _ in 0..<self.fruitlessCampaigns where wait < ConsensusLimits.preVoteRetryMax {
                wait *= 2
            }
            wait = min(wait, ConsensusLimits.preVoteRetryMax)
            let retryAt = now + wait + self.jitter(wait / 2)
            self.role = .preCandidate(granted: granted, retryAt: retryAt)
        case .candidate(let granted, let isTransfer, _):
            let wait = ConsensusLimits.electionTimeout
            let retryAt = now + wait + self.jitter(wait / 2)
            self.role = .candidate(granted: granted, isTransfer: isTransfer, retryAt: retryAt)
        case .follower, .leader:
            return
        }
    }

    /// How many voters campaign before this one; the lost leader itself does not count.
    private func campaignRank(after leader: ReplicaID?) -> Int {
        let voters = self.configuration.voters
        guard let own = voters.firstIndex(of: self.id) else { return 0 }
        guard let leader, let lost = voters.firstIndex(of: leader) else { return own }
        return (own - lost + voters.count) % voters.count - 1
    }

    private mutating func jitter(_ bound: Nanoseconds) -> Nanoseconds { self.random.below(bound) }

    // MARK: Becoming

    private mutating func becomePreCandidate(now: Instant, into effects: inout [Effect]) {
        precondition(self.isVoter)
        if case .preCandidate = self.role, self.fruitlessCampaigns < .max {
            self.fruitlessCampaigns += 1
        }
        self.role = .preCandidate(granted: [self.id], retryAt: nil)
        self.armRetry(now: now)
        if self.hasMajority([self.id]) {
            self.becomeCandidate(isTransfer: false, into: &effects)
            return
        }
        self.requestVotes(of: self.configuration.voters, into: &effects)
    }

    mutating func becomeCandidate(isTransfer: Bool, into effects: inout [Effect]) {
        precondition(self.isVoter && !self.isLeader)
        let known = self.leader
        self.term = self.term.next
        self.votedFor = self.id
        self.unreportedMatch = nil
        effects.append(.setVote(self.term, votedFor: self.id))
        self.role = .candidate(granted: [self.id], isTransfer: isTransfer, retryAt: nil)
        if self.hasMajority([self.id]) {
            self.becomeLeader(into: &effects)
            return
        }
        if known != nil { effects.append(.becameFollower(self.term, leader: nil)) }
        self.requestVotes(of: self.configuration.voters, into: &effects)
    }

    /// Asks `voters` in whatever election is going on; also again, after a lost connection.
    func requestVotes(of voters: [ReplicaID], into effects: inout [Effect]) {
        let request: Message.VoteRequest
        switch self.role {
        case .preCandidate:
            request = Message.VoteRequest(
                term: self.term.next,
                last: self.log.last,
                isPreVote: true,
                isTransfer: false
            )
        case .candidate(_, let isTransfer, _):
            request = Message.VoteRequest(
                term: self.term,
                last: self.log.last,
                isPreVote: false,
                isTransfer: isTransfer
            )
        case .follower, .leader:
            return
        }
        for voter in voters where voter != self.id {
            effects.append(.send(voter, .requestVote(request)))
        }
    }

    private func hasMajority(_ granted: [ReplicaID]) -> Bool {
        self.configuration.voters.count { granted.contains($0) } >= self.configuration.majority
    }

    // MARK: Voting

    mutating func voteRequested(
        _ request: Message.VoteRequest,
        by candidate: ReplicaID,
        leaseHeld: Bool,
        into effects: inout [Effect]
    ) {
        let isGranted = self.mayVote(request, for: candidate, leaseHeld: leaseHeld)
        if request.isPreVote {
            // An idle leader says nothing, so a member that missed its election must be told.
            if self.isLeader, let peer = self.peers.firstIndex(where: { $0.peer == candidate }) {
                self.peers[peer].leaderMissed()
            }
            // Nor does it hurt to ask a leader that somebody misses whether it still leads.
            if leaseHeld, !isGranted, candidate != self.leader { self.greetLeader(into: &effects) }
            let term = isGranted ? request.term : self.term
            self.answer(candidate, term: term, isPreVote: true, isGranted, into: &effects)
            return
        }
        guard isGranted else {
            // A request that a lease forbids must not even spread its term (thesis §4.2.3).
            if self.isOpen(to: request, by: candidate, leaseHeld: leaseHeld) {
                self.adopt(request.term, into: &effects)
            }
            self.answer(candidate, term: self.term, isPreVote: false, false, into: &effects)
            return
        }
        if request.term > self.term {
            self.becomeFollower(request.term, leader: nil, votingFor: candidate, into: &effects)
        } else if self.votedFor == nil {
            self.votedFor = candidate
            effects.append(.setVote(self.term, votedFor: candidate))
        }
        // Whoever gave a vote away waits for the outcome before it campaigns itself. A late copy of
        // a request, which by now has made a leader, changes nothing.
        if self.leader == nil { self.role = .follower(leader: nil, campaignAt: nil) }
        self.answer(candidate, term: self.term, isPreVote: false, true, into: &effects)
    }

    private func answer(
        _ candidate: ReplicaID,
        term: Term,
        isPreVote: Bool,
        _ isGranted: Bool,
        into effects: inout [Effect]
    ) {
        let response = Message.VoteResponse(term: term, isPreVote: isPreVote, isGranted: isGranted)
        effects.append(.send(candidate, .voteResponse(response)))
    }

    /// Whether no promise forbids to listen: none is given, the leader itself asked for the
    /// election, or the one it was given to is the one who asks, and so leads no more.
    private func isOpen(
        to request: Message.VoteRequest,
        by candidate: ReplicaID,
        leaseHeld: Bool
    ) -> Bool {
        !leaseHeld || request.isTransfer || candidate == self.leader
    }

    private func mayVote(
        _ request: Message.VoteRequest,
        for candidate: ReplicaID,
        leaseHeld: Bool
    ) -> Bool {
        guard self.isOpen(to: request, by: candidate, leaseHeld: leaseHeld),
            request.last.isAtLeastAsUpToDate(as: self.log.last) || self.bug == .shorterLogElected
        else { return false }
        if request.isPreVote {
            // A leader that could be replaced steps down on its own account (`tick`).
            return request.term > self.term && !self.isLeader
        }
        if request.term > self.term { return true }
        guard request.term == self.term else { return false }
        return self.votedFor == candidate || (self.votedFor == nil && self.leader == nil)
    }

    mutating func voteAnswered(
        _ response: Message.VoteResponse,
        by voter: ReplicaID,
        into effects: inout [Effect]
    ) {
        switch self.role {
        case .follower, .leader: return
        case .preCandidate, .candidate: break
        }
        let isFuture = response.isPreVote && response.isGranted
        if !isFuture { self.adopt(response.term, into: &effects) }
        guard response.isGranted else { return }
        switch self.role {
        case .preCandidate(var granted, let retryAt):
            guard response.isPreVote, response.term == self.term.next, !granted.contains(voter)
            else { return }
            granted.append(voter)
            self.role = .preCandidate(granted: granted, retryAt: retryAt)
            if self.hasMajority(granted) { self.becomeCandidate(isTransfer: false, into: &effects) }
        case .candidate(var granted, let isTransfer, let retryAt):
            guard !response.isPreVote, response.term == self.term, !granted.contains(voter)
            else { return }
            granted.append(voter)
            self.role = .candidate(granted: granted, isTransfer: isTransfer, retryAt: retryAt)
            if self.hasMajority(granted) { self.becomeLeader(into: &effects) }
        case .follower, .leader:
            return
        }
    }
}
