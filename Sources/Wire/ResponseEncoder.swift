package import DataModel
package import NodeCore

/// Turns the answers of the core into the JSON that SDKs read.
package enum ResponseEncoder {
    /// An item as DynamoDB JSON: `{"pk":{"S":"a"}}`.
    package static func encode(_ item: Item) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.item(item)
        return writer.bytes
    }

    package static func encode(_ response: OperationResponse) -> [UInt8] {
        var writer = JSONWriter(reserving: self.estimate(response))
        writer.beginObject()
        switch response {
        case .tableChanged(let table):
            writer.name("TableDescription")
            // Of all that change tables, DeleteTable alone leaves them in this state.
            self.write(table, hasDefinition: table.status != .deleting, to: &writer)
        case .table(let table):
            writer.name("Table")
            self.write(table, to: &writer)
        case .tableNames(let names, let last):
            writer.name("TableNames")
            writer.beginArray()
            for name in names { writer.string(name) }
            writer.endArray()
            if let last {
                writer.name("LastEvaluatedTableName")
                writer.string(last)
            }
        case .getItem(let answer):
            if let item = answer.item {
                writer.name("Item")
                writer.item(item)
            }
            self.write(answer.consumed, to: &writer)
        case .itemChanged(let answer):
            if let attributes = answer.attributes {
                writer.name("Attributes")
                writer.item(attributes)
            }
            self.write(answer.consumed, to: &writer)
            if let collection = answer.collection { self.write(collection, to: &writer) }
        case .page(let page): self.write(page, to: &writer)
        case .batchGetItem(let answer): self.write(answer, to: &writer)
        case .batchWriteItem(let answer): self.write(answer, to: &writer)
        case .limits(let limits): self.write(limits, to: &writer)
        case .tableOption(let answer): self.write(answer, to: &writer)
        case .endpoints(let address, let minutes):
            writer.name("Endpoints")
            writer.beginArray()
            writer.beginObject()
            writer.name("Address")
            writer.string(address)
            writer.name("CachePeriodInMinutes")
            writer.integer(minutes)
            writer.endObject()
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    /// About how long an answer becomes, so that a long one is not copied while it grows.
    private static func estimate(_ response: OperationResponse) -> Int {
        switch response {
        case .getItem(let answer): 512 + self.estimate(answer.item)
        case .itemChanged(let answer): 512 + self.estimate(answer.attributes)
        case .page(let page): (page.items ?? []).reduce(512) { $0 + self.estimate($1) }
        case .batchGetItem(let answer):
            answer.results.reduce(512) { $1.items.reduce($0) { $0 + self.estimate($1) } }
        case .tableChanged, .table, .tableNames, .batchWriteItem, .limits, .tableOption,
            .endpoints:
            512
        }
    }

    /// Names and types take several times their packed form, long values little more than once.
    private static func estimate(_ item: Item?) -> Int {
        guard let count = item?.bytes.count else { return 0 }
        return 64 + count + count / 8
    }

    /// `{"__type": …, "message": …}`; errors of the service's front end spell `Message`.
    package static func encode(_ error: ServiceError) -> [UInt8] {
        var writer = JSONWriter(reserving: 256)
        writer.beginObject()
        writer.name("__type")
        writer.string(error.kind.typeName)
        if !error.message.isEmpty {
            writer.name(error.kind.spellsMessageWithCapital ? "Message" : "message")
            writer.string(error.message)
        }
        if let item = error.item {
            writer.name("Item")
            writer.item(item)
        }
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ page: PageResponse, to writer: inout JSONWriter) {
        if let items = page.items {
            writer.name("Items")
            writer.beginArray()
            for item in items { writer.item(item) }
            writer.endArray()
        }
        writer.name("Count")
        writer.integer(page.count)
        writer.name("ScannedCount")
        writer.integer(page.scannedCount)
        if let key = page.lastEvaluatedKey {
            writer.name("LastEvaluatedKey")
            writer.item(key)
        }
        self.write(page.consumed, to: &writer)
    }

    private static func write(_ answer: BatchGetItemResponse, to writer: inout JSONWriter) {
        writer.name("Responses")
        writer.beginObject()
        for result in answer.results {
            writer.name(result.table)
            writer.beginArray()
            for item in result.items { writer.item(item) }
            writer.endArray()
        }
        writer.endObject()
        writer.name("UnprocessedKeys")
        writer.beginObject()
        for table in answer.unprocessed {
            writer.name(table.table)
            self.write(table, to: &writer)
        }
        writer.endObject()
        self.write(answer.consumed, to: &writer)
    }

    private static func write(_ table: BatchGetTable, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("Keys")
        writer.beginArray()
        for key in table.keys { writer.item(key) }
        writer.endArray()
        if table.consistentRead {
            writer.name("ConsistentRead")
            writer.bool(true)
        }
        if let projection = table.projection {
            writer.name("ProjectionExpression")
            writer.string(projection)
        }
        if let attributes = table.attributesToGet {
            writer.name("AttributesToGet")
            writer.beginArray()
            for attribute in attributes { writer.string(attribute) }
            writer.endArray()
        }
        if let names = table.bindings.names {
            writer.name("ExpressionAttributeNames")
            writer.beginObject()
            for binding in names {
                binding.placeholder.withUnsafeBytes { writer.name($0) }
                writer.string(binding.name)
            }
            writer.endObject()
        }
        writer.endObject()
    }

    private static func write(_ answer: BatchWriteItemResponse, to writer: inout JSONWriter) {
        writer.name("UnprocessedItems")
        writer.beginObject()
        for table in answer.unprocessed {
            writer.name(table.table)
            writer.beginArray()
            for write in table.writes {
                writer.beginObject()
                switch write {
                case .put(let item):
                    writer.name("PutRequest")
                    writer.beginObject()
                    writer.name("Item")
                    writer.item(item)
                case .delete(let key):
                    writer.name("DeleteRequest")
                    writer.beginObject()
                    writer.name("Key")
                    writer.item(key)
                }
                writer.endObject()
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        self.write(answer.consumed, to: &writer)
        guard !answer.collections.isEmpty else { return }
        writer.name("ItemCollectionMetrics")
        writer.beginObject()
        for table in answer.collections {
            writer.name(table.table)
            writer.beginArray()
            for size in table.sizes { self.writeObject(size, to: &writer) }
            writer.endArray()
        }
        writer.endObject()
    }

    private static func write(_ limits: AccountLimits, to writer: inout JSONWriter) {
        writer.name("AccountMaxReadCapacityUnits")
        writer.integer(limits.accountReadUnits)
        writer.name("AccountMaxWriteCapacityUnits")
        writer.integer(limits.accountWriteUnits)
        writer.name("TableMaxReadCapacityUnits")
        writer.integer(limits.tableReadUnits)
        writer.name("TableMaxWriteCapacityUnits")
        writer.integer(limits.tableWriteUnits)
    }

    // MARK: Capacity

    private static func write(_ consumed: ConsumedCapacity?, to writer: inout JSONWriter) {
        guard let consumed else { return }
        writer.name("ConsumedCapacity")
        self.writeObject(consumed, to: &writer)
    }

    private static func write(_ consumed: [ConsumedCapacity], to writer: inout JSONWriter) {
        guard !consumed.isEmpty else { return }
        writer.name("ConsumedCapacity")
        writer.beginArray()
        for consumed in consumed { self.writeObject(consumed, to: &writer) }
        writer.endArray()
    }

    private static func writeObject(_ consumed: ConsumedCapacity, to writer: inout JSONWriter) {
        let units = "\(consumed.halfUnits / 2).\(consumed.halfUnits % 2 == 0 ? "0" : "5")"
        writer.beginObject()
        writer.name("TableName")
        writer.string(consumed.table)
        writer.name("CapacityUnits")
        writer.number(units)
        self.writeShares(consumed, to: &writer)
        writer.endObject()
    }
}
