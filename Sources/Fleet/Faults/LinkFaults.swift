import Primitives

/// What the faults on links share: all of them change the plan, bring the nodes on both ends into
/// that state and probe a sample of the links.
extension Supervisor {
    func inject(
        _ id: Int,
        links: [DirectedLink: LinkSettings]
    ) async throws(FaultError) -> [Measurement] {
        let sample = self.sample(of: links.keys)
        guard !sample.isEmpty else {
            throw FaultError(
                "no node on one of the two sides answers, so nothing could be measured",
                hint: "\"atoll status\" says which nodes run."
            )
        }
        let former = sample.map { self.plan.links.settings(of: $0) }
        let before = await self.probe(sample.map { ($0, self.expectation($0)) })
        self.plan.links.add(fault: id, links)
        return try await self.settle(links.keys, sample, former, before)
    }

    func heal(_ id: Int, links: [DirectedLink]) async throws(FaultError) -> [Measurement] {
        let sample = self.sample(of: links)
        let former = sample.map { self.plan.links.settings(of: $0) }
        let before = await self.probe(sample.map { ($0, self.expectation($0)) }, count: 2)
        self.plan.links.remove(fault: id)
        return try await self.settle(links, sample, former, before)
    }

    private func settle(
        _ links: some Sequence<DirectedLink>,
        _ sample: [DirectedLink],
        _ former: [LinkSettings],
        _ before: [LinkProbe?]
    ) async throws(FaultError) -> [Measurement] {
        let ends = Set(links.flatMap { [$0.source, $0.target] })
        let problems = await self.apply(toNodes: ends)
        guard problems.isEmpty else { throw FaultError(problems.joined(separator: "; ")) }
        let measurements = await self.verify(sample, former: former, before: before)
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError(
                "the links are not as they should be",
                measurements: measurements
            )
        }
        return measurements
    }
}

extension FaultArguments {
    /// The links from side a to side b and, unless `oneWay`, back.
    func links(_ effect: LinkSettings) throws(FaultError) -> [DirectedLink: LinkSettings] {
        let (a, b) = try self.sides()
        var links: [DirectedLink: LinkSettings] = [:]
        for source in a {
            for target in b {
                links[DirectedLink(from: source, to: target)] = effect
                if !self.flag("oneWay") { links[DirectedLink(from: target, to: source)] = effect }
            }
        }
        return links
    }

    /// `us-east-1 ⇄ eu-west-1`.
    func sidesText() throws(FaultError) -> String {
        let arrow = self.flag("oneWay") ? "→" : "⇄"
        return "\(try self.text("a")) \(arrow) \(try self.text("b"))"
    }
}
