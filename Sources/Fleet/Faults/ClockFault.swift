import Glibc
import Topology
import Wire

/// Sets the wall clocks of nodes wrong, by an offset and by a drift.
///
/// The clocks are the nodes' own, so this needs no privilege and shifts nothing else on the
/// machine. Proved by comparing each node's wall clock with the machine's, over the monotonic clock
/// that all processes of a machine share.
package struct ClockFault: Fault {
    package static let kind = "clock"
    package let title: String
    private let nodes: [Int]
    private let effect: ClockEffect

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.nodes = try arguments.nodes("target")
        let offset = try arguments.signed("offsetNs")
        let drift = try arguments.signed("driftPpm")
        guard offset.magnitude <= TopologyLimits.clockOffsetMax else {
            throw FaultError("an offset of more than a week is too much")
        }
        guard drift.magnitude <= UInt64(TopologyLimits.driftPPMMax) else {
            throw FaultError("a drift of more than \(TopologyLimits.driftPPMMax) ppm is too much")
        }
        guard offset != 0 || drift != 0 else {
            throw FaultError("the clock would stay right", hint: "Give --offset or --drift.")
        }
        self.effect = ClockEffect(offset: offset, driftPPM: Int32(drift))
        var parts: [String] = []
        if offset != 0 { parts.append(Quantity.text(signedNanoseconds: offset)) }
        if drift != 0 { parts.append("\(drift)ppm") }
        self.title = "clock \(try arguments.text("target")) \(parts.joined(separator: ", "))"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        let alive = self.nodes.filter { fleet.nodes[$0].answers }
        guard !alive.isEmpty else {
            throw FaultError("none of these nodes answers", hint: "\"atoll status\" says why.")
        }
        let before = await fleet.clocks(of: alive)
        var clocks: [Int: ClockEffect] = [:]
        for node in self.nodes { clocks[node] = self.effect }
        fleet.plan.add(fault: id, clocks: clocks)
        return try await fleet.settleClocks(alive, before)
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        let alive = self.nodes.filter { fleet.nodes[$0].answers }
        let before = await fleet.clocks(of: alive)
        fleet.plan.remove(fault: id)
        return try await fleet.settleClocks(alive, before)
    }
}

/// What a node says about its clocks.
struct ClockReading: Equatable {
    /// The node's wall clock minus the machine's, nanoseconds.
    var error: Int64
    var settings: ClockEffect
}

extension Supervisor {
    func clocks(of nodes: [Int]) async -> [ClockReading?] {
        await self.liveness(of: nodes).map { result in
            guard case .success(let answer) = result, let json = answer.json,
                let wall = json["wallTimeNs"]?.int, let monotonic = json["monotonicNs"]?.int
            else { return nil }
            let settings = ClockEffect(
                offset: Int64(json["clock"]?["offsetNs"]?.int ?? 0),
                driftPPM: Int32(truncatingIfNeeded: json["clock"]?["driftPpm"]?.int ?? 0)
            )
            let difference = Int64(wall) - Int64(monotonic) - Self.wallMinusMonotonic()
            return ClockReading(error: difference, settings: settings)
        }
    }

    /// The machine's wall clock minus its monotonic one.
    private static func wallMinusMonotonic() -> Int64 {
        var wall = timespec()
        var monotonic = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_MONOTONIC, &monotonic)
        return Int64(wall.tv_sec - monotonic.tv_sec) * 1_000_000_000
            + Int64(wall.tv_nsec - monotonic.tv_nsec)
    }

    func settleClocks(
        _ nodes: [Int],
        _ before: [ClockReading?]
    ) async throws(FaultError) -> [Measurement] {
        let problems = await self.apply(toNodes: Set(nodes))
        guard problems.isEmpty else { throw FaultError(problems.joined(separator: "; ")) }
        let after = await self.clocks(of: nodes)
        let measurements = nodes.indices.map { index in
            let node = nodes[index]
            let expected = self.plan.clock(of: node)
            return Measurement(
                "\(self.nodes[node].name) against the machine",
                before: Self.text(before[index]),
                after: Self.text(after[index]),
                expected: Self.text(ClockReading(error: expected.offset, settings: expected)),
                isAsExpected: Self.matches(after[index], expected)
            )
        }
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError("not every clock is as it should be", measurements: measurements)
        }
        return measurements
    }

    /// A drift adds to the offset from the moment at which it began, so with one only the settings
    /// and the direction can be exact.
    private static func matches(_ reading: ClockReading?, _ expected: ClockEffect) -> Bool {
        guard let reading, reading.settings == expected else { return false }
        if expected.driftPPM != 0 { return true }
        return (reading.error - expected.offset).magnitude < 2_000_000
    }

    private static func text(_ reading: ClockReading?) -> String {
        guard let reading else { return "no answer" }
        let drift = reading.settings.driftPPM
        return Figures.signedDuration(reading.error) + (drift != 0 ? ", drift \(drift) ppm" : "")
    }
}
