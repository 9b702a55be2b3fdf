import Fleet
import Glibc
import Simulation
import Wire

/// Seeds shared out among child processes; their results printed in the order of the seeds.
///
/// Child number n of J runs the seeds first + n, first + n + J, …, and ends each of its reports
/// with a record separator. A child that dies, as a broken invariant makes it, fails the seed that
/// it was at; with `--keep-going` another one goes on behind that seed.
struct SimJobs {
    private let options: SimOptions
    private let console: Console

    private struct Child {
        var pid: pid_t
        var output: Int32
        var errors: Int32
        /// What it wrote and what was not yet printed.
        var buffer: [UInt8] = []
        /// What it complained of.
        var complaints: [UInt8] = []
        var isOpen = true
        /// It was waited for.
        var isOver = false
    }

    /// More complaints of one child are not kept.
    private static let complaintsMax = 1 << 16

    init(_ options: SimOptions, _ console: Console) {
        self.options = options
        self.console = console
    }

    func run() -> Int32 {
        let count = Int(min(UInt64(self.options.jobs), self.options.last - self.options.first + 1))
        // A dying child shall say why, and not look for the lines of its stack for seconds.
        setenv("SWIFT_BACKTRACE", "enable=no", 0)
        var children: [Child] = []
        for number in 0..<count {
            let first = self.options.first + UInt64(number)
            guard let child = self.start(from: first, every: UInt64(count)) else {
                self.console.error("cannot start a process for --jobs")
                for index in children.indices { Self.end(&children[index]) }
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
                if record.contains(Self.mark(.wrong, self.options)) { wrong += 1 }
                if record.contains(Self.mark(.unknown, self.options)) { unknown += 1 }
                if wrong > 0, !self.options.keepsGoing { break }
                continue
            }
            if children[turn].isOpen {
                Self.read(&children)
                continue
            }
            let seed = self.options.first + printed
            let status = Self.end(&children[turn])
            let text = String(decoding: children[turn].complaints, as: UTF8.self)
            self.console.print(Self.crashLines(seed, status, text, self.options))
            printed += 1
            wrong += 1
            guard self.options.keepsGoing else { break }
            let (next, isOverflow) = seed.addingReportingOverflow(UInt64(count))
            guard !isOverflow, next <= self.options.last else { continue }
            guard let child = self.start(from: next, every: UInt64(count)) else {
                self.console.error("cannot start a process for --jobs")
                break
            }
            children[turn] = child
        }
        for index in children.indices { Self.end(&children[index]) }
        if !self.options.isJSON {
            var text = "\(printed) seeds: \(Int(printed) - wrong - unknown) good"
            if wrong > 0 { text += ", \(wrong) wrong" }
            if unknown > 0 { text += ", \(unknown) unknown" }
            self.console.print(text + "\n")
        }
        return wrong > 0
            ? SimVerdict.wrong.exitCode
            : unknown > 0 ? SimVerdict.unknown.exitCode : SimVerdict.good.exitCode
    }

    /// What a record of this verdict contains, and no other does.
    private static func mark(_ verdict: SimVerdict, _ options: SimOptions) -> String {
        options.isJSON
            ? "\"verdict\": \"\(verdict.name)\"" : verdict == .wrong ? " WRONG\n" : " unknown\n"
    }

    /// What is said of a seed whose process died.
    private static func crashLines(
        _ seed: UInt64,
        _ status: Int32,
        _ complaints: String,
        _ options: SimOptions
    ) -> String {
        let lines = complaints.split(separator: "\n")
        let cause =
            lines.first { $0.contains("Fatal error") || $0.contains("fatalError") }
            ?? lines.last { !$0.allSatisfy(\.isWhitespace) }
        let signal = status & 0x7F
        let end = signal != 0 ? "by signal \(signal)" : "with status \(status >> 8 & 0xFF)"
        if options.isJSON {
            let text = "its process ended \(end)" + (cause.map { ": " + $0 } ?? "")
            let object: JSONValue = [
                "seed": .integer(seed), "verdict": .string(SimVerdict.wrong.name),
                "failures": .array([.string(text)]),
            ]
            return object.pretty() + "\n"
        }
        return SimOutcome.left("seed \(seed)", 12) + "its process ended \(end) WRONG\n"
            + (cause.map { "  " + $0 + "\n" } ?? "")
            + options.replayLines(seed).map { $0 + "\n" }.joined()
    }

    /// Waits until some child has written something, and takes it.
    private static func read(_ children: inout [Child]) {
        var polled: [pollfd] = []
        for child in children {
            let files = child.isOpen ? [child.output, child.errors] : [-1, -1]
            polled += files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        }
        guard poll(&polled, UInt(polled.count), -1) > 0 else { return }
        for index in children.indices {
            if polled[2 * index + 1].revents != 0 {
                let room = Self.complaintsMax - children[index].complaints.count
                let bytes = Self.bytes(from: children[index].errors)
                children[index].complaints += bytes.prefix(room)
            }
            guard polled[2 * index].revents != 0 else { continue }
            let bytes = Self.bytes(from: children[index].output)
            children[index].buffer += bytes
            guard bytes.isEmpty else { continue }
            // It ended; what it said last may still be in the pipe.
            var rest = Self.bytes(from: children[index].errors)
            while !rest.isEmpty {
                let room = Self.complaintsMax - children[index].complaints.count
                children[index].complaints += rest.prefix(room)
                rest = Self.bytes(from: children[index].errors)
            }
            children[index].isOpen = false
        }
    }

    /// What a pipe holds, or what comes next; nothing once its writer is gone.
    private static func bytes(from file: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = max(0, Glibc.read(file, buffer.baseAddress, buffer.count))
        }
    }

    /// Ends a process if it has not ended, and returns how it did.
    @discardableResult
    private static func end(_ child: inout Child) -> Int32 {
        guard !child.isOver else { return 0 }
        child.isOver = true
        // One that is about to end by itself is let do so.
        if child.isOpen { kill(child.pid, SIGTERM) }
        var status: Int32 = 0
        waitpid(child.pid, &status, 0)
        close(child.output)
        close(child.errors)
        return status
    }

    private static func takeRecord(_ buffer: inout [UInt8]) -> String? {
        guard let end = buffer.firstIndex(of: 0x1E) else { return nil }
        let record = String(decoding: buffer[..<end], as: UTF8.self)
        // The separator stands on a line of its own.
        buffer.removeFirst(min(buffer.count, end + 2))
        return record
    }

    private func start(from seed: UInt64, every count: UInt64) -> Child? {
        var pipes: [Int32] = [0, 0]
        var errors: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { return nil }
        guard pipe(&errors) == 0 else {
            for file in pipes { close(file) }
            return nil
        }
        // Closed in the children: the end of a pipe shows when its last writer is gone.
        for file in pipes + errors { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
        var words = ["atoll", "sim"] + self.options.words
        words += ["--seeds", "\(seed)..\(self.options.last)"]
        words += ["--stride", "\(count)", "--worker"]
        if self.options.keepsGoing { words.append("--keep-going") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, nil, arguments, environ)
        close(pipes[1])
        close(errors[1])
        guard status == 0 else {
            close(pipes[0])
            close(errors[0])
            return nil
        }
        return Child(pid: pid, output: pipes[0], errors: errors[0])
    }
}
