import Primitives
import Tables

/// The disk of one simulated node.
///
/// What a process wrote is safe from the death of the process at once, and from the loss of power
/// once it is synced. A disk can refuse writes (full, or broken), be slow, and rot: a record that
/// rotted fails its checksum when it is read.
final class Disk: Store {
    private enum Change {
        case put(Space, [UInt8], [UInt8])
        case delete(Space, [UInt8])
        case deleteRange(Space, [UInt8], [UInt8])
    }

    private struct Rotten {
        var space: Space
        var key: [UInt8]
    }

    /// What the process reads.
    @exclusivity(unchecked) private var live = MemoryStore()
    /// What is certainly on the platter, if that is told apart.
    @exclusivity(unchecked) private var durable: MemoryStore?
    @exclusivity(unchecked) private var pending: [Change] = []
    /// Committed and perhaps not yet on the platter, oldest first.
    @exclusivity(unchecked) private var unsynced: [[Change]] = []
    @exclusivity(unchecked) private var rotten: [Rotten] = []
    @exclusivity(unchecked) private(set) var pendingBytes = 0
    @exclusivity(unchecked) private(set) var commitCount = 0

    /// When set, commits fail with it and keep the batch.
    @exclusivity(unchecked) var refusal: StoreError?

    /// - Parameter losesPower: whether synced and unsynced data are told apart.
    init(losesPower: Bool) {
        if losesPower { self.durable = MemoryStore() }
    }

    // MARK: Host

    /// Makes the pending batch visible, and durable when `sync`.
    func commit(sync: Bool) throws(StoreError) {
        if let refusal = self.refusal { throw refusal }
        guard !self.pending.isEmpty else { return }
        for change in self.pending { Self.apply(change, to: self.live) }
        self.commitCount += 1
        if self.durable != nil {
            self.unsynced.append(self.pending)
            if sync { self.flush(self.unsynced.count) }
        }
        self.discardPending()
    }

    /// The kernel has brought the oldest batches to the platter.
    func flush(_ count: Int) {
        guard let durable = self.durable else { return }
        for batch in self.unsynced.prefix(count) {
            for change in batch { Self.apply(change, to: durable) }
        }
        self.unsynced.removeFirst(min(count, self.unsynced.count))
    }

    /// Reads may fail; what is looked up to check invariants, too.
    var isRotten: Bool { !self.rotten.isEmpty }

    /// What lies there, sound or not: for who judges the cluster, not for its nodes.
    func eachRecord(
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) {
        try? self.live.scan(space, from: from, to: to, reverse: false, visit)
    }

    var unsyncedCount: Int { self.unsynced.count }

    func discardPending() {
        self.pending.removeAll(keepingCapacity: true)
        self.pendingBytes = 0
    }

    /// ``Bug/batchHalfApplied``: the batch that is being written loses its items, as one that goes
    /// to several files without a common log can.
    func tearPending() {
        self.pending.removeAll { change in
            guard case .put(.item, _, _) = change else { return false }
            return true
        }
    }

    /// The process died; a batch whose write was under way is whole or torn, and a torn one is
    /// found by its checksum and dropped.
    func processDied(keepsPending: Bool) {
        if keepsPending, self.refusal == nil { try? self.commit(sync: false) }
        self.discardPending()
        self.live.crash()
    }

    /// Power was lost: of the unsynced batches only the first `kept` are there.
    func powerLost(keeping kept: Int) {
        self.discardPending()
        guard let durable = self.durable else { return }
        self.flush(kept)
        self.unsynced = []
        // Both go on from the same contents.
        self.live = Self.copy(durable)
    }

    /// Lets one record rot; the record is the first at or after a drawn place.
    ///
    /// - Returns: false when the space is empty.
    func rot(_ space: Space, near key: [UInt8]) -> Bool {
        var found: [UInt8]?
        for start in [key, []] where found == nil {
            try? self.live.scan(space, from: start, to: nil, reverse: false) { key, _ in
                found = Array(key)
                return false
            }
        }
        guard let found else { return false }
        self.rotten.append(Rotten(space: space, key: found))
        return true
    }

    private static func apply(_ change: Change, to store: MemoryStore) {
        switch change {
        case .put(let space, let key, let value): store.write(space, key, value)
        case .delete(let space, let key): store.write(space, key, nil)
        case .deleteRange(let space, let from, let to): store.erase(space, from: from, to: to)
        }
    }

    private static func copy(_ store: MemoryStore) -> MemoryStore {
        let copy = MemoryStore()
        for space in Space.allCases {
            try? store.scan(space, from: [], to: nil, reverse: false) { key, value in
                copy.write(space, Array(key), Array(value))
                return true
            }
        }
        return copy
    }

    /// Records in all spaces.
    var recordCount: Int { Space.allCases.reduce(0) { $0 + self.live.count($1) } }

    // MARK: Store

    func get(_ space: Space, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        if !self.rotten.isEmpty { try self.check(space, from: key, to: key + [0]) }
        return try self.live.get(space, key)
    }

    func scan(
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        if !self.rotten.isEmpty { try self.check(space, from: from, to: to) }
        try self.live.scan(space, from: from, to: to, reverse: reverse, visit)
    }

    func put(_ space: Space, _ key: [UInt8], _ value: [UInt8]) {
        if !self.rotten.isEmpty { self.rewrite(space, from: key, to: key + [0]) }
        self.pending.append(.put(space, key, value))
        self.pendingBytes += key.count + value.count
    }

    func delete(_ space: Space, _ key: [UInt8]) {
        if !self.rotten.isEmpty { self.rewrite(space, from: key, to: key + [0]) }
        self.pending.append(.delete(space, key))
        self.pendingBytes += key.count
    }

    func deleteRange(_ space: Space, from: [UInt8], to: [UInt8]) {
        if !self.rotten.isEmpty { self.rewrite(space, from: from, to: to) }
        self.pending.append(.deleteRange(space, from, to))
        self.pendingBytes += from.count + to.count
    }

    func openSnapshot() -> SnapshotID { self.live.openSnapshot() }

    func closeSnapshot(_ snapshot: SnapshotID) { self.live.closeSnapshot(snapshot) }

    func scan(
        snapshot: SnapshotID,
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        if !self.rotten.isEmpty { try self.check(space, from: from, to: to) }
        try self.live.scan(
            snapshot: snapshot,
            space,
            from: from,
            to: to,
            reverse: reverse,
            visit
        )
    }

    // MARK: Rot

    private func check(_ space: Space, from: [UInt8], to: [UInt8]?) throws(StoreError) {
        for record in self.rotten where Self.isInside(record, space, from, to) {
            throw .corrupt("a record fails its checksum")
        }
    }

    /// A record that is written again is sound.
    private func rewrite(_ space: Space, from: [UInt8], to: [UInt8]) {
        self.rotten.removeAll { Self.isInside($0, space, from, to) }
    }

    private static func isInside(
        _ record: Rotten,
        _ space: Space,
        _ from: [UInt8],
        _ to: [UInt8]?
    ) -> Bool {
        guard record.space == space else { return false }
        if record.key.lexicographicallyPrecedes(from) { return false }
        guard let to else { return true }
        return record.key.lexicographicallyPrecedes(to)
    }
}
