import EventLoop
import Fleet
import Testing
import Wire

@Suite("cluster.json keeps what the next start and the commands need") struct ClusterStateTests {
    private let json: JSONValue = [
        "name": "c", "phase": "ready", "pid": 1, "pidStartTime": 7, "controlPort": 8090,
        "gatewayPort": 8000, "gatewayPid": 43, "portOffset": 100, "topology": "/t.yaml",
        "failure": .null, "regions": [["name": "r", "port": 8001]],
        "nodes": [
            [
                "name": "r-a", "region": "r", "zone": "a", "port": 8100, "pid": .null,
                "bootstrapped": true,
            ]
        ],
    ]

    @Test("what is read is written again")
    func roundTrip() throws {
        let state = try #require(ClusterState(json: self.json))
        #expect(state.json == self.json)
        #expect(state.nodes[0].isBootstrapped && state.nodes[0].pid == nil)
    }

    @Test("a file without its essentials is nothing")
    func broken() { #expect(ClusterState(json: ["name": "c"]) == nil) }

    @Test("a supervisor whose process id was reused is not running")
    func reusedPid() throws {
        let state = try #require(ClusterState(json: self.json))
        #expect(!state.isRunning, "process 1 did not start at tick 7")
    }
}

@Suite("Texts and numbers for people") struct PresentationTests {
    @Test("tables align numbers to the right and leave no blanks at the end")
    func table() {
        var table = ReportTable(headings: ["name", "count"])
        table.row([.plain("a"), .number("1")])
        table.row([.good("longer"), .number("123")])
        #expect(table.rendered(.plain) == "name    count\na           1\nlonger    123\n")
    }

    @Test("colours do not change the alignment and are absent without a terminal")
    func colors() {
        var table = ReportTable()
        table.row([.bad("x"), .plain("y")])
        table.row([.plain("long"), .plain("z")])
        #expect(table.rendered(.plain) == "x     y\nlong  z\n")
        let colored = table.rendered(TextStyle(isColored: true))
        #expect(colored == "\u{1B}[31mx\u{1B}[0m     y\nlong  z\n")
    }

    @Test(
        "figures take the unit that fits",
        arguments: [
            (350_000, "350 µs"), (70_240_000, "70.2 ms"), (12_500_000_000, "12.5 s"),
            (185_000_000_000, "3m 5s"),
        ]
    )
    func durations(nanoseconds: UInt64, text: String) {
        #expect(Figures.duration(nanoseconds) == text)
    }

    @Test("percent coding survives every byte of a table's name")
    func percentCoding() {
        let text = "a b/ü?&=%+"
        let encoded = PercentCoding.encoded(text)
        #expect(encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(PercentCoding.decoded(Array(encoded.utf8)[...]) == text)
    }
}

@Suite("Asynchronous code stays on the loop's thread", .serialized) struct FleetLoopTests {
    @Test("the client asks a server on the same loop, many at once, and times out")
    func exchange() throws {
        let results = try FleetLoop.run { loop -> [HTTPResult] in
            guard
                let server = try? HTTPServer(
                    loop,
                    port: 0,
                    { request in
                        if request.path == "/slow" { await loop.sleep(milliseconds: 300) }
                        return ControlAnswer(
                            200,
                            ["path": .string(request.path), "q": .string(request.value("q") ?? "")]
                        )
                    }
                )
            else { return [] }
            let client = HTTPClient(loop)
            let port = server.port
            func get(_ target: String) -> HTTPClient.Request {
                HTTPClient.Request("GET", target, port: port, timeoutMilliseconds: 100)
            }
            var results = await client.gather([get("/a?q=1%202"), get("/slow"), get("/b")])
            server.close()
            await loop.sleep(milliseconds: 1)
            results.append(await client.send(get("/gone")))
            return results
        }
        try #require(results.count == 4)
        #expect(try results[0].get().json == ["path": "/a", "q": "1 2"])
        #expect(results[1] == .failure(.timedOut))
        #expect(try results[2].get().json?["path"] == "/b")
        #expect(results[3] == .failure(.refused))
    }

    @Test("work that was started beside the caller ends in the order of its waits")
    func nestedWork() throws {
        let order = try FleetLoop.run { loop -> [Int] in
            var order: [Int] = []
            var left = 5
            for index in 0..<5 {
                FleetLoop.start {
                    await loop.sleep(milliseconds: UInt64(5 - index) * 4)
                    order.append(index)
                    left -= 1
                }
            }
            while left > 0 { await loop.sleep(milliseconds: 1) }
            return order
        }
        #expect(order == [4, 3, 2, 1, 0])
    }
}
