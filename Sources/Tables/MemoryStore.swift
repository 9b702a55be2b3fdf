/// A ``Store`` in memory: the disk of simulated nodes, and of tests.
///
/// It keeps the contract to the letter, so that code that leans on reading its own pending writes
/// fails here first. A crash discards the pending batch; with ``losesUnsynced`` it also discards
/// what was committed without a sync, as a machine that loses power does.
package final class MemoryStore: Store {
    private enum Change {
        case put(Space, [UInt8], [UInt8])
        case delete(Space, [UInt8])
        case deleteRange(Space, from: [UInt8], to: [UInt8])
    }

    @exclusivity(unchecked) private var tables = [SortedTable](
        repeating: SortedTable(),
        count: Space.allCases.count + 1
    )
    @exclusivity(unchecked) private var synced: [SortedTable]
    @exclusivity(unchecked) private var pending: [Change] = []
    @exclusivity(unchecked) private var snapshots: [(id: SnapshotID, tables: [SortedTable])] = []
    @exclusivity(unchecked) private var snapshotNext: UInt64 = 1

    package let losesUnsynced: Bool
    /// When set, commits fail with it and keep the batch.
    @exclusivity(unchecked) package var commitFailure: StoreError?
    /// When set, reads fail with it.
    @exclusivity(unchecked) package var readFailure: StoreError?
    @exclusivity(unchecked) private(set) package var pendingBytes = 0
    @exclusivity(unchecked) private(set) package var commitCount: UInt64 = 0

    package init(losesUnsynced: Bool = false) {
        self.losesUnsynced = losesUnsynced
        self.synced = self.tables
    }

    // MARK: Hosts

    /// Makes the pending batch visible, and durable when `sync`.
    package func commit(sync: Bool) throws(StoreError) {
        if let failure = self.commitFailure { throw failure }
        for change in self.pending {
            switch change {
            case .put(let space, let key, let value):
                self.tables[Int(space.rawValue)].put(key, value)
            case .delete(let space, let key): self.tables[Int(space.rawValue)].remove(key)
            case .deleteRange(let space, let from, let to):
                self.tables[Int(space.rawValue)].removeRange(from, to)
            }
        }
        self.discardPending()
        self.commitCount += 1
        if sync, self.losesUnsynced { self.synced = self.tables }
    }

    /// Changes one record at once, for a host that keeps the batch itself.
    package func write(_ space: Space, _ key: [UInt8], _ value: [UInt8]?) {
        if let value {
            self.tables[Int(space.rawValue)].put(key, value)
        } else {
            self.tables[Int(space.rawValue)].remove(key)
        }
    }

    package func erase(_ space: Space, from: [UInt8], to: [UInt8]) {
        self.tables[Int(space.rawValue)].removeRange(from, to)
    }

    /// Forgets the pending batch, as the death of the process does.
    package func discardPending() {
        self.pending.removeAll(keepingCapacity: true)
        self.pendingBytes = 0
    }

    /// What is left after the process, or the machine, died.
    package func crash() {
        self.discardPending()
        self.snapshots = []
        if self.losesUnsynced { self.tables = self.synced }
    }

    /// The keys that are committed in a space.
    package func count(_ space: Space) -> Int { self.tables[Int(space.rawValue)].count }

    // MARK: Store

    package func get(_ space: Space, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        if let failure = self.readFailure { throw failure }
        return self.tables[Int(space.rawValue)].value(key)
    }

    package func scan(
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        if let failure = self.readFailure { throw failure }
        let table = self.tables[Int(space.rawValue)]
        table.scan(from: from, to: to, reverse: reverse, visit)
    }

    package func put(_ space: Space, _ key: [UInt8], _ value: [UInt8]) {
        self.pending.append(.put(space, key, value))
        self.pendingBytes += key.count + value.count
    }

    package func delete(_ space: Space, _ key: [UInt8]) {
        self.pending.append(.delete(space, key))
        self.pendingBytes += key.count
    }

    package func deleteRange(_ space: Space, from: [UInt8], to: [UInt8]) {
        self.pending.append(.deleteRange(space, from: from, to: to))
        self.pendingBytes += from.count + to.count
    }

    package func openSnapshot() -> SnapshotID {
        let id = SnapshotID(self.snapshotNext)
        self.snapshotNext += 1
        self.snapshots.append((id, self.tables))
        return id
    }

    package func closeSnapshot(_ snapshot: SnapshotID) {
        self.snapshots.removeAll { $0.id == snapshot }
    }

    package func scan(
        snapshot: SnapshotID,
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        if let failure = self.readFailure { throw failure }
        guard let open = self.snapshots.first(where: { $0.id == snapshot }) else {
            throw .io("the snapshot is closed")
        }
        open.tables[Int(space.rawValue)].scan(from: from, to: to, reverse: reverse, visit)
    }
}
