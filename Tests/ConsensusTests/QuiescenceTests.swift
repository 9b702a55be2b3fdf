import Consensus
import Primitives
import Testing

@Suite("An idle group is silent and small") struct QuiescenceTests {
    @Test("followers with a leader, and a leader whose followers know all, need no ticks")
    func silent() throws {
        var group = Group(voters: 3, learners: 1)
        group.elect(1)
        try group.propose(1, "a")
        #expect(group[1].replica.needsTick, "until it is committed and known to be")
        group.stabilize()
        group.pass(.milliseconds(50))
        #expect(group.isQuiet)
        #expect(group.network.isEmpty)
    }

    @Test("followers learn of the last commit without a further proposal")
    func commitIsAnnounced() throws {
        var group = Group(voters: 3)
        group.elect(1)
        try group.propose(1, "a")
        group.stabilize()
        for number in 1...3 { #expect(group[number].commit == 2) }
    }

    @Test("a silent peer is probed at doubling intervals, one that is down not at all")
    func retries() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.isolated = [3]
        try group.propose(1, "a")
        group.stabilize()
        group.pass(.seconds(10))
        let probes = group.network.count { $0.target == 3 }
        #expect((8...13).contains(probes), "\(probes) in ten seconds")
        group.drop()
        group.peerDown(1, 3)
        group.pass(.seconds(10))
        #expect(group.network.isEmpty)
        #expect(group.isQuiet)
    }

    @Test("a peer is confirmed from its first answer of the term to the end of its connection")
    func confirmation() {
        var group = Group(voters: 3)
        group.campaign(1)
        #expect(!group[1].replica.isConfirmed(by: Group.id(2)))
        group.stabilize()
        #expect(group[1].replica.isConfirmed(by: Group.id(2)))
        group.peerReset(1, 2)
        #expect(!group[1].replica.isConfirmed(by: Group.id(2)))
        #expect(group[1].replica.needsTick)
        group.stabilize()
        #expect(group[1].replica.isConfirmed(by: Group.id(2)))
        group.peerDown(1, 2)
        #expect(!group[1].replica.isConfirmed(by: Group.id(2)))
        #expect(!group[1].replica.isConfirmed(by: Group.id(9)))
    }

    @Test(
        "a leader that waits for a majority in vain steps down; one that waits for nothing does not"
    )
    func quorum() throws {
        var group = Group(voters: 3)
        group.elect(1)
        group.isolated = [2, 3]
        for peer in [2, 3] { group.peerDown(1, peer) }
        group.pass(.seconds(5), only: [1])
        #expect(group[1].replica.isLeader)
        try group.propose(1, "a")
        group.pass(ConsensusLimits.electionTimeout + .milliseconds(100), only: [1])
        #expect(!group[1].replica.isLeader)
    }

    @Test("a leader that hears of a majority keeps leading, however slow the rest")
    func slowMinority() throws {
        var group = Group(voters: 5)
        group.elect(1)
        group.isolated = [4, 5]
        for number in 0..<20 {
            try group.propose(1, "\(number)")
            group.stabilize()
            group.pass(.milliseconds(200))
        }
        #expect(group[1].replica.isLeader)
    }

    @Test("an idle replica weighs less than a kilobyte, an effect no more than 40 bytes")
    func sizes() throws {
        #expect(MemoryLayout<Effect>.size <= 40)
        #expect(MemoryLayout<Message>.size <= 32)
        var group = Group(voters: 3)
        group.elect(1)
        for number in 0..<1_000 { try group.propose(1, "\(number)") }
        group.stabilize()
        group.pass(.milliseconds(200))
        for number in 1...3 {
            let weight = group[number].replica.weight
            #expect(weight <= 1_024, "replica \(number) weighs \(weight) bytes")
        }
    }
}

extension Replica {
    /// Its own bytes and those of its arrays, at 32 bytes a header.
    var weight: Int {
        var weight = MemoryLayout<Replica>.stride
        func count(_ value: Any) {
            for child in Mirror(reflecting: value).children {
                if let array = child.value as? any Heavy { weight += array.weight }
                count(child.value)
            }
        }
        count(self)
        return weight
    }
}

/// Something whose contents lie outside of it.
private protocol Heavy { var weight: Int { get } }

extension Array: Heavy {
    var weight: Int {
        self.capacity == 0 ? 0 : 32 + self.capacity * MemoryLayout<Element>.stride
    }
}
