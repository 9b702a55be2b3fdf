import EventLoop
import Foundation
import Testing

/// What jobs on the worker pool leave behind.
final class Inbox: @unchecked Sendable {
    // Safe because every access holds the lock.
    private let lock = NSLock()
    private var numbers: [Int] = []

    func add(_ number: Int) { self.lock.withLock { self.numbers.append(number) } }
    var sorted: [Int] { self.lock.withLock { self.numbers.sorted() } }
}

@Suite("Processes")
struct ProcessTests {
    @Test("a child's exit status arrives", arguments: [0, 7])
    func exitStatus(status: Int64) throws {
        let loop = try EventLoop()
        var exits: [Int64] = []
        let child = try loop.spawn(.init("/bin/sh", ["-c", "exit \(status)"])) { status, signal in
            exits.append(status)
            #expect(signal == 0)
            loop.stop()
        }
        #expect(child.pid > 0)
        run(loop)
        #expect(exits == [status])
        #expect(throws: LoopError.self) { try child.kill(SIGTERM) }
    }

    @Test("a killed child reports its signal")
    func killed() throws {
        let loop = try EventLoop()
        var signals: [Int32] = []
        let child = try loop.spawn(.init("/bin/cat", [])) { _, signal in
            signals.append(signal)
            loop.stop()
        }
        try child.kill(SIGKILL)
        run(loop)
        #expect(signals == [SIGKILL])
    }

    @Test("a child sees the end of its standard input when we close it")
    func inputEnds() throws {
        let loop = try EventLoop()
        var exits: [Int64] = []
        let child = try loop.spawn(.init("/bin/cat", [])) { status, _ in
            exits.append(status)
            loop.stop()
        }
        child.closeInput()
        run(loop)
        #expect(exits == [0])
    }

    @Test("a child gets its arguments, environment, directory and output file")
    func surroundings() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let output = open(file.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(output) }
        let loop = try EventLoop()
        let script = "echo $1 $ATOLL_TEST; pwd; echo wrong >&2"
        let command = ChildProcess.Command(
            "/bin/sh",
            ["-c", script, "sh", "one argument"],
            environment: ["ATOLL_TEST=set"],
            directory: "/usr",
            output: output
        )
        _ = try loop.spawn(command) { _, _ in loop.stop() }
        run(loop)
        #expect(try String(contentsOf: file, encoding: .utf8) == "one argument set\n/usr\nwrong\n")
    }

    @Test("a program that does not exist is an error that names it")
    func noProgram() throws {
        let loop = try EventLoop()
        let failure = #expect(throws: LoopError.self) {
            try loop.spawn(.init("/nowhere/program", [])) { _, _ in Issue.record("it exited") }
        }
        #expect(failure?.description.contains("/nowhere/program") == true)
        loop.timer(afterNanoseconds: 0) { loop.stop() }
        run(loop)
    }

    @Test("a process whose standard input ends calls back")
    func parentGone() async {
        await #expect(processExitsWith: .exitCode(7)) {
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            dup2(ends[0], STDIN_FILENO)
            close(ends[0])
            let loop = try EventLoop()
            try loop.dieWithParent { exit(7) }
            loop.timer(afterNanoseconds: 1_000_000) { close(ends[1]) }
            loop.timer(afterNanoseconds: 20_000_000_000) { exit(1) }
            loop.run()
            exit(2)
        }
    }

    @Test("a signal calls back on the loop until cancelled")
    func signals() throws {
        let loop = try EventLoop()
        var count = 0
        var watcher: LoopSignal?
        watcher = try loop.onSignal(SIGUSR2) {
            count += 1
            watcher?.cancel()
            loop.stop()
        }
        kill(getpid(), SIGUSR2)
        run(loop)
        #expect(count == 1)
        #expect(watcher?.isOpen == false)
    }

    @Test("processor time grows with work, and memory is counted in bytes")
    func usage() {
        let before = ProcessUsage.current()
        var sum: UInt64 = 0
        while ProcessUsage.current().cpuNanoseconds < before.cpuNanoseconds + 2_000_000 {
            sum &+= 1
        }
        #expect(sum > 0)
        #expect(before.residentBytes > 1 << 20)
        let measured = ProcessUsage.of(pid: getpid())
        #expect((measured?.residentBytes ?? 0) > 1 << 20)
        #expect((measured?.cpuNanoseconds ?? 0) > 0)
        #expect(ProcessUsage.of(pid: .max) == nil)
    }

    @Test("the limit of open files is raised to the hard limit")
    func fileLimit() {
        let limit = raiseFileDescriptorLimit()
        #expect(limit >= 256)
        #expect(raiseFileDescriptorLimit() == limit)
    }
}
