package import Wire

/// What a gateway serves: regions with their ports and nodes.
package struct GatewayConfiguration: Sendable {
    package struct Node: Sendable {
        package var name: String
        package var port: UInt16

        package init(name: String, port: UInt16) {
            self.name = name
            self.port = port
        }
    }

    package struct Region: Sendable {
        package var name: String
        /// Zero takes any free port.
        package var port: UInt16
        package var nodes: [Node]

        package init(name: String, port: UInt16, nodes: [Node]) {
            self.name = name
            self.port = port
            self.nodes = nodes
        }
    }

    /// The port for all regions; zero takes any free port.
    package var port: UInt16
    /// The first region also answers unsigned requests.
    package var regions: [Region]
    package var limits: GatewayLimits
    /// Nil: none is kept.
    package var history: HistorySettings?

    package init(port: UInt16, regions: [Region], limits: GatewayLimits = GatewayLimits()) {
        precondition(!regions.isEmpty, "a gateway needs a region")
        self.port = port
        self.regions = regions
        self.limits = limits
    }
}

/// Bounds of everything that could grow, and the times of the health checks, in nanoseconds.
///
/// The size of one request and one response is bounded by the HTTP parsers (16 MB, DynamoDB's own
/// limit), and a client has one request under way at a time.
package struct GatewayLimits: Sendable {
    package var clientsMax = 8192
    package var patience = ClientPatience()
    /// Bytes of later requests that a client may send ahead before it is no longer read.
    package var pipelinedBytesMax = 1 << 20
    /// Bytes waiting for a slow client before its next request is begun.
    package var clientBacklogBytesMax = 1 << 20
    package var connectionsPerNodeMax = 256
    /// Requests of a region that wait for a connection.
    package var waitingRequestsMax = 4096
    package var healthInterval: UInt64 = 200_000_000
    /// Between attempts to reach a node that is down.
    package var retryInterval: UInt64 = 50_000_000
    /// A node without an answer for so long gets no more requests while others do answer.
    package var suspectAfter: UInt64 = 600_000_000
    /// A node without an answer for so long is given up, and what it was asked is answered with
    /// 500.
    package var downAfter: UInt64 = 3_000_000_000
    /// What a fault may add to each request's time.
    package var faultLatencyMax: UInt64 = 600_000_000_000

    package init() {}
}
