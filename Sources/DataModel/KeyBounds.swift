/// What a key condition asks of the sort key.
package enum SortKeyBounds: Equatable, Sendable {
    case all
    case equal(AttributeValue)
    case less(AttributeValue)
    case lessOrEqual(AttributeValue)
    case greater(AttributeValue)
    case greaterOrEqual(AttributeValue)
    case between(AttributeValue, AttributeValue)
    case beginsWith(AttributeValue)
}

/// A half-open range of storage keys: `from` inside, `to` outside.
package struct KeyBounds: Equatable, Sendable {
    package var from: [UInt8]
    package var to: [UInt8]

    package init(from: [UInt8], to: [UInt8]) {
        self.from = from
        self.to = to
    }

    package var isEmpty: Bool { !ByteOrder.isLess(self.from, self.to) }

    /// The keys of one partition key whose sort key lies within `sort`.
    ///
    /// A key is followed directly by itself and 0x00, because no two keys lie closer together.
    package init(
        _ schema: KeySchema,
        partition: AttributeValue,
        sort: SortKeyBounds
    ) throws(KeyError) {
        let prefix = try ItemKey.partitionPrefix(schema, partition)
        guard let end = ByteOrder.successor(ofPrefix: prefix) else {
            preconditionFailure("a key's length is below 0xFFFF")
        }
        switch sort {
        case .all: self.init(from: prefix, to: end)
        case .equal(let value):
            let key = prefix + (try Self.sortBytes(schema, value))
            self.init(from: key, to: key + [0])
        case .less(let value):
            self.init(from: prefix, to: prefix + (try Self.sortBytes(schema, value)))
        case .lessOrEqual(let value):
            self.init(from: prefix, to: prefix + (try Self.sortBytes(schema, value)) + [0])
        case .greater(let value):
            self.init(from: prefix + (try Self.sortBytes(schema, value)) + [0], to: end)
        case .greaterOrEqual(let value):
            self.init(from: prefix + (try Self.sortBytes(schema, value)), to: end)
        case .between(let low, let high):
            self.init(
                from: prefix + (try Self.sortBytes(schema, low)),
                to: prefix + (try Self.sortBytes(schema, high)) + [0]
            )
        case .beginsWith(let value):
            let start = prefix + (try Self.sortBytes(schema, value))
            self.init(from: start, to: ByteOrder.successor(ofPrefix: start) ?? end)
        }
    }

    private static func sortBytes(
        _ schema: KeySchema,
        _ value: AttributeValue
    ) throws(KeyError) -> ArraySlice<UInt8> {
        guard let sortKey = schema.sortKey else {
            preconditionFailure("a sort-key condition on a table without a sort key")
        }
        return try ItemKey.keyBytes(PackedValue(value), sortKey, isSortKey: true)
    }
}
