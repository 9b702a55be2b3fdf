package import EventLoop
import Glibc

/// The one thread on which the supervisor and the commands run their asynchronous code.
///
/// A fault is a sequence (ask, wait, probe, compare, undo), and a sequence reads best as `async`
/// code. The executor of this actor is the event loop itself: jobs are queued while callbacks run
/// and drained at the end of the loop's turn, so there is no second thread and nothing to lock.
@globalActor package actor FleetLoop {
    package static let shared = FleetLoop()

    private let executor = LoopExecutor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    /// Starts asynchronous work beside the caller; plain `Task { }` would leave the loop's thread.
    package static func start(_ body: @escaping @FleetLoop () async -> Void) {
        Task(executorPreference: FleetLoop.shared.executor) { await body() }
    }

    /// Runs a loop on this thread until `body` has returned; one at a time per process.
    package static func run<Result: Sendable>(
        _ body: @escaping @FleetLoop (EventLoop) async -> Result
    ) throws(LoopError) -> Result {
        let executor = FleetLoop.shared.executor
        executor.claim()
        defer { executor.release() }
        // Safe because the executor runs every job on the thread that is in this function.
        nonisolated(unsafe) let loop = try EventLoop()
        nonisolated(unsafe) var result: Result?
        loop.onTurnEnd = { executor.drain() }
        FleetLoop.start {
            result = await body(loop)
            loop.stop()
        }
        // A loop with nothing to wait for returns at once, without ending a turn.
        executor.drain()
        while result == nil {
            loop.run()
            let hasAdvanced = executor.drain()
            precondition(result != nil || hasAdvanced, "the task waits for nothing")
        }
        guard let result else { preconditionFailure("unreachable: the loop above has a result") }
        return result
    }
}

/// Runs jobs on the thread of a loop, when the loop says so.
///
/// It is the actor's executor and the tasks' preferred one: a continuation resumes on the latter,
/// which by default is a pool of threads.
///
/// @unchecked Sendable: Safe because `enqueue` and `drain` check that they are on the owning
/// thread.
private final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    private var jobs: [UnownedJob] = []
    private var owner: pthread_t?
    private var claimed = pthread_mutex_t()

    init() { pthread_mutex_init(&self.claimed, nil) }

    func claim() {
        pthread_mutex_lock(&self.claimed)
        self.owner = pthread_self()
    }

    func release() {
        self.jobs.removeAll()
        self.owner = nil
        pthread_mutex_unlock(&self.claimed)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        self.checkIsolated()
        self.jobs.append(UnownedJob(job))
    }

    /// Runs every job, also those that jobs add; false when there was none.
    @discardableResult
    func drain() -> Bool {
        var index = 0
        while index < self.jobs.count {
            let job = self.jobs[index]
            index += 1
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(),
                taskExecutor: self.asUnownedTaskExecutor()
            )
        }
        self.jobs.removeAll(keepingCapacity: true)
        return index > 0
    }

    func checkIsolated() {
        guard let owner = self.owner, pthread_equal(owner, pthread_self()) != 0 else {
            preconditionFailure("the fleet's loop is used from outside its thread")
        }
    }
}

extension EventLoop {
    /// Returns after a time.
    package func sleep(milliseconds: UInt64) async {
        await withCheckedContinuation { continuation in
            _ = self.timer(afterNanoseconds: milliseconds * 1_000_000, everyNanoseconds: nil) {
                continuation.resume()
            }
        }
    }
}
