import Consensus
import Primitives

extension Node {
    mutating func receive(
        _ message: Message,
        from sender: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch message {
        case .greeting(let sentAt, let boot):
            switch self.liveness.greeted(by: sender, boot: boot, now: clocks.now) {
            case .none: break
            case .restarted:
                self.nodeRestarted(sender, clocks, &effects)
                // It may have been lost since its stream was opened, and leaders sent nothing.
                self.nodeReturned(sender, clocks, &effects)
            case .returned: self.nodeReturned(sender, clocks, &effects)
            }
            effects.append(.send(.greetingAcknowledged(sentAt: sentAt), to: sender))
        case .greetingAcknowledged(let sentAt):
            self.liveness.acknowledged(by: sender, sentAt: sentAt, now: clocks.now)
        case .raft(let group, let from, let to, let raft):
            self.receiveRaft(group, from: from, to: to, raft, clocks, &effects)
        case .join(let boot):
            self.nodeAsksToJoin(sender, boot: boot, clocks, &effects)
        case .welcome(let incarnation, let boot):
            self.welcomed(incarnation, boot: boot, clocks, &effects)
        case .snapshotChunk(let chunk):
            self.receive(chunk, clocks, &effects)
        case .snapshotReceived(let group, let from, let stream, let sequence):
            self.snapshotChunkReceived(group, from, stream, sequence, clocks, &effects)
        case .operation:
            preconditionFailure("hosts decode operations and pass them as events")
        case .operationAnswer(let call, let answer):
            self.answered(call, answer, clocks, &effects)
        case .work(let call, let partition, let work):
            self.receive(work, partition, .peer(sender, call: call), clocks, &effects)
        case .workDone(let call, let result):
            self.workDone(call, result, clocks, &effects)
        case .catalogFence(let call):
            self.fence(for: sender, call, clocks, &effects)
        case .catalogFenced(let call, let index):
            self.fenced(call, index, clocks, &effects)
        case .partitionReady(let table, let partition):
            self.partitionIsReady(table, partition, clocks, &effects)
        case .backfilled(let table, let partition, let destination):
            self.partitionIsBackfilled(table, partition, destination, clocks, &effects)
        case .replicate(let batch):
            self.receive(batch, clocks, &effects)
        case .replicated(let answer):
            self.receive(answer, clocks, &effects)
        case .globalTable(let notice):
            self.receive(notice, clocks, &effects)
        case .globalTableAnswer(let answer):
            self.receive(answer, clocks, &effects)
        case .probe(let id, let sentAt):
            let answer = Message.probeAnswer(id: id, sentAt: sentAt, arrivedAt: clocks.now)
            effects.append(.send(answer, to: sender))
        case .probeLoad:
            break
        case .probeAnswer(let id, let sentAt, let arrivedAt):
            effects.append(
                .probed(
                    sender,
                    id: id,
                    sentAt: sentAt,
                    arrivedAt: arrivedAt,
                    returnedAt: clocks.now
                )
            )
        }
    }

    mutating func streamOpened(
        _ node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        self.connectedNodes[Int(node.index)] = true
        self.liveness.connected(node)
        let isNeighbour = self.settings.layout.member(node).region == self.settings.region
        // Chunks were lost with the former stream: the receiver has given the snapshot up.
        for stream in self.outgoingSnapshots.ids(where: { $0.peer.node == node }) {
            self.endSnapshot(stream, succeeded: false)
        }
        for slot in self.groups.indices where self.groups[slot] != nil {
            if isNeighbour {
                if self.groups[slot]!.incoming?.from.node == node { self.abandonInstalling(slot) }
                self.streamReset(slot, node, clocks, &effects)
            } else {
                self.rewindStreams(slot, to: self.settings.layout.member(node).region)
            }
        }
    }

    mutating func streamClosed(
        _ node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        self.connectedNodes[Int(node.index)] = false
        self.liveness.disconnected(node)
        self.failCalls(to: node, clocks, &effects)
    }

    /// Housekeeping that time brings.
    mutating func tick(_ clocks: Clocks, _ effects: inout [Effect]) {
        self.ticks += 1
        if self.liveness.greetingIsDue(now: clocks.now) {
            // Isolated, it asks for answers and claims nothing.
            let isIsolated = self.liveness.isIsolated(now: clocks.now)
            if isIsolated { self.liveness.greetedWithoutClaim(now: clocks.now) }
            let boot = isIsolated ? 0 : self.boot
            for peer in self.liveness.peers {
                effects.append(.send(.greeting(sentAt: clocks.now, boot: boot), to: peer.node))
            }
        }
        for node in self.liveness.newlyLost(now: clocks.now) {
            self.nodeLost(node, clocks, &effects)
        }
        self.tickGroups(clocks, &effects)
        self.retryParked(clocks, &effects)
        self.retryCoordinators(clocks, &effects)
        self.expireCalls(clocks, &effects)
        self.expireSnapshots(clocks)
        self.tickReplication(clocks)
        self.tickIndexes(clocks)
        self.sweepExpired(clocks)
        if self.reconcileAt <= clocks.now {
            self.reconcileAt = clocks.now + NodeTiming.reconcile
            if self.identity == nil { self.askToJoin(&effects) }
            self.reconcile(clocks, &effects)
            if self.membersAt <= clocks.now {
                self.membersAt = clocks.now + NodeTiming.reconcileMembers
                self.reconcileMembers(clocks, &effects)
                self.sweepTombstones(clocks)
            }
            self.catalogAdvanced(clocks, &effects)
        }
    }
}
