import EventLoop
import NodeCore
import Primitives
import Topology
import Wire

/// The probes that arrived here, by sender and run: what only the receiver can tell of a link.
struct ArrivalTable {
    private struct Run {
        let sender: NodeID
        let number: UInt64
        var meter = BurstMeter()
    }

    /// The latest last.
    private var runs: [Run] = []

    static let runsMax = 64
    static let arrivalsMax = 1 << 14

    mutating func add(_ arrival: BurstMeter.Arrival, from sender: NodeID, run number: UInt64) {
        let known = self.runs.lastIndex { $0.number == number && $0.sender == sender }
        if known == nil {
            if self.runs.count >= Self.runsMax { self.runs.removeFirst() }
            self.runs.append(Run(sender: sender, number: number))
        }
        let slot = known ?? self.runs.count - 1
        if self.runs[slot].meter.count < Self.arrivalsMax { self.runs[slot].meter.add(arrival) }
    }

    /// Empty when nothing of the run arrived.
    func meter(of number: UInt64, from sender: NodeID) -> BurstMeter {
        self.runs.last { $0.number == number && $0.sender == sender }?.meter ?? BurstMeter()
    }
}

/// Bursts that load a link, so that what it loses and lets through can be measured.
extension NodeHost {
    /// Frames of one burst, and bytes of padding in each.
    private static let framesMax = ArrivalTable.arrivalsMax
    private static let paddingMax = 1 << 18
    private static let tickMilliseconds: UInt64 = 2
    /// A probe's frame without its padding, about.
    private static let probeBytes = 20

    /// Sends a burst and answers when all of it has left this process.
    func load(_ request: ClientFront.ControlRequest, _ body: JSONValue) {
        guard let other = self.topology.node(named: body["to"]?.string ?? ""),
            other.id != self.member.id
        else { return self.refuse(request, 400, "'to' must name another node") }
        let frames = min(max(body["frames"]?.int ?? 1, 1), Self.framesMax)
        let padding = min(max(body["bytes"]?.int ?? 0, 0), Self.paddingMax)
        let span = UInt64(min(max(body["spanMs"]?.int ?? 0, 0), 5_000))
        let ticks = max(1, span / Self.tickMilliseconds)
        let run = self.probes.reserve()
        for tick in 0..<ticks {
            let first = frames * Int(tick) / Int(ticks)
            let next = frames * Int(tick + 1) / Int(ticks)
            let wait = tick * Self.tickMilliseconds * 1_000_000
            _ = self.loop.timer(afterNanoseconds: wait, everyNanoseconds: nil) {
                [unowned self] in
                self.sendLoad(run, next - first, padding, to: other.id)
                guard next == frames else { return }
                self.reply(request, ["run": .integer(run), "frames": .integer(frames)])
            }
        }
    }

    private func sendLoad(_ run: UInt64, _ frames: Int, _ padding: Int, to node: NodeID) {
        let now = Instant(nanoseconds: self.loop.now)
        let id = run * UInt64(ProbeTable.probesMax)
        let bytes = [UInt8](repeating: 0, count: padding)
        for _ in 0..<frames {
            let message = Message.probeLoad(id: id, sentAt: now, padding: bytes)
            self.network.send(message, to: node, sentAt: now)
        }
    }

    /// Counts what is a probe.
    func count(_ message: Message, from sender: NodeID, now: Instant) {
        let id: UInt64
        let sentAt: Instant
        var size = Self.probeBytes
        switch message {
        case .probe(let probe, let at): (id, sentAt) = (probe, at)
        case .probeLoad(let load, let at, let padding):
            (id, sentAt) = (load, at)
            size += padding.count
        default: return
        }
        let arrival = BurstMeter.Arrival(sentAt: sentAt, arrivedAt: now, bytes: size)
        self.arrivals.add(arrival, from: sender, run: id / UInt64(ProbeTable.probesMax))
    }

    /// What arrived of a run of another node, and what of it was lost on a link of such a latency.
    func tellArrivals(_ request: ClientFront.ControlRequest) {
        let name = Self.parameter("from", of: request.query) ?? ""
        guard let other = self.topology.node(named: name),
            let run = Self.parameter("run", of: request.query).flatMap(UInt64.init)
        else { return self.refuse(request, 400, "'from' must name a node, 'run' one of its runs") }
        let meter = self.arrivals.meter(of: run, from: other.id)
        let latency = Self.parameter("latencyUs", of: request.query).flatMap(UInt64.init) ?? 0
        let losses = meter.losses(latency: .microseconds(min(latency, 1 << 32)))
        self.reply(
            request,
            [
                "arrived": .integer(meter.count), "lost": .integer(losses.lost),
                "among": .integer(losses.among),
                "bytesPerSecond": meter.throughput.map { .integer($0) } ?? .null,
            ]
        )
    }
}
