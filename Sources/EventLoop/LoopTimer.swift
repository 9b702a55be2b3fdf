import CUV

/// A timer of millisecond precision that never fires early; drop it or keep it, it fires until
/// cancelled.
package final class LoopTimer: LoopHandle {
    private var body: (() -> Void)?
    private let repeats: Bool

    private init(_ state: LoopState, repeats: Bool, _ body: @escaping () -> Void) {
        self.body = body
        self.repeats = repeats
        super.init(state, UV_TIMER)
    }

    static func start(
        _ state: LoopState,
        after: UInt64,
        every: UInt64?,
        _ body: @escaping () -> Void
    ) -> LoopTimer {
        let timer = LoopTimer(state, repeats: every != nil, body)
        guard let handle = timer.pointer(as: uv_timer_t.self) else { return timer }
        uv_timer_init(state.loop, handle)
        timer.register()
        let delay = state.milliseconds(until: after)
        let interval = every.map { max(1, $0.roundedUpToMilliseconds) } ?? 0
        uv_timer_start(
            handle,
            { owner($0?.pointee.data, LoopTimer.self)?.fired() },
            delay,
            interval
        )
        return timer
    }

    /// Stops the timer for good; idempotent, also from inside its own callback.
    package func cancel() {
        self.body = nil
        self.beginClose()
    }

    private func fired() {
        guard let body = self.body else { return }
        if !self.repeats { self.cancel() }
        self.state.isInTimers = true
        body()
        self.state.isInTimers = false
    }

    override func didClose() { self.body = nil }
}

extension EventLoop {
    /// Calls `body` after a delay, and then at an interval when one is given.
    ///
    /// Both are rounded up to milliseconds. A zero delay fires in the next iteration; inside a
    /// timer's callback it becomes one millisecond, so that a chain of them cannot keep I/O from
    /// running.
    @discardableResult
    package func timer(
        afterNanoseconds: UInt64,
        everyNanoseconds: UInt64? = nil,
        _ body: @escaping () -> Void
    ) -> LoopTimer {
        LoopTimer.start(self.state, after: afterNanoseconds, every: everyNanoseconds, body)
    }
}

extension LoopState {
    /// The delay in libuv's milliseconds that ends no earlier than `nanoseconds` from now.
    ///
    /// libuv counts from the floor of its cached millisecond clock, so a plain rounding up would
    /// fire up to a millisecond early.
    fileprivate func milliseconds(until nanoseconds: UInt64) -> UInt64 {
        if nanoseconds == 0 { return self.isInTimers ? 1 : 0 }
        uv_update_time(self.loop)
        let (deadline, overflow) = uv_hrtime().addingReportingOverflow(nanoseconds)
        let due = (overflow ? UInt64.max : deadline).roundedUpToMilliseconds
        let now = uv_now(self.loop)
        return due > now ? max(1, due - now) : 1
    }
}

extension UInt64 {
    fileprivate var roundedUpToMilliseconds: UInt64 {
        self / 1_000_000 + (self % 1_000_000 == 0 ? 0 : 1)
    }
}
