import Consensus
import Primitives
import Testing

@Suite("Thesis chapter 4: cluster membership changes") struct MembershipTests {
    private func members(_ voters: [Int], _ learners: [Int] = []) -> Configuration {
        Configuration(voters: voters.map(Group.id), learners: learners.map(Group.id))
    }

    /// A leader 1 of voters 1 to 3, with an empty node 4 that is a learner and has caught up.
    private func grown() throws -> Group {
        var group = Group(voters: 3)
        group.elect(1)
        group.join(4)
        try group[1].configure(self.members([1, 2, 3], [4]))
        group.endTurn(1)
        group.stabilize()
        return group
    }

    @Test("a configuration is in force as soon as it is in the log, on the leader and on followers")
    func inForceWhenAppended() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group[1].configure(self.members([1, 2], [3]))
        #expect(group[1].replica.configuration == self.members([1, 2], [3]))
        group.endTurn(1)
        _ = group.deliverNext()
        #expect(group[2].replica.configuration == self.members([1, 2], [3]))
        #expect(group[2].replica.isConfigurationPending)
    }

    @Test("a second change must wait until the first is committed")
    func oneAtATime() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group[1].configure(self.members([1, 2], [3]))
        #expect(throws: ProposalError.configurationPending) {
            try group[1].configure(self.members([1, 2]))
        }
        group.endTurn(1)
        group.stabilize()
        try group[1].configure(self.members([1, 2]))
    }

    @Test("no change before the leader committed an entry of its own term")
    func ownTermFirst() {
        var host = Host(term: 1, log: [1])
        _ = host.campaign(votes: 2)
        let change = self.members([1, 2], [3])
        #expect(throws: ProposalError.configurationPending) { try host.configure(change) }
        _ = host.hear(.matched(2, 2), from: 2)
        #expect(throws: Never.self) { try host.configure(change) }
    }

    @Test("two voters more or fewer, none at all, and doubles are refused")
    func refusesJumps() throws {
        var group = try self.grown()
        for (voters, learners) in [
            ([1], [Int]()), ([], [1, 2]), ([1, 2, 2], []), ([1, 2, 3], [3]), ([1, 2, 4], []),
        ] {
            #expect(throws: ProposalError.configurationInvalid) {
                try group[1].configure(self.members(voters, learners))
            }
        }
    }

    @Test("a learner counts for nothing, and becomes a voter only when it has caught up (§4.2.1)")
    func learnersCatchUpFirst() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.join(4)
        #expect(throws: ProposalError.learnerBehind(Group.id(4))) {
            try group[1].configure(self.members([1, 2, 3, 4]))
        }
        group.isolated = [4]
        try group[1].configure(self.members([1, 2, 3], [4]))
        group.endTurn(1)
        group.stabilize()
        #expect(!group[1].replica.isConfigurationPending, "committed without the learner")
        #expect(throws: ProposalError.learnerBehind(Group.id(4))) {
            try group[1].configure(self.members([1, 2, 3, 4]))
        }
        group.isolated = []
        group.peerReset(1, 4)
        group.stabilize()
        try group[1].configure(self.members([1, 2, 3, 4]))
        group.endTurn(1)
        group.stabilize()
        #expect(group[4].replica.isVoter)
    }

    @Test("majorities are those of the new configuration, at once")
    func newMajority() throws {
        var group = try self.grown()
        try group[1].configure(self.members([1, 2, 3, 4]))
        group.isolated = [3, 4]
        group.endTurn(1)
        group.stabilize()
        #expect(group[1].replica.isConfigurationPending, "two of four are no majority")
        group.isolated = [3]
        group.peerReset(1, 4)
        group.stabilize()
        #expect(!group[1].replica.isConfigurationPending)
    }

    @Test("a configuration that is truncated gives way to the former one")
    func truncated() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.isolated = [1]
        try group[1].configure(self.members([1, 2], [3]))
        group.endTurn(1)
        group.leaderLost(2)
        group.stabilize()
        #expect(group[2].replica.isLeader)
        group.isolated = []
        group.peerReset(2, 1)
        group.stabilize()
        #expect(group[1].replica.configuration == self.members([1, 2, 3]))
        #expect(!group[1].replica.isConfigurationPending)
    }

    @Test("a restart finds the configurations that were appended and not applied")
    func restarted() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group[1].configure(self.members([1, 2], [3]))
        group.endTurn(1)
        group[1].restart()
        #expect(group[1].replica.configuration == self.members([1, 2], [3]))
        #expect(group[1].replica.isConfigurationPending)
    }

    @Test("a leader that removes itself leads until that is committed, without counting itself")
    func removesItself() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group[1].configure(self.members([2, 3]))
        group.isolated = [3]
        group.endTurn(1)
        group.stabilize()
        #expect(group[1].replica.isLeader, "one of two is no majority")
        group.isolated = []
        group.peerReset(1, 3)
        group.stabilize()
        #expect(!group[1].replica.isLeader)
        #expect(group.leaders.count == 1, "its successor was invited")
        #expect(!group[1].replica.isVoter)
    }

    @Test("followers of a former leader that lives on, and is no voter, elect another")
    func formerLeaderIsNoVoter() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group[1].configure(self.members([2, 3]))
        group.endTurn(1)
        group.leases = [2, 3]
        // The entry commits, and all that the leader says in parting is lost.
        _ = group.deliverNext()
        _ = group.deliverNext()
        _ = group.deliverNext()
        _ = group.deliverNext()
        #expect(!group[1].replica.isLeader)
        group.drop()
        #expect(group[2].replica.leader == Group.id(1))
        group.peerReset(2, 1)
        group.stabilize()
        #expect(group[2].replica.leader == nil)
        group.run(.seconds(2))
        #expect(group.leaders.count == 1)
    }

    @Test("a group of one commits alone, and grows")
    func single() throws {
        var group = Group(voters: 1)
        group.elect(1)
        try group.propose(1, "a")
        #expect(group[1].commit == 2)
        group.join(2)
        try group[1].configure(self.members([1], [2]))
        group.endTurn(1)
        group.stabilize()
        try group[1].configure(self.members([1, 2]))
        group.endTurn(1)
        group.stabilize()
        #expect(group[2].applied == group[1].applied)
        #expect(group[2].replica.isVoter)
    }
}

@Suite("Thesis §3.10: leadership transfer") struct TransferTests {
    @Test("the leader stops proposals, waits for its successor to catch up, then invites it")
    func transfers() throws {
        var host = Host()
        _ = host.campaign(votes: 2)
        _ = host.hear(.matched(1, 1), from: 3)
        try host.transfer(to: Group.id(2))
        #expect(throws: ProposalError.transferring(to: Group.id(2))) { try host.propose([1]) }
        #expect(host.turn().sent(to: 2).isEmpty)
        #expect(host.replica.leaderReady)
        #expect(host.hear(.matched(1, 1), from: 2).sent(to: 2).contains(.timeoutNow(Term(1))))
        #expect(!host.replica.leaderReady, "the successor may win past the leases")
    }

    @Test("the invited campaigns at once, without a pre-vote; a stale invitation is void")
    func invited() {
        var host = Host()
        _ = host.hear(.append(2, after: (0, 0)), from: 2)
        #expect(host.hear(.timeoutNow(Term(1)), from: 2).isEmpty)
        let effects = host.hear(.timeoutNow(Term(2)), from: 2)
        #expect(effects.sent(to: 3) == [.voteRequest(3, invited: true)])
    }

    @Test("only another voter can be a successor")
    func refusesTarget() {
        var host = Host()
        _ = host.campaign(votes: 2)
        for target in [1, 9] {
            #expect(throws: ProposalError.notVoter(Group.id(target))) {
                try host.transfer(to: Group.id(target))
            }
        }
    }
}
