/// The types a key attribute can have.
package enum ScalarKeyType: UInt8, Sendable {
    case string
    case number
    case binary

    package var attributeType: AttributeType {
        switch self {
        case .string: .string
        case .number: .number
        case .binary: .binary
        }
    }

    package init?(_ type: AttributeType) {
        switch type {
        case .string: self = .string
        case .number: self = .number
        case .binary: self = .binary
        case .null, .bool, .list, .map, .stringSet, .numberSet, .binarySet: return nil
        }
    }
}

/// A key attribute's name and type.
package struct KeyAttribute: Hashable, Sendable {
    package var name: [UInt8]
    package var type: ScalarKeyType

    package init(name: [UInt8], type: ScalarKeyType) {
        self.name = name
        self.type = type
    }
}

/// The key of a table or index.
package struct KeySchema: Hashable, Sendable {
    package var partitionKey: KeyAttribute
    package var sortKey: KeyAttribute?

    package init(partitionKey: KeyAttribute, sortKey: KeyAttribute? = nil) {
        self.partitionKey = partitionKey
        self.sortKey = sortKey
    }

    /// The partition key's attribute, then the sort key's if there is one.
    package var attributes: [KeyAttribute] {
        if let sortKey { [self.partitionKey, sortKey] } else { [self.partitionKey] }
    }

    package func isKey(_ name: [UInt8]) -> Bool {
        self.partitionKey.name == name || self.sortKey?.name == name
    }
}

/// What is wrong with an item or key that should fit a ``KeySchema``.
package enum KeyError: Error, Hashable, Sendable {
    case missing(KeyAttribute)
    case typeMismatch(KeyAttribute, actual: AttributeType)
    case empty(KeyAttribute)
    /// More than 2048 bytes for a partition key, 1024 for a sort key.
    case tooLong(KeyAttribute, isSortKey: Bool, limit: Int)
    /// An attribute that is not part of the key, where only the key is allowed.
    case extraAttribute([UInt8])
}
