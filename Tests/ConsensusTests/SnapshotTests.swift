import Consensus
import Primitives
import Testing

@Suite("Raft §7: log compaction and snapshots") struct SnapshotTests {
    @Test("a compacted log keeps the position before its first entry")
    func compacts() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1, 1], commit: 2), from: 2)
        host.compact(through: LogIndex(2))
        #expect(host.replica.base == .at(2, 1))
        _ = host.turn()
        #expect(host.terms == [1])
        #expect(host.hear(.append(1, after: (3, 1), [1]), from: 2).sent(to: 2) == [.matched(1, 4)])
        host.restart()
        #expect(host.replica.base == .at(2, 1))
        #expect(host.replica.last == .at(4, 1))
    }

    @Test("an append that begins before the compacted part is taken from where that ends")
    func appendBeforeBase() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1], commit: 2), from: 2)
        host.compact(through: LogIndex(2))
        _ = host.turn()
        let effects = host.hear(.append(1, after: (0, 0), [1, 1, 1]), from: 2)
        #expect(effects.sent(to: 2) == [.matched(1, 3)])
    }

    @Test("a snapshot replaces a log that does not lead to it, and is acknowledged")
    func replaces() {
        var host = Host(term: 1, log: [1, 1])
        _ = host.hear(.append(3, after: (9, 3)), from: 2)
        let snapshot = Snapshot(position: .at(7, 2), of: host)
        #expect(host.install(snapshot) == true)
        #expect(host.turn().sent(to: 2) == [.matched(3, 7)])
        #expect(host.replica.appliedIndex == LogIndex(7))
        #expect(host.terms.isEmpty)
        #expect(host.hear(.append(3, after: (7, 2), [3]), from: 2).sent(to: 2) == [.matched(3, 8)])
    }

    @Test("a snapshot that the log already leads to is not wanted: what follows it was promised")
    func keepsLog() {
        var host = Host()
        _ = host.hear(.append(1, after: (0, 0), [1, 1, 1], commit: 1), from: 2)
        #expect(host.install(Snapshot(position: .at(1, 1), of: host)) == false)
        #expect(host.install(Snapshot(position: .at(2, 1), of: host)) == false)
        #expect(host.terms == [1, 1, 1])
    }

    @Test("a snapshot that failed is asked for again")
    func failed() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.isolated = [3]
        try group.propose(1, "a")
        group.stabilize()
        group.pass(.milliseconds(50))
        group[1].compact(through: LogIndex(2))
        group.endTurn(1)
        group.isolated = []
        group.peerReset(1, 3)
        func asked() -> Int {
            group.takeEvents().count { $0.effect == .snapshotNeeded(to: Group.id(3)) }
        }
        #expect(asked() == 1)
        group.stabilize()
        group[1].replica.snapshotFailed(to: Group.id(3))
        group.endTurn(1)
        group.stabilize()
        #expect(asked() == 1)
        #expect(group.ship(from: 1, to: 3) == true)
        group.stabilize()
        #expect(group[3].replica.appliedIndex == LogIndex(2))
    }

    @Test("a leader sends what its memory no longer holds from storage, slice by slice")
    func readsStorage() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.isolated = [3]
        for number in 0..<50 { try group.propose(1, "\(number)") }
        group.stabilize()
        group.pass(.seconds(2))
        group.drop()
        group.isolated = []
        group.peerReset(1, 3)
        group.stabilize()
        #expect(group[3].applied == group[1].applied)
        #expect(group[3].applied.count == 51)
    }
}

extension Snapshot {
    init(position: LogPosition, of host: Host) {
        self.position = position
        self.configuration = host.replica.configuration
        self.configurationIndex = .zero
    }
}
