/// A mistake that can be switched on in a simulated cluster, to show that simulation finds it.
///
/// Each is a few lines where a system might really have them wrong, behind a comparison with the
/// settings' `bug`, which is nil everywhere but in a simulation that asks: a node process has no
/// way to set it. What should catch each, and which faults it takes to show, stands in ``hint``.
package enum Bug: UInt8, CaseIterable, Sendable {
    // Last-writer-wins.
    case tieByArrival
    case tombstoneDropped
    case stampFromWallClock
    case backfillOverwrites
    case snapshotWithoutStamps

    // Replication between regions.
    case replicatorSkips
    case gapIgnored
    case cursorBeforeCommit
    case logDroppedBeforeCursor

    // Reads and writes of clients.
    case conditionOnStaleCopy
    case readWithoutLease
    case readAfterDemotion
    case retryAppliedTwice
    case acknowledgedBeforeCommit
    case staleMapAccepted

    // Consensus and the disk.
    case voteNotPersisted
    case shorterLogElected
    case logCutPastMatch
    case batchHalfApplied
    case acknowledgedBeforeSync

    // Secondary indexes and times to live.
    case indexEntryLeft
    case indexBackfillSkips
    case indexRecordedEarly
    case localEntryLeft
    case snapshotWithoutEntries
    case expiryOfRenewed

    /// As `--bug` takes it.
    package var name: String { self.entry.name }
    /// What is wrong, in one line.
    package var summary: String { self.entry.summary }
    /// Which invariant or checker should catch it, and what it takes to show.
    package var hint: String { self.entry.hint }

    package init?(name: String) {
        guard let bug = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = bug
    }

    private var entry: Entry { Self.entries[Int(self.rawValue)] }

    private struct Entry {
        let name: String
        let summary: String
        let hint: String

        init(_ name: String, _ summary: String, _ hint: String) {
            self.name = name
            self.summary = summary
            self.hint = hint
        }
    }

    /// In the order of the cases.
    private static let entries = [
        Entry(
            "tie-by-arrival",
            "Of two versions with the same time the one that arrives last wins.",
            "convergence, ties decided alike; coarse clocks, keys written in two regions"
        ),
        Entry(
            "tombstone-dropped",
            "A delete in a global table leaves no tombstone behind.",
            "no resurrection, convergence; deletes, slow links between regions"
        ),
        Entry(
            "stamp-from-wall-clock",
            "A write's stamp is the node's wall clock and not its hybrid clock.",
            "stamps rise per item, linearizability; skewed clocks, a leader that changes"
        ),
        Entry(
            "backfill-overwrites",
            "A backfilled item replaces what is stored, even if that is newer.",
            "stamps rise per item, convergence; a region that joins a table under load"
        ),
        Entry(
            "snapshot-without-stamps",
            "A snapshot carries items without the stamps of their versions.",
            "digests, convergence; logs that are cut short, a replica that fell behind"
        ),
        Entry(
            "replicator-skips",
            "After a reconnect the first batch to a region is taken for sent.",
            "convergence, nothing lost in transit; streams between regions that break"
        ),
        Entry(
            "gap-ignored",
            "A batch that does not follow what came before is taken in all the same.",
            "convergence, nothing lost in transit; leaders that change in the other region"
        ),
        Entry(
            "cursor-before-commit",
            "A region acknowledges changes before they are committed and synced there.",
            "convergence, liveness; leaders that lose their majority while changes arrive"
        ),
        Entry(
            "log-dropped-before-cursor",
            "The log is truncated without regard to regions that still need it.",
            "cursors within the log, liveness; a region cut off for longer than the log is"
        ),
        Entry(
            "condition-on-stale-copy",
            "A condition is checked against the applied item, not the latest one.",
            "linearizability; conditional writes on keys that are contended for"
        ),
        Entry(
            "read-without-lease",
            "A leader answers strong reads without the promise of a majority.",
            "linearizability; leaders that are cut off or paused, strong reads"
        ),
        Entry(
            "read-after-demotion",
            "A replica that has led once goes on answering strong reads.",
            "linearizability; leaders that change, strong reads"
        ),
        Entry(
            "retry-applied-twice",
            "A write whose outcome is unknown is handed to a leader again.",
            "linearizability, one version for each write; streams that break"
        ),
        Entry(
            "acknowledged-before-commit",
            "A write is acknowledged as soon as the leader has proposed it.",
            "linearizability; nothing or a leader that is lost"
        ),
        Entry(
            "stale-map-accepted",
            "A node trusts its copy of the catalog and refuses tables unknown to it.",
            "an active table is never refused; lost disks, nodes behind in the catalog"
        ),
        Entry(
            "vote-not-persisted",
            "A replica forgets in a restart what it voted for.",
            "votes are on disk, one leader per term; restarts while leaders are elected"
        ),
        Entry(
            "shorter-log-elected",
            "A vote is given to a candidate that lacks entries of the voter's log.",
            "leader completeness; replicas that fell behind, leaders that are lost"
        ),
        Entry(
            "log-cut-past-match",
            "A follower cuts its log behind every append, conflict or not.",
            "acknowledged entries are in the log; streams that break while writes go on"
        ),
        Entry(
            "batch-half-applied",
            "A crash leaves half of a turn's batch on the disk.",
            "digests, convergence; crashes while writes go on"
        ),
        Entry(
            "acknowledged-before-sync",
            "Appends and votes are acknowledged before the disk has synced them.",
            "acknowledged entries are in the log, leader completeness; power that fails"
        ),
        Entry(
            "index-entry-left",
            "An item that moves in an index leaves its former entry behind.",
            "indexes hold what follows from the items; writes that change an index's key"
        ),
        Entry(
            "index-backfill-skips",
            "What changes while an index is backfilled is taken for a part of the backfill.",
            "indexes hold what follows from the items; an index made under load"
        ),
        Entry(
            "index-recorded-early",
            "How far an index is goes on record as soon as a batch leaves for it.",
            "indexes hold what follows from the items; leaders that are lost, indexes without one"
        ),
        Entry(
            "local-entry-left",
            "An item that moves in a local index leaves its former entry behind.",
            "local indexes follow from the items beside them; nothing more"
        ),
        Entry(
            "snapshot-without-entries",
            "A snapshot leaves out the entries of local indexes.",
            "local indexes follow from the items beside them; a replica that fell behind"
        ),
        Entry(
            "expiry-of-renewed",
            "An item that was found expired is deleted although it was renewed since.",
            "only what has expired is removed; items written while they expire"
        ),
    ]
}
