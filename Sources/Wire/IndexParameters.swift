import DataModel
import NodeCore

/// A key attribute's name and type, as `AttributeDefinitions` has it.
struct NamedType {
    var name: String
    var type: ScalarKeyType

    /// `AttributeDefinitions`; nil when the request has none.
    static func all(_ tree: RequestTree) -> [NamedType]? {
        let types = ChoiceTable<ScalarKeyType>([
            ("B", .binary), ("N", .number), ("S", .string),
        ])
        return tree.structures("AttributeDefinitions")?.compactMap { tree in
            guard let name = tree.string("AttributeName"),
                let type = tree.choice("AttributeType", of: types)
            else { return nil }
            return NamedType(name: name, type: type)
        }
    }
}

/// One entry of a `KeySchema`.
struct KeyElement {
    var name: String
    var isPartitionKey: Bool

    static func all(_ tree: RequestTree) -> [KeyElement] {
        (tree.structures("KeySchema") ?? []).compactMap { tree in
            guard let name = tree.string("AttributeName"), let type = tree.string("KeyType") else {
                return nil
            }
            return KeyElement(name: name, isPartitionKey: type == "HASH")
        }
    }

    /// Every attribute of a key is defined.
    static func check(
        _ keys: [KeyElement],
        _ definitions: [NamedType]
    ) throws(ServiceError) {
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

    /// The attribute with its type.
    func attribute(_ definitions: [NamedType]) -> KeyAttribute {
        guard
            let found = definitions.first(where: { $0.name.utf8.elementsEqual(self.name.utf8) })
        else { preconditionFailure("every key attribute is defined") }
        return KeyAttribute(name: Array(found.name.utf8), type: found.type)
    }
}

/// A secondary index of a request, not yet checked against the table.
struct IndexParameters {
    let name: String
    let keys: [KeyElement]
    private let projectionType: String?
    private let nonKeys: [String]?
    let capacity: CapacityParameters

    init(_ tree: RequestTree) {
        let projection = tree.structure("Projection")
        self.name = tree.string("IndexName") ?? ""
        self.keys = KeyElement.all(tree)
        self.projectionType = projection?.string("ProjectionType")
        self.nonKeys = projection?.strings("NonKeyAttributes")
        self.capacity = CapacityParameters(tree)
    }

    /// What entries hold; names are kept in order, as the service shows them.
    func projection() throws(ServiceError) -> IndexProjection {
        let invalid = AttributeReader.invalid
        switch (self.projectionType, self.nonKeys) {
        case (nil, _): throw .validation(invalid + "Unknown ProjectionType: null")
        case ("INCLUDE"?, let names?):
            let sorted = names.map { Array($0.utf8) }
                .sorted { $0.lexicographicallyPrecedes($1) }
            for (one, next) in zip(sorted, sorted.dropFirst()) where one == next {
                throw .validation(
                    invalid + "Duplicate element in NonKeyAttributes: "
                        + String(decoding: one, as: UTF8.self)
                )
            }
            return .include(sorted)
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

    /// The key's attributes in two lists, each of up to four.
    func indexKeys(_ definitions: [NamedType]) throws(ServiceError) -> IndexKeys {
        try KeyElement.check(self.keys, definitions)
        let names = self.keys.map { Array($0.name.utf8) }
        for position in names.indices.dropFirst() where names[..<position].contains(names[position])
        {
            throw .validation(
                names.count == 2
                    ? "Both the Hash Key and the Range Key element in the KeySchema have the same "
                        + "name"
                    : "The KeySchema contains multiple key attributes with the same name"
            )
        }
        guard self.keys[0].isPartitionKey else {
            throw .validation(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
            )
        }
        var keys = IndexKeys(partition: [], sort: [])
        for element in self.keys {
            let attribute = element.attribute(definitions)
            if !element.isPartitionKey {
                keys.sort.append(attribute)
            } else if keys.sort.isEmpty {
                keys.partition.append(attribute)
            } else {
                throw .validation(
                    AttributeReader.invalid + "All HASH key attributes must precede RANGE key "
                        + "attributes in the KeySchema"
                )
            }
        }
        for (type, attributes) in [("HASH", keys.partition), ("RANGE", keys.sort)]
        where attributes.count > IndexKeys.attributesMax {
            throw .validation(
                AttributeReader.invalid + "The KeySchema exceeds the maximum allowed number of "
                    + "\(type) key attributes"
            )
        }
        return keys
    }
}

/// The throughputs of a table or index.
struct CapacityParameters {
    let throughput: TableSettingsParameters.Throughput?
    let onDemand: OnDemandThroughput?
    let warm: WarmThroughput?
    /// `WarmThroughput` without a member.
    let hasEmptyWarm: Bool
    private let bounds: [(name: String, units: Int)]

    init(_ tree: RequestTree) {
        self.throughput = tree.structure("ProvisionedThroughput").map {
            .init(
                readUnits: $0.integer("ReadCapacityUnits") ?? 0,
                writeUnits: $0.integer("WriteCapacityUnits") ?? 0
            )
        }
        let onDemand = tree.structure("OnDemandThroughput")
        self.bounds = ["MaxReadRequestUnits", "MaxWriteRequestUnits"].compactMap { name in
            onDemand?.integer(name).map { (name, $0) }
        }
        let limit = { (name: String) in
            onDemand?.integer(name).flatMap { $0 < 0 ? nil : $0 }
        }
        self.onDemand =
            self.bounds.isEmpty
            ? nil
            : OnDemandThroughput(
                readUnitsMax: limit("MaxReadRequestUnits"),
                writeUnitsMax: limit("MaxWriteRequestUnits")
            )
        let warm = tree.structure("WarmThroughput")
        let read = warm?.integer("ReadUnitsPerSecond")
        let write = warm?.integer("WriteUnitsPerSecond")
        self.hasEmptyWarm = warm != nil && read == nil && write == nil
        self.warm =
            read == nil && write == nil
            ? nil
            : WarmThroughput(
                readUnits: UInt64(clamping: read ?? 0),
                writeUnits: UInt64(clamping: write ?? 0)
            )
    }

    /// Refuses bounds that are none; an existing one is taken away by -1.
    func checkBounds(of place: String, canClear: Bool) throws(ServiceError) {
        for bound in self.bounds where bound.units < 1 && !(canClear && bound.units == -1) {
            throw .validation(
                AttributeReader.invalid + "Requested \(bound.name) for OnDemandThroughput for "
                    + "\(place) is outside of valid range"
            )
        }
    }

    /// Refuses bounds on requests where throughput is provisioned.
    func checkMode(_ mode: BillingMode, index: String? = nil) throws(ServiceError) {
        guard mode == .provisioned, let bound = self.bounds.first else { return }
        let place = index.map { " for index: \($0)" } ?? ""
        throw .validation(
            AttributeReader.invalid + "\(bound.name) for OnDemandThroughput\(place) cannot be "
                + "specified when table BillingMode is PROVISIONED."
        )
    }

    /// Refuses less warm throughput than a new table or index has anyway.
    func checkWarm(
        of place: String,
        _ mode: BillingMode,
        _ provisioned: ProvisionedThroughput
    ) throws(ServiceError) {
        guard let warm = self.warm else { return }
        let isOnDemand = mode == .payPerRequest
        let least =
            isOnDemand
            ? WarmThroughput.newOnDemand
            : WarmThroughput(
                readUnits: provisioned.readUnits,
                writeUnits: provisioned.writeUnits
            )
        for (name, capacity, units, least) in [
            ("ReadUnitsPerSecond", "ReadCapacityUnits", warm.readUnits, least.readUnits),
            ("WriteUnitsPerSecond", "WriteCapacityUnits", warm.writeUnits, least.writeUnits),
        ] where units < least && units > 0 {
            throw .validation(
                AttributeReader.invalid + "Requested \(name) for WarmThroughput for \(place) is "
                    + "lower than "
                    + (isOnDemand
                        ? "initial throughput for OnDemand"
                        : "\(capacity) of ProvisionedThroughput")
            )
        }
    }

    /// The provisioned throughput of a new table's index.
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
                AttributeReader.invalid + "ProvisionedThroughput is not specified for index: "
                    + index
            )
        case (.provisioned, let throughput?): return try throughput.checked()
        }
    }
}

/// The indexes of a CreateTable.
struct IndexListParameters {
    private let locals: [IndexParameters]
    private let globals: [IndexParameters]
    private let emptyList: String?

    init(_ tree: RequestTree) {
        let members = ["LocalSecondaryIndexes", "GlobalSecondaryIndexes"]
        let lists = members.map { name in tree.structures(name)?.map { IndexParameters($0) } }
        self.locals = lists[0] ?? []
        self.globals = lists[1] ?? []
        self.emptyList = zip(members, lists).first { $0.1?.isEmpty == true }?.0
    }

    var keys: [KeyElement] { (self.locals + self.globals).flatMap(\.keys) }

    /// Whether the request has no index at all, nor an empty list of them.
    var isAbsent: Bool { self.keys.isEmpty && self.emptyList == nil }

    /// Checks the indexes against each other and the table's key, and adds them.
    func add(
        to request: inout CreateTableRequest,
        _ definitions: [NamedType]
    ) throws(ServiceError) {
        let invalid = AttributeReader.invalid
        if let member = self.emptyList {
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
        for index in self.locals {
            request.locals.append(try Self.local(index, request.schema, definitions))
        }
        for index in self.globals {
            request.globals.append(try Self.global(index, request.billingMode, definitions))
        }
        var names: [String] = []
        for index in self.locals + self.globals {
            guard !names.contains(index.name) else {
                throw .validation(invalid + "Duplicate index name: \(index.name)")
            }
            names.append(index.name)
        }
        try Self.checkProjections(request.locals + request.globals.map(\.definition))
    }

    private static func global(
        _ index: IndexParameters,
        _ mode: BillingMode,
        _ definitions: [NamedType]
    ) throws(ServiceError) -> IndexRecord {
        let definition = IndexDefinition(
            name: index.name,
            keys: try index.indexKeys(definitions),
            projection: try index.projection()
        )
        let throughput = try index.capacity.provisioned(mode, index.name)
        try index.capacity.checkMode(mode, index: index.name)
        try index.capacity.checkBounds(of: "index : \(index.name)", canClear: false)
        try index.capacity.checkWarm(of: "index \(index.name)", mode, throughput)
        return IndexRecord(
            definition: definition,
            throughput: throughput,
            onDemand: index.capacity.onDemand,
            warm: index.capacity.warm
        )
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
        guard index.keys.count < 2 || !index.keys[1].isPartitionKey else {
            throw .validation(
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
            )
        }
        let keys = try index.indexKeys(definitions)
        guard keys.sort.count == 1 else {
            throw .validation(
                invalid + "Index KeySchema does not have a range key for index: \(index.name)"
            )
        }
        guard keys.partition[0] == table.partitionKey else {
            let own = String(decoding: keys.partition[0].name, as: UTF8.self)
            let hash = String(decoding: table.partitionKey.name, as: UTF8.self)
            throw .validation(
                invalid + "Index KeySchema does not have the same leading hash key as table "
                    + "KeySchema for index: \(index.name). index hash key: \(own), "
                    + "table hash key: \(hash)"
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
