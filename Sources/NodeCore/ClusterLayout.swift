import DataModel
package import Primitives

/// Who is in the cluster: the part of a topology that a core needs.
package struct ClusterLayout: Sendable {
    /// One replica node process.
    package struct Member: Sendable {
        package var id: NodeID
        package var name: String
        package var region: RegionID
        package var zone: String

        package init(id: NodeID, name: String, region: RegionID, zone: String) {
            self.id = id
            self.name = name
            self.region = region
            self.zone = zone
        }
    }

    /// Region names; a region's rank is its index.
    package var regions: [String]
    /// All nodes; a node's id is its index.
    package var members: [Member]

    package init(regions: [String], members: [Member]) {
        for (index, member) in members.enumerated() {
            precondition(Int(member.id.index) == index, "node ids are positions")
            precondition(Int(member.region.rank) < regions.count, "a node's region must exist")
        }
        self.regions = regions
        self.members = members
    }

    package func member(_ id: NodeID) -> Member { self.members[Int(id.index)] }
    package func contains(_ id: NodeID) -> Bool { Int(id.index) < self.members.count }
    package func name(of region: RegionID) -> String { self.regions[Int(region.rank)] }

    package func nodes(in region: RegionID) -> [NodeID] {
        self.members.filter { $0.region == region }.map(\.id)
    }

    package func region(named name: String) -> RegionID? {
        self.regions.firstIndex(of: name).map { RegionID(UInt8($0)) }
    }
}

/// What one node is told at its start.
package struct NodeSettings: Sendable {
    package var id: NodeID
    /// The incarnation that the data directory carries; zero for one that came back empty and has
    /// to ask its region for a new one.
    package var incarnation: UInt32
    package var layout: ClusterLayout
    package var replicationFactor: Int
    package var partitionsPerTable: Int
    package var stampsAreHybrid: Bool
    /// The account number in ARNs.
    package var account: String
    /// Where SDKs with endpoint discovery are sent.
    package var endpointAddress = "127.0.0.1:8000"
    /// Seeds the node's generators (election stagger, choice of peers).
    package var seed: UInt64
    /// Whether every version that a partition applies leaves an ``ApplyRecord``.
    package var recordsApplies = false
    /// Whether every deletion by a sweep leaves a ``SweepRecord``.
    package var recordsSweeps = false
    /// Entries kept in a log for followers that lag a little.
    package var logRetained = NodeLimits.logRetained
    /// Bytes of a part of a snapshot.
    package var snapshotChunkBytes = NodeLimits.snapshotChunkBytes
    /// Bytes that the items of one partition key and their local entries may take.
    package var collectionBytesMax = ItemLimits.collectionBytesMax
    /// How long tables and indexes stay in states that pass.
    package var controlPlaneDelay: Nanoseconds = 0
    /// How often each partition looks for expired items.
    package var expiryPeriod: Nanoseconds = .seconds(60)
    /// Records that one part of an index's backfill reads.
    package var indexBackfillRecords = NodeLimits.indexBackfillRecords
    /// A mistake to be found; only simulations set it.
    package var bug: Bug?

    package init(
        id: NodeID,
        incarnation: UInt32,
        layout: ClusterLayout,
        replicationFactor: Int,
        partitionsPerTable: Int,
        stampsAreHybrid: Bool,
        account: String = "000000000000",
        seed: UInt64
    ) {
        self.id = id
        self.incarnation = incarnation
        self.layout = layout
        self.replicationFactor = replicationFactor
        self.partitionsPerTable = partitionsPerTable
        self.stampsAreHybrid = stampsAreHybrid
        self.account = account
        self.seed = seed
    }

    package var region: RegionID { self.layout.member(self.id).region }
    package var regionName: String { self.layout.name(of: self.region) }
}
