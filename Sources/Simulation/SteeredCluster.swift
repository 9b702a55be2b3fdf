package import NodeCore
package import Primitives

/// A simulated cluster that somebody steers: asks one thing at a time, breaks and heals, and lets
/// time pass.
///
/// Time stands still unless somebody waits: for an answer (``ask(_:in:patience:)``) or for its own
/// sake (``advance(by:)``). Requests take the way of the gateway: the region's nodes in turn, those
/// first that answer its checks; a request that was sent is never sent again.
package final class SteeredCluster: WorldObserver {
    /// How a request ended.
    package enum Reply: Sendable {
        case answered(Answer)
        /// The node that had it died.
        case lost
        /// No node of the region is there.
        case unavailable
        case timedOut
    }

    private struct Waiting {
        var id: UInt64
        var machine: Int
        var operation: NodeCore.Operation
    }

    package let plan: ClusterPlan
    private let world: World
    private var waiting: Waiting?
    private var reply: Reply?
    private var nextRequest: UInt64 = 1
    private var turnOfRegion: [Int]
    /// Operations that timed out and may still be handed from node to node.
    private var stale: [UInt64: NodeCore.Operation] = [:]
    private var faults: [Injector] = []

    private static let healthInterval: Nanoseconds = .milliseconds(200)
    /// A fault lasts until it is healed; the injector wants an end.
    private static let forEver: Nanoseconds = .seconds(1_000_000)

    package init(_ plan: ClusterPlan, seed: UInt64) {
        self.plan = plan
        self.turnOfRegion = plan.regions.map { _ in 0 }
        self.world = World(plan, seed: seed, losesPower: false) { _ in }
        self.world.observer = self
        self.world.agenda.plan(.health, 0, at: self.world.now + Self.healthInterval)
    }

    /// Virtual time since the start.
    package var now: Nanoseconds { self.world.now.since(World.start) }

    package func advance(by span: Nanoseconds) {
        let end = self.world.now + span
        while self.world.now < end { self.world.run(until: end) }
    }

    // MARK: Requests

    /// Asks a region, and lets time pass until there is an answer or patience ends.
    package func ask(
        _ operation: NodeCore.Operation,
        in region: Int,
        patience: Nanoseconds
    ) -> Reply {
        guard let machine = self.nextMachine(of: region) else { return .unavailable }
        let id = self.nextRequest
        self.nextRequest += 1
        self.waiting = Waiting(id: id, machine: machine.index, operation: operation)
        self.reply = nil
        self.world.put(.operation(operation, .client(RequestID(id))), to: machine)
        let deadline = self.world.now + patience
        while self.reply == nil, self.world.now < deadline { self.world.run(until: deadline) }
        self.waiting = nil
        guard let reply = self.reply else {
            self.stale[id] = operation
            return .timedOut
        }
        return reply
    }

    private func nextMachine(of region: Int) -> Machine? {
        let machines = self.world.machines(in: region)
        var spare: Machine?
        for _ in machines {
            self.turnOfRegion[region] = (self.turnOfRegion[region] + 1) % machines.count
            let machine = machines[self.turnOfRegion[region]]
            guard machine.isAlive else { continue }
            guard machine.isAvoided else { return machine }
            spare = spare ?? machine
        }
        return spare
    }

    private func finish(_ reply: Reply) {
        self.reply = reply
        self.world.isStopped = true
    }

    // MARK: Faults

    /// Begins a fault that lasts until it is healed; returns its number.
    package func begin(_ fault: Fault) -> Int {
        let planned = PlannedFault(at: 0, lasts: Self.forEver, fault)
        let injector = Injector(self.world, [planned])
        injector.operate = { [unowned self] order in self.operate(order) }
        self.faults.append(injector)
        injector.begin(0)
        return self.faults.count - 1
    }

    package func heal(_ number: Int) { self.faults[number].end(0) }

    private func operate(_ order: Injector.Order) {
        switch order {
        case .pause(let region, _):
            for machine in self.world.machines(in: region) where machine.isAlive {
                self.pauseReplication(of: machine)
            }
        case .leave, .join:
            preconditionFailure("whoever steers changes a table's regions by operations")
        }
    }

    /// Tells a node the regions to which all faults together let nothing pass.
    private func pauseReplication(of machine: Machine) {
        let paused = self.faults.flatMap {
            $0.pausedDestinations(of: Int(machine.region.rank))
        }
        let regions = Set(paused).sorted().map { RegionID(UInt8($0)) }
        self.world.put(.pauseReplication(to: regions), to: machine)
    }

    // MARK: Views

    /// The node that leads each partition of a table in a region, by position, as nodes see it.
    package func leaders(of table: String, in region: Int) -> [Int: String] {
        var found: [Int: String] = [:]
        for machine in self.world.machines(in: region) {
            for digest in machine.process?.loop.node.digests(of: table) ?? []
            where digest.isLeader { found[digest.position] = self.world.name(machine.index) }
        }
        return found
    }

    /// Every live node of the region calls the table active.
    package func isActive(_ table: String, in region: Int) -> Bool {
        self.world.isActive(table, region)
    }

    /// Every partition has all its copies, on nodes that are up, and they are level.
    package func isWhole(_ region: Int) -> Bool { self.world.isWhole(region) }

    /// Changes that some region has not acknowledged.
    package var backlog: UInt64 { self.world.backlog(among: Array(self.plan.regions.indices)) }

    /// All replicas of a table in some regions hold the same.
    package func agrees(on table: String, in regions: [Int]) -> Bool {
        guard let first = regions.first, let digests = self.world.digests(of: table, first) else {
            return false
        }
        return regions.allSatisfy { self.world.digests(of: table, $0) == digests }
    }

    /// Entries in the ledgers of all regions.
    package var conflicts: UInt64 { self.world.conflictCount }

    package func isAlive(node: Int) -> Bool { self.world.machines[node].isAlive }

    // MARK: WorldObserver

    func happened(_ kind: Agenda.Kind, _ a: Int, _ b: UInt32) {
        guard kind == .health else { return }
        for machine in self.world.machines {
            machine.isAvoided = self.isBad(machine)
        }
        self.world.agenda.plan(.health, 0, at: self.world.now + Self.healthInterval)
    }

    /// Whether the gateway prefers others: it has not answered for a while, or says it is cut off.
    private func isBad(_ machine: Machine) -> Bool {
        if let since = machine.pausedSince {
            return self.world.now.since(since) > .milliseconds(600)
        }
        guard let process = machine.process, !machine.isSyncing else { return false }
        return process.loop.node.isIsolated(now: self.world.now)
    }

    func operation(of id: RequestID) -> NodeCore.Operation? {
        self.waiting?.id == id.number ? self.waiting?.operation : self.stale[id.number]
    }

    func answered(_ id: RequestID, by machine: Machine, _ answer: Answer) {
        self.stale[id.number] = nil
        if self.waiting?.id == id.number { self.finish(.answered(answer)) }
    }

    func decided(_ machine: Machine) {}

    func turned(_ machine: Machine) {}

    func died(_ machine: Machine) {
        if self.waiting?.machine == machine.index { self.finish(.lost) }
    }

    func started(_ machine: Machine) { self.pauseReplication(of: machine) }
}
