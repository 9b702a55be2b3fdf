import Placement
import Primitives

/// A replica that UpdateTable wants to add, while the other region is asked whether the name is
/// free.
struct PendingReplica {
    var table: TableID
    var name: String
    var settings: TableSettings
    var global: GlobalState
    var region: RegionID
}

/// How the catalogs of several regions agree on a global table.
///
/// Each region's catalog keeps a copy of the table's ``GlobalState``; the leader of a catalog sends
/// its copy to every region of the table that has not confirmed its generation, again and again, so
/// that outages of any length only delay. A copy replaces another when its (generation, author) is
/// greater; a confirmation names both, as ``GlobalState/version``.
extension Node {
    /// Asks the region of a new replica whether it already has such a table.
    mutating func inquire(
        _ pending: PendingReplica,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let node = self.reachableNode(in: pending.region) else {
            return self.fail(origin, .internalServer, &effects)
        }
        let call = self.calls.insert(
            Call(
                kind: .inquiry(origin, pending),
                node: node,
                deadline: clocks.now + NodeLimits.forwardPatience
            )
        )
        let notice = GlobalTableNotice.inquiry(
            call: call,
            from: self.settings.id,
            table: pending.name
        )
        effects.append(.send(.globalTable(notice), to: node))
    }

    /// A connected node of another region, another one on each call.
    mutating func reachableNode(in region: RegionID) -> NodeID? {
        let nodes = self.settings.layout.nodes(in: region).filter {
            self.connectedNodes[Int($0.index)]
        }
        guard !nodes.isEmpty else { return nil }
        return nodes[Int(self.random.below(UInt64(nodes.count)))]
    }

    mutating func receive(
        _ notice: GlobalTableNotice,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard self.leadsCatalog(now: clocks.now) else {
            // Handed on once to the leader this node knows; a wrong guess is repaired by the
            // sender, who asks again.
            if let leader = self.catalogLeader, leader != self.settings.id {
                effects.append(.send(.globalTable(notice), to: leader))
            }
            return
        }
        switch notice {
        case .inquiry(let call, let from, let name):
            let exists = self.catalog.position(named: name) != nil
            effects.append(
                .send(.globalTableAnswer(.inquired(call: call, exists: exists)), to: from)
            )
        case .state(let from, _, let bytes):
            var reader = ByteReader(bytes)
            guard let record = try? TableRecord(decoding: &reader), let global = record.global
            else { return }
            self.adopt(record, global, askedBy: from, clocks, &effects)
        }
    }

    /// Takes over another region's copy of a table if it is newer than the own one.
    private mutating func adopt(
        _ record: TableRecord,
        _ global: GlobalState,
        askedBy node: NodeID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let isMember: Bool
        switch global.status(of: self.settings.region) {
        case nil, .deleting: isMember = false
        default: isMember = true
        }
        let confirmation = Message.globalTableAnswer(
            .adopted(
                table: record.name,
                region: self.settings.region,
                generation: global.version
            )
        )
        guard let table = self.catalog.table(named: record.name) else {
            guard isMember else { return effects.append(.send(confirmation, to: node)) }
            var copy = record
            copy.status = .creating
            copy.settings.isDeletionProtected = false
            copy.options = record.options.adopted()
            self.proposeToCatalog(.createTable(copy), .internalChange, clocks, &effects)
            return
        }
        // A table of the same name that was never a replica is not touched.
        guard let own = table.global else { return }
        guard global.isNewer(than: own) else {
            // Who is behind is told, even if it is no replica any more: a copy older still can have
            // made its table anew.
            let isBehind = own.isNewer(than: global)
            let answer = isBehind ? Message.globalTable(self.notice(of: table)) : confirmation
            effects.append(.send(answer, to: node))
            return
        }
        if isMember {
            self.proposeToCatalog(
                .changeTable(table.id, self.adoptedChanges(record, global, to: table)),
                .internalChange,
                clocks,
                &effects
            )
        } else {
            self.proposeToCatalog(.deleteTable(table.id), .internalChange, clocks, &effects)
        }
    }

    mutating func receive(
        _ answer: GlobalTableAnswer,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch answer {
        case .inquired(let call, let exists):
            guard let waiting = self.calls.remove(call),
                case .inquiry(let origin, let pending) = waiting.kind
            else { return }
            guard !exists else {
                return self.fail(origin, Self.replicaExists(pending.name), &effects)
            }
            self.proposeToCatalog(
                .updateTable(pending.table, pending.settings, pending.global, nil),
                .tableOperation(origin, pending.name),
                clocks,
                &effects
            )
        case .adopted(let table, let region, let generation):
            var known = self.adopted[table] ?? []
            if let slot = known.firstIndex(where: { $0.region == region }) {
                known[slot].generation = max(known[slot].generation, generation)
            } else {
                known.append(AdoptedGeneration(region: region, generation: generation))
            }
            self.adopted[table] = known
        }
    }

    private func adoptedGeneration(_ table: String, _ region: RegionID) -> UInt64 {
        self.adopted[table]?.first { $0.region == region }?.generation ?? 0
    }

    /// One round of a catalog leader over what is not yet as it should be.
    mutating func reconcile(_ clocks: Clocks, _ effects: inout [Effect]) {
        self.reportProgress(clocks, &effects)
        self.reportIndexes(clocks, &effects)
        guard self.leadsCatalog(now: clocks.now) else { return }
        for position in self.catalog.tables.indices
        where self.catalog.tables[position].status == .creating
            || self.catalog.tables[position].global != nil
            || self.catalog.tables[position].isPassing
        {
            guard position < self.catalog.tables.count else { break }
            let table = self.catalog.tables[position]
            if table.status == .creating {
                self.activateIfReady(table, clocks, &effects)
            }
            self.advanceIndexes(of: table, clocks, &effects)
            self.advanceOptions(of: table, clocks, &effects)
            guard let global = table.global else { continue }
            self.tellRegions(of: table, global, &effects)
            self.advanceReplicas(of: table, global, clocks, &effects)
        }
    }

    private mutating func tellRegions(
        of table: TableRecord,
        _ global: GlobalState,
        _ effects: inout [Effect]
    ) {
        for replica in global.replicas where replica.region != self.settings.region {
            guard self.adoptedGeneration(table.name, replica.region) < global.version,
                let node = self.reachableNode(in: replica.region)
            else { continue }
            effects.append(.send(.globalTable(self.notice(of: table)), to: node))
        }
    }

    private func notice(of table: TableRecord) -> GlobalTableNotice {
        .state(from: self.settings.id, sender: self.settings.region, record: table.encoded)
    }

    /// Moves replicas from CREATING to ACTIVE and from DELETING out of the table.
    private mutating func advanceReplicas(
        of table: TableRecord,
        _ global: GlobalState,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let own = self.settings.region
        var next = global
        // Reports of a region's former membership say nothing about the next.
        self.backfilledPartitions[table.id]?.removeAll { report in
            global.status(of: report.destination) != .creating
        }
        for replica in global.replicas {
            switch replica.status {
            case .creating where replica.sponsor == own:
                if self.isBackfilled(table, replica.region) {
                    next.mark(replica.region, .active, by: own)
                }
            case .deleting where replica.region == own:
                let isKnown = global.replicas.contains {
                    $0.region != own
                        && self.adoptedGeneration(table.name, $0.region) >= global.version
                }
                if isKnown {
                    self.proposeToCatalog(
                        .deleteTable(table.id),
                        .internalChange,
                        clocks,
                        &effects
                    )
                    return
                }
            case .deleting where self.finishesRemoval(of: replica.region, global):
                if self.adoptedGeneration(table.name, replica.region) >= global.version {
                    next.remove(replica.region, by: own)
                }
            default:
                break
            }
        }
        guard next != global else { return }
        self.proposeToCatalog(
            .updateTable(table.id, nil, next, nil),
            .internalChange,
            clocks,
            &effects
        )
    }

    /// One region only takes a removed replica off the list: the first that stays.
    private func finishesRemoval(of region: RegionID, _ global: GlobalState) -> Bool {
        let first = global.replicas.first { $0.region != region && $0.status != .deleting }
        return first?.region == self.settings.region
    }

    private func isBackfilled(_ table: TableRecord, _ region: RegionID) -> Bool {
        let done = self.backfilledPartitions[table.id] ?? []
        return self.catalog.partitions(of: table.id).allSatisfy { partition in
            done.contains(BackfilledPartition(partition: partition.id, destination: region))
        }
    }

    mutating func partitionIsBackfilled(
        _ table: TableID,
        _ partition: PartitionID,
        _ destination: RegionID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let report = BackfilledPartition(partition: partition, destination: destination)
        var done = self.backfilledPartitions[table] ?? []
        if !done.contains(report) {
            done.append(report)
            self.backfilledPartitions[table] = done
        }
    }

    mutating func partitionIsReady(
        _ table: TableID,
        _ partition: PartitionID,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        var ready = self.readyPartitions[table] ?? []
        if !ready.contains(partition) {
            ready.append(partition)
            self.readyPartitions[table] = ready
        }
        if let record = self.catalog.table(table), record.status == .creating,
            self.leadsCatalog(now: clocks.now)
        {
            self.activateIfReady(record, clocks, &effects)
        }
    }

    private mutating func activateIfReady(
        _ table: TableRecord,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let ready = self.readyPartitions[table.id] ?? []
        let isReady = self.catalog.partitions(of: table.id).allSatisfy { ready.contains($0.id) }
        guard isReady,
            table.options.globals.allSatisfy({ self.isComplete($0, of: table) }),
            self.isDue(Passing(id: table.id, part: .table), clocks)
        else { return }
        self.readyPartitions[table.id] = nil
        self.proposeToCatalog(
            .updateTable(table.id, nil, nil, .active),
            .internalChange,
            clocks,
            &effects
        )
    }
}
