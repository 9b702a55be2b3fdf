import CUV
import Glibc

/// What a process has used: CPU since its start, and memory now.
package struct ProcessUsage: Equatable, Sendable {
    /// User and system time in nanoseconds.
    package var cpuNanoseconds: UInt64
    package var residentBytes: UInt64

    /// This process.
    package static func current() -> ProcessUsage {
        var usage = rusage()
        // RUSAGE_SELF is an enum of its own in C.
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return ProcessUsage(
            cpuNanoseconds: nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime),
            residentBytes: measuredResidentBytes("/proc/self/statm")
        )
    }

    /// Another process of this machine, or `nil` when it is gone; CPU in steps of a clock tick (10
    /// ms).
    package static func of(pid: Int32) -> ProcessUsage? {
        guard let bytes = fileBytes("/proc/\(pid)/stat") else { return nil }
        // The second field is the command in parentheses and may hold anything.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12])
        else {
            return nil
        }
        let ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ProcessUsage(
            cpuNanoseconds: (user + system) * (1_000_000_000 / ticksPerSecond),
            residentBytes: measuredResidentBytes("/proc/\(pid)/statm")
        )
    }
}

/// Raises this process's limit of open files to the hard limit, and returns what is in force.
@discardableResult
package func raiseFileDescriptorLimit() -> UInt64 {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    if limit.rlim_cur < limit.rlim_max {
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            return UInt64(before)
        }
    }
    return UInt64(limit.rlim_cur)
}

private func nanoseconds(_ time: timeval) -> UInt64 {
    UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1_000
}

/// The second field of `statm` counts resident pages.
private func measuredResidentBytes(_ statm: String) -> UInt64 {
    guard let bytes = fileBytes(statm) else { return 0 }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
}
