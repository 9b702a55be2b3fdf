import Primitives
package import Topology

/// A topology's ports, moved by an offset so that several clusters fit on one machine.
package struct ClusterPorts: Equatable, Sendable {
    package var gateway: UInt16
    package var control: UInt16
    /// By rank.
    package var regions: [UInt16]
    /// Where nodes answer clients, by id.
    package var clients: [UInt16]
    /// Where nodes answer each other, by id.
    package var peers: [UInt16]

    /// Nil when the offset moves a port out of 1024…65535.
    package init?(_ topology: Topology, offset: Int) {
        func moved(_ port: UInt16) -> UInt16? {
            let moved = Int(port) + offset
            return TopologyLimits.ports.contains(moved) ? UInt16(moved) : nil
        }
        guard let gateway = moved(topology.gatewayPort), let control = moved(topology.controlPort)
        else { return nil }
        self.gateway = gateway
        self.control = control
        self.regions = topology.regions.compactMap { moved($0.port) }
        self.clients = topology.nodes.compactMap { moved($0.clientPort) }
        self.peers = topology.nodes.compactMap { moved($0.peerPort) }
        guard self.regions.count == topology.regions.count,
            self.clients.count == topology.nodes.count, self.peers.count == topology.nodes.count
        else { return nil }
    }

    /// Every port with what it is for.
    package func all(_ topology: Topology) -> [(port: UInt16, purpose: String)] {
        var ports = [(self.gateway, "the gateway"), (self.control, "the control API")]
        ports += topology.regions.map { (self.regions[Int($0.id.rank)], "region \($0.name)") }
        ports += topology.nodes.map { (self.clients[Int($0.id.index)], "node \($0.name)") }
        ports += topology.nodes.map {
            (self.peers[Int($0.id.index)], "node \($0.name) for its peers")
        }
        return ports
    }
}
