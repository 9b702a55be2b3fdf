import Consensus
import Placement
import Primitives

/// A node that lost its disk: it comes back empty, gets a new incarnation from the catalog's
/// leader, and takes its former places in every group as a learner that becomes a voter once
/// caught up.
extension Node {
    /// The members of the region's catalog: up to three voters in distinct zones, if there are as
    /// many; all other nodes learn.
    static func catalogMembers(_ layout: ClusterLayout, _ region: RegionID) -> Configuration {
        let nodes = layout.nodes(in: region)
        var voters: [NodeID] = []
        var zones: [String] = []
        for node in nodes where voters.count < 3 {
            let zone = layout.member(node).zone
            if !zones.contains(zone) {
                voters.append(node)
                zones.append(zone)
            }
        }
        for node in nodes where voters.count < min(3, nodes.count) && !voters.contains(node) {
            voters.append(node)
        }
        if voters.count == 2 { voters.removeLast() }
        let learners = nodes.filter { !voters.contains($0) }
        let first = { (node: NodeID) in ReplicaID(node: node, incarnation: 1) }
        return Configuration(voters: voters.map(first), learners: learners.map(first))
    }

    /// Asks every node of the region to be let in again; one of them leads the catalog.
    func askToJoin(_ effects: inout [Effect]) {
        for peer in self.liveness.peers where self.connectedNodes[Int(peer.node.index)] {
            effects.append(.send(.join(boot: self.boot), to: peer.node))
        }
    }

    mutating func nodeAsksToJoin(
        _ node: NodeID,
        boot: UInt64,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard self.leadsCatalog(now: clocks.now), let slot = self.catalogSlot else { return }
        let current = self.catalog.current(node)
        // A process that was registered asks again until the answer arrives. A later one of the
        // node has lost another disk, and must not get the same name.
        if let known = self.welcomedNodes.last(where: { $0.replica.node == node }),
            known.boot == boot, known.replica == current
        {
            let welcome = Message.welcome(incarnation: current.incarnation, boot: boot)
            effects.append(.send(welcome, to: node))
            return
        }
        guard self.groups[slot]!.waiters.isEmpty else { return }
        let next = ReplicaID(node: node, incarnation: current.incarnation + 1)
        self.welcomedNodes.append(WelcomedNode(replica: next, boot: boot))
        self.proposeToCatalog(.registerNode(next), .internalChange, clocks, &effects)
    }

    mutating func welcomed(
        _ incarnation: UInt32,
        boot: UInt64,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard self.identity == nil, boot == self.boot else { return }
        self.identity = ReplicaID(node: self.settings.id, incarnation: incarnation)
        self.failWaiting(&effects)
        effects.append(.adoptIncarnation(incarnation))
        _ = self.found(.catalog, .none, table: nil)
    }

    /// Its host goes on with another node in this one's place, which knows of no request.
    var isReplaced: Bool { self.settings.incarnation == 0 && self.identity != nil }

    /// Whoever waits here is told that nothing comes of it.
    private mutating func failWaiting(_ effects: inout [Effect]) {
        for entry in self.parked { self.fail(entry.origin, .internalServer, &effects) }
        for entry in self.awaitingCatalog { self.fail(entry.origin, .internalServer, &effects) }
        self.parked = []
        self.awaitingCatalog = []
        for id in self.calls.ids(where: { _ in true }) {
            switch self.calls.remove(id)?.kind {
            case .operation(let origin, _, _), .inquiry(let origin, _), .fence(let origin, _, _):
                self.fail(origin, .internalServer, &effects)
            case .part, .index, nil: break
            }
        }
        for id in self.coordinators.ids(where: { _ in true }) {
            switch self.coordinators.remove(id) {
            case .scan(let scan): self.fail(scan.origin, .internalServer, &effects)
            case .batchGet(let batch): self.fail(batch.origin, .internalServer, &effects)
            case .batchWrite(let batch): self.fail(batch.origin, .internalServer, &effects)
            case nil: break
            }
        }
    }

    /// One step of every group led here towards the members that the catalog names.
    mutating func reconcileMembers(_ clocks: Clocks, _ effects: inout [Effect]) {
        // Thousands of groups are passed over here: what is read of them is read in place.
        for slot in self.groups.indices
        where self.groups[slot]?.raft.leaderReady == true
            && self.groups[slot]?.raft.isConfigurationPending == false
        {
            guard let group = self.groups[slot] else { continue }
            let present = group.raft.configuration
            guard let next = self.nextMembers(of: group, from: present), next != present else {
                self.returnLeadership(slot, clocks, &effects)
                continue
            }
            self.withRaft(slot, clocks, &effects) { group, outputs in
                // A learner that is behind, or a change under way, is met again next round.
                _ = try? group.raft.proposeConfiguration(next, into: &outputs)
            }
        }
    }

    /// Hands leadership to the replica that the map prefers, once its node has been up for a while
    /// and holds the whole log: after a failure leaders would otherwise stay where they fled to.
    private mutating func returnLeadership(
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let group = self.groups[slot]!
        guard let preferred = self.wantedVoters(of: group).first, preferred != group.raft.id,
            let peer = self.liveness[preferred.node], peer.isConnected, !peer.isLost,
            clocks.now.since(peer.greetedSince) > NodeTiming.returnDelay,
            let status = group.raft.peerStatuses.first(where: { $0.peer == preferred }),
            status.isVoter, status.isConfirmed, status.match == group.raft.last.index
        else { return }
        self.withRaft(slot, clocks, &effects) { group, outputs in
            // Refused while another hand-over is under way, and met again next round.
            _ = try? group.raft.transferLeadership(to: preferred, into: &outputs)
        }
    }

    /// The configuration one change nearer to the wanted one, or nil when it is reached.
    private func nextMembers(of group: Group, from present: Configuration) -> Configuration? {
        for member in present.voters + present.learners {
            let current = self.catalog.current(member.node)
            guard member != current else { continue }
            // The former incarnation goes first: it can never vote again.
            var next = present
            if next.voters.count > 1 || !next.voters.contains(member) {
                next.voters.removeAll { $0 == member }
                next.learners.removeAll { $0 == member }
                if !next.contains(current) { next.learners.append(current) }
                return next
            }
        }
        let wanted = self.wantedVoters(of: group)
        for voter in wanted where !present.voters.contains(voter) {
            var next = present
            guard next.learners.contains(voter) else {
                next.learners.append(voter)
                return next
            }
            next.learners.removeAll { $0 == voter }
            next.voters.append(voter)
            next.voters.sort { left, right in
                (wanted.firstIndex(of: left) ?? .max) < (wanted.firstIndex(of: right) ?? .max)
            }
            return next
        }
        return nil
    }

    private func wantedVoters(of group: Group) -> [ReplicaID] {
        if group.id == .catalog {
            let founding = Self.catalogMembers(self.settings.layout, self.settings.region)
            return founding.voters.map { self.catalog.current($0.node) }
        }
        return self.catalog.map.partition(group.id)?.replicas ?? []
    }
}
