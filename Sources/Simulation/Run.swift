import History
import NodeCore
import Primitives
import Replication
import Tables

/// One run of a scenario: setting up, safety, liveness, agreement, and what came of it.
///
/// Safety: anything may fail, and nothing may be wrong. Liveness: the faults are frozen, a core of
/// regions is healed, and has a bound of virtual time to serve and to pass on what it acknowledged.
/// Agreement: the rest is healed too, and every replica of every region has to hold the same. The
/// two phases are those of TigerBeetle's simulator.
final class Run: WorldObserver {
    let scenario: Scenario
    let options: SimulationOptions
    let world: World
    let clients: Clients
    let injector: Injector
    private(set) var checks: CrossChecks
    var random: SplitMix64
    /// What went wrong, in the order in which it was seen; the first decides.
    private(set) var failures: [Failure] = []
    private(set) var phase = Phase.setup
    /// Parts of the run in virtual time.
    private(set) var clientsBegan = World.start
    private(set) var settledAt: Instant?
    private var turnsLooked: UInt64 = 0
    private var nodeNames: [NodeName] = []
    /// By region: faults that keep it out of the table, and whether a change is under way.
    private var leaves: [Int]
    private var isChanging: [Bool]
    /// An operator waits for the answer to a change of indexes.
    var isChangingIndexes = false
    private var sweeps = SweepWatch()

    enum Phase: String { case setup, safety, liveness, agreement, done }

    init(_ scenario: Scenario, _ options: SimulationOptions) {
        self.scenario = scenario
        self.options = options
        var root = SplitMix64(seed: scenario.seed)
        let worldSeed = root.next()
        let workloadSeed = root.next()
        self.random = SplitMix64(seed: root.next())
        self.world = World(
            scenario.plan,
            seed: worldSeed,
            losesPower: scenario.losesPower,
            adjust: { settings in
                settings.bug = options.bug
                settings.logRetained = scenario.logRetained
                // Where logs are short snapshots are many, and are to be caught half-way.
                if scenario.logRetained < NodeLimits.logRetained {
                    settings.snapshotChunkBytes = 1_024
                }
                settings.recordsApplies = options.keepsHistory
                let table = scenario.workload.table
                settings.indexBackfillRecords = Int(clamping: table.backfillRecords)
                guard let timeToLive = table.timeToLive else { return }
                settings.expiryPeriod = timeToLive.period
                settings.recordsSweeps = options.keepsHistory
            }
        )
        var history: History?
        if options.keepsHistory {
            history = History(
                header: HistoryHeader(
                    host: .simulation,
                    seed: "\(scenario.seed)",
                    topology: scenario.plan.name,
                    regions: scenario.plan.regions.map(\.name)
                )
            )
        }
        self.nodeNames = scenario.plan.layout.members.map { member in
            history?.names.node(member.name) ?? NodeName(UInt32(member.id.index))
        }
        self.clients = Clients(
            self.world,
            scenario.workload,
            seed: workloadSeed,
            history: history
        )
        self.injector = Injector(self.world, scenario.faults)
        self.checks = CrossChecks(machines: self.world.machines.count)
        self.leaves = scenario.plan.regions.map { _ in 0 }
        self.isChanging = scenario.plan.regions.map { _ in false }
        self.world.observer = self
        self.world.trace.sink = options.trace
        self.injector.remark = { [unowned self] isHeal, text in self.remark(isHeal, text) }
        self.injector.operate = { [unowned self] order in self.operate(order) }
    }

    var isBroken: Bool { !self.failures.isEmpty }

    func fail(_ source: Failure.Source, _ text: String) {
        guard self.failures.count < 20 else { return }
        self.failures.append(Failure(source: source, text: text, at: self.world.now))
        self.world.isStopped = true
    }

    // MARK: Phases

    func run() {
        self.setUp()
        guard !self.isBroken else { return }
        self.phase = .safety
        self.clientsBegan = self.world.now
        self.world.agenda.plan(.health, 0, at: self.world.now + .milliseconds(200))
        if self.scenario.losesPower { self.planFlushes() }
        self.clients.start()
        self.injector.start()
        self.planIndexChanges()
        self.advance(by: self.scenario.duration)
        guard !self.isBroken else { return }
        self.live()
        guard !self.isBroken else { return }
        self.agree()
        if !self.isBroken { self.phase = .done }
    }

    /// Lets time pass until the end of the span, or until something is wrong.
    private func advance(by span: Nanoseconds) {
        let end = self.world.now + span
        while self.world.now < end, !self.isBroken { self.world.run(until: end) }
    }

    /// Lets time pass until a condition holds, looked at every so often.
    func wait(
        _ limit: Nanoseconds,
        every step: Nanoseconds = .milliseconds(20),
        until holds: () -> Bool
    ) -> Bool {
        let end = self.world.now + limit
        while !holds() {
            guard self.world.now < end, !self.isBroken else { return false }
            self.advance(by: step)
        }
        return true
    }

    // MARK: Setup

    private func setUp() {
        let regions = self.world.plan.regions.indices
        let table = RequestForms.table
        self.makeTable()
        guard !self.isBroken else { return }
        for region in regions.dropFirst() {
            var request = UpdateTableRequest(table: table)
            request.replicas = [.create(region: self.world.plan.regions[region].name)]
            self.insist(.updateTable(request), 0)
            let isThere = self.wait(.seconds(60)) {
                self.world.isActive(table, 0) && self.world.isActive(table, region)
            }
            guard isThere else {
                return self.fail(.liveness, "region \(region) does not join the table")
            }
        }
        let serves = self.wait(.seconds(30)) {
            regions.allSatisfy { self.world.serves(table, $0) }
        }
        if !serves { self.fail(.liveness, "not every partition has a leader after the setup") }
    }

    /// Repeats an operation of the setup until it succeeds.
    func insist(_ operation: NodeCore.Operation, _ region: Int) {
        let machine = self.world.machines(in: region)[0]
        for _ in 0..<200 {
            var outcome: Answer?
            self.clients.administer(operation, at: machine) { outcome = $0 }
            _ = self.wait(.seconds(10), every: .milliseconds(2)) { outcome != nil }
            if case .success? = outcome { return }
            if case .failure(let error)? = outcome, error.kind == .resourceInUse { return }
            self.advance(by: .milliseconds(50))
        }
        self.fail(.liveness, "the setup is refused again and again")
    }

    private func operate(_ order: Injector.Order) {
        switch order {
        case .pause(let region, let to):
            for machine in self.world.machines(in: region) where machine.isAlive {
                let regions = to.map { RegionID(UInt8($0)) }
                self.world.put(.pauseReplication(to: regions), to: machine)
            }
        case .leave(let region):
            self.leaves[region] += 1
            self.changeMembership(region)
        case .join(let region):
            self.leaves[region] -= 1
            self.changeMembership(region)
        }
    }

    /// One step of a region towards being in the table, or out of it.
    private func changeMembership(_ region: Int) {
        guard !self.isChanging[region] else { return }
        let table = RequestForms.table
        let name = self.world.plan.regions[region].name
        let isWanted = self.leaves[region] == 0
        let others = self.world.machines.filter { machine in
            machine.isAlive && Int(machine.region.rank) != region
        }
        self.isChanging[region] = true
        guard !others.isEmpty else { return self.changeLater(region) }
        let machine = others[Int(self.random.below(UInt64(others.count)))]
        // A copy of the catalog may be old: only what all of them show has happened.
        let isDone = others.allSatisfy { machine in
            let tables = machine.process!.loop.node.status(now: self.world.now).tables
            let record = tables.first { $0.name == table }
            let isMember = record?.replicas.contains(RegionID(UInt8(region))) ?? false
            return isMember == isWanted && record?.status == "ACTIVE"
        }
        if isDone {
            self.isChanging[region] = false
            return
        }
        var request = UpdateTableRequest(table: table)
        request.replicas = [isWanted ? .create(region: name) : .delete(region: name)]
        self.clients.administer(.updateTable(request), at: machine) { [unowned self] _ in
            self.changeLater(region)
        }
    }

    private func changeLater(_ region: Int) {
        self.world.agenda.plan(.milestone, region, 1, at: self.world.now + .milliseconds(300))
    }

    private func planFlushes() {
        for machine in self.world.machines {
            let at = self.world.now + self.random.below(.seconds(2))
            self.world.agenda.plan(.flushDisk, machine.index, at: at)
        }
    }

    // MARK: Liveness

    /// The faults are frozen, and a core of regions is healed: it has to serve.
    private func live() {
        self.phase = .liveness
        self.injector.freeze()
        let core = self.drawCore()
        self.injector.heal(core: core)
        self.repairDisks(core)
        let names = core.map { self.world.plan.regions[$0].name }.joined(separator: ", ")
        self.remark(true, "faults are frozen; healed: \(names)")
        let began = self.world.now
        let active = core.filter { self.scenario.workload.regions.contains($0) }
        let serves = self.wait(self.scenario.patience, every: .milliseconds(100)) {
            active.allSatisfy { self.clients.servedAt[$0] > began }
                && core.allSatisfy { self.world.serves(RequestForms.table, $0) }
        }
        guard serves else {
            return self.fail(
                .liveness,
                "\(names): requests do not succeed within \(self.scenario.patience.seconds) "
                    + "after the faults were healed there"
            )
        }
        self.clients.stop()
        _ = self.wait(.seconds(20), every: .milliseconds(100)) { self.clients.waitingCount == 0 }
        self.clients.abandonAll()
        let isPassedOn = self.wait(self.scenario.patience, every: .milliseconds(100)) {
            self.world.backlog(among: core) == 0
        }
        guard isPassedOn else {
            return self.fail(
                .liveness,
                "\(names): acknowledged writes are not in all of these regions within "
                    + "\(self.scenario.patience.seconds) after the faults were healed there"
            )
        }
        self.checkIndexes(in: core)
    }

    /// Half of the time all regions, otherwise a drawn part of them; always one with clients.
    private func drawCore() -> [Int] {
        let all = Array(self.world.plan.regions.indices)
        guard all.count > 1, self.random.chance(1, outOf: 2) else { return all }
        var core = all.filter { _ in self.random.chance(2, outOf: 3) }
        let active = self.scenario.workload.regions
        if !core.contains(where: active.contains) {
            core.append(active[Int(self.random.below(UInt64(active.count)))])
        }
        return core.sorted()
    }

    private func repairDisks(_ regions: [Int]) {
        for machine in self.world.machines
        where regions.contains(Int(machine.region.rank)) && machine.hasFailed {
            self.injector.replaceDisk(machine)
        }
    }

    // MARK: Agreement

    private func agree() {
        self.phase = .agreement
        self.injector.heal(core: nil)
        self.remark(true, "everything is healed")
        let all = Array(self.world.plan.regions.indices)
        let agrees = self.wait(self.scenario.patience, every: .milliseconds(200)) {
            !self.isChanging.contains(true)
                && all.allSatisfy {
                    self.world.serves(RequestForms.table, $0) && self.world.isWhole($0)
                }
                && self.world.backlog(among: all) == 0 && self.world.agrees(on: RequestForms.table)
                && self.world.machines.allSatisfy { !$0.isSyncing }
                && self.tableFault(in: all) == nil
        }
        guard agrees else {
            return self.fail(.convergence, self.disagreement(all))
        }
        self.settledAt = self.world.now
        for machine in self.world.machines { self.checkStored(machine) }
        self.recordFinals()
    }

    private func disagreement(_ regions: [Int]) -> String {
        let table = RequestForms.table
        var parts: [String] = []
        for region in regions {
            let name = self.world.plan.regions[region].name
            if !self.world.serves(table, region) { parts.append("\(name) does not serve") }
            if !self.world.isWhole(region) { parts.append("\(name) lacks copies") }
            if self.isChanging[region] {
                parts.append(
                    "\(name) \(self.leaves[region] == 0 ? "joins" : "leaves") the table still"
                )
            }
            if self.world.digests(of: table, region) == nil {
                parts.append("replicas in \(name) differ")
            }
        }
        let backlog = self.world.backlog(among: regions)
        if backlog > 0 { parts.append("\(backlog) changes are not acknowledged") }
        if let fault = self.tableFault(in: regions) { parts.append(fault) }
        if parts.isEmpty { parts.append("regions hold different items") }
        parts += self.world.differences(max: 3)
        return "no agreement within \(self.scenario.patience.seconds) after everything was "
            + "healed: " + parts.joined(separator: "; ")
    }

    private func recordFinals() {
        guard self.clients.history != nil else { return }
        for machine in self.world.machines {
            for version in self.world.versions(on: machine) {
                let key = self.keyName(version.key)
                let stamp = version.record.stamp
                let final = FinalState(
                    node: self.nodeNames[machine.index],
                    region: machine.region.rank,
                    key: key,
                    write: self.clients.observed(version.record.item?.writeID),
                    stamp: HistoryStamp(stamp.time, stamp.region.rank),
                    isDelete: version.record.isTombstone
                )
                self.clients.history!.append(.final(final))
            }
        }
    }

    private func keyName(_ key: [UInt8]) -> KeyName {
        let text = self.clients.forms.keyName(stored: key)
        return self.clients.history!.names.key(text, table: Array(RequestForms.table.utf8))
    }

    // MARK: WorldObserver

    func happened(_ kind: Agenda.Kind, _ a: Int, _ b: UInt32) {
        switch kind {
        case .request: self.clients.dispatch(UInt64(a))
        case .arrival: self.clients.arrival()
        case .deadline: self.clients.deadlineDue()
        case .retry: self.clients.retryDue(UInt64(a))
        case .health:
            self.clients.checkHealth()
            self.world.agenda.plan(.health, 0, at: self.world.now + .milliseconds(200))
        case .faultBegins: self.injector.begin(a)
        case .faultEnds: self.injector.end(a)
        case .milestone:
            if b == 0 { return self.injector.replaceDisk(self.world.machines[a]) }
            if b == Self.indexMilestone { return self.changeIndexes() }
            self.isChanging[a] = false
            self.changeMembership(a)
        case .tick, .turn, .synced, .retryCommit, .frame, .chunk, .dial, .flushDisk:
            preconditionFailure("the world's own")
        }
    }

    func operation(of id: RequestID) -> NodeCore.Operation? {
        self.clients.operation(of: id) ?? self.clients.administeredOperation(id)
    }

    func answered(_ id: RequestID, by machine: Machine, _ answer: Answer) {
        self.clients.answered(id, by: machine, answer)
        if let text = self.clients.outrages.first { self.fail(.availability, text) }
    }

    func turned(_ machine: Machine) {
        guard self.options.checksInvariants else { return }
        self.checks.turned(machine, self.world)
        if let text = self.checks.broken.first { return self.fail(.invariant, text) }
        self.turnsLooked += 1
        guard let process = machine.process, !machine.disk.isRotten else { return }
        let isSample = self.turnsLooked % 512 == 0
        if self.turnsLooked % 256 == 0 { self.sampleLocalIndexes(machine) }
        let broken = process.loop.node.checkInvariants(
            sampleDigests: isSample,
            sample: self.turnsLooked / 512
        )
        if let text = broken.first {
            self.fail(.invariant, "\(self.world.name(machine.index)): \(text)")
        }
    }

    /// Before anything of a turn leaves or lasts, as the real host does: a process that dies while
    /// it commits may say something twice and leaves nothing out.
    func decided(_ machine: Machine) {
        guard let process = machine.process, self.options.keepsHistory else { return }
        self.takeApplied(machine)
        for record in process.loop.node.takeSwept() {
            let number = self.clients.beginSweep(record, in: machine.region)
            self.sweeps.decided(record, operation: number)
        }
    }

    private func watch(_ record: ApplyRecord, _ region: RegionID) {
        let (operation, fault) = self.sweeps.applied(record, in: region, self.clients.expiries)
        if let operation { self.clients.endSweep(operation, record.stamp) }
        if let fault, self.options.checksInvariants { self.fail(.invariant, fault) }
    }

    private func takeApplied(_ machine: Machine) {
        guard let process = machine.process else { return }
        let expires = self.scenario.workload.table.timeToLive != nil
        for record in process.loop.node.takeApplied() {
            if expires { self.watch(record, machine.region) }
            let decision: ApplyDecision
            switch record.decision {
            case .applied: decision = .applied
            case .older: decision = .older
            case .same: decision = .same
            }
            let application = Application(
                node: self.nodeNames[machine.index],
                region: machine.region.rank,
                partition: record.partition.number,
                sequence: record.index,
                key: self.keyName(record.key),
                write: record.write.map { self.clients.observed($0) } ?? .unknown,
                isDelete: record.isDelete,
                stamp: HistoryStamp(record.stamp.time, record.stamp.region.rank),
                decision: decision,
                against: record.against.map { HistoryStamp($0.time, $0.region.rank) },
                time: self.world.now.nanoseconds
            )
            self.clients.history!.append(.apply(application))
        }
    }

    func died(_ machine: Machine) {
        self.checks.forget(machine)
        self.clients.lost(machine)
        if machine.hasFailed { self.injector.storeFailed(machine) }
    }

    /// What a disk holds is looked at whole after each start, and in the end.
    private func checkStored(_ machine: Machine) {
        guard self.options.checksInvariants, let process = machine.process else { return }
        let broken = process.loop.node.checkStored()
        guard let text = broken.first else { return }
        self.fail(.invariant, "\(self.world.name(machine.index)): \(text)")
    }

    func started(_ machine: Machine) {
        self.checkStored(machine)
        let paused = self.injector.pausedDestinations(of: Int(machine.region.rank))
        guard !paused.isEmpty else { return }
        self.world.put(.pauseReplication(to: paused.map { RegionID(UInt8($0)) }), to: machine)
    }

    private func remark(_ isHeal: Bool, _ text: String) {
        guard self.clients.history != nil else { return }
        let name = self.clients.history!.names.text(text)
        let remark = Remark(name, time: self.world.now.nanoseconds)
        self.clients.history!.append(isHeal ? .heal(remark) : .fault(remark))
    }

    /// One more draw of every generator: two runs that drew differently differ here.
    func unseed() -> UInt64 {
        self.random.next() ^ self.clients.unseed() ^ self.world.unseed()
    }
}

extension Nanoseconds {
    /// As text: `12.5s`.
    var seconds: String {
        let tenths = self / 100_000_000
        return tenths % 10 == 0 ? "\(tenths / 10)s" : "\(tenths / 10).\(tenths % 10)s"
    }
}
