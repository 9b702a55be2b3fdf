import DataModel

/// A parsed condition: a `ConditionExpression`, a `FilterExpression`, or the text of a
/// `KeyConditionExpression` before it is matched with a key.
///
/// The tree is flat: nodes, operands and path elements lie in one array each and refer to each
/// other by index, so that parsing costs a handful of allocations and evaluation none for the tree.
///
/// Precedence, tightest first: comparisons with `BETWEEN` and `IN`, `NOT`, `AND`, `OR`.
package struct ConditionExpression: Sendable {
    var nodes: [ConditionNode]
    /// Operands on the right of `IN`, one list after the other.
    var lists: [Operand]
    var paths: PathTable
    /// The request's expression attribute values.
    var values: [PackedValue]
    /// The node that the whole text is.
    var root: Int

    /// Parses a `ConditionExpression`, or a `FilterExpression` when `kind` says so.
    ///
    /// - Throws: the message with which DynamoDB refuses the text.
    package init(
        parsing text: [UInt8],
        kind: ExpressionKind = .condition,
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        var parser = try ConditionParser(text, kind, &substitutions)
        defer { swap(&substitutions, &parser.core.substitutions) }
        self = try parser.parse()
    }

    init(
        nodes: [ConditionNode],
        lists: [Operand],
        paths: PathTable,
        values: [PackedValue],
        root: Int
    ) {
        self.nodes = nodes
        self.lists = lists
        self.paths = paths
        self.values = values
        self.root = root
    }
}

/// A node of a condition's tree; children are indexes of nodes.
enum ConditionNode: Sendable {
    case and(UInt16, UInt16)
    case or(UInt16, UInt16)
    case not(UInt16)
    case compare(Comparator, Operand, Operand)
    case between(Operand, Operand, Operand)
    /// The operand, and the range of ``ConditionExpression/lists`` it is looked for in.
    case isIn(Operand, start: UInt16, count: UInt16)
    case attributeExists(PathReference)
    case attributeNotExists(PathReference)
    case attributeType(Operand, AttributeType)
    case beginsWith(Operand, Operand)
    case contains(Operand, Operand)
    /// Stands for a part with a mistake; an expression that holds one is never returned.
    case invalid
}

/// What comparisons and functions work on.
enum Operand: Equatable, Sendable {
    case path(PathReference)
    /// An index of the expression attribute values.
    case value(UInt32)
    case sizeOfPath(PathReference)
    case sizeOfValue(UInt32)
    /// Stands for an operand with a mistake.
    case invalid
}

/// The six comparison operators.
enum Comparator: UInt8, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

    init?(_ kind: TokenKind) {
        switch kind {
        case .equal: self = .equal
        case .notEqual: self = .notEqual
        case .less: self = .less
        case .lessOrEqual: self = .lessOrEqual
        case .greater: self = .greater
        case .greaterOrEqual: self = .greaterOrEqual
        default: return nil
        }
    }

    var symbol: String {
        switch self {
        case .equal: "="
        case .notEqual: "<>"
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }

    /// The comparator that holds when the operands change places.
    var mirrored: Comparator {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }

    /// Whether the comparator needs an order, not only equality.
    var isOrdering: Bool { self != .equal && self != .notEqual }
}
