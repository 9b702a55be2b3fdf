package import DataModel
package import Primitives

/// `TableStatus`; the states that Atoll's tables pass through.
package enum TableStatus: UInt8, Equatable, Sendable, CaseIterable {
    case creating, updating, deleting, active
}

/// `ReplicaStatus`.
package enum ReplicaStatus: UInt8, Equatable, Sendable, CaseIterable {
    case creating, creationFailed, updating, deleting, active, regionDisabled
}

/// One region's replica of a global table, as `DescribeTable` lists it.
package struct ReplicaDescription: Equatable, Sendable {
    package var region: String
    package var status: ReplicaStatus
    /// Why a creation failed.
    package var statusDescription: String?
    /// 0…100 while the replica is backfilled.
    package var progressPercent: Int?
    package var tableClass: TableClass?

    package init(region: String, status: ReplicaStatus) {
        self.region = region
        self.status = status
    }
}

/// A table's stream, as `DescribeTable` shows it.
package struct StreamDescription: Equatable, Sendable {
    package var view: StreamView
    /// When it was enabled; its label and ARN are made from it.
    package var enabledAt: WallTime

    package init(view: StreamView, enabledAt: WallTime) {
        self.view = view
        self.enabledAt = enabledAt
    }
}

/// The 128 bits that tell a table from another of its name, shown as a UUID.
package struct TableUUID: Equatable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What CreateTable, UpdateTable, DeleteTable and DescribeTable answer.
///
/// The ARN is made when the response is encoded: from `region`, `accountID` and the name.
package struct TableDescription: Equatable, Sendable {
    package var table: String
    /// The region that answers.
    package var region: String
    /// Twelve digits.
    package var accountID = ownAccountID
    /// `TableId`.
    package var id = TableUUID(high: 0, low: 0)
    package var status: TableStatus
    package var createdAt: WallTime
    package var schema: KeySchema
    /// Known only roughly, as the service's figures are.
    package var itemCount: UInt64 = 0
    package var sizeBytes: UInt64 = 0
    package var billingMode: BillingMode = .provisioned
    /// When the table was last switched to billing by request.
    package var payPerRequestSince: WallTime?
    package var throughput: ProvisionedThroughput = .none
    package var stream: StreamDescription?
    package var tableClass: TableClass?
    package var isDeletionProtected = false
    /// Every region of the table, this one too; empty for a table of one region.
    package var replicas: [ReplicaDescription] = []
    /// `AttributeDefinitions`; of the table's key alone when empty.
    package var attributes: [KeyAttribute] = []
    package var locals: [IndexDescription] = []
    package var globals: [IndexDescription] = []
    package var throughputDates = ThroughputDates()
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?
    package var encryption: Encryption?
    package var policyRevision: UInt64?

    /// The account that owns everything here.
    package static let ownAccountID = "000000000000"

    package init(
        table: String,
        region: String,
        status: TableStatus,
        createdAt: WallTime,
        schema: KeySchema
    ) {
        self.table = table
        self.region = region
        self.status = status
        self.createdAt = createdAt
        self.schema = schema
    }
}
