package import DataModel

/// `ComparisonOperator`: how the parameters that expressions replaced compare an attribute.
package enum LegacyOperator: UInt8, CaseIterable, Sendable {
    // In the order in which the service lists them when it refuses another.
    case isIn, null, between, less, notContains, equal, greater, notNull, notEqual, lessOrEqual
    case beginsWith, greaterOrEqual, contains

    package var name: String {
        switch self {
        case .isIn: "IN"
        case .null: "NULL"
        case .between: "BETWEEN"
        case .less: "LT"
        case .notContains: "NOT_CONTAINS"
        case .equal: "EQ"
        case .greater: "GT"
        case .notNull: "NOT_NULL"
        case .notEqual: "NE"
        case .lessOrEqual: "LE"
        case .beginsWith: "BEGINS_WITH"
        case .greaterOrEqual: "GE"
        case .contains: "CONTAINS"
        }
    }

    /// How many values it takes.
    package var valueCounts: ClosedRange<Int> {
        switch self {
        case .null, .notNull: 0...0
        case .between: 2...2
        case .isIn: 1...Int.max
        case .less, .notContains, .equal, .greater, .notEqual, .lessOrEqual, .beginsWith,
            .greaterOrEqual, .contains:
            1...1
        }
    }

    /// Whether it takes values of a type; source: ScyllaDB's tests of these parameters, which are
    /// run against the service.
    package func takes(_ type: AttributeType) -> Bool {
        switch self {
        case .equal, .notEqual, .null, .notNull: true
        case .beginsWith: type == .string || type == .binary
        case .isIn, .between, .less, .notContains, .greater, .lessOrEqual, .greaterOrEqual,
            .contains:
            type == .string || type == .binary || type == .number
        }
    }
}

/// One entry of `Expected`, `KeyConditions`, `QueryFilter` or `ScanFilter`.
package struct LegacyCondition: Equatable, Sendable {
    package var attribute: [UInt8]
    package var comparison: LegacyOperator
    package var values: [AttributeValue]

    package init(attribute: [UInt8], comparison: LegacyOperator, values: [AttributeValue]) {
        self.attribute = attribute
        self.comparison = comparison
        self.values = values
    }

    /// Refuses values that the operator does not take, in the service's words.
    package func check() throws(ExpressionError) {
        let invalid = "One or more parameter values were invalid: "
        guard self.comparison.valueCounts.contains(self.values.count) else {
            throw ExpressionError(
                "\(invalid)Invalid number of argument(s) for the \(self.comparison.name) "
                    + "ComparisonOperator"
            )
        }
        for value in self.values.dropFirst() where value.type != self.values[0].type {
            throw ExpressionError(
                "\(invalid)AttributeValues inside AttributeValueList must be of same type"
            )
        }
        for value in self.values where !self.comparison.takes(value.type) {
            throw ExpressionError(
                "\(invalid)ComparisonOperator \(self.comparison.name) is not valid for "
                    + "\(value.type.code) AttributeValue type"
            )
        }
        guard self.comparison == .between else { return }
        let bounds = self.values.map { PackedValue($0) }
        if bounds[0].order(against: bounds[1]) == .greater {
            throw ExpressionError(
                "The BETWEEN condition was provided a range where the lower bound is greater than "
                    + "the upper bound"
            )
        }
    }
}

/// The conditions of one legacy parameter, and `ConditionalOperator`.
package struct LegacyConditions: Equatable, Sendable {
    /// One for each attribute, checked.
    package var conditions: [LegacyCondition]
    /// `OR`: one of them suffices.
    package var isDisjunction: Bool

    /// Bounds the tree that they become; the service tells of no such bound, but requests of any
    /// sense stay far below.
    package static let weightMax = 10_000

    /// How many conditions and values there are.
    package var weight: Int { self.conditions.reduce(0) { $0 + 1 + $1.values.count } }

    package init(_ conditions: [LegacyCondition], isDisjunction: Bool = false) {
        self.conditions = conditions
        self.isDisjunction = isDisjunction
    }
}

extension ConditionExpression {
    /// The tree that legacy conditions mean, so that one engine evaluates both; nil for none.
    ///
    /// The service differs between the two in one point: `NOT_CONTAINS` does not hold for an
    /// attribute that is missing.
    package init?(_ legacy: LegacyConditions) {
        guard !legacy.conditions.isEmpty else { return nil }
        precondition(legacy.weight <= LegacyConditions.weightMax, "checked by the decoder")
        var builder = LegacyTree()
        let leaves = legacy.conditions.map { builder.leaf($0) }
        let root = builder.joined(leaves[...], isDisjunction: legacy.isDisjunction)
        self.init(
            nodes: builder.nodes,
            lists: builder.lists,
            paths: builder.paths,
            values: builder.values,
            root: Int(root)
        )
    }
}

/// Builds a condition's tree without a text.
private struct LegacyTree {
    var nodes: [ConditionNode] = []
    var lists: [Operand] = []
    var paths = PathTable()
    var values: [PackedValue] = []

    private mutating func add(_ node: ConditionNode) -> UInt16 {
        self.nodes.append(node)
        return UInt16(self.nodes.count - 1)
    }

    /// A balanced tree, so that evaluation does not recurse as deep as there are conditions.
    mutating func joined(_ leaves: ArraySlice<UInt16>, isDisjunction: Bool) -> UInt16 {
        guard leaves.count > 1 else { return leaves[leaves.startIndex] }
        let middle = leaves.startIndex + leaves.count / 2
        let left = self.joined(leaves[..<middle], isDisjunction: isDisjunction)
        let right = self.joined(leaves[middle...], isDisjunction: isDisjunction)
        return self.add(isDisjunction ? .or(left, right) : .and(left, right))
    }

    mutating func leaf(_ condition: LegacyCondition) -> UInt16 {
        let path = self.paths.begin(with: condition.attribute)
        let start = self.values.count
        self.values += condition.values.map { PackedValue($0) }
        let subject = Operand.path(path)
        let first = Operand.value(UInt32(start))
        switch condition.comparison {
        case .equal: return self.add(.compare(.equal, subject, first))
        case .notEqual: return self.add(.compare(.notEqual, subject, first))
        case .less: return self.add(.compare(.less, subject, first))
        case .lessOrEqual: return self.add(.compare(.lessOrEqual, subject, first))
        case .greater: return self.add(.compare(.greater, subject, first))
        case .greaterOrEqual: return self.add(.compare(.greaterOrEqual, subject, first))
        case .null: return self.add(.attributeNotExists(path))
        case .notNull: return self.add(.attributeExists(path))
        case .beginsWith: return self.add(.beginsWith(subject, first))
        case .contains: return self.add(.contains(subject, first))
        case .notContains:
            let contains = self.add(.contains(subject, first))
            let lacks = self.add(.not(contains))
            return self.add(.and(self.add(.attributeExists(path)), lacks))
        case .between:
            return self.add(.between(subject, first, .value(UInt32(start + 1))))
        case .isIn:
            let list = self.lists.count
            for index in start..<self.values.count { self.lists.append(.value(UInt32(index))) }
            return self.add(
                .isIn(subject, start: UInt16(list), count: UInt16(condition.values.count))
            )
        }
    }
}
