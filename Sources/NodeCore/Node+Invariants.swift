import Consensus
import Primitives
import Replication
import Tables

/// What a simulation asks a node after its steps. Nothing here is called by a node process.
extension Node {
    /// What does not hold of this node, in words; to be asked between turns.
    ///
    /// Everything in memory is looked at. With `sampleDigests` one partition is recounted from its
    /// stored records too, and what one group has promised is compared with what the disk holds:
    /// another one each time, as `sample` counts on.
    package func checkInvariants(sampleDigests: Bool = false, sample: UInt64 = 0) -> [String] {
        var broken = BrokenInvariants()
        self.checkTables(&broken)
        for slot in self.groups.indices { self.checkGroup(slot, &broken) }
        broken.add(self.catalog.checkInvariants(), of: "catalog")
        broken.add(self.indexInvariants(), of: "indexes")
        if sampleDigests { self.checkDurable(sample, &broken) }
        return broken.list
    }

    /// As ``checkInvariants(sampleDigests:sample:)`` of one group of many, another one each time,
    /// for checks after each of millions of steps.
    package func checkSample(_ sample: UInt64) -> [String] {
        guard !self.groups.isEmpty else { return [] }
        var broken = BrokenInvariants()
        self.checkGroup(Int(sample % UInt64(self.groups.count)), &broken)
        return broken.list
    }

    private func checkTables(_ broken: inout BrokenInvariants) {
        broken.add(self.clock.checkInvariants(), of: "clock")
        broken.add(self.calls.checkInvariants(), of: "calls")
        broken.add(self.coordinators.checkInvariants(), of: "coordinators")
        broken.add(self.outgoingSnapshots.checkInvariants(), of: "snapshots")
        let used = self.groups.count { $0 != nil }
        broken.expect(self.slotByGroup.count == used, "\(used) groups under other names")
        broken.expect(self.freeSlots == self.groups.count - used, "\(self.freeSlots) free slots")
        for slot in self.groups.indices {
            guard let group = self.groups[slot] else { continue }
            broken.expect(
                self.slotByGroup[group.id] == slot,
                "group \(group.id.number) is not found"
            )
            if group.isDirty { broken.expect(self.dirty.contains(slot), "a dirty slot is lost") }
            if group.isRestless {
                broken.expect(self.restless.contains(slot), "a restless slot is lost")
            }
        }
        broken.expect(self.early.count <= NodeLimits.earlyMax, "\(self.early.count) early votes")
        broken.expect(
            self.parked.count <= NodeLimits.requestsMax,
            "\(self.parked.count) requests are parked"
        )
        broken.expect(
            self.outgoingSnapshots.count <= NodeLimits.snapshotStreamsMax,
            "\(self.outgoingSnapshots.count) snapshots are on their way"
        )
    }

    private func checkGroup(_ slot: Int, _ broken: inout BrokenInvariants) {
        guard let group = self.groups[slot] else { return }
        var found = BrokenInvariants()
        found.add(group.raft.checkInvariants(), of: "raft")
        if let identity = self.identity {
            found.expect(group.raft.id == identity, "a replica of another incarnation")
        }
        let applied = group.raft.appliedIndex
        if group.raft.isLeader {
            found.expect(group.incoming == nil, "a leader is given a snapshot")
        } else {
            found.expect(group.waiters.isEmpty, "\(group.waiters.count) wait without a leader")
            found.expect(group.destinations.isEmpty, "replicators without leadership")
            found.expect(group.partition?.isLeading != true, "decisions without leadership")
        }
        var previous = applied
        for waiter in group.waiters {
            found.expect(waiter.index >= previous, "waiters out of order, or answered late")
            found.expect(waiter.index <= group.raft.last.index, "waiting for what is not logged")
            previous = waiter.index
        }
        if let partition = group.partition, group.incoming == nil, self.storeFailure == nil {
            found.add(partition.checkInvariants(), of: "items")
            if self.settings.stampsAreHybrid {
                found.expect(
                    partition.ledger.skewInversions == 0,
                    "a write lost to what its writer had seen"
                )
            }
            if applied > group.raft.base.index {
                found.expect(
                    partition.appliedIndex == applied.value,
                    "items as of \(partition.appliedIndex), consensus as of \(applied.value)"
                )
            }
        }
        self.checkReplicators(group, &found)
        broken.add(found.list, of: "group \(group.id.number)")
    }

    private func checkReplicators(_ group: Group, _ broken: inout BrokenInvariants) {
        let applied = group.raft.appliedIndex.value
        var next = group.recentChanges.first?.index
        for entry in group.recentChanges.all {
            broken.expect(entry.index == next, "recent changes have a gap")
            next = entry.index + 1
        }
        if let next { broken.expect(next == applied + 1, "recent changes end before \(applied)") }
        for destination in group.destinations {
            var found = BrokenInvariants()
            found.add(destination.stream.checkInvariants(), of: "stream")
            found.add(destination.backlog.checkInvariants(), of: "backlog")
            found.expect(
                destination.stream.read.index <= applied,
                "entry \(destination.stream.read.index) is read, \(applied) applied"
            )
            if destination.backfill == nil {
                found.expect(
                    destination.stream.acknowledged.index >= group.raft.base.index.value,
                    "the log begins at \(group.raft.base.index.value), behind the cursor at "
                        + "\(destination.stream.acknowledged.index)"
                )
            }
            if let totals = group.partition?.totals {
                found.expect(
                    destination.backlog.committed >= totals,
                    "changes are missing in the backlog"
                )
            }
            broken.add(found.list, of: "to region \(destination.region.rank)")
        }
    }

    // MARK: The disk

    /// What does not hold of what the disk holds of all groups; costs a scan of everything.
    package func checkStored() -> [String] {
        var broken = BrokenInvariants()
        for slot in self.groups.indices { self.checkDurable(UInt64(slot), &broken) }
        return broken.list
    }

    private func checkDurable(_ sample: UInt64, _ broken: inout BrokenInvariants) {
        guard !self.groups.isEmpty, self.storeFailure == nil,
            let group = self.groups[Int(sample % UInt64(self.groups.count))],
            group.incoming == nil, !self.installed.contains(group.id), self.canRead(group.id)
        else { return }
        var found = BrokenInvariants()
        found.add(
            group.raft.checkDurableLog(countMax: Self.durableEntriesMax, group.log),
            of: "durable log"
        )
        self.checkVote(group, &found)
        if let partition = group.partition,
            !self.committing.contains(where: { slot in
                self.groups[slot]?.id == group.id
            })
        {
            do throws(StoreError) {
                found.add(try partition.violations(self.store), of: "recount")
            } catch {
                found.expect(false, "a record cannot be read")
            }
        }
        broken.add(found.list, of: "group \(group.id.number)")
    }

    private static let durableEntriesMax = 64

    /// False where a record rotted, for which the node stops when it comes across it, and where a
    /// snapshot was cut short, so that what is there does not count.
    private func canRead(_ group: PartitionID) -> Bool {
        do throws(StoreError) {
            let key = GroupKeys.meta(group, .installing)
            if try self.store.get(.meta, key) != nil { return false }
            for space in Space.allCases {
                let from = GroupKeys.prefix(group)
                let to = GroupKeys.end(group)
                try self.store.scan(space, from: from, to: to, reverse: false) { _, _ in false }
            }
            return true
        } catch {
            return false
        }
    }

    /// A vote that is not on disk is forgotten in a restart, and can then be given again.
    private func checkVote(_ group: Group, _ broken: inout BrokenInvariants) {
        let key = GroupKeys.meta(group.id, .vote)
        guard let stored = try? self.store.get(.meta, key) else {
            let isImplied = group.raft.term == group.raft.last.term
            return broken.expect(
                group.raft.votedFor == nil && isImplied,
                "term \(group.raft.term.value) is not on disk"
            )
        }
        var reader = ByteReader(stored)
        guard let number = try? reader.u64(), let isGiven = try? reader.bool() else {
            return broken.expect(false, "the vote on disk cannot be read")
        }
        let vote = isGiven ? try? reader.replica() : nil
        guard number == group.raft.term.value else {
            // The log, or the snapshot that brought it, tells of the term.
            return broken.expect(
                number < group.raft.term.value && group.raft.term == group.raft.last.term,
                "term \(group.raft.term.value) is not on disk"
            )
        }
        broken.expect(vote == group.raft.votedFor, "the vote of term \(number) is not on disk")
    }
}
