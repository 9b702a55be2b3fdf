import Consensus
import Primitives

/// A few hosts of one group and the messages between them, moved by hand.
struct Group: Sendable {
    struct Envelope: Sendable {
        var source: Int
        var target: Int
        var message: Message
    }

    private(set) var hosts: [Int: Host] = [:]
    /// Sent and not yet delivered, in order.
    private(set) var network: [Envelope] = []
    private(set) var now = Instant(nanoseconds: .seconds(1))
    /// Nodes that still promise their leader not to elect another.
    var leases: Set<Int> = []
    /// Nodes that neither hear nor are heard.
    var isolated: Set<Int> = []
    /// What happened since it was last read, host by host.
    private(set) var events: [(source: Int, effect: Effect)] = []

    /// A fresh group of voters 1 to `voters`, followed by as many learners.
    init(voters: Int, learners: Int = 0) {
        let all = (1...voters + learners).map(Self.id)
        let members = Configuration(
            voters: Array(all[..<voters]),
            learners: Array(all[voters...])
        )
        for member in all { self.hosts[Self.number(member)] = Host(member, Disk(members)) }
    }

    /// A group whose logs hold entries of these terms, voter by voter.
    init(logs: [[Int]], term: Int) {
        let members = Configuration(voters: (1...logs.count).map(Self.id))
        for (offset, terms) in logs.enumerated() {
            let log = Self.log(terms)
            let disk = Disk(members, term: Term(UInt64(term)), log: log)
            self.hosts[offset + 1] = Host(Self.id(offset + 1), disk)
        }
    }

    static func id(_ number: Int) -> ReplicaID {
        ReplicaID(node: NodeID(UInt16(number)), incarnation: 0)
    }

    static func number(_ id: ReplicaID) -> Int { Int(id.node.index) }

    static func log(_ terms: [Int]) -> [Entry] {
        terms.enumerated().map { offset, term in
            Entry(
                term: Term(UInt64(term)),
                index: LogIndex(UInt64(offset + 1)),
                kind: .command,
                payload: [UInt8(truncatingIfNeeded: term)]
            )
        }
    }

    subscript(number: Int) -> Host {
        get { self.hosts[number]! }
        _modify { yield &self.hosts[number]! }
    }

    var numbers: [Int] { self.hosts.keys.sorted() }

    /// A node with an empty disk that is told nothing of the group.
    mutating func join(_ number: Int) {
        self.hosts[number] = Host(Self.id(number), Disk(.none))
    }

    // MARK: Turns

    /// Ends the turn of one host, which sends.
    mutating func endTurn(_ number: Int) {
        for effect in self[number].endTurn(self.now) {
            self.events.append((number, effect))
            guard case .send(let peer, let message) = effect else { continue }
            self.network.append(
                Envelope(source: number, target: Self.number(peer), message: message)
            )
        }
        self.now = self.now + 1
    }

    mutating func takeEvents() -> [(source: Int, effect: Effect)] {
        defer { self.events = [] }
        return self.events
    }

    /// Time passes in steps of a tick, for those that need it.
    mutating func pass(_ span: Nanoseconds, only chosen: Set<Int>? = nil) {
        let end = self.now + span
        while self.now < end {
            self.now = self.now + ConsensusLimits.tickInterval
            for number in self.numbers where chosen?.contains(number) != false {
                guard self[number].replica.needsTick else { continue }
                self[number].tick(self.now)
                self.endTurn(number)
            }
        }
    }

    mutating func campaign(_ number: Int) {
        let now = self.now
        self[number].input { $0.campaign(now: now, into: &$2) }
        self.endTurn(number)
    }

    mutating func leaderLost(_ number: Int) {
        let now = self.now
        self[number].input { $0.leaderLost(now: now, into: &$2) }
        self.endTurn(number)
    }

    mutating func propose(_ number: Int, _ text: String) throws(ProposalError) {
        try self[number].propose(Array(text.utf8))
        self.endTurn(number)
    }

    mutating func peerReset(_ number: Int, _ peer: Int) {
        self[number].input { $0.peerReset(Self.id(peer), into: &$2) }
        self.endTurn(number)
    }

    mutating func peerDown(_ number: Int, _ peer: Int) {
        self[number].replica.peerDown(Self.id(peer))
        self.endTurn(number)
    }

    /// Ships what `source` applied to `target`, and tells both.
    mutating func ship(from source: Int, to target: Int) -> Bool {
        guard let snapshot = Snapshot(of: self[source]) else { return false }
        let isInstalled = self[target].install(snapshot)
        self[source].replica.snapshotSent(to: Self.id(target))
        self.endTurn(target)
        self.endTurn(source)
        return isInstalled
    }

    // MARK: Messages

    /// Delivers the oldest message; false when there is none.
    mutating func deliverNext() -> Bool {
        guard !self.network.isEmpty else { return false }
        self.deliver(self.network.removeFirst())
        return true
    }

    mutating func deliver(_ envelope: Envelope) {
        let target = envelope.target
        guard self.hosts[target] != nil, !self.isolated.contains(envelope.source),
            !self.isolated.contains(target)
        else { return }
        self[target].receive(
            envelope.message,
            from: Self.id(envelope.source),
            leaseHeld: self.leases.contains(target) && self[target].replica.leader != nil
        )
        self.endTurn(target)
    }

    /// Delivers until nobody says anything any more.
    mutating func stabilize() {
        var count = 0
        while self.deliverNext() {
            count += 1
            precondition(count < 10_000, "the group never falls silent")
        }
    }

    /// Time passes and everything is delivered at once.
    mutating func run(_ span: Nanoseconds) {
        let end = self.now + span
        while self.now < end {
            self.pass(ConsensusLimits.tickInterval)
            self.stabilize()
        }
    }

    /// Loses the messages that fit.
    mutating func drop(where isLost: (Envelope) -> Bool = { _ in true }) {
        self.network.removeAll(where: isLost)
    }

    /// A fresh election that `number` wins, and its no-op everywhere.
    mutating func elect(_ number: Int) {
        self.campaign(number)
        self.stabilize()
        self.pass(2 * ConsensusLimits.tickInterval)
        precondition(self[number].replica.isLeader && self.isQuiet)
    }

    var leaders: [Int] { self.numbers.filter { self[$0].replica.isLeader } }

    /// Nobody needs to be told the time.
    var isQuiet: Bool { self.hosts.values.allSatisfy { !$0.replica.needsTick } }
}
