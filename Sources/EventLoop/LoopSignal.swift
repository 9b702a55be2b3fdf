import CUV

/// A watched signal; calls back on the loop until cancelled, and keeps the loop running.
package final class LoopSignal: LoopHandle {
    private var body: (() -> Void)?

    private init(_ state: LoopState, _ body: @escaping () -> Void) {
        self.body = body
        super.init(state, UV_SIGNAL)
    }

    static func start(
        _ state: LoopState,
        _ number: Int32,
        _ body: @escaping () -> Void
    ) throws(LoopError) -> LoopSignal {
        let watcher = LoopSignal(state, body)
        guard let handle = watcher.pointer(as: uv_signal_t.self) else { return watcher }
        try check(uv_signal_init(state.loop, handle), "watch signal \(number)")
        watcher.register()
        let status = uv_signal_start(
            handle,
            { handle, _ in owner(handle?.pointee.data, LoopSignal.self)?.body?() },
            number
        )
        if status < 0 { watcher.beginClose() }
        try check(status, "watch signal \(number)")
        return watcher
    }

    package func cancel() {
        self.body = nil
        self.beginClose()
    }

    override func didClose() { self.body = nil }
}

extension EventLoop {
    /// Calls `body` on the loop whenever the process receives the signal.
    @discardableResult
    package func onSignal(
        _ number: Int32,
        _ body: @escaping () -> Void
    ) throws(LoopError) -> LoopSignal {
        try LoopSignal.start(self.state, number, body)
    }
}
