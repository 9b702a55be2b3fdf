import Consensus
import Primitives
import Testing

@Suite("Invariants of a replica")
struct InvariantTests {
    /// A disk that holds whatever it is told.
    struct Disk: LogStorage {
        var held: [Entry]

        func entries(_ from: LogIndex, through: LogIndex, bytesMax: Int) -> [Entry]? {
            let found = self.held.filter { $0.index >= from && $0.index <= through }
            return found.isEmpty ? nil : found
        }

        func term(at index: LogIndex) -> Term? { self.held.first { $0.index == index }?.term }
    }

    static let id = ReplicaID(node: NodeID(0), incarnation: 1)

    static func disk(terms: [UInt64]) -> Disk {
        Disk(
            held: terms.enumerated().map { offset, term in
                Entry(
                    term: Term(term),
                    index: LogIndex(UInt64(offset + 1)),
                    kind: .command,
                    payload: []
                )
            }
        )
    }

    /// A replica that believes to hold five entries, the last of term 2.
    static func replica(_ disk: Disk) -> Replica {
        Replica(
            id: self.id,
            restored: Restored(
                term: Term(2),
                votedFor: nil,
                configuration: Configuration(voters: [self.id]),
                configurationIndex: .zero,
                base: .zero,
                last: LogPosition(index: LogIndex(5), term: Term(2)),
                commit: LogIndex(5),
                applied: LogIndex(5)
            ),
            seed: 1,
            disk
        )
    }

    @Test("a sound log is sound") func sound() {
        let disk = Self.disk(terms: [1, 1, 2, 2, 2])
        let replica = Self.replica(disk)
        #expect(replica.checkInvariants().isEmpty)
        #expect(replica.checkDurableLog(countMax: 10, disk).isEmpty)
    }

    @Test("terms that fall, gaps and another end are reported")
    func corruptedLogs() {
        let replica = Self.replica(Self.disk(terms: [1, 1, 2, 2, 2]))
        var gap = Self.disk(terms: [1, 1, 2, 2, 2])
        gap.held.remove(at: 2)
        for disk in [Self.disk(terms: [1, 2, 1, 2, 2]), gap, Self.disk(terms: [1, 1, 1])] {
            #expect(!replica.checkDurableLog(countMax: 10, disk).isEmpty)
        }
    }

    @Test("what was not asked for is not looked at") func bounded() {
        let disk = Self.disk(terms: [2, 1, 2, 2, 2])
        #expect(Self.replica(disk).checkDurableLog(countMax: 3, disk).isEmpty)
    }
}
