import NodeCore
import Primitives
import Tables

/// Lets planned faults begin and end.
///
/// A fault that would take what the protocol cannot live without is left out when its time comes:
/// disks go only one at a time in a region that is otherwise whole.
final class Injector {
    let world: World
    let plan: [PlannedFault]
    private var isActive: [Bool]
    private(set) var begun = 0
    private(set) var leftOut = 0
    /// Nodes whose disk rotted and may be lost any time.
    private var rotten: [Int] = []
    private var brokenDisks: [Int]
    /// Faults and heals, for the history.
    var remark: ((_ isHeal: Bool, _ text: String) -> Void)?
    /// Does what takes an operator: pausing replication, and changing a table's regions.
    var operate: ((Order) -> Void)?

    enum Order {
        case pause(region: Int, to: [Int])
        case leave(region: Int)
        case join(region: Int)
    }

    init(_ world: World, _ plan: [PlannedFault]) {
        self.world = world
        self.plan = plan
        self.isActive = plan.map { _ in false }
        self.brokenDisks = world.machines.map { _ in 0 }
    }

    func start() {
        for (index, fault) in self.plan.enumerated() {
            self.world.agenda.plan(.faultBegins, index, at: self.world.now + fault.at)
        }
    }

    // MARK: Begin and end

    func begin(_ index: Int) {
        let planned = self.plan[index]
        guard self.isAllowed(planned.fault) else {
            self.leftOut += 1
            return
        }
        self.begun += 1
        self.isActive[index] = true
        let text = planned.fault.summary(self.world)
        self.world.trace.note(self.world.now, 0, .fault, UInt64(index), text: text)
        self.remark?(false, text)
        self.apply(planned.fault)
        if planned.lasts > 0 {
            self.world.agenda.plan(.faultEnds, index, at: self.world.now + planned.lasts)
        } else {
            self.isActive[index] = false
        }
    }

    func end(_ index: Int) {
        guard self.isActive[index] else { return }
        self.isActive[index] = false
        let fault = self.plan[index].fault
        let text = fault.summary(self.world)
        self.world.trace.note(self.world.now, 0, .heal, UInt64(index), text: text)
        self.remark?(true, text)
        self.undo(fault)
    }

    /// Ends every fault that touches a region of the core, or all.
    func heal(core: [Int]?) {
        for index in self.plan.indices where self.isActive[index] {
            let touched = self.plan[index].fault.regions(self.world)
            if let core, !touched.contains(where: core.contains) { continue }
            self.end(index)
        }
        guard core == nil else { return }
        for machine in self.world.machines where machine.hasFailed { self.replaceDisk(machine) }
    }

    /// Nothing begins any more.
    func freeze() { self.isFrozen = true }
    private(set) var isFrozen = false

    private func apply(_ fault: Fault) {
        let machines = self.world.machines
        switch fault {
        case .crash(let node): self.down(machines[node], .process)
        case .powerLoss(let node): self.down(machines[node], .power)
        case .diskLoss(let node):
            self.down(machines[node], .process)
            self.world.loseDisk(machines[node])
        case .regionCrash(let region):
            for machine in self.machines(in: region) { self.down(machine, .process) }
        case .pause(let node): self.world.pause(machines[node])
        case .cut(let from, let to): self.world.cut(self.world.place(from, to))
        case .isolate, .regionCut, .regionIsolate:
            for place in self.cutPlaces(fault) { self.world.cut(place) }
        case .stall(let from, let to): self.stall(self.world.place(from, to), fault)
        case .reset(let from, let to): self.world.reset(self.world.place(from, to))
        case .regionReset(let from, let to):
            for place in self.places(from, to) { self.world.reset(place) }
        case .link(let from, let to, _): self.relink(from, to)
        case .clock(let node, let setting):
            machines[node].clock.set(setting, now: self.world.now)
        case .clockStep(let node, let difference): machines[node].clock.step(by: difference)
        case .slowDisk(let node, _): self.reslow(machines[node])
        case .fullDisk(let node), .brokenDisk(let node): self.refuse(machines[node], fault)
        case .bitRot(let node, let space, let place): self.rot(machines[node], space, place)
        case .pauseReplication(let from, _): self.repause(from)
        case .rejoin(let region): self.operate?(.leave(region: region))
        }
    }

    private func undo(_ fault: Fault) {
        let machines = self.world.machines
        switch fault {
        case .crash(let node), .powerLoss(let node), .diskLoss(let node): self.up(machines[node])
        case .regionCrash(let region):
            for machine in self.machines(in: region) { self.up(machine) }
        case .pause(let node): self.world.resume(machines[node])
        case .cut(let from, let to): self.world.heal(self.world.place(from, to))
        case .isolate, .regionCut, .regionIsolate:
            for place in self.cutPlaces(fault) { self.world.heal(place) }
        case .stall, .reset, .regionReset, .bitRot: break
        case .link(let from, let to, _): self.relink(from, to)
        case .clock(let node, _):
            machines[node].clock.set(self.world.plan.clocks[node], now: self.world.now)
        case .clockStep(let node, let difference): machines[node].clock.step(by: -difference)
        case .slowDisk(let node, _): self.reslow(machines[node])
        case .fullDisk(let node), .brokenDisk(let node): self.accept(machines[node])
        case .pauseReplication(let from, _): self.repause(from)
        case .rejoin(let region): self.operate?(.join(region: region))
        }
    }

    // MARK: Processes

    private func down(_ machine: Machine, _ death: World.Death) {
        machine.downReasons += 1
        self.world.kill(machine, death)
    }

    private func up(_ machine: Machine) {
        machine.downReasons -= 1
        if machine.downReasons == 0, !machine.isAlive, !machine.hasFailed {
            self.world.boot(machine)
        }
    }

    /// A process stopped because its store could not be read: an operator comes after a while.
    func storeFailed(_ machine: Machine) {
        self.world.agenda.plan(
            .milestone,
            machine.index,
            at: self.world.now + .seconds(3)
        )
    }

    func replaceDisk(_ machine: Machine) {
        guard machine.hasFailed, !machine.isAlive else { return }
        self.remark?(true, "\(self.world.name(machine.index)): disk replaced")
        self.world.loseDisk(machine)
        self.rotten.removeAll { $0 == machine.index }
        if machine.downReasons == 0 { self.world.boot(machine) }
    }

    // MARK: Disks

    /// Whether a disk of the region may go: everything in it has all its copies on other disks.
    private func mayLoseDisk(of node: Int) -> Bool {
        let region = self.world.regionOfNode[node]
        return self.world.isWhole(region)
            && !self.rotten.contains { self.world.regionOfNode[$0] == region }
    }

    private func isAllowed(_ fault: Fault) -> Bool {
        guard !self.isFrozen else { return false }
        switch fault {
        case .diskLoss(let node):
            return self.machines(in: self.world.regionOfNode[node]).count > 1
                && self.mayLoseDisk(of: node)
        case .bitRot(let node, _, _):
            return self.machines(in: self.world.regionOfNode[node]).count > 1
                && self.mayLoseDisk(of: node)
        case .crash, .powerLoss, .pause, .regionCrash, .cut, .isolate, .regionCut,
            .regionIsolate, .stall, .reset, .regionReset, .link, .clock, .clockStep, .slowDisk,
            .fullDisk, .brokenDisk, .pauseReplication, .rejoin:
            return true
        }
    }

    private func rot(_ machine: Machine, _ space: UInt8, _ place: UInt64) {
        var key: [UInt8] = []
        withUnsafeBytes(of: place.bigEndian) { key.append(contentsOf: $0) }
        guard machine.disk.rot(.init(rawValue: space) ?? .item, near: key) else { return }
        self.rotten.append(machine.index)
    }

    private func refuse(_ machine: Machine, _ fault: Fault) {
        self.brokenDisks[machine.index] += 1
        if case .fullDisk = fault {
            machine.disk.refusal = .noSpace("No space left on device")
        } else {
            machine.disk.refusal = .io("Input/output error")
        }
    }

    private func accept(_ machine: Machine) {
        self.brokenDisks[machine.index] -= 1
        if self.brokenDisks[machine.index] == 0 { machine.disk.refusal = nil }
    }

    private func reslow(_ machine: Machine) {
        machine.slowness = 0
        for index in self.plan.indices where self.isActive[index] {
            if case .slowDisk(machine.index, let time) = self.plan[index].fault {
                machine.slowness = max(machine.slowness, time)
            }
        }
    }

    // MARK: Links

    private func machines(in region: Int) -> [Machine] {
        self.world.machines.filter { Int($0.region.rank) == region }
    }

    /// The paths from one region to another, or between the nodes of one.
    private func places(_ from: Int, _ to: Int) -> [Int] {
        self.machines(in: from).flatMap { sender in
            self.machines(in: to).filter { $0 !== sender }.map {
                self.world.place(sender.index, $0.index)
            }
        }
    }

    private func cutPlaces(_ fault: Fault) -> [Int] {
        switch fault {
        case .regionCut(let from, let to): return self.places(from, to)
        case .regionIsolate(let region):
            return self.world.plan.regions.indices.filter { $0 != region }.flatMap {
                self.places(region, $0) + self.places($0, region)
            }
        case .isolate(let node, let inbound, let outbound):
            return self.world.machines.indices.filter { $0 != node }.flatMap { other in
                (inbound ? [self.world.place(other, node)] : [])
                    + (outbound ? [self.world.place(node, other)] : [])
            }
        case .crash, .powerLoss, .pause, .diskLoss, .regionCrash, .cut, .stall, .reset,
            .regionReset, .link, .clock, .clockStep, .slowDisk, .fullDisk, .brokenDisk, .bitRot,
            .pauseReplication, .rejoin:
            return []
        }
    }

    private func stall(_ place: Int, _ fault: Fault) {
        let lasts = self.plan.first { $0.fault == fault }?.lasts ?? 0
        self.world.stall(place, until: self.world.now + lasts)
    }

    /// The latest of the faults that are in force on a region's links decides.
    private func relink(_ from: Int, _ to: Int) {
        var settings: LinkSettings?
        for index in self.plan.indices where self.isActive[index] {
            if case .link(from, to, let other) = self.plan[index].fault { settings = other }
        }
        for place in self.places(from, to) {
            self.world.setLink(place, settings ?? self.world.paths[place].base)
        }
    }

    private func repause(_ from: Int) {
        var paused: [Int] = []
        for index in self.plan.indices where self.isActive[index] {
            if case .pauseReplication(from, let to) = self.plan[index].fault { paused.append(to) }
        }
        self.operate?(.pause(region: from, to: paused))
    }

    /// The regions that a region sends nothing to, for a process that starts meanwhile.
    func pausedDestinations(of region: Int) -> [Int] {
        self.plan.indices.filter { self.isActive[$0] }.compactMap { index in
            guard case .pauseReplication(region, let to) = self.plan[index].fault else {
                return nil
            }
            return to
        }
    }
}

extension Fault {
    /// The fault in words.
    func summary(_ world: World) -> String {
        let regions = world.plan.regions.map(\.name)
        switch self {
        case .crash(let node): return "crash \(world.name(node))"
        case .powerLoss(let node): return "power loss \(world.name(node))"
        case .pause(let node): return "pause \(world.name(node))"
        case .diskLoss(let node): return "disk loss \(world.name(node))"
        case .regionCrash(let region): return "crash \(regions[region])"
        case .cut(let from, let to): return "cut \(world.name(from)) > \(world.name(to))"
        case .isolate(let node, let inbound, let outbound):
            let way = inbound && outbound ? "" : inbound ? " inbound" : " outbound"
            return "isolate \(world.name(node))\(way)"
        case .regionCut(let from, let to): return "cut \(regions[from]) > \(regions[to])"
        case .regionIsolate(let region): return "isolate \(regions[region])"
        case .stall(let from, let to): return "stall \(world.name(from)) > \(world.name(to))"
        case .reset(let from, let to): return "reset \(world.name(from)) > \(world.name(to))"
        case .regionReset(let from, let to): return "reset \(regions[from]) > \(regions[to])"
        case .link(let from, let to, let settings):
            var parts = ["link \(regions[from]) > \(regions[to])"]
            parts.append("\(settings.latency / 1_000) us + \(settings.jitter / 1_000) us")
            if settings.lossPerMillion > 0 { parts.append("loss \(settings.lossPerMillion) ppm") }
            if let bandwidth = settings.bandwidth { parts.append("\(bandwidth) B/s") }
            return parts.joined(separator: ", ")
        case .clock(let node, let setting):
            return "clock \(world.name(node)) \(setting.offset / 1_000_000) ms, "
                + "\(setting.drift) ppm"
        case .clockStep(let node, let difference):
            return "clock step \(world.name(node)) \(difference / 1_000_000) ms"
        case .slowDisk(let node, let time):
            return "slow disk \(world.name(node)) \(time / 1_000_000) ms"
        case .fullDisk(let node): return "full disk \(world.name(node))"
        case .brokenDisk(let node): return "broken disk \(world.name(node))"
        case .bitRot(let node, _, _): return "bit rot \(world.name(node))"
        case .pauseReplication(let from, let to):
            return "pause replication \(regions[from]) > \(regions[to])"
        case .rejoin(let region): return "rejoin \(regions[region])"
        }
    }

    /// The regions that it touches.
    func regions(_ world: World) -> [Int] {
        switch self {
        case .crash(let node), .powerLoss(let node), .pause(let node), .diskLoss(let node),
            .isolate(let node, _, _), .clock(let node, _), .clockStep(let node, _),
            .slowDisk(let node, _), .fullDisk(let node), .brokenDisk(let node),
            .bitRot(let node, _, _):
            return [world.regionOfNode[node]]
        case .regionCrash(let region), .regionIsolate(let region), .rejoin(let region):
            return [region]
        case .cut(let from, let to), .stall(let from, let to), .reset(let from, let to):
            return [world.regionOfNode[from], world.regionOfNode[to]]
        case .regionCut(let from, let to), .regionReset(let from, let to),
            .link(let from, let to, _), .pauseReplication(let from, let to):
            return [from, to]
        }
    }
}
