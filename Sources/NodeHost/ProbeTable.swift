import EventLoop
import NodeCore
import Primitives
import Topology
import Wire

/// Measurements of the way to another node that are under way.
struct ProbeTable {
    struct Run {
        let request: ClientFront.ControlRequest
        let node: NodeID
        let count: Int
        /// What the other node's arrivals are asked for by.
        var number: UInt64 = 0
        var roundTrips: [UInt64] = []
        var oneWays: [UInt64] = []
    }

    private var runs: [UInt64: Run] = [:]
    private var next: UInt64

    /// Numbers differ between starts of the process.
    init(startedAt: UInt64) { self.next = startedAt >> 10 & 0xFF_FFFF_FFFF }

    /// The low bits of a probe's id number the probe, the others its run.
    static let probesMax = 1 << 10

    mutating func begin(_ run: Run) -> UInt64 {
        let number = self.reserve()
        self.runs[number] = run
        self.runs[number]?.number = number
        return number
    }

    /// A number for a run whose end is not waited for here.
    mutating func reserve() -> UInt64 {
        defer { self.next += 1 }
        return self.next
    }

    /// Takes one answer; returns the run when it was the last.
    mutating func returned(_ id: UInt64, roundTrip: UInt64, oneWay: UInt64) -> Run? {
        let run = id / UInt64(Self.probesMax)
        self.runs[run]?.roundTrips.append(roundTrip)
        self.runs[run]?.oneWays.append(oneWay)
        guard let done = self.runs[run], done.roundTrips.count == done.count else { return nil }
        self.runs[run] = nil
        return done
    }

    mutating func end(_ run: UInt64) -> Run? { self.runs.removeValue(forKey: run) }
}

extension NodeHost {
    static let probePauseMilliseconds: UInt64 = 5

    func probe(_ request: ClientFront.ControlRequest, _ body: JSONValue) {
        guard let other = self.topology.node(named: body["to"]?.string ?? ""),
            other.id != self.member.id
        else { return self.refuse(request, 400, "'to' must name another node") }
        let count = min(max(body["count"]?.int ?? 5, 1), ProbeTable.probesMax - 1)
        let patience = UInt64(min(max(body["timeoutMs"]?.int ?? 1_000, 10), 30_000))
        let run = self.probes.begin(
            .init(request: request, node: other.id, count: count)
        )
        for number in 0..<count {
            let id = run * UInt64(ProbeTable.probesMax) + UInt64(number)
            let pause = UInt64(number) * Self.probePauseMilliseconds * 1_000_000
            _ = self.loop.timer(afterNanoseconds: pause, everyNanoseconds: nil) {
                [unowned self] in self.take(.probe(other.id, id: id))
            }
        }
        let end = (patience + UInt64(count) * Self.probePauseMilliseconds) * 1_000_000
        _ = self.loop.timer(afterNanoseconds: end, everyNanoseconds: nil) {
            [unowned self] in
            if let run = self.probes.end(run) { self.answer(run) }
        }
    }

    func probeReturned(
        _ node: NodeID,
        _ id: UInt64,
        _ sentAt: Instant,
        _ arrivedAt: Instant,
        _ returnedAt: Instant
    ) {
        let run = self.probes.returned(
            id,
            roundTrip: returnedAt.since(sentAt),
            oneWay: arrivedAt.since(sentAt)
        )
        if let run { self.answer(run) }
    }

    private func answer(_ run: ProbeTable.Run) {
        let microseconds = { (values: [UInt64]) in
            JSONValue.array(values.map { .integer($0 / 1_000) })
        }
        self.reply(
            run.request,
            [
                "to": self.name(run.node), "sent": .integer(run.count),
                "roundTripsUs": microseconds(run.roundTrips),
                "oneWayUs": microseconds(run.oneWays),
                "lost": .integer(run.count - run.roundTrips.count),
                "run": .integer(run.number),
            ]
        )
    }
}
