import DataModel
package import NodeCore

/// Turns a request's target and JSON body into an ``Operation``, with the service's validation.
///
/// The order is the service's: the operation, the types of all members, the constraints of its
/// model, rules between members, values. What needs the table's schema is left to the node.
package enum OperationDecoder {
    /// Decodes a request whose parts are ranges of one buffer, as ``HTTPRequest`` has them.
    package static func decode(
        target: Range<Int>,
        body: Range<Int>,
        in bytes: [UInt8]
    ) throws(ServiceError) -> Operation {
        guard let name = OperationName(target: bytes[target]) else {
            throw ServiceError(.unknownOperation, "")
        }
        return try self.decode(name, body: body, in: bytes)
    }

    /// Decodes the body of a known operation.
    package static func decode(
        _ name: OperationName,
        body: Range<Int>,
        in bytes: [UInt8]
    ) throws(ServiceError) -> Operation {
        try bytes.withUnsafeBufferPointer { (buffer) throws(ServiceError) -> Operation in
            var reader = RequestReader(UnsafeBufferPointer(rebasing: buffer[body]))
            let operation = try self.decode(name, &reader)
            return operation
        }
    }

    private static func decode(
        _ name: OperationName,
        _ reader: inout RequestReader
    ) throws(ServiceError) -> Operation {
        switch name {
        case .createTable: .createTable(try self.createTable(try RequestTree(&reader, name)))
        case .describeTable: .describeTable(table: try RequestTree(&reader, name).table)
        case .listTables: .listTables(self.listTables(try RequestTree(&reader, name)))
        case .deleteTable: .deleteTable(table: try RequestTree(&reader, name).table)
        case .updateTable: .updateTable(try self.updateTable(try RequestTree(&reader, name)))
        case .putItem: .putItem(try self.putItem(&reader))
        case .getItem: .getItem(try self.getItem(&reader))
        case .updateItem: .updateItem(try self.updateItem(&reader))
        case .deleteItem: .deleteItem(try self.deleteItem(&reader))
        case .query: .query(try self.query(&reader))
        case .scan: .scan(try self.scan(&reader))
        case .batchGetItem: .batchGetItem(try self.batchGetItem(&reader))
        case .batchWriteItem: .batchWriteItem(try self.batchWriteItem(&reader))
        case .tagResource, .untagResource, .listTagsOfResource, .putResourcePolicy,
            .getResourcePolicy, .deleteResourcePolicy, .updateTimeToLive, .describeTimeToLive:
            .tableOption(try self.tableOption(name, try RequestTree(&reader, name)))
        case .describeLimits, .describeEndpoints: try self.empty(&reader, name)
        }
    }

    private static func empty(
        _ reader: inout RequestReader,
        _ name: OperationName
    ) throws(ServiceError) -> Operation {
        _ = try RequestTree(&reader, name)
        return name == .describeLimits ? .describeLimits : .describeEndpoints
    }

    /// Reads all of an object's members as typed parameters.
    private static func parameters(
        _ reader: inout RequestReader,
        _ accepted: ItemParameterSet,
        _ shape: String,
        _ style: ValidationStyle = .plain
    ) throws(ServiceError) -> ItemParameters {
        let parameters = try ItemParameters(
            &reader,
            accepting: accepted,
            as: .valueStructure(shape),
            style
        )
        try reader.finish()
        return parameters
    }

    // MARK: Single items

    private static let writes = ItemParameterSet(
        .tableName,
        .conditionExpression,
        .expressionAttributeNames,
        .expressionAttributeValues,
        .returnValues,
        .returnValuesOnConditionCheckFailure,
        .returnConsumedCapacity,
        .returnItemCollectionMetrics,
        .expected,
        .conditionalOperator
    )
    private static let puts = writes.union(ItemParameterSet(.item))
    private static let deletes = writes.union(ItemParameterSet(.key))
    private static let updates = writes.union(
        ItemParameterSet(.key, .updateExpression, .attributeUpdates)
    )
    private static let gets = ItemParameterSet(
        .tableName,
        .key,
        .consistentRead,
        .projectionExpression,
        .expressionAttributeNames,
        .returnConsumedCapacity,
        .attributesToGet
    )

    static func putItem(_ reader: inout RequestReader) throws(ServiceError) -> PutItemRequest {
        let parameters = try self.parameters(&reader, self.puts, "PutItemInput", .counted)
        let checked = try parameters.checkWrite(requiring: .item, at: "item")
        try parameters.checkExpressions(
            [.conditionExpression],
            legacy: [.expected, .conditionalOperator]
        )
        let item = try parameters.checkedItem()
        try self.checkOldOnly(checked.returnValues)
        try self.checkSize(item)
        try parameters.checkLegacyTogether(.counted)
        var request = PutItemRequest(table: checked.table, item: item)
        request.expected = try parameters.checkedExpectations(.counted)
        try parameters.checkValues()
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnsCollectionSize = checked.returnsCollectionSize
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func deleteItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> DeleteItemRequest {
        let parameters = try self.parameters(&reader, self.deletes, "DeleteItemInput", .counted)
        let checked = try parameters.checkWrite(requiring: .key, at: "key")
        try parameters.checkExpressions(
            [.conditionExpression],
            legacy: [.expected, .conditionalOperator]
        )
        let key = try parameters.checkedKey()
        try self.checkOldOnly(checked.returnValues)
        try parameters.checkLegacyTogether(.counted)
        var request = DeleteItemRequest(table: checked.table, key: key)
        request.expected = try parameters.checkedExpectations(.counted)
        try parameters.checkValues()
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnsCollectionSize = checked.returnsCollectionSize
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func updateItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> UpdateItemRequest {
        let parameters = try self.parameters(&reader, self.updates, "UpdateItemInput", .counted)
        let checked = try parameters.checkWrite(requiring: .key, at: "key", stopsEarly: true)
        try parameters.checkExpressions(
            [.updateExpression, .conditionExpression],
            legacy: [.attributeUpdates, .expected, .conditionalOperator]
        )
        let key = try parameters.checkedKey()
        try parameters.checkLegacyTogether(.counted)
        var request = UpdateItemRequest(table: checked.table, key: key)
        request.attributeUpdates = try parameters.checkedUpdates(.counted)
        request.expected = try parameters.checkedExpectations(.counted)
        try parameters.checkValues()
        request.update = parameters.update
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnsCollectionSize = checked.returnsCollectionSize
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func getItem(_ reader: inout RequestReader) throws(ServiceError) -> GetItemRequest {
        let parameters = try self.parameters(&reader, self.gets, "GetItemInput")
        let checked = try parameters.checkRead(requiresKey: true)
        try parameters.checkExpressions([.projectionExpression], legacy: [.attributesToGet])
        var request = GetItemRequest(table: checked.table, key: try parameters.checkedKey())
        try parameters.checkLegacyTogether(.plain)
        request.consistentRead = parameters.consistentRead
        request.projection = parameters.projection
        request.attributesToGet = parameters.legacy?.attributesToGet
        request.bindings = parameters.bindings
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    private static func checkOldOnly(_ returnValues: ReturnValues) throws(ServiceError) {
        guard returnValues == .none || returnValues == .allOld else {
            throw .counted("ReturnValues can only be ALL_OLD or NONE")
        }
    }

    static func checkSize(_ item: Item) throws(ServiceError) {
        // The packed form is never less than half of what the service counts, so that most items
        // need no counting.
        guard
            item.bytes.count <= ItemLimits.itemBytesMax / 2 || item.size <= ItemLimits.itemBytesMax
        else {
            throw .validation("Item size has exceeded the maximum allowed size")
        }
    }

    // MARK: Pages

    private static let queries = ItemParameterSet(
        .tableName,
        .indexName,
        .select,
        .limit,
        .consistentRead,
        .scanIndexForward,
        .exclusiveStartKey,
        .returnConsumedCapacity,
        .projectionExpression,
        .filterExpression,
        .keyConditionExpression,
        .expressionAttributeNames,
        .expressionAttributeValues,
        .attributesToGet,
        .keyConditions,
        .queryFilter,
        .conditionalOperator
    )
    private static let scans = ItemParameterSet(
        .tableName,
        .indexName,
        .select,
        .limit,
        .consistentRead,
        .segment,
        .totalSegments,
        .exclusiveStartKey,
        .returnConsumedCapacity,
        .projectionExpression,
        .filterExpression,
        .expressionAttributeNames,
        .expressionAttributeValues,
        .attributesToGet,
        .scanFilter,
        .conditionalOperator
    )

    static func query(_ reader: inout RequestReader) throws(ServiceError) -> QueryRequest {
        let parameters = try self.parameters(&reader, self.queries, "QueryInput")
        let checked = try parameters.checkRead()
        try parameters.checkLimit(isQuery: true)
        try parameters.checkExpressions(
            [.projectionExpression, .filterExpression, .keyConditionExpression],
            legacy: [.attributesToGet, .queryFilter, .conditionalOperator, .keyConditions]
        )
        var request = QueryRequest(table: checked.table, keyCondition: parameters.keyCondition)
        request.queryFilter = try parameters.checkedFilter(.plain)
        try parameters.checkLegacyTogether(.plain)
        try parameters.checkStartKey()
        guard parameters.keyCondition != nil || parameters.legacy?.keyConditions != nil else {
            throw .validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                    + "in the request."
            )
        }
        try parameters.checkValues()
        request.keyConditions = try parameters.checkedKeyConditions(.plain)
        try parameters.checkSelect(checked.select, isQuery: true)
        request.index = parameters.index
        request.filter = parameters.filter
        request.projection = parameters.projection
        request.attributesToGet = parameters.legacy?.attributesToGet
        request.bindings = parameters.bindings
        request.select = checked.select
        request.limit = parameters.limit
        request.scansForward = parameters.scansForward
        request.exclusiveStartKey = parameters.startKey
        request.consistentRead = parameters.consistentRead
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func scan(_ reader: inout RequestReader) throws(ServiceError) -> ScanRequest {
        let parameters = try self.parameters(&reader, self.scans, "ScanInput")
        let checked = try parameters.checkRead()
        try parameters.checkLimit(isQuery: false)
        try parameters.checkExpressions(
            [.projectionExpression, .filterExpression],
            legacy: [.attributesToGet, .scanFilter, .conditionalOperator]
        )
        try parameters.checkLegacyTogether(.plain)
        var request = ScanRequest(table: checked.table)
        request.scanFilter = try parameters.checkedFilter(.plain)
        try parameters.checkStartKey()
        request.segment = try self.segment(parameters)
        try parameters.checkValues()
        try parameters.checkSelect(checked.select, isQuery: false)
        request.index = parameters.index
        request.filter = parameters.filter
        request.projection = parameters.projection
        request.attributesToGet = parameters.legacy?.attributesToGet
        request.bindings = parameters.bindings
        request.select = checked.select
        request.limit = parameters.limit
        request.exclusiveStartKey = parameters.startKey
        request.consistentRead = parameters.consistentRead
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    private static func segment(
        _ parameters: ItemParameters
    ) throws(ServiceError) -> ScanSegment? {
        switch (parameters.segment, parameters.totalSegments) {
        case (nil, nil): return nil
        case (_?, nil):
            throw .validation(
                "The TotalSegments parameter is required but was not present in the request when "
                    + "Segment parameter is present"
            )
        case (nil, _?):
            throw .validation(
                "The Segment parameter is required but was not present in the request when "
                    + "parameter TotalSegments is present"
            )
        case (let index?, let total?):
            guard index < total else {
                throw .validation(
                    "The Segment parameter is zero-based and must be less than parameter "
                        + "TotalSegments: Segment: \(index) is not less than TotalSegments: "
                        + "\(total)"
                )
            }
            return ScanSegment(index: index, total: total)
        }
    }
}
