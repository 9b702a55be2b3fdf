package import Primitives

// Compaction and snapshots: Raft §7. The host makes, ships and installs snapshots; a replica only
// says when one is needed and where the log goes on.

extension Replica {
    /// Drops the log up to `index`, which must be applied; the host deletes those entries.
    ///
    /// Returns false when there is nothing to drop. Whoever still needs them gets a snapshot.
    package mutating func compact(through index: LogIndex, _ storage: some LogStorage) -> Bool {
        precondition(index <= self.appliedIndex, "compaction of what is not applied")
        guard index > self.log.base.index, let position = self.log.position(at: index, storage)
        else { return false }
        self.log.compact(through: position)
        return true
    }

    /// Whether a snapshot of everything through `position` would bring this replica forward; if
    /// not, its log already leads there.
    package func wantsSnapshot(at position: LogPosition, _ storage: some LogStorage) -> Bool {
        position.index > self.commitIndex && !self.isLeader
            && self.log.term(at: position.index, storage) != position.term
    }

    /// The host is about to install a snapshot in this turn's batch; false when it must not,
    /// because it is not wanted any more.
    ///
    /// On true the host deletes the whole durable log and keeps term and vote. While a snapshot is
    /// installed over several turns, the host must hold back append messages.
    package mutating func restoredFromSnapshot(
        at position: LogPosition,
        configuration: Configuration,
        configurationIndex: LogIndex,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) -> Bool {
        precondition(configurationIndex <= position.index)
        guard self.wantsSnapshot(at: position, storage) else { return false }
        self.adopt(position.term, into: &effects)
        self.log.reset(to: position)
        self.commitIndex = position.index
        self.delivered = position.index
        self.appliedIndex = position.index
        self.configuration = configuration
        self.configurationIndex = configurationIndex
        self.formerConfigurations = []
        effects.append(.configurationChanged)
        self.unreportedMatch = position.index
        return true
    }

    /// The host has shipped the whole snapshot; where the peer's log now ends shows in its answers.
    package mutating func snapshotSent(to peer: ReplicaID) { self.snapshotEnded(peer) }

    /// The snapshot did not get there; if it is still needed, the peer's answers will ask for it.
    package mutating func snapshotFailed(to peer: ReplicaID) { self.snapshotEnded(peer) }

    private mutating func snapshotEnded(_ peer: ReplicaID) {
        guard let index = self.peers.firstIndex(where: { $0.peer == peer }) else { return }
        self.peers[index].snapshotEnded(last: self.log.last.index)
    }
}
