import Glibc
import Topology
import Wire

/// Sets the wall clocks of nodes wrong, by an offset and by a drift.
///
/// The clocks are the nodes' own, so this needs no privilege and shifts nothing else on the
/// machine. Proved by comparing each node's wall clock with the machine's, over the monotonic clock
/// that all processes of a machine share: once for the offset, and again half a second later for
/// the drift.
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

/// A node's wall clock, compared with the machine's.
package struct ClockReading: Equatable, Sendable {
    /// The node's minus the machine's, nanoseconds.
    package var error: Int64
    /// What that grew by in a second, in millionths; nil when it was read only once.
    package var driftPPM: Int64?
    package var settings: ClockEffect

    package init(error: Int64, driftPPM: Int64?, settings: ClockEffect) {
        self.error = error
        self.driftPPM = driftPPM
        self.settings = settings
    }

    /// From what the clock was off by at two instants of the monotonic clock.
    package init(
        error: Int64,
        at instant: UInt64,
        earlier: (error: Int64, at: UInt64),
        settings: ClockEffect
    ) {
        let span = Int64(instant > earlier.at ? instant - earlier.at : 1)
        let gained = (error - earlier.error) * 1_000_000
        let drift = (gained + (gained < 0 ? -span : span) / 2) / span
        self.init(error: error, driftPPM: drift, settings: settings)
    }

    /// Whether what was measured is what should be: the drift within 5 % and 20 ppm, the offset
    /// within 2 ms and what the drift may have added since it began.
    package func fits(_ expected: ClockEffect) -> Bool {
        let drift = Int64(expected.driftPPM)
        guard self.settings == expected, let measured = self.driftPPM,
            (measured - drift).magnitude <= 20 + drift.magnitude / 20
        else { return false }
        let drifted = drift.magnitude * Self.driftingSecondsMax * 1_000
        return (self.error - expected.offset).magnitude < 2_000_000 + drifted
    }

    /// Between setting a clock and reading it.
    private static let driftingSecondsMax: UInt64 = 10

    package var text: String {
        let drift = self.driftPPM.map { ", drift \($0) ppm" } ?? ""
        return Figures.signedDuration(self.error) + drift
    }
}

extension Supervisor {
    /// Reads clocks at two instants; nil for nodes that gave no answer.
    func clocks(of nodes: [Int]) async -> [ClockReading?] {
        let earlier = await self.clockErrors(of: nodes)
        await self.loop.sleep(milliseconds: 500)
        let later = await self.clockErrors(of: nodes)
        return zip(earlier, later).map { earlier, later in
            guard let earlier, let later else { return nil }
            return ClockReading(
                error: later.error,
                at: later.at,
                earlier: (earlier.error, earlier.at),
                settings: later.settings
            )
        }
    }

    private func clockErrors(
        of nodes: [Int]
    ) async -> [(error: Int64, at: UInt64, settings: ClockEffect)?] {
        let offset = Self.wallMinusMonotonic()
        return await self.liveness(of: nodes).map { result in
            guard case .success(let answer) = result, let json = answer.json,
                let wall = json["wallTimeNs"]?.int, let monotonic = json["monotonicNs"]?.int
            else { return nil }
            let settings = ClockEffect(
                offset: Int64(json["clock"]?["offsetNs"]?.int ?? 0),
                driftPPM: Int32(truncatingIfNeeded: json["clock"]?["driftPpm"]?.int ?? 0)
            )
            let error = Int64(wall) - Int64(monotonic) - offset
            return (error, UInt64(max(0, monotonic)), settings)
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
        var measurements = await self.measureClocks(nodes, before)
        // A process that was held up between two readings looks like a drift; not twice.
        if !measurements.allSatisfy(\.isAsExpected) {
            measurements = await self.measureClocks(nodes, before)
        }
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError("not every clock is as it should be", measurements: measurements)
        }
        return measurements
    }

    private func measureClocks(
        _ nodes: [Int],
        _ before: [ClockReading?]
    ) async -> [Measurement] {
        let after = await self.clocks(of: nodes)
        return nodes.indices.map { index in
            let node = nodes[index]
            let expected = self.plan.clock(of: node)
            return Measurement(
                "\(self.nodes[node].name) against the machine",
                before: before[index]?.text ?? "no answer",
                after: after[index]?.text ?? "no answer",
                expected: ClockReading(
                    error: expected.offset,
                    driftPPM: Int64(expected.driftPPM),
                    settings: expected
                ).text,
                isAsExpected: after[index]?.fits(expected) ?? false
            )
        }
    }
}
