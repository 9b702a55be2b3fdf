import DataModel
import Expressions
import Primitives
import Tables

/// The index that a Query or Scan reads.
enum IndexView {
    case local(UInt8, IndexDefinition)
    case global(IndexRecord)

    init(named name: String, of table: TableRecord) throws(ServiceError) {
        if let (number, local) = table.options.local(named: name) {
            self = .local(number, local)
        } else if let global = table.options.global(named: name) {
            guard global.status != .creating else {
                throw .validation("Cannot read from backfilling global secondary index: \(name)")
            }
            self = .global(global)
        } else {
            throw .validation("The table does not have the specified index: \(name)")
        }
    }

    var definition: IndexDefinition {
        switch self {
        case .local(_, let definition): definition
        case .global(let index): index.definition
        }
    }

    var isGlobal: Bool {
        if case .global = self { true } else { false }
    }

    /// The number of a local index; zero for what has partitions of its own.
    var number: UInt8 {
        if case .local(let number, _) = self { number } else { 0 }
    }

    /// Under which id the partition map knows the partitions that hold it.
    func home(of table: TableRecord) -> TableID {
        if case .global(let index) = self { index.id } else { table.id }
    }

    // MARK: What is wanted

    /// Whether entries lack something that is asked for, so that the items are read.
    ///
    /// - Throws: what the service says of a global index, which cannot do that.
    func fetches(
        _ select: Select?,
        _ projection: ProjectionExpression?,
        isConsistent: Bool,
        _ schema: KeySchema
    ) throws(ServiceError) -> Bool {
        let invalid = "One or more parameter values were invalid: "
        if self.isGlobal, isConsistent {
            throw .validation("Consistent reads are not supported on global secondary indexes")
        }
        guard let projected = self.definition.projectedNames(schema) else { return false }
        if select == .allAttributes {
            guard !self.isGlobal else {
                throw .validation(
                    invalid + "Select type ALL_ATTRIBUTES is not supported for global secondary "
                        + "index \(self.definition.name) because its projection type is not ALL"
                )
            }
            return true
        }
        let missing = (projection?.attributes ?? []).filter { !projected.contains($0) }
        guard !missing.isEmpty else { return false }
        guard !self.isGlobal else {
            let names = missing.map { String(decoding: $0, as: UTF8.self) }
            throw .validation(
                invalid + "Global secondary index \(self.definition.name) does not project "
                    + "[\(names.joined(separator: ", "))]"
            )
        }
        return true
    }

    // MARK: Keys

    /// The keys of a query.
    func bounds(of query: QueryPlan, _ schema: KeySchema) throws(ServiceError) -> KeyBounds {
        let range: IndexRange
        do throws(ExpressionError) {
            range = try query.keyCondition.resolved(keys: self.definition.keys)
            for attribute in self.definition.keys.attributes {
                try query.filter?.checkQueryFilter(schema: KeySchema(partitionKey: attribute))
            }
        } catch {
            throw .validation(error.message)
        }
        do throws(KeyError) {
            switch self {
            case .local(let number, let index):
                return try index.localBounds(number, range, schema)
            case .global(let index): return try index.definition.globalBounds(range)
            }
        } catch {
            throw .key(error)
        }
    }

    /// The key of the entry that an item has.
    func key(of item: Item, _ schema: KeySchema) -> ItemKey? {
        guard let key = try? ItemKey(schema, from: item) else { return nil }
        switch self {
        case .local(let number, let index):
            return index.localKey(number, of: item, at: key).map { ItemKey(trusted: $0) }
        case .global(let index): return index.definition.globalKey(of: item, at: key)
        }
    }

    /// The entry behind which a page begins.
    func startKey(_ item: Item, _ schema: KeySchema) throws(ServiceError) -> ItemKey {
        let keys = self.definition.keyItem(of: item, schema)
        guard keys.count == item.count, let key = self.key(of: item, schema) else {
            throw .validation(
                "The provided starting key is invalid: The provided key element does not match "
                    + "the schema"
            )
        }
        return key
    }

    /// What a page that ends with an entry says.
    func keyItem(_ key: ItemKey, _ schema: KeySchema) -> Item {
        switch self {
        case .local(_, let index): index.keyItem(ofLocal: key.bytes, schema)
        case .global(let index): index.definition.keyItem(ofGlobal: key, schema)
        }
    }

    func token(_ key: [UInt8]) -> Token {
        switch self {
        case .local: ItemKey(trusted: Array(key[1...])).token
        case .global: ItemKey(trusted: key).token
        }
    }
}
