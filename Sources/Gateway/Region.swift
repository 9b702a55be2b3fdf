import EventLoop

/// One region as clients see it: a port, its nodes in turn, and the faults of its endpoint.
final class Region {
    let name: String
    let nameBytes: [UInt8]
    private(set) var nodes: [NodePool] = []
    /// What the configuration asks for; the listener's own port once it listens.
    var port: UInt16
    var listener: TCPListener?
    var faults = EndpointFaults.none
    /// Requests that wait for a connection, the oldest first.
    private var waiting: [ClientConnection] = []
    private var waitingHead = 0
    private var turn = 0
    private let limits: GatewayLimits

    /// Since the start: requests begun, answered with an error by the gateway, and sent again.
    var requests: UInt64 = 0
    var failures: UInt64 = 0
    var retries: UInt64 = 0

    init(_ configuration: GatewayConfiguration.Region, _ loop: EventLoop, _ limits: GatewayLimits) {
        self.name = configuration.name
        self.nameBytes = Array(configuration.name.utf8)
        self.port = configuration.port
        self.limits = limits
        self.nodes = configuration.nodes.map { NodePool($0, of: self, loop, limits) }
    }

    /// Sends a client's request to the next node in turn, or queues it when all are busy.
    func dispatch(_ client: ClientConnection) {
        guard !client.isClosed else { return }
        let isDegraded = !self.nodes.contains { $0.health == .healthy }
        var isAnyAlive = false
        for _ in self.nodes {
            self.turn = (self.turn + 1) % self.nodes.count
            let node = self.nodes[self.turn]
            // A suspect is better than nothing.
            guard node.health == .healthy || isDegraded && node.health == .suspect else { continue }
            isAnyAlive = true
            if node.take(client) { return }
        }
        guard isAnyAlive else {
            self.failures += 1
            client.answer(.unavailable("No node of \(self.name) answers."))
            return
        }
        guard self.waiting.count - self.waitingHead < self.limits.waitingRequestsMax else {
            self.failures += 1
            client.answer(.unavailable("\(self.name) has too many requests under way."))
            return
        }
        self.waiting.append(client)
    }

    /// The oldest waiting request, when a connection has become free.
    func nextWaiting() -> ClientConnection? {
        while self.waitingHead < self.waiting.count {
            let client = self.waiting[self.waitingHead]
            self.waitingHead += 1
            if self.waitingHead == self.waiting.count {
                self.waiting.removeAll(keepingCapacity: true)
                self.waitingHead = 0
            } else if self.waitingHead > 1024 {
                self.waiting.removeFirst(self.waitingHead)
                self.waitingHead = 0
            }
            if !client.isClosed { return client }
        }
        return nil
    }

    /// A node has gone: what waits is dispatched again, to the others or to an error.
    func redistribute() {
        var clients: [ClientConnection] = []
        while let client = self.nextWaiting() { clients.append(client) }
        for client in clients { self.dispatch(client) }
    }
}
