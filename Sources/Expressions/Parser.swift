import DataModel

/// What the parsers of all kinds of expression share: tokens, errors, operator count, paths.
///
/// One pass over the text, no backtracking. A syntax error ends it at once; any other mistake is
/// noted and parsing goes on, because the service reports mistakes in an order of importance
/// (``Mistake``), not in the order of the text. Not copyable, because a copy made by accident would
/// cost more than parsing.
struct Parser: ~Copyable {
    let kind: ExpressionKind
    var substitutions: Substitutions
    var paths = PathTable()
    private var lexer: Lexer
    private(set) var token: Token
    /// The token before ``token``, empty at the text's beginning.
    private(set) var previous = Token(kind: .end, start: 0, end: 0)
    private var operatorCount = 0
    private var depth = 0
    /// The parentheses that were closed last: offsets of both.
    private var lastGroup = (open: -1, close: -1)
    private var mistake: (rank: Mistake, message: String)?

    /// Reads the first token; refuses empty and overlong texts.
    ///
    /// The substitutions are taken, so that marking what is used copies nothing; whoever made the
    /// parser puts them back at the end.
    init(
        _ text: [UInt8],
        _ kind: ExpressionKind,
        _ grammar: Lexer.Grammar,
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        self.kind = kind
        guard !text.isEmpty else {
            throw ExpressionError("Invalid \(kind.label): The expression can not be empty;")
        }
        guard text.count <= ExpressionLimits.textBytesMax else {
            throw ExpressionError(
                "Invalid \(kind.label): Expression size has exceeded the maximum allowed size;"
                    + (kind == .scanFilter ? " expression size: \(text.count)" : "")
            )
        }
        self.lexer = Lexer(text, grammar)
        self.token = self.lexer.next()
        self.substitutions = Substitutions()
        swap(&self.substitutions, &substitutions)
    }

    // MARK: Tokens

    mutating func advance() {
        self.previous = self.token
        self.token = self.lexer.next()
    }

    /// Whether the current token is of a kind; if so it is consumed.
    mutating func accept(_ kind: TokenKind) -> Bool {
        guard self.token.kind == kind else { return false }
        self.advance()
        return true
    }

    mutating func expect(_ kind: TokenKind) throws(ExpressionError) {
        guard self.accept(kind) else { throw self.syntaxError() }
    }

    func bytes(of token: Token) -> ArraySlice<UInt8> { self.lexer.text[token.start..<token.end] }

    // MARK: Errors

    func error(_ message: String) -> ExpressionError {
        ExpressionError("Invalid \(self.kind.label): \(message)")
    }

    /// The refusal of the current token: it is named, with its neighbours as they are written.
    func syntaxError() -> ExpressionError {
        let isFirst = self.previous.kind == .end
        let name: String
        let near: Range<Int>
        if self.token.kind == .end {
            name = "<EOF>"
            near = self.previous.start..<self.previous.end
        } else {
            var lookahead = self.lexer
            let following = lookahead.next()
            name = text(self.bytes(of: self.token))
            near =
                (isFirst ? self.token : self.previous)
                .start..<(following.kind == .end ? self.token : following).end
        }
        return self.error(
            "Syntax error; token: \"\(name)\", near: \"\(text(self.lexer.text[near]))\""
        )
    }

    /// Notes a mistake that is not one of syntax; the most important one is reported, and of
    /// equally important ones the first.
    mutating func note(_ rank: Mistake, _ message: String) {
        if let mistake = self.mistake, mistake.rank.rawValue <= rank.rawValue { return }
        self.mistake = (rank, message)
    }

    /// Refuses what is left of the text, then the mistakes that were noted.
    func finish() throws(ExpressionError) {
        guard self.token.kind == .end else { throw self.syntaxError() }
        if let mistake = self.mistake { throw self.error(mistake.message) }
    }

    // MARK: Limits

    /// Counts an operator or function; the service stops counting at the first one too many.
    mutating func countOperator() {
        self.operatorCount += 1
        if self.operatorCount > ExpressionLimits.operatorsMax {
            self.note(
                .operators,
                "The expression contains too many operators; operator count: "
                    + "\(ExpressionLimits.operatorsMax + 1)"
            )
        }
    }

    /// Goes one level deeper; the stack is bounded whatever the text.
    mutating func enter() throws(ExpressionError) {
        self.depth += 1
        guard self.depth <= ExpressionLimits.depthMax else {
            throw self.error(Mistake.redundantParentheses)
        }
    }

    mutating func leave() { self.depth -= 1 }

    /// Consumes the parenthesis that closes the one at offset `open`; notes a pair around nothing
    /// but another pair, as in `((a = b))`.
    mutating func close(_ open: Int) throws(ExpressionError) {
        guard self.token.kind == .rightParenthesis else { throw self.syntaxError() }
        let closing = self.token.start
        if self.lastGroup.close >= 0, self.lastGroup.close == self.previous.start,
            self.previous.kind == .rightParenthesis, self.isFirstInside(open, self.lastGroup.open)
        {
            self.note(.parentheses, Mistake.redundantParentheses)
        }
        self.lastGroup = (open, closing)
        self.leave()
        self.advance()
    }

    /// Whether only blanks lie between two opening parentheses.
    private func isFirstInside(_ outer: Int, _ inner: Int) -> Bool {
        guard inner > outer else { return false }
        return self.lexer.text[outer + 1..<inner].allSatisfy { $0 <= 0x20 }
    }

    // MARK: Operands

    /// A path whose first token has just been consumed: `name`, or `#name`, with what follows.
    mutating func path(beginningWith first: Token) throws(ExpressionError) -> PathReference {
        var path = self.paths.begin(with: self.name(first))
        try self.continuePath(&path)
        return path
    }

    /// A path at the current token.
    mutating func path() throws(ExpressionError) -> PathReference {
        let first = self.token
        guard first.kind == .identifier || first.kind == .name else { throw self.syntaxError() }
        self.advance()
        return try self.path(beginningWith: first)
    }

    /// The `.name` and `[index]` after the part of a path that is parsed already.
    mutating func continuePath(_ path: inout PathReference) throws(ExpressionError) {
        while true {
            if self.accept(.dot) {
                let token = self.token
                guard token.kind == .identifier || token.kind == .name else {
                    throw self.syntaxError()
                }
                self.advance()
                self.paths.extend(&path, by: .name(self.name(token)))
            } else if self.accept(.leftBracket) {
                let token = self.token
                try self.expect(.number)
                try self.expect(.rightBracket)
                self.paths.extend(&path, by: .index(self.listIndex(token)))
            } else {
                break
            }
        }
        if path.count > ExpressionLimits.pathElementsMax {
            let count = path.count
            self.note(
                .semantic,
                "The document path has too many nesting levels; nesting levels: \(count)"
            )
        }
    }

    /// The attribute name that an identifier or a `#name` stands for.
    private mutating func name(_ token: Token) -> [UInt8] {
        if token.kind == .name {
            let range = token.start..<token.end
            if let name = self.substitutions.name(for: range, in: self.lexer.text) { return name }
            self.note(
                self.kind.isConditional ? .semantic : .undefinedName,
                "An expression attribute name used in the document path is not defined; "
                    + "attribute name: \(text(self.bytes(of: token)))"
            )
        } else {
            let isReserved = self.lexer.text.withUnsafeBufferPointer {
                ReservedWords.contains(
                    UnsafeBufferPointer(rebasing: $0[token.start..<token.end])
                )
            }
            if isReserved {
                self.note(
                    .reservedWord,
                    "Attribute name is a reserved keyword; reserved keyword: "
                        + text(self.bytes(of: token))
                )
            }
        }
        return Array(self.bytes(of: token))
    }

    private mutating func listIndex(_ token: Token) -> Int {
        var index: UInt64 = 0
        for digit in self.bytes(of: token) {
            index = min(index * 10 + UInt64(digit - 0x30), ExpressionLimits.listIndexEnd)
        }
        if index >= ExpressionLimits.listIndexEnd {
            self.note(
                .reservedWord,
                "List index is not within the allowable range; index: "
                    + "[\(text(self.bytes(of: token)))]"
            )
        }
        return Int(index)
    }

    /// The index of the value that a `:value` stands for, or nil after noting that there is none.
    mutating func valueIndex(_ token: Token) -> UInt32? {
        let range = token.start..<token.end
        if let index = self.substitutions.valueIndex(for: range, in: self.lexer.text) {
            return UInt32(index)
        }
        self.note(
            self.kind.isConditional ? .semantic : .undefinedValue,
            "An expression attribute value used in expression is not defined; attribute value: "
                + text(self.bytes(of: token))
        )
        return nil
    }

    /// The type of a value by its index; nil for one that is not defined.
    func type(ofValue index: UInt32?) -> AttributeType? {
        index.map { self.substitutions.values[Int($0)].type }
    }
}

/// The ranks of mistakes, most important first: which one the service reports when a text holds
/// several.
enum Mistake: UInt8 {
    case parentheses, operators
    /// A function that does not exist, or not in this kind of expression.
    case unknownFunction
    /// A condition where a value is needed, or the reverse.
    case misplacedFunction
    /// Also a list index out of range.
    case reservedWord
    /// ``unknownFunction`` of an update.
    case unknownUpdateFunction
    /// A section of an update that occurs twice.
    case section
    /// A placeholder of an update or projection; those of a condition are ``semantic``.
    case undefinedName, undefinedValue
    case overlap, conflict
    /// The value of an `ADD` or `DELETE`.
    case operand
    /// All else about operands.
    case semantic

    static let redundantParentheses = "The expression has redundant parentheses;"
}
