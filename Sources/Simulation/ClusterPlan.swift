package import NodeCore
package import Primitives

/// What a simulated cluster is made of, before anything breaks.
package struct ClusterPlan: Equatable, Sendable {
    /// When an acknowledged write survives; the two kinds of the topology files that matter here.
    package enum Durability: String, Sendable, CaseIterable {
        /// The death of the process.
        case process
        /// The loss of power: every turn waits for its sync.
        case disk
    }

    /// How frames cross between two processes.
    package enum Streams: String, Sendable, CaseIterable {
        /// Passed by value: fast.
        case values
        /// Encoded, cut into reads of any size, and put together again.
        case bytes
    }

    package struct Region: Equatable, Sendable {
        package var name: String
        package var nodes: Int

        package init(name: String, nodes: Int) {
            self.name = name
            self.nodes = nodes
        }
    }

    package var name: String
    package var regions: [Region]
    package var replicationFactor = 3
    package var partitionsPerTable = 4
    package var isHybrid = true
    package var durability: Durability = .process
    package var streams: Streams = .values
    /// Directed, by ranks: row from, column to; the diagonal is between zones of a region.
    package var links: [[LinkSettings]]
    /// Wall clocks at the start, by node.
    package var clocks: [ClockSetting]
    /// What a reading of a wall clock is rounded down to.
    package var clockGrain: Nanoseconds = 1
    /// The most that one turn of a node's loop takes; events that come meanwhile share the next.
    package var turnMax: Nanoseconds = 0
    /// What one sync takes, with ``Durability/disk``; each draws up to twice of it.
    package var syncTime: Nanoseconds = 0

    /// How a wall clock differs from true time.
    package struct ClockSetting: Equatable, Sendable {
        package var offset: Int64
        /// Millionths gained.
        package var drift: Int32

        package init(offset: Int64 = 0, drift: Int32 = 0) {
            self.offset = offset
            self.drift = drift
        }
    }

    /// Regions of equal size and equal links.
    package init(
        name: String,
        regions: [String],
        nodesPerRegion: Int,
        near: LinkSettings = LinkSettings(latency: .microseconds(250)),
        far: LinkSettings = LinkSettings(latency: .milliseconds(40))
    ) {
        self.name = name
        self.regions = regions.map { Region(name: $0, nodes: nodesPerRegion) }
        self.links = regions.indices.map { from in
            regions.indices.map { to in from == to ? near : far }
        }
        self.clocks = (0..<regions.count * nodesPerRegion).map { _ in ClockSetting() }
    }

    package var nodeCount: Int { self.regions.reduce(0) { $0 + $1.nodes } }

    /// The region of every node, by node.
    package var regionOfNode: [Int] {
        self.regions.enumerated().flatMap { rank, region in
            [Int](repeating: rank, count: region.nodes)
        }
    }

    /// By number.
    package var nodeNames: [String] { self.layout.members.map(\.name) }

    static let zones: [Character] = ["a", "b", "c"]

    /// `us-east-1-a`; the second node of a zone is `us-east-1-a2`, as topology files name them.
    package var layout: ClusterLayout {
        var members: [ClusterLayout.Member] = []
        for (rank, region) in self.regions.enumerated() {
            for place in 0..<region.nodes {
                let zone = Self.zones[place % Self.zones.count]
                let round = place / Self.zones.count
                members.append(
                    .init(
                        id: NodeID(UInt16(members.count)),
                        name: "\(region.name)-\(zone)" + (round > 0 ? "\(round + 1)" : ""),
                        region: RegionID(UInt8(rank)),
                        zone: String(zone)
                    )
                )
            }
        }
        return ClusterLayout(regions: self.regions.map(\.name), members: members)
    }

    /// The names that made-up regions are given, in order.
    package static let regionNames = [
        "us-east-1", "eu-west-1", "ap-northeast-1", "sa-east-1", "ap-southeast-2", "us-west-2",
        "eu-central-1", "ap-south-1", "ca-central-1", "eu-north-1", "ap-southeast-1", "us-east-2",
        "eu-west-2", "ap-northeast-2", "us-west-1", "eu-west-3", "ap-northeast-3", "eu-south-1",
        "me-south-1", "af-south-1", "ap-east-1", "me-central-1", "eu-south-2", "eu-central-2",
    ]
}
