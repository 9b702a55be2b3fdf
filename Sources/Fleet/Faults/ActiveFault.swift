import EventLoop
import Wire

/// A fault in force.
@FleetLoop final class ActiveFault {
    let id: Int
    let fault: any Fault
    /// On the loop's clock, nanoseconds.
    let startedAt: UInt64
    /// When it heals by itself.
    var expiresAt: UInt64?
    var timer: LoopTimer?
    /// Its healing is under way.
    var isHealing = false
    var measurements: [Measurement]
    /// Why its healing failed, when it did.
    var problem: String?

    init(id: Int, _ fault: any Fault, startedAt: UInt64, measurements: [Measurement]) {
        self.id = id
        self.fault = fault
        self.startedAt = startedAt
        self.measurements = measurements
    }

    var name: String { "f\(self.id)" }

    func json(now: UInt64) -> JSONValue {
        [
            "id": .string(self.name), "kind": .string(type(of: self.fault).kind),
            "title": .string(self.fault.title),
            "ageMs": .integer((now - self.startedAt) / 1_000_000),
            "remainingMs": self.expiresAt.map {
                .integer($0 > now ? ($0 - now) / 1_000_000 : 0)
            } ?? .null,
            "healing": .bool(self.isHealing), "measurements": .array(self.measurements.map(\.json)),
            "problem": self.problem.map { .string($0) } ?? .null,
        ]
    }
}
