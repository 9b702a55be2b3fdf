import Consensus
import Primitives

// What a replica under test hears from peers that exist only on paper.

extension Host {
    /// Replica 1 of a group of `voters`, whose disk holds entries of these terms.
    init(voters: Int = 3, term: Int = 0, log: [Int] = []) {
        let members = Configuration(voters: (1...voters).map(Group.id))
        let entries = Group.log(log)
        self.init(Group.id(1), Disk(members, term: Term(UInt64(term)), log: entries))
    }

    var term: Int { Int(self.replica.term.value) }
    var terms: [Int] { self.disk.log.map { Int($0.term.value) } }
    var commit: Int { Int(self.replica.commitIndex.value) }

    /// Hears a message and ends its turn.
    mutating func hear(_ message: Message, from peer: Int, leaseHeld: Bool = false) -> [Effect] {
        self.receive(message, from: Group.id(peer), leaseHeld: leaseHeld)
        return self.turn()
    }

    mutating func turn() -> [Effect] { self.endTurn(self.replica.turnEnd + 1) }

    /// Campaigns and hears the votes of these peers.
    mutating func campaign(votes: Int...) -> [Effect] {
        self.input { $0.campaign(now: Instant(nanoseconds: 1), into: &$2) }
        var effects = self.turn()
        for voter in votes { effects += self.hear(.vote(self.term), from: voter) }
        return effects
    }
}

extension Replica {
    /// A later instant for every turn.
    var turnEnd: Instant { Instant(nanoseconds: self.last.index.value + 1_000_000_000) }
}

extension Message {
    static func append(
        _ term: Int,
        after previous: (Int, Int),
        _ terms: [Int] = [],
        commit: Int = 0
    ) -> Message {
        let entries = terms.enumerated().map { offset, term in
            Entry(
                term: Term(UInt64(term)),
                index: LogIndex(UInt64(previous.0 + 1 + offset)),
                kind: .command,
                payload: [UInt8(term)]
            )
        }
        return .append(
            Append(
                term: Term(UInt64(term)),
                previous: .at(previous.0, previous.1),
                entries: entries,
                commit: LogIndex(UInt64(commit)),
                wantsResponse: true
            )
        )
    }

    static func matched(_ term: Int, _ index: Int) -> Message {
        .appendResponse(
            AppendResponse(
                term: Term(UInt64(term)),
                outcome: .matched(LogIndex(UInt64(index)))
            )
        )
    }

    static func rejected(_ term: Int, after previous: Int, hint: (Int, Int)) -> Message {
        .appendResponse(
            AppendResponse(
                term: Term(UInt64(term)),
                outcome: .rejected(
                    previous: LogIndex(UInt64(previous)),
                    hint: .at(hint.0, hint.1)
                )
            )
        )
    }

    static func voteRequest(
        _ term: Int,
        last: (Int, Int) = (0, 0),
        pre: Bool = false,
        invited: Bool = false
    ) -> Message {
        .requestVote(
            VoteRequest(
                term: Term(UInt64(term)),
                last: .at(last.0, last.1),
                isPreVote: pre,
                isTransfer: invited
            )
        )
    }

    static func vote(_ term: Int, pre: Bool = false, granted: Bool = true) -> Message {
        .voteResponse(
            VoteResponse(term: Term(UInt64(term)), isPreVote: pre, isGranted: granted)
        )
    }
}

extension LogPosition {
    static func at(_ index: Int, _ term: Int) -> LogPosition {
        LogPosition(index: LogIndex(UInt64(index)), term: Term(UInt64(term)))
    }
}

extension [Effect] {
    /// The messages among them, with their receivers.
    var sent: [(to: Int, message: Message)] {
        self.compactMap { effect in
            guard case .send(let peer, let message) = effect else { return nil }
            return (Group.number(peer), message)
        }
    }

    func sent(to peer: Int) -> [Message] {
        self.sent.filter { $0.to == peer }.map(\.message)
    }

    var applied: [Entry] {
        self.flatMap { effect in
            guard case .apply(let entries) = effect else { return [Entry]() }
            return entries
        }
    }
}
