import Consensus
import Placement
import Primitives
import Replication
import Tables

/// The lag of what this node applied, by table and source region.
struct LagMeters {
    struct Entry {
        let table: String
        let source: RegionID
        var meter = LagMeter()
    }

    private(set) var entries: [Entry] = []

    mutating func applied(
        _ table: String,
        _ source: RegionID,
        committedAt: Instant,
        appliedAt: Instant
    ) {
        if let index = self.entries.firstIndex(where: { $0.source == source && $0.table == table })
        {
            self.entries[index].meter.applied(committedAt: committedAt, appliedAt: appliedAt)
        } else {
            var entry = Entry(table: table, source: source)
            entry.meter.applied(committedAt: committedAt, appliedAt: appliedAt)
            self.entries.append(entry)
        }
    }

    mutating func forget(_ table: String) { self.entries.removeAll { $0.table == table } }
}

/// Changes of other regions on their way in.
extension Node {
    mutating func receive(
        _ message: ReplicationBatch,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let table = self.catalog.table(named: message.table), table.isGlobal else { return }
        let partitions = self.catalog.partitions(of: table.id)
        guard Int(message.position) < partitions.count else { return }
        let partition = partitions[Int(message.position)]
        guard let slot = self.writableSlot(partition.id, clocks) else {
            guard !message.isRelayed, let node = self.workNode(for: partition, true, clocks)
            else { return }
            var relayed = message
            relayed.isRelayed = true
            effects.append(.send(.replicate(relayed), to: node))
            return
        }
        var reader = ByteReader(message.batch)
        guard let batch = try? ChangeBatch(from: &reader) else { return }
        self.take(batch, message, slot, clocks, &effects)
    }

    private mutating func take(
        _ batch: ChangeBatch,
        _ message: ReplicationBatch,
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let own = self.settings.region
        var answer = ReplicationAnswer(
            epoch: PartitionID(batch.epoch),
            destination: own,
            leader: self.settings.id,
            outcome: .appliedChunk(message.chunk)
        )
        if case .following(_, let ordinal) = batch.extent {
            answer.outcome = .applied(upTo: ordinal)
        }
        do throws(StoreError) {
            let decision = try self.groups[slot]!.partition!.evaluate(
                batch,
                clock: &self.clock,
                wall: clocks.wall,
                now: clocks.now,
                self.store
            )
            switch decision {
            case .duplicate(let have):
                answer.outcome = .applied(upTo: have)
                effects.append(.send(.replicated(answer), to: message.sourceNode))
            case .gap(let have):
                answer.outcome = .gap(have: have)
                effects.append(.send(.replicated(answer), to: message.sourceNode))
            case .malformed:
                return
            case .proposal(let proposal, let counts):
                guard let index = try? self.propose(proposal, slot) else { return }
                if let ordinal = counts.cutAt { answer.outcome = .gap(have: ordinal) }
                if self.settings.bug == .cursorBeforeCommit {
                    return effects.append(.send(.replicated(answer), to: message.sourceNode))
                }
                self.groups[slot]!.waiters.append(
                    Waiter(index: index, outcome: .replication(to: message.sourceNode, answer))
                )
            }
        } catch {
            self.storeFailure = error
        }
    }

    // MARK: Answers, at the source

    mutating func receive(
        _ answer: ReplicationAnswer,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let slot = self.slot(of: answer.epoch), let group = self.groups[slot],
            group.raft.isLeader,
            let index = group.destinations.firstIndex(where: { $0.region == answer.destination })
        else { return }
        self.groups[slot]!.destinations[index].leader = answer.leader
        switch answer.outcome {
        case .applied(let ordinal):
            self.groups[slot]!.destinations[index].stream.acknowledged(upTo: ordinal)
        case .gap(let have):
            if !self.groups[slot]!.destinations[index].stream.gapReported(have: have) {
                self.restartStream(slot, index)
            }
        case .appliedChunk(let chunk):
            self.chunkApplied(chunk, slot, index, clocks)
        }
        self.markDirty(slot)
    }

    /// The destination has lost what it had acknowledged (its table was made anew): it is given
    /// everything again.
    mutating func restartStream(_ slot: Int, _ index: Int) {
        let group = self.groups[slot]!
        guard let partition = group.partition else { return }
        let start = partition.settled
        self.groups[slot]!.destinations[index].stream.restart(from: start)
        self.groups[slot]!.destinations[index].backfill = Backfill(
            origin: nil,
            start: start,
            firstChunk: self.random.next() >> 1
        )
        self.markDirty(slot)
    }

    // MARK: Backfill

    mutating func sendBackfill(
        _ slot: Int,
        _ index: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let group = self.groups[slot]!
        guard var backfill = group.destinations[index].backfill,
            !group.destinations[index].stream.isPaused,
            backfill.underWay == nil || backfill.retryAt <= clocks.now,
            let table = self.table(of: group)
        else { return }
        if backfill.underWay == nil {
            do throws(StoreError) {
                backfill.underWay = try self.nextChunk(of: backfill, group)
            } catch {
                self.storeFailure = error
                return
            }
            backfill.patience = NodeTiming.replicationRetry
        } else if backfill.retryAt > .zero {
            // Another node may lead there by now, or be reached; or the link is only slow.
            self.groups[slot]!.destinations[index].leader = nil
            backfill.patience = min(2 * backfill.patience, NodeTiming.replicationRetryMax)
        }
        guard let chunk = backfill.underWay, let node = self.destinationNode(slot, index) else {
            return
        }
        backfill.retryAt = clocks.now + backfill.patience
        self.groups[slot]!.destinations[index].backfill = backfill
        self.ship(chunk.batch, of: table, slot, to: node, chunk: backfill.chunk, &effects)
    }

    private func nextChunk(
        of backfill: Backfill,
        _ group: Group
    ) throws(StoreError) -> Backfill.Chunk {
        let read = try group.partition!.backfillChunk(
            after: backfill.after,
            bytesMax: NodeLimits.replicationBatchBytes,
            onlyFrom: backfill.origin,
            self.store
        )
        let extent: ChangeBatch.Extent =
            read.next == nil ? .backfilled(upTo: backfill.start.totals.changes) : .backfill
        return Backfill.Chunk(
            batch: ChangeBatch(
                source: self.settings.region,
                epoch: group.id.number,
                extent: extent,
                changes: read.changes
            ),
            next: read.next
        )
    }

    private mutating func chunkApplied(
        _ chunk: UInt64,
        _ slot: Int,
        _ index: Int,
        _ clocks: Clocks
    ) {
        guard var backfill = self.groups[slot]!.destinations[index].backfill,
            backfill.chunk == chunk, let sent = backfill.underWay
        else { return }
        if let next = sent.next {
            backfill.after = next
            backfill.chunk += 1
            backfill.underWay = nil
            self.groups[slot]!.destinations[index].backfill = backfill
            return
        }
        let region = self.groups[slot]!.destinations[index].region
        // On record, so that a new leader goes on from here and the region can be called active.
        let proposal = self.groups[slot]!.partition!.proposal(moving: region, to: backfill.start)
        guard (try? self.propose(proposal, slot)) != nil else { return }
        self.groups[slot]!.destinations[index].backfill = nil
        self.groups[slot]!.destinations[index].stream.restart(from: backfill.start)
    }
}
