import Consensus
import Primitives
import Testing

@Suite("Raft §5.3: log replication") struct LogReplicationTests {
    @Test("a new leader appends an empty entry of its term and sends it to everybody (§8)")
    func noop() {
        var host = Host(term: 1, log: [1])
        let effects = host.campaign(votes: 2)
        #expect(effects.contains(.becameLeader(Term(2))))
        #expect(host.terms == [1, 2])
        #expect(host.disk.log.last?.kind == .noop)
        for peer in [2, 3] {
            guard case .append(let append) = effects.sent(to: peer).last else {
                Issue.record("no append to \(peer)")
                continue
            }
            #expect(append.previous == .at(1, 1))
            #expect(append.entries.map(\.kind) == [.noop])
        }
    }

    @Test("an entry commits once its leader stored it on a majority, and is then applied")
    func commits() throws {
        var host = Host(voters: 5)
        _ = host.campaign(votes: 2, 3)
        let index = try host.propose([7])
        #expect(host.turn().applied.isEmpty)
        #expect(host.hear(.matched(1, 2), from: 2).applied.isEmpty)
        let effects = host.hear(.matched(1, 2), from: 3)
        #expect(effects.applied.map(\.payload) == [[], [7]])
        #expect(host.replica.commitIndex == index)
    }

    @Test("followers learn what is committed and apply it in log order")
    func followersApply() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1, 1]), from: 2)
        #expect(host.hear(.append(1, after: (3, 1), commit: 2), from: 2).applied.count == 2)
        let effects = host.hear(.append(1, after: (3, 1), commit: 3), from: 2)
        #expect(effects.applied.map(\.index) == [LogIndex(3)])
    }

    @Test("a follower refuses what it holds no previous entry for, or another one")
    func consistencyCheck() {
        var host = Host(term: 2, log: [1, 2])
        let gap = host.hear(.append(3, after: (3, 2), [3]), from: 2)
        #expect(gap.sent(to: 2) == [.rejected(3, after: 3, hint: (2, 2))])
        let other = host.hear(.append(3, after: (2, 1), [3]), from: 2)
        #expect(other.sent(to: 2) == [.rejected(3, after: 2, hint: (1, 1))])
        #expect(host.terms == [1, 2])
    }

    @Test(
        "conflicting entries are deleted, and all that follow them; others stay",
        arguments: [
            ((2, 2), [3], [1, 2, 3]),
            ((1, 1), [3, 4], [1, 3, 4]),
            ((0, 0), [1], [1, 2]),
            ((0, 0), [3], [3]),
            ((1, 1), [2], [1, 2]),
        ]
    )
    func conflicts(previous: (Int, Int), entries: [Int], expected: [Int]) {
        var host = Host(term: 2, log: [1, 2])
        _ = host.hear(.append(4, after: previous, entries), from: 2)
        #expect(host.terms == expected)
    }

    @Test("an older copy of an append takes nothing away (Figure 2, step 3)")
    func duplicates() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1, 1]), from: 2)
        let effects = host.hear(.append(1, after: (0, 0), [1]), from: 2)
        #expect(host.terms == [1, 1, 1])
        #expect(effects.sent(to: 2) == [.matched(1, 1)])
    }

    @Test("a follower commits no further than the last entry an append vouches for")
    func commitIsBounded() {
        var host = Host(term: 1, log: [1, 1, 1])
        _ = host.hear(.append(2, after: (1, 1), commit: 3), from: 2)
        #expect(host.commit == 1)
    }

    @Test("the commit index never goes back")
    func commitIsMonotonic() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1], commit: 2), from: 2)
        _ = host.hear(.append(1, after: (2, 1), commit: 1), from: 2)
        _ = host.hear(.append(1, after: (0, 0), [1], commit: 1), from: 2)
        #expect(host.commit == 2)
    }

    @Test("all appends of a turn are acknowledged by one message, once durable")
    func acknowledgesOnce() {
        var host = Host()
        for index in 0..<4 {
            host.receive(.append(1, after: (index, index == 0 ? 0 : 1), [1]), from: Group.id(2))
        }
        let effects = host.turn()
        #expect(effects.sent(to: 2) == [.matched(1, 4)])
        guard case .append(let entries) = effects.dropFirst(2).first else {
            Issue.record("\(effects)")
            return
        }
        #expect(entries.count == 4)
    }

    @Test(
        "a leader brings any follower's log to its own (Figure 7)",
        arguments: [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], [1, 1, 1, 4, 4, 4, 4],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], [],
        ]
    )
    func figure7(follower: [Int]) {
        let leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
        var group = Group(logs: [leader, follower, leader, leader, leader], term: 7)
        group.isolated = [2]
        group.campaign(1)
        group.stabilize()
        group.isolated = []
        group.peerReset(1, 2)
        group.stabilize()
        #expect(group[2].terms == leader + [8])
        #expect(group[2].applied == group[1].applied)
    }

    @Test("a leader pipelines: it sends on without waiting, within its window")
    func pipelines() throws {
        var host = Host()
        _ = host.campaign(votes: 2)
        _ = host.hear(.matched(1, 1), from: 2)
        var sent = 0
        for _ in 0..<100 {
            try host.propose([1])
            sent += host.turn().sent(to: 2).count
        }
        #expect(sent == ConsensusLimits.inflightMessagesMax)
        let last = ConsensusLimits.inflightMessagesMax + 1
        let effects = host.hear(.matched(1, last), from: 2).sent(to: 2)
        guard case .append(let append) = effects.first else {
            Issue.record("nothing follows")
            return
        }
        #expect(append.entries.count == 101 - last, "what waited goes in one message")
    }

    @Test("the steady state never reads from storage")
    func readsNothing() throws {
        let members = Configuration(voters: [1, 2].map(Group.id))
        var replicas = members.voters.map {
            Replica(id: $0, restored: .fresh(members), seed: 1, UnreadableLog())
        }
        var now = Instant(nanoseconds: 1)
        var effects: [Effect] = []
        replicas[0].campaign(now: now, into: &effects)
        for round in 0..<200 {
            if replicas[0].isLeader { _ = try replicas[0].propose([UInt8(round)]) }
            for number in [0, 1] {
                now = now + 1
                replicas[number].flush(now: now, UnreadableLog(), into: &effects)
                let turn = effects
                effects.removeAll()
                for case .apply(let entries) in turn {
                    replicas[number].applied(through: entries[entries.count - 1].index)
                }
                for (_, message) in turn.sent {
                    replicas[1 - number].message(
                        from: members.voters[number],
                        message,
                        leaseHeld: false,
                        UnreadableLog(),
                        into: &effects
                    )
                }
            }
        }
        #expect(replicas[1].appliedIndex > LogIndex(150))
    }

    @Test("an append message is closed at its byte limit, and one entry always fits")
    func batchLimit() throws {
        var host = Host()
        _ = host.campaign(votes: 2)
        _ = host.hear(.matched(1, 1), from: 2)
        let half = [UInt8](repeating: 1, count: ConsensusLimits.appendBytesMax / 2)
        for _ in 0..<3 { try host.propose(half) }
        try host.propose([UInt8](repeating: 2, count: 2 * ConsensusLimits.appendBytesMax))
        let counts = host.turn().sent(to: 2).map { message -> Int in
            guard case .append(let append) = message else { return 0 }
            return append.entries.count
        }
        #expect(counts == [1, 1, 1, 1])
    }

    @Test("proposals beyond the limits are refused, and accepted again once some commit")
    func backlog() throws {
        var host = Host()
        _ = host.campaign(votes: 2)
        #expect(throws: ProposalError.payloadTooLarge) {
            try host.propose([UInt8](repeating: 0, count: ConsensusLimits.payloadBytesMax + 1))
        }
        let large = [UInt8](repeating: 0, count: ConsensusLimits.payloadBytesMax)
        for _ in 0..<2 { try host.propose(large) }
        #expect(throws: ProposalError.backlogFull) { try host.propose([1]) }
        _ = host.turn()
        _ = host.hear(.matched(1, 3), from: 2)
        try host.propose([1])
    }

    @Test("only a leader takes proposals; others name it")
    func refusesProposals() {
        var host = Host()
        #expect(throws: ProposalError.notLeader(hint: nil)) { try host.propose([1]) }
        _ = host.hear(.append(1, after: (0, 0)), from: 3)
        #expect(throws: ProposalError.notLeader(hint: Group.id(3))) { try host.propose([1]) }
    }

    @Test("impossible answers are ignored")
    func ignoresNonsense() {
        var host = Host()
        _ = host.campaign(votes: 2)
        _ = host.hear(.matched(1, 99), from: 2)
        _ = host.hear(.matched(1, 1), from: 9)
        _ = host.hear(.rejected(1, after: 77, hint: (70, 1)), from: 2)
        #expect(host.commit == 0)
        #expect(host.replica.isLeader)
    }
}

@Suite("Raft §5.4.2: committing entries from previous terms") struct CommitTests {
    @Test("only entries of the leader's term commit by counting replicas; others commit with them")
    func ownTermOnly() {
        var host = Host(voters: 5, term: 3, log: [1, 2])
        _ = host.campaign(votes: 2, 3)
        for peer in 2...5 { _ = host.hear(.matched(4, 2), from: peer) }
        #expect(host.commit == 0)
        _ = host.hear(.matched(4, 3), from: 2)
        _ = host.hear(.matched(4, 3), from: 3)
        #expect(host.commit == 3)
    }

    @Test(
        "the commit index is the highest that a majority holds",
        arguments: [
            ([5, 5, 5, 5], 5), ([5, 4, 1, 1], 4), ([5, 1, 1, 1], 1), ([3, 3, 2, 2], 3),
            ([2, 2, 0, 0], 2),
        ]
    )
    func highestOfMajority(matches: [Int], expected: Int) throws {
        var host = Host(voters: 5)
        _ = host.campaign(votes: 2, 3)
        for _ in 0..<4 { try host.propose([1]) }
        _ = host.turn()
        for (offset, match) in matches.enumerated() where match > 0 {
            _ = host.hear(.matched(1, match), from: offset + 2)
        }
        #expect(host.commit == expected)
    }

    @Test("reads are strong only once the no-op of the term is applied (§8)")
    func readiness() {
        var host = Host(term: 1, log: [1])
        _ = host.campaign(votes: 2)
        #expect(!host.replica.leaderReady)
        _ = host.hear(.matched(2, 1), from: 2)
        #expect(!host.replica.leaderReady)
        _ = host.hear(.matched(2, 2), from: 2)
        #expect(host.replica.leaderReady)
    }
}

/// Storage that nobody may read.
private struct UnreadableLog: LogStorage {
    func entries(_ from: LogIndex, through: LogIndex, bytesMax: Int) -> [Entry]? {
        Issue.record("entry \(from.value) was read")
        return nil
    }

    func term(at index: LogIndex) -> Term? {
        Issue.record("the term of entry \(index.value) was read")
        return nil
    }
}
