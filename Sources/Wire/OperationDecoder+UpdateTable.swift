import DataModel
import NodeCore

/// UpdateTable.
extension OperationDecoder {
    static func updateTable(_ tree: RequestTree) throws(ServiceError) -> UpdateTableRequest {
        let settings = TableSettingsParameters(tree)
        let indexes = IndexUpdateParameters(tree)
        let parts = UpdateTableParts(tree, settings, indexes)
        try self.refuse(
            tree,
            [
                "GlobalTableWitnessUpdates", "VectorIndexUpdates",
                "DisassociationProtectionEnabled",
            ]
        )
        guard tree.string("MultiRegionConsistency") != "STRONG" else {
            throw .validation(
                AttributeReader.invalid + "MultiRegionConsistency STRONG is not supported by this "
                    + "version"
            )
        }
        guard parts.changesSomething else { throw UpdateTableParts.nothing(tree) }
        try parts.checkTogether()

        var request = UpdateTableRequest(table: tree.table)
        request.billingMode = settings.billingMode
        request.throughput = try settings.capacity.throughput?.checked()
        try self.checkMode(request)
        request.stream = try settings.streamUpdate()
        request.tableClass = try settings.tableClass()
        request.isDeletionProtected = settings.isDeletionProtected
        request.replicas = try self.replicaUpdates(tree.structures("ReplicaUpdates") ?? [])
        try settings.capacity.checkBounds(of: "table", canClear: true)
        request.onDemand = settings.capacity.onDemand
        request.warm = settings.capacity.warm
        request.encryption = try settings.checkedEncryption()
        request.indexUpdates = try indexes.updates(NamedType.all(tree))
        return request
    }

    private static func checkMode(_ request: UpdateTableRequest) throws(ServiceError) {
        switch request.billingMode {
        case .payPerRequest where request.throughput != nil:
            throw .validation(
                AttributeReader.invalid + "ProvisionedThroughput cannot be specified when "
                    + "BillingMode is PAY_PER_REQUEST"
            )
        case .provisioned where request.throughput == nil:
            throw .validation(
                AttributeReader.invalid + "ProvisionedThroughput must be specified when "
                    + "BillingMode is PROVISIONED"
            )
        case .payPerRequest, .provisioned, nil: return
        }
    }

    private static func replicaUpdates(
        _ trees: [RequestTree]
    ) throws(ServiceError) -> [ReplicaUpdate] {
        var updates: [ReplicaUpdate] = []
        for tree in trees {
            var found: [ReplicaUpdate] = []
            if let create = tree.structure("Create") {
                found.append(.create(region: create.string("RegionName") ?? ""))
            }
            if let update = tree.structure("Update") {
                found.append(.update(region: update.string("RegionName") ?? ""))
            }
            if let delete = tree.structure("Delete") {
                found.append(.delete(region: delete.string("RegionName") ?? ""))
            }
            try self.refuse(tree, ["Disassociate"])
            guard let only = found.first else {
                throw .validation(
                    "There are no actions specified in the Replica Update Action of the request."
                )
            }
            guard found.count == 1 else {
                throw .validation(
                    "Update table operation with more than one type of replica actions not "
                        + "allowed."
                )
            }
            // The same action for the same region again is no second one.
            if !updates.contains(only) { updates.append(only) }
        }
        guard updates.count < 2 else {
            throw .validation(
                "Update table operation with more than one create or delete replica actions not "
                    + "allowed"
            )
        }
        return updates
    }
}

/// Which parts of a table an UpdateTable would change: the service changes one at a time.
///
/// Source: findings 174, 224, 382, 433 and 456 of ack-api-quirks, run against the service in
/// October 2026.
private struct UpdateTableParts {
    private var throughput = false
    private var billing: BillingMode?
    private var stream = false
    private var encryption = false
    private var tableClass = false
    private var protection = false
    private var onDemand = false
    private var warm = false
    private var replicas = false
    private var indexes: IndexUpdateParameters

    init(
        _ tree: RequestTree,
        _ settings: TableSettingsParameters,
        _ indexes: IndexUpdateParameters
    ) {
        self.throughput = settings.capacity.throughput != nil
        self.billing = settings.billingMode
        self.stream = settings.stream != nil
        self.encryption = settings.encryption != nil
        self.tableClass = tree.has("TableClass")
        self.protection = settings.isDeletionProtected != nil
        self.onDemand = settings.capacity.onDemand != nil
        self.warm = settings.capacity.warm != nil
        self.replicas = tree.has("ReplicaUpdates")
        self.indexes = indexes
    }

    private var count: Int {
        [
            self.throughput, self.billing != nil, self.stream, self.encryption, self.tableClass,
            self.protection, self.onDemand, self.warm, self.replicas, !self.indexes.isEmpty,
        ].count { $0 }
    }

    var changesSomething: Bool { self.count > 0 }

    /// The refusal of a request that changes nothing; what it has is not in the list.
    static func nothing(_ tree: RequestTree) -> ServiceError {
        let members = [
            "ProvisionedThroughput", "BillingMode", "UpdateStreamEnabled",
            "GlobalSecondaryIndexUpdates", "SSESpecification", "ReplicaUpdates",
            "MultiAccountReplicaReady", "ReplicaTransitRoleArn", "MultiRegionConsistency",
            "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput",
        ].filter { $0 != "MultiRegionConsistency" || !tree.has($0) }
        return .validation(
            "At least one of " + members.joined(separator: ", ") + " or TableClass is required"
        )
    }

    func checkTogether() throws(ServiceError) {
        if let fault = self.fault() { throw .validation(AttributeReader.invalid + fault) }
    }

    private func fault() -> String? {
        let isAlone = self.count == 1
        let exclusive = " modification must be the only operation in the request"
        if self.replicas, !isAlone { return "Replica" + exclusive }
        if self.encryption, !isAlone { return "Server-Side Encryption" + exclusive }
        if self.tableClass, !isAlone { return "TableClass" + exclusive }
        if self.protection, !isAlone { return "DeletionProtection" + exclusive }
        if self.warm, self.indexes.createsIndexes {
            return "Create global secondary index cannot be specified when updating WarmThroughput"
        }
        if self.onDemand, self.stream || self.warm || self.throughput || !self.indexes.isEmpty {
            return "OnDemandThroughput can only be combined with BillingMode in an UpdateTable "
                + "request"
        }
        if self.warm, !isAlone { return "WarmThroughput must be the only operation in the request" }
        let changesUnits = self.throughput || self.billing == .provisioned
        if changesUnits, self.stream {
            return "You cannot modify stream status while updating table IOPS"
        }
        if changesUnits, self.indexes.changesIndexes {
            return "You cannot create or delete index while updating table IOPS"
        }
        if self.stream, self.indexes.changesIndexes {
            return "You cannot create or delete index while changing stream status"
        }
        return nil
    }
}
