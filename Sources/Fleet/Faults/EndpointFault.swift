import Topology
import Wire

/// Makes a region's endpoint misbehave towards clients while its nodes are well: refuse, stay
/// silent, answer an error, or answer late.
package struct EndpointFault: Fault {
    package static let kind = "endpoint"
    package let title: String
    private let region: Int
    private let effect: EndpointEffect

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.region = try arguments.region("region")
        let error = arguments.json["error"]?.string ?? arguments.json["error"]?.numberText
        let latency = try arguments.count("latencyUs")
        guard latency <= TopologyLimits.latencyMax / 1_000 else {
            throw FaultError("a delay of more than a minute is too much")
        }
        self.effect = EndpointEffect(
            refuses: arguments.flag("refuse"),
            swallows: arguments.flag("blackhole"),
            error: error,
            latency: latency * 1_000
        )
        guard self.effect != .none else {
            throw FaultError(
                "the endpoint would behave",
                hint: "Give --refuse, --blackhole, --error or --latency."
            )
        }
        var parts: [String] = []
        if self.effect.refuses { parts.append("refuses") }
        if self.effect.swallows { parts.append("never answers") }
        if let error { parts.append("answers \(error)") }
        if self.effect.latency > 0 {
            parts.append("+" + Quantity.text(nanoseconds: self.effect.latency))
        }
        self.title = "endpoint \(try arguments.text("region")) \(parts.joined(separator: ", "))"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        let before = await fleet.askEndpoint(self.region)
        fleet.plan.add(fault: id, endpoint: self.region, self.effect)
        return try await fleet.settleEndpoint(self.region, before)
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        let before = await fleet.askEndpoint(self.region)
        fleet.plan.remove(fault: id)
        return try await fleet.settleEndpoint(self.region, before)
    }
}

extension Supervisor {
    private static let silenceMilliseconds: UInt64 = 500

    /// `GET /` on a region's port, as a client would see it.
    func askEndpoint(_ region: Int) async -> HTTPResult {
        let delay = self.plan.endpoint(of: region).latency / 1_000_000
        return await self.http.send(
            HTTPClient.Request(
                "GET",
                "/",
                port: self.ports.regions[region],
                timeoutMilliseconds: Self.silenceMilliseconds + delay
            )
        )
    }

    func settleEndpoint(
        _ region: Int,
        _ before: HTTPResult
    ) async throws(FaultError) -> [Measurement] {
        let effect = self.plan.endpoint(of: region)
        let result = await self.http.send(
            HTTPClient.Request(
                "POST",
                "/_atoll/endpoint",
                port: self.ports.gateway,
                body: [
                    "region": .string(self.topology.regions[region].name),
                    "refuse": .bool(effect.refuses), "blackhole": .bool(effect.swallows),
                    "error": effect.error.map { .string($0) } ?? .null,
                    "latencyUs": .integer(effect.latency / 1_000),
                ],
                timeoutMilliseconds: 2_000
            )
        )
        switch result {
        case .failure(let failure):
            throw FaultError("the gateway does not answer: \(failure.description)")
        case .success(let answer):
            guard answer.status == 200 else {
                throw FaultError(answer.json?["error"]?.string ?? answer.text)
            }
        }
        let after = await self.askEndpoint(region)
        let measurement = Measurement(
            "GET http://127.0.0.1:\(self.ports.regions[region])/",
            before: Self.text(before),
            after: Self.text(after),
            expected: Self.expectation(effect),
            isAsExpected: Self.matches(after, effect)
        )
        guard measurement.isAsExpected else {
            throw FaultError(
                "the endpoint does not behave as asked",
                measurements: [measurement]
            )
        }
        return [measurement]
    }

    private static func matches(_ result: HTTPResult, _ effect: EndpointEffect) -> Bool {
        if effect.refuses { return result == .failure(.refused) }
        if effect.swallows { return result == .failure(.timedOut) }
        guard case .success(let answer) = result, answer.elapsed >= effect.latency else {
            return false
        }
        return (answer.status == 200) == (effect.error == nil)
    }

    private static func expectation(_ effect: EndpointEffect) -> String {
        if effect.refuses { return HTTPFailure.refused.description }
        if effect.swallows { return HTTPFailure.timedOut.description }
        let late = effect.latency > 0 ? " after \(Figures.duration(effect.latency))" : ""
        return (effect.error.map { "error \($0)" } ?? "200") + late
    }

    private static func text(_ result: HTTPResult) -> String {
        switch result {
        case .success(let answer):
            let type = answer.json?["__type"]?.string?.split(separator: "#").last ?? ""
            let name = type.isEmpty ? "" : " \(type)"
            return "\(answer.status)\(name) in \(Figures.duration(answer.elapsed))"
        case .failure(let failure): return failure.description
        }
    }
}
