package import DataModel
package import Expressions
package import Primitives

/// A name that an expression uses instead of an attribute's: `#n`.
package struct NameBinding: Equatable, Sendable {
    /// With its `#`.
    package var placeholder: [UInt8]
    package var name: [UInt8]

    package init(placeholder: [UInt8], name: [UInt8]) {
        self.placeholder = placeholder
        self.name = name
    }
}

/// A value that expressions use by name: `:v`.
package struct ValueBinding: Equatable, Sendable {
    /// With its `:`.
    package var placeholder: [UInt8]
    package var value: AttributeValue

    package init(placeholder: [UInt8], value: AttributeValue) {
        self.placeholder = placeholder
        self.value = value
    }
}

/// `ExpressionAttributeNames` and `ExpressionAttributeValues`, in the order of the request.
///
/// Nil when the request has no such member; each placeholder occurs once. That a member is not
/// empty and that placeholders are well formed is checked where the expressions are parsed.
package struct ExpressionBindings: Equatable, Sendable {
    package var names: [NameBinding]?
    package var values: [ValueBinding]?

    package init(names: [NameBinding]? = nil, values: [ValueBinding]? = nil) {
        self.names = names
        self.values = values
    }
}

/// `PutItem`.
package struct PutItemRequest: Equatable, Sendable {
    package var table: String
    package var item: Item
    package var condition: [UInt8]?
    /// `Expected` and `ConditionalOperator`; never with an expression.
    package var expected: LegacyConditions?
    package var bindings = ExpressionBindings()
    /// Only `none` and `allOld`.
    package var returnValues: ReturnValues = .none
    /// `ReturnValuesOnConditionCheckFailure` is `ALL_OLD`.
    package var returnsItemOnConditionFailure = false
    /// `ReturnItemCollectionMetrics` is `SIZE`.
    package var returnsCollectionSize = false
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none
    /// The answer carries a ``VersionNote``.
    package var tellsVersions = false

    package init(table: String, item: Item) {
        self.table = table
        self.item = item
    }
}

/// `GetItem`.
package struct GetItemRequest: Equatable, Sendable {
    package var table: String
    /// The key attributes as the client sent them; not yet compared with the table's schema.
    package var key: Item
    package var consistentRead = false
    package var projection: [UInt8]?
    /// `AttributesToGet`; never with an expression.
    package var attributesToGet: [[UInt8]]?
    /// Names only.
    package var bindings = ExpressionBindings()
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none
    /// The answer carries a ``VersionNote``.
    package var tellsVersions = false

    package init(table: String, key: Item) {
        self.table = table
        self.key = key
    }
}

/// `UpdateItem`.
package struct UpdateItemRequest: Equatable, Sendable {
    package var table: String
    package var key: Item
    /// Nil when the request only makes sure that the item exists.
    package var update: [UInt8]?
    /// `AttributeUpdates`; never with an expression.
    package var attributeUpdates: [LegacyUpdate] = []
    package var condition: [UInt8]?
    /// `Expected` and `ConditionalOperator`; never with an expression.
    package var expected: LegacyConditions?
    package var bindings = ExpressionBindings()
    package var returnValues: ReturnValues = .none
    package var returnsItemOnConditionFailure = false
    /// `ReturnItemCollectionMetrics` is `SIZE`.
    package var returnsCollectionSize = false
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none
    /// The answer carries a ``VersionNote``.
    package var tellsVersions = false

    package init(table: String, key: Item) {
        self.table = table
        self.key = key
    }
}

/// `DeleteItem`.
package struct DeleteItemRequest: Equatable, Sendable {
    package var table: String
    package var key: Item
    package var condition: [UInt8]?
    /// `Expected` and `ConditionalOperator`; never with an expression.
    package var expected: LegacyConditions?
    package var bindings = ExpressionBindings()
    /// Only `none` and `allOld`.
    package var returnValues: ReturnValues = .none
    package var returnsItemOnConditionFailure = false
    /// `ReturnItemCollectionMetrics` is `SIZE`.
    package var returnsCollectionSize = false
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none
    /// The answer carries a ``VersionNote``.
    package var tellsVersions = false

    package init(table: String, key: Item) {
        self.table = table
        self.key = key
    }
}

/// `Query`.
package struct QueryRequest: Equatable, Sendable {
    package var table: String
    package var index: String?
    /// Nil when the request has `KeyConditions` instead.
    package var keyCondition: [UInt8]?
    package var keyConditions: [LegacyCondition] = []
    package var filter: [UInt8]?
    /// `QueryFilter` and `ConditionalOperator`; never with an expression.
    package var queryFilter: LegacyConditions?
    package var projection: [UInt8]?
    /// `AttributesToGet`; never with an expression.
    package var attributesToGet: [[UInt8]]?
    package var bindings = ExpressionBindings()
    /// Nil: every attribute, or those of the projection expression.
    package var select: Select?
    package var limit: Int?
    package var scansForward = true
    package var exclusiveStartKey: Item?
    package var consistentRead = false
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none

    package init(table: String, keyCondition: [UInt8]?) {
        self.table = table
        self.keyCondition = keyCondition
    }
}

/// The part of a parallel scan: `Segment` of `TotalSegments`.
package struct ScanSegment: Equatable, Sendable {
    /// `0..<total`.
    package var index: Int
    /// 1…1,000,000.
    package var total: Int

    package init(index: Int, total: Int) {
        self.index = index
        self.total = total
    }

    /// The first and the last token of the segment: the circle is cut into `total` equal parts.
    package var tokens: (first: Token, last: Token) {
        guard self.total > 1 else { return (0, .max) }
        let total = UInt64(self.total)
        let index = UInt64(self.index)
        let first = total.dividingFullWidth((high: index, low: 0)).quotient
        guard index + 1 < total else { return (first, .max) }
        return (first, total.dividingFullWidth((high: index + 1, low: 0)).quotient - 1)
    }
}

/// `Scan`.
package struct ScanRequest: Equatable, Sendable {
    package var table: String
    package var index: String?
    package var filter: [UInt8]?
    /// `ScanFilter` and `ConditionalOperator`; never with an expression.
    package var scanFilter: LegacyConditions?
    package var projection: [UInt8]?
    /// `AttributesToGet`; never with an expression.
    package var attributesToGet: [[UInt8]]?
    package var bindings = ExpressionBindings()
    package var select: Select?
    package var limit: Int?
    package var segment: ScanSegment?
    package var exclusiveStartKey: Item?
    package var consistentRead = false
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none

    package init(table: String) { self.table = table }
}

/// The keys that `BatchGetItem` reads of one table; also the form of `UnprocessedKeys`.
package struct BatchGetTable: Equatable, Sendable {
    package var table: String
    package var keys: [Item]
    package var consistentRead = false
    package var projection: [UInt8]?
    /// `AttributesToGet`; never with an expression.
    package var attributesToGet: [[UInt8]]?
    /// Names only.
    package var bindings = ExpressionBindings()

    package init(table: String, keys: [Item]) {
        self.table = table
        self.keys = keys
    }
}

/// `BatchGetItem`: 1…100 keys, each table once, tables in the order of the request.
package struct BatchGetItemRequest: Equatable, Sendable {
    package var tables: [BatchGetTable]
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none

    package init(tables: [BatchGetTable]) { self.tables = tables }
}

/// One write of a `BatchWriteItem`.
package enum BatchWrite: Equatable, Sendable {
    case put(Item)
    /// The key attributes as the client sent them.
    case delete(key: Item)
}

/// The writes of one table of a `BatchWriteItem`; also the form of `UnprocessedItems`.
package struct BatchWriteTable: Equatable, Sendable {
    package var table: String
    package var writes: [BatchWrite]

    package init(table: String, writes: [BatchWrite]) {
        self.table = table
        self.writes = writes
    }
}

/// `BatchWriteItem`: 1…25 writes, each table once, tables in the order of the request.
package struct BatchWriteItemRequest: Equatable, Sendable {
    package var tables: [BatchWriteTable]
    package var returnConsumedCapacity: ReturnConsumedCapacity = .none
    /// `ReturnItemCollectionMetrics` is `SIZE`.
    package var returnsCollectionSizes = false

    /// Whether the answer tells what each write took or made.
    var isCounted: Bool { self.returnConsumedCapacity != .none || self.returnsCollectionSizes }

    package init(tables: [BatchWriteTable]) { self.tables = tables }
}
