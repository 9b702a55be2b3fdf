import Glibc
import NodeCore
package import Primitives
import Tables
package import Topology
import Wire

/// A wall clock that a fault may set off and let drift.
package struct SkewedClock: Sendable {
    package private(set) var settings: ClockSettings
    /// Monotonic time from which the drift counts.
    private var since: UInt64 = 0

    package init(_ settings: ClockSettings) { self.settings = settings }

    package mutating func set(_ settings: ClockSettings, monotonic: UInt64) {
        self.settings = settings
        self.since = monotonic
    }

    /// Stays between 1970 and 2262, whatever the settings are.
    package func now(_ monotonic: UInt64) -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let real = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        let start = self.since == 0 ? monotonic : self.since
        let elapsed = Int128(monotonic > start ? monotonic - start : 0)
        let drifted = elapsed / 1_000_000 * Int128(self.settings.driftPPM)
        let skewed = Int128(real) + Int128(self.settings.offsetNanoseconds) + drifted
        return WallTime(nanoseconds: UInt64(min(max(0, skewed), Int128(Int64.max))))
    }
}

/// Turns answers into HTTP status and body.
enum AnswerEncoder {
    static func encode(_ answer: Answer) -> (status: UInt16, fields: [UInt8], body: [UInt8]) {
        switch answer {
        case .success(let response, let note):
            return (200, VersionFields.lines(of: note), ResponseEncoder.encode(response))
        case .failure(let error):
            let fields = VersionFields.lines(of: error.note)
            return (UInt16(error.kind.status), fields, ResponseEncoder.encode(error))
        case .relayed(let status, let fields, let body):
            return (status, fields, body)
        case .notLeader:
            return self.encode(.failure(.internalServer))
        }
    }

    static func forPeer(_ answer: Answer) -> OperationAnswer {
        if case .notLeader(let hint) = answer { return .notLeader(hint: hint) }
        let encoded = self.encode(answer)
        return .answered(status: encoded.status, fields: encoded.fields, body: encoded.body)
    }
}

extension StoreError {
    var message: String {
        switch self {
        case .io(let text), .corrupt(let text), .noSpace(let text): text
        }
    }
}

/// Writes one line to the node's log.
func log(_ text: String) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let milliseconds = String(time.tv_nsec / 1_000_000 + 1000).dropFirst()
    let line = Array("\(time.tv_sec).\(milliseconds) \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

/// Differs between processes, so that nodes started together do not draw alike.
func processSeed() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_nsec) << 20 ^ UInt64(getpid())
}

/// The name of some file in a directory; nil when it is empty or missing.
func firstFile(in directory: String) -> String? {
    guard let handle = opendir(directory) else { return nil }
    defer { closedir(handle) }
    while let entry = readdir(handle) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { return name }
    }
    return nil
}
