import Consensus
import DataModel
import Placement
package import Primitives
import Replication
import Tables

/// Keeping global indexes up: each partition of a table reads its own log and sends the partitions
/// of its indexes what it changes there.
extension Node {
    // MARK: Which

    /// Makes a leader's streams those of the indexes that the catalog names.
    mutating func openIndexStreams(_ slot: Int, _ clocks: Clocks) {
        guard let group = self.groups[slot], group.raft.leaderReady,
            let partition = group.partition,
            let table = self.table(of: group)
        else { return }
        let wanted = table.options.globals
        guard !wanted.isEmpty || !partition.indexes.isEmpty else { return }
        for index in wanted where index.status != .deleting && !partition.maintains(index.id) {
            let proposal = partition.proposal(starting: index.id, index.definition)
            guard (try? self.propose(proposal, slot)) != nil else { return }
        }
        for index in partition.indexes {
            if wanted.contains(where: { $0.id == index.id }) {
                if !group.indexStreams.contains(where: { $0.id == index.id }) {
                    self.groups[slot]!.indexStreams.append(
                        IndexStream(index, of: table.id, now: clocks.now)
                    )
                    self.markDirty(slot)
                }
            } else if partition.maintains(index.id), self.catalog.version >= index.id.version {
                // Not merely unknown to an old copy of the catalog.
                self.groups[slot]!.indexStreams.removeAll { $0.id == index.id }
                _ = try? self.propose(partition.proposal(droppingIndex: index.id), slot)
            }
        }
    }

    /// The lowest log entry that indexes still need, nil when none does.
    func lowestIndexed(_ group: Group) -> UInt64? {
        group.partition?.indexes.map(\.cursor).min()
    }

    // MARK: Sending

    /// Goes on with every index of a partition that this node leads.
    mutating func feedIndexes(_ slot: Int, _ clocks: Clocks, _ effects: inout [Effect]) {
        // Looked at in place: most groups have nothing to do with indexes.
        guard self.groups[slot]?.partition?.indexes.isEmpty == false,
            let group = self.groups[slot], let partition = group.partition,
            group.raft.leaderReady, group.raft.isLeader
        else { return }
        let isOpen = partition.indexes.allSatisfy { index in
            !partition.maintains(index.id) || group.indexStreams.contains { $0.id == index.id }
        }
        if !isOpen { self.openIndexStreams(slot, clocks) }
        guard !self.groups[slot]!.indexStreams.isEmpty else { return }
        let ids = self.groups[slot]!.indexStreams.map(\.id)
        for id in ids {
            self.feed(id, slot, clocks, &effects)
            self.recordIndex(id, slot, clocks)
        }
        self.trimRecentChanges(slot)
    }

    private func indexStream(_ id: TableID, _ slot: Int) -> Int? {
        self.groups[slot]?.indexStreams.firstIndex { $0.id == id }
    }

    private mutating func feed(
        _ id: TableID,
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let place = self.indexStream(id, slot) else { return }
        if self.groups[slot]!.indexStreams[place].flight == nil {
            do throws(StoreError) {
                try self.fill(slot, place)
            } catch {
                self.storeFailure = error
                return
            }
        }
        guard let flight = self.groups[slot]!.indexStreams[place].flight,
            flight.retryAt <= clocks.now,
            flight.parts.contains(where: { $0.state == .stalled })
        else { return }
        self.groups[slot]!.indexStreams[place].flight!.retryAt =
            clocks.now + NodeTiming.indexRetry
        for (number, part) in flight.parts.enumerated() where part.state == .stalled {
            let origin = IndexPartOrigin(
                source: self.groups[slot]!.id,
                index: id,
                sequence: flight.sequence,
                part: number
            )
            self.send(part, origin, slot, clocks, &effects)
            // An answer that came at once may have moved the stream on.
            guard let place = self.indexStream(id, slot),
                self.groups[slot]!.indexStreams[place].flight?.sequence == flight.sequence
            else { return }
        }
    }

    private mutating func send(
        _ part: IndexStream.Flight.Part,
        _ origin: IndexPartOrigin,
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let place = self.indexStream(origin.index, slot),
            let partition = self.catalog.map.partition(part.partition)
        else { return }
        if self.writableSlot(part.partition, clocks) != nil {
            self.groups[slot]!.indexStreams[place].flight!.parts[origin.part].state = .waiting
            self.perform(
                .index(part.batch),
                on: part.partition,
                for: .index(origin),
                clocks,
                &effects
            )
        } else if let node = self.workNode(for: partition, true, clocks) {
            self.groups[slot]!.indexStreams[place].flight!.parts[origin.part].state = .waiting
            let call = self.calls.insert(
                Call(
                    kind: .index(origin),
                    node: node,
                    deadline: clocks.now + NodeLimits.forwardPatience
                )
            )
            effects.append(
                .send(.work(call: call, part.partition, .index(part.batch)), to: node)
            )
        }
    }

    /// Reads what comes next, if there is anything.
    private mutating func fill(_ slot: Int, _ place: Int) throws(StoreError) {
        let group = self.groups[slot]!
        let stream = group.indexStreams[place]
        guard let partition = group.partition else { return }
        switch stream.phase {
        case .backfilling(let after):
            guard partition.settled.index >= stream.start else { return }
            let part = try partition.indexBackfill(
                stream.definition,
                after: after,
                bytesMax: NodeLimits.replicationBatchBytes,
                recordsMax: self.settings.indexBackfillRecords,
                self.store
            )
            self.depart(slot, place, part.changes, .backfill, next: part.next)
        case .closing:
            let parts = self.catalog.partitions(of: stream.id).map { partition in
                IndexStream.Flight.Part(
                    partition: partition.id,
                    batch: IndexBatch(
                        source: group.id,
                        extent: .changes(upTo: stream.start),
                        changes: []
                    )
                )
            }
            self.depart(slot, place, parts, upTo: stream.start, next: nil)
        case .closed:
            let skips = self.settings.bug == .indexBackfillSkips
            let read = skips ? partition.settled.index : stream.start
            let proposal = partition.proposal(movingIndex: stream.id, to: read)
            guard (try? self.propose(proposal, slot)) != nil else { return }
            self.groups[slot]!.indexStreams[place].phase = .following
            self.groups[slot]!.indexStreams[place].read = read
            self.groups[slot]!.indexStreams[place].recorded = read
        case .following:
            try self.fillWithChanges(slot, place)
        }
    }

    private mutating func fillWithChanges(_ slot: Int, _ place: Int) throws(StoreError) {
        let group = self.groups[slot]!
        let stream = group.indexStreams[place]
        guard let partition = group.partition, stream.read < group.raft.appliedIndex.value else {
            return
        }
        var collector = IndexCollector(
            stream.definition,
            partition.descriptor.schema,
            after: stream.read,
            bytesMax: NodeLimits.replicationBatchBytes
        )
        collector.bug = self.settings.bug
        try self.eachCommitted(slot, after: stream.read) { (index, payload) throws(StoreError) in
            try collector.take(payload, at: index)
            return !collector.isFull
        }
        guard collector.read > stream.read else { return }
        let changes = collector.changes
        guard !changes.isEmpty else {
            self.groups[slot]!.indexStreams[place].read = collector.read
            if collector.read < group.raft.appliedIndex.value { self.unfinished.append(slot) }
            return
        }
        self.depart(slot, place, changes, .changes(upTo: collector.read), next: nil)
        self.groups[slot]!.indexStreams[place].flight?.committedAt = collector.committedAt
    }

    /// Committed entries behind an index, from memory or, when they are older, from the store.
    private func eachCommitted(
        _ slot: Int,
        after index: UInt64,
        _ body: (UInt64, [UInt8]?) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let group = self.groups[slot]!
        if let recent = group.recentChanges.entries(from: index + 1) {
            for entry in recent {
                guard try body(entry.index, entry.payload) else { return }
            }
            return
        }
        let stored = group.log.entries(
            LogIndex(index + 1),
            through: group.raft.appliedIndex,
            bytesMax: NodeLimits.replicationBatchBytes
        )
        for entry in stored ?? [] {
            let payload = entry.kind == .command ? entry.payload : nil
            guard try body(entry.index.value, payload) else { return }
        }
    }

    /// Splits changes by the index's partitions and lets them leave.
    private mutating func depart(
        _ slot: Int,
        _ place: Int,
        _ changes: [IndexChange],
        _ extent: IndexBatch.Extent,
        next: ItemKey?
    ) {
        let stream = self.groups[slot]!.indexStreams[place]
        var parts: [IndexStream.Flight.Part] = []
        for change in changes {
            let token = ItemKey(trusted: change.key).token
            guard let partition = self.catalog.map.partition(of: stream.id, for: token) else {
                return
            }
            if let known = parts.firstIndex(where: { $0.partition == partition.id }) {
                parts[known].batch.changes.append(change)
            } else {
                let source = self.groups[slot]!.id
                let batch = IndexBatch(source: source, extent: extent, changes: [change])
                parts.append(.init(partition: partition.id, batch: batch))
            }
        }
        var upTo: UInt64 = 0
        if case .changes(let index) = extent { upTo = index }
        self.depart(slot, place, parts, upTo: upTo, next: next)
    }

    private mutating func depart(
        _ slot: Int,
        _ place: Int,
        _ parts: [IndexStream.Flight.Part],
        upTo: UInt64,
        next: ItemKey?
    ) {
        self.indexSequence += 1
        self.groups[slot]!.indexStreams[place].flight = .init(
            sequence: self.indexSequence,
            upTo: upTo,
            next: next,
            committedAt: [],
            parts: parts,
            retryAt: .zero
        )
        guard parts.isEmpty else { return }
        // A part of a backfill without entries: the next one is read on the next tick, so that a
        // turn has one at most.
        self.arrived(slot, place, .zero)
        self.unfinished.append(slot)
    }

    // MARK: Answers

    mutating func indexPartDone(
        _ origin: IndexPartOrigin,
        _ result: WorkResult,
        _ clocks: Clocks
    ) {
        guard let slot = self.slot(of: origin.source),
            let place = self.indexStream(origin.index, slot),
            var flight = self.groups[slot]!.indexStreams[place].flight,
            flight.sequence == origin.sequence, flight.parts.indices.contains(origin.part)
        else { return }
        if case .written = result {
            flight.parts[origin.part].state = .done
        } else {
            flight.parts[origin.part].state = .stalled
        }
        self.groups[slot]!.indexStreams[place].flight = flight
        if flight.parts.allSatisfy({ $0.state == .done }) {
            self.arrived(slot, place, clocks.now)
        }
        self.markDirty(slot)
    }

    /// All parts of a batch are in.
    private mutating func arrived(_ slot: Int, _ place: Int, _ now: Instant) {
        guard let flight = self.groups[slot]!.indexStreams[place].flight else { return }
        let stream = self.groups[slot]!.indexStreams[place]
        self.groups[slot]!.indexStreams[place].flight = nil
        switch stream.phase {
        case .backfilling:
            self.groups[slot]!.indexStreams[place].phase =
                flight.next.map { .backfilling(after: $0) } ?? .closing
        case .closing:
            self.groups[slot]!.indexStreams[place].phase = .closed
        case .closed: break
        case .following:
            self.groups[slot]!.indexStreams[place].read = flight.upTo
            self.groups[slot]!.indexStreams[place].unrecorded += 1
            self.indexMeters.applied(stream.id, flight.committedAt, now: now)
        }
    }

    /// Puts on record how far an index is: the log is kept from there on.
    private mutating func recordIndex(_ id: TableID, _ slot: Int, _ clocks: Clocks) {
        guard let place = self.indexStream(id, slot) else { return }
        let stream = self.groups[slot]!.indexStreams[place]
        let isOld = clocks.now.since(stream.recordedAt) >= NodeTiming.indexRecord
        let isFar = stream.read - min(stream.recorded, stream.read) >= self.settings.logRetained / 4
        guard stream.phase == .following, stream.read > stream.recorded,
            isFar || isOld && stream.unrecorded > 0,
            let partition = self.groups[slot]!.partition
        else { return }
        var reached = stream.read
        if self.settings.bug == .indexRecordedEarly, let flight = stream.flight {
            reached = flight.upTo
        }
        let proposal = partition.proposal(movingIndex: id, to: reached)
        guard (try? self.propose(proposal, slot)) != nil else { return }
        self.groups[slot]!.indexStreams[place].recorded = stream.read
        self.groups[slot]!.indexStreams[place].recordedAt = clocks.now
        self.groups[slot]!.indexStreams[place].unrecorded = 0
    }

    /// Leaders whose indexes are not up to date look at them again.
    mutating func tickIndexes(_ clocks: Clocks) {
        guard self.ticks % 5 == 0 else { return }
        if self.ticks % 25 == 0 {
            for position in self.catalog.tables.indices
            where !self.catalog.tables[position].options.globals.isEmpty {
                for partition in self.catalog.partitions(of: self.catalog.tables[position].id) {
                    if let slot = self.slot(of: partition.id) {
                        self.openIndexStreams(slot, clocks)
                    }
                }
            }
        }
        for slot in self.groups.indices
        where self.groups[slot]?.indexStreams.isEmpty == false {
            guard let group = self.groups[slot] else { continue }
            let applied = group.raft.appliedIndex.value
            if group.indexStreams.contains(where: { $0.isBusy(applied: applied) }) {
                self.markDirty(slot)
            }
        }
    }

    // MARK: At the index

    /// Takes in a batch, at the leader of a partition of an index.
    mutating func take(
        _ batch: IndexBatch,
        _ slot: Int,
        for origin: WorkOrigin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let partition = self.groups[slot]?.partition,
            partition.descriptor.entriesOf != nil
        else { return self.workFinished(origin, .failed, clocks, &effects) }
        do throws(StoreError) {
            switch try partition.evaluate(batch, self.store) {
            case .duplicate: self.workFinished(origin, .written([]), clocks, &effects)
            case .underWay, .malformed:
                self.workFinished(origin, .failed, clocks, &effects)
            case .proposal(let proposal):
                guard let index = try? self.propose(proposal, slot) else {
                    return self.workFinished(origin, .failed, clocks, &effects)
                }
                self.groups[slot]!.waiters.append(Waiter(index: index, outcome: .work(origin, [])))
            }
        } catch {
            self.storeFailure = error
        }
    }

    // MARK: Progress

    /// Tells the catalog's leader which partitions are ready for indexes that are being made.
    mutating func reportIndexes(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard let leader = self.catalogLeader else { return }
        for table in self.catalog.tables where !table.options.globals.isEmpty {
            for index in table.options.globals where index.status == .creating {
                let sources = self.catalog.partitions(of: table.id).filter { partition in
                    guard let slot = self.slot(of: partition.id), let group = self.groups[slot],
                        group.raft.leaderReady
                    else { return false }
                    return group.partition?.indexes.contains {
                        $0.id == index.id && $0.isBackfilled
                    } == true
                }
                let own = self.catalog.partitions(of: index.id).filter { partition in
                    self.slot(of: partition.id).map {
                        self.groups[$0]?.raft.leaderReady == true
                    } == true
                }
                for partition in sources + own {
                    if leader == self.settings.id {
                        self.partitionIsReady(index.id, partition.id, clocks, &effects)
                    } else {
                        effects.append(
                            .send(.partitionReady(index.id, partition.id), to: leader)
                        )
                    }
                }
            }
        }
    }

    /// Whether every partition of the index has a leader.
    func isAllocated(_ index: IndexRecord) -> Bool {
        let ready = self.readyPartitions[index.id] ?? []
        return self.catalog.partitions(of: index.id).allSatisfy { ready.contains($0.id) }
    }

    /// Whether the index has all that its table held when it was made.
    func isComplete(_ index: IndexRecord, of table: TableRecord) -> Bool {
        let ready = self.readyPartitions[index.id] ?? []
        return self.isAllocated(index)
            && self.catalog.partitions(of: table.id).allSatisfy { ready.contains($0.id) }
    }

    /// A round of the catalog's leader: indexes become active, or go.
    mutating func advanceIndexes(
        of table: TableRecord,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard table.status != .creating, table.status != .deleting else { return }
        var changes: [TableChange] = []
        for index in table.options.globals {
            switch index.status {
            case .creating where self.isComplete(index, of: table):
                guard self.isDue(Passing(id: index.id, part: .index), clocks) else { continue }
                changes.append(.indexStatus(index.name, .active))
            case .deleting:
                guard self.isDue(Passing(id: index.id, part: .index), clocks) else { continue }
                changes.append(.dropIndex(index.name))
            case .updating:
                guard self.isDue(Passing(id: index.id, part: .index), clocks) else { continue }
                changes.append(.indexStatus(index.name, .active))
            case .active: self.hasPassed(index.id, .index)
            case .creating: break
            }
        }
        guard !changes.isEmpty else { return }
        self.proposeToCatalog(
            .changeTable(table.id, changes),
            .internalChange,
            clocks,
            &effects
        )
    }

    // MARK: Reports

    /// The lag of the indexes of tables with partitions led here.
    package func indexLag(lastSeconds seconds: Int, now: Instant) -> [IndexLag] {
        var found: [IndexLag] = []
        for table in self.catalog.tables {
            for index in table.options.globals {
                let meter = self.indexMeters.entries.first { $0.id == index.id }?.meter
                let streams = self.catalog.partitions(of: table.id).compactMap { partition in
                    self.slot(of: partition.id).flatMap { slot in
                        self.indexStream(index.id, slot).map { (slot: slot, place: $0) }
                    }
                }
                guard meter != nil || !streams.isEmpty else { continue }
                var lag = IndexLag(
                    table: table.name,
                    index: index.name,
                    windowSeconds: seconds,
                    histogram: meter?.byCommit.window(seconds: seconds, now: now) ?? Histogram(),
                    backlogEntries: 0,
                    oldest: 0,
                    isBackfilling: false
                )
                for (slot, place) in streams {
                    let stream = self.groups[slot]!.indexStreams[place]
                    let applied = self.groups[slot]!.raft.appliedIndex.value
                    lag.backlogEntries += applied - min(applied, stream.read)
                    if stream.phase != .following { lag.isBackfilling = true }
                    guard let first = stream.flight?.committedAt.first else { continue }
                    lag.oldest = max(lag.oldest, now.since(first))
                }
                found.append(lag)
            }
        }
        return found
    }
}
