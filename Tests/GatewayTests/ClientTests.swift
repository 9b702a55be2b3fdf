import EventLoop
import Gateway
import Testing
import Wire

@Suite("What the gateway bears from clients") struct ClientTests {
    private static let plain = HTTPRequestBuilder.dynamoDB("GetItem", host: "h").bytes(body: [])

    @Test("a request that does not become whole ends its connection, a silent one stays")
    func unfinished() throws {
        let world = try World { limits in
            limits.patience.request = 30_000_000
            limits.patience.sweepInterval = 5_000_000
        }
        let silent = world.client()
        let halfHead = world.client()
        let halfBody = world.client()
        halfHead.send(Array("POST / HTTP/1.1\r\nHost:".utf8))
        halfBody.send(Array("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{".utf8))
        #expect(world.wait { halfHead.isClosed && halfBody.isClosed })
        #expect(halfHead.answers.isEmpty && halfBody.answers.isEmpty)
        #expect(!silent.isClosed)
        silent.send()
        #expect(world.wait { silent.answers.count == 1 })
    }

    @Test("what is slow but keeps coming is borne")
    func slow() throws {
        let world = try World { limits in
            limits.patience.request = 1
            // So that a byte earns 20 ms, and a request without its end some seconds.
            limits.patience.bytesPerSecondMin = 50
            limits.patience.sweepInterval = 1_000_000
        }
        let long = world.client()
        let short = world.client()
        long.send(Array(Self.plain.dropLast()))
        short.send([Self.plain[0]])
        #expect(world.wait { short.isClosed })
        long.send([Self.plain[Self.plain.count - 1]])
        #expect(world.wait { long.answers.count == 1 })
    }

    @Test("when all places are taken, the quietest connection makes room")
    func makesRoom() throws {
        let world = try World { limits in
            limits.clientsMax = 2
            limits.patience.idle = 0
        }
        let first = world.client()
        first.send()
        #expect(world.wait { first.answers.count == 1 })
        let second = world.client()
        second.send()
        #expect(world.wait { second.answers.count == 1 })
        let third = world.client()
        third.send()
        #expect(world.wait { third.answers.count == 1 && first.isClosed })
        #expect(!second.isClosed)
    }

    @Test("when all places are in use, a new connection is refused")
    func refusesBeyond() throws {
        let world = try World { limits in
            limits.clientsMax = 1
            limits.patience.idle = 0
            limits.suspectAfter = 60_000_000_000
            limits.downAfter = 60_000_000_000
        }
        world.west[0].behaviour = .hang
        let busy = world.client()
        busy.send(region: "eu-west-1")
        #expect(world.wait { world.west[0].requests == 1 })
        let other = world.client()
        other.send()
        #expect(world.wait { other.isClosed })
        #expect(other.answers.isEmpty && !busy.isClosed)
    }

    @Test("a long answer to one of several requests sent ahead does not hold up the next")
    func longAnswers() throws {
        let world = try World()
        let long = String(repeating: "x", count: 1_200_000)
        world.west[0].responder = { _, _ in FakeNode.Response(200, long) }
        let client = world.client(port: world.gateway.port(of: "eu-west-1"))
        for _ in 0..<4 { client.send() }
        #expect(world.wait { client.answers.count == 4 })
        #expect(client.answers.allSatisfy { $0.body.utf8.count == long.utf8.count })
    }

    @Test("an HTTP/1.0 request without a host reaches a node, which gets one")
    func withoutHost() throws {
        let world = try World()
        let client = world.client(port: world.gateway.port(of: "eu-west-1"))
        client.send(Array("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}".utf8))
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.body) == ["west-0:{}"])
    }

    @Test("nothing behind Connection: close is carried out")
    func behindTheLast() throws {
        let world = try World()
        let client = world.client(port: world.gateway.port(of: "eu-west-1"))
        client.send(
            Array("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8) + Self.plain
        )
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.status) == [200])
        #expect(world.west[0].requests == 1)
    }

    @Test("a delay beyond all measure is refused with the bound")
    func immenseLatency() throws {
        let world = try World()
        for latency in ["18446744073709551615", "600000001", "-1", "1.5", "\"x\""] {
            let client = world.client()
            client.send(
                HTTPRequestBuilder.control("POST", "/_atoll/endpoint", host: "x").bytes(
                    body: Array("{\"region\":\"us-east-1\",\"latencyUs\":\(latency)}".utf8)
                )
            )
            #expect(world.wait { client.answers.count == 1 })
            #expect(client.answers[0].status == 400)
            #expect(client.answers[0].body.contains("600000000"))
        }
    }
}
