import Primitives

extension Replica {
    /// What is not as the other files promise, in words; simulations ask after each step.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.add(self.log.checkInvariants(), of: "log")
        broken.expect(self.log.base.index <= self.appliedIndex, "the log begins behind applied")
        broken.expect(self.appliedIndex <= self.delivered, "more is applied than delivered")
        broken.expect(self.delivered <= self.commitIndex, "more is delivered than committed")
        broken.expect(self.commitIndex <= self.log.last.index, "more is committed than logged")
        broken.expect(self.log.last.term <= self.term, "the log is of a later term")
        self.checkConfiguration(&broken)
        self.checkRole(&broken)
        return broken.list
    }

    /// As ``checkInvariants()``, of the last `countMax` entries as storage shows them.
    package func checkDurableLog(countMax: Int, _ storage: some LogStorage) -> [String] {
        self.log.checkDurable(countMax: countMax, storage)
    }

    private func checkConfiguration(_ broken: inout BrokenInvariants) {
        broken.expect(
            self.configurationIndex <= self.log.last.index,
            "a configuration from behind the log"
        )
        if self.configurationIndex > .zero {
            broken.expect(self.configuration.isValid, "a configuration that is none")
        }
        broken.expect(
            self.isConfigurationPending != self.formerConfigurations.isEmpty,
            "a pending configuration and no former one, or the reverse"
        )
        var next = self.configurationIndex
        for former in self.formerConfigurations.reversed() {
            broken.expect(former.index < next, "configurations are out of order")
            next = former.index
        }
    }

    private func checkRole(_ broken: inout BrokenInvariants) {
        switch self.role {
        case .follower(let leader, let campaignAt):
            broken.expect(leader != self.id, "a follower of itself")
            broken.expect(leader == nil || campaignAt == nil, "a campaign against a leader")
        case .preCandidate(let granted, _):
            broken.expect(granted.contains(self.id), "a candidate without its own vote")
        case .candidate(let granted, _, _):
            broken.expect(granted.contains(self.id), "a candidate without its own vote")
            broken.expect(self.votedFor == self.id, "a candidate that voted for another")
        case .leader(let leadership):
            self.checkLeadership(leadership, &broken)
        }
        if !self.isLeader {
            broken.expect(self.peers.isEmpty, "peers without leadership")
            broken.expect(self.uncommittedBytes == 0, "proposals without leadership")
        }
    }

    private func checkLeadership(_ leadership: Leadership, _ broken: inout BrokenInvariants) {
        broken.expect(self.votedFor == self.id, "a leader that voted for another")
        broken.expect(leadership.first <= self.log.last.index, "a leader without its first entry")
        broken.expect(self.log.last.term == self.term, "a leader with entries of another term")
        broken.expect(self.uncommittedBytes >= 0, "fewer than no uncommitted bytes")
        let members = self.configuration.voters + self.configuration.learners
        broken.expect(
            self.peers.map(\.peer) == members.filter { $0 != self.id },
            "peers that are not the members"
        )
        for peer in self.peers {
            broken.expect(
                peer.isVoter == self.configuration.voters.contains(peer.peer),
                "a peer's vote"
            )
            let found = peer.checkInvariants(last: self.log.last.index)
            broken.add(found, of: "peer \(peer.peer.node.index)")
        }
    }
}
