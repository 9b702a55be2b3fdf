import EventLoop
import Wire

/// A node as the gateway sees it: its health and a pool of keep-alive connections.
///
/// One request is under way per connection. Health follows a cheap request on a connection of its
/// own, as a load balancer's would: a refused connection takes the node out of the turn at once,
/// silence after a while (``GatewayLimits/suspectAfter``), and a longer silence ends what it was
/// asked.
final class NodePool {
    enum Health: String {
        case healthy
        /// Has not answered for a while.
        case suspect
        case down
    }

    let name: String
    let port: UInt16
    private unowned let region: Region
    private(set) var health = Health.down
    private let loop: EventLoop
    private let limits: GatewayLimits
    private var idle: [NodeConnection] = []
    private var all: [ObjectIdentifier: NodeConnection] = [:]
    private var connecting = 0
    private var check: HealthCheck?

    var connectionCount: Int { self.all.count }

    init(
        _ node: GatewayConfiguration.Node,
        of region: Region,
        _ loop: EventLoop,
        _ limits: GatewayLimits
    ) {
        self.region = region
        self.name = node.name
        self.port = node.port
        self.loop = loop
        self.limits = limits
    }

    func start() {
        let check = HealthCheck(self.port, self.loop, self.limits) { self.become($0) }
        self.check = check
        check.start()
    }

    func stop() {
        self.check?.stop()
        for connection in self.all.values { connection.tcp.abort() }
    }

    // MARK: Requests

    /// Begins a client's request if a connection is free or may be made.
    func take(_ client: ClientConnection) -> Bool {
        while let connection = self.idle.popLast() {
            guard connection.tcp.isOpen else { continue }
            connection.begin(client)
            return true
        }
        guard self.all.count + self.connecting < self.limits.connectionsPerNodeMax else {
            return false
        }
        self.connect(for: client)
        return true
    }

    private func connect(for client: ClientConnection) {
        self.connecting += 1
        self.loop.connect(port: self.port) { result in
            self.connecting -= 1
            switch result {
            case .success(let tcp):
                let connection = NodeConnection(self, tcp)
                self.all[ObjectIdentifier(connection)] = connection
                connection.begin(client)
            case .failure:
                // Nothing was sent, so another node may be asked.
                self.become(.down)
                self.region.retries += 1
                self.region.dispatch(client)
            }
        }
    }

    /// A connection has its answer and may carry the next request.
    func release(_ connection: NodeConnection) {
        if let client = self.region.nextWaiting() {
            connection.begin(client)
        } else {
            self.idle.append(connection)
        }
    }

    func closed(_ connection: NodeConnection, lost client: ClientConnection?) {
        self.all[ObjectIdentifier(connection)] = nil
        self.idle.removeAll { $0 === connection }
        if let client {
            self.region.failures += 1
            client.lost(self.name)
            // Its process may be gone; the next check says so within a loop turn.
            self.check?.now()
        }
        // The place in the pool may be what somebody waits for.
        if let next = self.region.nextWaiting() { self.region.dispatch(next) }
    }

    // MARK: Health

    private func become(_ health: Health) {
        guard health != self.health else { return }
        self.health = health
        switch health {
        case .healthy, .suspect: break
        case .down:
            // Their closing answers with 500 whatever was under way.
            for connection in self.all.values { connection.tcp.abort() }
            self.idle.removeAll()
        }
        self.region.redistribute()
    }
}

/// One keep-alive connection to a node.
final class NodeConnection {
    private unowned let pool: NodePool
    let tcp: TCPConnection
    private var parser = ResponseParser()
    private var client: ClientConnection?

    init(_ pool: NodePool, _ tcp: TCPConnection) {
        self.pool = pool
        self.tcp = tcp
        tcp.onRead = { self.received($0) }
        tcp.onClose = { _ in self.closed() }
    }

    func begin(_ client: ClientConnection) {
        // A client that has gone meanwhile asks nothing.
        guard !client.isClosed else {
            self.pool.release(self)
            return
        }
        self.client = client
        client.appendRequest(to: self.tcp)
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.parser.append(bytes)
        // A response that nobody asked for, or bytes that are no response, end the connection; the
        // client then gets a 500.
        guard let client = self.client else {
            self.tcp.abort()
            return
        }
        do throws(HTTPError) {
            let isHead = client.method == .head
            guard let response = try self.parser.next(answersHead: isHead) else { return }
            self.client = nil
            let keepsAlive = response.keepsAlive && self.parser.isIdle
            // Released first, so that the client's next request can take this connection; the
            // response stays in the parser until more bytes arrive.
            if keepsAlive { self.pool.release(self) } else { self.tcp.abort() }
            client.answer(response, from: self.parser)
        } catch {
            self.tcp.abort()
        }
    }

    private func closed() {
        let client = self.client
        self.client = nil
        self.pool.closed(self, lost: client)
    }
}
