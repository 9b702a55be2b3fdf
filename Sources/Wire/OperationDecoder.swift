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
        case .createTable: .createTable(try self.createTable(try self.tree(&reader, name)))
        case .describeTable:
            .describeTable(table: try self.describedTable(try self.tree(&reader, name)))
        case .listTables: .listTables(try self.listTables(try self.tree(&reader, name)))
        case .deleteTable:
            .deleteTable(table: try self.describedTable(try self.tree(&reader, name)))
        case .updateTable: .updateTable(try self.updateTable(try self.tree(&reader, name)))
        case .putItem: .putItem(try self.putItem(&reader))
        case .getItem: .getItem(try self.getItem(&reader))
        case .updateItem: .updateItem(try self.updateItem(&reader))
        case .deleteItem: .deleteItem(try self.deleteItem(&reader))
        case .query: .query(try self.query(&reader))
        case .scan: .scan(try self.scan(&reader))
        case .batchGetItem: .batchGetItem(try self.batchGetItem(&reader))
        case .batchWriteItem: .batchWriteItem(try self.batchWriteItem(&reader))
        case .describeLimits, .describeEndpoints: try self.empty(&reader, name)
        }
    }

    private static func empty(
        _ reader: inout RequestReader,
        _ name: OperationName
    ) throws(ServiceError) -> Operation {
        _ = try self.tree(&reader, name)
        return name == .describeLimits ? .describeLimits : .describeEndpoints
    }

    /// Reads all of an object's members as typed parameters.
    private static func parameters(
        _ reader: inout RequestReader,
        _ accepted: ItemParameterSet,
        _ shape: String
    ) throws(ServiceError) -> ItemParameters {
        let parameters = try ItemParameters(
            &reader,
            accepting: accepted,
            as: .valueStructure(shape)
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

    static func putItem(_ reader: inout RequestReader) throws(ServiceError) -> PutItemRequest {
        let parameters = try self.parameters(
            &reader,
            self.writes.union(ItemParameterSet(.item)),
            "PutItemInput"
        )
        let checked = try parameters.checkConstraints(requiresItem: true)
        try parameters.checkExpressions(
            [.conditionExpression],
            legacy: [.expected, .conditionalOperator]
        )
        let item = try parameters.checkedItem()
        try self.checkOldOnly(checked.returnValues)
        try self.checkSize(item)
        try parameters.checkValues()
        var request = PutItemRequest(table: checked.table, item: item)
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func deleteItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> DeleteItemRequest {
        let parameters = try self.parameters(
            &reader,
            self.writes.union(ItemParameterSet(.key)),
            "DeleteItemInput"
        )
        let checked = try parameters.checkConstraints(requiresKey: true)
        try parameters.checkExpressions(
            [.conditionExpression],
            legacy: [.expected, .conditionalOperator]
        )
        let key = try parameters.checkedKey()
        try self.checkOldOnly(checked.returnValues)
        try parameters.checkValues()
        var request = DeleteItemRequest(table: checked.table, key: key)
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func updateItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> UpdateItemRequest {
        let accepted = self.writes.union(
            ItemParameterSet(.key, .updateExpression, .attributeUpdates)
        )
        let parameters = try self.parameters(&reader, accepted, "UpdateItemInput")
        let checked = try parameters.checkConstraints(requiresKey: true)
        try parameters.checkExpressions(
            [.updateExpression, .conditionExpression],
            legacy: [.attributeUpdates, .expected, .conditionalOperator]
        )
        let key = try parameters.checkedKey()
        try parameters.checkValues()
        var request = UpdateItemRequest(table: checked.table, key: key)
        request.update = parameters.update
        request.condition = parameters.condition
        request.bindings = parameters.bindings
        request.returnValues = checked.returnValues
        request.returnsItemOnConditionFailure = checked.returnsItemOnConditionFailure
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    static func getItem(_ reader: inout RequestReader) throws(ServiceError) -> GetItemRequest {
        let accepted = ItemParameterSet(
            .tableName,
            .key,
            .consistentRead,
            .projectionExpression,
            .expressionAttributeNames,
            .returnConsumedCapacity,
            .attributesToGet
        )
        let parameters = try self.parameters(&reader, accepted, "GetItemInput")
        let checked = try parameters.checkConstraints(requiresKey: true)
        try parameters.checkExpressions([.projectionExpression], legacy: [.attributesToGet])
        var request = GetItemRequest(table: checked.table, key: try parameters.checkedKey())
        request.consistentRead = parameters.consistentRead
        request.projection = parameters.projection
        request.bindings = parameters.bindings
        request.returnConsumedCapacity = checked.consumedCapacity
        return request
    }

    private static func checkOldOnly(_ returnValues: ReturnValues) throws(ServiceError) {
        guard returnValues == .none || returnValues == .allOld else {
            throw .validation("ReturnValues can only be ALL_OLD or NONE")
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

    static func query(_ reader: inout RequestReader) throws(ServiceError) -> QueryRequest {
        let accepted = ItemParameterSet(
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
        let parameters = try self.parameters(&reader, accepted, "QueryInput")
        let checked = try parameters.checkConstraints()
        try parameters.checkExpressions(
            [.projectionExpression, .filterExpression, .keyConditionExpression],
            legacy: [.attributesToGet, .queryFilter, .conditionalOperator, .keyConditions]
        )
        try parameters.checkStartKey()
        guard let keyCondition = parameters.keyCondition else {
            throw .validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                    + "in the request."
            )
        }
        try parameters.checkValues()
        try parameters.checkSelect(checked.select, verb: "Querying")
        var request = QueryRequest(table: checked.table, keyCondition: keyCondition)
        request.filter = parameters.filter
        request.projection = parameters.projection
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
        let accepted = ItemParameterSet(
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
        let parameters = try self.parameters(&reader, accepted, "ScanInput")
        let checked = try parameters.checkConstraints()
        try parameters.checkExpressions(
            [.projectionExpression, .filterExpression],
            legacy: [.attributesToGet, .scanFilter, .conditionalOperator]
        )
        try parameters.checkStartKey()
        let segment = try self.segment(parameters)
        try parameters.checkValues()
        try parameters.checkSelect(checked.select, verb: "Scanning")
        var request = ScanRequest(table: checked.table)
        request.filter = parameters.filter
        request.projection = parameters.projection
        request.bindings = parameters.bindings
        request.select = checked.select
        request.limit = parameters.limit
        request.segment = segment
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
