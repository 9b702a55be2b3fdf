import DataModel
import NodeCore
import Primitives

/// Requests of the tests' clients, and what they read out of the answers.
enum Requests {
    static let plain = KeySchema(partitionKey: KeyAttribute(name: Array("p".utf8), type: .string))
    static let sorted = KeySchema(
        partitionKey: KeyAttribute(name: Array("p".utf8), type: .string),
        sortKey: KeyAttribute(name: Array("s".utf8), type: .number)
    )

    static func key(_ name: String, _ sort: Int? = nil) -> Item {
        var map = AttributeMap()
        map[Array("p".utf8)] = .string(Array(name.utf8))
        if let sort { map[Array("s".utf8)] = .number(DecimalNumber(sort)) }
        return Item(map)
    }

    static func item(_ name: String, _ sort: Int? = nil, value: Int, padding: Int = 0) -> Item {
        var item = self.key(name, sort).setting(Array("v".utf8), .number(DecimalNumber(value)))
        if padding > 0 {
            let bytes = [UInt8](repeating: 0x61, count: padding)
            item = item.setting(Array("w".utf8), .string(bytes))
        }
        return item
    }

    static func create(_ table: String, _ schema: KeySchema = Self.plain) -> Operation {
        .createTable(CreateTableRequest(table: table, schema: schema))
    }

    static func put(_ table: String, _ item: Item) -> Operation {
        .putItem(PutItemRequest(table: table, item: item))
    }

    static func get(_ table: String, _ key: Item, isConsistent: Bool = true) -> Operation {
        var request = GetItemRequest(table: table, key: key)
        request.consistentRead = isConsistent
        return .getItem(request)
    }

    static func delete(_ table: String, _ key: Item) -> Operation {
        .deleteItem(DeleteItemRequest(table: table, key: key))
    }

    /// Counts `v` up by one; with `least`, only if it is at least that.
    static func add(_ table: String, _ key: Item, least: Int? = nil) -> Operation {
        var request = UpdateItemRequest(table: table, key: key)
        request.update = Array("ADD v :one".utf8)
        var values = [
            ValueBinding(placeholder: Array(":one".utf8), value: .number(DecimalNumber(1)))
        ]
        if let least {
            request.condition = Array("v >= :least".utf8)
            values.append(
                ValueBinding(
                    placeholder: Array(":least".utf8),
                    value: .number(DecimalNumber(least))
                )
            )
        }
        request.bindings = ExpressionBindings(values: values)
        request.returnValues = .updatedNew
        return .updateItem(request)
    }

    static func query(_ table: String, _ name: String, limit: Int? = nil) -> Operation {
        var request = QueryRequest(table: table, keyCondition: Array("p = :p".utf8))
        request.bindings = ExpressionBindings(
            values: [
                ValueBinding(placeholder: Array(":p".utf8), value: .string(Array(name.utf8)))
            ]
        )
        request.limit = limit
        request.consistentRead = true
        return .query(request)
    }

    static func addReplica(_ table: String, _ region: Int) -> Operation {
        var request = UpdateTableRequest(table: table)
        request.replicas = [.create(region: "region-\(region)")]
        return .updateTable(request)
    }

    static func removeReplica(_ table: String, _ region: Int) -> Operation {
        var request = UpdateTableRequest(table: table)
        request.replicas = [.delete(region: "region-\(region)")]
        return .updateTable(request)
    }
}

extension Item {
    /// The attribute `v`.
    var value: Int? {
        guard case .number(let number)? = self[Array("v".utf8)]?.unpacked() else { return nil }
        return number.int
    }

    /// The attribute `p`.
    var name: String? {
        guard case .string(let bytes)? = self[Array("p".utf8)]?.unpacked() else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
