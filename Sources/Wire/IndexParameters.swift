import DataModel
import NodeCore

/// A key attribute's name and type, as `AttributeDefinitions` has it.
struct NamedType {
    var name: String
    var type: ScalarKeyType
}

/// One entry of a `KeySchema`.
struct KeyElement {
    var name: String
    var isPartitionKey: Bool
}

/// A secondary index of a request, typed but not yet checked against the table.
struct IndexParameters {
    let name: String
    let keys: [KeyElement]
    private let projectionType: String?
    private let nonKeys: [String]?
    let capacity: CapacityParameters

    private static let projectionTypes = ["ALL", "INCLUDE", "KEYS_ONLY"]

    init(
        _ tree: RequestTree,
        at path: String,
        _ constraints: inout Constraints
    ) throws(ServiceError) {
        let name = try tree.string("IndexName")
        let keySchema = try tree.structures("KeySchema", "KeySchemaElement")
        let projection = try tree.structure("Projection", "Projection")
        self.projectionType = try projection?.string("ProjectionType")
        self.nonKeys = try projection?.strings("NonKeyAttributes")
        self.capacity = try CapacityParameters(tree, at: path, &constraints)
        constraints.notNull(name != nil, at: path + "indexName")
        constraints.name(name, at: path + "indexName")
        constraints.notNull(keySchema != nil, at: path + "keySchema")
        if let keySchema, keySchema.isEmpty {
            constraints.violate("[]", at: path + "keySchema", Constraints.lengthAtLeast + "1")
        }
        constraints.notNull(projection != nil, at: path + "projection")
        _ = constraints.choice(
            self.projectionType,
            of: ChoiceTable(Self.projectionTypes.map { ($0, $0) }),
            at: path + "projection.projectionType"
        )
        if let nonKeys = self.nonKeys, !(1...20).contains(nonKeys.count) {
            constraints.violate(
                nonKeys.isEmpty ? "[]" : "[\(nonKeys.joined(separator: ", "))]",
                at: path + "projection.nonKeyAttributes",
                nonKeys.isEmpty
                    ? Constraints.lengthAtLeast + "1" : Constraints.lengthAtMost + "20"
            )
        }
        self.name = name ?? ""
        self.keys = try OperationDecoder.keyElements(keySchema ?? [], at: path, &constraints)
    }

    /// What entries hold.
    func projection() throws(ServiceError) -> IndexProjection {
        let invalid = AttributeReader.invalid
        switch (self.projectionType, self.nonKeys) {
        case (nil, _): throw .validation(invalid + "Unknown ProjectionType: null")
        case ("INCLUDE"?, let names?): return .include(names.map { Array($0.utf8) })
        case ("INCLUDE"?, nil):
            throw .validation(
                invalid + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
            )
        case (let type?, nil): return type == "ALL" ? .all : .keysOnly
        case (let type?, _?):
            throw .validation(
                invalid + "ProjectionType is \(type), but NonKeyAttributes is specified"
            )
        }
    }

    /// The key's attributes in two lists.
    func indexKeys(_ definitions: [NamedType]) throws(ServiceError) -> IndexKeys {
        var keys = IndexKeys(partition: [], sort: [])
        for element in self.keys {
            guard
                let found = definitions.first(where: {
                    $0.name.utf8.elementsEqual(element.name.utf8)
                })
            else { preconditionFailure("every key attribute is defined") }
            let attribute = KeyAttribute(name: Array(found.name.utf8), type: found.type)
            guard !keys.isKey(attribute.name) else {
                throw .validation(
                    "Both the Hash Key and the Range Key element in the KeySchema have the same "
                        + "name"
                )
            }
            if element.isPartitionKey {
                guard keys.sort.isEmpty else {
                    throw .validation(
                        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
                    )
                }
                keys.partition.append(attribute)
            } else {
                keys.sort.append(attribute)
            }
        }
        guard !keys.partition.isEmpty else {
            throw .validation(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
            )
        }
        guard keys.partition.count <= IndexKeys.attributesMax,
            keys.sort.count <= IndexKeys.attributesMax
        else {
            throw .validation(
                AttributeReader.invalid + "A key of index \(self.name) can have at most "
                    + "\(IndexKeys.attributesMax) HASH and \(IndexKeys.attributesMax) RANGE "
                    + "attributes"
            )
        }
        return keys
    }
}

/// The throughputs of a table or index, typed.
struct CapacityParameters {
    let throughput: TableSettingsParameters.Throughput?
    let onDemand: OnDemandThroughput?
    let warm: WarmThroughput?

    init(
        _ tree: RequestTree,
        at path: String,
        _ constraints: inout Constraints
    ) throws(ServiceError) {
        let throughput = try tree.structure("ProvisionedThroughput", "ProvisionedThroughput")
        if let throughput {
            let read = try throughput.integer("ReadCapacityUnits")
            let write = try throughput.integer("WriteCapacityUnits")
            for (name, units) in [("writeCapacityUnits", write), ("readCapacityUnits", read)] {
                let place = path + "provisionedThroughput." + name
                constraints.notNull(units != nil, at: place)
                constraints.value(units, in: 1...Int.max, at: place)
            }
            self.throughput = .init(readUnits: read, writeUnits: write)
        } else {
            self.throughput = nil
        }
        self.onDemand = try Self.onDemand(tree)
        self.warm = try Self.warm(tree)
    }

    /// `OnDemandThroughput`; -1 takes a bound away.
    static func onDemand(_ tree: RequestTree) throws(ServiceError) -> OnDemandThroughput? {
        guard let bounds = try tree.structure("OnDemandThroughput", "OnDemandThroughput") else {
            return nil
        }
        return OnDemandThroughput(
            readUnitsMax: try bounds.integer("MaxReadRequestUnits").flatMap { $0 < 0 ? nil : $0 },
            writeUnitsMax: try bounds.integer("MaxWriteRequestUnits").flatMap { $0 < 0 ? nil : $0 }
        )
    }

    static func warm(_ tree: RequestTree) throws(ServiceError) -> WarmThroughput? {
        guard let warm = try tree.structure("WarmThroughput", "WarmThroughput") else {
            return nil
        }
        return WarmThroughput(
            readUnits: UInt64(clamping: try warm.integer("ReadUnitsPerSecond") ?? 0),
            writeUnits: UInt64(clamping: try warm.integer("WriteUnitsPerSecond") ?? 0)
        )
    }

    /// The provisioned throughput of an index.
    func provisioned(
        _ billingMode: BillingMode,
        _ index: String
    ) throws(ServiceError) -> ProvisionedThroughput {
        switch (billingMode, self.throughput) {
        case (.payPerRequest, nil): return .none
        case (.payPerRequest, _?):
            throw .validation(
                AttributeReader.invalid + "ProvisionedThroughput should not be specified for "
                    + "index: \(index) when BillingMode is PAY_PER_REQUEST"
            )
        case (.provisioned, nil):
            throw .validation(
                AttributeReader.invalid + "ProvisionedThroughput must be specified for index: "
                    + index
            )
        case (.provisioned, let throughput?): return try throughput.checked()
        }
    }
}

/// The indexes of a CreateTable.
struct IndexListParameters {
    let locals: [IndexParameters]
    let globals: [IndexParameters]
    private let hasEmptyList: String?

    init(_ tree: RequestTree, _ constraints: inout Constraints) throws(ServiceError) {
        var empty: String?
        var lists: [[IndexParameters]] = []
        for (member, path) in [
            ("LocalSecondaryIndexes", "localSecondaryIndexes"),
            ("GlobalSecondaryIndexes", "globalSecondaryIndexes"),
        ] {
            var indexes: [IndexParameters] = []
            let trees = try tree.structures(member, String(member.dropLast(2)))
            for (number, tree) in (trees ?? []).enumerated() {
                let place = "\(path).\(number + 1).member."
                indexes.append(try IndexParameters(tree, at: place, &constraints))
            }
            if trees?.isEmpty == true, empty == nil { empty = member }
            lists.append(indexes)
        }
        self.locals = lists[0]
        self.globals = lists[1]
        self.hasEmptyList = empty
    }

    var keys: [KeyElement] { (self.locals + self.globals).flatMap(\.keys) }

    /// Checks the indexes against each other and the table's key, and adds them.
    func add(
        to request: inout CreateTableRequest,
        _ definitions: [NamedType]
    ) throws(ServiceError) {
        let invalid = AttributeReader.invalid
        if let member = self.hasEmptyList {
            throw .validation(invalid + "List of \(member) is empty")
        }
        guard self.locals.count <= NodeLimits.localIndexesMax else {
            throw .validation(
                invalid + "Number of LocalSecondaryIndexes exceeds per-table limit of "
                    + "\(NodeLimits.localIndexesMax)"
            )
        }
        guard self.globals.count <= NodeLimits.globalIndexesMax else {
            throw .validation(
                invalid + "GlobalSecondaryIndex count exceeds the per-table limit of "
                    + "\(NodeLimits.globalIndexesMax)"
            )
        }
        var names: [String] = []
        for index in self.locals + self.globals {
            guard !names.contains(index.name) else {
                throw .validation(invalid + "Duplicate index name: \(index.name)")
            }
            names.append(index.name)
        }
        for index in self.locals {
            request.locals.append(try Self.local(index, request.schema, definitions))
        }
        for index in self.globals {
            let definition = IndexDefinition(
                name: index.name,
                keys: try index.indexKeys(definitions),
                projection: try index.projection()
            )
            request.globals.append(
                IndexRecord(
                    definition: definition,
                    throughput: try index.capacity.provisioned(request.billingMode, index.name),
                    onDemand: index.capacity.onDemand,
                    warm: index.capacity.warm
                )
            )
        }
        try Self.checkProjections(request.locals + request.globals.map(\.definition))
    }

    private static func local(
        _ index: IndexParameters,
        _ table: KeySchema,
        _ definitions: [NamedType]
    ) throws(ServiceError) -> IndexDefinition {
        let invalid = AttributeReader.invalid
        guard table.sortKey != nil else {
            throw .validation(
                invalid + "Table KeySchema does not have a range key, which is required when "
                    + "specifying a LocalSecondaryIndex"
            )
        }
        let keys = try index.indexKeys(definitions)
        guard keys.partition.count == 1, keys.partition[0] == table.partitionKey else {
            let own = String(decoding: keys.partition[0].name, as: UTF8.self)
            let hash = String(decoding: table.partitionKey.name, as: UTF8.self)
            throw .validation(
                invalid + "Index KeySchema does not have the same leading hash key as table "
                    + "KeySchema for index: \(index.name). index hash key: \(own), "
                    + "table hash key: \(hash)"
            )
        }
        guard keys.sort.count == 1 else {
            throw .validation(
                invalid + "Index KeySchema does not have a range key for index: \(index.name)"
            )
        }
        return IndexDefinition(name: index.name, keys: keys, projection: try index.projection())
    }

    static func checkProjections(_ indexes: [IndexDefinition]) throws(ServiceError) {
        var count = 0
        for index in indexes {
            if case .include(let names) = index.projection { count += names.count }
        }
        guard count <= NodeLimits.projectedNamesMax else {
            throw .validation(
                AttributeReader.invalid + "Number of NonKeyAttributes of all indexes exceeds the "
                    + "per-table limit of \(NodeLimits.projectedNamesMax)"
            )
        }
    }
}

/// `GlobalSecondaryIndexUpdates`.
struct IndexUpdateParameters {
    private enum Update {
        case create(IndexParameters)
        case update(String, CapacityParameters)
        case delete(String)
    }

    private var all: [Update] = []

    init(_ tree: RequestTree, _ constraints: inout Constraints) throws(ServiceError) {
        let trees = try tree.structures("GlobalSecondaryIndexUpdates", "GlobalSecondaryIndexUpdate")
        for (number, tree) in (trees ?? []).enumerated() {
            let path = "globalSecondaryIndexUpdates.\(number + 1).member."
            var found: [Update] = []
            if let create = try tree.structure("Create", "CreateGlobalSecondaryIndexAction") {
                let index = try IndexParameters(create, at: path + "create.", &constraints)
                found.append(.create(index))
            }
            if let update = try tree.structure("Update", "UpdateGlobalSecondaryIndexAction") {
                let capacity = try CapacityParameters(update, at: path + "update.", &constraints)
                let name = try Self.name(update, at: path + "update.indexName", &constraints)
                found.append(.update(name, capacity))
            }
            if let delete = try tree.structure("Delete", "DeleteGlobalSecondaryIndexAction") {
                let name = try Self.name(delete, at: path + "delete.indexName", &constraints)
                found.append(.delete(name))
            }
            guard found.count == 1 else {
                throw .validation(
                    AttributeReader.invalid + "One of GlobalSecondaryIndexUpdate.Create, "
                        + "GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Delete "
                        + "must be specified"
                )
            }
            self.all += found
        }
    }

    private static func name(
        _ tree: RequestTree,
        at path: String,
        _ constraints: inout Constraints
    ) throws(ServiceError) -> String {
        let name = try tree.string("IndexName")
        constraints.notNull(name != nil, at: path)
        constraints.name(name, at: path)
        return name ?? ""
    }

    /// The updates; the attributes of a new index's key are those of this request.
    func updates(_ definitions: [NamedType]) throws(ServiceError) -> [IndexUpdate] {
        var names: [String] = []
        var updates: [IndexUpdate] = []
        for update in self.all {
            let name: String
            switch update {
            case .create(let index):
                name = index.name
                updates.append(.create(try Self.created(index, definitions)))
            case .update(let index, let capacity):
                name = index
                updates.append(
                    .update(
                        index,
                        try capacity.throughput?.checked(),
                        capacity.onDemand,
                        capacity.warm
                    )
                )
            case .delete(let index):
                name = index
                updates.append(.delete(index))
            }
            guard !names.contains(name) else {
                throw .validation(
                    AttributeReader.invalid + "Only one global secondary index update per index is "
                        + "allowed simultaneously. Index: \(name)"
                )
            }
            names.append(name)
        }
        return updates
    }

    private static func created(
        _ index: IndexParameters,
        _ definitions: [NamedType]
    ) throws(ServiceError) -> IndexRecord {
        let isDefined = index.keys.allSatisfy { key in
            definitions.contains { $0.name.utf8.elementsEqual(key.name.utf8) }
        }
        guard isDefined else {
            throw .validation(
                AttributeReader.invalid + "Some index key attributes are not defined in "
                    + "AttributeDefinitions. Keys: ["
                    + index.keys.map(\.name).joined(separator: ", ")
                    + "], AttributeDefinitions: ["
                    + definitions.map(\.name).joined(separator: ", ") + "]"
            )
        }
        let definition = IndexDefinition(
            name: index.name,
            keys: try index.indexKeys(definitions),
            projection: try index.projection()
        )
        return IndexRecord(
            definition: definition,
            throughput: try index.capacity.throughput?.checked() ?? .none,
            onDemand: index.capacity.onDemand,
            warm: index.capacity.warm
        )
    }
}
