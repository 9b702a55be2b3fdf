import CUV
import Glibc

/// Watches standard input for its end.
private final class InputWatch: LoopHandle {
    private var onEnd: (() -> Void)?

    init(_ state: LoopState, _ onEnd: @escaping () -> Void) throws(LoopError) {
        self.onEnd = onEnd
        super.init(state, UV_NAMED_PIPE)
        guard let pipe = self.pointer(as: uv_pipe_t.self) else { return }
        try check(uv_pipe_init(state.loop, pipe, 0), "watch the parent")
        self.register()
    }

    func start() throws(LoopError) {
        guard let pipe = self.pointer(as: uv_pipe_t.self),
            let stream = self.pointer(as: uv_stream_t.self), let handle = self.handle
        else { return }
        try check(uv_pipe_open(pipe, STDIN_FILENO), "watch the parent")
        let status = uv_read_start(
            stream,
            { handle, _, buffer in
                guard let state = owner(handle?.pointee.data, InputWatch.self)?.state else {
                    return
                }
                buffer?.pointee = uv_buf_init(state.readBuffer, UInt32(LoopState.readBufferBytes))
            },
            { stream, count, _ in
                if count < 0 { owner(stream?.pointee.data, InputWatch.self)?.ended() }
            }
        )
        try check(status, "watch the parent")
        uv_unref(handle)
    }

    func abandon() { self.beginClose() }

    private func ended() {
        let onEnd = self.onEnd
        self.beginClose()
        onEnd?()
    }

    override func didClose() { self.onEnd = nil }
}

extension EventLoop {
    /// For a process that a supervisor started with ``spawn(_:onExit:)``: dies when the supervisor
    /// does.
    ///
    /// Two ways, since neither covers all: the end of standard input calls `onEnd` (a stop in good
    /// order; it also covers a parent that was gone before this call), and on Linux the kernel
    /// kills this process with the parent, even while the loop is stuck. Call it from the main
    /// thread.
    package func dieWithParent(_ onEnd: @escaping () -> Void) throws(LoopError) {
        try check(atoll_die_with_parent() == 0 ? 0 : -errno, "watch the parent")
        let watch = try InputWatch(self.state, onEnd)
        do {
            try watch.start()
        } catch {
            watch.abandon()
            throw error
        }
    }
}
