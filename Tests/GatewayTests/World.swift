import EventLoop
import Gateway
import Testing
import Wire

/// A gateway with fake nodes on one loop; `wait` runs the loop until something holds.
final class World {
    let loop: EventLoop
    private(set) var east: [FakeNode] = []
    private(set) var west: [FakeNode] = []
    let gateway: Gateway

    init(eastNodes: Int = 2, _ change: (inout GatewayLimits) -> Void = { _ in }) throws {
        let loop = try EventLoop()
        self.loop = loop
        self.east = try (0..<eastNodes).map { try FakeNode("east-\($0)", on: loop) }
        self.west = [try FakeNode("west-0", on: loop)]
        var limits = GatewayLimits()
        limits.healthInterval = 10_000_000
        limits.retryInterval = 10_000_000
        limits.suspectAfter = 40_000_000
        limits.downAfter = 120_000_000
        change(&limits)
        let regions = [("us-east-1", self.east), ("eu-west-1", self.west)].map { name, nodes in
            GatewayConfiguration.Region(
                name: name,
                port: 0,
                nodes: nodes.map { GatewayConfiguration.Node(name: $0.name, port: $0.port) }
            )
        }
        self.gateway = Gateway(
            GatewayConfiguration(port: 0, regions: regions, limits: limits),
            on: loop
        )
        try self.gateway.start()
        try self.waitUntilHealthy()
    }

    /// Runs the loop until the condition holds; false when two seconds did not suffice.
    @discardableResult
    func wait(_ condition: @escaping () -> Bool) -> Bool { self.loop.run(until: condition) }

    func client(port: UInt16? = nil) -> FakeClient {
        FakeClient(port: port ?? self.gateway.port, on: self.loop)
    }

    func status() throws -> JSONValue {
        let client = self.client()
        client.send(HTTPRequestBuilder.control("GET", "/_atoll/status", host: "x").bytes())
        try #require(self.wait { !client.answers.isEmpty })
        client.tcp?.abort()
        return try JSONValue(parsing: Array(client.answers[0].body.utf8))
    }

    func health(_ region: Int) throws -> [String] {
        let regions = try #require(try self.status()["regions"]?.array)
        return (regions[region]["nodes"]?.array ?? []).map { $0["health"]?.string ?? "" }
    }

    private func waitUntilHealthy() throws {
        for _ in 0..<200 {
            let all = try self.health(0) + self.health(1)
            if all.allSatisfy({ $0 == "healthy" }) { return }
            self.wait { true }
        }
        Issue.record("the nodes did not become healthy")
    }

    func waitForHealth(_ region: Int, _ expected: [String]) throws {
        for _ in 0..<400 {
            if try self.health(region) == expected { return }
            let start = self.loop.now
            self.wait { self.loop.now > start + 5_000_000 }
        }
        Issue.record("health is \(try self.health(region)), expected \(expected)")
    }
}
