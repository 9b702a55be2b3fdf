import DataModel
import NodeCore

/// The members of the requests on items.
enum ItemParameter: UInt8, CaseIterable {
    case tableName, indexName, item, key, exclusiveStartKey
    case conditionExpression, updateExpression, projectionExpression, filterExpression
    case keyConditionExpression, expressionAttributeNames, expressionAttributeValues
    case returnValues, returnValuesOnConditionCheckFailure, returnConsumedCapacity
    case returnItemCollectionMetrics, select, limit, segment, totalSegments
    case consistentRead, scanIndexForward
    // What expressions replaced.
    case expected, conditionalOperator, attributeUpdates, keyConditions, queryFilter, scanFilter
    case attributesToGet

    var name: StaticString {
        switch self {
        case .tableName: "TableName"
        case .indexName: "IndexName"
        case .item: "Item"
        case .key: "Key"
        case .exclusiveStartKey: "ExclusiveStartKey"
        case .conditionExpression: "ConditionExpression"
        case .updateExpression: "UpdateExpression"
        case .projectionExpression: "ProjectionExpression"
        case .filterExpression: "FilterExpression"
        case .keyConditionExpression: "KeyConditionExpression"
        case .expressionAttributeNames: "ExpressionAttributeNames"
        case .expressionAttributeValues: "ExpressionAttributeValues"
        case .returnValues: "ReturnValues"
        case .returnValuesOnConditionCheckFailure: "ReturnValuesOnConditionCheckFailure"
        case .returnConsumedCapacity: "ReturnConsumedCapacity"
        case .returnItemCollectionMetrics: "ReturnItemCollectionMetrics"
        case .select: "Select"
        case .limit: "Limit"
        case .segment: "Segment"
        case .totalSegments: "TotalSegments"
        case .consistentRead: "ConsistentRead"
        case .scanIndexForward: "ScanIndexForward"
        case .expected: "Expected"
        case .conditionalOperator: "ConditionalOperator"
        case .attributeUpdates: "AttributeUpdates"
        case .keyConditions: "KeyConditions"
        case .queryFilter: "QueryFilter"
        case .scanFilter: "ScanFilter"
        case .attributesToGet: "AttributesToGet"
        }
    }

    /// By the length of the name, which leaves three candidates at most.
    private static let byLength: [[ItemParameter]] = {
        var table: [[ItemParameter]] = []
        for parameter in Self.allCases {
            let length = parameter.name.utf8CodeUnitCount
            while table.count <= length { table.append([]) }
            table[length].append(parameter)
        }
        return table
    }()

    /// The member with this name, or nil.
    static func named(_ text: JSONText, _ json: JSONReader) -> ItemParameter? {
        guard text.range.count < self.byLength.count else { return nil }
        for candidate in self.byLength[text.range.count] where json.isText(text, candidate.name) {
            return candidate
        }
        return nil
    }
}

/// A set of ``ItemParameter``.
struct ItemParameterSet: OptionSet {
    var rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ parameters: ItemParameter...) {
        self.rawValue = parameters.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }

    func contains(_ parameter: ItemParameter) -> Bool {
        self.rawValue >> UInt32(parameter.rawValue) & 1 == 1
    }

    mutating func insert(_ parameter: ItemParameter) {
        self.rawValue |= 1 << UInt32(parameter.rawValue)
    }
}

/// The members of one request on items, typed but not yet checked against each other.
struct ItemParameters {
    let style: ValidationStyle
    /// Which members were there.
    private(set) var present = ItemParameterSet(rawValue: 0)
    var table: String?
    var index: String?
    var item: Item?
    var itemProblem: AttributeProblem?
    var key: Item?
    var keyProblem: AttributeProblem?
    var startKey: Item?
    var startKeyProblem: AttributeProblem?
    var condition: [UInt8]?
    var update: [UInt8]?
    var projection: [UInt8]?
    var filter: [UInt8]?
    var keyCondition: [UInt8]?
    var names: [NameBinding]?
    var values: [ValueBinding]?
    var valuesProblem: ServiceError?
    var returnValues: String?
    var onConditionFailure: String?
    var consumedCapacity: String?
    var collectionMetrics: String?
    var select: String?
    var limit: Int?
    var segment: Int?
    var totalSegments: Int?
    var consistentRead = false
    var scansForward = true
    /// What expressions replaced, apart: most requests have none of it.
    var legacy: LegacyParameters?

    /// Reads an object's members; those that the operation does not have are only skipped.
    init(
        _ reader: inout RequestReader,
        accepting accepted: ItemParameterSet,
        as shape: JSONExpectation,
        _ style: ValidationStyle
    ) throws(ServiceError) {
        self.style = style
        try reader.beginObject(shape)
        while let name = try reader.nextName() {
            guard let parameter = ItemParameter.named(name, reader.json),
                accepted.contains(parameter)
            else {
                try reader.skip()
                continue
            }
            guard try reader.isPresent() else { continue }
            guard !self.present.contains(parameter) else { throw reader.duplicate() }
            self.present.insert(parameter)
            try self.read(parameter, &reader)
        }
    }

    private mutating func read(
        _ parameter: ItemParameter,
        _ reader: inout RequestReader
    ) throws(ServiceError) {
        switch parameter {
        case .tableName: self.table = RequestedTable.name(try reader.string())
        case .indexName: self.index = try reader.string()
        case .item: (self.item, self.itemProblem) = try Self.attributes(&reader, self.style)
        case .key: (self.key, self.keyProblem) = try Self.attributes(&reader, self.style)
        case .exclusiveStartKey:
            (self.startKey, self.startKeyProblem) = try Self.attributes(&reader, self.style)
        case .conditionExpression: self.condition = try reader.bytes()
        case .updateExpression: self.update = try reader.bytes()
        case .projectionExpression: self.projection = try reader.bytes()
        case .filterExpression: self.filter = try reader.bytes()
        case .keyConditionExpression: self.keyCondition = try reader.bytes()
        case .expressionAttributeNames: self.names = try Bindings.names(&reader)
        case .expressionAttributeValues:
            (self.values, self.valuesProblem) = try Bindings.values(&reader, self.style)
        case .returnValues: self.returnValues = try reader.string()
        case .returnValuesOnConditionCheckFailure:
            self.onConditionFailure = try reader.string()
        case .returnConsumedCapacity: self.consumedCapacity = try reader.string()
        case .returnItemCollectionMetrics: self.collectionMetrics = try reader.string()
        case .select: self.select = try reader.string()
        case .limit: self.limit = try reader.integer()
        case .segment: self.segment = try reader.integer()
        case .totalSegments: self.totalSegments = try reader.integer()
        case .consistentRead: self.consistentRead = try reader.bool()
        case .scanIndexForward: self.scansForward = try reader.bool()
        case .expected, .conditionalOperator, .attributeUpdates, .keyConditions, .queryFilter,
            .scanFilter, .attributesToGet:
            let legacy = self.legacy ?? LegacyParameters()
            try legacy.read(parameter, &reader, self.style)
            self.legacy = legacy
        }
    }

    static func attributes(
        _ reader: inout RequestReader,
        _ style: ValidationStyle
    ) throws(ServiceError) -> (Item?, AttributeProblem?) {
        var attributes = AttributeReader(reserving: 1_024, style)
        let item = try attributes.item(&reader)
        return (item, attributes.problem)
    }

    static func attributeNames(_ reader: inout RequestReader) throws(ServiceError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        try reader.beginArray(.list)
        while try reader.nextElement() { names.append(try reader.bytes()) }
        return names
    }

    var bindings: ExpressionBindings {
        ExpressionBindings(names: self.names, values: self.values)
    }
}

/// The table that a request names.
enum RequestedTable {
    /// A table's name; of an ARN (`arn:aws:dynamodb:region:account:table/NAME`) the name in it.
    static func name(_ text: String) -> String {
        guard text.utf8.starts(with: "arn:".utf8),
            let slash = text.utf8.firstIndex(of: UInt8(ascii: "/"))
        else { return text }
        let rest = text[text.utf8.index(after: slash)...]
        return String(rest.prefix { $0 != "/" })
    }

    /// Refuses an ARN that is not one of a table; anything else is a name.
    static func checkARN(_ text: String) throws(ServiceError) {
        guard text.utf8.starts(with: "arn:".utf8) else { return }
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        let path = parts.last?.split(separator: "/", omittingEmptySubsequences: false) ?? []
        guard parts.count == 6, path.count >= 2 else { throw self.malformed(text) }
        guard parts[1] == "aws" else { throw self.invalid("AWS partition", text) }
        guard path[0] == "table" else { throw self.invalid("resource type", text) }
        guard path.count == 2, Constraints.isName(String(path[1])),
            (3...255).contains(path[1].count)
        else { throw self.malformed(text) }
    }

    private static func invalid(_ part: String, _ text: String) -> ServiceError {
        .counted("Invalid \(part) in '\(text)'")
    }

    private static func malformed(_ text: String) -> ServiceError {
        .counted(
            "Value '\(text)' at 'tableName' failed to satisfy constraint: Valid ARN format is "
                + "'arn:<awsPartition>:<vendor>:<region>:<subscriber>:resourceType/resourceName', "
                + "where Resource name must have length less than or equal to 255, Resource name "
                + "must have length greater than or equal to 3, Resource name must satisfy regular "
                + "expression pattern: " + Constraints.namePattern
        )
    }
}

/// Reads `ExpressionAttributeNames` and `ExpressionAttributeValues`.
enum Bindings {
    static func names(_ reader: inout RequestReader) throws(ServiceError) -> [NameBinding] {
        var names: [NameBinding] = []
        try reader.beginObject(.map(of: "java.lang.String"))
        while let placeholder = try reader.nextName() {
            let placeholder = reader.json.bytes(of: placeholder)
            guard try reader.isPresent() else { continue }
            names.append(NameBinding(placeholder: placeholder, name: try reader.bytes()))
        }
        guard !self.hasDuplicate(names.map(\.placeholder)) else { throw reader.duplicate() }
        return names
    }

    static func values(
        _ reader: inout RequestReader,
        _ style: ValidationStyle
    ) throws(ServiceError) -> ([ValueBinding], ServiceError?) {
        var values: [ValueBinding] = []
        var problem: ServiceError?
        var attributes = AttributeReader(style)
        try reader.beginObject(AttributeReader.mapOfValues)
        while let name = try reader.nextName() {
            let placeholder = reader.json.bytes(of: name)
            if let value = try attributes.value(&reader) {
                values.append(ValueBinding(placeholder: placeholder, value: value))
            } else if let fault = attributes.problem {
                problem = problem ?? fault.error(of: placeholder, style)
                attributes.clear()
            }
        }
        guard !self.hasDuplicate(values.map(\.placeholder)) else { throw reader.duplicate() }
        return (values, problem)
    }

    static func hasDuplicate(_ names: [[UInt8]]) -> Bool {
        guard names.count > 1 else { return false }
        guard names.count > 8 else {
            for index in 1..<names.count where names[..<index].contains(names[index]) {
                return true
            }
            return false
        }
        let sorted = names.sorted { $0.lexicographicallyPrecedes($1) }
        return zip(sorted, sorted.dropFirst()).contains { $0 == $1 }
    }
}
