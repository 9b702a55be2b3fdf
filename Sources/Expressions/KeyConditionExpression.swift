package import DataModel

/// A parsed `KeyConditionExpression`: equality on the partition key, and at most one condition on
/// the sort key.
package struct KeyConditionExpression: Sendable {
    private let source: Source

    private enum Source: Sendable {
        case text(ConditionExpression)
        case legacy([LegacyCondition])
    }

    /// Takes `KeyConditions`, one entry for each attribute.
    package init(_ legacy: [LegacyCondition]) { self.source = .legacy(legacy) }

    /// Parses the text by the grammar of all conditions; what a key condition may not contain is
    /// refused by ``resolved(schema:)``, because the service first looks at the request's other
    /// expressions and at unused substitutions.
    ///
    /// - Throws: the message with which DynamoDB refuses the text.
    package init(
        parsing text: [UInt8],
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        self.source = .text(
            try ConditionExpression(parsing: text, kind: .keyCondition, &substitutions)
        )
    }

    /// What the text asks of a key.
    ///
    /// - Throws: DynamoDB's message for a text that is no key condition, or not for this key.
    package func resolved(schema: KeySchema) throws(ExpressionError) -> KeyRange {
        let parts = try self.parts()
        guard (1...2).contains(parts.count) else {
            throw ExpressionError("Conditions can be of length 1 or 2 only")
        }
        guard let partition = parts.first(where: { $0.name == schema.partitionKey.name }) else {
            throw Self.missing(schema.partitionKey)
        }
        guard case .equal(let value) = partition.bounds else { throw Self.unsupported }
        try Self.check([value], schema.partitionKey)
        guard let other = parts.first(where: { $0.name != schema.partitionKey.name }) else {
            return KeyRange(partition: value, sort: .all)
        }
        guard let sortKey = schema.sortKey else { throw Self.unsupported }
        guard other.name == sortKey.name else { throw Self.missing(sortKey) }
        try Self.check(other.bounds.values, sortKey)
        return KeyRange(partition: value, sort: other.bounds)
    }
}

/// The items a query reads: those of one partition key whose sort key lies within bounds.
package struct KeyRange: Equatable, Sendable {
    package var partition: AttributeValue
    package var sort: SortKeyBounds

    package init(partition: AttributeValue, sort: SortKeyBounds) {
        self.partition = partition
        self.sort = sort
    }

    /// The range of storage keys.
    ///
    /// - Throws: a value that no key can have, such as one that is too long.
    package func bounds(schema: KeySchema) throws(KeyError) -> KeyBounds {
        try KeyBounds(schema, partition: self.partition, sort: self.sort)
    }
}

/// One condition on one attribute.
private struct KeyPart {
    let name: [UInt8]
    let bounds: SortKeyBounds
}

extension SortKeyBounds {
    /// The values that the bounds mention.
    fileprivate var values: [AttributeValue] {
        switch self {
        case .all: []
        case .equal(let value), .less(let value), .lessOrEqual(let value), .greater(let value),
            .greaterOrEqual(let value), .beginsWith(let value):
            [value]
        case .between(let low, let high): [low, high]
        }
    }
}

extension KeyConditionExpression {
    private static var unsupported: ExpressionError {
        ExpressionError("Query key condition not supported")
    }

    private static func missing(_ attribute: KeyAttribute) -> ExpressionError {
        ExpressionError("Query condition missed key schema element: \(text(attribute.name))")
    }

    /// Refuses values that do not fit a key attribute.
    private static func check(
        _ values: [AttributeValue],
        _ attribute: KeyAttribute
    ) throws(ExpressionError) {
        for value in values {
            guard value.type == attribute.type.attributeType else {
                throw ExpressionError(
                    "One or more parameter values were invalid: Condition parameter type does not "
                        + "match schema type"
                )
            }
            let kind: String
            switch value {
            case .string(let bytes) where bytes.isEmpty: kind = "string"
            case .binary(let bytes) where bytes.isEmpty: kind = "binary"
            default: continue
            }
            throw ExpressionError(
                """
                One or more parameter values are not valid. The AttributeValue for a key \
                attribute 
                """
                    + "cannot contain an empty \(kind) value. Key: \(text(attribute.name))"
            )
        }
    }

    private func parts() throws(ExpressionError) -> [KeyPart] {
        switch self.source {
        case .text(let condition):
            var parts: [KeyPart] = []
            try KeyConditionTree(condition: condition).collect(condition.root, into: &parts)
            return parts
        case .legacy(let conditions):
            var parts: [KeyPart] = []
            for condition in conditions {
                parts.append(
                    KeyPart(name: condition.attribute, bounds: try Self.bounds(condition))
                )
            }
            return parts
        }
    }

    private static func bounds(
        _ condition: LegacyCondition
    ) throws(ExpressionError) -> SortKeyBounds {
        let values = condition.values
        switch condition.comparison {
        case .equal: return .equal(values[0])
        case .less: return .less(values[0])
        case .lessOrEqual: return .lessOrEqual(values[0])
        case .greater: return .greater(values[0])
        case .greaterOrEqual: return .greaterOrEqual(values[0])
        case .beginsWith: return .beginsWith(values[0])
        case .between: return .between(values[0], values[1])
        case .isIn, .null, .notContains, .notNull, .notEqual, .contains:
            throw ExpressionError(
                "Attempted conditional constraint is not an indexable operation"
            )
        }
    }
}

/// Reads a key condition's tree.
private struct KeyConditionTree {
    let condition: ConditionExpression

    private static var nested: ExpressionError {
        ExpressionError("KeyConditionExpressions cannot contain nested operations")
    }

    private static func unusable(_ name: String) -> ExpressionError {
        ExpressionError("Invalid operator used in KeyConditionExpression: \(name)")
    }

    private static func invalid(_ fault: String) -> ExpressionError {
        ExpressionError("Invalid condition in KeyConditionExpression: \(fault)")
    }

    /// Takes the tree apart at its `AND`s.
    func collect(_ index: Int, into parts: inout [KeyPart]) throws(ExpressionError) {
        let part: KeyPart
        switch self.condition.nodes[index] {
        case .and(let left, let right):
            try self.collect(Int(left), into: &parts)
            return try self.collect(Int(right), into: &parts)
        case .or: throw Self.unusable("OR")
        case .not: throw Self.unusable("NOT")
        case .isIn: throw Self.unusable("IN")
        case .compare(.notEqual, _, _): throw Self.unusable("<>")
        case .attributeExists: throw Self.unusable("attribute_exists")
        case .attributeNotExists: throw Self.unusable("attribute_not_exists")
        case .attributeType: throw Self.unusable("attribute_type")
        case .contains: throw Self.unusable("contains")
        case .compare(let comparator, let left, let right):
            part = try self.comparison(comparator, left, right)
        case .between(let operand, let low, let high):
            let (name, values) = try self.split("BETWEEN", operand, [low, high])
            part = KeyPart(name: name, bounds: .between(values[0], values[1]))
        case .beginsWith(let operand, let prefix):
            let (name, values) = try self.split("begins_with", operand, [prefix])
            part = KeyPart(name: name, bounds: .beginsWith(values[0]))
        case .invalid: preconditionFailure("a condition with a mistake was evaluated")
        }
        if parts.contains(where: { $0.name == part.name }) {
            throw ExpressionError(
                "KeyConditionExpressions must only contain one condition per key"
            )
        }
        parts.append(part)
    }

    /// A comparison of the key attribute, on either side, with a value.
    private func comparison(
        _ comparator: Comparator,
        _ left: Operand,
        _ right: Operand
    ) throws(ExpressionError) -> KeyPart {
        let isMirrored = if case .path = left { false } else { true }
        let found = try self.nameAndValues([left, right])
        guard let value = found.values.first else { throw Self.noKey }
        let bounds: SortKeyBounds =
            switch isMirrored ? comparator.mirrored : comparator {
            case .equal, .notEqual: .equal(value)
            case .less: .less(value)
            case .lessOrEqual: .lessOrEqual(value)
            case .greater: .greater(value)
            case .greaterOrEqual: .greaterOrEqual(value)
            }
        return KeyPart(name: found.name, bounds: bounds)
    }

    /// The key attribute and the values of an operator whose first operand must be the former.
    private func split(
        _ operatorName: String,
        _ first: Operand,
        _ others: [Operand]
    ) throws(ExpressionError) -> (name: [UInt8], values: [AttributeValue]) {
        if case .value = first {
            throw Self.invalid(
                "\(operatorName) operator must have the key attribute as its first operand"
            )
        }
        let found = try self.nameAndValues([first] + others)
        guard found.values.count == others.count else { throw Self.noKey }
        return found
    }

    private static var noKey: ExpressionError { Self.invalid("No key attribute specified") }

    /// The one attribute among operands, and the values in their order.
    private func nameAndValues(
        _ operands: [Operand]
    ) throws(ExpressionError) -> (name: [UInt8], values: [AttributeValue]) {
        var name: [UInt8]?
        var values: [AttributeValue] = []
        for operand in operands {
            switch operand {
            case .path(let path):
                guard name == nil else {
                    throw Self.invalid("Multiple attribute names used in one condition")
                }
                guard path.count == 1 else {
                    throw ExpressionError(
                        "Invalid KeyConditionExpression: KeyConditionExpressions cannot have "
                            + "conditions on nested attributes"
                    )
                }
                name = self.condition.paths.attribute(of: path)
            case .value(let index): values.append(self.condition.values[Int(index)].unpacked())
            case .sizeOfPath, .sizeOfValue: throw Self.nested
            case .invalid: preconditionFailure("a condition with a mistake was evaluated")
            }
        }
        guard let name else { throw Self.noKey }
        return (name, values)
    }
}

extension KeyConditionExpression {
    /// What the text asks of an index's key: each attribute of the partition key equal to a value,
    /// and of the sort keys, from the first on, all but the last one as well.
    ///
    /// - Throws: DynamoDB's message for a text that is no key condition, or not for this key.
    package func resolved(keys: IndexKeys) throws(ExpressionError) -> IndexRange {
        if keys.partition.count == 1, keys.sort.count <= 1 {
            let range = try self.resolved(
                schema: KeySchema(partitionKey: keys.partition[0], sortKey: keys.sort.first)
            )
            return IndexRange(partition: [range.partition], equal: [], last: range.sort)
        }
        var parts = try self.parts()
        var range = IndexRange(partition: [], equal: [], last: .all)
        for attribute in keys.partition {
            guard let place = parts.firstIndex(where: { $0.name == attribute.name }) else {
                throw Self.missing(attribute)
            }
            let part = parts.remove(at: place)
            guard case .equal(let value) = part.bounds else { throw Self.unsupported }
            try Self.check([value], attribute)
            range.partition.append(value)
        }
        try Self.checkOrder(parts, keys.sort)
        for (position, attribute) in keys.sort.enumerated() {
            guard let place = parts.firstIndex(where: { $0.name == attribute.name }) else { break }
            let part = parts.remove(at: place)
            try Self.check(part.bounds.values, attribute)
            guard case .equal(let value) = part.bounds, position < keys.sort.count - 1 else {
                range.last = part.bounds
                break
            }
            range.equal.append(value)
        }
        guard parts.isEmpty else { throw Self.unsupported }
        return range
    }

    /// Refuses a condition on a sort key when one before it is not fixed.
    private static func checkOrder(
        _ parts: [KeyPart],
        _ keys: [KeyAttribute]
    ) throws(ExpressionError) {
        let names = parts.map(\.name)
        guard let last = keys.lastIndex(where: { names.contains($0.name) }) else { return }
        let open = keys[..<last].filter { key in
            guard let part = parts.first(where: { $0.name == key.name }),
                case .equal = part.bounds
            else { return true }
            return false
        }
        guard !open.isEmpty else { return }
        throw ExpressionError(
            "RANGE key attributes \(open.map { text($0.name) }.joined(separator: ", ")) must have "
                + "equality conditions specified in the query because a condition is present on "
                + "key attribute \(text(keys[last].name))"
        )
    }
}
