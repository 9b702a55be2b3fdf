import EventLoop
import NodeCore
import Primitives
import RocksStore
import Tables
import Topology
import Wire

/// What `atoll node` is told.
package struct NodeOptions: Sendable {
    /// The topology's file.
    package var topology: String
    package var node: String
    /// The node's data directory.
    package var data: String
    package var cluster: String
    /// Whether an empty data directory begins a new node; otherwise it is one that lost its disk.
    package var bootstraps: Bool
    /// Added to every port of the topology.
    package var portOffset: Int
    /// Whether the node ends when its standard input closes, as a child of the supervisor does.
    package var diesWithParent: Bool
    /// The file that every applied version is told in; nil for none.
    package var applyLog: String?

    package init(
        topology: String,
        node: String,
        data: String,
        cluster: String,
        bootstraps: Bool,
        portOffset: Int,
        diesWithParent: Bool,
        applyLog: String? = nil
    ) {
        self.diesWithParent = diesWithParent
        self.applyLog = applyLog
        self.topology = topology
        self.node = node
        self.data = data
        self.cluster = cluster
        self.bootstraps = bootstraps
        self.portOffset = portOffset
    }
}

/// Why a node could not start.
package struct NodeHostError: Error, CustomStringConvertible, Sendable {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// One replica node on a libuv loop.
///
/// It turns bytes and time into events, and effects into writes and sends; it decides nothing.
/// Everything happens on the thread that calls ``run(_:)``; the class is not `Sendable` on purpose.
package final class NodeHost {
    let loop: EventLoop
    let topology: Topology
    let options: NodeOptions
    let member: Topology.Node
    let isSynced: Bool
    var turns: NodeLoop
    /// Nil while the node has no incarnation and so no disk.
    var store: RocksStore?
    private var joining: MemoryStore?
    private(set) var applyLog: ApplyLog?
    /// Room for the effects of a turn, reused.
    private var effects: [Effect] = []
    private(set) lazy var network = self.makeNetwork()
    private(set) lazy var front = self.makeFront()
    var wallClock: SkewedClock
    var probes: ProbeTable
    var arrivals = ArrivalTable()
    let startedAt: UInt64
    private var hasFailed = false
    /// Something was written since memory was last looked at.
    private var hasCommitted = false
    private var owesTrim = true
    /// The batch of a turn could not be written: nothing leaves until it can.
    private var stalledSince: UInt64?

    static let stallRetry: UInt64 = 500_000_000
    static let trimInterval: UInt64 = 10_000_000_000

    /// Runs the node until the loop ends; returns only after a clean stop.
    package static func run(_ options: NodeOptions) throws(NodeHostError) {
        let host = try NodeHost(options)
        try host.start()
        host.loop.run()
        host.store?.close()
        if host.hasFailed { throw NodeHostError("the node cannot go on; see above") }
    }

    private init(_ options: NodeOptions) throws(NodeHostError) {
        _ = raiseFileDescriptorLimit()
        do {
            self.loop = try EventLoop()
        } catch {
            throw NodeHostError("\(error)")
        }
        do {
            self.topology = try Topology.load(
                nameOrPath: options.topology,
                defaultName: options.cluster
            )
        } catch {
            throw NodeHostError("\(error)")
        }
        guard let member = self.topology.node(named: options.node) else {
            throw NodeHostError(
                "topology \(options.topology) has no node '\(options.node)'; it has: "
                    + self.topology.nodes.map(\.name).joined(separator: ", ")
            )
        }
        self.options = options
        self.member = member
        self.isSynced = self.topology.durability == .disk
        self.wallClock = SkewedClock(member.clock)
        self.startedAt = self.loop.now
        self.probes = ProbeTable(startedAt: self.startedAt)
        let opened = try Self.open(options, self.topology, member, now: self.loop.now)
        self.store = opened.store
        self.joining = opened.joining
        self.turns = NodeLoop(opened.node)
    }

    private struct Opened: ~Copyable {
        var store: RocksStore?
        var joining: MemoryStore?
        var node: Node
    }

    private static func open(
        _ options: NodeOptions,
        _ topology: Topology,
        _ member: Topology.Node,
        now: UInt64
    ) throws(NodeHostError) -> Opened {
        do throws(StoreError) {
            let instant = Instant(nanoseconds: now)
            let known = try StoreIdentity.read(from: options.data)
            guard known != nil || options.bootstraps else {
                // What is not empty is not a lost disk; opening it says what it is.
                if let file = firstFile(in: options.data) {
                    throw .io(
                        "\(options.data) holds files that are not Atoll's (\(file)); "
                            + "choose another directory, or move them away"
                    )
                }
                let memory = MemoryStore()
                let settings = Self.settings(options, topology, member, incarnation: 0)
                let node = try Node(settings: settings, store: memory, now: instant)
                return Opened(store: nil, joining: memory, node: node)
            }
            let incarnation = known?.incarnation ?? 1
            let store = try Self.openStore(options, incarnation: incarnation, create: known == nil)
            let settings = Self.settings(options, topology, member, incarnation: incarnation)
            let node = try Node(settings: settings, store: store, now: instant)
            return Opened(store: store, joining: nil, node: node)
        } catch {
            throw NodeHostError(error.message)
        }
    }

    private static func openStore(
        _ options: NodeOptions,
        incarnation: UInt32,
        create: Bool
    ) throws(StoreError) -> RocksStore {
        try RocksStore(
            path: options.data,
            identity: StoreIdentity(
                cluster: options.cluster,
                node: options.node,
                incarnation: incarnation
            ),
            create: create
        )
    }

    private static func settings(
        _ options: NodeOptions,
        _ topology: Topology,
        _ member: Topology.Node,
        incarnation: UInt32
    ) -> NodeSettings {
        let layout = ClusterLayout(
            regions: topology.regions.map(\.name),
            members: topology.nodes.map {
                .init(id: $0.id, name: $0.name, region: $0.region, zone: $0.zone)
            }
        )
        var settings = NodeSettings(
            id: member.id,
            incarnation: incarnation,
            layout: layout,
            replicationFactor: topology.replicationFactor,
            partitionsPerTable: topology.partitionsPerTable,
            stampsAreHybrid: topology.stamps == .hybrid,
            seed: UInt64(member.id.index) &+ processSeed()
        )
        let port = Int(topology.region(member.region).port) + options.portOffset
        settings.controlPlaneDelay = topology.tables.controlPlaneDelay
        settings.expiryPeriod = topology.tables.expiryPeriod
        settings.collectionBytesMax = topology.tables.collectionBytesMax
        settings.recordsApplies = options.applyLog != nil
        settings.endpointAddress = "127.0.0.1:\(port)"
        return settings
    }

    private func start() throws(NodeHostError) {
        do throws(LoopError) {
            if let path = self.options.applyLog {
                self.applyLog = try ApplyLog(path, self.topology, self.member)
            }
            if self.options.diesWithParent {
                try self.loop.dieWithParent { [loop] in loop.stop() }
            }
            try self.network.start()
            try self.front.listen(port: self.port(self.member.clientPort))
            _ = self.loop.timer(
                afterNanoseconds: NodeTiming.tick,
                everyNanoseconds: NodeTiming.tick
            ) { [unowned self] in self.take(.tick) }
            _ = self.loop.timer(
                afterNanoseconds: Self.trimInterval,
                everyNanoseconds: Self.trimInterval
            ) { [unowned self] in self.trimIfIdle() }
            self.loop.onTurnEnd = { [unowned self] in self.endTurn() }
            let client = self.port(self.member.clientPort)
            log("\(self.member.name) answers DynamoDB requests on 127.0.0.1:\(client)")
            for signal in [2, 15] as [Int32] {
                _ = try self.loop.onSignal(signal) { [loop] in loop.stop() }
            }
        } catch {
            throw NodeHostError("\(error)")
        }
    }

    private func makeFront() -> ClientFront {
        ClientFront(
            loop: self.loop,
            seed: processSeed() ^ UInt64(self.member.id.index),
            regionName: self.topology.region(self.member.region).name,
            isIsolated: { [unowned self] in
                self.turns.node.isIsolated(now: Instant(nanoseconds: self.loop.now))
            },
            onOperation: { [unowned self] operation, id in
                self.take(.operation(operation, .client(id)))
            },
            onControl: { [unowned self] request in self.control(request) }
        )
    }

    private func makeNetwork() -> PeerNetwork {
        let links = self.topology.nodes.map { other in
            other.id == self.member.id
                ? .instant : self.topology.linkSettings(from: other.id, to: self.member.id)
        }
        let layout = self.turns.node.settings.layout
        let key = XXHash64.hash(
            Array("\(self.options.cluster)/\(self.options.portOffset)".utf8)
        )
        return PeerNetwork(
            loop: self.loop,
            selfID: self.member.id,
            clusterKey: key,
            ports: self.topology.nodes.map { self.port($0.peerPort) },
            names: self.topology.nodes.map(\.name),
            links: links,
            fault: { [unowned self] message, sender in
                message.fault(from: sender, in: layout, wall: self.wallClock.now(self.loop.now))
            },
            deliver: { [unowned self] message, sender, now in
                self.receive(message, from: sender, now: now)
            },
            changed: { [unowned self] event in self.take(event) },
            report: { log($0) }
        )
    }

    func port(_ base: UInt16) -> UInt16 { UInt16(clamping: Int(base) + self.options.portOffset) }

    // MARK: Events

    /// Passes one event to the core, with clocks read now: after the bytes that caused it were
    /// read, so that a pause of the process between reading and answering cannot make a lease
    /// look alive.
    func take(_ event: Event) { self.take(event, now: Instant(nanoseconds: self.loop.now)) }

    private func take(_ event: Event, now: Instant) {
        let isTaken = self.turns.take(
            event,
            now: now,
            wall: self.wallClock.now(now.nanoseconds)
        )
        guard !isTaken, case .operation(_, .client(let id)) = event else { return }
        self.front.answer(id, .failure(.internalServer))
    }

    private func receive(_ message: Message, from sender: NodeID, now: Instant) {
        guard !self.turns.isStalled else { return }
        self.count(message, from: sender, now: now)
        guard case .operation(let call, let request) = message else {
            return self.take(.message(message, from: sender), now: now)
        }
        let origin = Origin.peer(sender, call: call)
        do throws(ServiceError) {
            self.take(.operation(try HandedOver.decode(request), origin))
        } catch {
            self.turns.add(.answer(origin, .failure(error)))
        }
    }

    /// Gives memory back once after each burst of writes.
    private func trimIfIdle() {
        if self.hasCommitted {
            self.hasCommitted = false
            self.owesTrim = true
        } else if self.owesTrim {
            self.owesTrim = false
            self.store?.trimMemory()
        }
    }

    /// Commits what the turn changed, then lets its effects out.
    private func endTurn() {
        guard !self.turns.isStalled else { return }
        let now = self.loop.now
        self.turns.endTurn(now: Instant(nanoseconds: now), wall: self.wallClock.now(now))
        self.finishTurn()
    }

    private func finishTurn() {
        if let applyLog = self.applyLog {
            let records = self.turns.node.takeApplied()
            if !records.isEmpty { applyLog.append(records, now: self.loop.now, self.turns.node) }
        }
        do throws(StoreError) {
            if let store = self.store {
                if store.pendingBytes > 0 {
                    try store.commit(sync: self.isSynced)
                    self.hasCommitted = true
                }
            } else {
                try self.joining?.commit(sync: false)
            }
        } catch {
            return self.stalled(error)
        }
        var effects: [Effect] = []
        swap(&effects, &self.effects)
        self.turns.committed(into: &effects)
        let sentAt = Instant(nanoseconds: self.loop.now)
        for effect in effects { self.perform(effect, sentAt) }
        effects.removeAll(keepingCapacity: true)
        swap(&effects, &self.effects)
        if let failure = self.turns.node.storeFailure {
            log("the store cannot be read, so this node stops: \(failure.message)")
            self.hasFailed = true
            self.loop.stop()
        }
    }

    /// The disk did not take the turn: writes fail until it does, and nothing is promised.
    private func stalled(_ error: StoreError) {
        if self.stalledSince == nil {
            log("the disk refuses writes: \(error.message)")
            // Peers take this node for lost until it can keep its promises again.
            self.network.suspend()
            self.stalledSince = self.loop.now
        }
        _ = self.loop.timer(afterNanoseconds: Self.stallRetry, everyNanoseconds: nil) {
            [unowned self] in self.retryStalled()
        }
        for id in self.turns.commitFailed() { self.front.answer(id, .failure(.internalServer)) }
    }

    private func retryStalled() {
        guard let since = self.stalledSince, let store = self.store else { return }
        do throws(StoreError) {
            try store.recover()
            try store.commit(sync: self.isSynced)
        } catch {
            return self.stalled(error)
        }
        log("the disk takes writes again after \((self.loop.now - since) / 1_000_000) ms")
        self.stalledSince = nil
        self.finishTurn()
        self.network.resume()
    }

    // MARK: Effects

    private func perform(_ effect: Effect, _ sentAt: Instant) {
        switch effect {
        case .send(let message, let node):
            self.network.send(message, to: node, sentAt: sentAt)
        case .answer(.client(let id), let answer):
            self.front.answer(id, answer)
        case .answer(.peer(let node, let call), let answer):
            self.network.send(
                .operationAnswer(call: call, AnswerEncoder.forPeer(answer)),
                to: node,
                sentAt: sentAt
            )
        case .handOver(let id, let node, let call):
            guard let request = self.front.handOver(id) else { return }
            self.network.send(.operation(call: call, request: request), to: node, sentAt: sentAt)
        case .adoptIncarnation(let incarnation):
            self.adopt(incarnation)
        case .probed(let node, let id, let sentAt, let arrivedAt, let returnedAt):
            self.probeReturned(node, id, sentAt, arrivedAt, returnedAt)
        }
    }

    /// A node that came back empty starts anew with the incarnation that its region gave it.
    private func adopt(_ incarnation: UInt32) {
        do throws(StoreError) {
            let store = try Self.openStore(self.options, incarnation: incarnation, create: true)
            let settings = Self.settings(
                self.options,
                self.topology,
                self.member,
                incarnation: incarnation
            )
            self.turns.replace(
                try Node(
                    settings: settings,
                    store: store,
                    now: Instant(nanoseconds: self.loop.now)
                )
            )
            self.store = store
            self.joining = nil
        } catch {
            log("cannot begin incarnation \(incarnation): \(error.message)")
            self.hasFailed = true
            return self.loop.stop()
        }
        log("came back empty; now incarnation \(incarnation)")
        for other in self.topology.nodes where self.network.isConnected(to: other.id) {
            self.take(.connected(other.id))
        }
    }
}
