import CUV
import Glibc

/// One re-armable deadline of microsecond precision, for a host that owns a queue of deadlines and
/// needs to be woken at the earliest.
///
/// A `timerfd` on the monotonic clock: libuv's own timers count whole milliseconds, which is as
/// long as a link inside a region.
package final class LoopAlarm: LoopHandle {
    private let descriptor: Int32
    private let body: () -> Void
    /// The armed deadline on the monotonic clock, or `nil` when disarmed.
    private(set) package var deadline: UInt64?

    private init(_ state: LoopState, _ descriptor: Int32, _ body: @escaping () -> Void) {
        self.descriptor = descriptor
        self.body = body
        super.init(state, UV_POLL)
    }

    static func make(_ state: LoopState, _ body: @escaping () -> Void) throws(LoopError)
        -> LoopAlarm
    {
        let flags = Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC)
        let descriptor = timerfd_create(CLOCK_MONOTONIC, flags)
        try check(descriptor < 0 ? -errno : 0, "make a timer")
        let alarm = LoopAlarm(state, descriptor, body)
        guard let handle = alarm.pointer(as: uv_poll_t.self) else { return alarm }
        let status = uv_poll_init(state.loop, handle, descriptor)
        if status < 0 { Glibc.close(descriptor) }
        try check(status, "watch a timer")
        alarm.register()
        uv_poll_start(handle, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            owner(handle?.pointee.data, LoopAlarm.self)?.fired()
        }
        return alarm
    }

    /// Replaces the deadline; one in the past fires in the next iteration.
    package func arm(at deadline: UInt64) {
        guard self.isOpen, self.deadline != deadline else { return }
        self.deadline = deadline
        // Zero would disarm, and the kernel refuses seconds beyond its range.
        let bounded = min(max(1, deadline), UInt64(Int64.max))
        self.set(seconds: Int(bounded / 1_000_000_000), nanoseconds: Int(bounded % 1_000_000_000))
    }

    package func disarm() {
        guard self.isOpen, self.deadline != nil else { return }
        self.deadline = nil
        self.set(seconds: 0, nanoseconds: 0)
    }

    package func close() { self.beginClose() }

    override func didClose() { Glibc.close(self.descriptor) }

    private func set(seconds: Int, nanoseconds: Int) {
        var setting = itimerspec()
        setting.it_value.tv_sec = seconds
        setting.it_value.tv_nsec = nanoseconds
        let status = timerfd_settime(self.descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        precondition(status == 0, "a bounded time is refused")
    }

    private func fired() {
        var expirations: UInt64 = 0
        // Nothing to read: it was re-armed between the wake-up and this callback.
        guard read(self.descriptor, &expirations, 8) == 8 else { return }
        self.deadline = nil
        self.body()
    }
}

extension EventLoop {
    /// A disarmed alarm that calls `body` at each deadline it is armed for; it lives until closed.
    package func alarm(_ body: @escaping () -> Void) throws(LoopError) -> LoopAlarm {
        try LoopAlarm.make(self.state, body)
    }
}
