package import DataModel
package import Primitives
package import Replication

/// A local-origin change as the log holds it.
package struct CommittedChange: Equatable, Sendable {
    package var change: RemoteChange
    /// The partition's running totals, this change included.
    package var totals: ChangeTotals
    /// What the change itself counts in the totals' bytes.
    package var bytes: Int

    /// The totals before the change.
    package var totalsBefore: ChangeTotals {
        ChangeTotals(
            changes: self.totals.changes - 1,
            bytes: self.totals.bytes - UInt64(self.bytes)
        )
    }

    /// Reads a command's payload; nil when it is not a local-origin change.
    ///
    /// - Throws: `corrupt` when it cannot be read.
    package init?(_ payload: [UInt8]) throws(StoreError) {
        guard
            payload.first == Command.Kind.write.rawValue
                || payload.first == Command.Kind.indexedWrite.rawValue,
            case .write(let write) = try Command(payload)
        else { return nil }
        self.change = RemoteChange(
            ordinal: write.totals.changes,
            key: write.key.bytes,
            version: write.record.version,
            image: write.record.image,
            committedAt: write.committedAt
        )
        self.totals = write.totals
        self.bytes = WriteCommand.size(write.key, write.record)
    }
}

/// Collects the local-origin changes of committed log entries into one batch.
///
/// Several changes of one key become the last of them.
package struct ChangeCollector: Sendable {
    package let bytesMax: Int
    /// Everything up to here has been read.
    private(set) package var cursor: ReplicationCursor
    private(set) package var bytes = 0
    private let previous: UInt64
    private var changes: [RemoteChange?] = []
    private var places: [ItemKey: Int] = [:]

    /// Starts behind a cursor.
    package init(after cursor: ReplicationCursor, bytesMax: Int) {
        self.cursor = cursor
        self.previous = cursor.totals.changes
        self.bytesMax = bytesMax
    }

    package var isEmpty: Bool { self.cursor.totals.changes == self.previous }
    package var isFull: Bool { self.bytes >= self.bytesMax }

    /// Takes the next entry; `isFull` tells when to stop.
    ///
    /// - Parameters:
    ///   - payload: nil for an entry of consensus' own.
    ///   - index: of the entry.
    /// - Throws: `corrupt` when the entry does not continue the stream.
    package mutating func take(_ payload: [UInt8]?, at index: UInt64) throws(StoreError) {
        precondition(index == self.cursor.index + 1, "entries are read in order")
        if let payload, let committed = try CommittedChange(payload) {
            guard committed.totals.changes == self.cursor.totals.changes + 1 else {
                throw .corrupt(
                    "change \(committed.totals.changes) after \(self.cursor.totals.changes)"
                )
            }
            self.cursor.totals = committed.totals
            self.append(committed.change)
        }
        self.cursor.index = index
    }

    private mutating func append(_ change: RemoteChange) {
        let key = ItemKey(trusted: change.key)
        if let place = self.places[key], let former = self.changes[place] {
            self.bytes -= former.size
            self.changes[place] = nil
        }
        self.places[key] = self.changes.count
        self.changes.append(change)
        self.bytes += change.size
    }

    /// The batch, or nil when there was no change.
    package func batch(source: RegionID, epoch: PartitionID) -> ChangeBatch? {
        guard !self.isEmpty else { return nil }
        return ChangeBatch(
            source: source,
            epoch: epoch.number,
            extent: .following(previous: self.previous, upTo: self.cursor.totals.changes),
            changes: self.changes.compactMap { $0 }
        )
    }
}

/// A part of a partition's records, on their way to a region that joined the table.
package struct BackfillChunk: Equatable, Sendable {
    package var changes: [RemoteChange] = []
    /// Where the next part continues; nil when this is the last.
    package var next: ItemKey?
}

extension Partition {
    /// The command that records an acknowledged cursor.
    package func proposal(moving destination: RegionID, to cursor: ReplicationCursor) -> Proposal {
        Proposal(payload: Command.cursorMoved(destination, cursor).encoded)
    }

    /// Reads the next part of the stored records, tombstones included, as changes.
    ///
    /// Versions keep their stamps, so what the destination got otherwise meanwhile is not undone.
    ///
    /// A part ends at so many bytes, or so many records when few qualify; `origin` restricts it to
    /// versions that one region made. Without a snapshot it reads what is committed now: the items
    /// that change behind it follow as ordinary changes.
    ///
    /// - Throws: what the store answered.
    package func backfillChunk(
        after: ItemKey?,
        bytesMax: Int,
        recordsMax: Int = 4_096,
        onlyFrom origin: RegionID?,
        snapshot: SnapshotID? = nil,
        _ store: any Store
    ) throws(StoreError) -> BackfillChunk {
        var chunk = BackfillChunk()
        var bytes = 0
        var records = 0
        var failure: StoreError?
        let end = PartitionKeys.end(self.id)
        let from =
            after.map { PartitionKeys.item(self.id, $0) + [0] }
            ?? PartitionKeys.prefix(self.id)
        let visit = { (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool in
            do throws(StoreError) {
                let record = try ItemRecord(value)
                let itemKey = PartitionKeys.itemKey(key)
                records += 1
                if origin == nil || origin == record.stamp.region {
                    let change = RemoteChange(
                        ordinal: 0,
                        key: itemKey.bytes,
                        version: record.version,
                        image: record.image,
                        committedAt: .zero
                    )
                    bytes += change.size
                    chunk.changes.append(change)
                }
                guard bytes >= bytesMax || records >= recordsMax else { return true }
                chunk.next = itemKey
            } catch {
                failure = error
            }
            return false
        }
        if let snapshot {
            try store.scan(snapshot: snapshot, .item, from: from, to: end, reverse: false, visit)
        } else {
            try store.scan(.item, from: from, to: end, reverse: false, visit)
        }
        if let failure { throw failure }
        return chunk
    }

    // MARK: Tombstones

    /// Looks for tombstones that nobody needs and makes the command that drops them.
    ///
    /// A tombstone is needed while an older version of its item may still arrive: from a region
    /// whose changes up to the tombstone's time are not all in. The caller knows how far that is,
    /// as the least of the times that all other regions are in up to, minus a horizon for what
    /// cannot be known (a region that is cut off). Dropped too early, a late write would bring the
    /// item back.
    ///
    /// One call touches `recordsMax` records from behind `after`, and takes tombstones with a stamp
    /// time below `before`.
    ///
    /// - Returns: the command, nil when there is nothing to drop, and where to continue, nil at the
    ///   end.
    /// - Throws: what the store answered.
    package func tombstonesToCollect(
        before: UInt64,
        after: ItemKey?,
        recordsMax: Int = 1_024,
        _ store: any Store
    ) throws(StoreError) -> (proposal: Proposal?, next: ItemKey?) {
        precondition(self.isLeading, "only a leader decides")
        var keys: [ItemKey] = []
        var next: ItemKey?
        var records = 0
        var failure: StoreError?
        let from =
            after.map { PartitionKeys.item(self.id, $0) + [0] }
            ?? PartitionKeys.prefix(self.id)
        try store.scan(.item, from: from, to: PartitionKeys.end(self.id), reverse: false) {
            key,
            value in
            do throws(StoreError) {
                let record = try ItemRecord(value)
                let itemKey = PartitionKeys.itemKey(key)
                if record.isTombstone, record.stamp.time < before, self.overlay[itemKey] == nil {
                    keys.append(itemKey)
                }
                records += 1
                guard records >= recordsMax else { return true }
                next = itemKey
            } catch {
                failure = error
            }
            return false
        }
        if let failure { throw failure }
        guard !keys.isEmpty else { return (nil, next) }
        let payload = Command.tombstonesCollected(keys).encoded
        let changes = keys.map { Proposal.Change(key: $0, record: nil) }
        return (Proposal(payload: payload, changes: changes), next)
    }
}
