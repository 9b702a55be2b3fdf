import EventLoop
import Primitives
import Wire

/// A directed link, and what a probe should see on it.
typealias ProbedLink = (link: DirectedLink, expectation: LinkExpectation)

/// Measuring what links do: the sender tells what came back, the receiver what arrived.
extension Supervisor {
    func expectation(_ link: DirectedLink, former: LinkSettings? = nil) -> LinkExpectation {
        LinkExpectation(
            forward: self.plan.links.settings(of: link),
            backward: self.plan.links.settings(
                of: DirectedLink(from: link.target, to: link.source)
            ),
            former: former
        )
    }

    /// Probes links until they are as the plan says, or for three seconds: after a heal, nodes have
    /// to connect again.
    ///
    /// With what the links were before, loss and bandwidth are measured too.
    func verify(
        _ links: [DirectedLink],
        former: [LinkSettings]? = nil,
        before: [LinkProbe?]? = nil
    ) async -> [Measurement] {
        let deadline = self.loop.now + 3_000_000_000
        while true {
            let probed = links.indices.map { index in
                (links[index], self.expectation(links[index], former: former?[index]))
            }
            let probes = await self.probe(probed)
            let measurements = probed.enumerated().map { index, probed -> Measurement in
                let (link, expectation) = probed
                let source = self.nodes[link.source].name
                return Measurement(
                    "\(source) → \(self.nodes[link.target].name)",
                    before: before?[index]?.text ?? "not measured",
                    after: probes[index]?.text ?? "\(source) does not answer",
                    expected: expectation.text,
                    isAsExpected: probes[index].map(expectation.accepts) ?? false
                )
            }
            if measurements.allSatisfy(\.isAsExpected) || self.loop.now > deadline {
                return measurements
            }
            await self.loop.sleep(milliseconds: 50)
        }
    }

    /// Asks the first node of each link to probe the second, and the second what arrived; nil where
    /// the first gave no answer.
    func probe(_ links: [ProbedLink], count: Int = 5) async -> [LinkProbe?] {
        let requests = links.map { link, expectation in
            let timeout = expectation.timeoutMilliseconds
            return HTTPClient.Request(
                "POST",
                "/_atoll/probe",
                port: self.nodes[link.source].port,
                body: [
                    "to": .string(self.nodes[link.target].name), "count": .integer(count),
                    "timeoutMs": .integer(timeout),
                ],
                timeoutMilliseconds: timeout + 2_000
            )
        }
        let answers = await self.http.gather(requests).map(\.okJSON)
        var probes = answers.map { $0.flatMap(LinkProbe.init(json:)) }
        let arrivals = await self.arrivals(links, answers.map { $0?["run"]?.uint64 })
        for (index, told) in arrivals.enumerated() {
            probes[index]?.arrived = told?["arrived"]?.int
        }
        await self.measureThroughput(links, &probes)
        await self.measureLoss(links, &probes)
        return probes
    }

    private func measureThroughput(_ links: [ProbedLink], _ probes: inout [LinkProbe?]) async {
        let count = LinkExpectation.bandwidthFrames + 1
        let bursts = links.map { _, expectation -> Burst? in
            let bytes = expectation.bandwidthFrameBytes
            return bytes > 0 ? Burst(frames: count, bytes: bytes, spanMilliseconds: 0) : nil
        }
        for (index, told) in await self.send(bursts, links).enumerated() where bursts[index] != nil
        {
            let arrived = told?["arrived"]?.int ?? 0
            let rate = told?["bytesPerSecond"]?.uint64
            probes[index]?.throughput =
                arrived < 2 ? .nothing : rate.map { .bytesPerSecond($0) } ?? .atOnce
        }
    }

    private func measureLoss(_ links: [ProbedLink], _ probes: inout [LinkProbe?]) async {
        let bursts = links.map { _, expectation -> Burst? in
            let frames = expectation.lossFrames
            return frames > 0 ? Burst(frames: frames, bytes: 0, spanMilliseconds: 700) : nil
        }
        for (index, told) in await self.send(bursts, links).enumerated() where bursts[index] != nil
        {
            probes[index]?.losses = LossReading(
                lost: told?["lost"]?.int ?? 0,
                among: told?["among"]?.int ?? 0
            )
        }
    }

    /// Sends bursts over links and waits until they arrived, or should have; what their receivers
    /// say.
    private func send(_ bursts: [Burst?], _ links: [ProbedLink]) async -> [JSONValue?] {
        guard bursts.contains(where: { $0 != nil }) else { return links.map { _ in nil } }
        var runs: [UInt64?] = links.map { _ in nil }
        let loaded = links.indices.filter { bursts[$0] != nil }
        let requests = loaded.map { index -> HTTPClient.Request in
            let burst = bursts[index] ?? Burst(frames: 0, bytes: 0, spanMilliseconds: 0)
            return HTTPClient.Request(
                "POST",
                "/_atoll/load",
                port: self.nodes[links[index].link.source].port,
                body: [
                    "to": .string(self.nodes[links[index].link.target].name),
                    "frames": .integer(burst.frames), "bytes": .integer(burst.bytes),
                    "spanMs": .integer(burst.spanMilliseconds),
                ],
                timeoutMilliseconds: burst.spanMilliseconds + 2_000
            )
        }
        for (index, result) in zip(loaded, await self.http.gather(requests)) {
            runs[index] = result.okJSON?["run"]?.uint64
        }
        let delay = loaded.map { links[$0].expectation.burstDelay }.max() ?? 0
        let deadline = self.loop.now + 2 * delay + 1_000_000_000
        await self.loop.sleep(milliseconds: delay / 1_000_000 + 20)
        while true {
            let told = await self.arrivals(links, runs)
            let isComplete = loaded.allSatisfy { index in
                told[index]?["arrived"]?.int == bursts[index]?.frames
            }
            if isComplete || self.loop.now > deadline { return told }
            await self.loop.sleep(milliseconds: 50)
        }
    }

    /// What the targets of links say arrived of runs; nil where there is no run, or no answer.
    private func arrivals(_ links: [ProbedLink], _ runs: [UInt64?]) async -> [JSONValue?] {
        let asked = links.indices.filter { runs[$0] != nil }
        let requests = asked.map { index -> HTTPClient.Request in
            let source = self.nodes[links[index].link.source].name
            let latency = links[index].expectation.forward.latency / 1_000
            let query = "from=\(source)&run=\(runs[index] ?? 0)&latencyUs=\(latency)"
            return HTTPClient.Request(
                "GET",
                "/_atoll/arrivals?\(query)",
                port: self.nodes[links[index].link.target].port,
                timeoutMilliseconds: 1_000
            )
        }
        var told: [JSONValue?] = links.map { _ in nil }
        for (index, result) in zip(asked, await self.http.gather(requests)) {
            told[index] = result.okJSON
        }
        return told
    }
}

/// Frames to be sent over a link within some time, or at once.
private struct Burst {
    var frames: Int
    /// Of padding in each.
    var bytes: Int
    var spanMilliseconds: UInt64
}

extension HTTPResult {
    /// The body of an answer that says 200.
    fileprivate var okJSON: JSONValue? {
        guard case .success(let answer) = self, answer.status == 200 else { return nil }
        return answer.json
    }
}
