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
            self = .keys(try Self.bounds(of: query, schema), schema)
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
        do throws(ExpressionError) {
            let range = try plan.keyCondition.resolved(schema: schema)
            try plan.filter?.checkQueryFilter(schema: schema)
            do throws(KeyError) {
                return try range.bounds(schema: schema)
            } catch {
                throw ExpressionError(ServiceError.key(error).message)
            }
        } catch {
            throw .validation(error.message)
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
