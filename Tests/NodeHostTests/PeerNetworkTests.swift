import EventLoop
import NodeCore
import NodeHost
import Primitives
import Testing

/// The network of node 0 of three; the others are connections of the test.
private final class World {
    let loop: EventLoop
    let network: PeerNetwork
    private let seen: Seen
    private let listeners: [TCPListener]

    /// What the network passed on, in order.
    final class Seen {
        var events: [String] = []
        var reports: [String] = []
    }

    static let key: UInt64 = 0xC1

    init(latency: Nanoseconds = 0) throws {
        let loop = try EventLoop()
        let seen = Seen()
        self.loop = loop
        self.seen = seen
        // Where node 0 finds the others: they take what it sends.
        self.listeners = try (0..<2).map { _ in
            try loop.listen(port: 0) { $0.onRead = { _ in } }
        }
        let members = (0..<3).map { index in
            ClusterLayout.Member(
                id: NodeID(UInt16(index)),
                name: "node-\(index)",
                region: RegionID(0),
                zone: "a"
            )
        }
        let layout = ClusterLayout(regions: ["r"], members: members)
        self.network = PeerNetwork(
            loop: loop,
            selfID: NodeID(0),
            clusterKey: Self.key,
            ports: [0] + self.listeners.map(\.port),
            names: members.map(\.name),
            links: members.map { _ in LinkSettings(latency: latency) },
            fault: { message, sender in
                message.fault(from: sender, in: layout, wall: WallTime(nanoseconds: 1 << 60))
            },
            deliver: { message, sender, _ in
                guard case .probe(let id, _) = message else { return }
                seen.events.append("\(sender.index) says \(id)")
            },
            changed: { event in
                guard case .connected(let node) = event else { return }
                seen.events.append("\(node.index) connected")
            },
            report: { seen.reports.append($0) }
        )
        try self.network.start()
        #expect(self.wait { seen.events.count == 2 })
        seen.events = []
    }

    var events: [String] { self.seen.events }
    var reports: [String] { self.seen.reports }

    func wait(_ condition: @escaping () -> Bool) -> Bool { self.loop.run(until: condition) }

    /// A stream that begins with these bytes.
    func stream(_ bytes: [UInt8]) -> FakeClient {
        let client = FakeClient(port: self.network.port ?? 0, on: self.loop)
        client.send(bytes)
        return client
    }

    func hello(_ node: UInt16) -> [UInt8] {
        FrameFormat.hello(from: NodeID(node), clusterKey: Self.key)
    }

    func frame(_ message: Message, ahead: Nanoseconds = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        let sentAt = Instant(nanoseconds: self.loop.now + ahead)
        FrameFormat.append(message, sentAt: sentAt, to: &bytes)
        return bytes
    }

    func probe(_ id: UInt64) -> [UInt8] { self.frame(.probe(id: id, sentAt: .zero)) }
}

@Suite("Streams between nodes") struct PeerNetworkTests {
    @Test("frames arrive in order, on the stream that their sender dialled")
    func order() throws {
        let world = try World()
        _ = world.stream(world.hello(1) + world.probe(1) + world.probe(2))
        #expect(world.wait { world.events.count == 3 })
        #expect(world.events == ["1 connected", "1 says 1", "1 says 2"])
        #expect(world.reports.isEmpty)
    }

    @Test("of a stream that another took the place of nothing is delivered, however late")
    func replaced() throws {
        let world = try World(latency: .milliseconds(400))
        let old = world.stream(world.hello(1) + world.probe(1))
        #expect(world.wait { world.events == ["1 connected"] })
        _ = world.stream(world.hello(1) + world.probe(2))
        #expect(world.wait { world.events.contains("1 says 2") })
        // A machine too slow for this may have delivered the first before the second connected.
        let second = try #require(world.events.lastIndex(of: "1 connected"))
        #expect(Array(world.events[second...]) == ["1 connected", "1 says 2"])
        #expect(world.wait { old.isClosed })
    }

    @Test("frames that wait for their time survive the end of their stream")
    func ended() throws {
        let world = try World(latency: .milliseconds(50))
        let stream = world.stream(world.hello(1) + world.probe(1))
        #expect(world.wait { world.events == ["1 connected"] })
        stream.tcp?.close()
        #expect(world.wait { world.events == ["1 connected", "1 says 1"] })
    }

    @Test("who is not in the topology, or calls itself by this node's name, is refused, told once")
    func strangers() throws {
        let world = try World()
        for sender in [7, .max, 0] as [UInt16] {
            for _ in 0..<2 {
                let stream = world.stream(world.hello(sender) + world.probe(1))
                #expect(world.wait { stream.isClosed })
                let bare = world.stream(world.hello(sender))
                #expect(world.wait { bare.isClosed })
            }
        }
        #expect(world.events.isEmpty)
        #expect(
            world.reports == [
                "closed a stream from a node of number 7: "
                    + "its sender is none of the 3 nodes of this topology",
                "closed a stream from a node of number 65535: "
                    + "its sender is none of the 3 nodes of this topology",
                "closed a stream from node-0: its sender calls itself by this node's name",
            ]
        )
    }

    @Test("what is no stream of this cluster is refused")
    func foreign() throws {
        let world = try World()
        let other = world.stream(FrameFormat.hello(from: NodeID(1), clusterKey: 5))
        let browser = world.stream(Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
        #expect(world.wait { other.isClosed && browser.isClosed })
        #expect(world.reports == ["closed a stream from a stranger: it is not of this cluster"])
    }

    @Test("a message at fault breaks its stream, and what follows it is not delivered")
    func faults() throws {
        let hint = Message.workDone(call: 1, .notLeader(hint: NodeID(99)))
        let frames: [(String, (World) -> [UInt8])] = [
            ("a message names a node that this topology has not", { $0.frame(hint) }),
            (
                "a message cannot be decoded",
                { world in
                    var bytes = world.probe(2)
                    bytes[FrameFormat.headerSize] = 200
                    return bytes
                }
            ),
            (
                "a frame was sent in the future",
                { $0.frame(.probe(id: 2, sentAt: .zero), ahead: .seconds(3_600)) }
            ), ("a frame is 1 bytes long", { _ in [1, 0, 0, 0, 9] }),
        ]
        for (reason, frame) in frames {
            let world = try World()
            let stream = world.stream(
                world.hello(2) + world.probe(1) + frame(world) + world.probe(3)
            )
            #expect(world.wait { stream.isClosed })
            #expect(world.events == ["2 connected", "2 says 1"])
            #expect(world.reports == ["closed a stream from node-2: \(reason)"])
            _ = world.stream(world.hello(2) + world.probe(4))
            #expect(world.wait { world.events.last == "2 says 4" })
        }
    }
}
