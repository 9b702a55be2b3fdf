import Consensus
import DataModel
import Placement
import Primitives
import Tables

/// Parts of operations, carried out by the replica of one partition.
extension Node {
    /// True while the replica in `slot` leads with a lease and has applied all its predecessors
    /// did, so that what it holds is the latest.
    func leadsUnderLease(_ slot: Int, now: Instant) -> Bool {
        guard let group = self.groups[slot], group.leaderReady else { return false }
        if self.settings.bug == .readWithoutLease { return true }
        let configuration = group.raft.configuration
        var promised = 0
        for voter in configuration.voters {
            if voter == group.raft.id {
                promised += 1
            } else if self.liveness.holdsLease(from: voter.node, now: now),
                group.raft.isConfirmed(by: voter)
            {
                promised += 1
            }
        }
        return promised >= configuration.majority
    }

    /// The slot of a replica here that may answer a read, or nil.
    func readableSlot(
        _ partition: PartitionID,
        _ isConsistent: Bool,
        _ clocks: Clocks
    ) -> Int? {
        guard let slot = self.slot(of: partition), let group = self.groups[slot],
            group.partition != nil, group.incoming == nil
        else { return nil }
        if isConsistent {
            if self.settings.bug == .readAfterDemotion, group.hasLed { return slot }
            return self.leadsUnderLease(slot, now: clocks.now) ? slot : nil
        }
        // A replica that never heard of its group's members holds nothing yet.
        return group.raft.configuration.voters.isEmpty ? nil : slot
    }

    /// The slot of a replica here that leads, or nil.
    func writableSlot(_ partition: PartitionID, _ clocks: Clocks) -> Int? {
        guard let slot = self.slot(of: partition), let group = self.groups[slot],
            group.partition != nil, group.leaderReady
        else { return nil }
        return slot
    }

    /// The node to ask for a partition's work when it cannot be done here.
    func workNode(
        for partition: Placement.Partition,
        _ needsLeader: Bool,
        _ clocks: Clocks
    ) -> NodeID? {
        if let slot = self.slot(of: partition.id) {
            guard let leader = self.groups[slot]?.raft.leader?.node, leader != self.settings.id,
                self.isReachable(leader, clocks.now)
            else { return nil }
            return leader
        }
        for replica in partition.replicas where self.isReachable(replica.node, clocks.now) {
            return replica.node
        }
        return nil
    }

    func isReachable(_ node: NodeID, _ now: Instant) -> Bool {
        self.connectedNodes[Int(node.index)] && self.liveness.answers(node, now: now)
    }

    mutating func call(
        _ node: NodeID,
        _ work: PartitionWork,
        _ partition: PartitionID,
        coordinator: UInt64,
        part: Int,
        _ deadline: Instant,
        _ effects: inout [Effect]
    ) {
        let id = self.calls.insert(
            Call(
                kind: .part(coordinator: coordinator, part: part),
                node: node,
                deadline: deadline
            )
        )
        effects.append(.send(.work(call: id, partition, work), to: node))
    }

    // MARK: Carrying out

    /// Does what another node asks of a partition.
    mutating func perform(
        _ work: PartitionWork,
        on partition: PartitionID,
        for origin: WorkOrigin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch work {
        case .read(let keys, let isConsistent):
            guard let slot = self.readableSlot(partition, isConsistent, clocks) else { break }
            return self.workFinished(origin, self.read(keys, slot), clocks, &effects)
        case .page(let range, let isConsistent):
            guard let slot = self.readableSlot(partition, isConsistent, clocks) else { break }
            return self.workFinished(origin, self.page(range, slot), clocks, &effects)
        case .write(let table, let writes, let isCounted):
            guard let slot = self.writableSlot(partition, clocks),
                self.groups[slot]?.table == table
            else { break }
            return self.write(writes, isCounted: isCounted, slot, for: origin, clocks, &effects)
        case .index(let batch):
            guard let slot = self.writableSlot(partition, clocks) else { break }
            return self.take(batch, slot, for: origin, clocks, &effects)
        }
        let hint = self.slot(of: partition).flatMap { self.groups[$0]?.raft.leader?.node }
        self.workFinished(origin, .notLeader(hint: hint), clocks, &effects)
    }

    /// Reads items until they are as many bytes as one partition gives for one batch.
    mutating func read(_ keys: [[UInt8]], _ slot: Int) -> WorkResult {
        guard let partition = self.groups[slot]?.partition else { return .failed }
        var items: [[UInt8]?] = []
        items.reserveCapacity(keys.count)
        var bytes = 0
        do throws(StoreError) {
            for key in keys where bytes < NodeLimits.batchPartitionBytes {
                let item = try partition.get(ItemKey(trusted: key), self.store)
                bytes += item?.size ?? 0
                items.append(item?.bytes)
            }
            return .items(items)
        } catch {
            self.storeFailure = error
            return .failed
        }
    }

    func workFinishedLocally(_ origin: WorkOrigin) -> Bool {
        guard case .part = origin else { return false }
        return true
    }

    mutating func workFinished(
        _ origin: WorkOrigin,
        _ result: WorkResult,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch origin {
        case .part(let coordinator, let part):
            self.partDone(coordinator, part, result, clocks, &effects)
        case .peer(let node, let call):
            effects.append(.send(.workDone(call: call, result), to: node))
        case .index(let part):
            self.indexPartDone(part, result, clocks)
        }
    }

    mutating func workDone(
        _ call: UInt64,
        _ result: WorkResult,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let waiting = self.calls.remove(call) else { return }
        if case .index(let part) = waiting.kind {
            return self.indexPartDone(part, result, clocks)
        }
        guard case .part(let coordinator, let part) = waiting.kind else { return }
        self.partDone(coordinator, part, result, clocks, &effects)
    }

    /// A part of an operation came to an end, here or elsewhere.
    mutating func partDone(
        _ id: UInt64,
        _ part: Int,
        _ result: WorkResult,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch self.coordinators[id] {
        case nil:
            return
        case .scan(var scan):
            if case .notLeader = result {
                scan.isStalled = true
                self.coordinators[id] = .scan(scan)
                return
            }
            let last =
                self.catalog.map.partition(of: scan.table, for: scan.token)?.range.last ?? .max
            guard self.take(result, into: &scan, last) else {
                self.coordinators.remove(id)
                return self.fail(scan.origin, .internalServer, &effects)
            }
            self.coordinators[id] = .scan(scan)
            self.advanceScan(id, clocks, &effects)
        case .batchGet(var batch):
            batch.take(result, part)
            self.coordinators[id] = .batchGet(batch)
            if batch.parts[part].state == .done { self.advanceBatchGet(id, clocks, &effects) }
        case .batchWrite(var batch):
            batch.take(result, part)
            self.coordinators[id] = .batchWrite(batch)
            if batch.parts[part].state == .done { self.advanceBatchWrite(id, clocks, &effects) }
        }
    }

    /// Tries again what found no leader.
    mutating func retryCoordinators(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard self.coordinators.count > 0 else { return }
        for id in self.coordinators.ids(where: \.isStalled) {
            switch self.coordinators[id] {
            case nil: break
            case .scan(let scan):
                if scan.deadline <= clocks.now {
                    self.coordinators.remove(id)
                    self.fail(scan.origin, .internalServer, &effects)
                } else {
                    self.advanceScan(id, clocks, &effects)
                }
            case .batchGet: self.advanceBatchGet(id, clocks, &effects)
            case .batchWrite: self.advanceBatchWrite(id, clocks, &effects)
            }
        }
    }
}
