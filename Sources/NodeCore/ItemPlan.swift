import DataModel
import Expressions

/// An operation on one item, or on the items of one partition key, with its expressions parsed.
///
/// The service refuses a malformed expression before it looks for the table, so plans are made
/// first; matching with the table's key schema follows.
struct ItemPlan {
    enum Action {
        case get(consistent: Bool, ProjectionExpression?)
        case put(Item)
        case update(UpdateExpression?)
        case delete
        case query(QueryPlan)
    }

    var table: String
    var action: Action
    /// The key attributes, or the whole item of a put.
    var key: Item
    var condition: ConditionExpression?
    var returnValues: ReturnValues = .none
    var returnsItemOnConditionFailure = false
    var returnsCollectionSize = false
    var capacity: ReturnConsumedCapacity = .none
    var tellsVersions = false

    init(_ operation: Operation) throws(ServiceError) {
        do throws(ExpressionError) {
            self = try Self.parsed(operation)
        } catch {
            throw operation.countsErrors ? .counted(error.message) : .validation(error.message)
        }
    }

    private init(table: String, action: Action, key: Item) {
        self.table = table
        self.action = action
        self.key = key
    }

    private static func parsed(_ operation: Operation) throws(ExpressionError) -> ItemPlan {
        switch operation {
        case .getItem(let request):
            var names = try Substitutions(request.bindings)
            let projection = try names.projection(request.projection, request.attributesToGet)
            try names.requireAllUsed()
            var plan = ItemPlan(
                table: request.table,
                action: .get(consistent: request.consistentRead, projection),
                key: request.key
            )
            plan.capacity = request.returnConsumedCapacity
            plan.tellsVersions = request.tellsVersions
            return plan
        case .putItem(let request):
            var names = try Substitutions(request.bindings)
            var plan = ItemPlan(
                table: request.table,
                action: .put(request.item),
                key: request.item
            )
            plan.condition = try names.condition(request.condition, request.expected)
            try names.requireAllUsed()
            plan.returnValues = request.returnValues
            plan.returnsItemOnConditionFailure = request.returnsItemOnConditionFailure
            plan.returnsCollectionSize = request.returnsCollectionSize
            plan.capacity = request.returnConsumedCapacity
            plan.tellsVersions = request.tellsVersions
            return plan
        case .updateItem(let request):
            var names = try Substitutions(request.bindings)
            let update = try names.update(request.update, request.attributeUpdates)
            var plan = ItemPlan(table: request.table, action: .update(update), key: request.key)
            plan.condition = try names.condition(request.condition, request.expected)
            try names.requireAllUsed()
            plan.returnValues = request.returnValues
            plan.returnsItemOnConditionFailure = request.returnsItemOnConditionFailure
            plan.returnsCollectionSize = request.returnsCollectionSize
            plan.capacity = request.returnConsumedCapacity
            plan.tellsVersions = request.tellsVersions
            return plan
        case .deleteItem(let request):
            var names = try Substitutions(request.bindings)
            var plan = ItemPlan(table: request.table, action: .delete, key: request.key)
            plan.condition = try names.condition(request.condition, request.expected)
            try names.requireAllUsed()
            plan.returnValues = request.returnValues
            plan.returnsItemOnConditionFailure = request.returnsItemOnConditionFailure
            plan.returnsCollectionSize = request.returnsCollectionSize
            plan.capacity = request.returnConsumedCapacity
            plan.tellsVersions = request.tellsVersions
            return plan
        case .query(let request):
            var plan = ItemPlan(
                table: request.table,
                action: .query(try QueryPlan(request)),
                key: Item()
            )
            plan.capacity = request.returnConsumedCapacity
            return plan
        default:
            preconditionFailure("not an operation on items of one partition")
        }
    }
}

/// A Query with its expressions parsed.
struct QueryPlan {
    var request: QueryRequest
    var keyCondition: KeyConditionExpression
    var filter: ConditionExpression?
    var projection: ProjectionExpression?

    init(_ request: QueryRequest) throws(ExpressionError) {
        var names = try Substitutions(request.bindings)
        self.request = request
        self.filter = try names.condition(request.filter, request.queryFilter, kind: .filter)
        self.projection = try names.projection(request.projection, request.attributesToGet)
        if let text = request.keyCondition {
            self.keyCondition = try KeyConditionExpression(parsing: text, &names)
        } else {
            self.keyCondition = KeyConditionExpression(request.keyConditions)
        }
        try names.requireAllUsed()
    }
}

/// A Scan with its expressions parsed.
struct ScanPlan {
    var request: ScanRequest
    var filter: ConditionExpression?
    var projection: ProjectionExpression?

    init(_ request: ScanRequest) throws(ServiceError) {
        self.request = request
        do throws(ExpressionError) {
            var names = try Substitutions(request.bindings)
            self.filter = try names.condition(
                request.filter,
                request.scanFilter,
                kind: .scanFilter
            )
            self.projection = try names.projection(request.projection, request.attributesToGet)
            try names.requireAllUsed()
        } catch {
            throw .validation(error.message)
        }
    }
}

extension Substitutions {
    init(_ bindings: ExpressionBindings) throws(ExpressionError) {
        if bindings.names == nil, bindings.values == nil {
            self.init()
            return
        }
        try self.init(
            names: bindings.names?.map { (key: $0.placeholder, name: $0.name) },
            values: bindings.values?.map { (key: $0.placeholder, value: $0.value) }
        )
    }

    /// The condition that a text or, without one, the older parameter means.
    mutating func condition(
        _ text: [UInt8]?,
        _ legacy: LegacyConditions?,
        kind: ExpressionKind = .condition
    ) throws(ExpressionError) -> ConditionExpression? {
        guard let text else { return legacy.flatMap { ConditionExpression($0) } }
        return try ConditionExpression(parsing: text, kind: kind, &self)
    }

    mutating func projection(
        _ text: [UInt8]?,
        _ attributes: [[UInt8]]?
    ) throws(ExpressionError) -> ProjectionExpression? {
        guard let text else { return attributes.map { ProjectionExpression(attributes: $0) } }
        return try ProjectionExpression(parsing: text, &self)
    }

    mutating func update(
        _ text: [UInt8]?,
        _ legacy: [LegacyUpdate]
    ) throws(ExpressionError) -> UpdateExpression? {
        guard let text else { return UpdateExpression(legacy) }
        return try UpdateExpression(parsing: text, &self)
    }
}

extension Operation {
    /// PutItem, UpdateItem and DeleteItem: the service counts their validation errors.
    var countsErrors: Bool {
        switch self {
        case .putItem, .updateItem, .deleteItem: true
        default: false
        }
    }
}
