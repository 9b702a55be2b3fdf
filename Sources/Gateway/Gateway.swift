package import EventLoop
import Wire

/// The endpoints of all regions: relays requests to live nodes and answers as the service would
/// when it cannot.
///
/// One shared port finds the region in the signature's scope, so that a program that only sets
/// `AWS_ENDPOINT_URL` can use several regions; each region has a port of its own besides. A request
/// is sent to a second node only when it certainly never reached the first. After that its fate is
/// unknown, and 500 says so: SDKs retry it, as they do with the real service.
package final class Gateway {
    let loop: EventLoop
    let limits: GatewayLimits
    let regions: [Region]
    var writer: ResponseWriter
    /// The shared port.
    package private(set) var port: UInt16
    private var listener: TCPListener?
    private let historySettings: HistorySettings?
    /// Keeps the history, when one was asked for.
    private(set) var recorder: HistoryRecorder?
    /// Those that hold a place.
    private var clients: [ObjectIdentifier: ClientConnection] = [:]
    private var sweeper: LoopTimer?

    package init(_ configuration: GatewayConfiguration, on loop: EventLoop) {
        self.loop = loop
        self.limits = configuration.limits
        self.port = configuration.port
        self.regions = configuration.regions.map { Region($0, loop, configuration.limits) }
        self.writer = ResponseWriter(seed: loop.now)
        self.historySettings = configuration.history
    }

    /// Listens on every port and begins to look for nodes.
    package func start() throws(LoopError) {
        if let settings = self.historySettings {
            self.recorder = try HistoryRecorder(settings, on: self.loop)
        }
        let listener = try self.loop.listen(port: self.port) { self.accept($0, for: nil) }
        self.listener = listener
        self.port = listener.port
        let interval = self.limits.patience.sweepInterval
        self.sweeper = self.loop.timer(afterNanoseconds: interval, everyNanoseconds: interval) {
            self.sweep()
        }
        for region in self.regions {
            try self.listen(for: region)
            for node in region.nodes { node.start() }
        }
    }

    /// Closes everything; the gateway is of no use afterwards.
    package func stop() {
        self.listener?.close()
        self.sweeper?.cancel()
        for region in self.regions {
            region.listener?.close()
            for node in region.nodes { node.stop() }
        }
        for client in self.clients.values { client.tcp.abort() }
        self.recorder?.close()
    }

    package func port(of region: String) -> UInt16? {
        self.regions.first { $0.name == region }?.port
    }

    private func listen(for region: Region) throws(LoopError) {
        let listener = try self.loop.listen(port: region.port) { self.accept($0, for: region) }
        region.listener = listener
        region.port = listener.port
    }

    private func accept(_ tcp: TCPConnection, for region: Region?) {
        guard self.clients.count < self.limits.clientsMax || self.makeRoom() else {
            tcp.abort()
            return
        }
        let client = ClientConnection(self, tcp, portRegion: region)
        self.clients[ObjectIdentifier(client)] = client
    }

    func clientClosed(_ client: ClientConnection) { self.clients[ObjectIdentifier(client)] = nil }

    /// Closes the connection that was quiet for longest, if it was so for long enough.
    private func makeRoom() -> Bool {
        let now = self.loop.now
        let spare = self.clients.values.filter { $0.isSpare(now: now) }
        guard let quietest = spare.min(by: { $0.pace.seenAt < $1.pace.seenAt }) else {
            return false
        }
        self.clientClosed(quietest)
        quietest.tcp.abort()
        return true
    }

    /// Closes the connections of requests that do not become whole.
    private func sweep() {
        let now = self.loop.now
        for client in self.clients.values where client.isOverdue(now: now) { client.tcp.abort() }
    }

    // MARK: Requests

    func handle(_ client: ClientConnection, for region: Region) {
        region.requests += 1
        let faults = region.faults
        if faults.refuses {
            client.tcp.abort()
        } else if faults.swallows {
            client.swallow()
        } else if faults.latency > 0 {
            self.loop.timer(afterNanoseconds: faults.latency) { self.proceed(client, for: region) }
        } else {
            self.proceed(client, for: region)
        }
    }

    private func proceed(_ client: ClientConnection, for region: Region) {
        // The faults may have changed during a delay.
        if region.faults.refuses {
            client.tcp.abort()
        } else if region.faults.swallows {
            client.swallow()
        } else if let answer = region.faults.answer {
            client.answer(answer)
        } else if client.isHealthCheck {
            client.answer(
                status: 200,
                .text,
                Array("healthy: dynamodb.\(region.name).amazonaws.com ".utf8)
            )
        } else {
            region.dispatch(client)
        }
    }

    // MARK: Faults

    /// Replaces the faults of a region's endpoint.
    package func setFaults(_ faults: EndpointFaults, of name: String) throws(GatewayError) {
        guard let region = self.regions.first(where: { $0.name == name }) else {
            throw .unknownRegion(name, known: self.regions.map(\.name))
        }
        let before = region.faults
        if before.refuses && !faults.refuses {
            do throws(LoopError) {
                try self.listen(for: region)
            } catch {
                throw .cannotListen(error.description)
            }
        }
        region.faults = faults
        if faults.refuses && !before.refuses {
            region.listener?.close()
            region.listener = nil
        }
        for client in self.clients.values {
            let isConcerned = client.portRegion === region || client.region === region
            let isStuck = client.isSwallowed && before.swallows && !faults.swallows
            if isConcerned && (faults.refuses || isStuck) { client.tcp.abort() }
        }
    }
}

/// Why the faults of an endpoint could not be changed.
package enum GatewayError: Error, Equatable, Sendable {
    case unknownRegion(String, known: [String])
    case cannotListen(String)
    case malformed(String)

    package var message: String {
        switch self {
        case .unknownRegion(let name, let known):
            "no region \(name); known are \(known.joined(separator: ", "))"
        case .cannotListen(let reason): reason
        case .malformed(let reason): reason
        }
    }
}
