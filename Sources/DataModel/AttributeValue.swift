/// An attribute's value in tree form, for requests, expressions and tests; items are stored in the
/// packed form, see ``PackedValue``.
///
/// Strings are UTF-8 bytes, because DynamoDB compares bytes. Sets from ``PackedValue/unpacked()``
/// are sorted and without duplicates; others become so when they are packed, and are equal in any
/// order.
package enum AttributeValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(DecimalNumber)
    case string([UInt8])
    case binary([UInt8])
    case list([AttributeValue])
    case map(AttributeMap)
    case stringSet([[UInt8]])
    case numberSet([DecimalNumber])
    case binarySet([[UInt8]])

    package var type: AttributeType {
        switch self {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .binary: .binary
        case .list: .list
        case .map: .map
        case .stringSet: .stringSet
        case .numberSet: .numberSet
        case .binarySet: .binarySet
        }
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.binary(let left), .binary(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.map(let left), .map(let right)): left == right
        case (.stringSet(let left), .stringSet(let right)),
            (.binarySet(let left), .binarySet(let right)):
            left == right || self.canonical(left) == self.canonical(right)
        case (.numberSet(let left), .numberSet(let right)):
            left == right || self.canonical(left) == self.canonical(right)
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.binary, _), (.list, _),
            (.map, _), (.stringSet, _), (.numberSet, _), (.binarySet, _):
            false
        }
    }

    /// How two numbers, two strings or two binaries compare; nil for other types and for a pair of
    /// different types.
    package func order(against other: AttributeValue) -> ScalarOrder? {
        switch (self, other) {
        case (.number(let left), .number(let right)):
            left == right ? .equal : left < right ? .less : .greater
        case (.string(let left), .string(let right)), (.binary(let left), .binary(let right)):
            ByteOrder.compare(left, right)
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.binary, _), (.list, _),
            (.map, _), (.stringSet, _), (.numberSet, _), (.binarySet, _):
            nil
        }
    }

    /// Sorted members without duplicates.
    package static func canonical(_ members: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        result.reserveCapacity(members.count)
        for member in members.sorted(by: ByteOrder.isLess) where result.last != member {
            result.append(member)
        }
        return result
    }

    /// Sorted members without duplicates.
    package static func canonical(_ members: [DecimalNumber]) -> [DecimalNumber] {
        var result: [DecimalNumber] = []
        result.reserveCapacity(members.count)
        for member in members.sorted() where result.last != member { result.append(member) }
        return result
    }

    /// Lists and maps inside each other: 0 for a scalar or a set, 1 for a list of scalars.
    package var depth: Int {
        switch self {
        case .list(let elements): 1 + (elements.lazy.map(\.depth).max() ?? 0)
        case .map(let map): 1 + (map.entries.lazy.map(\.value.depth).max() ?? 0)
        case .null, .bool, .number, .string, .binary, .stringSet, .numberSet, .binarySet: 0
        }
    }
}

extension AttributeValue: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self = .string(Array(value.utf8)) }
}

extension AttributeValue: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int) { self = .number(DecimalNumber(value)) }
}

extension AttributeValue: ExpressibleByBooleanLiteral {
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension AttributeValue: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: AttributeValue...) { self = .list(elements) }
}

extension AttributeValue: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, AttributeValue)...) {
        self = .map(AttributeMap(elements.map { (Array($0.0.utf8), $0.1) }))
    }
}
