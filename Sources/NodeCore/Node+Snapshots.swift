import Consensus
import DataModel
import Placement
import Primitives
import Replication
import Tables

/// A snapshot on its way to a replica that the log cannot catch up: every record of the group, as
/// it lies in this node's store, except the vote.
struct OutgoingSnapshot {
    let group: PartitionID
    let peer: ReplicaID
    let view: SnapshotID
    /// Where the log began when the view was taken.
    let base: LogPosition
    /// The space and key after which to go on.
    var space: Space
    var after: [UInt8]?
    var sequence: UInt64 = 0
    var isLastSent = false
    var deadline: Instant
}

/// A snapshot that this node is receiving.
struct IncomingSnapshot {
    let from: ReplicaID
    let stream: UInt64
    var next: UInt64
    var deadline: Instant
}

extension Node {
    static let snapshotSpaces: [Space] = [.meta, .log, .item, .ledger, .index]
    static let snapshotPatience: Nanoseconds = .seconds(10)

    mutating func beginSnapshot(
        _ slot: Int,
        to peer: ReplicaID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let id = self.groups[slot]!.id
        let isUnderWay = !self.outgoingSnapshots.ids { $0.group == id && $0.peer == peer }.isEmpty
        guard !isUnderWay, self.outgoingSnapshots.count < NodeLimits.snapshotStreamsMax else {
            if !isUnderWay { self.groups[slot]!.raft.snapshotFailed(to: peer) }
            return
        }
        let stream = self.outgoingSnapshots.insert(
            OutgoingSnapshot(
                group: id,
                peer: peer,
                view: self.store.openSnapshot(),
                base: self.groups[slot]!.raft.base,
                space: Self.snapshotSpaces[0],
                deadline: clocks.now + Self.snapshotPatience
            )
        )
        self.sendChunk(stream, clocks, &effects)
    }

    /// Sends the next records, about a chunk's worth: one bounded step.
    private mutating func sendChunk(
        _ stream: UInt64,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard var snapshot = self.outgoingSnapshots[stream],
            let slot = self.slot(of: snapshot.group), let identity = self.identity
        else { return self.endSnapshot(stream, succeeded: false) }
        var records: [SnapshotChunk.Record] = []
        do throws(StoreError) {
            try self.collect(&snapshot, into: &records)
        } catch {
            self.storeFailure = error
            return self.endSnapshot(stream, succeeded: false)
        }
        snapshot.deadline = clocks.now + Self.snapshotPatience
        let chunk = SnapshotChunk(
            group: snapshot.group,
            from: identity,
            to: snapshot.peer,
            term: self.groups[slot]!.raft.term.value,
            base: snapshot.base,
            stream: stream,
            sequence: snapshot.sequence,
            isLast: snapshot.isLastSent,
            records: records
        )
        self.outgoingSnapshots[stream] = snapshot
        effects.append(.send(.snapshotChunk(chunk), to: snapshot.peer.node))
    }

    private func collect(
        _ snapshot: inout OutgoingSnapshot,
        into records: inout [SnapshotChunk.Record]
    ) throws(StoreError) {
        var bytes = 0
        let bytesMax = self.settings.snapshotChunkBytes
        let end = GroupKeys.end(snapshot.group)
        let vote = GroupKeys.meta(snapshot.group, .vote)
        while bytes < bytesMax {
            let space = snapshot.space
            let start = snapshot.after.map { $0 + [0] } ?? GroupKeys.prefix(snapshot.group)
            var last: [UInt8]?
            try self.store.scan(
                snapshot: snapshot.view,
                space,
                from: start,
                to: end,
                reverse: false
            ) { key, value in
                let key = Array(key)
                last = key
                if space != .meta || key != vote {
                    var value = Array(value)
                    if self.settings.bug == .snapshotWithoutStamps, space == .item {
                        value = Self.withoutStamp(key, value)
                    }
                    records.append(.init(space: space.rawValue, key: key, value: value))
                    bytes += key.count + value.count
                }
                return bytes < bytesMax
            }
            if bytes >= bytesMax {
                snapshot.after = last
                return
            }
            let place = Self.snapshotSpaces.firstIndex(of: space)!
            let isShort = self.settings.bug == .snapshotWithoutEntries
            guard place + 1 < Self.snapshotSpaces.count - (isShort ? 1 : 0) else {
                snapshot.isLastSent = true
                return
            }
            snapshot.space = Self.snapshotSpaces[place + 1]
            snapshot.after = nil
        }
    }

    /// ``Bug/snapshotWithoutStamps``: a record that anything replaces.
    private static func withoutStamp(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        guard let record = try? ItemRecord(value) else { return value }
        let stripped = ItemRecord(
            key: ItemKey(trusted: Array(key.dropFirst(8))),
            version: VersionVector(.zero),
            image: record.image,
            size: record.size
        )
        return stripped.bytes
    }

    mutating func snapshotChunkReceived(
        _ group: PartitionID,
        _ from: ReplicaID,
        _ stream: UInt64,
        _ sequence: UInt64,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard var snapshot = self.outgoingSnapshots[stream], snapshot.group == group,
            snapshot.peer == from, snapshot.sequence == sequence
        else { return }
        guard !snapshot.isLastSent else { return self.endSnapshot(stream, succeeded: true) }
        snapshot.sequence += 1
        self.outgoingSnapshots[stream] = snapshot
        self.sendChunk(stream, clocks, &effects)
    }

    mutating func endSnapshot(_ stream: UInt64, succeeded: Bool) {
        guard let snapshot = self.outgoingSnapshots.remove(stream) else { return }
        self.store.closeSnapshot(snapshot.view)
        guard let slot = self.slot(of: snapshot.group) else { return }
        if succeeded {
            self.groups[slot]!.raft.snapshotSent(to: snapshot.peer)
        } else {
            self.groups[slot]!.raft.snapshotFailed(to: snapshot.peer)
        }
        self.markDirty(slot)
    }

    mutating func cancelSnapshots(of group: PartitionID) {
        for stream in self.outgoingSnapshots.ids(where: { $0.group == group }) {
            self.endSnapshot(stream, succeeded: false)
        }
    }

    mutating func expireSnapshots(_ clocks: Clocks) {
        guard self.ticks % 25 == 0 else { return }
        for slot in self.groups.indices {
            guard let incoming = self.groups[slot]?.incoming, incoming.deadline <= clocks.now
            else { continue }
            self.abandonInstalling(slot)
        }
        for stream in self.outgoingSnapshots.ids(where: { $0.deadline <= clocks.now }) {
            self.endSnapshot(stream, succeeded: false)
        }
    }

    // MARK: Receiving

    mutating func receive(
        _ chunk: SnapshotChunk,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard chunk.to == self.identity, let slot = self.slotForSnapshot(chunk.group),
            !self.groups[slot]!.raft.isLeader,
            self.groups[slot]!.raft.term.value <= chunk.term
        else { return }
        let id = chunk.group
        if chunk.sequence == 0 {
            // What this replica acknowledged since the snapshot began may be what makes an entry
            // committed: as long as its log leads on from the leader's, nothing of it is erased.
            let group = self.groups[slot]!
            guard group.incoming != nil || group.raft.wantsSnapshot(at: chunk.base, group.log)
            else { return }
            self.eraseKeepingVote(id)
            self.store.put(.meta, GroupKeys.meta(id, .installing), [1])
            self.groups[slot]!.incoming = IncomingSnapshot(
                from: chunk.from,
                stream: chunk.stream,
                next: 0,
                deadline: clocks.now + Self.snapshotPatience
            )
        }
        guard let incoming = self.groups[slot]!.incoming, incoming.from == chunk.from,
            incoming.stream == chunk.stream, incoming.next == chunk.sequence
        else { return }
        for record in chunk.records {
            guard let space = Space(rawValue: record.space),
                record.key.starts(with: GroupKeys.prefix(id))
            else { continue }
            self.store.put(space, record.key, record.value)
        }
        self.groups[slot]!.incoming!.next += 1
        self.groups[slot]!.incoming!.deadline = clocks.now + Self.snapshotPatience
        effects.append(
            .send(
                .snapshotReceived(
                    id,
                    from: chunk.to,
                    stream: chunk.stream,
                    sequence: chunk.sequence
                ),
                to: chunk.from.node
            )
        )
        guard chunk.isLast else { return }
        self.store.delete(.meta, GroupKeys.meta(id, .installing))
        // The records can be read once this turn is committed; the group begins anew from them.
        self.installed.append(id)
    }

    /// The snapshot under way will not be completed: the group begins anew, empty, from what the
    /// store holds, and its leader finds out what it lacks.
    mutating func abandonInstalling(_ slot: Int) {
        guard self.groups[slot]!.incoming != nil else { return }
        self.groups[slot]!.incoming = nil
        self.installed.append(self.groups[slot]!.id)
    }

    private mutating func slotForSnapshot(_ id: PartitionID) -> Int? {
        if let slot = self.slot(of: id) { return slot }
        guard let identity = self.identity, let partition = self.catalog.map.partition(id),
            partition.replicas.contains(identity)
        else { return nil }
        return self.found(id, .none, table: self.catalog.map.table(of: id))
    }

    /// After the commit: groups whose snapshot is complete are read back like at a start.
    mutating func finishInstalling() {
        guard !self.installed.isEmpty else { return }
        let ids = self.installed
        self.installed = []
        for id in ids {
            guard let slot = self.slot(of: id) else { continue }
            let former = self.groups[slot]!
            let term = former.raft.term
            self.groups[slot] = nil
            self.freeSlots += 1
            self.slotByGroup[id] = nil
            do throws(StoreError) {
                guard let restored = try self.restoreGroup(id) else { continue }
                precondition(self.groups[restored]!.raft.term >= term, "a term was forgotten")
                // The promise to the leader outlives the snapshot that it sent.
                self.groups[restored]!.followed = former.followed
                self.groups[restored]!.followedTerm = former.followedTerm
                self.groups[restored]!.installs = former.installs &+ 1
            } catch {
                self.storeFailure = error
            }
        }
        if ids.contains(.catalog) { self.catalogJumped = true }
        self.foundMissingPartitions()
    }

    /// A catalog that jumped ahead has passed the end of tables, and changes of others.
    mutating func followCatalog(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard self.catalogJumped else { return }
        self.catalogJumped = false
        for slot in self.groups.indices {
            guard let id = self.groups[slot]?.id, id != .catalog,
                self.catalog.map.partition(id) == nil
            else { continue }
            self.drop(id, clocks, &effects)
        }
        for table in self.catalog.tables { self.tableChanged(table.id, clocks) }
    }
}
