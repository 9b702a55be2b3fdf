import Primitives

// One voter at a time (thesis §4.1), so that the majorities of any two configurations that can be
// in force together overlap. A configuration is in force from the moment it is in the log.

extension Replica {
    /// Proposes other members: any learners, and at most one voter added or removed.
    ///
    /// A new voter must be a learner that has almost caught up.
    package mutating func proposeConfiguration(
        _ proposed: Configuration,
        into effects: inout [Effect]
    ) throws(ProposalError) -> LogIndex {
        let leadership = try self.leadershipForProposal()
        guard self.commitIndex >= leadership.first, !self.isConfigurationPending else {
            throw .configurationPending
        }
        guard proposed.isValid, proposed.overlaps(self.configuration) else {
            throw .configurationInvalid
        }
        for voter in proposed.voters where !self.configuration.voters.contains(voter) {
            guard self.isCaughtUp(voter) else { throw .learnerBehind(voter) }
        }
        let entry = self.appendOwn(.configuration, proposed.payload)
        self.adoptConfiguration(of: entry)
        self.configurationAdopted(into: &effects)
        return entry.index
    }

    private func isCaughtUp(_ learner: ReplicaID) -> Bool {
        self.peers.contains {
            $0.peer == learner && !$0.isDown && $0.state == .replicating
                && self.log.last.index.distance(from: $0.match) <= ConsensusLimits.promotionLagMax
        }
    }

    mutating func adoptConfiguration(of entry: Entry) {
        precondition(entry.index > self.configurationIndex)
        guard let configuration = try? Configuration(payload: entry.payload) else {
            preconditionFailure("a configuration entry was checked when it arrived")
        }
        self.formerConfigurations.append((self.configurationIndex, self.configuration))
        self.configuration = configuration
        self.configurationIndex = entry.index
        self.settleConfigurations()
    }

    /// After a restart: the log's end may hold configurations that were not applied.
    mutating func adoptConfigurations(after index: LogIndex, _ storage: some LogStorage) {
        var index = index
        while index < self.log.last.index {
            guard
                let entries = self.log.entries(
                    index.next,
                    through: self.log.last.index,
                    bytesMax: ConsensusLimits.applyBytesMax,
                    countMax: ConsensusLimits.appendEntriesMax,
                    storage
                ),
                let last = entries.last
            else { preconditionFailure("a restored log lacks entry \(index.next)") }
            for entry in entries where entry.kind == .configuration {
                self.adoptConfiguration(of: entry)
            }
            index = last.index
        }
    }

    /// The entries from `index` on are dropped, and configurations among them never were.
    ///
    /// Returns whether there were any.
    mutating func forgetConfigurations(from index: LogIndex) -> Bool {
        let latest = self.configurationIndex
        while self.configurationIndex >= index, let former = self.formerConfigurations.popLast() {
            self.configuration = former.configuration
            self.configurationIndex = former.index
        }
        precondition(self.configurationIndex < index)
        return self.configurationIndex != latest
    }

    /// What a committed configuration replaced cannot return.
    mutating func settleConfigurations() {
        guard !self.formerConfigurations.isEmpty else { return }
        if self.configurationIndex <= self.commitIndex {
            self.formerConfigurations = []
            return
        }
        while self.formerConfigurations.count > 1,
            self.formerConfigurations[1].index <= self.commitIndex
        {
            self.formerConfigurations.removeFirst()
        }
    }

    mutating func configurationAdopted(into effects: inout [Effect]) {
        if self.isLeader { self.adoptPeers() }
        effects.append(.configurationChanged)
    }

    /// Keeps what is known of members that stay.
    mutating func adoptPeers() {
        let known = self.peers
        let members = self.configuration.voters + self.configuration.learners
        self.peers = members.filter { $0 != self.id }.map { member in
            let isVoter = self.configuration.voters.contains(member)
            guard var progress = known.first(where: { $0.peer == member }) else {
                return Progress(peer: member, isVoter: isVoter, next: self.log.last.index.next)
            }
            progress.isVoter = isVoter
            return progress
        }
    }

    /// Thesis §4.2.2: a leader that is no voter leads until the entry that says so is committed.
    ///
    /// It then invites the best successor, to spare the group the wait for a lease.
    mutating func stepDownIfRemoved(into effects: inout [Effect]) {
        guard self.isLeader, !self.isVoter, !self.isConfigurationPending else { return }
        var successor: Progress?
        for peer in self.peers where peer.isVoter && !peer.isDown {
            if peer.match > successor?.match ?? .zero { successor = peer }
        }
        if let successor { effects.append(.send(successor.peer, .timeoutNow(self.term))) }
        self.resign(except: successor?.peer, into: &effects)
    }
}
