import DataModel
import NodeCore

/// CreateTable and ListTables.
extension OperationDecoder {
    static func listTables(_ tree: RequestTree) -> ListTablesRequest {
        ListTablesRequest(
            exclusiveStart: tree.string("ExclusiveStartTableName"),
            limit: tree.integer("Limit") ?? 100
        )
    }

    static func createTable(_ tree: RequestTree) throws(ServiceError) -> CreateTableRequest {
        let settings = TableSettingsParameters(tree)
        let attributes = NamedType.all(tree) ?? []
        let keys = KeyElement.all(tree)
        let indexes = IndexListParameters(tree)

        var request = CreateTableRequest(
            table: tree.table,
            schema: KeySchema(partitionKey: KeyAttribute(name: [], type: .string))
        )
        let mode = settings.billingMode ?? .provisioned
        request.billingMode = mode
        request.throughput = try self.throughput(settings.capacity, mode)
        try self.checkDistinct(attributes)
        request.schema = try self.schema(keys, attributes)
        try KeyElement.check(keys + indexes.keys, attributes)
        try self.checkUsed(attributes, keys, indexes)
        try indexes.add(to: &request, attributes)
        try self.refuse(tree, ["GlobalTableSourceArn", "VectorIndexes"])
        request.stream = try settings.newStream()
        request.tableClass = try settings.tableClass()
        request.isDeletionProtected = settings.isDeletionProtected ?? false
        request.tags = try self.tags(tree)
        try settings.capacity.checkMode(mode)
        try settings.capacity.checkBounds(of: "table", canClear: false)
        try settings.capacity.checkWarm(of: "table", mode, request.throughput)
        request.onDemand = settings.capacity.onDemand
        request.warm = settings.capacity.warm
        request.encryption = try settings.checkedEncryption()
        request.policy = try tree.string("ResourcePolicy").map { (text) throws(ServiceError) in
            try ResourcePolicyText.checked(text)
        }
        return request
    }

    /// No attribute is defined twice, not even alike.
    private static func checkDistinct(_ definitions: [NamedType]) throws(ServiceError) {
        let names = definitions.map { Array($0.name.utf8) }
        for position in names.indices.dropFirst() where names[..<position].contains(names[position])
        {
            throw .validation("Attribute Name is duplicated: \(definitions[position].name)")
        }
    }

    /// Every definition is of an attribute of some key.
    private static func checkUsed(
        _ definitions: [NamedType],
        _ keys: [KeyElement],
        _ indexes: IndexListParameters
    ) throws(ServiceError) {
        guard !indexes.isAbsent else {
            guard keys.count == definitions.count else {
                throw .validation(
                    AttributeReader.invalid + "Number of attributes in KeySchema does not exactly "
                        + "match number of attributes defined in AttributeDefinitions"
                )
            }
            return
        }
        var used: [String] = []
        for key in keys + indexes.keys where !used.contains(key.name) { used.append(key.name) }
        guard definitions.contains(where: { !used.contains($0.name) }) else { return }
        throw .validation(
            AttributeReader.invalid + "Some AttributeDefinitions are not used. "
                + "AttributeDefinitions: [" + definitions.map(\.name).joined(separator: ", ")
                + "], keys used: [" + used.joined(separator: ", ") + "]"
        )
    }

    private static func schema(
        _ keys: [KeyElement],
        _ definitions: [NamedType]
    ) throws(ServiceError) -> KeySchema {
        guard keys.count <= definitions.count else {
            throw .validation("Invalid KeySchema: Some index key attribute have no definition")
        }
        try KeyElement.check(keys, definitions)
        let attributes = keys.map { $0.attribute(definitions) }
        if attributes.count == 2, attributes[0].name == attributes[1].name {
            throw .validation(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )
        }
        guard keys[0].isPartitionKey else {
            throw .validation(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
            )
        }
        if keys.count == 2, keys[1].isPartitionKey {
            throw .validation(
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
            )
        }
        return KeySchema(
            partitionKey: attributes[0],
            sortKey: attributes.count == 2 ? attributes[1] : nil
        )
    }

    private static func throughput(
        _ capacity: CapacityParameters,
        _ billingMode: BillingMode
    ) throws(ServiceError) -> ProvisionedThroughput {
        switch (billingMode, capacity.throughput) {
        case (.payPerRequest, nil): return .none
        case (.payPerRequest, _?): throw .throughputOnDemand
        case (.provisioned, nil):
            throw .validation(
                AttributeReader.invalid + "ReadCapacityUnits and WriteCapacityUnits must both be "
                    + "specified when BillingMode is PROVISIONED"
            )
        case (.provisioned, let throughput?): return try throughput.checked()
        }
    }

    /// Parameters that this version does not know.
    static func refuse(_ tree: RequestTree, _ members: [String]) throws(ServiceError) {
        for member in members where tree.has(member) {
            throw .validation(
                AttributeReader.invalid + "\(member) is not supported by this version"
            )
        }
    }
}
