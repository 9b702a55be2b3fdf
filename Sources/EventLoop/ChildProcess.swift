import CUV
import Glibc

/// A child process whose standard input this process holds open, so that the child can tell our end
/// from its own.
package final class ChildProcess: LoopHandle {
    /// What to start and how.
    package struct Command: Sendable {
        package var program: String
        /// Without the program's own name.
        package var arguments: [String]
        /// `NAME=value` lines; `nil` inherits ours.
        package var environment: [String]?
        package var directory: String?
        /// The descriptor that becomes the child's standard output and error; `nil` inherits ours.
        package var output: Int32?
        /// A session of its own keeps a terminal's Ctrl-C from reaching the child before its
        /// supervisor.
        package var ownSession = true

        package init(
            _ program: String,
            _ arguments: [String],
            environment: [String]? = nil,
            directory: String? = nil,
            output: Int32? = nil
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
            self.output = output
        }
    }

    private(set) package var pid: Int32 = 0
    private var input: ChildInput?
    private var onExit: ((_ status: Int64, _ signal: Int32) -> Void)?

    private init(_ state: LoopState, _ onExit: @escaping (Int64, Int32) -> Void) {
        self.onExit = onExit
        super.init(state, UV_PROCESS)
    }

    static func spawn(
        _ state: LoopState,
        _ command: Command,
        _ onExit: @escaping (Int64, Int32) -> Void
    ) throws(LoopError) -> ChildProcess {
        let child = ChildProcess(state, onExit)
        let input = try ChildInput(state)
        let status = child.start(command, input)
        // Even a failed uv_spawn has initialised the handle, which must then be closed.
        child.register()
        if status < 0 {
            child.onExit = nil
            input.close()
            child.beginClose()
            throw LoopError(status, while: "start \(command.program)")
        }
        child.input = input
        child.pid = child.pointer(as: uv_process_t.self).map { uv_process_get_pid($0) } ?? 0
        return child
    }

    /// Ends the child's standard input, its signal to stop in good order.
    package func closeInput() {
        self.input?.close()
        self.input = nil
    }

    /// Sends a signal; a child that has exited already is an error.
    package func kill(_ signal: Int32) throws(LoopError) {
        guard let process = self.pointer(as: uv_process_t.self) else {
            throw LoopError(UV_ESRCH.rawValue, while: "signal process \(self.pid)")
        }
        try check(uv_process_kill(process, signal), "signal process \(self.pid)")
    }

    private func start(_ command: Command, _ input: ChildInput) -> Int32 {
        guard let process = self.pointer(as: uv_process_t.self),
            let inputStream = input.pointer(as: uv_stream_t.self)
        else { return UV_EINVAL.rawValue }
        var streams = [uv_stdio_container_t](repeating: uv_stdio_container_t(), count: 3)
        streams[0].flags = uv_stdio_flags(UV_CREATE_PIPE.rawValue | UV_READABLE_PIPE.rawValue)
        streams[0].data.stream = inputStream
        for number in 1...2 {
            streams[number].flags = UV_INHERIT_FD
            streams[number].data.fd = command.output ?? Int32(number)
        }
        let arguments = CStringArray([command.program] + command.arguments)
        let environment = command.environment.map { CStringArray($0) }
        let directory = command.directory.map { strdup($0) } ?? nil
        let program = strdup(command.program)
        defer {
            free(program)
            free(directory)
        }
        var options = uv_process_options_t()
        options.exit_cb = { process, status, signal in
            owner(process?.pointee.data, ChildProcess.self)?.exited(status, signal)
        }
        options.file = UnsafePointer(program)
        options.args = arguments.base
        options.env = environment?.base
        options.cwd = UnsafePointer(directory)
        options.flags = command.ownSession ? UV_PROCESS_DETACHED.rawValue : 0
        options.stdio_count = 3
        return streams.withUnsafeMutableBufferPointer {
            options.stdio = $0.baseAddress
            return withExtendedLifetime((arguments, environment)) {
                uv_spawn(self.state.loop, process, &options)
            }
        }
    }

    private func exited(_ status: Int64, _ signal: Int32) {
        let onExit = self.onExit
        self.onExit = nil
        self.closeInput()
        self.beginClose()
        if !self.state.isShutDown { onExit?(status, signal) }
    }

    override func didClose() {
        self.onExit = nil
        self.closeInput()
    }
}

/// Our end of a child's standard input; nothing is ever written to it.
private final class ChildInput: LoopHandle {
    init(_ state: LoopState) throws(LoopError) {
        super.init(state, UV_NAMED_PIPE)
        guard let pipe = self.pointer(as: uv_pipe_t.self) else { return }
        try check(uv_pipe_init(state.loop, pipe, 0), "make a pipe")
        self.register()
    }

    func close() { self.beginClose() }
}

/// A null-terminated array of C strings, as `execve` wants it.
private final class CStringArray {
    let base: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        self.count = strings.count
        self.base = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() {
            (self.base + index).initialize(to: strdup(string))
        }
        (self.base + self.count).initialize(to: nil)
    }

    deinit {
        for index in 0..<self.count { free(self.base[index]) }
        self.base.deallocate()
    }
}

extension EventLoop {
    /// Starts a process; `onExit` gets its status, and the signal when one ended it.
    package func spawn(
        _ command: ChildProcess.Command,
        onExit: @escaping (_ status: Int64, _ signal: Int32) -> Void
    ) throws(LoopError) -> ChildProcess {
        try ChildProcess.spawn(self.state, command, onExit)
    }
}
