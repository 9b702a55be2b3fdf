import DataModel
package import Primitives
package import Replication

/// The items of one partition: what a committed command does to them, and what a leader decides
/// before it proposes one.
///
/// Decisions are taken once, at the leader, against the latest state: the store beneath an overlay
/// of what was proposed and does not show there yet. What is proposed says what to store and by how
/// much counts and sums change, so applying is blind: no read, one put an item. Every replica that
/// has applied the same entries holds the same bytes.
///
/// Rules for the caller:
/// - evaluate only while leading, and after an entry of the own term was applied;
/// - propose what an evaluation returned at once and report its index by ``proposed(_:at:)``, or
///   forget it;
/// - apply committed entries in order; ``persistMeta(into:)`` in the same turn;
/// - ``turnCommitted()`` after the store's batch was committed.
package struct Partition: Sendable {
    package let id: PartitionID
    package let range: ClosedRange<Token>
    package let region: RegionID
    /// May change while the partition lives: a table becomes global when a replica is added.
    package var descriptor: TableDescriptor

    package internal(set) var appliedIndex: UInt64 = 0
    package internal(set) var itemCount: UInt64 = 0
    /// The items' sizes as DynamoDB counts them.
    package internal(set) var sizeBytes: UInt64 = 0
    package internal(set) var tombstoneCount: UInt64 = 0
    /// Local-origin changes applied so far.
    package internal(set) var totals = ChangeTotals()
    /// The greatest stamp of all versions applied so far; those of removed items count on, so that
    /// a leader whose clock has observed it stamps later than everything before.
    package internal(set) var newest = Stamp.zero
    /// What the store shows: the applied index and totals as of the last commit.
    ///
    /// Whoever reads items from the store and goes on with the log (a backfill) begins here.
    package internal(set) var settled = ReplicationCursor()
    package internal(set) var digest: Digest
    /// How far each other region has acknowledged, as far as that is on record; by region.
    package internal(set) var outbound: [(destination: RegionID, cursor: ReplicationCursor)] = []
    package internal(set) var inbound = InboundCursors()
    package internal(set) var ledger = LedgerCounts()

    /// The global indexes that this partition keeps up.
    package internal(set) var indexes: [MaintainedIndex] = []
    /// One for each local index.
    package internal(set) var localCounts: [LocalIndexCounts]
    /// In a partition of a global index.
    var fences = IndexFences()

    var dirty: Dirty = []
    /// A mistake to be found; only simulations set it.
    package var bug: Bug?
    /// Present in partitions that keep a history's apply records.
    var recorder: ApplyRecorder?

    // A leader's view of what is not applied, or not visible in the store yet.
    package internal(set) var isLeading = false
    var overlay = Overlay()
    var proposedTotals = ChangeTotals()
    var proposedInbound = InboundCursors()
    var proposedIndexes: [MaintainedIndex] = []
    var proposedFences = IndexFences()
    var collections = CollectionOverlay()
    /// The attributes that key any index.
    var indexKeyNames: [[UInt8]] = []
    /// Payloads applied in this turn: the store does not show them before its commit.
    var appliedThisTurn: [(index: UInt64, payload: [UInt8])] = []

    /// Which records of the partition's own must be written.
    struct Dirty: OptionSet {
        let rawValue: UInt8
        static let core = Dirty(rawValue: 1)
        static let outbound = Dirty(rawValue: 2)
        static let inbound = Dirty(rawValue: 4)
        static let indexes = Dirty(rawValue: 8)
        static let locals = Dirty(rawValue: 16)
        static let fences = Dirty(rawValue: 32)
    }

    /// A partition without items.
    package init(
        id: PartitionID,
        descriptor: TableDescriptor,
        range: ClosedRange<Token>,
        region: RegionID
    ) {
        self.id = id
        self.descriptor = descriptor
        self.range = range
        self.region = region
        self.digest = Digest(range: range)
        self.localCounts = descriptor.locals.map { _ in LocalIndexCounts() }
        self.refreshIndexKeyNames()
    }

    package func cursor(to destination: RegionID) -> ReplicationCursor? {
        self.outbound.first { $0.destination == destination }?.cursor
    }

    // MARK: Turns

    /// The replica leads: it decides from now on.
    package mutating func becameLeader() {
        self.overlay.removeAll()
        self.collections.removeAll()
        self.isLeading = true
        self.proposedTotals = self.totals
        self.proposedInbound = self.inbound
        self.proposedIndexes = self.indexes
        self.proposedFences = self.fences
        self.refreshIndexKeyNames()
        for (index, payload) in self.appliedThisTurn { self.cover(payload, at: index) }
    }

    /// The replica leads no more: what it proposed may be lost.
    package mutating func resignedLeadership() {
        self.overlay.removeAll()
        self.collections.removeAll()
        self.isLeading = false
    }

    /// What an evaluation returned has been appended to the log.
    package mutating func proposed(_ proposal: Proposal, at index: UInt64) {
        precondition(self.isLeading, "only a leader proposes")
        for change in proposal.changes { self.overlay.insert(change.key, change.record, at: index) }
        if let totals = proposal.totals { self.proposedTotals = totals }
        if let moved = proposal.inbound {
            self.proposedInbound.advance(
                source: moved.source,
                epoch: moved.epoch,
                to: moved.ordinal
            )
        }
        if let fence = proposal.fence { self.proposedFences.advance(fence.source, to: fence.upTo) }
        if let started = proposal.startedIndex {
            self.proposedIndexes.append(started)
            self.refreshIndexKeyNames()
        }
        if let dropped = proposal.droppedIndex {
            self.proposedIndexes.removeAll { $0.id == dropped }
            self.refreshIndexKeyNames()
        }
        for collection in proposal.collections {
            self.collections.insert(collection.prefix, collection.bytes, at: index)
        }
    }

    /// The store shows everything that was applied.
    package mutating func turnCommitted() {
        self.appliedThisTurn.removeAll(keepingCapacity: true)
        self.recorder?.turnCommitted()
        self.overlay.settle(through: self.appliedIndex)
        self.collections.settle(through: self.appliedIndex)
        self.settled = ReplicationCursor(index: self.appliedIndex, totals: self.totals)
    }

    /// The latest version of an item, proposed or stored, and the index it still waits for.
    func latest(
        _ key: ItemKey,
        _ store: any Store
    ) throws(StoreError) -> (record: ItemRecord?, dependsOn: UInt64?) {
        if let entry = self.overlay[key] {
            return (entry.record, entry.index > self.appliedIndex ? entry.index : nil)
        }
        guard let value = try store.get(.item, PartitionKeys.item(self.id, key)) else {
            return (nil, nil)
        }
        return (try ItemRecord(value), nil)
    }

    private mutating func cover(_ payload: [UInt8], at index: UInt64) {
        guard let command = try? Command(payload) else {
            preconditionFailure("a command that was applied can be read again")
        }
        switch command {
        case .write(let write):
            self.overlay.insert(write.key, write.isRemoval ? nil : write.record, at: index)
            self.cover(write.key, write.index, at: index)
        case .remoteBatch(let batch):
            for winner in batch.winners {
                self.overlay.insert(winner.key, winner.record, at: index)
                self.cover(winner.key, winner.index, at: index)
            }
        case .tombstonesCollected(let keys):
            for key in keys { self.overlay.insert(key, nil, at: index) }
        case .indexBatch(let command):
            for entry in command.entries {
                self.overlay.insert(entry.key, entry.record, at: index)
            }
        case .cursorMoved, .localLoss, .indexStarted, .indexMoved, .indexDropped: break
        }
    }

    private mutating func cover(_ key: ItemKey, _ part: IndexPart?, at index: UInt64) {
        guard let bytes = part?.collection else { return }
        self.collections.insert(key.partitionPrefix, bytes, at: index)
    }
}

/// How many conflicts a partition has decided, and which of them are still kept.
package struct LedgerCounts: Equatable, Sendable {
    /// Older entries are dropped.
    package static let keptMax: UInt64 = 16_384

    /// All entries ever made; the number of the last one.
    package internal(set) var entries: UInt64 = 0
    package internal(set) var concurrent: UInt64 = 0
    package internal(set) var skewInversions: UInt64 = 0

    package init() {}
}

/// A command that an evaluation made, to be appended to the partition's log.
package struct Proposal: Equatable, Sendable {
    struct Change: Equatable, Sendable {
        var key: ItemKey
        var record: ItemRecord?
    }

    package let payload: [UInt8]
    /// What the overlay must show until the store does.
    let changes: [Change]
    let totals: ChangeTotals?
    let inbound: InboundCursors.Entry?
    let fence: IndexFences.Entry?
    let startedIndex: MaintainedIndex?
    let droppedIndex: TableID?
    /// Sizes of item collections.
    let collections: [Collection]

    struct Collection: Equatable, Sendable {
        var prefix: [UInt8]
        var bytes: UInt64

        init?(_ key: ItemKey, _ part: IndexPart?) {
            guard let bytes = part?.collection else { return nil }
            self.prefix = key.partitionPrefix
            self.bytes = bytes
        }
    }

    init(
        payload: [UInt8],
        changes: [Change] = [],
        totals: ChangeTotals? = nil,
        inbound: InboundCursors.Entry? = nil,
        fence: IndexFences.Entry? = nil,
        startedIndex: MaintainedIndex? = nil,
        droppedIndex: TableID? = nil,
        collections: [Collection] = []
    ) {
        self.payload = payload
        self.changes = changes
        self.totals = totals
        self.inbound = inbound
        self.fence = fence
        self.startedIndex = startedIndex
        self.droppedIndex = droppedIndex
        self.collections = collections
    }
}
