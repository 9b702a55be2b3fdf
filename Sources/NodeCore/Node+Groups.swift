import Consensus
import Placement
import Primitives
import Replication
import Tables

/// How a node drives the Raft groups that it hosts.
extension Node {
    func slot(of group: PartitionID) -> Int? { self.slotByGroup[group] }

    /// The table that a group's partition belongs to.
    func table(of group: Group) -> TableRecord? {
        guard let id = group.table else { return nil }
        return self.catalog.table(id)
    }

    mutating func markDirty(_ slot: Int) {
        guard self.groups[slot]?.isDirty == false else { return }
        self.groups[slot]?.isDirty = true
        self.dirty.append(slot)
    }

    /// Leaders have something to tell other regions, or may tell it again.
    mutating func markLeadersDirty() {
        for slot in self.groups.indices
        where self.groups[slot]?.destinations.isEmpty == false { self.markDirty(slot) }
    }

    mutating func insert(_ group: Group) -> Int {
        precondition(self.slotByGroup[group.id] == nil, "a group has one replica on a node")
        group.raft.bug = self.settings.bug
        let slot: Int
        if let free = self.groups.firstIndex(where: { $0 == nil }), self.freeSlots > 0 {
            slot = free
            self.freeSlots -= 1
            self.groups[slot] = group
        } else {
            slot = self.groups.count
            self.groups.append(group)
        }
        self.slotByGroup[group.id] = slot
        self.markDirty(slot)
        return slot
    }

    // MARK: Inputs

    mutating func receiveRaft(
        _ id: PartitionID,
        from: ReplicaID,
        to: ReplicaID,
        _ message: Consensus.Message,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard to == self.identity else { return }
        guard let slot = self.slot(of: id) ?? self.joinGroup(id, clocks) else {
            // The candidate of a new group may be a step ahead of this copy of the catalog.
            if case .requestVote = message, self.early.count < NodeLimits.earlyMax {
                self.early.append(EarlyMessage(group: id, from: from, to: to, message: message))
            }
            return
        }
        let group = self.groups[slot]!
        if group.incoming != nil, message.isAppend {
            // Until the snapshot is complete its sender's appends make no sense; another leader's
            // mean that it will never be.
            if group.incoming?.from != from { self.abandonInstalling(slot) }
            return
        }
        // A replica that was just given a snapshot follows, in effect, whom it followed before: the
        // leader still counts on it.
        let leader =
            group.raft.leader ?? (group.followedTerm == group.raft.term ? group.followed : nil)
        // The promise keeps others from power, not the node that it was given to.
        let leaseHeld =
            leader != self.identity && leader?.node != from.node
            && self.liveness.isPromised(to: leader?.node, now: clocks.now)
        var outputs = self.takeOutputs()
        group.raft.message(
            from: from,
            message,
            leaseHeld: leaseHeld,
            group.log,
            into: &outputs
        )
        self.perform(&outputs, slot, clocks, &effects)
        // Who resigned needs no word of who comes next.
        if case .resigned = message, self.groups[slot]?.followed == from,
            self.groups[slot]?.raft.leader == nil
        {
            self.groups[slot]?.followed = nil
        }
        self.markDirty(slot)
    }

    /// Votes that were asked for before this node knew the group.
    mutating func deliverEarly(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard !self.early.isEmpty else { return }
        let waiting = self.early
        self.early.removeAll(keepingCapacity: true)
        for entry in waiting where self.slot(of: entry.group) != nil {
            self.receiveRaft(
                entry.group,
                from: entry.from,
                to: entry.to,
                entry.message,
                clocks,
                &effects
            )
        }
    }

    /// A group that names this node's incarnation as a member, but has no replica here yet: a
    /// replica without members waits to be told by its leader.
    private mutating func joinGroup(_ id: PartitionID, _ clocks: Clocks) -> Int? {
        guard let identity = self.identity else { return nil }
        if id == .catalog {
            return self.found(id, .none, table: nil)
        }
        guard let partition = self.catalog.map.partition(id),
            partition.replicas.contains(identity), let table = self.catalog.map.table(of: id)
        else { return nil }
        return self.found(id, .none, table: table)
    }

    /// Founds a group's replica with an empty log, unless the store has anything of it: a replica
    /// must not forget its vote or what it acknowledged, whatever made the catalog forget it.
    mutating func found(
        _ id: PartitionID,
        _ configuration: Configuration,
        table: TableID?
    ) -> Int? {
        guard let identity = self.identity else { return nil }
        do throws(StoreError) {
            if try self.isStored(id) { return try self.restoreGroup(id) }
        } catch {
            self.storeFailure = error
            return nil
        }
        let log = StoredLog(self.store, id)
        let raft = Replica(
            id: identity,
            restored: .fresh(configuration),
            seed: self.random.next(),
            log
        )
        let group = Group(id: id, raft: raft, log: log)
        self.persistConfiguration(id, configuration, at: .zero)
        if let table {
            group.table = table
            group.partition = self.freshPartition(id, table)
        }
        return self.insert(group)
    }

    /// Lets `change` act on a group's replica and carries out what follows.
    mutating func withRaft(
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect],
        _ change: (inout Group, inout [Consensus.Effect]) -> Void
    ) {
        var outputs = self.takeOutputs()
        change(&self.groups[slot]!, &outputs)
        self.perform(&outputs, slot, clocks, &effects)
        self.markDirty(slot)
    }

    mutating func streamReset(
        _ slot: Int,
        _ node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let member = self.groups[slot]!.member(on: node) else { return }
        self.withRaft(slot, clocks, &effects) { group, outputs in
            group.raft.peerReset(member, into: &outputs)
        }
    }

    /// A node of the region is gone: its followers look for another leader, its leaders stop
    /// sending to it, and nobody waits for its answers.
    mutating func nodeLost(_ node: NodeID, _ clocks: Clocks, _ effects: inout [Effect]) {
        self.failCalls(to: node, clocks, &effects)
        for slot in self.groups.indices {
            guard let group = self.groups[slot] else { continue }
            if group.raft.leader?.node == node {
                self.withRaft(slot, clocks, &effects) { group, outputs in
                    group.raft.leaderLost(now: clocks.now, into: &outputs)
                }
            } else if let member = group.member(on: node), group.raft.isLeader {
                self.groups[slot]!.raft.peerDown(member)
                self.markDirty(slot)
            }
        }
    }

    /// A node that counted as lost greets again: leaders here had stopped sending to it.
    ///
    /// It may still lead what it led, and the acknowledgement of its greeting promises to elect
    /// nobody else there. So these groups follow it again first; where it does not lead any more,
    /// it says so when asked.
    mutating func nodeReturned(
        _ node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        for slot in self.groups.indices {
            guard let group = self.groups[slot] else { continue }
            if let former = group.followed, former.node == node,
                group.followedTerm == group.raft.term
            {
                self.withRaft(slot, clocks, &effects) { group, outputs in
                    group.raft.leaderReturned(former, into: &outputs)
                }
            }
            self.streamReset(slot, node, clocks, &effects)
        }
    }

    /// A node's process started anew: whatever it led has no leader now.
    mutating func nodeRestarted(
        _ node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        for slot in self.groups.indices {
            if self.groups[slot]?.followed?.node == node { self.groups[slot]?.followed = nil }
            guard self.groups[slot]?.raft.leader?.node == node else { continue }
            self.withRaft(slot, clocks, &effects) { group, outputs in
                group.raft.leaderLost(now: clocks.now, into: &outputs)
            }
        }
    }

    mutating func tickGroups(_ clocks: Clocks, _ effects: inout [Effect]) {
        for slot in self.unfinished where self.groups[slot] != nil { self.markDirty(slot) }
        self.unfinished.removeAll(keepingCapacity: true)
        guard self.ticks % 2 == 0, !self.restless.isEmpty else { return }
        let slots = self.restless
        self.restless.removeAll(keepingCapacity: true)
        for slot in slots where self.groups[slot]?.isRestless == true {
            self.groups[slot]!.isRestless = false
            self.withRaft(slot, clocks, &effects) { group, outputs in
                group.raft.tick(now: clocks.now, into: &outputs)
            }
        }
    }

    // MARK: Outputs

    /// The end of a turn for one group that had an input.
    mutating func flush(_ slot: Int, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard let group = self.groups[slot] else { return }
        group.isDirty = false
        // What this replica held is erased: nothing of it may be written over what it is given.
        guard group.incoming == nil else { return }
        var outputs = self.takeOutputs()
        group.raft.flush(now: clocks.now, group.log, into: &outputs)
        self.perform(&outputs, slot, clocks, &effects)
        guard self.groups[slot] === group else { return }
        self.replicate(slot, clocks, &effects)
        self.feedIndexes(slot, clocks, &effects)
        guard self.groups[slot] === group else { return }
        group.partition?.persistMeta(into: self.store)
        self.compactIfLong(slot)
        let outstanding = group.raft.outstanding()
        if outstanding.needsFlush { self.unfinished.append(slot) }
        if outstanding.needsTick, !group.isRestless {
            group.isRestless = true
            self.restless.append(slot)
        }
    }

    /// An empty buffer for consensus' effects; the one in use is kept for the next call.
    private mutating func takeOutputs() -> [Consensus.Effect] {
        var outputs: [Consensus.Effect] = []
        swap(&outputs, &self.outputs)
        return outputs
    }

    private mutating func perform(
        _ outputs: inout [Consensus.Effect],
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard !outputs.isEmpty else { return self.keep(&outputs) }
        for place in outputs.indices {
            guard let group = self.groups[slot] else { break }
            let id = group.id
            // Moved out, not copied.
            var output = Consensus.Effect.configurationChanged
            swap(&output, &outputs[place])
            switch consume output {
            case .truncate(let index):
                self.store.deleteRange(
                    .log,
                    from: GroupKeys.entry(id, index),
                    to: GroupKeys.end(id)
                )
            case .append(let entries):
                for entry in entries {
                    self.store.put(
                        .log,
                        GroupKeys.entry(id, entry.index),
                        EntryRecord.encode(entry)
                    )
                }
            case .setVote(let term, let candidate):
                if self.settings.bug != .voteNotPersisted {
                    self.persistVote(id, term, candidate)
                }
                self.tellFormerLeader(slot, term, &effects)
            case .send(let peer, let message):
                effects.append(
                    .send(.raft(id, from: group.raft.id, to: peer, message), to: peer.node)
                )
            case .apply(let entries):
                self.apply(entries, slot, clocks, &effects)
            case .becameLeader:
                self.becameLeader(slot)
            case .becameFollower(let term, let leader):
                self.becameFollower(slot, term, leader, clocks, &effects)
            case .configurationChanged:
                break
            case .snapshotNeeded(let peer):
                self.beginSnapshot(slot, to: peer, clocks, &effects)
            }
        }
        outputs.removeAll(keepingCapacity: true)
        self.keep(&outputs)
    }

    /// The emptied buffer of a call serves the next one.
    private mutating func keep(_ outputs: inout [Consensus.Effect]) {
        if self.outputs.capacity < outputs.capacity { swap(&self.outputs, &outputs) }
    }

    /// A replica that turns to a later term tells the leader it followed, before anything else goes
    /// to that node: the lease between the two nodes no longer stands for this group.
    private mutating func tellFormerLeader(
        _ slot: Int,
        _ term: Term,
        _ effects: inout [Effect]
    ) {
        let group = self.groups[slot]!
        guard let former = group.followed, group.followedTerm < term, former != group.raft.id else {
            return
        }
        self.groups[slot]!.followed = nil
        let answer = Consensus.Message.appendResponse(
            .init(term: term, outcome: .matched(.zero))
        )
        effects.append(
            .send(.raft(group.id, from: group.raft.id, to: former, answer), to: former.node)
        )
    }

    private mutating func becameLeader(_ slot: Int) {
        for member in self.groups[slot]!.others where self.liveness.isLost(member.node) {
            self.groups[slot]!.raft.peerDown(member)
        }
        self.groups[slot]!.followed = nil
        self.groups[slot]!.hasLed = true
    }

    private mutating func becameFollower(
        _ slot: Int,
        _ term: Term,
        _ leader: ReplicaID?,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        if let leader {
            self.groups[slot]!.followed = leader
            self.groups[slot]!.followedTerm = term
            self.liveness.followed(leader.node, now: clocks.now)
        }
        let waiters = self.groups[slot]!.waiters
        self.groups[slot]!.waiters = []
        self.groups[slot]!.destinations = []
        self.groups[slot]!.indexStreams = []
        self.groups[slot]!.recentChanges.removeAll()
        self.groups[slot]!.partition?.resignedLeadership()
        self.cancelSnapshots(of: self.groups[slot]!.id)
        // Whether these commit, nobody here can tell.
        for waiter in waiters { self.lose(waiter, clocks, &effects) }
    }

    // MARK: Application

    private mutating func apply(
        _ entries: [Entry],
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let last = entries.last else { return }
        let group = self.groups[slot]!
        let id = group.id
        let wasReady = group.leaderReady
        for entry in entries where entry.kind == .configuration {
            if let configuration = try? Configuration(payload: entry.payload) {
                self.persistConfiguration(id, configuration, at: entry.index)
            }
        }
        if id == .catalog {
            self.applyToCatalog(entries, slot, clocks, &effects)
        } else {
            self.applyToPartition(entries, slot, clocks, &effects)
        }
        guard self.groups[slot] === group else { return }
        group.raft.applied(through: last.index)
        self.committing.append(slot)
        self.completeWaiters(slot, through: last.index, clocks, &effects)
        if !wasReady, self.groups[slot]?.leaderReady == true {
            self.beginLeading(slot, clocks, &effects)
        }
    }

    private mutating func completeWaiters(
        _ slot: Int,
        through index: LogIndex,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let group = self.groups[slot], !group.waiters.isEmpty,
            group.waiters[0].index <= index
        else { return }
        let count = group.waiters.prefix { $0.index <= index }.count
        let done = Array(group.waiters.prefix(count))
        group.waiters.removeFirst(count)
        for waiter in done {
            if waiter.needsLease, !self.leadsUnderLease(slot, now: clocks.now) {
                self.lose(waiter, clocks, &effects)
            } else {
                self.complete(waiter, clocks, &effects)
            }
        }
    }

    private mutating func complete(
        _ waiter: Waiter,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch waiter.outcome {
        case .answer(let origin, let response, let note):
            self.succeed(origin, response, note: note, &effects)
        case .refusal(let origin, let error):
            self.fail(origin, error, &effects)
        case .work(let origin, let costs):
            self.workFinished(origin, .written(costs), clocks, &effects)
        case .replication(let node, let answer):
            effects.append(.send(.replicated(answer), to: node))
        case .catalog:
            preconditionFailure("catalog commands are answered where they are applied")
        }
    }

    /// Leadership went before an index was applied.
    private mutating func lose(
        _ waiter: Waiter,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch waiter.outcome {
        case .answer(let origin, _, _), .refusal(let origin, _),
            .catalog(.tableOperation(let origin, _)), .catalog(.tableOption(let origin, _)):
            self.fail(origin, .internalServer, &effects)
        case .work(let origin, _):
            self.workFinished(origin, .failed, clocks, &effects)
        case .replication, .catalog(.internalChange):
            break
        }
    }

    // MARK: Records

    private func persistVote(_ id: PartitionID, _ term: Term, _ candidate: ReplicaID?) {
        var writer = ByteWriter()
        writer.u64(term.value)
        writer.optional(candidate) { $0.replica($1) }
        self.store.put(.meta, GroupKeys.meta(id, .vote), writer.bytes)
    }

    func persistConfiguration(
        _ id: PartitionID,
        _ configuration: Configuration,
        at index: LogIndex
    ) {
        var writer = ByteWriter()
        writer.u64(index.value)
        if !configuration.voters.isEmpty { configuration.encode(into: &writer) }
        self.store.put(.meta, GroupKeys.meta(id, .configuration), writer.bytes)
    }

    func persistBase(_ id: PartitionID, _ base: LogPosition) {
        var writer = ByteWriter()
        writer.u64(base.index.value)
        writer.u64(base.term.value)
        self.store.put(.meta, GroupKeys.meta(id, .base), writer.bytes)
    }

    /// Drops the part of the log that no follower, no other region and no restart needs.
    private mutating func compactIfLong(_ slot: Int) {
        let group = self.groups[slot]!
        guard group.raft.appliedIndex.value >= group.compactAt else { return }
        let applied = group.raft.appliedIndex.value
        let retained = self.settings.logRetained
        self.groups[slot]!.compactAt = applied + retained / 4
        guard applied > retained else { return }
        var through = applied - retained
        if let needed = self.lowestIndexNeeded(group),
            self.settings.bug != .logDroppedBeforeCursor
        {
            through = min(through, needed)
        }
        if group.id == .catalog { through = min(through, self.catalogStateVersion) }
        let index = LogIndex(through)
        let log = group.log
        guard through > group.raft.base.index.value,
            self.groups[slot]!.raft.compact(through: index, log)
        else { return }
        self.persistBase(group.id, self.groups[slot]!.raft.base)
        self.store.deleteRange(
            .log,
            from: GroupKeys.prefix(group.id),
            to: GroupKeys.entry(group.id, index.next)
        )
    }
}

/// A message of a group that the catalog's copy here does not name yet.
struct EarlyMessage {
    let group: PartitionID
    let from: ReplicaID
    let to: ReplicaID
    let message: Consensus.Message
}

extension Consensus.Message {
    fileprivate var isAppend: Bool {
        guard case .append = self else { return false }
        return true
    }
}
