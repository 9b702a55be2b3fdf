import EventLoop
import NodeCore
import NodeHost
import Primitives
import Testing
import Wire

/// A node's port, whose control requests a test answers when it likes.
private final class World {
    let loop: EventLoop
    let front: ClientFront
    private let taken: Taken

    /// What the front passed on.
    final class Taken {
        var requests: [ClientFront.ControlRequest] = []
        var operations = 0
    }

    init(_ limits: FrontLimits = FrontLimits()) throws {
        let taken = Taken()
        self.taken = taken
        self.loop = try EventLoop()
        self.front = ClientFront(
            loop: self.loop,
            seed: 1,
            regionName: "us-east-1",
            limits: limits,
            isIsolated: { false },
            onOperation: { _, _ in taken.operations += 1 },
            onControl: { taken.requests.append($0) }
        )
        try self.front.listen(port: 0)
    }

    var requests: [ClientFront.ControlRequest] { self.taken.requests }
    var operations: Int { self.taken.operations }

    func client() -> FakeClient { FakeClient(port: self.front.port ?? 0, on: self.loop) }

    func wait(_ condition: @escaping () -> Bool) -> Bool { self.loop.run(until: condition) }

    func answer(_ index: Int, _ text: String) {
        self.front.answer(self.requests[index].id, status: 200, .json, Array(text.utf8))
    }

    static func get(_ path: String) -> [UInt8] {
        HTTPRequestBuilder(method: "GET", target: path, host: "h").bytes()
    }
}

@Suite("A node's own port") struct ClientFrontTests {
    @Test("answers leave in the order of the requests")
    func order() throws {
        let world = try World()
        let client = world.client()
        for index in 0..<5 { client.send(World.get("/_atoll/\(index)")) }
        #expect(world.wait { world.requests.count == 5 })
        for index in [3, 4, 1, 0, 2] { world.answer(index, "\(index)") }
        #expect(world.wait { client.answers.count == 5 })
        #expect(client.answers.map(\.body) == ["0", "1", "2", "3", "4"])
    }

    @Test("answers that wait behind a slow one are counted: no more requests are taken")
    func backlog() throws {
        let world = try World()
        let client = world.client()
        let count = 30
        for index in 0..<count { client.send(World.get("/_atoll/\(index)")) }
        let long = String(repeating: "x", count: 300_000)
        // Each is answered at once but the first, so that they wait for it.
        var answered = 1
        let answers = world.loop.timer(afterNanoseconds: 0, everyNanoseconds: 1_000_000) {
            while answered < world.requests.count {
                world.answer(answered, long)
                answered += 1
            }
        }
        #expect(world.wait { answered >= 5 })
        // As many as were taken before the first answer came, and no more.
        let taken = world.requests.count
        for index in 0..<count { client.send(World.get("/_atoll/late-\(index)")) }
        let other = world.client()
        other.send(World.get("/"))
        #expect(world.wait { other.answers.count == 1 })
        #expect(world.requests.count == taken && taken <= Int(FrontLimits().pipelinedMax))
        world.answer(0, "first")
        #expect(world.wait { client.answers.count == 2 * count })
        answers.cancel()
        #expect(client.answers[0].body == "first")
        #expect(client.answers[1...].allSatisfy { $0.body.utf8.count == long.utf8.count })
        #expect(world.requests.map(\.path).suffix(1) == ["/_atoll/late-\(count - 1)"])
    }

    @Test("one connection has only so many requests under way")
    func pipelined() throws {
        var limits = FrontLimits()
        limits.pipelinedMax = 4
        let world = try World(limits)
        let client = world.client()
        for index in 0..<10 { client.send(World.get("/_atoll/\(index)")) }
        #expect(world.wait { world.requests.count == 4 })
        for index in 0..<10 {
            #expect(world.wait { world.requests.count > index })
            #expect(world.requests.count <= index + 4)
            world.answer(index, "\(index)")
        }
        #expect(world.wait { client.answers.count == 10 })
    }

    @Test("nothing behind Connection: close is carried out, and the answer arrives")
    func behindTheLast() throws {
        let world = try World()
        let client = world.client()
        let operation = HTTPRequestBuilder.dynamoDB("ListTables", host: "h").bytes(
            body: Array("{}".utf8)
        )
        let last = "GET /_atoll/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        client.send(Array(last.utf8) + operation)
        #expect(world.wait { world.requests.count == 1 })
        client.send(operation)
        world.loop.timer(afterNanoseconds: 5_000_000) { world.answer(0, "done") }
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.body) == ["done"])
        #expect(world.operations == 0)
    }

    @Test("what is no HTTP is answered once, behind the answers before it")
    func malformed() throws {
        let world = try World()
        let client = world.client()
        client.send(World.get("/_atoll/slow") + Array("nonsense\r\n".utf8))
        #expect(world.wait { world.requests.count == 1 })
        client.send(Array("more\r\n".utf8))
        world.loop.timer(afterNanoseconds: 5_000_000) { world.answer(0, "slow") }
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.status) == [200, 400])
    }

    @Test("a request that does not become whole ends its connection, a silent one stays")
    func unfinished() throws {
        var limits = FrontLimits()
        limits.patience.request = 30_000_000
        limits.patience.sweepInterval = 5_000_000
        let world = try World(limits)
        let silent = world.client()
        let waiting = world.client()
        let half = world.client()
        waiting.send(World.get("/_atoll/slow"))
        half.send(World.get("/") + Array("POST / HTTP/1.1\r\nHost: h\r\n".utf8))
        #expect(world.wait { half.isClosed })
        #expect(half.answers.map(\.status) == [200])
        #expect(!silent.isClosed && !waiting.isClosed)
        silent.send(World.get("/"))
        world.answer(0, "slow")
        #expect(world.wait { silent.answers.count == 1 && waiting.answers.count == 1 })
    }

    @Test("when all places are taken, the quietest connection makes room")
    func makesRoom() throws {
        var limits = FrontLimits()
        limits.connectionsMax = 3
        limits.patience.idle = 0
        let world = try World(limits)
        let waiting = world.client()
        waiting.send(World.get("/_atoll/slow"))
        #expect(world.wait { world.requests.count == 1 })
        let silent = [world.client(), world.client()]
        #expect(world.wait { silent.allSatisfy { $0.tcp != nil } })
        let check = world.client()
        check.send(World.get("/"))
        #expect(world.wait { check.answers.count == 1 })
        #expect(world.wait { silent.contains { $0.isClosed } })
        #expect(silent.count { $0.isClosed } == 1 && !waiting.isClosed)
        world.answer(0, "slow")
        #expect(world.wait { waiting.answers.count == 1 })
    }
}
