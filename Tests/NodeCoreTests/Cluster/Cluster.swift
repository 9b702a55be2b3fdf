import NodeCore
import Primitives
import Tables

/// What a simulated cluster is made of.
struct ClusterPlan {
    var seed: UInt64
    var regions = 1
    var nodesPerRegion = 3
    var replicationFactor = 3
    var partitionsPerTable = 4
    var isHybrid = true
    /// One way between nodes of a region, and between regions; chance adds up to half of it.
    var near: Nanoseconds = .microseconds(200)
    var far: Nanoseconds = .milliseconds(30)

    init(seed: UInt64) { self.seed = seed }
}

/// A cluster in memory, in virtual time: the same plan gives the same history.
///
/// Each machine runs turns as a host does: every event that is ready, the end of the turn, one
/// commit of the store, and only then the effects. Streams between machines keep their order and
/// lose nothing without breaking. Lease safety is checked after every turn.
final class Cluster {
    let plan: ClusterPlan
    let layout: ClusterLayout
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var machines: [Machine] = []
    var streams: [Stream] = []
    var agenda = Agenda()
    var random: SplitMix64
    /// Operations of clients that wait, by request.
    private var waiting: [UInt64: Pending] = [:]
    private var requests: UInt64 = 0
    /// What `OperationAnswer` bodies stand for.
    private var answers: [Answer] = []
    /// Broken promises of the core, told with the seed by ``Cluster/violations``.
    private(set) var complaints: [String] = []
    /// A hash of every effect, when asked for.
    var trace: UInt64?
    /// Sees every frame before it is sent; returning false loses it and breaks the stream.
    var filter: ((Frame) -> Bool)?

    private struct Pending {
        var machine: Int
        var operation: Operation
        var done: (Outcome) -> Void
    }

    init(_ plan: ClusterPlan) {
        self.plan = plan
        self.random = SplitMix64(seed: plan.seed &* 0x9E37_79B9 &+ 1)
        let count = plan.regions * plan.nodesPerRegion
        let zones = ["a", "b", "c"]
        self.layout = ClusterLayout(
            regions: (0..<plan.regions).map { "region-\($0)" },
            members: (0..<count).map { index in
                .init(
                    id: NodeID(UInt16(index)),
                    name: "node-\(index)",
                    region: RegionID(UInt8(index / plan.nodesPerRegion)),
                    zone: zones[index % plan.nodesPerRegion % 3]
                )
            }
        )
        for index in 0..<count {
            let region = RegionID(UInt8(index / plan.nodesPerRegion))
            self.machines.append(Machine(index: index, region: region))
        }
        for from in 0..<count {
            for to in 0..<count {
                let isNear = self.machines[from].region == self.machines[to].region
                let latency = isNear ? plan.near : plan.far
                self.streams.append(Stream(latency: latency, jitter: latency / 2))
            }
        }
        for index in 0..<count { self.start(index) }
    }

    // MARK: Time

    func at(_ instant: Instant, _ script: @escaping () -> Void) {
        self.agenda.plan(.script(script), at: instant)
    }

    func after(_ span: Nanoseconds, _ script: @escaping () -> Void) {
        self.at(self.now + span, script)
    }

    func run(for span: Nanoseconds) {
        let end = self.now + span
        while let at = self.agenda.nextAt, at <= end, let next = self.agenda.pop() {
            self.now = next.at
            self.perform(next.step)
        }
        self.now = end
    }

    /// Runs until a condition holds, looked at every millisecond.
    ///
    /// - Returns: how long it took; nil when it did not hold within the limit.
    func run(within limit: Nanoseconds, until holds: () -> Bool) -> Nanoseconds? {
        let start = self.now
        while !holds() {
            guard self.now.since(start) < limit else { return nil }
            self.run(for: .milliseconds(1))
        }
        return self.now.since(start)
    }

    private func perform(_ step: Agenda.Step) {
        switch step {
        case .tick(let machine, let life):
            guard machine.life == life, machine.isAlive else { return }
            self.agenda.plan(.tick(machine, life: life), at: self.now + NodeTiming.tick)
            // A paused process misses its ticks.
            if !machine.isPaused { self.put(.tick, to: machine) }
        case .turn(let machine, let life):
            guard machine.life == life, machine.isAlive else { return }
            machine.isTurnPlanned = false
            if !machine.isPaused { self.turn(machine) }
        case .frame(let frame): self.arrive(frame)
        case .dial(let from, let to, let life):
            if self.machines[from].life == life { self.dial(from, to) }
        case .script(let script): script()
        }
    }

    // MARK: Turns

    /// An event is ready; a turn takes all that are ready when it begins.
    func put(_ event: Event, to machine: Machine) {
        machine.inbox.append(event)
        guard machine.runs, !machine.isTurnPlanned else { return }
        machine.isTurnPlanned = true
        let at = self.now + self.random.below(.microseconds(60))
        self.agenda.plan(.turn(machine, life: machine.life), at: at)
    }

    private func turn(_ machine: Machine) {
        guard let process = machine.process else { return }
        let events = machine.inbox
        machine.inbox.removeAll(keepingCapacity: true)
        let wall = machine.wall(self.now)
        var effects: [Effect] = []
        for event in events {
            process.node.step(event, now: self.now, wall: wall, into: &effects)
        }
        process.node.endTurn(now: self.now, wall: wall, into: &effects)
        do throws(StoreError) {
            try machine.store.commit(sync: true)
        } catch {
            return self.complain("node \(machine.index) cannot commit: \(error)")
        }
        process.node.turnCommitted()
        if let failure = process.node.storeFailure {
            self.complain("node \(machine.index) cannot read its store: \(failure)")
        }
        for effect in effects { self.perform(effect, of: machine) }
        self.checkLeases(machine)
    }

    private func perform(_ effect: Effect, of machine: Machine) {
        if self.trace != nil { self.note(effect, machine) }
        switch effect {
        case .send(let message, let node):
            self.send(.message(message), machine.index, Int(node.index))
        case .answer(.client(let request), let answer):
            self.finish(request.number, .answered(self.whole(answer)))
        case .answer(.peer(let node, let call), let answer):
            let message = Message.operationAnswer(call: call, self.shipped(answer))
            self.send(.message(message), machine.index, Int(node.index))
        case .handOver(let request, let node, let call):
            guard let pending = self.waiting[request.number] else { return }
            let content = Frame.Content.operation(pending.operation, call: call)
            self.send(content, machine.index, Int(node.index))
        case .adoptIncarnation(let incarnation):
            machine.incarnation = incarnation
            machine.store = MemoryStore()
            self.begin(machine)
            for to in self.machines.indices where self.stream(machine.index, to).isOpen {
                self.put(.connected(NodeID(UInt16(to))), to: machine)
            }
        case .probed:
            break
        }
    }

    /// The answer as the bytes of a frame would carry it.
    private func shipped(_ answer: Answer) -> OperationAnswer {
        if case .notLeader(let hint) = answer { return .notLeader(hint: hint) }
        self.answers.append(answer)
        var writer = ByteWriter()
        writer.u64(UInt64(self.answers.count - 1))
        return .answered(status: 200, fields: [], body: writer.bytes)
    }

    private func whole(_ answer: Answer) -> Answer {
        guard case .relayed(_, _, let body) = answer else { return answer }
        var reader = ByteReader(body)
        guard let index = try? reader.u64() else { return answer }
        return self.answers[Int(index)]
    }

    // MARK: Clients

    /// A client asks a machine; `done` hears of the outcome once.
    func ask(_ operation: Operation, of machine: Int, _ done: @escaping (Outcome) -> Void) {
        guard self.machines[machine].isAlive else { return done(.lost) }
        self.requests += 1
        self.waiting[self.requests] = Pending(
            machine: machine,
            operation: operation,
            done: done
        )
        let origin = Origin.client(RequestID(self.requests))
        self.put(.operation(operation, origin), to: self.machines[machine])
    }

    private func finish(_ request: UInt64, _ outcome: Outcome) {
        guard let pending = self.waiting.removeValue(forKey: request) else {
            return self.complain("request \(request) was answered twice")
        }
        pending.done(outcome)
    }

    var waitingCount: Int { self.waiting.count }

    // MARK: Processes

    func settings(_ machine: Machine) -> NodeSettings {
        NodeSettings(
            id: machine.id,
            incarnation: machine.incarnation,
            layout: self.layout,
            replicationFactor: self.plan.replicationFactor,
            partitionsPerTable: self.plan.partitionsPerTable,
            stampsAreHybrid: self.plan.isHybrid,
            seed: self.plan.seed &* 1_000 + UInt64(machine.index * 100 + machine.life)
        )
    }

    private func begin(_ machine: Machine) {
        do throws(StoreError) {
            machine.process = try Machine.Process(
                self.settings(machine),
                machine.store,
                now: self.now
            )
        } catch {
            self.complain("node \(machine.index) cannot start: \(error)")
        }
    }

    func start(_ index: Int) {
        let machine = self.machines[index]
        precondition(!machine.isAlive)
        machine.life += 1
        machine.isPaused = false
        self.begin(machine)
        self.agenda.plan(
            .tick(machine, life: machine.life),
            at: self.now + self.random.below(NodeTiming.tick)
        )
        for to in self.machines.indices where to != index { self.dialSoon(index, to, .zero) }
    }

    /// The process dies; its disk keeps what was committed.
    func crash(_ index: Int) {
        let machine = self.machines[index]
        guard machine.isAlive else { return }
        machine.process = nil
        machine.life += 1
        machine.inbox = []
        machine.isTurnPlanned = false
        machine.isPaused = false
        machine.store.crash()
        for other in self.machines.indices where other != index {
            // What left before may still arrive; what was on its way here is gone.
            self.breakStream(index, other)
            self.reset(other, index)
        }
        for request in self.waiting.keys.sorted() where self.waiting[request]?.machine == index {
            self.finish(request, .lost)
        }
    }

    /// The process dies and its disk is gone.
    func loseDisk(_ index: Int) {
        self.crash(index)
        self.machines[index].store = MemoryStore()
        self.machines[index].incarnation = 0
    }

    func pause(_ index: Int) {
        guard self.machines[index].isAlive else { return }
        self.machines[index].isPaused = true
    }

    /// What arrived meanwhile is taken in before time is noticed: the worst order for leases.
    func resume(_ index: Int) {
        let machine = self.machines[index]
        guard machine.isAlive, machine.isPaused else { return }
        machine.isPaused = false
        machine.isTurnPlanned = true
        self.agenda.plan(.turn(machine, life: machine.life), at: self.now)
    }

    // MARK: Checks

    func complain(_ text: String) {
        self.complaints.append("\(self.now.nanoseconds / 1_000) µs: \(text)")
    }

    /// What went wrong, with what is needed to see it again.
    var violations: [String] {
        self.complaints.isEmpty
            ? [] : ["SEED=\(self.plan.seed)"] + self.complaints.prefix(3)
    }

    /// No two nodes may answer strong reads of one group alone at one time.
    private func checkLeases(_ machine: Machine) {
        guard let process = machine.process else { return }
        for group in process.node.groupsLed
        where process.node.answersAlone(for: group, now: self.now) {
            for other in self.machines
            where other !== machine && other.region == machine.region && other.isAlive {
                guard other.process!.node.answersAlone(for: group, now: self.now) else { continue }
                self.complain(
                    "nodes \(machine.index) and \(other.index) both lead group \(group.number)"
                )
            }
        }
    }

    private func note(_ effect: Effect, _ machine: Machine) {
        var writer = ByteWriter()
        writer.u64(self.now.nanoseconds)
        writer.varint(UInt64(machine.index))
        if case .send(let message, let node) = effect {
            writer.u16(node.index)
            message.encode(into: &writer)
        } else {
            writer.string("\(effect)")
        }
        self.trace = XXHash64.hash(writer.bytes, seed: self.trace ?? 0)
    }
}

/// How an operation ended for its client.
enum Outcome {
    case answered(Answer)
    /// The connection broke: nobody knows.
    case lost
}
