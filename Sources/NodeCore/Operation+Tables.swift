package import DataModel

/// `BillingMode`.
package enum BillingMode: UInt8, Equatable, Sendable, CaseIterable {
    case provisioned, payPerRequest
}

/// `TableClass`.
package enum TableClass: UInt8, Equatable, Sendable, CaseIterable {
    case standard, standardInfrequentAccess
}

/// `ProvisionedThroughput`, in capacity units a second; both zero for a table billed by request.
package struct ProvisionedThroughput: Equatable, Sendable {
    package var readUnits: UInt64
    package var writeUnits: UInt64

    package init(readUnits: UInt64, writeUnits: UInt64) {
        self.readUnits = readUnits
        self.writeUnits = writeUnits
    }

    package static let none = ProvisionedThroughput(readUnits: 0, writeUnits: 0)
}

/// `StreamViewType`: what a stream record shows of a change.
package enum StreamView: UInt8, Equatable, Sendable, CaseIterable {
    case keysOnly, newImage, oldImage, newAndOldImages
}

/// A tag of a table.
package struct Tag: Equatable, Sendable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// `CreateTable`.
///
/// The schema is checked: each key attribute is defined, and nothing else is.
package struct CreateTableRequest: Equatable, Sendable {
    package var table: String
    package var schema: KeySchema
    package var billingMode: BillingMode = .provisioned
    /// Zero for `payPerRequest`, at least 1 each for `provisioned`.
    package var throughput: ProvisionedThroughput = .none
    /// Nil: no stream.
    package var stream: StreamView?
    package var tableClass: TableClass?
    package var isDeletionProtected = false
    package var tags: [Tag] = []
    package var locals: [IndexDefinition] = []
    package var globals: [IndexRecord] = []
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?
    package var encryption: Encryption?
    /// `ResourcePolicy`, as text.
    package var policy: String?

    package init(table: String, schema: KeySchema) {
        self.table = table
        self.schema = schema
    }
}

/// One entry of `ReplicaUpdates`.
package enum ReplicaUpdate: Equatable, Sendable {
    case create(region: String)
    /// Settings of a replica; accepted, and without effect here.
    case update(region: String)
    case delete(region: String)

    package var region: String {
        switch self {
        case .create(let region), .update(let region), .delete(let region): region
        }
    }
}

/// What `UpdateTable` does to a table's stream.
package enum StreamUpdate: Equatable, Sendable {
    case enable(StreamView)
    case disable
}

/// `UpdateTable`; nil members stay as they are.
package struct UpdateTableRequest: Equatable, Sendable {
    package var table: String
    package var billingMode: BillingMode?
    package var throughput: ProvisionedThroughput?
    package var stream: StreamUpdate?
    package var tableClass: TableClass?
    package var isDeletionProtected: Bool?
    package var replicas: [ReplicaUpdate] = []
    package var indexUpdates: [IndexUpdate] = []
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?
    package var encryption: Encryption?

    package init(table: String) { self.table = table }

    /// Whether only deletion protection changes: at once, and whatever else is under way.
    var isOfProtectionAlone: Bool {
        var other = UpdateTableRequest(table: self.table)
        other.isDeletionProtected = self.isDeletionProtected
        return self.isDeletionProtected != nil && self == other
    }
}
