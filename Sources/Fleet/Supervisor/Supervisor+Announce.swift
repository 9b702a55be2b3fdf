import EventLoop
import Primitives
import Topology
import Wire

/// What `atoll up` prints once the cluster serves.
extension Supervisor {
    /// A pair of regions and what a probe between them measured.
    struct RoundTrip {
        var from: String
        var to: String
        var asked: Nanoseconds
        var measured: Nanoseconds?
        var isAsAsked: Bool
    }

    func announce() async {
        let trips = await self.measureRoundTrips()
        self.say(Self.endpointTable(self))
        if !trips.isEmpty { self.say(self.roundTripText(trips)) }
        let region = self.topology.region(self.topology.defaultRegion).name
        self.say(
            """
              try:  export AWS_ENDPOINT_URL=http://127.0.0.1:\(self.ports.gateway) \
            AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
                    aws dynamodb list-tables --region \(region)
            """
        )
        let elapsed = Figures.duration(self.loop.now - self.startedAt)
        self.say(
            self.style.dim(
                "  ready after \(elapsed); data in \(self.directory.path); Ctrl-C stops it"
            )
        )
    }

    private static func endpointTable(_ fleet: Supervisor) -> String {
        var table = ReportTable(indent: 2, headings: ["region", "endpoint", "nodes", "zones"])
        table.row([
            .plain("all, by signature"), .plain("http://127.0.0.1:\(fleet.ports.gateway)"),
            .number("\(fleet.nodes.count)"), .plain(""),
        ])
        for region in fleet.topology.regions {
            table.row([
                .plain(region.name),
                .plain("http://127.0.0.1:\(fleet.ports.regions[Int(region.id.rank)])"),
                .number("\(region.nodes.count)"), .plain(region.zones.joined(separator: " ")),
            ])
        }
        var text = table.rendered(fleet.style)
        text.removeLast()
        return text
    }

    /// Probes every pair of regions at once, from the first node of one to the first of the other,
    /// again while the streams between them are still being connected.
    private func measureRoundTrips() async -> [RoundTrip] {
        var pairs: [(from: Int, to: Int)] = []
        for from in self.topology.regions.indices {
            for to in self.topology.regions.indices where from < to { pairs.append((from, to)) }
        }
        let links = pairs.map { pair in
            DirectedLink(
                from: Int(self.topology.regions[pair.from].nodes[0].index),
                to: Int(self.topology.regions[pair.to].nodes[0].index)
            )
        }
        let deadline = self.loop.now + 2_000_000_000
        while true {
            let probes = await self.probe(links.map { ($0, self.expectation($0)) }, count: 3)
            let trips = pairs.indices.map { index in
                let probe = probes[index]
                let expectation = self.expectation(links[index])
                return RoundTrip(
                    from: self.topology.regions[pairs[index].from].name,
                    to: self.topology.regions[pairs[index].to].name,
                    asked: expectation.roundTrip,
                    measured: probe?.roundTripMedian,
                    isAsAsked: probe.map(expectation.accepts) ?? false
                )
            }
            if trips.allSatisfy(\.isAsAsked) || self.loop.now > deadline { return trips }
            await self.loop.sleep(milliseconds: 20)
        }
    }

    private func roundTripText(_ trips: [RoundTrip]) -> String {
        let wrong = trips.filter { !$0.isAsAsked }
        guard trips.count <= 10 else {
            // Too many for a start-up; `atoll topology show` lists what is asked.
            let list = wrong.map { "\n  " + self.style.red("✗ ") + self.text($0) }
            return "  round trips measured: \(trips.count - wrong.count) of \(trips.count) pairs "
                + "as asked" + list.joined()
        }
        let lines = trips.map { trip in
            (trip.isAsAsked ? "" : self.style.red("✗ ")) + self.text(trip)
        }
        return "  round trips measured: " + lines.joined(separator: "\n                        ")
    }

    private func text(_ trip: RoundTrip) -> String {
        let measured = trip.measured.map(Figures.milliseconds) ?? "no answer"
        return "\(trip.from) ⇄ \(trip.to) \(measured) (asked \(Figures.milliseconds(trip.asked)))"
    }
}
