/// A client's request, decoded and checked against everything that can be known without the table.
///
/// Boxed, so that an event that carries one stays small. Table names have DynamoDB's alphabet
/// (ASCII letters, digits, `_`, `.`, `-`), so `String` compares them safely; attribute names,
/// expressions and placeholders are UTF-8 bytes.
package indirect enum Operation: Equatable, Sendable {
    case createTable(CreateTableRequest)
    case describeTable(table: String)
    case listTables(ListTablesRequest)
    case deleteTable(table: String)
    case updateTable(UpdateTableRequest)
    case putItem(PutItemRequest)
    case getItem(GetItemRequest)
    case updateItem(UpdateItemRequest)
    case deleteItem(DeleteItemRequest)
    case query(QueryRequest)
    case scan(ScanRequest)
    case batchGetItem(BatchGetItemRequest)
    case batchWriteItem(BatchWriteItemRequest)
    case tableOption(TableOptionOperation)
    case describeLimits
    case describeEndpoints
}

/// How a page of table names is asked for.
package struct ListTablesRequest: Equatable, Sendable {
    /// Names up to and including this one are left out.
    package var exclusiveStart: String?
    /// 1…100.
    package var limit: Int

    package init(exclusiveStart: String? = nil, limit: Int = 100) {
        self.exclusiveStart = exclusiveStart
        self.limit = limit
    }
}

/// `ReturnValues`: which attributes a write answers with.
package enum ReturnValues: UInt8, Equatable, Sendable, CaseIterable {
    case none, allOld, updatedOld, allNew, updatedNew
}

/// `ReturnConsumedCapacity`: how much a response tells about the capacity it took.
package enum ReturnConsumedCapacity: UInt8, Equatable, Sendable, CaseIterable {
    case none, total, indexes
}

/// `Select`: what Query and Scan return of each item that matches.
package enum Select: UInt8, Equatable, Sendable, CaseIterable {
    case allAttributes, allProjectedAttributes, specificAttributes, count
}
