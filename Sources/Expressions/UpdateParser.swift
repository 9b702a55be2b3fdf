import DataModel

/// Parses updates by recursive descent.
struct UpdateParser: ~Copyable {
    var core: Parser
    private var actions: [UpdateAction] = []
    private var operands: [UpdateOperand] = []
    /// The sections met so far.
    private var sections: [TokenKind] = []

    init(
        _ text: [UInt8],
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        self.core = try Parser(text, .update, .update, &substitutions)
        self.actions.reserveCapacity(4)
        self.operands.reserveCapacity(4)
    }

    mutating func parse() throws(ExpressionError) -> UpdateExpression {
        repeat { try self.section() } while self.core.token.kind != .end
        self.core.noteClash(among: self.actions.map(\.path))
        try self.core.finish()
        return UpdateExpression(
            actions: self.actions,
            operands: self.operands,
            paths: self.core.paths,
            values: self.core.substitutions.values
        )
    }

    // MARK: Sections

    private mutating func section() throws(ExpressionError) {
        let kind = self.core.token.kind
        guard let name = Self.name(of: kind) else { throw self.core.syntaxError() }
        self.core.advance()
        if self.sections.contains(kind) {
            self.core.note(
                .section,
                "The \"\(name)\" section can only be used once in an update expression;"
            )
        }
        self.sections.append(kind)
        repeat {
            let path = try self.core.path()
            switch kind {
            case .set: try self.assignment(to: path)
            case .remove: self.actions.append(.remove(path))
            default: try self.change(of: path, kind, name)
            }
        } while self.core.accept(.comma)
    }

    private static func name(of kind: TokenKind) -> String? {
        switch kind {
        case .set: "SET"
        case .remove: "REMOVE"
        case .add: "ADD"
        case .delete: "DELETE"
        default: nil
        }
    }

    private mutating func assignment(to path: PathReference) throws(ExpressionError) {
        try self.core.expect(.equal)
        let operand = try self.assigned()
        self.actions.append(.set(path, self.add(operand)))
    }

    /// The value of an `ADD` or `DELETE`, whose path is consumed.
    private mutating func change(
        of path: PathReference,
        _ kind: TokenKind,
        _ name: String
    ) throws(ExpressionError) {
        let token = self.core.token
        try self.core.expect(.value)
        guard let index = self.core.valueIndex(token) else {
            self.actions.append(.invalid(path))
            return
        }
        let type = self.core.substitutions.values[Int(index)].type
        if !type.isSet && !(kind == .add && type == .number) {
            self.core.note(
                .operand,
                "Incorrect operand type for operator or function; operator: \(name), operand type: "
                    + "\(Self.longName(of: type)), typeSet: ALLOWED_FOR_\(name)_OPERAND"
            )
        }
        self.actions.append(kind == .add ? .add(path, index) : .delete(path, index))
    }

    /// The type names of this one error text.
    private static func longName(of type: AttributeType) -> String {
        switch type {
        case .null: "NULL"
        case .bool: "BOOLEAN"
        case .number: "NUMBER"
        case .string: "STRING"
        case .binary: "BINARY"
        case .list: "LIST"
        case .map: "MAP"
        case .stringSet: "STRING_SET"
        case .numberSet: "NUMBER_SET"
        case .binarySet: "BINARY_SET"
        }
    }

    // MARK: Operands

    private mutating func add(_ operand: UpdateOperand) -> UInt16 {
        self.operands.append(operand)
        return UInt16(self.operands.count - 1)
    }

    /// An operand, or a sum or difference of two; parentheses may enclose it or its operands.
    private mutating func assigned() throws(ExpressionError) -> UpdateOperand {
        let first: UpdateOperand
        if self.core.token.kind == .leftParenthesis {
            let open = self.core.token.start
            try self.core.enter()
            self.core.advance()
            first = try self.assigned()
            try self.core.close(open)
            switch first {
            case .plus, .minus: return first
            case .path, .value, .ifNotExists, .listAppend, .invalid: break
            }
        } else {
            first = try self.operand()
        }
        let kind = self.core.token.kind
        guard kind == .plus || kind == .minus else { return first }
        self.core.countOperator()
        self.core.advance()
        let second = try self.operand()
        for operand in [first, second] { self.check(operand, .number, kind == .plus ? "+" : "-") }
        let left = self.add(first)
        let right = self.add(second)
        return kind == .plus ? .plus(left, right) : .minus(left, right)
    }

    private mutating func operand() throws(ExpressionError) -> UpdateOperand {
        let token = self.core.token
        switch token.kind {
        case .leftParenthesis:
            try self.core.enter()
            self.core.advance()
            let inner = try self.operand()
            try self.core.close(token.start)
            return inner
        case .value:
            self.core.advance()
            return self.core.valueIndex(token).map { .value($0) } ?? .invalid
        case .identifier:
            self.core.advance()
            if self.core.token.kind == .leftParenthesis { return try self.call(token) }
            return .path(try self.core.path(beginningWith: token))
        case .name:
            self.core.advance()
            return .path(try self.core.path(beginningWith: token))
        default: throw self.core.syntaxError()
        }
    }

    /// A call whose name is consumed; the current token is the parenthesis.
    private mutating func call(_ token: Token) throws(ExpressionError) -> UpdateOperand {
        self.core.countOperator()
        try self.core.enter()
        self.core.advance()
        var first = UpdateOperand.invalid
        var second = UpdateOperand.invalid
        var count = 0
        repeat {
            let argument = try self.operand()
            if count == 0 { first = argument } else if count == 1 { second = argument }
            count += 1
        } while self.core.accept(.comma)
        try self.core.expect(.rightParenthesis)
        self.core.leave()

        let name = self.core.bytes(of: token)
        let isAppend = name.elementsEqual("list_append".utf8)
        guard isAppend || name.elementsEqual("if_not_exists".utf8) else {
            self.noteUnknown(name)
            return .invalid
        }
        guard count == 2 else {
            self.core.note(
                .semantic,
                "Incorrect number of operands for operator or function; operator or function: "
                    + "\(text(name)), number of operands: \(count)"
            )
            return .invalid
        }
        if isAppend {
            for operand in [first, second] { self.check(operand, .list, "list_append") }
            let left = self.add(first)
            let right = self.add(second)
            return .listAppend(left, right)
        }
        guard case .path(let path) = first else {
            if case .invalid = first { return .invalid }
            self.core.note(
                .semantic,
                "Operator or function requires a document path; operator or function: "
                    + "if_not_exists"
            )
            return .invalid
        }
        return .ifNotExists(path, self.add(second))
    }

    private mutating func noteUnknown(_ name: ArraySlice<UInt8>) {
        let problem =
            ConditionFunction(name) == nil
            ? "Invalid function name" : "The function is not allowed in an update expression"
        self.core.note(.unknownUpdateFunction, "\(problem); function: \(text(name))")
    }

    /// Notes a value of another type than an operator or function takes.
    private mutating func check(
        _ operand: UpdateOperand,
        _ wanted: AttributeType,
        _ name: String
    ) {
        guard case .value(let index) = operand, let type = self.core.type(ofValue: index),
            type != wanted
        else { return }
        self.core.note(
            .semantic,
            "Incorrect operand type for operator or function; operator or function: \(name), "
                + "operand type: \(type.code)"
        )
    }
}
