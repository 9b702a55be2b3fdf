import DataModel
import Primitives
import Replication

/// What the leader of a partition of an index decided about a batch.
package enum IndexEvaluated: Equatable, Sendable {
    /// All of it is in.
    case duplicate
    /// All of it is proposed, but not yet applied: the sender asks again.
    case underWay
    /// Answer once the proposal is applied.
    case proposal(Proposal)
    /// A key or entry of the batch cannot be one of this partition.
    case malformed
}

extension Partition {
    /// Decides a batch of changes for this partition of an index.
    ///
    /// - Throws: what the store answered.
    package func evaluate(
        _ batch: IndexBatch,
        _ store: any Store
    ) throws(StoreError) -> IndexEvaluated {
        precondition(self.isLeading, "only a leader decides")
        let source = batch.source.number
        var command = IndexCommand(source: source, upTo: 0)
        switch batch.extent {
        case .changes(let upTo):
            if upTo <= self.fences.upTo(source) { return .duplicate }
            if upTo <= self.proposedFences.upTo(source) { return .underWay }
            command.upTo = upTo
        case .backfill:
            // What is younger than the backfill is in; only a former leader can still send parts.
            if self.proposedFences.upTo(source) > 0 { return .duplicate }
        }
        for change in batch.changes {
            guard change.key.count > 20 else { return .malformed }
            let key = ItemKey(trusted: change.key)
            guard self.range.contains(key.token) else { return .malformed }
            let stored = try self.latest(key, store).record
            if case .backfill = batch.extent, let stored, change.stamp <= stored.stamp { continue }
            if change.image == nil, stored == nil { continue }
            if let stored, stored.stamp == change.stamp, change.image != nil { continue }
            var record: ItemRecord?
            if let image = change.image {
                guard let item = try? Item(validating: image) else { return .malformed }
                record = ItemRecord(
                    key: key,
                    version: VersionVector(change.stamp),
                    image: image,
                    size: item.size
                )
            }
            command.entries.append(
                .init(key: key, deltas: Deltas(from: stored, to: record), record: record)
            )
        }
        let changes = command.entries.map { Proposal.Change(key: $0.key, record: $0.record) }
        return .proposal(
            Proposal(
                payload: Command.indexBatch(command).encoded,
                changes: changes,
                fence: command.upTo > 0 ? .init(source: source, upTo: command.upTo) : nil
            )
        )
    }

    mutating func apply(
        _ command: IndexCommand,
        _ store: any Store
    ) throws(StoreError) {
        for entry in command.entries {
            try self.count(entry.deltas, entry.key)
            let key = PartitionKeys.item(self.id, entry.key)
            if let record = entry.record {
                store.put(.item, key, record.bytes)
            } else {
                store.delete(.item, key)
            }
        }
        guard command.upTo > 0 else { return }
        self.fences.advance(command.source, to: command.upTo)
        self.dirty.insert(.fences)
    }
}
