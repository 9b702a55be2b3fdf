package import EventLoop
import Glibc
import Primitives
package import Topology
import Wire

/// What `atoll up` was asked for.
package struct SupervisorOptions: Sendable {
    package var cluster: String
    package var isFresh: Bool
    package var portOffset: Int
    /// This binary, which the nodes and the gateway run too.
    package var program: String
    /// Where the gateway records, absolute; the nodes' apply logs lie beside it.
    package var history: String?
    /// Whether everything ends when standard input closes.
    package var diesWithParent = false
    /// The processes must be gone so soon after they were asked to stop.
    package var graceMilliseconds: UInt64 = 5_000
    package var readyMilliseconds: UInt64 = 60_000

    package init(cluster: String, isFresh: Bool, portOffset: Int, program: String) {
        self.cluster = cluster
        self.isFresh = isFresh
        self.portOffset = portOffset
        self.program = program
    }
}

/// Runs a cluster: starts its processes, watches them, breaks and heals them when asked, and ends
/// them all before it ends itself.
///
/// It decides nothing about data. It knows processes, the control endpoints of the nodes and of the
/// gateway, and the plan of faults; it serves the control API that the commands, scripts and a
/// dashboard share.
@FleetLoop package final class Supervisor {
    let loop: EventLoop
    let topology: Topology
    let options: SupervisorOptions
    let ports: ClusterPorts
    let directory: ClusterDirectory
    let http: HTTPClient
    let style: TextStyle
    let nodes: [NodeProcess]
    var gateway: ChildProcess?
    var plan: FaultPlan
    var faults: [ActiveFault] = []
    var faultCount = 0
    let faultTurn = Turnstile()
    var server: HTTPServer?
    var phase = ClusterState.Phase.starting
    var failure: String?
    let startedAt: UInt64
    /// Latest events for people, the oldest first.
    private(set) var events: [(at: UInt64, text: String)] = []
    private(set) var isStopping = false
    private var stopWaiter: CheckedContinuation<Void, Never>?
    private static let eventsMax = 100

    package init(
        _ topology: Topology,
        _ ports: ClusterPorts,
        _ options: SupervisorOptions,
        style: TextStyle,
        on loop: EventLoop
    ) {
        self.loop = loop
        self.topology = topology
        self.options = options
        self.ports = ports
        self.style = style
        self.directory = ClusterDirectory(cluster: options.cluster)
        self.http = HTTPClient(loop)
        self.startedAt = loop.now
        self.nodes = topology.nodes.enumerated().map { index, node in
            NodeProcess(
                index: index,
                node: node,
                region: topology.region(node.region).name,
                port: ports.clients[index]
            )
        }
        let base = topology.nodes.map { source in
            topology.nodes.map { topology.linkSettings(from: source.id, to: $0.id) }
        }
        let clocks = topology.nodes.map {
            ClockEffect(offset: $0.clock.offsetNanoseconds, driftPPM: $0.clock.driftPPM)
        }
        self.plan = FaultPlan(links: LinkPlan(base: base), clocks: clocks)
    }

    /// Starts everything, serves until told to stop, ends everything; returns the exit status.
    package func run() async -> Int32 {
        do throws(LoopError) {
            for number in [SIGINT, SIGTERM, SIGHUP] {
                try self.loop.onSignal(number) { self.requestStop() }
            }
            if self.options.diesWithParent {
                try self.loop.dieWithParent { self.requestStop() }
            }
        } catch {
            self.say(self.style.red("error: ") + error.description)
            return 1
        }
        do throws(ClusterError) {
            try await self.start()
        } catch {
            if !self.isStopping {
                self.failure = error.message
                self.say(self.style.red("error: ") + error.message)
                if !error.hint.isEmpty { self.say("  " + error.hint) }
            }
            await self.stop(phase: self.isStopping ? .stopped : .failed)
            return 1
        }
        if !self.isStopping {
            await withCheckedContinuation { self.stopWaiter = $0 }
        }
        self.say("stopping \(self.options.cluster) …")
        await self.endHistory()
        await self.stop(phase: .stopped)
        self.say("stopped")
        return 0
    }

    /// Begins to stop; a second request kills at once.
    func requestStop() {
        if self.isStopping {
            for node in self.nodes { node.signal(SIGKILL) }
            return
        }
        self.isStopping = true
        self.stopWaiter?.resume()
        self.stopWaiter = nil
    }

    /// Ends every process: asks first, insists after the grace period, returns when all are gone.
    private func stop(phase: ClusterState.Phase) async {
        self.isStopping = true
        for fault in self.faults { fault.timer?.cancel() }
        for node in self.nodes where node.pid != nil {
            node.condition = .stopping
            // A stopped process would not see the request.
            node.signal(SIGCONT)
            node.signal(SIGTERM)
            node.closeInput()
        }
        if let gateway = self.gateway {
            gateway.closeInput()
            try? gateway.kill(SIGTERM)
        }
        let insist = self.loop.timer(
            afterNanoseconds: self.options.graceMilliseconds * 1_000_000
        ) {
            for node in self.nodes where node.signal(SIGKILL) {
                self.note("\(node.name) did not stop in time and was killed")
            }
            try? self.gateway?.kill(SIGKILL)
        }
        for node in self.nodes { await node.exited() }
        while self.gateway != nil { await self.loop.sleep(milliseconds: 5) }
        insist.cancel()
        self.server?.close()
        self.phase = phase
        self.saveState()
    }

    // MARK: Telling

    func say(_ text: String) {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes.removeFirst(count)
        }
    }

    /// Tells an event and keeps it for `atoll status`.
    func note(_ text: String) {
        self.events.append((self.loop.now, text))
        if self.events.count > Self.eventsMax { self.events.removeFirst() }
        self.say(text)
    }

    /// Writes `cluster.json`; a failure is told, not fatal: the cluster runs without it.
    func saveState() {
        // A start that was refused leaves no directory behind.
        guard Files.isDirectory(self.directory.path) else { return }
        let pid = getpid()
        let state = ClusterState(
            name: self.options.cluster,
            phase: self.phase,
            pid: pid,
            pidStartTime: ProcessTable.startTime(of: pid),
            controlPort: self.ports.control,
            gatewayPort: self.ports.gateway,
            gatewayPid: self.gateway?.pid,
            portOffset: self.options.portOffset,
            topology: self.topology.absolutePath,
            regions: self.topology.regions.map {
                ClusterState.Region(name: $0.name, port: self.ports.regions[Int($0.id.rank)])
            },
            nodes: self.nodes.map {
                ClusterState.Node(
                    name: $0.name,
                    region: $0.region,
                    zone: $0.node.zone,
                    port: $0.port,
                    pid: $0.pid,
                    isBootstrapped: $0.isBootstrapped
                )
            },
            failure: self.failure
        )
        do throws(FileError) {
            try state.write(to: self.directory)
        } catch {
            self.say(self.style.yellow("warning: ") + error.description)
        }
    }
}

/// Lets one asynchronous sequence through at a time, in the order of arrival.
@FleetLoop final class Turnstile {
    private var isTaken = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if self.isTaken {
            await withCheckedContinuation { self.waiters.append($0) }
        }
        self.isTaken = true
    }

    func leave() {
        guard self.waiters.isEmpty else {
            self.waiters.removeFirst().resume()
            return
        }
        self.isTaken = false
    }
}
