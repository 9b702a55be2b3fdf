import Primitives
import Topology

/// Worsens the links between two groups of nodes: delay, jitter, loss, bandwidth.
///
/// Delay is proved by round trips, loss and bandwidth by bursts: so many small frames that a loss
/// shows two dozen times, if it is not rarer than one in 300; so many large ones as the limit takes
/// a third of a second for.
package struct SlowFault: Fault {
    package static let kind = "slow"
    package let title: String
    private let links: [DirectedLink: LinkSettings]

    package init(_ arguments: FaultArguments) throws(FaultError) {
        let loss = try arguments.count("lossPpm")
        guard loss <= UInt64(TopologyLimits.lossPerMillionMax) else {
            throw FaultError(
                "a loss of \(loss) ppm is too much",
                hint: "At most \(TopologyLimits.lossPerMillionMax) ppm; to cut the links: "
                    + "atoll fault partition"
            )
        }
        let bandwidth = try arguments.count("bandwidth")
        let latency = try arguments.count("latencyUs")
        let jitter = try arguments.count("jitterUs")
        guard max(latency, jitter) <= TopologyLimits.latencyMax / 1_000 else {
            throw FaultError("a delay of more than a minute is too much")
        }
        let effect = LinkSettings(
            latency: latency * 1_000,
            jitter: jitter * 1_000,
            lossPerMillion: UInt32(loss),
            bandwidth: bandwidth == 0 ? nil : bandwidth
        )
        guard effect != LinkSettings() else {
            throw FaultError(
                "nothing would be slower",
                hint: "Give --latency, --jitter, --loss or --bandwidth."
            )
        }
        self.links = try arguments.links(effect)
        var parts: [String] = []
        if latency > 0 { parts.append("+" + Quantity.text(nanoseconds: effect.latency)) }
        if jitter > 0 { parts.append("jitter " + Quantity.text(nanoseconds: effect.jitter)) }
        if loss > 0 { parts.append("loss " + Quantity.text(partsPerMillion: UInt32(loss))) }
        if let bandwidth = effect.bandwidth { parts.append(Quantity.text(bandwidth: bandwidth)) }
        self.title = "slow \(try arguments.sidesText()) \(parts.joined(separator: ", "))"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        try await fleet.inject(id, links: self.links)
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        try await fleet.heal(id, links: Array(self.links.keys))
    }
}
