import DataModel
import NodeCore

/// The requests of simulated clients: items with a key `p`, the write's unique name `w`, and a
/// counter `n` that updates add to.
struct RequestForms {
    static let table = "t"
    static let schema = KeySchema(
        partitionKey: KeyAttribute(name: Array("p".utf8), type: .string)
    )
    private static let key = Array("p".utf8)
    private static let write = Array("w".utf8)
    private static let padding = Array("x".utf8)
    private static let update = Array("SET w = :w ADD n :one".utf8)
    private static let isPrevious = Array("w = :previous".utf8)
    private static let isAbsent = Array("attribute_not_exists(p)".utf8)
    private static let one = ValueBinding(
        placeholder: Array(":one".utf8),
        value: .number(DecimalNumber(1))
    )

    private let keys: [Item]
    /// Items without their write's name.
    private let blanks: [Item]

    init(keys count: Int, padding: Int) {
        var keys: [Item] = []
        var blanks: [Item] = []
        for number in 0..<count {
            var map = AttributeMap()
            map[Self.key] = .string(Self.keyName(number))
            keys.append(Item(map))
            if padding > 0 {
                map[Self.padding] = .binary(
                    [UInt8](repeating: UInt8(number & 0xFF), count: padding)
                )
            }
            blanks.append(Item(map))
        }
        self.keys = keys
        self.blanks = blanks
    }

    static func keyName(_ number: Int) -> [UInt8] { Array("k\(number)".utf8) }

    func put(_ key: Int, _ write: [UInt8]) -> PutItemRequest {
        let item = self.blanks[key].setting(Self.write, .string(write))
        return PutItemRequest(table: Self.table, item: item)
    }

    /// A put that demands what is there; nil: nothing.
    func put(_ key: Int, _ write: [UInt8], replacing previous: [UInt8]?) -> PutItemRequest {
        var request = self.put(key, write)
        if let previous {
            request.condition = Self.isPrevious
            request.bindings = ExpressionBindings(
                values: [
                    ValueBinding(
                        placeholder: Array(":previous".utf8),
                        value: .string(previous)
                    )
                ]
            )
        } else {
            request.condition = Self.isAbsent
        }
        return request
    }

    func update(_ key: Int, _ write: [UInt8]) -> UpdateItemRequest {
        var request = UpdateItemRequest(table: Self.table, key: self.keys[key])
        request.update = Self.update
        request.bindings = ExpressionBindings(
            values: [
                Self.one, ValueBinding(placeholder: Array(":w".utf8), value: .string(write)),
            ]
        )
        return request
    }

    func delete(_ key: Int) -> DeleteItemRequest {
        DeleteItemRequest(table: Self.table, key: self.keys[key])
    }

    func get(_ key: Int, isConsistent: Bool) -> GetItemRequest {
        var request = GetItemRequest(table: Self.table, key: self.keys[key])
        request.consistentRead = isConsistent
        return request
    }
}
