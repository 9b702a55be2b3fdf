package import DataModel

/// The answer to an ``Operation``; one case for each shape of answer.
package indirect enum OperationResponse: Equatable, Sendable {
    /// `{"TableDescription": …}`: CreateTable, UpdateTable and DeleteTable.
    case tableChanged(TableDescription)
    /// `{"Table": …}`: DescribeTable.
    case table(TableDescription)
    /// `lastEvaluated` is set when names may be left.
    case tableNames([String], lastEvaluated: String?)
    case getItem(GetItemResponse)
    /// PutItem, UpdateItem and DeleteItem.
    case itemChanged(ItemChangedResponse)
    /// Query and Scan.
    case page(PageResponse)
    case batchGetItem(BatchGetItemResponse)
    case batchWriteItem(BatchWriteItemResponse)
    case limits(AccountLimits)
    case tableOption(TableOptionResponse)
    /// The address that SDKs with endpoint discovery shall use: `127.0.0.1:8001`.
    case endpoints(address: String, cachePeriodMinutes: Int)
}

/// `ConsumedCapacity` of one table.
package struct ConsumedCapacity: Equatable, Sendable {
    package var table: String
    /// Twice the capacity units: an eventually consistent read takes half a unit.
    package var halfUnits: Int
    /// The request asked for `INDEXES`: the table's share is told apart.
    package var tellsTableApart: Bool
    /// The table's share, if not all.
    package var tableHalfUnits: Int?
    package var locals: [IndexCapacity] = []
    package var globals: [IndexCapacity] = []

    package init(table: String, halfUnits: Int, tellsTableApart: Bool = false) {
        self.table = table
        self.halfUnits = halfUnits
        self.tellsTableApart = tellsTableApart
    }
}

/// What one index took of a capacity.
package struct IndexCapacity: Equatable, Sendable {
    package var index: String
    package var halfUnits: Int

    package init(index: String, halfUnits: Int) {
        self.index = index
        self.halfUnits = halfUnits
    }
}

/// The answer to `GetItem`; no item when none has the key.
package struct GetItemResponse: Equatable, Sendable {
    package var item: Item?
    package var consumed: ConsumedCapacity?

    package init(item: Item?, consumed: ConsumedCapacity? = nil) {
        self.item = item
        self.consumed = consumed
    }
}

/// The answer to a single write; `attributes` as `ReturnValues` asked, absent when there are none.
package struct ItemChangedResponse: Equatable, Sendable {
    package var attributes: Item?
    package var consumed: ConsumedCapacity?
    /// In tables with local indexes, when the request asked.
    package var collection: ItemCollectionSize?

    package init(
        attributes: Item? = nil,
        consumed: ConsumedCapacity? = nil,
        collection: ItemCollectionSize? = nil
    ) {
        self.attributes = attributes
        self.consumed = consumed
        self.collection = collection
    }
}

/// `ItemCollectionMetrics`: the items of one partition key and their entries in local indexes.
package struct ItemCollectionSize: Equatable, Sendable {
    /// The partition key alone.
    package var key: Item
    package var bytes: UInt64

    package init(key: Item, bytes: UInt64) {
        self.key = key
        self.bytes = bytes
    }
}

/// A page of Query or Scan.
package struct PageResponse: Equatable, Sendable {
    /// Nil when the request asked for the count alone.
    package var items: [Item]?
    package var count: Int
    /// Items read before the filter.
    package var scannedCount: Int
    package var lastEvaluatedKey: Item?
    package var consumed: ConsumedCapacity?

    package init(
        items: [Item]?,
        count: Int,
        scannedCount: Int,
        lastEvaluatedKey: Item? = nil,
        consumed: ConsumedCapacity? = nil
    ) {
        self.items = items
        self.count = count
        self.scannedCount = scannedCount
        self.lastEvaluatedKey = lastEvaluatedKey
        self.consumed = consumed
    }
}

/// The items that a `BatchGetItem` found in one table.
package struct BatchGetResult: Equatable, Sendable {
    package var table: String
    package var items: [Item]

    package init(table: String, items: [Item]) {
        self.table = table
        self.items = items
    }
}

/// The answer to `BatchGetItem`.
package struct BatchGetItemResponse: Equatable, Sendable {
    /// One entry for each table of the request.
    package var results: [BatchGetResult]
    /// What the request may be repeated with; tables without a key left are absent.
    package var unprocessed: [BatchGetTable]
    /// Empty when the request did not ask.
    package var consumed: [ConsumedCapacity]

    package init(
        results: [BatchGetResult],
        unprocessed: [BatchGetTable] = [],
        consumed: [ConsumedCapacity] = []
    ) {
        self.results = results
        self.unprocessed = unprocessed
        self.consumed = consumed
    }
}

/// The answer to `BatchWriteItem`.
package struct BatchWriteItemResponse: Equatable, Sendable {
    package var unprocessed: [BatchWriteTable]
    package var consumed: [ConsumedCapacity]
    /// Of the tables with local indexes, when the request asked.
    package var collections: [TableCollections]

    package init(
        unprocessed: [BatchWriteTable] = [],
        consumed: [ConsumedCapacity] = [],
        collections: [TableCollections] = []
    ) {
        self.unprocessed = unprocessed
        self.consumed = consumed
        self.collections = collections
    }
}

/// The item collections of one table that a batch wrote to.
package struct TableCollections: Equatable, Sendable {
    package var table: String
    package var sizes: [ItemCollectionSize]

    package init(table: String, sizes: [ItemCollectionSize]) {
        self.table = table
        self.sizes = sizes
    }
}

/// `DescribeLimits`, in capacity units a second.
package struct AccountLimits: Equatable, Sendable {
    package var accountReadUnits = 80_000
    package var accountWriteUnits = 80_000
    package var tableReadUnits = 40_000
    package var tableWriteUnits = 40_000

    package init() {}
}
