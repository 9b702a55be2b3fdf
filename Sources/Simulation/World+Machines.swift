import NodeCore
import Primitives
import Tables

/// Processes and disks: how they start, die, stop and come back.
extension World {
    func settings(of machine: Machine) -> NodeSettings {
        var settings = NodeSettings(
            id: machine.id,
            incarnation: machine.incarnation,
            layout: self.layout,
            replicationFactor: self.plan.replicationFactor,
            partitionsPerTable: self.plan.partitionsPerTable,
            stampsAreHybrid: self.plan.isHybrid,
            seed: self.nodeRandom.next()
        )
        self.adjust(&settings)
        return settings
    }

    /// Starts a process on whatever the disk holds.
    func boot(_ machine: Machine) {
        precondition(!machine.isAlive)
        machine.life += 1
        let store: any Store = machine.incarnation > 0 ? machine.disk : MemoryStore()
        do throws(StoreError) {
            machine.process = try Machine.Process(
                self.settings(of: machine),
                store,
                now: self.now
            )
        } catch {
            // A record that rotted: an operator replaces the disk.
            machine.hasFailed = true
            self.observer?.died(machine)
            return
        }
        self.trace.note(self.now, machine.index, .started, UInt64(machine.incarnation))
        self.agenda.plan(
            .tick,
            machine.index,
            machine.life,
            at: self.now + self.turnRandom.below(NodeTiming.tick)
        )
        for to in self.machines.indices where to != machine.index {
            self.dialSoon(self.place(machine.index, to), .zero)
        }
        self.observer?.started(machine)
    }

    /// How much a process' death takes with it.
    enum Death {
        /// The process alone: what it wrote is safe.
        case process
        /// The power: what was not synced goes, but for a drawn prefix.
        case power
    }

    /// The process dies; a commit under way is whole or torn.
    func kill(_ machine: Machine, _ death: Death = .process) {
        guard let process = machine.process else { return }
        self.trace.note(self.now, machine.index, .killed, 0)
        let bug = process.loop.node.settings.bug
        machine.process = nil
        machine.life += 1
        machine.inbox = []
        machine.isTurnPlanned = false
        machine.isSuspended = false
        let wasSyncing = machine.isSyncing
        machine.isSyncing = false
        machine.busyUntil = .zero
        let isWhole = wasSyncing && self.diskRandom.chance(1, outOf: 2)
        if bug == .batchHalfApplied, isWhole { machine.disk.tearPending() }
        machine.disk.processDied(keepsPending: isWhole)
        if death == .power {
            let count = UInt64(machine.disk.unsyncedCount)
            machine.disk.powerLost(keeping: Int(self.diskRandom.below(count + 1)))
        }
        for other in self.machines.indices where other != machine.index {
            // What left before may still arrive; what was on its way here is gone.
            self.closeStream(self.place(machine.index, other))
            self.breakStream(self.place(other, machine.index), voidsFrames: true)
        }
        self.observer?.died(machine)
    }

    /// The sender of a stream died, so nobody dials again.
    private func closeStream(_ place: Int) {
        self.paths[place].isOpen = false
        guard let wire = self.paths[place].wire else { return }
        // Bytes that were written are read still; only the turn's own are lost.
        wire.outbound = []
    }

    /// Replaces the disk of a dead machine by an empty one.
    func loseDisk(_ machine: Machine) {
        precondition(!machine.isAlive)
        machine.disk = Disk(losesPower: self.losesPower)
        machine.incarnation = 0
        machine.hasFailed = false
    }

    /// A node that came back empty starts anew with the incarnation that its region gave it.
    func adopt(_ incarnation: UInt32, _ machine: Machine) {
        guard let process = machine.process else { return }
        machine.incarnation = incarnation
        self.trace.note(self.now, machine.index, .started, UInt64(incarnation))
        do throws(StoreError) {
            try process.replace(self.settings(of: machine), machine.disk, now: self.now)
        } catch {
            return self.storeFailed(machine)
        }
        for to in self.machines.indices
        where to != machine.index && self.paths[self.place(machine.index, to)].isOpen {
            self.put(.connected(NodeID(UInt16(to))), to: machine)
        }
    }

    /// The store cannot be read, so the process stops.
    func storeFailed(_ machine: Machine) {
        machine.hasFailed = true
        self.kill(machine)
    }

    func pause(_ machine: Machine) {
        machine.pauses += 1
        if machine.pauses == 1 { machine.pausedSince = self.now }
    }

    /// What arrived meanwhile is taken in, in one turn, before or after time is noticed.
    func resume(_ machine: Machine) {
        machine.pauses -= 1
        guard machine.pauses == 0 else { return }
        machine.pausedSince = nil
        guard machine.turns else { return }
        if self.turnRandom.chance(1, outOf: 2) {
            machine.inbox.insert(.tick, at: 0)
        } else {
            machine.inbox.append(.tick)
        }
        self.wake(machine)
    }
}
