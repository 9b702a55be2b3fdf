import Consensus
import Primitives

/// Several hosts on virtual time, with links that lose, double, delay and reorder what they carry,
/// hosts that crash, and the node-level heartbeats and leases that replicas rely on.
///
/// Everything is drawn from the seed. Time moves in rounds of ``round``; in each, hosts receive
/// what has arrived, in any order that the links allow, and end one turn.
struct World {
    /// How links behave.
    enum Transport: CaseIterable {
        /// As TCP: in order, and after a loss the connection is new and both ends are told.
        case streams
        /// Anything may be lost, doubled or overtaken, and nobody is told.
        case datagrams
    }

    enum Content {
        case raft(Message)
        case snapshot(Snapshot)
        /// "I live; promise me your support until a lease after you hear this."
        case heartbeat(sentAt: Instant)
        /// "Promised, for a lease after the time you sent that."
        case promise(sentAt: Instant)
    }

    struct Packet {
        var source: Int
        var target: Int
        var arrival: Instant
        var content: Content
    }

    /// What a node knows of another, outside of consensus.
    struct Peer {
        var heardAt: Instant = .zero
        /// Until when this node promised the other its support.
        var promisedUntil: Instant = .zero
        /// Until when the other promised its support to this node.
        var leaseUntil: Instant = .zero
        var isDown = false
    }

    struct Node {
        var host: Host
        var peers: [Peer]
        var isUp = true
        var upSince: Instant = .zero
        var events: [Effect] = []
    }

    static let round: Nanoseconds = .milliseconds(25)
    static let lease: Nanoseconds = .milliseconds(300)
    static let heartbeatInterval: Nanoseconds = .milliseconds(100)

    let transport: Transport
    var random: SplitMix64
    var now = Instant(nanoseconds: .seconds(1))
    var nodes: [Node] = []
    var packets: [Packet] = []
    /// In a million packets; hosts that cannot talk to each other.
    var lossPerMillion: UInt64 = 0
    var delayMax: UInt64 = 4
    var cut: Set<Int> = []
    /// Pairs whose connection was lost and is not yet made anew.
    private var broken: [Int] = []
    var ledger = Ledger()

    init(voters: Int, learners: Int, transport: Transport, seed: UInt64) {
        self.transport = transport
        self.random = SplitMix64(seed: seed)
        let ids = (0..<voters + learners).map(Self.id)
        let members = Configuration(
            voters: Array(ids[..<voters]),
            learners: Array(ids[voters...])
        )
        for id in ids {
            let peers = ids.map { _ in Peer(heardAt: self.now) }
            self.nodes.append(Node(host: Host(id, Disk(members)), peers: peers))
        }
    }

    static func id(_ number: Int) -> ReplicaID {
        ReplicaID(node: NodeID(UInt16(number)), incarnation: 0)
    }

    // MARK: Links

    /// Links are cut between the two sides of a partition, in both directions.
    func isCut(_ one: Int, _ other: Int) -> Bool {
        self.cut.contains(one) != self.cut.contains(other)
    }

    private mutating func send(_ content: Content, from source: Int, to target: Int) {
        guard !self.broken.contains(Self.pair(source, target)) else { return }
        let isLost =
            self.isCut(source, target)
            || self.random.chance(self.lossPerMillion, outOf: 1_000_000)
        if isLost {
            if self.transport == .streams { self.breakConnection(source, target) }
            return
        }
        let copies =
            self.transport == .datagrams
                && self.random.chance(self.lossPerMillion / 2, outOf: 1_000_000) ? 2 : 1
        for _ in 0..<copies {
            let delay = self.random.below(self.delayMax) * Self.round
            self.packets.append(
                Packet(
                    source: source,
                    target: target,
                    arrival: self.now + delay,
                    content: content
                )
            )
        }
    }

    private static func pair(_ one: Int, _ other: Int) -> Int {
        min(one, other) * 100 + max(one, other)
    }

    /// Everything under way is lost, and nothing goes until there is a new connection.
    private mutating func breakConnection(_ one: Int, _ other: Int) {
        let pair = Self.pair(one, other)
        self.packets.removeAll { Self.pair($0.source, $0.target) == pair }
        if !self.broken.contains(pair) { self.broken.append(pair) }
    }

    /// Every link is whole, and every connection a new one.
    mutating func heal() {
        self.cut = []
        self.lossPerMillion = 0
        self.delayMax = 2
        for one in self.nodes.indices {
            self.restart(one)
            for other in 0..<one { self.breakConnection(one, other) }
        }
    }

    /// Makes connections anew where that is possible, and tells both ends.
    private mutating func reconnect() {
        for pair in self.broken {
            let (one, other) = (pair / 100, pair % 100)
            guard self.nodes[one].isUp, self.nodes[other].isUp, !self.isCut(one, other) else {
                continue
            }
            self.broken.removeAll { $0 == pair }
            for (node, peer) in [(one, other), (other, one)] {
                self.nodes[node].peers[peer].leaseUntil = .zero
                self.nodes[node].host.input { $0.peerReset(Self.id(peer), into: &$2) }
            }
        }
    }

    /// What arrives now, in the order of delivery.
    private mutating func takeArrivals() -> [Packet] {
        var arrived: [Packet] = []
        var waiting: [Packet] = []
        var blocked: Set<Int> = []
        for packet in self.packets {
            let link = packet.source * 100 + packet.target
            let overtakes = self.transport == .streams && blocked.contains(link)
            if packet.arrival <= self.now, !overtakes {
                arrived.append(packet)
            } else {
                blocked.insert(link)
                waiting.append(packet)
            }
        }
        self.packets = waiting
        if self.transport == .datagrams { arrived.shuffle(using: &self.random) }
        return arrived
    }

    // MARK: A round

    mutating func runRound() {
        self.now = self.now + Self.round
        self.reconnect()
        for packet in self.takeArrivals() where self.nodes[packet.target].isUp {
            self.deliver(packet)
        }
        for number in self.nodes.indices where self.nodes[number].isUp {
            self.watch(number)
            self.endTurn(number)
        }
        // Datagrams that outlive a restart break the promise that leases rely on.
        guard self.transport == .streams else { return }
        let holders = self.nodes.indices.filter { self.holdsLease($0) }
        self.ledger.check(leaseHolders: holders, self.nodes)
    }

    private mutating func deliver(_ packet: Packet) {
        let target = packet.target
        let source = packet.source
        self.nodes[target].peers[source].heardAt = self.now
        if self.nodes[target].peers[source].isDown {
            self.nodes[target].peers[source].isDown = false
            self.nodes[target].host.input { $0.peerReset(Self.id(source), into: &$2) }
        }
        switch packet.content {
        case .heartbeat(let sentAt):
            self.nodes[target].peers[source].promisedUntil = self.now + Self.lease
            self.send(.promise(sentAt: sentAt), from: target, to: source)
        case .promise(let sentAt):
            let until = sentAt + Self.lease
            let held = self.nodes[target].peers[source].leaseUntil
            self.nodes[target].peers[source].leaseUntil = max(held, until)
        case .raft(let message):
            let leaseHeld = self.leaseHeld(target)
            self.nodes[target].host.receive(message, from: Self.id(source), leaseHeld: leaseHeld)
        case .snapshot(let snapshot):
            _ = self.nodes[target].host.install(snapshot)
        }
    }

    /// Whether this node may not help to replace its leader: it promised, or it restarted so
    /// recently that it may have promised before.
    ///
    /// Without connections there are no leases.
    private func leaseHeld(_ number: Int) -> Bool {
        guard self.transport == .streams else { return false }
        let node = self.nodes[number]
        if self.now < node.upSince + Self.lease { return true }
        guard let leader = node.host.replica.leader else { return false }
        if leader == node.host.id { return self.holdsLease(number) }
        return self.now < node.peers[Int(leader.node.index)].promisedUntil
    }

    /// Whether a majority promised its support to this node as leader, which makes reads strong.
    func holdsLease(_ number: Int) -> Bool {
        let node = self.nodes[number]
        let replica = node.host.replica
        guard node.isUp, replica.leaderReady else { return false }
        let supporters = replica.configuration.voters.count { voter in
            voter == replica.id
                || (replica.isConfirmed(by: voter)
                    && self.now < node.peers[Int(voter.node.index)].leaseUntil)
        }
        return supporters >= replica.configuration.majority
    }

    /// Heartbeats and what their absence means, and ticks.
    private mutating func watch(_ number: Int) {
        let now = self.now
        let isBeat = now.nanoseconds % Self.heartbeatInterval == 0
        for peer in self.nodes.indices where peer != number {
            if isBeat { self.send(.heartbeat(sentAt: now), from: number, to: peer) }
            let silence = now.since(self.nodes[number].peers[peer].heardAt)
            guard silence >= 2 * Self.lease, !self.nodes[number].peers[peer].isDown else {
                continue
            }
            self.nodes[number].peers[peer].isDown = true
            self.nodes[number].host.replica.peerDown(Self.id(peer))
        }
        let replica = self.nodes[number].host.replica
        if let leader = replica.leader, leader != replica.id {
            let peer = self.nodes[number].peers[Int(leader.node.index)]
            if now >= peer.promisedUntil, now.since(peer.heardAt) >= Self.lease {
                self.nodes[number].host.input { $0.leaderLost(now: now, into: &$2) }
            }
        }
        let isTick = now.nanoseconds % ConsensusLimits.tickInterval == 0
        if isTick, replica.needsTick { self.nodes[number].host.tick(now) }
    }

    mutating func endTurn(_ number: Int) {
        let effects = self.nodes[number].host.endTurn(self.now)
        self.ledger.record(effects, of: number, in: self.nodes)
        for effect in effects {
            switch effect {
            case .send(let peer, let message):
                self.send(.raft(message), from: number, to: Int(peer.node.index))
            case .snapshotNeeded(let peer):
                guard let snapshot = Snapshot(of: self.nodes[number].host) else { break }
                self.send(.snapshot(snapshot), from: number, to: Int(peer.node.index))
                self.nodes[number].host.replica.snapshotSent(to: peer)
            case .becameLeader:
                for peer in self.nodes.indices where self.nodes[number].peers[peer].isDown {
                    self.nodes[number].host.replica.peerDown(Self.id(peer))
                }
            case .truncate, .append, .setVote, .apply, .becameFollower, .configurationChanged:
                break
            }
        }
    }

    // MARK: Faults

    /// The process dies, between turns or in the middle of one, whose batch is then lost.
    mutating func crash(_ number: Int) {
        guard self.nodes[number].isUp else { return }
        self.nodes[number].isUp = false
        if self.random.chance(1, outOf: 2) {
            // Everything was decided and nothing made durable, let alone sent.
            let now = self.now
            self.nodes[number].host.input { $0.flush(now: now, $1, into: &$2) }
        }
        self.packets.removeAll { $0.target == number }
        if self.transport == .streams { self.packets.removeAll { $0.source == number } }
    }

    mutating func restart(_ number: Int) {
        guard !self.nodes[number].isUp else { return }
        self.nodes[number].host.restart()
        self.nodes[number].isUp = true
        self.nodes[number].upSince = self.now
        self.nodes[number].peers = self.nodes.map { _ in Peer(heardAt: self.now) }
        for peer in self.nodes.indices where peer != number && self.transport == .streams {
            self.breakConnection(number, peer)
        }
    }
}
