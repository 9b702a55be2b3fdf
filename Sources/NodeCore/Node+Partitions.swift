import Consensus
import DataModel
import Placement
import Primitives
import Replication
package import Tables

/// Between consensus' entries and the partition's items.
extension Node {
    /// What the partitions of a table or of a global index are told of it.
    private func descriptor(_ id: TableID) -> TableDescriptor? {
        var descriptor: TableDescriptor
        if let table = self.catalog.table(id) {
            descriptor = TableDescriptor(
                id: table.id,
                name: table.name,
                schema: table.schema,
                isGlobal: table.isGlobal,
                locals: table.options.locals
            )
        } else if let (table, index) = self.catalog.index(id) {
            descriptor = TableDescriptor(
                id: index.id,
                name: table.name,
                schema: table.schema,
                isGlobal: false,
                entriesOf: index.definition
            )
        } else {
            return nil
        }
        descriptor.collectionBytesMax = self.settings.collectionBytesMax
        return descriptor
    }

    func freshPartition(_ id: PartitionID, _ table: TableID) -> Tables.Partition? {
        guard let descriptor = self.descriptor(table), let place = self.catalog.map.partition(id)
        else { return nil }
        var partition = Tables.Partition(
            id: id,
            descriptor: descriptor,
            range: place.range.first...place.range.last,
            region: self.settings.region
        )
        self.prepare(&partition, of: table)
        return partition
    }

    /// Hands the settings that are a simulation's down to a partition.
    private func prepare(_ partition: inout Tables.Partition, of table: TableID) {
        partition.bug = self.settings.bug
        guard self.settings.recordsApplies else { return }
        let id = partition.id
        let position = self.catalog.partitions(of: table).firstIndex { $0.id == id }
        partition.recordApplies(
            position: position ?? 0,
            isHybrid: self.settings.stampsAreHybrid
        )
    }

    /// What partitions here applied since the last call, in each one's order; to be asked for after
    /// the turn was committed.
    package mutating func takeApplied() -> [ApplyRecord] {
        var taken: [ApplyRecord] = []
        swap(&taken, &self.applied)
        return taken
    }

    func storedPartition(
        _ id: PartitionID,
        _ table: TableID
    ) throws(StoreError) -> Tables.Partition? {
        guard let descriptor = self.descriptor(table), let place = self.catalog.map.partition(id)
        else { return nil }
        var partition = try Tables.Partition.restored(
            id: id,
            descriptor: descriptor,
            range: place.range.first...place.range.last,
            region: self.settings.region,
            from: self.store
        )
        self.prepare(&partition, of: table)
        return partition
    }

    /// Applies committed entries; a command that cannot be applied stops the node, because what
    /// follows would be built on something else than at its peers.
    mutating func applyToPartition(
        _ entries: [Entry],
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let group = self.groups[slot]!
        let keepsRecent = !group.destinations.isEmpty || !group.indexStreams.isEmpty
        if !keepsRecent { group.recentChanges.removeAll() }
        for entry in entries {
            if keepsRecent {
                group.recentChanges.append(
                    RecentEntry(
                        index: entry.index.value,
                        payload: entry.kind == .command ? entry.payload : nil
                    )
                )
            }
            guard entry.kind == .command else {
                group.partition!.skip(entry.index.value)
                continue
            }
            do throws(StoreError) {
                let applied = try group.partition!.apply(
                    entry.payload,
                    at: entry.index.value,
                    self.store
                )
                self.measure(applied, slot, clocks)
            } catch {
                self.storeFailure = error
                return
            }
        }
        // Entries are messages of their leader, which a hybrid clock observes.
        self.clock.observe(group.partition!.newest)
        if self.settings.recordsApplies {
            self.applied += group.partition!.takeApplied()
        }
    }

    /// Feeds the meters of lag and backlog.
    private mutating func measure(_ applied: Applied, _ slot: Int, _ clocks: Clocks) {
        if let change = applied.change {
            for index in self.groups[slot]!.destinations.indices {
                self.groups[slot]!.destinations[index].backlog.committed(
                    change.totals,
                    at: clocks.now
                )
            }
        }
        guard let inbound = applied.inbound, self.groups[slot]!.raft.isLeader,
            let name = self.groups[slot]!.partition?.descriptor.name
        else { return }
        for instant in inbound.committedAt {
            self.lagMeters.applied(
                name,
                inbound.source,
                committedAt: instant,
                appliedAt: clocks.now
            )
        }
    }

    /// The replica leads and has applied all that its predecessors did: it decides from now on.
    mutating func beginLeading(
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        self.groups[slot]!.partition?.becameLeader()
        self.openDestinations(slot, clocks)
        self.openIndexStreams(slot, clocks)
        self.reportReady(slot, clocks, &effects)
    }
}
