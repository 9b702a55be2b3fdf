import DataModel
package import Primitives
package import Replication
import Tables

/// The way of one partition's changes into one global index, at the partition's leader.
///
/// One batch is under way at a time. It has a part for each partition of the index that it
/// concerns, and the next begins when all of them are in.
struct IndexStream {
    enum Phase: Equatable {
        /// What was there when the index was made is read in key order, from behind `after`.
        case backfilling(after: ItemKey?)
        /// All of that is in: every partition of the index is told so, and takes no more of it.
        case closing
        /// That is to be put on record.
        case closed
        /// Committed changes follow.
        case following
    }

    let id: TableID
    let table: TableID
    let definition: IndexDefinition
    let start: UInt64
    var phase: Phase
    /// Every change up to this log entry is in.
    var read: UInt64
    /// As far as that is on record.
    var recorded: UInt64
    /// Batches sent since.
    var unrecorded = 0
    var recordedAt: Instant
    var flight: Flight?

    /// A batch that is under way.
    struct Flight {
        struct Part {
            var partition: PartitionID
            var batch: IndexBatch
            var state: PartState = .stalled
        }

        var sequence: UInt64
        /// The log entry that it ends with; of changes only.
        var upTo: UInt64
        /// Where a backfill goes on; nil when this was the last part.
        var next: ItemKey?
        var committedAt: [Instant]
        var parts: [Part]
        /// When parts that found no leader are sent again.
        var retryAt: Instant
    }

    init(_ index: MaintainedIndex, of table: TableID, now: Instant) {
        self.id = index.id
        self.table = table
        self.definition = index.definition
        self.start = index.start
        self.phase = index.isBackfilled ? .following : .backfilling(after: nil)
        self.read = index.cursor
        self.recorded = index.cursor
        self.recordedAt = now
    }

    /// Whether there is something to do without a new change.
    func isBusy(applied: UInt64) -> Bool {
        self.flight != nil || self.phase != .following || self.read < applied
            || self.unrecorded > 0
    }
}

/// A part of an index's batch, for the answer to find its way.
struct IndexPartOrigin: Hashable {
    var source: PartitionID
    var index: TableID
    var sequence: UInt64
    var part: Int
}

/// The lag of one index, as measured where changes are read: from commit to having been taken in.
package struct IndexLag: Sendable {
    package var table: String
    package var index: String
    package var windowSeconds: Int
    package var histogram: Histogram
    /// Log entries not yet read for the index, over all partitions led here.
    package var backlogEntries: UInt64
    /// How long the oldest batch under way has been committed.
    package var oldest: Nanoseconds
    package var isBackfilling: Bool
}

/// The lag of indexes of tables with partitions led here.
struct IndexMeters {
    struct Entry {
        let id: TableID
        var meter = LagMeter()
    }

    private(set) var entries: [Entry] = []

    mutating func applied(_ id: TableID, _ committedAt: [Instant], now: Instant) {
        guard !committedAt.isEmpty else { return }
        let place: Int
        if let known = self.entries.firstIndex(where: { $0.id == id }) {
            place = known
        } else {
            place = self.entries.count
            self.entries.append(Entry(id: id))
        }
        for instant in committedAt {
            self.entries[place].meter.applied(committedAt: instant, appliedAt: now)
        }
    }

    mutating func forget(_ id: TableID) { self.entries.removeAll { $0.id == id } }
}
