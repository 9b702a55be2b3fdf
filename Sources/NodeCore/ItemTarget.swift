import DataModel
import Expressions
import Primitives

/// What an operation on the items of one partition aims at, once the key schema is known.
enum ItemTarget {
    case item(ItemKey)
    /// The keys of a query, and the schema by which pages tell where they end.
    case keys(KeyBounds, KeySchema)

    init(_ plan: ItemPlan, _ schema: KeySchema) throws(ServiceError) {
        if case .query(let query) = plan.action {
            let bounds = try Self.bounds(of: query, schema)
            self = .keys(bounds, schema)
        } else {
            self = .item(try Self.key(of: plan, schema))
        }
    }

    var token: Token {
        switch self {
        case .item(let key): key.token
        case .keys(let bounds, _): ItemKey(trusted: bounds.from).token
        }
    }

    private static func key(
        of plan: ItemPlan,
        _ schema: KeySchema
    ) throws(ServiceError) -> ItemKey {
        switch plan.action {
        case .put(let item):
            do throws(KeyError) {
                return try ItemKey(schema, from: item)
            } catch {
                throw .itemKey(error)
            }
        case .update(let update):
            do throws(ExpressionError) {
                try update?.check(schema: schema)
            } catch {
                throw .validation(error.message)
            }
            fallthrough
        case .get, .delete, .query:
            do throws(KeyError) {
                return try ItemKey(schema, keyAttributes: plan.key)
            } catch {
                throw .key(error)
            }
        }
    }

    private static func bounds(
        of plan: QueryPlan,
        _ schema: KeySchema
    ) throws(ServiceError) -> KeyBounds {
        let range: KeyRange
        do throws(ExpressionError) {
            range = try plan.keyCondition.resolved(schema: schema)
            try plan.filter?.checkQueryFilter(
                schema: schema,
                parameter: plan.request.filter == nil ? "QueryFilter" : "Filter Expression"
            )
        } catch {
            throw .validation(error.message)
        }
        let bounds: KeyBounds
        do throws(KeyError) {
            bounds = try range.bounds(schema: schema)
        } catch {
            throw .key(error)
        }
        if let start = plan.request.exclusiveStartKey { try Self.check(start, range, schema) }
        return bounds
    }

    /// Refuses a start key that the query could not have ended a page with.
    private static func check(
        _ start: Item,
        _ range: KeyRange,
        _ schema: KeySchema
    ) throws(ServiceError) {
        let key: ItemKey
        let own: KeyBounds
        do throws(KeyError) {
            key = try ItemKey(schema, keyAttributes: start)
            var shifted = range
            guard let partition = start[schema.partitionKey.name] else {
                throw .missing(schema.partitionKey)
            }
            shifted.partition = partition.unpacked()
            own = try shifted.bounds(schema: schema)
        } catch {
            throw .startKey(error, isQuery: true)
        }
        guard !ByteOrder.isLess(key.bytes, own.from), ByteOrder.isLess(key.bytes, own.to) else {
            throw .validation(
                "The provided starting key does not match the range key predicate"
            )
        }
        guard start[schema.partitionKey.name]?.unpacked() == range.partition else {
            guard range.sort != .all else { throw .startKeyOutsideQuery }
            throw .validation("The query can return at most one row and cannot be restarted")
        }
    }
}

extension ItemPlan {
    var isRead: Bool {
        switch self.action {
        case .get, .query: true
        case .put, .update, .delete: false
        }
    }

    /// Only the partition's leader may answer.
    var needsLeader: Bool {
        switch self.action {
        case .get(let isConsistent, _): isConsistent
        case .query(let query): query.request.consistentRead
        case .put, .update, .delete: true
        }
    }
}
