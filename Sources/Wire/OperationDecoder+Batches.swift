import DataModel
import NodeCore

/// BatchGetItem and BatchWriteItem.
extension OperationDecoder {
    static let batchGetKeysMax = 100
    static let batchWritesMax = 25

    /// Reads the two members that both batches have; `readTable` takes what one table's name leads
    /// to.
    private static func readBatch(
        _ reader: inout RequestReader,
        _ shape: String,
        _ element: String,
        _ readTable: (inout RequestReader, String) throws(ServiceError) -> Void
    ) throws(ServiceError) -> BatchMembers {
        var members = BatchMembers()
        try reader.beginObject(.valueStructure(shape))
        while let name = try reader.nextName() {
            guard try reader.isPresent() else { continue }
            if reader.json.isText(name, "RequestItems") {
                guard members.tables == nil else { throw reader.duplicate() }
                var tables: [String] = []
                try reader.beginObject(.map(of: element))
                while let table = try reader.nextName() {
                    let table = RequestedTable.name(reader.json.string(of: table))
                    guard !tables.contains(table) else { throw reader.duplicate() }
                    tables.append(table)
                    try readTable(&reader, table)
                }
                members.tables = tables
            } else if reader.json.isText(name, "ReturnConsumedCapacity") {
                members.consumedCapacity = try reader.string()
            } else if reader.json.isText(name, "ReturnItemCollectionMetrics") {
                members.collectionMetrics = try reader.string()
            } else {
                try reader.skip()
            }
        }
        try reader.finish()
        return members
    }

    // MARK: BatchGetItem

    static func batchGetItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> BatchGetItemRequest {
        var tables: [BatchGetParameters] = []
        let members = try self.readBatch(
            &reader,
            "BatchGetItemInput",
            "com.amazonaws.dynamodb.v20120810.KeysAndAttributes"
        ) { (reader, table) throws(ServiceError) in
            tables.append(try BatchGetParameters(&reader, table: table))
        }
        var constraints = Constraints()
        let consumed = try members.check("BatchGetItem", &constraints)
        for table in tables { table.check(&constraints) }
        try constraints.check()
        if tables.contains(where: { $0.projection != nil }),
            tables.contains(where: { $0.attributesToGet != nil })
        {
            throw .validation(
                "Can not use both expression and non-expression parameters in the same request: "
                    + "Non-expression parameters: {AttributesToGet} "
                    + "Expression parameters: {ProjectionExpression}"
            )
        }
        var total = 0
        var request = BatchGetItemRequest(tables: [])
        request.returnConsumedCapacity = consumed
        for table in tables {
            request.tables.append(try table.checked())
            total += table.keys.count
            guard total <= self.batchGetKeysMax else {
                throw .validation("Too many items requested for the BatchGetItem call")
            }
        }
        return request
    }

    // MARK: BatchWriteItem

    static func batchWriteItem(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> BatchWriteItemRequest {
        var tables: [BatchWriteTable] = []
        var problem: ServiceError?
        var hasBadCount = false
        var missing: [String] = []
        let members = try self.readBatch(
            &reader,
            "BatchWriteItemInput",
            "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>"
        ) { (reader, table) throws(ServiceError) in
            var writes = BatchWriteTable(table: table, writes: [])
            try reader.beginArray(.list)
            var count = 0
            while try reader.nextElement() {
                count += 1
                let entry = try self.writeRequest(&reader)
                if let write = entry.write { writes.writes.append(write) }
                problem = problem ?? entry.problem
                missing += entry.missing.map {
                    "requestItems.\(table).member.\(count).member.\($0)"
                }
            }
            if count < 1 || count > self.batchWritesMax { hasBadCount = true }
            tables.append(writes)
        }
        var constraints = Constraints()
        let consumed = try members.check("BatchWriteItem", &constraints)
        if hasBadCount {
            constraints.violate(
                members.shown,
                at: "requestItems",
                "Map value must satisfy constraint: [\(Constraints.lengthAtMost)25, "
                    + "\(Constraints.lengthAtLeast)1]"
            )
        }
        for path in missing { constraints.notNull(false, at: path) }
        try constraints.check()
        if let problem { throw problem }
        guard tables.reduce(0, { $0 + $1.writes.count }) <= self.batchWritesMax else {
            throw .validation("Too many items requested for the BatchWriteItem call")
        }
        var request = BatchWriteItemRequest(tables: tables)
        request.returnConsumedCapacity = consumed
        request.returnsCollectionSizes = members.collectionMetrics == "SIZE"
        return request
    }

    /// One entry of a BatchWriteItem, or what is wrong with it.
    private struct WriteEntry {
        var write: BatchWrite?
        var problem: ServiceError?
        /// The required members that are not there.
        var missing: [String] = []

        mutating func take(_ item: Item) {
            do throws(ServiceError) {
                try OperationDecoder.checkSize(item)
                self.write = .put(item)
            } catch {
                self.problem = error
            }
        }
    }

    /// Reads `{"PutRequest": {"Item": …}}` or `{"DeleteRequest": {"Key": …}}`.
    private static func writeRequest(
        _ reader: inout RequestReader
    ) throws(ServiceError) -> WriteEntry {
        var entry = WriteEntry()
        var count = 0
        let notOne = ServiceError.validation(AttributeReader.severalTypes)
        guard try reader.isPresent() else { return WriteEntry(problem: notOne) }
        try reader.beginObject(.valueStructure("WriteRequest"))
        while let name = try reader.nextName() {
            guard try reader.isPresent() else { continue }
            if reader.json.isText(name, "PutRequest") {
                count += 1
                let found = try self.attributes(&reader, "PutRequest", "Item")
                guard let (item, problem) = found else {
                    entry.missing.append("putRequest.item")
                    continue
                }
                entry.problem = entry.problem ?? problem
                if let item, entry.problem == nil { entry.take(item) }
            } else if reader.json.isText(name, "DeleteRequest") {
                count += 1
                let found = try self.attributes(&reader, "DeleteRequest", "Key")
                guard let (key, problem) = found else {
                    entry.missing.append("deleteRequest.key")
                    continue
                }
                entry.problem = entry.problem ?? problem
                if let key, entry.problem == nil { entry.write = .delete(key: key) }
            } else {
                try reader.skip()
            }
        }
        if count != 1 { entry.problem = notOne }
        return entry
    }

    /// Reads the one map that a write request holds; nil when it has none.
    private static func attributes(
        _ reader: inout RequestReader,
        _ shape: String,
        _ member: StaticString
    ) throws(ServiceError) -> (Item?, ServiceError?)? {
        var result: (Item?, ServiceError?)?
        try reader.beginObject(.fieldStructure(shape))
        while let name = try reader.nextName() {
            guard try reader.isPresent() else { continue }
            if reader.json.isText(name, member) {
                guard result == nil else { throw reader.duplicate() }
                let (item, problem) = try ItemParameters.attributes(&reader, .plain)
                result = (item, problem?.error(.plain))
            } else {
                try reader.skip()
            }
        }
        return result
    }
}

/// The members of a batch besides the items.
private struct BatchMembers {
    /// The tables of `RequestItems`; nil without it.
    var tables: [String]?
    var consumedCapacity: String?
    var collectionMetrics: String?

    /// How the service shows the map, shortened.
    var shown: String {
        "{" + (self.tables ?? []).map { $0 + "=[...]" }.joined(separator: ", ") + "}"
    }

    /// Checks all but the tables' own parts; a map without tables is told of at once, in words
    /// that name the operation.
    func check(
        _ operation: String,
        _ constraints: inout Constraints
    ) throws(ServiceError) -> ReturnConsumedCapacity {
        if self.tables?.isEmpty == true {
            throw .validation("The requestItems parameter is required for \(operation)")
        }
        let consumed = constraints.choice(
            self.consumedCapacity,
            of: Choices.consumedCapacity,
            at: "returnConsumedCapacity"
        )
        _ = constraints.choice(
            self.collectionMetrics,
            of: Choices.collectionMetrics,
            at: "returnItemCollectionMetrics"
        )
        constraints.notNull(self.tables != nil, at: "requestItems")
        if let tables = self.tables {
            let isBad = tables.contains { name in
                !Constraints.isName(name) || !(3...255).contains(name.utf8.count)
            }
            if isBad {
                constraints.violate(
                    self.shown,
                    at: "requestItems",
                    "Map keys must satisfy constraint: [\(Constraints.lengthAtMost)255, "
                        + "\(Constraints.lengthAtLeast)3, Member must satisfy regular expression "
                        + "pattern: \(Constraints.namePattern)]"
                )
            }
        }
        return consumed ?? .none
    }
}

/// What a BatchGetItem asks of one table, typed but not yet checked.
private struct BatchGetParameters {
    let table: String
    /// Nil without `Keys`.
    private(set) var keyCount: Int?
    private(set) var keys: [Item] = []
    private var problem: AttributeProblem?
    private var consistentRead = false
    private(set) var projection: [UInt8]?
    private var names: [NameBinding]?
    private(set) var attributesToGet: [[UInt8]]?

    init(_ reader: inout RequestReader, table: String) throws(ServiceError) {
        self.table = table
        try reader.beginObject(.valueStructure("KeysAndAttributes"))
        while let name = try reader.nextName() {
            let parameter = ItemParameter.named(name, reader.json)
            let isKeys = reader.json.isText(name, "Keys")
            guard try reader.isPresent() else { continue }
            if isKeys {
                try self.readKeys(&reader)
            } else if parameter == .consistentRead {
                self.consistentRead = try reader.bool()
            } else if parameter == .projectionExpression {
                self.projection = try reader.bytes()
            } else if parameter == .expressionAttributeNames {
                self.names = try Bindings.names(&reader)
            } else if parameter == .attributesToGet {
                self.attributesToGet = try ItemParameters.attributeNames(&reader)
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func readKeys(_ reader: inout RequestReader) throws(ServiceError) {
        guard self.keyCount == nil else { throw reader.duplicate() }
        var count = 0
        try reader.beginArray(.list)
        while try reader.nextElement() {
            count += 1
            let (key, problem) = try ItemParameters.attributes(&reader, .plain)
            if let key { self.keys.append(key) }
            self.problem = self.problem ?? problem
        }
        self.keyCount = count
    }

    func check(_ constraints: inout Constraints) {
        let path = "requestItems.\(self.table).member."
        let hidden = "RequestItems.\(self.table).member.Keys"
        if let count = self.keyCount {
            if count < 1 {
                constraints.violate(hidden: hidden, Constraints.lengthAtLeast + "1")
            }
            if count > OperationDecoder.batchGetKeysMax {
                constraints.violate(
                    hidden: hidden,
                    Constraints.lengthAtMost + String(OperationDecoder.batchGetKeysMax)
                )
            }
        } else {
            constraints.notNull(false, at: path + "keys")
        }
        if let names = self.attributesToGet, names.isEmpty {
            constraints.violate(
                "[]",
                at: path + "attributesToGet",
                Constraints.lengthAtLeast + "1"
            )
        }
    }

    func checked() throws(ServiceError) -> BatchGetTable {
        if self.names != nil, self.projection == nil {
            throw .validation(
                "ExpressionAttributeNames can only be specified when using expressions"
            )
        }
        if let problem = self.problem { throw problem.error(.plain) }
        try ItemParameters.checkDistinct(self.attributesToGet, .plain)
        for index in self.keys.indices.dropFirst()
        where self.keys[..<index].contains(self.keys[index]) {
            throw .validation("Provided list of item keys contains duplicates")
        }
        var table = BatchGetTable(table: self.table, keys: self.keys)
        table.consistentRead = self.consistentRead
        table.projection = self.projection
        table.attributesToGet = self.attributesToGet
        table.bindings = ExpressionBindings(names: self.names)
        return table
    }
}
