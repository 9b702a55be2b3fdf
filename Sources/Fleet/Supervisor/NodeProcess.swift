import EventLoop
import Glibc
import Topology

/// One node's process as the supervisor sees it.
@FleetLoop final class NodeProcess {
    enum Condition: String {
        case starting, ready, stopping, dead
    }

    let index: Int
    let node: Topology.Node
    let region: String
    let port: UInt16
    var condition = Condition.dead
    /// See ``ClusterState/Node/isBootstrapped``.
    var isBootstrapped = false
    /// The faults that keep it stopped; it goes on when the last of them heals.
    var pauses: Set<Int> = []
    /// The faults that killed it.
    var kills: Set<Int> = []
    /// How the last process ended, for people.
    private(set) var lastExit: String?
    private(set) var startedAt: UInt64 = 0
    private var child: ChildProcess?
    private var exitWaiters: [CheckedContinuation<Void, Never>] = []

    init(index: Int, node: Topology.Node, region: String, port: UInt16) {
        self.index = index
        self.node = node
        self.region = region
        self.port = port
    }

    var name: String { self.node.name }
    var pid: Int32? { self.child?.pid }
    /// Runs and is not stopped: it should answer.
    var answers: Bool { self.child != nil && self.pauses.isEmpty }

    /// Starts a process; `onExit` is told unless the exit was asked for.
    func start(
        _ command: ChildProcess.Command,
        on loop: EventLoop,
        onExit: @escaping (NodeProcess) -> Void
    ) throws(LoopError) {
        precondition(self.child == nil, "\(self.name) runs already")
        self.condition = .starting
        self.startedAt = loop.now
        self.lastExit = nil
        self.child = try loop.spawn(command) { status, signal in
            self.child = nil
            self.lastExit = signal != 0 ? "killed by signal \(signal)" : "exit status \(status)"
            let wasExpected = self.condition == .stopping
            self.condition = .dead
            let waiters = self.exitWaiters
            self.exitWaiters = []
            for waiter in waiters { waiter.resume() }
            if !wasExpected { onExit(self) }
        }
    }

    /// Sends a signal; false when there is no process.
    @discardableResult
    func signal(_ number: Int32) -> Bool {
        guard let child = self.child else { return false }
        do throws(LoopError) {
            try child.kill(number)
            return true
        } catch {
            return false
        }
    }

    func closeInput() { self.child?.closeInput() }

    /// Returns once there is no process.
    func exited() async {
        guard self.child != nil else { return }
        await withCheckedContinuation { self.exitWaiters.append($0) }
    }

    /// Kills the process and returns once it is gone.
    func kill() async {
        guard self.child != nil else { return }
        self.condition = .stopping
        self.signal(SIGKILL)
        await self.exited()
    }
}
