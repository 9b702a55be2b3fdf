import DataModel

/// Parses conditions by recursive descent.
///
/// A parenthesis may hold a condition or an operand, and only what follows tells: so both are
/// parsed by the same functions, and what came out (``Parsed``) is checked where it is used.
struct ConditionParser: ~Copyable {
    var core: Parser
    private var nodes: [ConditionNode] = []
    private var lists: [Operand] = []

    /// What a stretch of text turned out to be.
    private enum Parsed {
        /// A node's index.
        case condition(UInt16)
        /// A call of a function that is a condition: its node, and its name for error texts.
        case call(UInt16, name: Token)
        case operand(Operand)
        /// A call of `size`: an operand, but not a mere path.
        case size(Operand, name: Token)
    }

    init(
        _ text: [UInt8],
        _ kind: ExpressionKind,
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        self.core = try Parser(text, kind, .condition, &substitutions)
        self.nodes.reserveCapacity(4)
    }

    mutating func parse() throws(ExpressionError) -> ConditionExpression {
        let root = try self.condition(self.disjunction())
        try self.core.finish()
        return ConditionExpression(
            nodes: self.nodes,
            lists: self.lists,
            paths: self.core.paths,
            values: self.core.substitutions.values,
            root: Int(root)
        )
    }

    private mutating func add(_ node: ConditionNode) -> UInt16 {
        self.nodes.append(node)
        return UInt16(self.nodes.count - 1)
    }

    // MARK: Conditions

    private mutating func disjunction() throws(ExpressionError) -> Parsed {
        var left = try self.conjunction()
        while self.core.token.kind == .or {
            let first = try self.condition(left)
            self.core.countOperator()
            self.core.advance()
            let second = try self.condition(self.conjunction())
            left = .condition(self.add(.or(first, second)))
        }
        return left
    }

    private mutating func conjunction() throws(ExpressionError) -> Parsed {
        var left = try self.negation()
        while self.core.token.kind == .and {
            let first = try self.condition(left)
            self.core.countOperator()
            self.core.advance()
            let second = try self.condition(self.negation())
            left = .condition(self.add(.and(first, second)))
        }
        return left
    }

    private mutating func negation() throws(ExpressionError) -> Parsed {
        guard self.core.token.kind == .not else { return try self.comparison() }
        self.core.countOperator()
        self.core.advance()
        try self.core.enter()
        let inner = try self.condition(self.negation())
        self.core.leave()
        return .condition(self.add(.not(inner)))
    }

    /// An operand with a comparison after it, or whatever else stands here.
    private mutating func comparison() throws(ExpressionError) -> Parsed {
        let left = try self.primary()
        let token = self.core.token
        if let comparator = Comparator(token.kind) {
            let first = try self.operand(left)
            self.core.countOperator()
            self.core.advance()
            let second = try self.operand()
            self.checkComparison(comparator, first, second)
            return .condition(self.add(.compare(comparator, first, second)))
        }
        switch token.kind {
        case .between: return try self.between(self.operand(left))
        case .in: return try self.membership(self.operand(left))
        default: return left
        }
    }

    private mutating func between(_ value: Operand) throws(ExpressionError) -> Parsed {
        self.core.countOperator()
        self.core.advance()
        let low = try self.operand()
        try self.core.expect(.and)
        let high = try self.operand()
        self.checkBetween(value, low, high)
        return .condition(self.add(.between(value, low, high)))
    }

    private mutating func membership(_ value: Operand) throws(ExpressionError) -> Parsed {
        self.core.countOperator()
        self.core.advance()
        try self.core.expect(.leftParenthesis)
        let start = self.lists.count
        repeat {
            let member = try self.operand()
            self.lists.append(member)
            self.checkDistinct("IN", value, member)
        } while self.core.accept(.comma)
        try self.core.expect(.rightParenthesis)
        let count = self.lists.count - start
        if count > ExpressionLimits.inOperandsMax {
            self.core.note(
                .semantic,
                "The IN operator is provided with too many operands; number of operands: \(count)"
            )
        }
        return .condition(self.add(.isIn(value, start: UInt16(start), count: UInt16(count))))
    }

    // MARK: Operands

    /// A parenthesis with anything in it, a call, a value or a path.
    private mutating func primary() throws(ExpressionError) -> Parsed {
        guard self.core.token.kind == .leftParenthesis else { return try self.simple() }
        let open = self.core.token.start
        try self.core.enter()
        self.core.advance()
        let inner = try self.disjunction()
        try self.core.close(open)
        if case .operand(.path(let path)) = inner { return .operand(try self.continued(path)) }
        return inner
    }

    /// An operand where nothing else may stand.
    private mutating func operand() throws(ExpressionError) -> Operand {
        guard self.core.token.kind == .leftParenthesis else {
            return try self.operand(self.simple())
        }
        let open = self.core.token.start
        try self.core.enter()
        self.core.advance()
        let inner = try self.operand()
        try self.core.close(open)
        if case .path(let path) = inner { return try self.continued(path) }
        return inner
    }

    /// A path that was in parentheses, with what follows them: `(a).b`.
    private mutating func continued(_ path: PathReference) throws(ExpressionError) -> Operand {
        var path = path
        try self.core.continuePath(&path)
        return .path(path)
    }

    private mutating func simple() throws(ExpressionError) -> Parsed {
        let token = self.core.token
        switch token.kind {
        case .value:
            self.core.advance()
            return .operand(self.core.valueIndex(token).map { .value($0) } ?? .invalid)
        case .identifier:
            self.core.advance()
            if self.core.token.kind == .leftParenthesis { return try self.call(token) }
            return .operand(.path(try self.core.path(beginningWith: token)))
        case .name:
            self.core.advance()
            return .operand(.path(try self.core.path(beginningWith: token)))
        default: throw self.core.syntaxError()
        }
    }

    /// Takes what was parsed for a condition.
    private mutating func condition(_ parsed: Parsed) throws(ExpressionError) -> UInt16 {
        switch parsed {
        case .condition(let node), .call(let node, _): return node
        case .operand: throw self.core.syntaxError()
        case .size(_, let name):
            self.noteMisplaced(name)
            return self.add(.invalid)
        }
    }

    /// Takes what was parsed for an operand.
    private mutating func operand(_ parsed: Parsed) throws(ExpressionError) -> Operand {
        switch parsed {
        case .operand(let operand), .size(let operand, _): return operand
        case .condition: throw self.core.syntaxError()
        case .call(_, let name):
            self.noteMisplaced(name)
            return .invalid
        }
    }

    private mutating func noteMisplaced(_ name: Token) {
        let name = text(self.core.bytes(of: name))
        self.core.note(
            .misplacedFunction,
            "The function is not allowed to be used this way in an expression; function: \(name)"
        )
    }

    // MARK: Functions

    /// A call whose name is consumed; the current token is the parenthesis.
    private mutating func call(_ name: Token) throws(ExpressionError) -> Parsed {
        self.core.countOperator()
        try self.core.enter()
        self.core.advance()
        var first = Operand.invalid
        var second = Operand.invalid
        var count = 0
        repeat {
            let argument = try self.operand()
            if count == 0 { first = argument } else if count == 1 { second = argument }
            count += 1
        } while self.core.accept(.comma)
        try self.core.expect(.rightParenthesis)
        self.core.leave()

        guard let function = ConditionFunction(self.core.bytes(of: name)) else {
            let message = self.unknownFunction(name)
            self.core.note(.unknownFunction, message)
            return .call(self.add(.invalid), name: name)
        }
        guard count == function.operandCount else {
            self.core.note(
                .semantic,
                "Incorrect number of operands for operator or function; operator or function: "
                    + "\(function.name), number of operands: \(count)"
            )
            return function == .size
                ? .size(.invalid, name: name) : .call(self.add(.invalid), name: name)
        }
        switch function {
        case .size: return .size(self.size(of: first), name: name)
        case .attributeExists, .attributeNotExists, .attributeType, .beginsWith, .contains:
            let node = self.node(function, first, second)
            return .call(self.add(node), name: name)
        }
    }

    private func unknownFunction(_ name: Token) -> String {
        let name = text(self.core.bytes(of: name))
        if name == "if_not_exists" || name == "list_append" {
            return "The function is not allowed in a condition expression; function: \(name)"
        }
        return "Invalid function name; function: \(name)"
    }

    private mutating func size(of operand: Operand) -> Operand {
        switch operand {
        case .path(let path): return .sizeOfPath(path)
        case .value(let index):
            let type = self.core.type(ofValue: index)
            if type == .number || type == .bool || type == .null {
                self.noteType("size", type)
            }
            return .sizeOfValue(index)
        case .sizeOfPath, .sizeOfValue: self.noteType("size", .number)
        case .invalid: break
        }
        return .invalid
    }

    private mutating func node(
        _ function: ConditionFunction,
        _ first: Operand,
        _ second: Operand
    ) -> ConditionNode {
        switch function {
        case .attributeExists, .attributeNotExists:
            guard case .path(let path) = first else {
                if first != .invalid {
                    self.core.note(
                        .semantic,
                        "Operator or function requires a document path; operator or function: "
                            + function.name
                    )
                }
                return .invalid
            }
            return function == .attributeExists ? .attributeExists(path) : .attributeNotExists(path)
        case .attributeType: return self.attributeType(first, second)
        case .beginsWith:
            self.checkDistinct(function.name, first, second)
            for operand in [first, second] {
                if let type = self.type(of: operand), type != .string, type != .binary {
                    self.noteType(function.name, type)
                }
            }
            return .beginsWith(first, second)
        case .contains:
            self.checkDistinct(function.name, first, second)
            return .contains(first, second)
        case .size: return .invalid
        }
    }

    private mutating func attributeType(_ first: Operand, _ second: Operand) -> ConditionNode {
        self.checkDistinct("attribute_type", first, second)
        guard case .value(let index) = second else {
            if second != .invalid {
                let type = self.type(of: second)?.code ?? "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
                self.core.note(
                    .semantic,
                    "Incorrect operand type for operator or function; operator or function: "
                        + "attribute_type, operand type: \(type)"
                )
            }
            return .invalid
        }
        guard let code = self.core.substitutions.values[Int(index)].string else {
            self.noteType("attribute_type", self.core.type(ofValue: index))
            return .invalid
        }
        guard let type = AttributeType(code: code) else {
            self.core.note(
                .semantic,
                "Invalid attribute type name found; type: \(text(code)), "
                    + "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
            )
            return .invalid
        }
        return .attributeType(first, type)
    }
}

// MARK: - Checks of operands

extension ConditionParser {
    /// The type of an operand as far as the text tells: that of a value, or of a size.
    private func type(of operand: Operand) -> AttributeType? {
        switch operand {
        case .value(let index): self.core.type(ofValue: index)
        case .sizeOfPath, .sizeOfValue: .number
        case .path, .invalid: nil
        }
    }

    private mutating func noteType(_ name: String, _ type: AttributeType?) {
        guard let type else { return }
        self.core.note(
            .semantic,
            "Incorrect operand type for operator or function; operator or function: \(name), "
                + "operand type: \(type.code)"
        )
    }

    /// Notes a path that is compared with itself.
    private mutating func checkDistinct(_ name: String, _ one: Operand, _ two: Operand) {
        guard case .path(let first) = one, case .path(let second) = two,
            self.core.paths.areEqual(first, second)
        else { return }
        let description = self.core.paths.description(of: first)
        self.core.note(
            .semantic,
            "The first operand must be distinct from the remaining operands for this operator or "
                + "function; operator: \(name), first operand: \(description)"
        )
    }

    private mutating func checkComparison(
        _ comparator: Comparator,
        _ first: Operand,
        _ second: Operand
    ) {
        self.checkDistinct(comparator.symbol, first, second)
        guard comparator.isOrdering else { return }
        self.checkOrdered(comparator.symbol, first)
        self.checkOrdered(comparator.symbol, second)
    }

    /// Notes a value that has no order: all but numbers, strings and binaries.
    private mutating func checkOrdered(_ name: String, _ operand: Operand) {
        guard case .value(let index) = operand, let type = self.core.type(ofValue: index) else {
            return
        }
        if type != .number && type != .string && type != .binary { self.noteType(name, type) }
    }

    /// Notes bounds of `BETWEEN` that no value can lie between.
    private mutating func checkBetween(_ value: Operand, _ low: Operand, _ high: Operand) {
        self.checkDistinct("BETWEEN", value, low)
        self.checkDistinct("BETWEEN", value, high)
        for operand in [value, low, high] { self.checkOrdered("BETWEEN", operand) }
        guard case .value(let lower) = low, case .value(let upper) = high else { return }
        let from = self.core.substitutions.values[Int(lower)]
        let to = self.core.substitutions.values[Int(upper)]
        let fault: String
        if from.type != to.type {
            fault = "same data type for lower and upper bounds"
        } else if from.order(against: to) == .greater {
            fault = "upper bound to be greater than or equal to lower bound"
        } else {
            return
        }
        self.core.note(
            .semantic,
            "The BETWEEN operator requires \(fault); lower bound operand: "
                + "AttributeValue: {\(Self.description(of: from))}, upper bound operand: "
                + "AttributeValue: {\(Self.description(of: to))}"
        )
    }

    /// A scalar as the service prints it: `N:1`.
    private static func description(of value: PackedValue) -> String {
        let content =
            switch value.unpacked() {
            case .number(let number): text(number.text)
            case .string(let string): text(string)
            case .binary(let bytes):
                "java.nio.HeapByteBuffer[pos=0 lim=\(bytes.count) cap=\(bytes.count)]"
            case .null, .bool, .list, .map, .stringSet, .numberSet, .binarySet: ""
            }
        return "\(value.type.code):\(content)"
    }
}

/// The functions of conditions; their names are in small letters only.
enum ConditionFunction: CaseIterable {
    case attributeExists, attributeNotExists, attributeType, beginsWith, contains, size

    init?(_ name: ArraySlice<UInt8>) {
        // The lengths differ, so at most one name is compared.
        switch name.count {
        case 16: self = .attributeExists
        case 20: self = .attributeNotExists
        case 14: self = .attributeType
        case 11: self = .beginsWith
        case 8: self = .contains
        case 4: self = .size
        default: return nil
        }
        guard self.staticName.withUTF8Buffer({ $0.elementsEqual(name) }) else { return nil }
    }

    var name: String { self.staticName.description }

    private var staticName: StaticString {
        switch self {
        case .attributeExists: "attribute_exists"
        case .attributeNotExists: "attribute_not_exists"
        case .attributeType: "attribute_type"
        case .beginsWith: "begins_with"
        case .contains: "contains"
        case .size: "size"
        }
    }

    var operandCount: Int {
        switch self {
        case .attributeExists, .attributeNotExists, .size: 1
        case .attributeType, .beginsWith, .contains: 2
        }
    }
}
