package import Placement
package import Primitives

/// When an acknowledged write survives: the loss of the process, or the loss of power.
package enum Durability: String, CaseIterable, Sendable {
    /// Survives `kill -9`: written to the log, left to the kernel to bring to the disk.
    case process
    /// Survives a power cut: one sync for all writes of a loop turn, before they are acknowledged.
    case disk
    /// Nothing survives the process; for experiments that only want speed.
    case memory
}

/// What last-writer-wins compares between regions.
package enum StampKind: String, CaseIterable, Sendable {
    /// Hybrid logical clocks: a write that follows another one causally always wins over it.
    case hybrid
    /// Raw wall clocks, so that skew can be shown to lose newer writes.
    case wall
}

/// How a node's wall clock differs from the machine's.
package struct ClockSettings: Hashable, Sendable {
    /// Added to the machine's clock.
    package var offsetNanoseconds: Int64
    /// Microseconds gained in each second.
    package var driftPPM: Int32

    package init(offsetNanoseconds: Int64 = 0, driftPPM: Int32 = 0) {
        self.offsetNanoseconds = offsetNanoseconds
        self.driftPPM = driftPPM
    }

    package static let exact = ClockSettings()
}

/// A whole cluster as its file describes it: regions, nodes, network, clocks and ports.
///
/// Every process of the cluster reads the same file and so arrives at the same numbers: a region's
/// rank and a node's id are positions in the file. A value of this type is valid; what a file can
/// get wrong is reported by the reader before one exists.
package struct Topology: Equatable, Sendable {
    /// One region: nodes that replicate among themselves, reached at one endpoint.
    package struct Region: Equatable, Sendable {
        package var id: RegionID
        package var name: String
        package var zones: [String]
        package var nodes: [NodeID]
        /// The gateway's port for this region alone.
        package var port: UInt16
    }

    /// One replica node process.
    package struct Node: Equatable, Sendable {
        package var id: NodeID
        /// `us-east-1-a`; the second node of a zone is `us-east-1-a2`.
        package var name: String
        package var region: RegionID
        package var zone: String
        /// Where the node answers DynamoDB requests.
        package var clientPort: UInt16
        /// Where other nodes connect.
        package var peerPort: UInt16
        package var clock: ClockSettings
    }

    package internal(set) var name: String
    /// The file that it was read from.
    package internal(set) var path: String
    /// By rank.
    package internal(set) var regions: [Region]
    /// By id; those of a region are neighbours.
    package internal(set) var nodes: [Node]
    package internal(set) var replicationFactor: Int
    package internal(set) var partitionsPerTable: Int
    package internal(set) var durability: Durability
    package internal(set) var stamps: StampKind
    /// Where requests go whose signature names no region.
    package internal(set) var defaultRegion: RegionID
    package internal(set) var gatewayPort: UInt16
    package internal(set) var controlPort: UInt16
    /// One-way delay between two zones of a region.
    package internal(set) var zoneLatency: Nanoseconds
    /// Directed, by ranks: row `from`, column `to`.
    var regionLinks: [[LinkSettings]]
    package internal(set) var tables = TableTopology()

    // MARK: Lookup

    package func node(_ id: NodeID) -> Node { self.nodes[Int(id.index)] }
    package func region(_ id: RegionID) -> Region { self.regions[Int(id.rank)] }

    package func node(named name: String) -> Node? { self.nodes.first { $0.name == name } }
    package func region(named name: String) -> Region? { self.regions.first { $0.name == name } }

    /// The nodes that a word on a command line means: a node, a region, a zone (`us-east-1a` or
    /// `us-east-1/a`), or `all`.
    ///
    /// - Returns: nil when the word means nothing here.
    package func nodes(matching word: String) -> [NodeID]? {
        if word == "all" { return self.nodes.map(\.id) }
        if let region = self.region(named: word) { return region.nodes }
        if let node = self.node(named: word) { return [node.id] }
        let found = self.nodes.filter { node in
            let region = self.region(node.region).name
            return word == region + node.zone || word == region + "/" + node.zone
        }
        return found.isEmpty ? nil : found.map(\.id)
    }

    /// Every word that ``nodes(matching:)`` knows, for messages and completion.
    package var selectorWords: [String] {
        let zones = self.regions.flatMap { region in region.zones.map { region.name + $0 } }
        return self.regions.map(\.name) + self.nodes.map(\.name) + zones + ["all"]
    }

    // MARK: Network

    /// What the network does between two nodes, in this direction, while nothing is broken.
    package func linkSettings(from source: NodeID, to target: NodeID) -> LinkSettings {
        let (source, target) = (self.node(source), self.node(target))
        guard source.region == target.region else {
            return self.linkSettings(from: source.region, to: target.region)
        }
        return source.zone == target.zone ? .instant : LinkSettings(latency: self.zoneLatency)
    }

    /// What the network does between two regions, in this direction; instant within one.
    package func linkSettings(from source: RegionID, to target: RegionID) -> LinkSettings {
        self.regionLinks[Int(source.rank)][Int(target.rank)]
    }

    /// The round trip that the file asks for between two regions, without jitter.
    package func roundTrip(_ source: RegionID, _ target: RegionID) -> Nanoseconds {
        self.linkSettings(from: source, to: target).latency
            + self.linkSettings(from: target, to: source).latency
    }

    // MARK: Placement

    /// The hash ring of a region with all its nodes.
    package func ring(of region: RegionID) -> HashRing {
        HashRing(
            self.region(region).nodes.map { id in
                let node = self.node(id)
                return RingMember(node: id, name: node.name, zone: node.zone)
            }
        )
    }
}

/// What a topology says of tables.
package struct TableTopology: Equatable, Sendable {
    /// How long tables and indexes stay in states that pass.
    package internal(set) var controlPlaneDelay: Nanoseconds = 0
    /// How often each partition looks for expired items.
    package internal(set) var expiryPeriod: Nanoseconds = .seconds(60)
    /// Bytes of the items of one partition key in tables with local indexes.
    package internal(set) var collectionBytesMax: UInt64 = 10 << 30
}
