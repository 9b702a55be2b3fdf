package import Primitives

/// Who of the region is alive, and which leases that gives.
///
/// One exchange of greetings per pair of nodes serves every Raft group that they share, so idle
/// groups cost nothing. A node that acknowledges a greeting promises, for every group in which it
/// follows the greeting node, to elect nobody else for ``NodeTiming/lease``; a leader whose
/// majority has promised may answer strong reads alone (Ongaro's thesis §6.4.1, with the lease held
/// per pair of nodes as in CockroachDB's node liveness).
///
/// Why a promise of a node can stand for a group: a follower that turns to a higher term tells its
/// former leader so on the same ordered stream, before its next acknowledgement; one that gave its
/// leader up for lost follows it again before it acknowledges its next greeting; when the stream
/// breaks, the leader counts the follower again only after it acknowledged an append
/// (`Replica.isConfirmed`).
package struct Liveness {
    /// What this node knows of one other node of its region.
    package struct Peer {
        package let node: NodeID
        /// The connection stands; a broken one means that the process is probably gone.
        package var isConnected = false
        /// When this node last heard anything from it.
        package var heardAt: Instant
        /// Until when it promised to follow this node where it does.
        package var leaseUntil: Instant = .zero
        /// Until when this node promised to follow it.
        package var promisedUntil: Instant = .zero
        /// When it last showed that it hears this node.
        package var acknowledgedAt: Instant
        /// Followers were already told that it is lost.
        package var isLost = false
        /// It counts as lost and is followed again all the same: its messages arrive, and its first
        /// greeting does not yet.
        var isFollowed = false
        /// Which start of its process greeted last; zero before the first greeting.
        package var boot: UInt64 = 0
        /// Since when it greets without a start or a loss between.
        package var greetedSince: Instant = .distantFuture
    }

    /// How a node came back.
    package enum Return {
        case none
        /// It was lost, and its process lived on: it was paused or cut off.
        case returned
        /// Its process started anew. It leads nothing any more, so what was promised to it binds
        /// nobody.
        case restarted
    }

    package private(set) var peers: [Peer]
    private var greetAt: Instant
    /// When this node last greeted without a claim; what acknowledges that promises nothing.
    private var unclaimedAt: Instant = .zero
    /// A restarted node has forgotten its promises, so it keeps quiet for one lease.
    private let quietUntil: Instant

    package init(peers: [NodeID], now: Instant) {
        self.peers = peers.map { Peer(node: $0, heardAt: now, acknowledgedAt: now) }
        self.greetAt = now
        self.quietUntil = now + NodeTiming.lease
    }

    package subscript(node: NodeID) -> Peer? { self.peers.first { $0.node == node } }

    /// True once per heartbeat interval.
    package mutating func greetingIsDue(now: Instant) -> Bool {
        guard self.greetAt <= now else { return false }
        self.greetAt = now + NodeTiming.heartbeat
        return true
    }

    /// This node is isolated and greets without a claim: it asks for answers, for no promise.
    package mutating func greetedWithoutClaim(now: Instant) { self.unclaimedAt = now }

    /// A greeting of `node` arrived: what the acknowledgement sent now promises.
    ///
    /// - Returns: what the greeting tells beyond that the node lives.
    package mutating func greeted(by node: NodeID, boot: UInt64, now: Instant) -> Return {
        var kind = Return.none
        // A node that nobody hears cannot lead: it is answered, and otherwise counts as silent.
        guard boot != 0 else { return kind }
        self.update(node) { peer in
            if peer.isLost { kind = .returned }
            if peer.boot != 0 && peer.boot != boot { kind = .restarted }
            if peer.boot != boot || peer.isLost { peer.greetedSince = now }
            peer.boot = boot
            peer.heardAt = now
            peer.promisedUntil = now + NodeTiming.lease
            peer.isLost = false
            peer.isFollowed = false
        }
        return kind
    }

    /// `node` acknowledged the greeting that left at `sentAt`.
    package mutating func acknowledged(by node: NodeID, sentAt: Instant, now: Instant) {
        let isPromise = sentAt > self.unclaimedAt
        self.update(node) { peer in
            peer.heardAt = now
            peer.acknowledgedAt = now
            guard isPromise else { return }
            let until = sentAt + (NodeTiming.lease - NodeTiming.leaseMargin)
            peer.leaseUntil = max(peer.leaseUntil, until)
        }
    }

    /// A group here follows a leader on `node`.
    ///
    /// If that counts as lost, it is lost once more when it falls silent before it greets: nobody
    /// else would look for another leader.
    package mutating func followed(_ node: NodeID, now: Instant) {
        self.update(node) { peer in
            guard peer.isLost else { return }
            peer.isFollowed = true
            peer.heardAt = now
        }
    }

    package mutating func connected(_ node: NodeID) {
        self.update(node) { $0.isConnected = true }
    }

    package mutating func disconnected(_ node: NodeID) {
        self.update(node) { $0.isConnected = false }
    }

    /// True while this node may not vote against, or campaign against, a leader on `leader`.
    package func isPromised(to leader: NodeID?, now: Instant) -> Bool {
        if now < self.quietUntil && self.peers.count > 0 { return true }
        guard let leader, let peer = self[leader] else { return false }
        return now < peer.promisedUntil
    }

    /// True while `node` follows this node in the groups in which it is confirmed.
    package func holdsLease(from node: NodeID, now: Instant) -> Bool {
        guard let peer = self[node] else { return false }
        return now < peer.leaseUntil
    }

    /// True while no majority of the region's nodes shows that it hears this one: nothing that
    /// needs the others can be done here, though it may look alive from outside.
    package func isIsolated(now: Instant) -> Bool {
        let heard = self.peers.count { now.since($0.acknowledgedAt) <= NodeTiming.silence }
        return (heard + 1) * 2 <= self.peers.count + 1 && !self.peers.isEmpty
    }

    /// Nodes that are lost since the last call: silent too long, or their connection broke and the
    /// promise to them ran out.
    package mutating func newlyLost(now: Instant) -> [NodeID] {
        var lost: [NodeID] = []
        for index in self.peers.indices
        where !self.peers[index].isLost || self.peers[index].isFollowed {
            let peer = self.peers[index]
            let isSilent = now.since(peer.heardAt) > NodeTiming.silence
            let isGone = !peer.isConnected && now >= peer.promisedUntil
            if now >= self.quietUntil, isGone || isSilent {
                self.peers[index].isLost = true
                self.peers[index].isFollowed = false
                lost.append(peer.node)
            }
        }
        return lost
    }

    package func isLost(_ node: NodeID) -> Bool { self[node]?.isLost ?? false }

    /// False once `node` has been silent for too long, or has not shown for as long that it hears
    /// this node: what is asked of it will hardly be answered.
    ///
    /// Other regions are not watched.
    package func answers(_ node: NodeID, now: Instant) -> Bool {
        guard let peer = self[node] else { return true }
        return !peer.isLost && now.since(peer.acknowledgedAt) <= NodeTiming.silence
    }

    private mutating func update(_ node: NodeID, _ change: (inout Peer) -> Void) {
        guard let index = self.peers.firstIndex(where: { $0.node == node }) else { return }
        change(&self.peers[index])
    }
}
