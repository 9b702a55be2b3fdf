/// Why an expression was refused, in the words of DynamoDB's `ValidationException`.
///
/// The message is complete, with its `Invalid XExpression: ` where the service writes one. The
/// texts were compared with public records of the service's answers (SDK issue trackers and the
/// test suites of other emulators that ran against it).
package struct ExpressionError: Error, Equatable, Sendable {
    package var message: String

    package init(_ message: String) { self.message = message }
}

/// The request parameter that an expression was given in; it names the parameter in error texts.
package enum ExpressionKind: UInt8, Sendable {
    case condition, filter, keyCondition, projection, update
    /// The `FilterExpression` of a Scan: a text that is too long is refused in other words.
    case scanFilter

    /// Whether the grammar is that of conditions.
    var isConditional: Bool { self != .projection && self != .update }

    /// The parameter's name in requests and error texts.
    package var label: String {
        switch self {
        case .condition: "ConditionExpression"
        case .filter, .scanFilter: "FilterExpression"
        case .keyCondition: "KeyConditionExpression"
        case .projection: "ProjectionExpression"
        case .update: "UpdateExpression"
        }
    }
}

/// DynamoDB's documented bounds on expressions, and ours on the parser's stack.
package enum ExpressionLimits {
    /// Bytes of one expression.
    package static let textBytesMax = 4096
    /// Operators and functions in one expression.
    package static let operatorsMax = 300
    /// Operands on the right of `IN`.
    package static let inOperandsMax = 100
    /// Bytes of a `#name` or `:value` token, with its first character.
    package static let substitutionBytesMax = 255
    /// Elements of one document path; items cannot nest deeper.
    package static let pathElementsMax = 32
    /// The first list index that is refused.
    static let listIndexEnd: UInt64 = 4_294_967_295
    /// Parentheses, calls and negations open at once.
    ///
    /// Each level that is not redundant needs an operator, so an expression within `operatorsMax`
    /// stays below this.
    static let depthMax = 320
}
