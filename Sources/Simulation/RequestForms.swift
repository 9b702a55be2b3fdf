import DataModel
import NodeCore

/// The requests of simulated clients: items with a key `p` (and `r` under it), the write's unique
/// name `w`, a counter `n` that updates add to, and what indexes and the time to live look at.
struct RequestForms {
    static let table = "t"
    private static let update = Array("SET w = :w ADD n :one".utf8)
    private static let isPrevious = Array("w = :previous".utf8)
    private static let isAbsent = Array("attribute_not_exists(p)".utf8)
    private static let one = ValueBinding(
        placeholder: Array(":one".utf8),
        value: .number(DecimalNumber(1))
    )

    let plan: TablePlan
    private let keys: [Item]
    /// Items without their write's name.
    private let blanks: [Item]

    init(keys count: Int, padding: Int, _ plan: TablePlan) {
        self.plan = plan
        var keys: [Item] = []
        var blanks: [Item] = []
        for number in 0..<count {
            var map = AttributeMap()
            if plan.hasSortKey {
                map[TablePlan.Names.partition] = .string(Array("p\(number / 4)".utf8))
                map[TablePlan.Names.sort] = .string(Self.keyName(number))
            } else {
                map[TablePlan.Names.partition] = .string(Self.keyName(number))
            }
            keys.append(Item(map))
            if padding > 0 {
                map[TablePlan.Names.padding] = .binary(
                    [UInt8](repeating: UInt8(number & 0xFF), count: padding)
                )
            }
            blanks.append(Item(map))
        }
        self.keys = keys
        self.blanks = blanks
    }

    static func keyName(_ number: Int) -> [UInt8] { Array("k\(number)".utf8) }

    /// The key's name out of its stored form: token (8), length (2), partition key, sort key.
    func keyName(stored key: [UInt8]) -> [UInt8] {
        let end = 10 + (Int(key[8]) << 8 | Int(key[9]))
        return Array(self.plan.hasSortKey ? key[end...] : key[10..<end])
    }

    func put(_ key: Int, _ write: [UInt8], _ attributes: WriteAttributes) -> PutItemRequest {
        var item = self.blanks[key].setting(TablePlan.Names.write, .string(write))
        for (name, value) in attributes.present { item = item.setting(name, value) }
        return PutItemRequest(table: Self.table, item: item)
    }

    /// A put that demands what is there; nil: nothing.
    func put(
        _ key: Int,
        _ write: [UInt8],
        _ attributes: WriteAttributes,
        replacing previous: [UInt8]?
    ) -> PutItemRequest {
        var request = self.put(key, write, attributes)
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

    func update(_ key: Int, _ write: [UInt8], _ attributes: WriteAttributes) -> UpdateItemRequest {
        var request = UpdateItemRequest(table: Self.table, key: self.keys[key])
        var bindings = [
            Self.one, ValueBinding(placeholder: Array(":w".utf8), value: .string(write)),
        ]
        var text = Self.update
        if !attributes.present.isEmpty || !attributes.absent.isEmpty {
            text = Array("SET w = :w".utf8)
            for (name, value) in attributes.present {
                text += Array(", ".utf8) + name + Array(" = :".utf8) + name
                bindings.append(ValueBinding(placeholder: Array(":".utf8) + name, value: value))
            }
            text += Array(" ADD n :one".utf8)
            for (place, name) in attributes.absent.enumerated() {
                text += Array((place == 0 ? " REMOVE " : ", ").utf8) + name
            }
        }
        request.update = text
        request.bindings = ExpressionBindings(values: bindings)
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
