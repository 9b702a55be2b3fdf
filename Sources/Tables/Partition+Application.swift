import DataModel
package import Primitives
package import Replication

/// What applying a command did, for whoever leads to act on.
package struct Applied: Equatable, Sendable {
    /// Changes of another region that came in.
    package struct Inbound: Equatable, Sendable {
        package var source: RegionID
        package var epoch: UInt64
        /// The source's changes are in up to here; zero for a part of a backfill.
        package var ordinal: UInt64
        /// When the batch's changes were committed at the source, for lag.
        package var committedAt: [Instant]
    }

    /// The totals with a local-origin change, and when that was committed.
    package var change: (totals: ChangeTotals, committedAt: Instant)?
    package var inbound: Inbound?
    /// Ledger entries made.
    package var conflicts = 0

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.change?.totals == rhs.change?.totals
            && lhs.change?.committedAt == rhs.change?.committedAt && lhs.inbound == rhs.inbound
            && lhs.conflicts == rhs.conflicts
    }
}

extension Partition {
    /// Applies the committed command at `index`: puts into the store's batch and moves counts.
    ///
    /// Deterministic and without a read: replicas that applied the same entries are equal.
    ///
    /// - Throws: `corrupt` when the command cannot be read or does not follow what was applied.
    @discardableResult
    package mutating func apply(
        _ payload: [UInt8],
        at index: UInt64,
        _ store: any Store
    ) throws(StoreError) -> Applied {
        precondition(index > self.appliedIndex, "entries apply once and in order")
        var applied = Applied()
        let command = try Command(payload)
        switch command {
        case .write(let write):
            try self.apply(write, store)
            applied.change = (write.totals, write.committedAt)
        case .remoteBatch(let batch):
            try self.apply(batch, store)
            applied.inbound = .init(
                source: batch.source,
                epoch: batch.epoch,
                ordinal: batch.ordinal,
                committedAt: batch.committedAt
            )
            applied.conflicts = batch.conflicts.count
        case .cursorMoved(let destination, let cursor):
            self.move(destination, to: cursor)
        case .tombstonesCollected(let keys):
            try Self.move(&self.tombstoneCount, by: -keys.count)
            for key in keys { store.delete(.item, PartitionKeys.item(self.id, key)) }
        case .localLoss(let record):
            self.enter(record, store)
            applied.conflicts = 1
        case .indexStarted(let id, let definition):
            self.startIndex(id, definition, at: index)
        case .indexMoved(let id, let upTo): self.moveIndex(id, to: upTo)
        case .indexDropped(let id): self.dropIndex(id)
        case .indexBatch(let command): try self.apply(command, store)
        }
        self.appliedIndex = index
        self.dirty.insert(.core)
        self.appliedThisTurn.append((index, payload))
        if self.recorder != nil { self.record(command, at: index, store) }
        return applied
    }

    private mutating func record(_ command: Command, at index: UInt64, _ store: any Store) {
        // Taken out, so that it can look at the rest.
        guard var recorder = self.recorder.take() else { return }
        recorder.record(command, self, at: index, store)
        self.recorder = recorder
    }

    /// Passes an entry that is no command: consensus' own.
    package mutating func skip(_ index: UInt64) {
        precondition(index > self.appliedIndex, "entries apply once and in order")
        self.appliedIndex = index
        self.dirty.insert(.core)
    }

    private mutating func apply(
        _ write: WriteCommand,
        _ store: any Store
    ) throws(StoreError) {
        guard write.totals.changes == self.totals.changes + 1 else {
            throw .corrupt("change \(write.totals.changes) after \(self.totals.changes)")
        }
        try self.count(write.deltas, write.key)
        self.totals = write.totals
        self.newest = max(self.newest, write.record.stamp)
        let key = PartitionKeys.item(self.id, write.key)
        if write.isRemoval {
            store.delete(.item, key)
        } else {
            store.put(.item, key, write.record.bytes)
        }
        try self.applyIndexes(write.key, write.isRemoval ? nil : write.record, write.index, store)
    }

    private mutating func apply(
        _ batch: RemoteCommand,
        _ store: any Store
    ) throws(StoreError) {
        for winner in batch.winners {
            try self.count(winner.deltas, winner.key)
            self.newest = max(self.newest, winner.record.stamp)
            store.put(.item, PartitionKeys.item(self.id, winner.key), winner.record.bytes)
            try self.applyIndexes(winner.key, winner.record, winner.index, store)
        }
        for record in batch.conflicts { self.enter(record, store) }
        guard batch.ordinal > 0 else { return }
        self.inbound.advance(source: batch.source, epoch: batch.epoch, to: batch.ordinal)
        self.dirty.insert(.inbound)
    }

    private mutating func move(_ destination: RegionID, to cursor: ReplicationCursor) {
        self.dirty.insert(.outbound)
        let place =
            self.outbound.firstIndex { $0.destination >= destination } ?? self.outbound.endIndex
        if place < self.outbound.endIndex, self.outbound[place].destination == destination {
            self.outbound[place].cursor = cursor
        } else {
            self.outbound.insert((destination, cursor), at: place)
        }
    }

    private mutating func enter(_ record: ConflictRecord, _ store: any Store) {
        self.ledger.entries += 1
        switch record.relation {
        case .concurrent: self.ledger.concurrent += 1
        case .skewInversion: self.ledger.skewInversions += 1
        }
        var writer = ByteWriter(reserving: 256)
        record.encode(into: &writer)
        store.put(.ledger, PartitionKeys.ledger(self.id, self.ledger.entries), writer.bytes)
        if self.ledger.entries > LedgerCounts.keptMax {
            let oldest = self.ledger.entries - LedgerCounts.keptMax
            store.delete(.ledger, PartitionKeys.ledger(self.id, oldest))
        }
    }

    mutating func count(_ deltas: Deltas, _ key: ItemKey) throws(StoreError) {
        guard self.range.contains(key.token) else { throw .corrupt("a key of another partition") }
        try Self.move(&self.itemCount, by: deltas.items)
        try Self.move(&self.tombstoneCount, by: deltas.tombstones)
        try Self.move(&self.sizeBytes, by: deltas.size)
        self.digest.add(deltas.hash, at: self.digest.bucket(of: key.token))
    }

    static func move(_ total: inout UInt64, by delta: Int) throws(StoreError) {
        let (sum, overflow) =
            delta >= 0
            ? total.addingReportingOverflow(UInt64(delta))
            : total.subtractingReportingOverflow(UInt64(-delta))
        guard !overflow else { throw .corrupt("a count of a partition") }
        total = sum
    }
}
