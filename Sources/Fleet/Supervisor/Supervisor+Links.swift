import EventLoop
import Primitives
import Topology
import Wire

/// Bringing nodes into the state that the plan of faults says, and measuring that they are.
extension Supervisor {
    func ask(
        _ node: Int,
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil,
        timeoutMilliseconds: UInt64 = 2_000
    ) async throws(FaultError) -> JSONValue {
        let process = self.nodes[node]
        let result = await self.http.send(
            HTTPClient.Request(
                method,
                target,
                port: process.port,
                body: body,
                timeoutMilliseconds: timeoutMilliseconds
            )
        )
        switch result {
        case .failure(let failure):
            throw FaultError("\(process.name) does not answer: \(failure.description)")
        case .success(let answer):
            guard answer.status == 200, let json = answer.json else {
                throw FaultError("\(process.name) answered \(answer.status): \(answer.text)")
            }
            return json
        }
    }

    /// Sends nodes everything that the plan says about them; what failed, in words.
    ///
    /// Nodes that are dead or paused get it when they come back. An older request that is still
    /// under way cannot overtake: each caller holds the turnstile of the faults.
    @discardableResult
    func apply(toNodes targets: Set<Int>) async -> [String] {
        var names: [String] = []
        var requests: [HTTPClient.Request] = []
        for index in targets.sorted() where self.nodes[index].answers {
            for (target, body) in self.settings(of: index) {
                names.append(self.nodes[index].name)
                requests.append(
                    HTTPClient.Request(
                        "POST",
                        target,
                        port: self.nodes[index].port,
                        body: body,
                        timeoutMilliseconds: 2_000
                    )
                )
            }
        }
        let results = await self.http.gather(requests)
        var problems: [String] = []
        for (index, result) in results.enumerated() {
            switch result {
            case .success(let answer) where answer.status == 200: break
            case .success(let answer):
                problems.append(
                    "\(names[index]) refused \(requests[index].target): \(answer.text)"
                )
            case .failure(let failure):
                problems.append("\(names[index]): \(failure.description)")
            }
        }
        return problems
    }

    /// The requests that set links, clock and replication of a node.
    private func settings(of node: Int) -> [(target: String, body: JSONValue)] {
        let links = self.plan.links.inbound(to: node).map { source, settings -> JSONValue in
            [
                "from": .string(self.nodes[source].name),
                "latencyUs": .integer(settings.latency / 1_000),
                "jitterUs": .integer(settings.jitter / 1_000),
                "lossPpm": .integer(settings.lossPerMillion),
                "bandwidth": settings.bandwidth.map { .integer($0) } ?? .null,
                "cut": .bool(settings.isCut),
            ]
        }
        let cuts = self.plan.links.outboundCuts(of: node).map {
            JSONValue.string(self.nodes[$0].name)
        }
        let clock = self.plan.clock(of: node)
        let region = Int(self.nodes[node].node.region.rank)
        let paused = self.plan.pausedTargets(of: region).map {
            JSONValue.string(self.topology.regions[$0].name)
        }
        return [
            ("/_atoll/links", ["links": .array(links)]),
            ("/_atoll/links", ["outboundCut": .array(cuts)]),
            (
                "/_atoll/clock",
                ["offsetNs": .integer(clock.offset), "driftPpm": .integer(clock.driftPPM)]
            ),
            ("/_atoll/replication", ["paused": .array(paused)]),
        ]
    }

    /// A few of the links that a fault touches, one for each pair of regions or zones and both
    /// ways, among nodes that answer.
    func sample(of links: some Sequence<DirectedLink>) -> [DirectedLink] {
        let limit = 16
        var seen: Set<[String]> = []
        var sample: [DirectedLink] = []
        for link in links.sorted() {
            let source = self.nodes[link.source]
            let target = self.nodes[link.target]
            guard source.answers, target.answers, sample.count < limit else { continue }
            let isLocal = source.region == target.region
            let places = isLocal ? [source.name, target.name] : [source.region, target.region]
            guard seen.insert(places).inserted else { continue }
            for way in [link, DirectedLink(from: link.target, to: link.source)]
            where !sample.contains(way) {
                sample.append(way)
            }
        }
        return sample
    }
}
