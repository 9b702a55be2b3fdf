import EventLoop
import Gateway
import Testing
import Wire

@Suite("The gateway relays to live nodes and answers as the service would") struct GatewayTests {
    @Test("a signed request goes to the region of its credential scope")
    func routesByScope() throws {
        let world = try World()
        let client = world.client()
        client.send(region: "eu-west-1", body: "{\"a\":1}")
        client.send(region: "us-east-1")
        client.send()
        #expect(world.wait { client.answers.count == 3 })
        #expect(client.answers[0].body == "west-0:{\"a\":1}")
        #expect(client.answers[1].body.hasPrefix("east-"))
        #expect(client.answers[2].body.hasPrefix("east-"), "unsigned goes to the first region")
    }

    @Test("a region's own port ignores the scope")
    func routesByPort() throws {
        let world = try World()
        let client = world.client(port: world.gateway.port(of: "eu-west-1"))
        client.send(region: "us-east-1")
        #expect(world.wait { client.answers.count == 1 })
        #expect(client.answers[0].body == "west-0:{}")
    }

    @Test("a region that the cluster has not is told with those that it has")
    func unknownRegion() throws {
        let world = try World()
        let client = world.client()
        client.send(region: "sa-east-1")
        client.send(region: "eu-west-1")
        #expect(world.wait { client.answers.count == 2 })
        #expect(client.answers[0].status == 400)
        #expect(client.answers[0].body.contains("us-east-1, eu-west-1"))
        #expect(client.answers[1].status == 200)
    }

    @Test("GET / says healthy, for the port's region")
    func healthy() throws {
        let world = try World()
        let bytes = HTTPRequestBuilder(method: "GET", target: "/", host: "x").bytes()
        let shared = world.client()
        let west = world.client(port: world.gateway.port(of: "eu-west-1"))
        shared.send(bytes)
        west.send(bytes)
        #expect(world.wait { shared.answers.count == 1 && west.answers.count == 1 })
        #expect(shared.answers[0].body == "healthy: dynamodb.us-east-1.amazonaws.com ")
        #expect(west.answers[0].body == "healthy: dynamodb.eu-west-1.amazonaws.com ")
    }

    @Test("requests take the healthy nodes in turn")
    func roundRobin() throws {
        let world = try World()
        for _ in 0..<4 {
            let client = world.client()
            client.send()
            #expect(world.wait { client.answers.count == 1 })
        }
        #expect(world.east.map(\.requests) == [2, 2])
    }

    @Test("pipelined requests are answered in their order")
    func pipelining() throws {
        let world = try World()
        let client = world.client()
        for index in 0..<50 { client.send(region: "eu-west-1", body: "\(index)") }
        #expect(world.wait { client.answers.count == 50 })
        #expect(client.answers.map(\.body) == (0..<50).map { "west-0:\($0)" })
    }

    @Test("a chunked body arrives whole and with a length")
    func chunked() throws {
        let world = try World()
        let client = world.client(port: world.gateway.port(of: "eu-west-1"))
        client.send(
            Array(
                ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").utf8
            )
        )
        #expect(world.wait { client.answers.count == 1 })
        #expect(client.answers[0].body == "west-0:abcde")
    }

    @Test("Connection: close is answered and then closed")
    func closes() throws {
        let world = try World()
        let client = world.client()
        client.send(Array("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.status) == [200])
    }

    @Test("ambiguous HTTP is refused before it reaches a node")
    func ambiguous() throws {
        let world = try World()
        let client = world.client()
        client.send(
            Array(
                ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").utf8
            )
        )
        #expect(world.wait { client.isClosed })
        #expect(client.answers.map(\.status) == [400])
        #expect(world.east.map(\.requests) == [0, 0])
    }

    @Test("a node that dies with a request answers 500, and the connection goes on")
    func deadMidRequest() throws {
        let world = try World()
        world.west[0].behaviour = .die
        let client = world.client()
        client.send(region: "eu-west-1")
        #expect(world.wait { client.answers.count == 1 })
        #expect(client.answers[0].status == 500)
        #expect(client.answers[0].body.contains("InternalServerError"))
        #expect(client.answers[0].head.contains("x-amzn-RequestId"))
        #expect(client.answers[0].head.contains("x-amz-crc32"))
        #expect(world.west[0].requests == 1, "it is not sent twice")
        client.send(region: "us-east-1")
        #expect(world.wait { client.answers.count == 2 })
        #expect(client.answers[1].status == 200)
    }

    @Test("a node that refuses connections costs no client an error")
    func refusedIsRetried() throws {
        let world = try World()
        world.east[0].stop()
        for _ in 0..<6 {
            let client = world.client()
            client.send()
            #expect(world.wait { client.answers.count == 1 })
            #expect(client.answers[0].body == "east-1:{}")
        }
        try world.waitForHealth(0, ["down", "healthy"])
        try world.east[0].start()
        try world.waitForHealth(0, ["healthy", "healthy"])
    }

    @Test("without a live node the answer is 503")
    func noNode() throws {
        let world = try World()
        world.west[0].stop()
        try world.waitForHealth(1, ["down"])
        let client = world.client()
        client.send(region: "eu-west-1")
        #expect(world.wait { client.answers.count == 1 })
        #expect(client.answers[0].status == 503)
        #expect(client.answers[0].body.contains("No node of eu-west-1 answers."))
    }

    @Test("a node that hangs is taken out of the turn, then given up with what it was asked")
    func hangingNode() throws {
        let world = try World()
        world.east[0].behaviour = .hang
        let first = world.client()
        let second = world.client()
        first.send()
        second.send()
        #expect(world.wait { first.answers.count + second.answers.count == 1 })
        try world.waitForHealth(0, ["suspect", "healthy"])
        let third = world.client()
        third.send()
        #expect(world.wait { third.answers.count == 1 })
        #expect(third.answers[0].body == "east-1:{}")
        #expect(world.wait { first.answers.count + second.answers.count == 2 })
        #expect(Set((first.answers + second.answers).map(\.status)) == [200, 500])
    }

    @Test("more requests than connections wait for their turn")
    func queues() throws {
        let world = try World()
        let clients = (0..<300).map { _ in world.client() }
        for (index, client) in clients.enumerated() {
            client.send(region: "eu-west-1", body: "\(index)")
        }
        #expect(world.wait { clients.allSatisfy { $0.answers.count == 1 } })
        #expect(clients.indices.allSatisfy { clients[$0].answers.first?.body == "west-0:\($0)" })
    }
}

@Suite("Endpoint faults misbehave in one region only, and heal") struct EndpointFaultTests {
    @Test("refuse closes the region's port and, on the shared port, its connections")
    func refuse() throws {
        let world = try World()
        let port = world.gateway.port(of: "eu-west-1")
        let old = world.client(port: port)
        old.send()
        #expect(world.wait { old.answers.count == 1 })
        try world.gateway.setFaults(EndpointFaults(refuses: true), of: "eu-west-1")
        #expect(world.wait { old.isClosed })
        let new = world.client(port: port)
        #expect(world.wait { new.isClosed })
        #expect(new.tcp == nil, "the connection is refused, not accepted and closed")
        let shared = world.client()
        shared.send(region: "eu-west-1")
        #expect(world.wait { shared.isClosed })
        #expect(shared.answers.isEmpty)
        let east = world.client()
        east.send(region: "us-east-1")
        #expect(world.wait { east.answers.count == 1 })

        try world.gateway.setFaults(.none, of: "eu-west-1")
        let healed = world.client(port: port)
        healed.send()
        #expect(world.wait { healed.answers.count == 1 })
    }

    @Test("blackhole accepts and never answers; healing ends those connections")
    func blackhole() throws {
        let world = try World()
        try world.gateway.setFaults(EndpointFaults(swallows: true), of: "eu-west-1")
        let stuck = world.client(port: world.gateway.port(of: "eu-west-1"))
        stuck.send()
        let east = world.client()
        for _ in 0..<20 { east.send(region: "us-east-1") }
        #expect(world.wait { east.answers.count == 20 })
        #expect(stuck.answers.isEmpty && !stuck.isClosed)
        #expect(world.west[0].requests == 0)
        try world.gateway.setFaults(.none, of: "eu-west-1")
        #expect(world.wait { stuck.isClosed })
    }

    @Test(
        "error answers as told, by name or by status",
        arguments: [
            ("AccessDeniedException", 400, "AccessDeniedException"),
            ("throttling", 400, "ThrottlingException"), ("503", 503, "ServiceUnavailable"),
            ("500", 500, "InternalServerError"),
        ]
    )
    func error(text: String, status: Int, name: String) throws {
        let world = try World()
        var faults = EndpointFaults.none
        let answer: ErrorAnswer = try #require(ErrorAnswer.named(text))
        faults.answer = answer
        try world.gateway.setFaults(faults, of: "us-east-1")
        let client = world.client()
        client.send(region: "us-east-1")
        client.send(region: "eu-west-1")
        #expect(world.wait { client.answers.count == 2 })
        #expect(client.answers[0].status == status)
        #expect(client.answers[0].body.contains(name))
        #expect(client.answers[1].status == 200)
    }

    @Test("latency delays each request by at least what was asked")
    func latency() throws {
        let world = try World()
        try world.gateway.setFaults(EndpointFaults(latency: 60_000_000), of: "us-east-1")
        let client = world.client()
        let start = world.loop.now
        client.send(region: "us-east-1")
        #expect(world.wait { client.answers.count == 1 })
        #expect(world.loop.now - start >= 60_000_000)
    }

    @Test("the control endpoint sets faults, shows them, and refuses browsers and nonsense")
    func control() throws {
        let world = try World()
        func post(_ body: String, isControl: Bool = true) throws -> FakeClient.Answer {
            let client = world.client()
            let target = "/_atoll/endpoint"
            let builder =
                isControl
                ? HTTPRequestBuilder.control("POST", target, host: "x")
                : HTTPRequestBuilder(method: "POST", target: target, host: "x")
            client.send(builder.bytes(body: Array(body.utf8)))
            try #require(world.wait { client.answers.count == 1 })
            return client.answers[0]
        }
        let set = try post("{\"region\":\"us-east-1\",\"error\":\"503\",\"latencyUs\":1500}")
        #expect(set.status == 200)
        let regions = try #require(try world.status()["regions"]?.array)
        #expect(regions[0]["latencyUs"]?.int == 1500)
        #expect(regions[0]["error"]?.string?.contains("ServiceUnavailable") == true)
        #expect(regions[1]["error"] == .null)
        #expect(try post("{\"region\":\"us-east-1\"}", isControl: false).status == 403)
        #expect(try post("{\"region\":\"mars\"}").status == 400)
        #expect(try post("{\"region\":\"us-east-1\",\"error\":\"Nonsense\"}").status == 400)
        #expect(try post("[").status == 400)
    }
}
