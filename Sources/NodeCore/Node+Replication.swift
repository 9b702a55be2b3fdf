import Consensus
import DataModel
import Placement
import Primitives
import Replication
import Tables

/// One other region of a table, as the leader of one of its partitions sees it.
struct Destination {
    let region: RegionID
    var stream: OutboundStream
    /// Present while the region is still given what was there before it joined.
    var backfill: Backfill?
    /// The stream was opened, with a backfill, while the region joins; one from before that stands
    /// for a former membership.
    var isJoining = false
    /// The node there that answered last as leader.
    var leader: NodeID?
    /// What is committed here and not acknowledged there.
    var backlog: BacklogMeter
}

/// The way of one partition's items to a region that joined the table.
///
/// The items are read from the live store in key order while writes go on: what changes behind the
/// reader is in the log after the starting point and follows as ordinary changes.
struct Backfill {
    /// Only items whose version this region made; nil for all, which the sponsor sends.
    let origin: RegionID?
    /// Where the ordinary stream takes over.
    let start: ReplicationCursor
    var after: ItemKey?
    /// The number of the chunk under way, from a drawn one on: an answer that was meant for an
    /// earlier backfill must not pass for one to this.
    var chunk: UInt64
    /// The chunk under way, until it is acknowledged.
    ///
    /// It is sent again as it was: read anew it could end elsewhere, and the answer to its first
    /// form would be taken for one to its second.
    var underWay: Chunk?
    /// When the chunk under way is sent again.
    var retryAt: Instant = .zero
    var patience = NodeTiming.replicationRetry

    struct Chunk {
        let batch: ChangeBatch
        /// Where the next one begins; nil after the last.
        let next: ItemKey?
    }

    init(origin: RegionID?, start: ReplicationCursor, firstChunk: UInt64) {
        self.origin = origin
        self.start = start
        self.chunk = max(1, firstChunk)
    }
}

extension Node {
    /// Opens a stream to each other region of the table, from where the partition's record says.
    mutating func openDestinations(_ slot: Int, _ clocks: Clocks) {
        guard let id = self.groups[slot]?.table, let table = self.catalog.table(id),
            self.groups[slot]?.partition != nil
        else { return }
        let own = self.settings.region
        let replicas = (table.global?.replicas ?? []).filter { replica in
            replica.region != own && replica.status != .deleting
        }
        self.groups[slot]!.destinations.removeAll { destination in
            let replica = replicas.first { $0.region == destination.region }
            guard let replica else { return true }
            return replica.status == .creating && !destination.isJoining
        }
        for replica in replicas {
            let isJoining = replica.status == .creating
            let place = self.groups[slot]!.destinations.firstIndex { $0.region == replica.region }
            if let place {
                self.groups[slot]!.destinations[place].isJoining = isJoining
                continue
            }
            let partition = self.groups[slot]!.partition!
            // Of a region that joins, what is on record may be of a former membership.
            let known = isJoining ? nil : partition.recordedCursor(to: replica.region)
            // What was applied in this turn does not show in the store yet, so it is not part of
            // a backfill: the stream brings it.
            let start = known ?? partition.settled
            var destination = Destination(
                region: replica.region,
                stream: OutboundStream(from: start),
                isJoining: isJoining,
                backlog: BacklogMeter(from: start.totals)
            )
            if known == nil {
                destination.backfill = Backfill(
                    origin: replica.sponsor == own ? nil : own,
                    start: start,
                    firstChunk: self.random.next() >> 1
                )
            }
            if partition.totals > start.totals {
                // The oldest of these was committed no later than now.
                destination.backlog.committed(partition.totals, at: clocks.now)
            }
            destination.stream.isPaused = self.pausedDestinations.contains(replica.region)
            destination.stream.bug = self.settings.bug
            self.groups[slot]!.destinations.append(destination)
        }
        self.forgetCursors(slot)
        self.markDirty(slot)
    }

    /// A region that left the table is given everything when it comes back, so what is on record of
    /// it must go: once it is away, or at the latest when it is being given everything.
    private mutating func forgetCursors(_ slot: Int) {
        guard self.groups[slot]!.raft.leaderReady, let partition = self.groups[slot]!.partition
        else { return }
        let settled = self.groups[slot]!.destinations.filter { $0.backfill == nil }.map(\.region)
        for (region, cursor) in partition.outbound
        where cursor != .forgotten && !settled.contains(region) {
            // Without leadership the next leader does it.
            _ = try? self.propose(partition.proposal(moving: region, to: .forgotten), slot)
        }
    }

    /// The catalog changed a table: its partitions' streams follow.
    mutating func tableChanged(_ id: TableID, _ clocks: Clocks) {
        guard let table = self.catalog.table(id) else { return }
        for partition in self.catalog.partitions(of: id) {
            guard let slot = self.slot(of: partition.id) else { continue }
            self.groups[slot]!.partition?.descriptor.isGlobal = table.isGlobal
            if self.groups[slot]!.raft.isLeader {
                self.openDestinations(slot, clocks)
                self.openIndexStreams(slot, clocks)
            }
        }
    }

    /// Sends nothing to exactly these regions; what is committed meanwhile stays in the log.
    mutating func pauseReplication(to regions: [RegionID]) {
        self.pausedDestinations = regions
        for slot in self.groups.indices {
            guard let group = self.groups[slot] else { continue }
            for index in group.destinations.indices {
                let isPaused = regions.contains(group.destinations[index].region)
                self.groups[slot]!.destinations[index].stream.isPaused = isPaused
            }
        }
        self.markLeadersDirty()
    }

    func hasBackfilled(_ slot: Int, _ region: RegionID) -> Bool {
        guard let group = self.groups[slot],
            group.destinations.contains(where: { $0.region == region && $0.backfill == nil })
        else { return false }
        return group.partition?.recordedCursor(to: region) != nil
    }

    /// The log index from which other regions or indexes still need the log; nil when none does.
    func lowestIndexNeeded(_ group: Group) -> UInt64? {
        guard let partition = group.partition, let table = self.table(of: group)
        else { return nil }
        var lowest = self.lowestIndexed(group)
        // Also of regions that this node's copy of the catalog does not name yet.
        for (_, cursor) in partition.outbound where cursor != .forgotten {
            lowest = min(lowest ?? .max, cursor.index)
        }
        for replica in table.global?.replicas ?? []
        where replica.region != self.settings.region && replica.status != .deleting {
            let index =
                partition.recordedCursor(to: replica.region)?.index
                ?? group.destinations.first { $0.region == replica.region }?.backfill?.start.index
                ?? 0
            lowest = min(lowest ?? .max, index)
        }
        return lowest
    }

    // MARK: Sending

    /// Ships what this partition's other regions lack, as far as their windows allow.
    mutating func replicate(_ slot: Int, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard let group = self.groups[slot], !group.destinations.isEmpty, group.leaderReady
        else { return }
        for index in group.destinations.indices {
            if self.groups[slot]!.destinations[index].backfill != nil {
                self.sendBackfill(slot, index, clocks, &effects)
            }
            self.sendChanges(slot, index, clocks, &effects)
            self.settleBacklog(slot, index)
            self.recordCursor(slot, index, clocks)
        }
        self.trimRecentChanges(slot)
    }

    /// The backlog follows the stream, whatever moved that: an answer, a gap, a backfill, or what
    /// turned out to be there already.
    private mutating func settleBacklog(_ slot: Int, _ index: Int) {
        let group = self.groups[slot]!
        guard group.destinations[index].backfill == nil else { return }
        let totals = group.destinations[index].stream.acknowledged.totals
        group.destinations[index].backlog.acknowledged(totals)
    }

    private mutating func sendChanges(
        _ slot: Int,
        _ index: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let group = self.groups[slot]!
        guard group.destinations[index].backfill == nil else { return }
        let applied = group.raft.appliedIndex.value
        if self.groups[slot]!.destinations[index].stream.timeout(now: clocks.now) {
            // Another node may lead there by now, or be reached.
            self.groups[slot]!.destinations[index].leader = nil
        }
        while let plan = self.groups[slot]!.destinations[index].stream.batchToSend(
            now: clocks.now,
            lastCommitted: applied
        ) {
            guard let table = self.table(of: group), let node = self.destinationNode(slot, index)
            else { return }
            let stream = self.groups[slot]!.destinations[index].stream
            var collector = ChangeCollector(after: stream.read, bytesMax: plan.bytesMax)
            do throws(StoreError) {
                try self.collect(slot, from: plan.from, through: applied, into: &collector)
            } catch {
                self.storeFailure = error
                return
            }
            let cursor = collector.cursor
            guard cursor.index >= plan.from else {
                if plan.from <= group.raft.base.index.value,
                    self.settings.bug != .logDroppedBeforeCursor
                {
                    // The log does not reach back so far: the region is given everything.
                    self.restartStream(slot, index)
                }
                // Else the store does not show the turn's own entries; the next turn goes on.
                return
            }
            guard var batch = collector.batch(source: self.settings.region, epoch: group.id)
            else {
                self.groups[slot]!.destinations[index].stream.skipped(upTo: cursor.index)
                continue
            }
            if let oldest = batch.changes.first {
                self.groups[slot]!.destinations[index].backlog.found(
                    ordinal: oldest.ordinal,
                    committedAt: oldest.committedAt
                )
            }
            if self.groups[slot]!.destinations[index].stream.takeSkip() { batch.changes = [] }
            let isNeeded = self.groups[slot]!.destinations[index].stream.willSend(
                upTo: cursor,
                bytes: collector.bytes,
                now: clocks.now
            )
            if isNeeded { self.ship(batch, of: table, slot, to: node, chunk: 0, &effects) }
        }
    }

    func ship(
        _ batch: ChangeBatch,
        of table: TableRecord,
        _ slot: Int,
        to node: NodeID,
        chunk: UInt64,
        _ effects: inout [Effect]
    ) {
        let id = self.groups[slot]!.id
        let partitions = self.catalog.partitions(of: table.id)
        guard let position = partitions.firstIndex(where: { $0.id == id }) else { return }
        var writer = ByteWriter(reserving: 256)
        batch.encode(into: &writer)
        let message = ReplicationBatch(
            table: table.name,
            sourceNode: self.settings.id,
            position: UInt16(position),
            chunk: chunk,
            batch: writer.bytes
        )
        effects.append(.send(.replicate(message), to: node))
    }

    /// The node that led the partition there last, else any that is connected.
    mutating func destinationNode(_ slot: Int, _ index: Int) -> NodeID? {
        let destination = self.groups[slot]!.destinations[index]
        if let leader = destination.leader, self.connectedNodes[Int(leader.index)] {
            return leader
        }
        let node = self.reachableNode(in: destination.region)
        self.groups[slot]!.destinations[index].leader = node
        return node
    }

    /// Reads committed entries from memory, or, when they are older, from the store.
    private func collect(
        _ slot: Int,
        from: UInt64,
        through: UInt64,
        into collector: inout ChangeCollector
    ) throws(StoreError) {
        let group = self.groups[slot]!
        if let recent = group.recentChanges.entries(from: from) {
            for entry in recent {
                try collector.take(entry.payload, at: entry.index)
                if collector.isFull { return }
            }
            return
        }
        let stored = group.log.entries(
            LogIndex(from),
            through: LogIndex(through),
            bytesMax: collector.bytesMax
        )
        for entry in stored ?? [] {
            try collector.take(
                entry.kind == .command ? entry.payload : nil,
                at: entry.index.value
            )
            if collector.isFull { return }
        }
    }

    /// Forgets what every stream has read.
    mutating func trimRecentChanges(_ slot: Int) {
        let group = self.groups[slot]!
        guard let first = group.recentChanges.first else { return }
        var read = group.destinations.reduce(UInt64.max) { min($0, $1.stream.read.index) }
        read = group.indexStreams.reduce(read) { min($0, $1.read) }
        let isRead = read >= first.index ? read - first.index + 1 : 0
        group.recentChanges.removeFirst(Int(min(UInt64(group.recentChanges.count), isRead)))
        group.recentChanges.trim()
    }

    private mutating func recordCursor(_ slot: Int, _ index: Int, _ clocks: Clocks) {
        let group = self.groups[slot]!
        guard group.destinations[index].backfill == nil,
            let cursor = group.destinations[index].stream.cursorToRecord(now: clocks.now)
        else { return }
        let proposal = group.partition!.proposal(
            moving: group.destinations[index].region,
            to: cursor
        )
        guard (try? self.propose(proposal, slot)) != nil else { return }
        self.groups[slot]!.destinations[index].stream.recordProposed(cursor, now: clocks.now)
        self.markDirty(slot)
    }

    /// A stream to another region was made anew, or a batch is overdue.
    mutating func rewindStreams(_ slot: Int, to region: RegionID) {
        guard let group = self.groups[slot] else { return }
        for index in group.destinations.indices
        where group.destinations[index].region == region {
            self.groups[slot]!.destinations[index].stream.linkReset()
            self.groups[slot]!.destinations[index].backfill?.retryAt = .zero
            self.markDirty(slot)
        }
    }

    /// Leaders with unacknowledged batches look at their timers.
    mutating func tickReplication(_ clocks: Clocks) {
        guard self.ticks % 25 == 0 else { return }
        for slot in self.groups.indices
        where self.groups[slot]?.destinations.isEmpty == false {
            guard let group = self.groups[slot] else { continue }
            let isWaiting = group.destinations.contains { destination in
                destination.backfill != nil
                    || destination.stream.read.index < group.raft.appliedIndex.value
                    || destination.stream.inFlightCount > 0
                    || destination.stream.cursorToRecord(now: clocks.now) != nil
            }
            if isWaiting { self.markDirty(slot) }
        }
    }
}

extension ReplicationCursor {
    /// On record for a region that left the table.
    static let forgotten = ReplicationCursor(index: .max)
}

extension Tables.Partition {
    /// How far a region has acknowledged; nil when it still has to be given everything.
    func recordedCursor(to region: RegionID) -> ReplicationCursor? {
        let cursor = self.cursor(to: region)
        return cursor == .forgotten ? nil : cursor
    }
}
