package import Primitives

/// Every bound of a node in one place; over a bound a request is refused, nothing grows.
package enum NodeLimits {
    /// Requests of clients and peers that wait for an answer at once.
    package static let requestsMax = 20_000
    /// Items in one page are cut at this many bytes before the filter, as the service does.
    package static let pageBytes = 1 << 20
    /// A BatchGetItem answer stops at this many bytes; the rest is returned as unprocessed.
    package static let batchBytes = 16 << 20
    /// A partition reads no further for a BatchGetItem once it has read so many bytes.
    package static let batchPartitionBytes = 1 << 20
    /// How long a request may look for a leader before it fails: several times what a failover
    /// takes.
    package static let requestPatience: Nanoseconds = .milliseconds(3_000)
    /// How long a request that was handed to another node may take.
    ///
    /// It ends sooner when that node is lost or no longer shows that it hears this one; a leader
    /// that cannot commit steps down and says so long before.
    package static let forwardPatience: Nanoseconds = .milliseconds(5_000)
    /// Every request is answered within this, if only with an error.
    ///
    /// The longest looked for a leader to the last moment and was handed over then. Clients wait
    /// longer (the read time-outs of the AWS SDKs begin at 30 s), so that they hear of an error,
    /// and repeat, instead of hanging.
    package static let answerMax: Nanoseconds = requestPatience + forwardPatience
    /// Votes kept for groups that are about to be known here.
    package static let earlyMax = 8_192
    /// Bytes of a snapshot chunk.
    package static let snapshotChunkBytes = 256 << 10
    /// Snapshot streams that one node sends at once.
    package static let snapshotStreamsMax = 4
    /// Entries kept in the log for followers that lag a little.
    package static let logRetained: UInt64 = 2_000
    /// Changes and bytes in one replication batch.
    package static let replicationBatchBytes = 256 << 10
    /// Records that one part of an index's backfill reads at most.
    package static let indexBackfillRecords = 512
    /// Tags of one table; they are listed in one page.
    package static let tagsMax = 50
    /// Indexes of one table.
    package static let localIndexesMax = 5
    package static let globalIndexesMax = 20
    /// Attributes that all indexes of a table name in `NonKeyAttributes`.
    package static let projectedNamesMax = 100
    /// Bytes of a resource policy.
    package static let policyBytesMax = 20 * 1_024
    /// Tables of one region.
    package static let tablesMax = 2_500
    /// Conflicts that one `conflicts` call returns.
    package static let conflictsMax = 20_000
    /// Keys that one drill-down into a digest bucket returns.
    package static let digestKeysMax = 10_000
}

/// The times that make failover: how often nodes greet each other and how long they trust.
package enum NodeTiming {
    /// Between two greetings to each node of the region.
    package static let heartbeat: Nanoseconds = .milliseconds(60)
    /// How long a follower that heard its leader's node promises to elect nobody else.
    package static let lease: Nanoseconds = .milliseconds(450)
    /// What a leader takes off the promise before it relies on it, against unequal clock rates.
    package static let leaseMargin: Nanoseconds = .milliseconds(45)
    /// Silence after which a node counts as lost, when its connection did not break.
    package static let silence: Nanoseconds = .milliseconds(700)
    /// How often the host must call `tick`.
    package static let tick: Nanoseconds = .milliseconds(20)
    /// Between two rounds of a catalog leader over tables that are not yet what they should be.
    package static let reconcile: Nanoseconds = .milliseconds(100)
    /// Between two rounds of every leader over its group's members and tombstones.
    package static let reconcileMembers: Nanoseconds = .milliseconds(500)
    /// How long a node must have been up before it leads again what it is preferred for.
    package static let returnDelay: Nanoseconds = .seconds(5)
    /// Tombstones of global tables are kept at least this long: a region that was cut off for less
    /// cannot bring deleted items back.
    package static let tombstoneAge: Nanoseconds = .seconds(24 * 3_600)
    /// A part of an index's batch that found no leader is sent again after this.
    package static let indexRetry: Nanoseconds = .milliseconds(100)
    /// How often it is put on record how far an index is, while it changes.
    package static let indexRecord: Nanoseconds = .seconds(1)
    /// A part of a backfill that is not acknowledged is sent again after this, doubling up to the
    /// maximum.
    package static let replicationRetry: Nanoseconds = .milliseconds(600)
    package static let replicationRetryMax: Nanoseconds = .seconds(60)
}
