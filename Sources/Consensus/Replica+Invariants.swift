extension Replica {
    /// Traps when something is not as the other files promise; simulations call it after each step.
    package func checkInvariants() {
        self.log.checkInvariants()
        precondition(self.log.base.index <= self.appliedIndex)
        precondition(self.appliedIndex <= self.delivered)
        precondition(self.delivered <= self.commitIndex)
        precondition(self.commitIndex <= self.log.last.index)
        precondition(self.log.last.term <= self.term)
        self.checkConfiguration()
        self.checkRole()
    }

    private func checkConfiguration() {
        precondition(self.configurationIndex <= self.log.last.index)
        if self.configurationIndex > .zero { precondition(self.configuration.isValid) }
        let isPending = self.isConfigurationPending
        precondition(isPending != self.formerConfigurations.isEmpty)
        var next = self.configurationIndex
        for former in self.formerConfigurations.reversed() {
            precondition(former.index < next)
            next = former.index
        }
    }

    private func checkRole() {
        switch self.role {
        case .follower(let leader, let campaignAt):
            precondition(leader != self.id)
            if leader != nil { precondition(campaignAt == nil) }
        case .preCandidate(let granted, _):
            precondition(granted.contains(self.id))
        case .candidate(let granted, _, _):
            precondition(granted.contains(self.id))
            precondition(self.votedFor == self.id)
        case .leader(let leadership):
            self.checkLeadership(leadership)
        }
        if !self.isLeader {
            precondition(self.peers.isEmpty)
            precondition(self.uncommittedBytes == 0)
        }
    }

    private func checkLeadership(_ leadership: Leadership) {
        precondition(self.votedFor == self.id)
        precondition(leadership.first <= self.log.last.index)
        precondition(self.log.last.term == self.term)
        precondition(self.uncommittedBytes >= 0)
        let members = self.configuration.voters + self.configuration.learners
        precondition(self.peers.map(\.peer) == members.filter { $0 != self.id })
        for peer in self.peers {
            precondition(peer.isVoter == self.configuration.voters.contains(peer.peer))
            peer.checkInvariants(last: self.log.last.index)
        }
    }
}
