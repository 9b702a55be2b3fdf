import Consensus
import Placement
import Primitives
import Replication
import Tables

/// From a store's records to groups: what a node does at its start and after a snapshot arrived.
extension Node {
    static func emptyCatalog(_ settings: NodeSettings) -> Catalog {
        let layout = settings.layout
        let members = layout.nodes(in: settings.region).map { layout.member($0) }
        let ring = HashRing(
            members.map { RingMember(node: $0.id, name: $0.name, zone: $0.zone) }
        )
        return Catalog(
            ring: ring,
            partitionsPerTable: settings.partitionsPerTable,
            replicationFactor: settings.replicationFactor
        )
    }

    /// Rebuilds every group from the store; a new node of a new region founds the catalog.
    mutating func restoreGroups(now: Instant) throws(StoreError) {
        let isKnown =
            try self.store.get(.meta, GroupKeys.meta(.catalog, .configuration)) != nil
        guard isKnown else {
            // A later incarnation waits to be told by the catalog's leader who belongs to it.
            let isFirst = self.settings.incarnation == 1
            let members =
                isFirst
                ? Self.catalogMembers(self.settings.layout, self.settings.region) : .none
            _ = self.found(.catalog, members, table: nil)
            return
        }
        _ = try self.restoreGroup(.catalog)
        guard let identity = self.identity else { return }
        for table in self.catalog.homes {
            for partition in self.catalog.partitions(of: table)
            where partition.replicas.contains(identity) {
                try self.restorePartition(partition, of: table)
            }
        }
    }

    private mutating func restorePartition(
        _ partition: Placement.Partition,
        of table: TableID
    ) throws(StoreError) {
        if try self.isStored(partition.id) {
            _ = try self.restoreGroup(partition.id)
        } else if self.settings.incarnation == 1 {
            // The command that made it was applied, but not what it founded: the turn was not
            // committed. Founding again is the same as applying again.
            _ = self.found(
                partition.id,
                Configuration(voters: partition.replicas),
                table: table
            )
        }
    }

    /// True if the store holds anything of a group's replica; what the turn under way writes does
    /// not count.
    func isStored(_ id: PartitionID) throws(StoreError) -> Bool {
        var isThere = false
        for kind in [GroupKeys.Kind.vote, .configuration, .base, .installing] where !isThere {
            isThere = try self.store.get(.meta, GroupKeys.meta(id, kind)) != nil
        }
        return isThere
    }

    /// Reads one group back from the store; it must not be hosted yet.
    mutating func restoreGroup(_ id: PartitionID) throws(StoreError) -> Int? {
        guard let identity = self.identity else { return nil }
        let log = StoredLog(self.store, id)
        var restored = Restored.fresh(.none)
        try self.readVote(id, &restored)
        let isHalf = try self.store.get(.meta, GroupKeys.meta(id, .installing)) != nil
        guard !isHalf else {
            // A snapshot was cut short: the replica is empty, but remembers its vote.
            self.eraseKeepingVote(id)
            let raft = Replica(id: identity, restored: restored, seed: self.random.next(), log)
            return self.insertRestored(Group(id: id, raft: raft, log: log), id)
        }
        try self.readConfiguration(id, &restored)
        try self.readLogEnds(id, &restored)
        var partition: Tables.Partition?
        let table = self.catalog.map.table(of: id)
        if id == .catalog {
            restored.applied = try self.restoreCatalog(log)
        } else if let table {
            partition = try self.storedPartition(id, table)
            restored.applied = LogIndex(partition?.appliedIndex ?? 0)
        }
        restored.applied = max(restored.applied, restored.base.index)
        restored.commit = restored.applied
        guard restored.applied <= restored.last.index,
            restored.configurationIndex <= restored.applied
        else {
            throw .corrupt(
                "group \(id.number) has applied entry \(restored.applied.value), but its log ends "
                    + "at \(restored.last.index.value); delete this node's data directory, and it "
                    + "is refilled from its peers"
            )
        }
        restored.term = max(restored.term, restored.last.term)
        // What was not applied is read by the replica at once: an unreadable record shows here.
        try self.store.scan(
            .log,
            from: GroupKeys.entry(id, restored.applied.next),
            to: GroupKeys.end(id),
            reverse: false
        ) { _, _ in true }
        let raft = Replica(id: identity, restored: restored, seed: self.random.next(), log)
        let group = Group(id: id, raft: raft, log: log)
        group.partition = partition
        return self.insertRestored(group, id)
    }

    private mutating func insertRestored(_ group: Group, _ id: PartitionID) -> Int {
        group.table = self.catalog.map.table(of: id)
        if group.partition == nil, let table = group.table {
            group.partition = self.freshPartition(id, table)
        }
        if let partition = group.partition { self.clock.observe(partition.newest) }
        return self.insert(group)
    }

    func eraseKeepingVote(_ id: PartitionID) {
        for space in Space.allCases where space != .meta {
            self.store.deleteRange(space, from: GroupKeys.prefix(id), to: GroupKeys.end(id))
        }
        let vote = GroupKeys.meta(id, .vote)
        self.store.deleteRange(.meta, from: GroupKeys.prefix(id), to: vote)
        self.store.deleteRange(.meta, from: vote + [0], to: GroupKeys.end(id))
    }

    private func readVote(_ id: PartitionID, _ restored: inout Restored) throws(StoreError) {
        guard let bytes = try self.store.get(.meta, GroupKeys.meta(id, .vote)) else { return }
        var reader = ByteReader(bytes)
        do throws(DecodingError) {
            restored.term = Term(try reader.u64())
            restored.votedFor = try reader.bool() ? try reader.replica() : nil
        } catch {
            throw .corrupt("the vote of group \(id.number) cannot be read")
        }
    }

    private func readConfiguration(
        _ id: PartitionID,
        _ restored: inout Restored
    ) throws(StoreError) {
        guard let bytes = try self.store.get(.meta, GroupKeys.meta(id, .configuration)) else {
            return
        }
        var reader = ByteReader(bytes)
        do throws(DecodingError) {
            restored.configurationIndex = LogIndex(try reader.u64())
            if !reader.isAtEnd {
                restored.configuration = try Configuration(decoding: &reader)
            }
        } catch {
            throw .corrupt("the members of group \(id.number) cannot be read")
        }
    }

    private func readLogEnds(_ id: PartitionID, _ restored: inout Restored) throws(StoreError) {
        if let bytes = try self.store.get(.meta, GroupKeys.meta(id, .base)) {
            var reader = ByteReader(bytes)
            do throws(DecodingError) {
                restored.base = LogPosition(
                    index: LogIndex(try reader.u64()),
                    term: Term(try reader.u64())
                )
            } catch {
                throw .corrupt("the log of group \(id.number) has no readable beginning")
            }
        }
        restored.last = restored.base
        try self.store.scan(
            .log,
            from: GroupKeys.prefix(id),
            to: GroupKeys.end(id),
            reverse: true
        ) { key, value in
            if let entry = EntryRecord.decode(key, value) { restored.last = entry.position }
            return false
        }
    }

    /// Reads the last whole state and replays what was applied since.
    private mutating func restoreCatalog(_ log: StoredLog) throws(StoreError) -> LogIndex {
        var catalog = Self.emptyCatalog(self.settings)
        var reached = LogIndex.zero
        if let bytes = try self.store.get(.meta, GroupKeys.meta(.catalog, .catalogState)) {
            do throws(DecodingError) {
                var reader = ByteReader(bytes)
                reached = LogIndex(try reader.u64())
                try catalog.restore(try reader.block())
            } catch {
                throw .corrupt("the catalog of this node's data directory cannot be read")
            }
        }
        self.catalogStateVersion = reached.value
        let key = GroupKeys.meta(.catalog, .catalogApplied)
        let bytes = try self.store.get(.meta, key) ?? []
        let applied = bytes.withUnsafeBytes { GroupKeys.number($0, at: 0) } ?? reached.value
        while reached.value < applied {
            guard
                let entries = log.entries(
                    reached.next,
                    through: LogIndex(applied),
                    bytesMax: 1 << 20
                ),
                let last = entries.last
            else { throw .corrupt("the catalog's log lacks entry \(reached.value + 1)") }
            for entry in entries where entry.kind == .command {
                guard let command = try? CatalogCommand(decoding: entry.payload) else {
                    throw .corrupt("entry \(entry.index.value) of the catalog cannot be read")
                }
                _ = catalog.apply(command, at: entry.index.value)
            }
            reached = last.index
        }
        self.catalog = catalog
        return reached
    }
}

extension Node {
    /// Groups that the catalog places here and that are not hosted yet.
    mutating func foundMissingPartitions() {
        guard let identity = self.identity else { return }
        for table in self.catalog.homes {
            for partition in self.catalog.partitions(of: table)
            where partition.replicas.contains(identity) && self.slot(of: partition.id) == nil {
                // Of a later incarnation nothing is founded: its members let it in.
                guard identity.incarnation == 1 else { continue }
                _ = self.found(
                    partition.id,
                    Configuration(voters: partition.replicas),
                    table: table
                )
            }
        }
    }
}
