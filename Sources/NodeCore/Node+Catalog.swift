import Consensus
import DataModel
import Placement
package import Primitives
import Tables

/// The region's catalog: proposing to it, applying it, and making groups follow it.
extension Node {
    var catalogSlot: Int? { self.slot(of: .catalog) }

    /// The node that leads the region's catalog, as far as this node knows.
    package var catalogLeader: NodeID? {
        self.catalogSlot.flatMap { self.groups[$0]?.raft.leader?.node }
    }

    /// True while this node may answer for the region's catalog alone.
    func leadsCatalog(now: Instant) -> Bool {
        guard let slot = self.catalogSlot else { return false }
        return self.leadsUnderLease(slot, now: now)
    }

    /// The catalog is known here and has a leader.
    package var isReady: Bool { self.catalogLeader != nil }

    mutating func proposeToCatalog(
        _ command: CatalogCommand,
        _ waiter: CatalogWaiter,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let slot = self.catalogSlot else { return self.refuse(waiter, &effects) }
        if case .internalChange = waiter, self.groups[slot]!.waiters.count > 0 {
            // Reconciling comes round again; it never adds to a queue.
            return
        }
        do throws(ProposalError) {
            let index = try self.groups[slot]!.raft.propose(command.encoded)
            self.groups[slot]!.waiters.append(Waiter(index: index, outcome: .catalog(waiter)))
            self.markDirty(slot)
        } catch {
            self.refuse(waiter, &effects)
        }
    }

    private func refuse(_ waiter: CatalogWaiter, _ effects: inout [Effect]) {
        switch waiter {
        case .tableOperation(let origin, _), .tableOption(let origin, _):
            self.fail(origin, .internalServer, &effects)
        case .internalChange: break
        }
    }

    mutating func applyToCatalog(
        _ entries: [Entry],
        _ slot: Int,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        for entry in entries {
            var waiter: CatalogWaiter?
            if let first = self.groups[slot]!.waiters.first, first.index == entry.index,
                case .catalog(let waiting) = first.outcome
            {
                waiter = waiting
                self.groups[slot]!.waiters.removeFirst()
            }
            guard entry.kind == .command,
                let command = try? CatalogCommand(decoding: entry.payload)
            else { continue }
            let change = self.catalog.apply(command, at: entry.index.value)
            self.follow(change, clocks, &effects)
            switch waiter {
            case .tableOperation(let origin, let name):
                self.answer(origin, name, command, change, &effects)
            case .tableOption(let origin, let answer):
                if change == .noSuchTable {
                    self.fail(origin, .requestedResourceNotFound, &effects)
                } else {
                    self.succeed(origin, .tableOption(answer), &effects)
                }
            case .internalChange, nil: break
            }
        }
        guard let last = entries.last else { return }
        self.store.put(
            .meta,
            GroupKeys.meta(.catalog, .catalogApplied),
            GroupKeys.bigEndian(last.index.value)
        )
        self.catalogCommands += entries.count
        if self.catalogCommands >= 64 { self.persistCatalog(through: last.index) }
        self.deliverEarly(clocks, &effects)
        self.catalogAdvanced(clocks, &effects)
    }

    /// Writes the whole catalog, so that a restart replays only what came after it.
    mutating func persistCatalog(through index: LogIndex) {
        self.catalogCommands = 0
        self.catalogStateVersion = index.value
        var writer = ByteWriter()
        writer.u64(index.value)
        writer.block(self.catalog.encoded)
        self.store.put(.meta, GroupKeys.meta(.catalog, .catalogState), writer.bytes)
    }

    private func answer(
        _ origin: Origin,
        _ name: String,
        _ command: CatalogCommand,
        _ change: Catalog.Change,
        _ effects: inout [Effect]
    ) {
        switch change {
        case .tableExists:
            self.fail(origin, .tableAlreadyExists(name), &effects)
        case .noSuchTable, .none, .nodeReplaced:
            self.fail(origin, .tableNotFound(name), &effects)
        case .stale:
            self.fail(origin, .tableInUse(name, .updating), &effects)
        case .deleted(var record, _):
            record.status = .deleting
            self.succeed(origin, .tableChanged(self.description(of: record)), &effects)
        case .created(let id), .updated(let id), .changed(let id, _, _):
            guard let table = self.catalog.table(id) else { return }
            self.succeed(origin, .tableChanged(self.description(of: table)), &effects)
        }
    }

    /// Makes this node's groups what the catalog now says.
    private mutating func follow(
        _ change: Catalog.Change,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch change {
        case .none, .tableExists, .noSuchTable, .stale:
            break
        case .created(let id):
            self.foundPartitions(of: id, clocks, &effects)
            for index in self.catalog.table(id)?.options.globals ?? [] {
                self.foundPartitions(of: index.id, clocks, &effects)
            }
        case .changed(let id, let added, let dropped):
            for index in added { self.foundPartitions(of: index, clocks, &effects) }
            for partition in dropped { self.drop(partition, clocks, &effects) }
            self.tableChanged(id, clocks)
        case .deleted(let record, let partitions):
            for partition in partitions { self.drop(partition, clocks, &effects) }
            self.adopted[record.name] = nil
            self.readyPartitions[record.id] = nil
            self.backfilledPartitions[record.id] = nil
            for index in record.options.globals {
                self.readyPartitions[index.id] = nil
                self.indexMeters.forget(index.id)
            }
        case .updated(let id):
            self.tableChanged(id, clocks)
        case .nodeReplaced:
            break
        }
    }

    private mutating func foundPartitions(
        of id: TableID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let identity = self.identity else { return }
        for partition in self.catalog.partitions(of: id)
        where partition.replicas.contains(identity) && self.slot(of: partition.id) == nil {
            let configuration = Configuration(voters: partition.replicas)
            guard let slot = self.found(partition.id, configuration, table: id) else { continue }
            // The preferred leader need not wait: a fresh group has no leader to disturb.
            if partition.preferredLeader == identity {
                self.withRaft(slot, clocks, &effects) { group, outputs in
                    group.raft.campaign(now: clocks.now, into: &outputs)
                }
            }
        }
    }

    /// Removes a group and all that the store holds of it.
    mutating func drop(
        _ partition: PartitionID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let slot = self.slot(of: partition) else { return }
        let waiters = self.groups[slot]!.waiters
        self.cancelSnapshots(of: partition)
        self.groups[slot] = nil
        self.freeSlots += 1
        self.slotByGroup[partition] = nil
        self.eraseGroup(partition)
        for waiter in waiters {
            switch waiter.outcome {
            case .answer(let origin, _, _), .refusal(let origin, _):
                self.fail(origin, .requestedResourceNotFound, &effects)
            case .work(let origin, _):
                self.workFinished(origin, .failed, clocks, &effects)
            case .replication, .catalog:
                break
            }
        }
    }

    private func eraseGroup(_ id: PartitionID) {
        for space in Space.allCases {
            self.store.deleteRange(
                space,
                from: GroupKeys.prefix(id),
                to: GroupKeys.end(id)
            )
        }
    }

    // MARK: Descriptions

    func description(of table: TableRecord) -> TableDescription {
        var description = TableDescription(
            table: table.name,
            region: self.settings.regionName,
            status: table.status,
            createdAt: table.createdAt,
            schema: table.schema
        )
        description.accountID = self.settings.account
        let seed = Array("\(self.settings.regionName)/\(table.name)/\(table.id.number)".utf8)
        description.id = TableUUID(
            high: XXHash64.hash(seed, seed: table.createdAt.nanoseconds),
            low: XXHash64.hash(seed, seed: 1)
        )
        description.billingMode = table.settings.billingMode
        description.payPerRequestSince = table.settings.payPerRequestSince
        description.throughput = table.settings.throughput
        description.stream = table.settings.stream
        description.tableClass = table.settings.tableClass
        description.isDeletionProtected = table.settings.isDeletionProtected
        for partition in self.catalog.partitions(of: table.id) {
            guard let slot = self.slot(of: partition.id),
                let local = self.groups[slot]?.partition
            else { continue }
            description.itemCount += local.itemCount
            description.sizeBytes += local.sizeBytes
        }
        self.describe(table, in: &description)
        guard let global = table.global, global.replicas.count > 1 else { return description }
        description.replicas = global.replicas.map { replica in
            ReplicaDescription(
                region: self.settings.layout.name(of: replica.region),
                status: replica.status
            )
        }
        let isChanging = global.replicas.contains { $0.status != .active }
        if isChanging, description.status == .active { description.status = .updating }
        if global.status(of: self.settings.region) == .creating { description.status = .creating }
        return description
    }

    // MARK: Readiness

    /// A leader that serves says so while its table is being made.
    mutating func reportReady(_ slot: Int, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard let table = self.groups[slot]!.table, let record = self.catalog.table(table) else {
            return
        }
        guard record.status == .creating, let leader = self.catalogLeader else { return }
        let id = self.groups[slot]!.id
        if leader == self.settings.id {
            self.partitionIsReady(table, id, clocks, &effects)
        } else {
            effects.append(.send(.partitionReady(table, id), to: leader))
        }
    }

    /// Repeats what the catalog's leader must know, in case it is a new one.
    mutating func reportProgress(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard let leader = self.catalogLeader else { return }
        let isOwn = leader == self.settings.id
        for position in self.catalog.unsettled {
            let table = self.catalog.tables[position]
            let isCreating = table.status == .creating
            let added = (table.global?.replicas ?? []).filter { $0.status == .creating }
            guard isCreating || !added.isEmpty else { continue }
            for partition in self.catalog.partitions(of: table.id) {
                guard let slot = self.slot(of: partition.id),
                    self.groups[slot]?.raft.leaderReady == true
                else { continue }
                if isCreating { self.reportReady(slot, clocks, &effects) }
                for replica in added where self.hasBackfilled(slot, replica.region) {
                    if isOwn {
                        self.partitionIsBackfilled(
                            table.id,
                            partition.id,
                            replica.region,
                            clocks,
                            &effects
                        )
                    } else {
                        let report = Message.backfilled(
                            table.id,
                            partition.id,
                            destination: replica.region
                        )
                        effects.append(.send(report, to: leader))
                    }
                }
            }
        }
    }
}
