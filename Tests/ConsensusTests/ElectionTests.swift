import Consensus
import Primitives
import Testing

@Suite("Raft §5.1 and §5.2: terms and leader election") struct ElectionTests {
    @Test("servers start as followers of nobody, in the term they left")
    func startsAsFollower() {
        let host = Host(term: 4)
        #expect(!host.replica.isLeader)
        #expect(host.replica.leader == nil)
        #expect(host.term == 4)
    }

    @Test("a candidate increments its term, votes for itself, and asks all the others")
    func campaigns() {
        var host = Host(voters: 3, term: 4)
        let effects = host.campaign()
        #expect(effects.first == .setVote(Term(5), votedFor: Group.id(1)))
        #expect(effects.sent(to: 2) == [.voteRequest(5)])
        #expect(effects.sent(to: 3) == [.voteRequest(5)])
    }

    @Test(
        "a candidate leads once a majority of all voters granted its vote",
        arguments: [(1, []), (2, [2]), (3, [2]), (4, [2, 3]), (5, [2, 3])]
    )
    func majorityElects(voters: Int, votes: [Int]) {
        var host = Host(voters: voters)
        _ = host.campaign()
        for (position, voter) in votes.enumerated() {
            #expect(!host.replica.isLeader, "after \(position) votes")
            _ = host.hear(.vote(1), from: voter)
        }
        #expect(host.replica.isLeader)
    }

    @Test("a vote counts once, and only from a voter, and only in its term")
    func countsVotesOnce() {
        var host = Host(voters: 5)
        _ = host.campaign()
        for _ in 0..<3 { _ = host.hear(.vote(1), from: 2) }
        _ = host.hear(.vote(1), from: 9)
        _ = host.hear(.vote(0), from: 3)
        _ = host.hear(.vote(1, granted: false), from: 4)
        _ = host.hear(.vote(2, pre: true), from: 5)
        #expect(!host.replica.isLeader)
    }

    @Test("a server votes for at most one candidate in a term, first come, first served")
    func votesOnce() {
        var host = Host()
        #expect(host.hear(.voteRequest(1), from: 2).sent(to: 2) == [.vote(1)])
        #expect(host.hear(.voteRequest(1), from: 3).sent(to: 3) == [.vote(1, granted: false)])
        #expect(host.hear(.voteRequest(1), from: 2).sent(to: 2) == [.vote(1)])
        #expect(host.hear(.voteRequest(2), from: 3).sent(to: 3) == [.vote(2)])
    }

    @Test("a vote is remembered past a restart, and durable before it is sent")
    func voteIsDurable() throws {
        var host = Host()
        let effects = host.hear(.voteRequest(1), from: 2)
        let vote = try #require(effects.firstIndex(of: .setVote(Term(1), votedFor: Group.id(2))))
        let send = try #require(effects.firstIndex(of: .send(Group.id(2), .vote(1))))
        #expect(vote < send)
        host.restart()
        #expect(host.hear(.voteRequest(1), from: 3).sent(to: 3) == [.vote(1, granted: false)])
    }

    @Test("a term below the own one is refused, and answered with the own one")
    func refusesStaleTerms() {
        var host = Host(term: 5)
        #expect(host.hear(.voteRequest(4), from: 2).sent(to: 2) == [.vote(5, granted: false)])
        let effects = host.hear(.append(4, after: (0, 0), [4]), from: 2)
        #expect(effects.sent(to: 2) == [.rejected(5, after: 0, hint: (0, 0))])
        #expect(host.replica.leader == nil)
        #expect(host.terms.isEmpty)
    }

    @Test("a leader that learns of a higher term reverts to follower")
    func leaderStepsDown() {
        for message in [
            Message.append(9, after: (0, 0)), .voteRequest(9, last: (9, 8)),
            .rejected(9, after: 1, hint: (0, 0)),
        ] {
            var host = Host()
            _ = host.campaign(votes: 2)
            let effects = host.hear(message, from: 3)
            #expect(!host.replica.isLeader)
            #expect(host.term == 9)
            #expect(effects.contains { if case .becameFollower = $0 { true } else { false } })
        }
    }

    @Test("a candidate recognises a leader of its own or a higher term, not of a lower one")
    func candidateYields() {
        for (term, yields) in [(5, false), (6, true), (7, true)] {
            var host = Host(term: 5)
            _ = host.campaign()
            _ = host.hear(.append(term, after: (0, 0)), from: 2)
            #expect((host.replica.leader == Group.id(2)) == yields)
        }
    }

    @Test("after a split vote candidates time out and try again, in a new term")
    func splitVote() {
        var group = Group(voters: 4)
        for number in [1, 2] { group.campaign(number) }
        // 3 votes for 1 and 4 for 2.
        group.drop { ($0.source, $0.target) == (1, 4) || ($0.source, $0.target) == (2, 3) }
        group.stabilize()
        #expect(group.leaders.isEmpty)
        group.run(.seconds(2))
        #expect(group.leaders.count == 1)
        #expect(group[group.leaders.first ?? 1].term > 1)
    }

    @Test("when a leader is lost the next voter in order campaigns at once, the others later")
    func staggers() {
        for (lost, first, second) in [(1, 2, 3), (2, 3, 1), (3, 1, 2)] {
            var group = Group(voters: 3)
            group.elect(lost)
            group.isolated = [lost]
            _ = group.takeEvents()
            for number in [first, second] { group.leaderLost(number) }
            let asked = group.takeEvents().filter {
                if case .send(_, .requestVote) = $0.effect { true } else { false }
            }
            #expect(asked.allSatisfy { $0.source == first } && !asked.isEmpty)
            group.stabilize()
            #expect(group.leaders.contains(first))
        }
    }

    @Test("the second in order leads when the first is gone as well")
    func secondInOrder() {
        var group = Group(voters: 5)
        group.elect(1)
        group.isolated = [1, 2]
        for number in 2...5 { group.leaderLost(number) }
        group.stabilize()
        group.pass(.milliseconds(200))
        group.stabilize()
        #expect(group.leaders.contains(3))
    }
}

@Suite("Raft §5.4.1: election restriction") struct ElectionRestrictionTests {
    @Test(
        "a vote is denied to a log that is not as up to date as the own one",
        arguments: [
            // own log, candidate's last (index, term), granted
            ([1], (1, 1), true), ([1], (2, 1), true), ([1, 1], (1, 1), false),
            ([1], (1, 2), true), ([1], (2, 2), true), ([1, 1], (1, 2), true),
            ([2], (1, 1), false), ([2], (2, 1), false), ([1, 2], (1, 1), false),
            ([], (0, 0), true), ([1], (0, 0), false),
        ]
    )
    func upToDate(log: [Int], last: (Int, Int), isGranted: Bool) {
        for pre in [false, true] {
            var host = Host(term: 2, log: log)
            let effects = host.hear(.voteRequest(3, last: last, pre: pre), from: 2)
            let term = pre && !isGranted ? 2 : 3
            #expect(effects.sent(to: 2) == [.vote(term, pre: pre, granted: isGranted)])
        }
    }
}

@Suite("Thesis §9.6 and §4.2.3: pre-vote, and leaders under a lease") struct PreVoteTests {
    @Test("a pre-vote changes neither term nor vote, on either side")
    func changesNothing() {
        var host = Host(term: 3)
        let effects = host.hear(.voteRequest(4, pre: true), from: 2)
        #expect(effects == [.send(Group.id(2), .vote(4, pre: true))])
        #expect(host.hear(.voteRequest(4, pre: true), from: 3).sent(to: 3) == [.vote(4, pre: true)])
        host.input { $0.leaderLost(now: .zero, into: &$2) }
        #expect(host.turn().sent(to: 2) == [.voteRequest(4, pre: true)])
        #expect(host.term == 3)
    }

    @Test("only a majority of pre-votes starts an election")
    func needsMajority() {
        var host = Host(voters: 5, term: 3)
        host.input { $0.leaderLost(now: .zero, into: &$2) }
        _ = host.hear(.vote(4, pre: true), from: 2)
        #expect(host.term == 3)
        let effects = host.hear(.vote(4, pre: true), from: 3)
        #expect(effects.sent(to: 5) == [.voteRequest(4)])
        #expect(host.term == 4)
    }

    @Test("a refused pre-vote teaches the candidate a higher term")
    func learnsTerm() {
        var host = Host(term: 3)
        host.input { $0.leaderLost(now: .zero, into: &$2) }
        _ = host.hear(.vote(8, pre: true, granted: false), from: 2)
        #expect(host.term == 8)
    }

    @Test("a server that promised its leader a lease refuses, and keeps its term")
    func refusesUnderLease() {
        for pre in [false, true] {
            var host = Host(term: 3)
            _ = host.hear(.append(3, after: (0, 0)), from: 2)
            let request = Message.voteRequest(9, last: (9, 9), pre: pre)
            let effects = host.hear(request, from: 3, leaseHeld: true)
            #expect(effects.sent(to: 3) == [.vote(3, pre: pre, granted: false)])
            #expect(host.term == 3)
            #expect(host.replica.leader == Group.id(2))
        }
    }

    @Test(
        "the lease does not stand against a candidate that the leader invited, nor against itself"
    )
    func leaseYields() {
        for (candidate, invited) in [(3, true), (2, false)] {
            var host = Host(term: 3)
            _ = host.hear(.append(3, after: (0, 0)), from: 2)
            let request = Message.voteRequest(4, last: (9, 3), invited: invited)
            let effects = host.hear(request, from: candidate, leaseHeld: true)
            #expect(effects.sent(to: candidate) == [.vote(4)])
        }
    }

    @Test("a late answer of a higher term does not make a follower forget its leader")
    func lateAnswers() {
        var host = Host(term: 3)
        _ = host.hear(.append(3, after: (0, 0)), from: 2)
        _ = host.hear(.vote(9, granted: false), from: 3)
        _ = host.hear(.rejected(9, after: 0, hint: (0, 0)), from: 3)
        #expect(host.replica.leader == Group.id(2))
        #expect(host.term == 3)
    }

    @Test("a late copy of the vote request that made the leader changes nothing")
    func lateVoteRequest() {
        var host = Host()
        _ = host.hear(.voteRequest(1), from: 2)
        _ = host.hear(.append(1, after: (0, 0)), from: 2)
        #expect(host.hear(.voteRequest(1), from: 2).sent(to: 2) == [.vote(1)])
        #expect(host.replica.leader == Group.id(2))
    }

    @Test("a learner neither campaigns nor needs ticks without a leader")
    func learnersWait() {
        var group = Group(voters: 1, learners: 1)
        group.leaderLost(2)
        group.campaign(2)
        #expect(!group[2].replica.needsTick)
        #expect(group.network.isEmpty)
    }
}
