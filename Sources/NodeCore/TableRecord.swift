package import DataModel
package import Primitives

/// What an UpdateTable may change besides the regions.
package struct TableSettings: Equatable, Sendable {
    package var billingMode: BillingMode
    package var payPerRequestSince: WallTime?
    package var throughput: ProvisionedThroughput
    package var stream: StreamDescription?
    package var tableClass: TableClass?
    package var isDeletionProtected: Bool

    package init(
        billingMode: BillingMode,
        payPerRequestSince: WallTime? = nil,
        throughput: ProvisionedThroughput,
        stream: StreamDescription? = nil,
        tableClass: TableClass? = nil,
        isDeletionProtected: Bool = false
    ) {
        self.billingMode = billingMode
        self.payPerRequestSince = payPerRequestSince
        self.throughput = throughput
        self.stream = stream
        self.tableClass = tableClass
        self.isDeletionProtected = isDeletionProtected
    }
}

/// The regions of a global table.
///
/// Each region's catalog holds a copy; the copy with the higher
/// (generation, author) wins, so concurrent changes of two regions converge.
package struct GlobalState: Equatable, Sendable {
    package struct Replica: Equatable, Sendable {
        package var region: RegionID
        package var status: ReplicaStatus
        /// The region that added it: it backfills the new replica with all that it holds.
        package var sponsor: RegionID

        package init(region: RegionID, status: ReplicaStatus, sponsor: RegionID) {
            self.region = region
            self.status = status
            self.sponsor = sponsor
        }
    }

    package var generation: UInt64
    package var author: RegionID
    /// Ordered by rank; empty once the last but one replica is gone.
    package var replicas: [Replica]

    package init(generation: UInt64, author: RegionID, replicas: [Replica]) {
        self.generation = generation
        self.author = author
        self.replicas = replicas
    }

    /// Orders all copies: two regions can make the same generation, and only one of them stays.
    package var version: UInt64 { self.generation << 8 | UInt64(self.author.rank) }

    package func isNewer(than other: GlobalState?) -> Bool {
        guard let other else { return true }
        return self.version > other.version
    }

    package func contains(_ region: RegionID) -> Bool {
        self.replicas.contains { $0.region == region }
    }
}

/// A table of one region, as its catalog keeps it.
package struct TableRecord: Equatable, Sendable {
    package var id: TableID
    package var name: String
    package var schema: KeySchema
    package var settings: TableSettings
    package var createdAt: WallTime
    package var status: TableStatus
    package var global: GlobalState?
    package var options: TableOptions

    package init(
        id: TableID,
        name: String,
        schema: KeySchema,
        settings: TableSettings,
        createdAt: WallTime,
        status: TableStatus,
        global: GlobalState? = nil,
        options: TableOptions = TableOptions()
    ) {
        self.id = id
        self.name = name
        self.schema = schema
        self.settings = settings
        self.createdAt = createdAt
        self.status = status
        self.global = global
        self.options = options
    }

    /// True while items may be read and written in a region: not while the table is made there, nor
    /// while it is still given what other regions hold.
    package func serves(in region: RegionID) -> Bool {
        guard self.status == .active || self.status == .updating else { return false }
        return self.global?.status(of: region) != .creating
    }

    /// True when other regions hold replicas, so deletes leave tombstones.
    package var isGlobal: Bool { (self.global?.replicas.count ?? 0) > 1 }
}
