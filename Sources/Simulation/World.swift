import NodeCore
import Primitives
import Tables

/// A whole cluster in virtual time: the same plan and the same inputs give the same history.
///
/// It is a host of ``NodeLoop`` as `NodeHost` is, for many nodes at once: where the real one has
/// sockets, a disk and clocks, it has an agenda of what happens when. What the outside does
/// (clients, faults, checks) is told to it, and it tells its ``observer``.
final class World {
    let plan: ClusterPlan
    let layout: ClusterLayout
    let regionOfNode: [Int]
    @exclusivity(unchecked) var now = World.start
    @exclusivity(unchecked) var agenda = Agenda()
    @exclusivity(unchecked) var machines: [Machine] = []
    /// By sender × nodes + receiver.
    @exclusivity(unchecked) var paths: [Path] = []
    @exclusivity(unchecked) var trace: Trace
    @exclusivity(unchecked) var counts = Counts()
    /// Changes the settings of every node that is started.
    let adjust: (inout NodeSettings) -> Void
    /// Whether disks tell synced data apart, because power may be lost.
    let losesPower: Bool

    /// One generator for each concern, so that a draw more in one does not shift the others.
    var nodeRandom: SplitMix64
    var networkRandom: SplitMix64
    var diskRandom: SplitMix64
    var turnRandom: SplitMix64

    /// Owns the world, and so outlives it: asked at every turn, where a weak reference is dear.
    unowned(unsafe) var observer: (any WorldObserver)?
    /// Answers of forwarded operations on their way through a core, which sees only bytes.
    @exclusivity(unchecked) var relays = RelayTable()
    @exclusivity(unchecked) private var inboxScratch: [Event] = []
    @exclusivity(unchecked) private var effectScratch: [Effect] = []
    /// Set to leave the loop after the current entry.
    @exclusivity(unchecked) var isStopped = false

    /// Virtual time begins here: zero means "never" in places.
    static let start = Instant(nanoseconds: 1_000_000_000)

    /// How much happened.
    struct Counts {
        /// Events that nodes took in, and entries of the agenda that were none.
        var events: UInt64 = 0
        var turns: UInt64 = 0
        var frames: UInt64 = 0
        var commits: UInt64 = 0
        /// Frames that could not be decoded: none, unless coding is wrong.
        var undecodable: UInt64 = 0
    }

    init(
        _ plan: ClusterPlan,
        seed: UInt64,
        losesPower: Bool,
        adjust: @escaping (inout NodeSettings) -> Void
    ) {
        self.adjust = adjust
        self.losesPower = losesPower
        self.plan = plan
        self.layout = plan.layout
        self.regionOfNode = plan.regionOfNode
        self.trace = Trace()
        var root = SplitMix64(seed: seed)
        self.nodeRandom = SplitMix64(seed: root.next())
        self.networkRandom = SplitMix64(seed: root.next())
        self.diskRandom = SplitMix64(seed: root.next())
        self.turnRandom = SplitMix64(seed: root.next())
        for member in self.layout.members {
            let index = Int(member.id.index)
            self.machines.append(
                Machine(
                    index: index,
                    region: member.region,
                    disk: Disk(losesPower: losesPower),
                    clock: WallClock(
                        plan.clocks[index],
                        since: Self.start,
                        grain: plan.clockGrain
                    )
                )
            )
        }
        let count = self.machines.count
        self.paths.reserveCapacity(count * count)
        for from in 0..<count {
            for to in 0..<count {
                let settings = plan.links[self.regionOfNode[from]][self.regionOfNode[to]]
                var path = Path(settings, seed: self.networkRandom.next())
                if plan.streams == .bytes, from != to {
                    path.wire = ByteStream(ownHello: self.hello(of: to))
                }
                self.paths.append(path)
            }
        }
        for machine in self.machines { self.boot(machine) }
    }

    func place(_ from: Int, _ to: Int) -> Int { from * self.machines.count + to }

    func sender(of place: Int) -> Int { place / self.machines.count }
    func receiver(of place: Int) -> Int { place % self.machines.count }

    func name(_ node: Int) -> String { self.layout.members[node].name }

    // MARK: Time

    /// Lets happen what is due by an instant; the clock then shows it, unless stopped earlier.
    func run(until end: Instant) {
        self.isStopped = false
        while !self.isStopped, let entry = self.agenda.pop(by: end.nanoseconds) {
            self.now = Instant(nanoseconds: entry.at)
            self.counts.events += 1
            self.happen(entry)
        }
        if !self.isStopped { self.now = end }
    }

    private func happen(_ entry: Agenda.Entry) {
        let a = Int(entry.a)
        switch entry.kind {
        case .frame: self.framesDue(a)
        case .tick: self.ticked(self.machines[a], life: entry.b)
        case .turn: self.turnDue(self.machines[a], life: entry.b)
        case .synced: self.syncDone(self.machines[a], life: entry.b)
        case .retryCommit: self.retryCommit(self.machines[a], life: entry.b)
        case .chunk: self.chunksDue(a)
        case .dial: self.dial(a, life: entry.b)
        case .flushDisk: self.diskFlushed(self.machines[a])
        case .request, .arrival, .deadline, .retry, .health, .faultBegins, .faultEnds, .milestone:
            self.observer?.happened(entry.kind, a, entry.b)
        }
    }

    private func ticked(_ machine: Machine, life: UInt32) {
        guard machine.life == life, machine.isAlive else { return }
        self.agenda.plan(.tick, machine.index, life, at: self.now + NodeTiming.tick)
        // A paused process misses its ticks; a busy one takes only one late.
        guard machine.turns else { return }
        self.trace.note(self.now, machine.index, .tick, 0)
        self.put(.tick, to: machine)
    }

    // MARK: Turns

    /// An event is ready for a machine; a turn takes all that are ready when it begins.
    func put(_ event: Event, to machine: Machine) {
        machine.inbox.append(event)
        self.wake(machine)
    }

    /// Sees to it that what is in the inbox is taken in as soon as the process can.
    func wake(_ machine: Machine) {
        guard machine.turns, !machine.isTurnPlanned else { return }
        if machine.busyUntil > self.now {
            machine.isTurnPlanned = true
            self.agenda.plan(.turn, machine.index, machine.life, at: machine.busyUntil)
        } else {
            self.turn(machine)
        }
    }

    private func turnDue(_ machine: Machine, life: UInt32) {
        guard machine.life == life, machine.isAlive else { return }
        machine.isTurnPlanned = false
        if machine.turns, !machine.inbox.isEmpty { self.turn(machine) }
    }

    private func turn(_ machine: Machine) {
        guard let process = machine.process else { return }
        var events: [Event] = []
        swap(&events, &self.inboxScratch)
        swap(&events, &machine.inbox)
        let wall = machine.clock.now(self.now)
        self.counts.turns += 1
        self.counts.events += UInt64(events.count)
        for place in events.indices {
            // Moved out, not copied.
            var event = Event.tick
            swap(&event, &events[place])
            let isTaken = process.loop.take(event, now: self.now, wall: wall)
            if !isTaken, case .operation(_, .client(let id)) = event {
                self.answered(machine, id, .failure(.internalServer))
            }
        }
        events.removeAll(keepingCapacity: true)
        swap(&events, &self.inboxScratch)
        if self.plan.turnMax > 0 {
            machine.busyUntil = self.now + self.turnRandom.below(self.plan.turnMax)
        }
        guard !process.loop.isStalled else { return }
        process.loop.endTurn(now: self.now, wall: wall)
        self.observer?.decided(machine)
        self.commit(machine, process)
    }

    private func commit(_ machine: Machine, _ process: Machine.Process) {
        guard machine.incarnation > 0 else {
            if let memory = process.store as? MemoryStore { try? memory.commit(sync: false) }
            return self.finishTurn(machine, process)
        }
        guard machine.disk.pendingBytes > 0 else { return self.finishTurn(machine, process) }
        self.counts.commits += 1
        if machine.disk.refusal == nil, let delay = self.syncDelay(machine) {
            machine.isSyncing = true
            self.agenda.plan(.synced, machine.index, machine.life, at: self.now + delay)
            return
        }
        self.write(machine, process)
    }

    /// How long the turn's sync takes; nil for no time at all.
    private func syncDelay(_ machine: Machine) -> Nanoseconds? {
        var delay = machine.slowness
        if self.plan.durability == .disk, self.plan.syncTime > 0 {
            delay += self.plan.syncTime / 2 + self.diskRandom.below(self.plan.syncTime)
        }
        return delay > 0 ? delay : nil
    }

    private func syncDone(_ machine: Machine, life: UInt32) {
        guard machine.life == life, let process = machine.process else { return }
        guard !machine.isPaused else {
            // A paused process goes on from here when it is resumed.
            return self.agenda.plan(
                .synced,
                machine.index,
                life,
                at: self.now + .milliseconds(10)
            )
        }
        machine.isSyncing = false
        self.write(machine, process)
        if !machine.inbox.isEmpty { self.wake(machine) }
    }

    private func write(_ machine: Machine, _ process: Machine.Process) {
        do throws(StoreError) {
            let isSynced =
                self.plan.durability == .disk
                && process.loop.node.settings.bug != .acknowledgedBeforeSync
            try machine.disk.commit(sync: isSynced)
        } catch {
            return self.stalled(machine, process)
        }
        self.finishTurn(machine, process)
    }

    private func finishTurn(_ machine: Machine, _ process: Machine.Process) {
        var effects: [Effect] = []
        swap(&effects, &self.effectScratch)
        process.loop.committed(into: &effects)
        self.trace.note(self.now, machine.index, .turn, UInt64(effects.count))
        for place in effects.indices {
            var effect = Effect.adoptIncarnation(0)
            swap(&effect, &effects[place])
            self.perform(consume effect, of: machine)
        }
        effects.removeAll(keepingCapacity: true)
        swap(&effects, &self.effectScratch)
        if process.loop.node.storeFailure != nil {
            return self.storeFailed(machine)
        }
        if self.plan.streams == .bytes { self.flushStreams(of: machine) }
        self.observer?.turned(machine)
    }

    // MARK: A disk that refuses

    private func stalled(_ machine: Machine, _ process: Machine.Process) {
        if !machine.isSuspended {
            machine.isSuspended = true
            self.suspendStreams(of: machine)
        }
        for id in process.loop.commitFailed() {
            self.answered(machine, id, .failure(.internalServer))
        }
        let at = self.now + .milliseconds(500)
        self.agenda.plan(.retryCommit, machine.index, machine.life, at: at)
    }

    private func retryCommit(_ machine: Machine, life: UInt32) {
        guard machine.life == life, let process = machine.process, process.loop.isStalled else {
            return
        }
        guard !machine.isPaused else {
            let at = self.now + .milliseconds(500)
            return self.agenda.plan(.retryCommit, machine.index, life, at: at)
        }
        do throws(StoreError) {
            try machine.disk.commit(sync: self.plan.durability == .disk)
        } catch {
            return self.stalled(machine, process)
        }
        self.finishTurn(machine, process)
        guard machine.isSuspended, machine.life == life else { return }
        machine.isSuspended = false
        for to in self.machines.indices where to != machine.index {
            self.dialSoon(self.place(machine.index, to), .zero)
        }
    }

    private func diskFlushed(_ machine: Machine) {
        guard machine.disk.unsyncedCount > 0 || machine.isAlive else { return }
        machine.disk.flush(machine.disk.unsyncedCount)
    }

    // MARK: Effects

    private func perform(_ effect: consuming Effect, of machine: Machine) {
        switch consume effect {
        case .send(let message, let node):
            self.trace.note(message, self.now, machine.index, Int(node.index))
            self.send(.message(message), machine.index, Int(node.index))
        case .answer(.client(let id), let answer):
            self.answered(machine, id, answer)
        case .answer(.peer(let node, let call), let answer):
            self.send(.answer(answer, call: call), machine.index, Int(node.index))
        case .handOver(let id, let node, let call):
            guard let operation = self.observer?.operation(of: id) else { return }
            self.send(.operation(operation, call: call), machine.index, Int(node.index))
        case .adoptIncarnation(let incarnation):
            self.adopt(incarnation, machine)
        case .probed: break
        }
    }

    /// One more draw of every generator.
    func unseed() -> UInt64 {
        self.nodeRandom.next() ^ self.networkRandom.next() ^ self.diskRandom.next()
            ^ self.turnRandom.next()
    }

    private func answered(_ machine: Machine, _ id: RequestID, _ answer: Answer) {
        self.observer?.answered(id, by: machine, self.relays.resolved(answer))
    }
}

/// Who hears of what happens in a ``World``.
protocol WorldObserver: AnyObject {
    /// An entry of the agenda that is not the world's own.
    func happened(_ kind: Agenda.Kind, _ a: Int, _ b: UInt32)
    /// The operation of a request that a node hands to another one.
    func operation(of id: RequestID) -> NodeCore.Operation?
    func answered(_ id: RequestID, by machine: Machine, _ answer: Answer)
    /// A machine ends a turn, of which nothing is on its disk or has left yet.
    func decided(_ machine: Machine)
    /// A machine finished a turn.
    func turned(_ machine: Machine)
    /// The process of a machine died, or its store failed.
    func died(_ machine: Machine)
    func started(_ machine: Machine)
}

/// What travels through a core that sees only bytes: the bytes are a number here.
struct RelayTable {
    private var answers: [UInt64: Answer] = [:]
    private var operations: [UInt64: NodeCore.Operation] = [:]
    private var next: UInt64 = 0

    mutating func ticket(for answer: Answer) -> [UInt8] {
        self.answers[self.next] = answer
        return self.nextTicket()
    }

    mutating func ticket(of operation: NodeCore.Operation) -> [UInt8] {
        self.operations[self.next] = operation
        return self.nextTicket()
    }

    mutating func resolved(_ answer: Answer) -> Answer {
        guard case .relayed(_, _, let body) = answer, let ticket = Self.number(body) else {
            return answer
        }
        return self.answers.removeValue(forKey: ticket) ?? answer
    }

    mutating func operation(_ request: [UInt8]) -> NodeCore.Operation? {
        Self.number(request).flatMap { self.operations.removeValue(forKey: $0) }
    }

    private mutating func nextTicket() -> [UInt8] {
        var writer = ByteWriter(reserving: 8)
        writer.u64(self.next)
        self.next += 1
        return writer.bytes
    }

    private static func number(_ bytes: [UInt8]) -> UInt64? {
        var reader = ByteReader(bytes)
        return try? reader.u64()
    }
}
