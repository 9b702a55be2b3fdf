package import Consensus
package import Primitives
package import Tables

/// What nodes say to each other; one case a frame.
///
/// Within a region: greetings, Raft, snapshots, forwarded work and the catalog. Between regions:
/// replication, global table specifications and probes.
package enum Message: Sendable {
    // Liveness, within a region.
    /// `boot` differs for each start of the sender's process; zero from one that nobody hears.
    case greeting(sentAt: Instant, boot: UInt64)
    case greetingAcknowledged(sentAt: Instant)

    /// One Raft message of one group, from one incarnation to another.
    case raft(PartitionID, from: ReplicaID, to: ReplicaID, Consensus.Message)

    // A node that lost its disk asks for a new incarnation; `boot` differs for each start of its
    // process.
    case join(boot: UInt64)
    /// Answers the process that asked, and no later one.
    case welcome(incarnation: UInt32, boot: UInt64)

    case snapshotChunk(SnapshotChunk)
    case snapshotReceived(PartitionID, from: ReplicaID, stream: UInt64, sequence: UInt64)

    /// A client's operation for a partition led elsewhere: the request bytes as the host keeps
    /// them.
    case operation(call: UInt64, request: [UInt8])
    case operationAnswer(call: UInt64, OperationAnswer)

    // Parts of operations that span partitions.
    case work(call: UInt64, PartitionID, PartitionWork)
    case workDone(call: UInt64, WorkResult)

    /// Asks the catalog's leader how far the catalog's log is committed.
    case catalogFence(call: UInt64)
    case catalogFenced(call: UInt64, index: UInt64?)

    /// A partition of a table that is being made has a leader that serves.
    case partitionReady(TableID, PartitionID)
    /// A partition has shipped all it had to a region that joined the table.
    case backfilled(TableID, PartitionID, destination: RegionID)

    case replicate(ReplicationBatch)
    case replicated(ReplicationAnswer)

    case globalTable(GlobalTableNotice)
    case globalTableAnswer(GlobalTableAnswer)

    // Measurements of links.
    case probe(id: UInt64, sentAt: Instant)
    case probeAnswer(id: UInt64, sentAt: Instant, arrivedAt: Instant)
    /// Part of a burst that loads a link; counted by the receiving host, nothing to the core.
    case probeLoad(id: UInt64, sentAt: Instant, padding: [UInt8])
}

/// The outcome of an operation that another node carried out.
package enum OperationAnswer: Equatable, Sendable {
    /// The HTTP status and body that the client gets, and header lines that it asked for.
    case answered(status: UInt16, fields: [UInt8], body: [UInt8])
    /// That node does not lead the partition; `leader` may know better.
    case notLeader(hint: NodeID?)
}

/// Raw records of one group, in key order, on their way to a replica that cannot be caught up from
/// the log.
package struct SnapshotChunk: Equatable, Sendable {
    package struct Record: Equatable, Sendable {
        package var space: UInt8
        package var key: [UInt8]
        package var value: [UInt8]

        package init(space: UInt8, key: [UInt8], value: [UInt8]) {
            self.space = space
            self.key = key
            self.value = value
        }
    }

    package var group: PartitionID
    package var from: ReplicaID
    package var to: ReplicaID
    package var term: UInt64
    /// Where the sender's log begins: who has that much needs no snapshot.
    package var base: LogPosition
    package var stream: UInt64
    package var sequence: UInt64
    package var isLast: Bool
    package var records: [Record]

    package init(
        group: PartitionID,
        from: ReplicaID,
        to: ReplicaID,
        term: UInt64,
        base: LogPosition,
        stream: UInt64,
        sequence: UInt64,
        isLast: Bool,
        records: [Record]
    ) {
        self.group = group
        self.from = from
        self.to = to
        self.term = term
        self.base = base
        self.stream = stream
        self.sequence = sequence
        self.isLast = isLast
        self.records = records
    }
}

/// A piece of a batch or scan that one partition carries out.
package enum PartitionWork: Equatable, Sendable {
    /// Reads items by storage key.
    case read(keys: [[UInt8]], isConsistent: Bool)
    /// Puts and deletes without conditions; an empty image deletes. What they take is told when it
    /// is counted.
    case write(table: TableID, [RecordWrite], isCounted: Bool)
    /// One page of a scan over a range of tokens.
    case page(ScanRange, isConsistent: Bool)
    /// Changes for a partition of a global index.
    case index(IndexBatch)
}

package struct RecordWrite: Equatable, Sendable {
    package var key: [UInt8]
    /// Packed item bytes, or nil to delete.
    package var image: [UInt8]?

    package init(key: [UInt8], image: [UInt8]?) {
        self.key = key
        self.image = image
    }
}

/// What one write of a batch took, and what it made of its item collection.
package struct WriteCost: Equatable, Sendable {
    /// Write units of the table.
    package var units: Int
    /// Of each index whose entry changed.
    package var indexes: [IndexUnits]
    /// Bytes of the collection; only in tables with local indexes.
    package var collection: UInt64?

    package init(units: Int, indexes: [IndexUnits] = [], collection: UInt64? = nil) {
        self.units = units
        self.indexes = indexes
        self.collection = collection
    }
}

/// Where a page of a scan starts and how much it may hold.
package struct ScanRange: Equatable, Sendable {
    package var first: Token
    package var last: Token
    /// Storage key after which to go on.
    package var after: [UInt8]?
    package var itemsMax: Int
    package var bytesMax: Int
    /// The number of a local index, or zero.
    package var local: UInt8
    /// Answer with the items that a local index's entries belong to.
    package var fetchesItems: Bool

    package init(
        first: Token,
        last: Token,
        after: [UInt8]?,
        itemsMax: Int,
        bytesMax: Int,
        local: UInt8 = 0,
        fetchesItems: Bool = false
    ) {
        self.first = first
        self.last = last
        self.after = after
        self.itemsMax = itemsMax
        self.bytesMax = bytesMax
        self.local = local
        self.fetchesItems = fetchesItems
    }
}

package enum WorkResult: Equatable, Sendable {
    /// Packed items in the order of the keys, nil where there is none; fewer when they are too
    /// many bytes for one answer.
    case items([[UInt8]?])
    /// Items of a page with the storage key after which more may follow.
    case page(items: [[UInt8]], next: [UInt8]?, bytes: Int)
    /// In the order of the writes; nothing when nothing was to be counted.
    case written([WriteCost])
    case notLeader(hint: NodeID?)
    /// The items of a partition key would be more bytes than the table allows.
    case collectionTooLarge
    case failed
}

/// Changes of one partition for the same partition of another region.
package struct ReplicationBatch: Equatable, Sendable {
    package var table: String
    package var sourceNode: NodeID
    /// Position of the partition among the table's partitions.
    package var position: UInt16
    /// Echoed by the answer to a backfill chunk, so that the sender can tell chunks apart.
    package var chunk: UInt64
    /// An encoded ``ChangeBatch``.
    package var batch: [UInt8]
    /// Already handed on once inside the destination region.
    package var isRelayed: Bool

    package init(
        table: String,
        sourceNode: NodeID,
        position: UInt16,
        chunk: UInt64,
        batch: [UInt8],
        isRelayed: Bool = false
    ) {
        self.table = table
        self.sourceNode = sourceNode
        self.position = position
        self.chunk = chunk
        self.batch = batch
        self.isRelayed = isRelayed
    }
}

package struct ReplicationAnswer: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        /// Every change up to this ordinal is taken in.
        case applied(upTo: UInt64)
        case appliedChunk(UInt64)
        /// The changes after this ordinal are missing.
        case gap(have: UInt64)
    }

    package var epoch: PartitionID
    package var destination: RegionID
    /// The node that leads the partition there: the next batch goes straight to it.
    package var leader: NodeID
    package var outcome: Outcome

    package init(epoch: PartitionID, destination: RegionID, leader: NodeID, outcome: Outcome) {
        self.epoch = epoch
        self.destination = destination
        self.leader = leader
        self.outcome = outcome
    }
}

/// What one region's catalog tells another about a global table.
package enum GlobalTableNotice: Sendable, Equatable {
    /// Is the name free in the receiving region?
    case inquiry(call: UInt64, from: NodeID, table: String)
    /// The table as its replicas should be; encoded ``TableRecord``.
    case state(from: NodeID, sender: RegionID, record: [UInt8])
}

package enum GlobalTableAnswer: Sendable, Equatable {
    case inquired(call: UInt64, exists: Bool)
    case adopted(table: String, region: RegionID, generation: UInt64)
}
