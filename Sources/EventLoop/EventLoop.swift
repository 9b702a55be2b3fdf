import CUV
import Glibc

/// One libuv loop: sockets, timers, signals, child processes and a worker pool, all called back on
/// the thread that is inside ``run()``.
///
/// Deliberately not `Sendable`: the compiler keeps a loop and everything on it on one thread. A
/// turn is one iteration of the loop; its output leaves at its end, in one write per connection,
/// because that costs a fifth to a fifteenth of writing each frame alone.
package final class EventLoop {
    let state: LoopState

    package init() throws(LoopError) {
        _ = signal(SIGPIPE, SIG_IGN)
        self.state = try LoopState()
        do {
            try self.state.startHooks()
        } catch {
            self.state.shutDown()
            throw error
        }
    }

    deinit { self.state.shutDown() }

    /// The monotonic clock in nanoseconds, read afresh.
    package var now: UInt64 { uv_hrtime() }

    /// Called when a turn's callbacks have run, right before buffered output is flushed.
    ///
    /// At most twice an iteration: after I/O, and before blocking when something else (a timer)
    /// ran.
    package var onTurnEnd: (() -> Void)? {
        get { self.state.onTurnEnd }
        set { self.state.onTurnEnd = newValue }
    }

    /// Runs until ``stop()``, or until nothing is left that could ever call back.
    package func run() { uv_run(self.state.loop, UV_RUN_DEFAULT) }

    /// Makes ``run()`` return after the current iteration.
    package func stop() { uv_stop(self.state.loop) }

    /// Runs `job` on libuv's worker pool, then `then` on the loop.
    package func work(_ job: @escaping @Sendable () -> Void, then: @escaping () -> Void) {
        WorkRequest.submit(self.state, job, then)
    }

    package static var libraryVersion: String { String(cString: uv_version_string()) }
}

/// What the loop's handles share; outlives the ``EventLoop`` while somebody still holds a handle.
final class LoopState {
    /// Bytes that one read callback can receive; one buffer serves all connections of the loop.
    static let readBufferBytes = 64 * 1024

    let loop: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutablePointer<CChar>
    var onTurnEnd: (() -> Void)?
    /// Whether a callback ran since the last turn end.
    var hasRun = true
    /// Zero-delay timers made inside timer callbacks would starve I/O.
    var isInTimers = false
    private(set) var isShutDown = false
    private var unflushed: [TCPConnection] = []

    init() throws(LoopError) {
        self.loop = .allocate(capacity: 1)
        self.readBuffer = .allocate(capacity: Self.readBufferBytes)
        let status = uv_loop_init(self.loop)
        if status < 0 {
            self.loop.deallocate()
            self.readBuffer.deallocate()
            throw LoopError(status, while: "start an event loop")
        }
        self.loop.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    func startHooks() throws(LoopError) {
        try TurnHook.start(self, UV_PREPARE)
        try TurnHook.start(self, UV_CHECK)
    }

    func needsFlush(_ connection: TCPConnection) { self.unflushed.append(connection) }

    func endTurn() {
        if self.hasRun {
            self.hasRun = false
            self.onTurnEnd?()
        }
        if self.unflushed.isEmpty { return }
        // Flushing calls no user code, so nothing is appended meanwhile.
        for connection in self.unflushed { connection.flushQueued() }
        self.unflushed.removeAll(keepingCapacity: true)
    }

    /// Closes every handle without calling users back, then the loop.
    func shutDown() {
        precondition(!self.isShutDown)
        self.isShutDown = true
        self.onTurnEnd = nil
        self.unflushed = []
        uv_walk(
            self.loop,
            { handle, _ in
                guard let handle, let data = handle.pointee.data, uv_is_closing(handle) == 0 else {
                    return
                }
                Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue().beginClose()
            },
            nil
        )
        uv_run(self.loop, UV_RUN_DEFAULT)
        let status = uv_loop_close(self.loop)
        precondition(status == 0, "a handle outlived its loop")
        self.loop.deallocate()
        self.readBuffer.deallocate()
    }
}

/// The two places of an iteration where a turn ends: after I/O (check) and before blocking
/// (prepare).
private final class TurnHook: LoopHandle {
    static func start(_ state: LoopState, _ type: uv_handle_type) throws(LoopError) {
        let hook = TurnHook(state, type)
        if type == UV_PREPARE, let prepare = hook.pointer(as: uv_prepare_t.self) {
            try check(uv_prepare_init(state.loop, prepare), "prepare the event loop")
            hook.register()
            uv_prepare_start(prepare) { TurnHook.turnEnded($0?.pointee.data) }
        } else if let after = hook.pointer(as: uv_check_t.self) {
            try check(uv_check_init(state.loop, after), "prepare the event loop")
            hook.register()
            uv_check_start(after) { TurnHook.turnEnded($0?.pointee.data) }
        }
        if let handle = hook.handle { uv_unref(handle) }
    }

    private static func turnEnded(_ data: UnsafeMutableRawPointer?) {
        guard let data else { return }
        Unmanaged<TurnHook>.fromOpaque(data).takeUnretainedValue().state.endTurn()
    }
}

/// One job on the worker pool and what follows it on the loop.
private final class WorkRequest {
    private let state: LoopState
    private let job: @Sendable () -> Void
    private let then: () -> Void
    private let request: UnsafeMutablePointer<uv_work_t>

    private init(
        _ state: LoopState,
        _ job: @escaping @Sendable () -> Void,
        _ then: @escaping () -> Void
    ) {
        self.state = state
        self.job = job
        self.then = then
        self.request = .allocate(capacity: 1)
    }

    deinit { self.request.deallocate() }

    static func submit(
        _ state: LoopState,
        _ job: @escaping @Sendable () -> Void,
        _ then: @escaping () -> Void
    ) {
        let work = WorkRequest(state, job, then)
        work.request.pointee.data = Unmanaged.passRetained(work).toOpaque()
        let status = uv_queue_work(
            state.loop,
            work.request,
            { request in
                guard let data = request?.pointee.data else { return }
                Unmanaged<WorkRequest>.fromOpaque(data).takeUnretainedValue().job()
            },
            { request, _ in
                guard let data = request?.pointee.data else { return }
                let work = Unmanaged<WorkRequest>.fromOpaque(data).takeRetainedValue()
                work.state.hasRun = true
                if !work.state.isShutDown { work.then() }
            }
        )
        precondition(status == 0, "uv_queue_work fails only without a job")
    }
}
