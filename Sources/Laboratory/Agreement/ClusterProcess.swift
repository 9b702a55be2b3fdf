import EventLoop
import Experiments
import Glibc

/// The `atoll up` of a real cluster, and the loop on which its experiment waits.
final class ClusterProcess {
    private let loop: EventLoop
    private let child: ChildProcess
    private let end = End()

    private final class End {
        var hasCome = false
    }

    /// Starts a program in this process' own group, so that Ctrl-C reaches both.
    init(_ program: String, _ arguments: [String], output: String) throws(ExperimentError) {
        let log = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard log >= 0 else {
            throw ExperimentError("cannot write \(output): \(String(cString: strerror(errno)))")
        }
        defer { close(log) }
        var command = ChildProcess.Command(program, arguments, output: log)
        command.ownSession = false
        do throws(LoopError) {
            let loop = try EventLoop()
            self.child = try loop.spawn(command) { [end] _, _ in
                end.hasCome = true
                loop.stop()
            }
            self.loop = loop
        } catch {
            throw ExperimentError(error.description)
        }
    }

    var isRunning: Bool { !self.end.hasCome }

    /// Nanoseconds of the machine's monotonic clock.
    var now: UInt64 { self.loop.now }

    /// Lets time pass, whether the process ends meanwhile or not.
    func wait(nanoseconds: UInt64) {
        let deadline = self.now + nanoseconds
        while self.now < deadline { self.turn(until: deadline) }
    }

    /// Asks it to end, insists after a while, and returns when it is gone.
    func stop(patience: UInt64) {
        let deadline = self.now + patience
        // One that has ended already needs no signal.
        try? self.child.kill(SIGTERM)
        while self.isRunning, self.now < deadline { self.turn(until: deadline) }
        guard self.isRunning else { return }
        try? self.child.kill(SIGKILL)
        while self.isRunning { self.turn(until: self.now + 1_000_000_000) }
    }

    /// Runs the loop until the time is over or the process ends.
    private func turn(until deadline: UInt64) {
        let timer = self.loop.timer(
            afterNanoseconds: deadline - min(self.now, deadline),
            everyNanoseconds: nil
        ) { [unowned loop = self.loop] in loop.stop() }
        self.loop.run()
        timer.cancel()
    }
}
