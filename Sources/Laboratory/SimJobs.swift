import Fleet
import Glibc
import Simulation

/// Seeds shared out among child processes; their results printed in the order of the seeds.
///
/// Child number n of J runs the seeds first + n, first + n + J, …, and ends each of its reports
/// with a record separator.
struct SimJobs {
    private let options: SimOptions
    private let console: Console

    private struct Child {
        var pid: pid_t
        var output: Int32
        /// What it wrote and what was not yet printed.
        var buffer: [UInt8] = []
        var isOpen = true
    }

    init(_ options: SimOptions, _ console: Console) {
        self.options = options
        self.console = console
    }

    func run() -> Int32 {
        let count = Int(min(UInt64(self.options.jobs), self.options.last - self.options.first + 1))
        var children: [Child] = []
        for number in 0..<count {
            guard let child = self.start(UInt64(number), of: UInt64(count)) else {
                self.console.error("cannot start a process for --jobs")
                for child in children { kill(child.pid, SIGTERM) }
                return ExitCode.failed
            }
            children.append(child)
        }
        var printed: UInt64 = 0
        var wrong = 0
        var unknown = 0
        let total = self.options.last - self.options.first + 1
        while printed < total {
            let turn = Int(printed % UInt64(count))
            if let record = Self.takeRecord(&children[turn].buffer) {
                self.console.print(record)
                printed += 1
                if record.contains(" WRONG\n") { wrong += 1 }
                if record.contains(" unknown\n") { unknown += 1 }
                if wrong > 0, !self.options.keepsGoing { break }
                continue
            }
            guard children[turn].isOpen else {
                self.console.error(
                    "a process for --jobs ended early, at seed "
                        + "\(self.options.first + printed)"
                )
                wrong += 1
                break
            }
            Self.read(&children)
        }
        for child in children {
            kill(child.pid, SIGTERM)
            close(child.output)
            var status: Int32 = 0
            waitpid(child.pid, &status, 0)
        }
        var text = "\(printed) seeds: \(Int(printed) - wrong - unknown) good"
        if wrong > 0 { text += ", \(wrong) wrong" }
        if unknown > 0 { text += ", \(unknown) unknown" }
        self.console.print(text + "\n")
        return wrong > 0
            ? SimVerdict.wrong.exitCode
            : unknown > 0 ? SimVerdict.unknown.exitCode : SimVerdict.good.exitCode
    }

    /// Waits until some child has written something, and takes it.
    private static func read(_ children: inout [Child]) {
        var polled = children.map {
            pollfd(fd: $0.isOpen ? $0.output : -1, events: Int16(POLLIN), revents: 0)
        }
        guard poll(&polled, UInt(polled.count), -1) > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        for index in children.indices where polled[index].revents != 0 {
            let count = chunk.withUnsafeMutableBytes {
                Glibc.read(children[index].output, $0.baseAddress, $0.count)
            }
            if count > 0 {
                children[index].buffer += chunk.prefix(count)
            } else {
                children[index].isOpen = false
            }
        }
    }

    private static func takeRecord(_ buffer: inout [UInt8]) -> String? {
        guard let end = buffer.firstIndex(of: 0x1E) else { return nil }
        let record = String(decoding: buffer[..<end], as: UTF8.self)
        // The separator stands on a line of its own.
        buffer.removeFirst(min(buffer.count, end + 2))
        return record
    }

    private func start(_ number: UInt64, of count: UInt64) -> Child? {
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { return nil }
        var words = ["atoll", "sim"] + self.options.words
        words += ["--seeds", "\(self.options.first + number)..\(self.options.last)"]
        words += ["--stride", "\(count)", "--worker"]
        if self.options.keepsGoing { words.append("--keep-going") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO)
        posix_spawn_file_actions_addclose(&actions, pipes[0])
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, nil, arguments, environ)
        close(pipes[1])
        guard status == 0 else {
            close(pipes[0])
            return nil
        }
        return Child(pid: pid, output: pipes[0])
    }
}
