import DataModel
import NodeCore

/// CreateTable, UpdateTable and the operations that only name a table.
extension OperationDecoder {
    static func listTables(_ tree: RequestTree) throws(ServiceError) -> ListTablesRequest {
        let start = try tree.string("ExclusiveStartTableName")
        let limit = try tree.integer("Limit", as: .integer)
        try self.checkNameLength(start, of: "ExclusiveStartTableName")
        var constraints = Constraints()
        self.checkName(start, at: "exclusiveStartTableName", &constraints)
        constraints.value(limit, in: 1...100, at: "limit")
        try constraints.check()
        return ListTablesRequest(exclusiveStart: start, limit: limit ?? 100)
    }

    static func describedTable(_ tree: RequestTree) throws(ServiceError) -> String {
        let table = try self.requiredTable(try tree.string("TableName"))
        var constraints = Constraints()
        self.checkName(table, at: "tableName", &constraints)
        try constraints.check()
        return table
    }

    static func requiredTable(_ text: String?) throws(ServiceError) -> String {
        guard let text else {
            throw .validation(
                "The parameter 'TableName' is required but was not present in the request"
            )
        }
        let name = RequestedTable.name(text)
        try self.checkNameLength(name, of: "TableName")
        return name
    }

    private static func checkNameLength(
        _ name: String?,
        of member: String
    ) throws(ServiceError) {
        guard let name, !(3...255).contains(name.unicodeScalars.count) else { return }
        throw .validation(
            "\(member) must be at least 3 characters long and at most 255 characters long"
        )
    }

    static func checkName(
        _ name: String?,
        at path: String,
        _ constraints: inout Constraints
    ) {
        guard let name, !Constraints.isName(name) else { return }
        constraints.violate(
            name,
            at: path,
            "Member must satisfy regular expression pattern: " + Constraints.namePattern
        )
    }

    // MARK: CreateTable

    static func createTable(_ tree: RequestTree) throws(ServiceError) -> CreateTableRequest {
        let definitions = try tree.structures("AttributeDefinitions", "AttributeDefinition")
        let keySchema = try tree.structures("KeySchema", "KeySchemaElement")
        let settings = try TableSettingsParameters(tree)
        let tags = try self.tags(tree)
        let name = try tree.string("TableName")

        let table = try self.requiredTable(name)
        var constraints = Constraints()
        constraints.notNull(definitions != nil, at: "attributeDefinitions")
        let attributes = try self.definitions(definitions ?? [], &constraints)
        self.checkName(table, at: "tableName", &constraints)
        let checked = settings.check(&constraints)
        constraints.notNull(keySchema != nil, at: "keySchema")
        if let keySchema, !(1...2).contains(keySchema.count) {
            constraints.violate(
                keySchema.isEmpty ? "[]" : "[...]",
                at: "keySchema",
                keySchema.isEmpty ? Constraints.lengthAtLeast + "1" : Constraints.lengthAtMost + "2"
            )
        }
        let keys = try self.keyElements(keySchema ?? [], at: "", &constraints)
        let indexes = try IndexListParameters(tree, &constraints)
        self.checkTags(tags, &constraints)
        try constraints.check()

        var request = CreateTableRequest(
            table: table,
            schema: KeySchema(partitionKey: KeyAttribute(name: [], type: .string))
        )
        request.billingMode = checked.billingMode ?? .provisioned
        request.throughput = try self.throughput(settings, request.billingMode)
        try self.checkDefined(keys + indexes.keys, attributes)
        request.schema = try self.schema(keys, attributes)
        try indexes.add(to: &request, attributes)
        try self.checkUsed(attributes, keys, indexes)
        try self.refuse(tree, ["GlobalTableSourceArn", "VectorIndexes"])
        if case .enable(let view) = try settings.streamUpdate(checked.streamView) {
            request.stream = view
        }
        request.tableClass = checked.tableClass
        request.isDeletionProtected = settings.isDeletionProtected ?? false
        try self.checkTagNames(tags)
        request.tags = tags
        request.onDemand = settings.onDemand
        request.warm = settings.warm
        request.encryption = try settings.encryption(tree)
        if let policy = try tree.string("ResourcePolicy") {
            try self.checkPolicy(policy)
            request.policy = policy
        }
        return request
    }

    /// Every attribute of a key is defined.
    private static func checkDefined(
        _ keys: [KeyElement],
        _ definitions: [NamedType]
    ) throws(ServiceError) {
        guard keys.count <= definitions.count || !definitions.isEmpty else {
            throw .validation("Invalid KeySchema: Some index key attribute have no definition")
        }
        let isDefined = keys.allSatisfy { key in
            definitions.contains { $0.name.utf8.elementsEqual(key.name.utf8) }
        }
        guard !isDefined else { return }
        throw .validation(
            AttributeReader.invalid + "Some index key attributes are not defined in "
                + "AttributeDefinitions. Keys: [" + keys.map(\.name).joined(separator: ", ")
                + "], AttributeDefinitions: ["
                + definitions.map(\.name).joined(separator: ", ") + "]"
        )
    }

    /// Every definition is of an attribute of some key.
    private static func checkUsed(
        _ definitions: [NamedType],
        _ keys: [KeyElement],
        _ indexes: IndexListParameters
    ) throws(ServiceError) {
        guard !indexes.keys.isEmpty else {
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

    private static func definitions(
        _ trees: [RequestTree],
        _ constraints: inout Constraints
    ) throws(ServiceError) -> [NamedType] {
        let types = ChoiceTable<ScalarKeyType>([
            ("B", .binary), ("N", .number), ("S", .string),
        ])
        var definitions: [NamedType] = []
        for (index, tree) in trees.enumerated() {
            let path = "attributeDefinitions.\(index + 1).member."
            let name = try tree.string("AttributeName")
            let type = try tree.string("AttributeType")
            constraints.notNull(name != nil, at: path + "attributeName")
            if let name { constraints.length(of: name, in: 1...255, at: path + "attributeName") }
            constraints.notNull(type != nil, at: path + "attributeType")
            if let choice = constraints.choice(type, of: types, at: path + "attributeType"),
                let name
            {
                definitions.append(NamedType(name: name, type: choice))
            }
        }
        return definitions
    }

    static func keyElements(
        _ trees: [RequestTree],
        at place: String,
        _ constraints: inout Constraints
    ) throws(ServiceError) -> [KeyElement] {
        let types = ChoiceTable<Bool>([("HASH", true), ("RANGE", false)])
        var keys: [KeyElement] = []
        for (index, tree) in trees.enumerated() {
            let path = place + "keySchema.\(index + 1).member."
            let name = try tree.string("AttributeName")
            let type = try tree.string("KeyType")
            constraints.notNull(name != nil, at: path + "attributeName")
            if let name { constraints.length(of: name, in: 1...255, at: path + "attributeName") }
            constraints.notNull(type != nil, at: path + "keyType")
            if let choice = constraints.choice(type, of: types, at: path + "keyType"), let name {
                keys.append(KeyElement(name: name, isPartitionKey: choice))
            }
        }
        return keys
    }

    private static func schema(
        _ keys: [KeyElement],
        _ definitions: [NamedType]
    ) throws(ServiceError) -> KeySchema {
        guard keys.count <= definitions.count else {
            throw .validation("Invalid KeySchema: Some index key attribute have no definition")
        }
        var attributes: [KeyAttribute] = []
        for key in keys {
            let found = definitions.first { $0.name.utf8.elementsEqual(key.name.utf8) }
            guard let found else {
                throw .validation(
                    AttributeReader.invalid + "Some index key attributes are not defined in "
                        + "AttributeDefinitions. Keys: ["
                        + keys.map(\.name).joined(separator: ", ") + "], AttributeDefinitions: ["
                        + definitions.map(\.name).joined(separator: ", ") + "]"
                )
            }
            attributes.append(KeyAttribute(name: Array(found.name.utf8), type: found.type))
        }
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
        _ settings: TableSettingsParameters,
        _ billingMode: BillingMode
    ) throws(ServiceError) -> ProvisionedThroughput {
        switch (billingMode, settings.throughput) {
        case (.payPerRequest, nil): return .none
        case (.payPerRequest, _?):
            throw .validation(
                AttributeReader.invalid + "Neither ReadCapacityUnits nor WriteCapacityUnits can be "
                    + "specified when BillingMode is PAY_PER_REQUEST"
            )
        case (.provisioned, nil):
            throw .validation(
                AttributeReader.invalid + "ReadCapacityUnits and WriteCapacityUnits must both be "
                    + "specified when BillingMode is PROVISIONED"
            )
        case (.provisioned, let throughput?): return try throughput.checked()
        }
    }

    static func tags(_ tree: RequestTree) throws(ServiceError) -> [Tag] {
        var tags: [Tag] = []
        for tag in try tree.structures("Tags", "Tag") ?? [] {
            tags.append(
                Tag(key: try tag.string("Key") ?? "", value: try tag.string("Value") ?? "")
            )
        }
        return tags
    }

    static func checkTags(_ tags: [Tag], _ constraints: inout Constraints) {
        for (index, tag) in tags.enumerated() {
            let path = "tags.\(index + 1).member."
            constraints.length(of: tag.key, in: 1...128, at: path + "key")
            constraints.length(of: tag.value, in: 0...256, at: path + "value")
        }
    }

    // MARK: Not in this version

    private static func refuse(
        _ tree: RequestTree,
        _ members: [String]
    ) throws(ServiceError) {
        for member in members where tree.has(member) {
            throw .validation(
                AttributeReader.invalid + "\(member) is not supported by this version"
            )
        }
    }

    // MARK: UpdateTable

    static func updateTable(_ tree: RequestTree) throws(ServiceError) -> UpdateTableRequest {
        let settings = try TableSettingsParameters(tree)
        let name = try tree.string("TableName")
        let updates = try tree.structures("ReplicaUpdates", "ReplicationGroupUpdate")
        let consistency = try tree.string("MultiRegionConsistency")
        let definitions = try tree.structures("AttributeDefinitions", "AttributeDefinition")

        let table = try self.requiredTable(name)
        var constraints = Constraints()
        self.checkName(table, at: "tableName", &constraints)
        let checked = settings.check(&constraints)
        let isStrong = constraints.choice(
            consistency,
            of: ChoiceTable([("EVENTUAL", false), ("STRONG", true)]),
            at: "multiRegionConsistency"
        )
        if let updates, updates.isEmpty {
            constraints.violate("[]", at: "replicaUpdates", Constraints.lengthAtLeast + "1")
        }
        let replicas = try self.replicaUpdates(updates ?? [], &constraints)
        let attributes = try self.definitions(definitions ?? [], &constraints)
        let indexes = try IndexUpdateParameters(tree, &constraints)
        try constraints.check()

        try self.refuse(tree, ["GlobalTableWitnessUpdates", "VectorIndexUpdates"])
        if isStrong == true {
            throw .validation(
                AttributeReader.invalid + "MultiRegionConsistency STRONG is not supported by this "
                    + "version"
            )
        }
        var request = UpdateTableRequest(table: table)
        request.billingMode = checked.billingMode
        if checked.billingMode == .payPerRequest, settings.throughput != nil {
            _ = try self.throughput(settings, .payPerRequest)
        }
        request.throughput = try settings.throughput?.checked()
        request.stream = try settings.streamUpdate(checked.streamView)
        request.tableClass = checked.tableClass
        request.isDeletionProtected = settings.isDeletionProtected
        request.replicas = replicas
        request.onDemand = settings.onDemand
        request.warm = settings.warm
        request.encryption = try settings.encryption(tree)
        request.indexUpdates = try indexes.updates(attributes)
        guard
            self.changesSomething(request) || !request.indexUpdates.isEmpty
                || request.encryption != nil || request.onDemand != nil || request.warm != nil
        else {
            throw .validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
                    + "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is "
                    + "required"
            )
        }
        return request
    }

    private static func changesSomething(_ request: UpdateTableRequest) -> Bool {
        request.billingMode != nil || request.throughput != nil || request.stream != nil
            || request.tableClass != nil || request.isDeletionProtected != nil
            || !request.replicas.isEmpty
    }

    private static func replicaUpdates(
        _ trees: [RequestTree],
        _ constraints: inout Constraints
    ) throws(ServiceError) -> [ReplicaUpdate] {
        var updates: [ReplicaUpdate] = []
        for (index, tree) in trees.enumerated() {
            var found: [ReplicaUpdate] = []
            for action in ["Create", "Update", "Delete"] {
                let shape = action + "ReplicationGroupMemberAction"
                guard let member = try tree.structure(action, shape) else { continue }
                let region = try member.string("RegionName")
                constraints.notNull(
                    region != nil,
                    at: "replicaUpdates.\(index + 1).member.\(action.lowercased()).regionName"
                )
                let name = region ?? ""
                switch action {
                case "Create": found.append(.create(region: name))
                case "Update": found.append(.update(region: name))
                default: found.append(.delete(region: name))
                }
            }
            guard found.count == 1 else {
                throw .validation(
                    AttributeReader.invalid + "One of ReplicationGroupUpdate.Create, "
                        + "ReplicationGroupUpdate.Update, ReplicationGroupUpdate.Delete must be "
                        + "specified"
                )
            }
            updates.append(found[0])
        }
        return updates
    }
}
