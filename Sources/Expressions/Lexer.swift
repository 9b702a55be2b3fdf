/// What a token is; keywords are told apart only where a grammar has them.
enum TokenKind: UInt8 {
    case end, identifier, name, value, number, unknown
    case leftParenthesis, rightParenthesis, leftBracket, rightBracket, comma, dot
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, plus, minus
    case and, or, not, between, `in`
    case set, remove, add, delete
}

/// A token: its kind and its bytes in the text.
struct Token {
    var kind: TokenKind
    var start: Int
    var end: Int
}

/// Cuts an expression's bytes into tokens.
///
/// Nothing is copied: a token is a range. Bytes that begin no token become a token of their own
/// (one whole UTF-8 character), which no grammar accepts, so that the error names it.
struct Lexer {
    /// Which words are keywords.
    enum Grammar { case condition, update, projection }

    let text: [UInt8]
    let grammar: Grammar
    private(set) var offset = 0

    init(_ text: [UInt8], _ grammar: Grammar) {
        self.text = text
        self.grammar = grammar
    }

    /// The next token; at the end of the text an empty one, again and again.
    mutating func next() -> Token {
        var offset = self.offset
        let text = self.text
        let count = text.count
        while offset < count, isSpace(text[offset]) { offset += 1 }
        let start = offset
        guard start < count else {
            self.offset = count
            return Token(kind: .end, start: count, end: count)
        }
        let byte = text[start]
        offset += 1
        var kind = TokenKind.unknown
        switch byteClass(byte) {
        case .letter:
            while offset < count, isWordByte(text[offset]) { offset += 1 }
            kind = self.keyword(start, offset)
        case .digit:
            kind = .number
            while offset < count, isDigit(text[offset]) { offset += 1 }
        case .sign:
            while offset < count, isWordByte(text[offset]) { offset += 1 }
            if offset > start + 1 { kind = byte == UInt8(ascii: "#") ? .name : .value }
        case .punctuation:
            kind = Self.punctuation(byte)
            if offset < count, let pair = Self.pair(byte, text[offset]) {
                kind = pair
                offset += 1
            }
        case .other:
            while offset < count, byte >= 0xC0, text[offset] & 0xC0 == 0x80 { offset += 1 }
        }
        self.offset = offset
        return Token(kind: kind, start: start, end: offset)
    }

    private func keyword(_ start: Int, _ end: Int) -> TokenKind {
        guard self.grammar != .projection, end - start <= 7 else { return .identifier }
        var word: UInt64 = 0
        for index in start..<end {
            word = word << 8 | UInt64(ReservedWords.capital(self.text[index]))
        }
        switch (self.grammar, word) {
        case (.condition, 0x41_4E44): return .and
        case (.condition, 0x4F52): return .or
        case (.condition, 0x4E_4F54): return .not
        case (.condition, 0x494E): return .in
        case (.condition, 0x42_4554_5745_454E): return .between
        case (.update, 0x53_4554): return .set
        case (.update, 0x41_4444): return .add
        case (.update, 0x5245_4D4F_5645): return .remove
        case (.update, 0x4445_4C45_5445): return .delete
        default: return .identifier
        }
    }

    private static func punctuation(_ byte: UInt8) -> TokenKind {
        switch byte {
        case UInt8(ascii: "("): .leftParenthesis
        case UInt8(ascii: ")"): .rightParenthesis
        case UInt8(ascii: "["): .leftBracket
        case UInt8(ascii: "]"): .rightBracket
        case UInt8(ascii: ","): .comma
        case UInt8(ascii: "."): .dot
        case UInt8(ascii: "="): .equal
        case UInt8(ascii: "<"): .less
        case UInt8(ascii: ">"): .greater
        case UInt8(ascii: "+"): .plus
        case UInt8(ascii: "-"): .minus
        default: .unknown
        }
    }

    private static func pair(_ first: UInt8, _ second: UInt8) -> TokenKind? {
        switch (first, second) {
        case (UInt8(ascii: "<"), UInt8(ascii: ">")): .notEqual
        case (UInt8(ascii: "<"), UInt8(ascii: "=")): .lessOrEqual
        case (UInt8(ascii: ">"), UInt8(ascii: "=")): .greaterOrEqual
        default: nil
        }
    }
}

/// What kind of token a byte begins.
private enum ByteClass { case letter, digit, sign, punctuation, other }

private func byteClass(_ byte: UInt8) -> ByteClass {
    switch byte {
    case 0x41...0x5A, 0x61...0x7A: .letter
    case 0x30...0x39: .digit
    case UInt8(ascii: "#"), UInt8(ascii: ":"): .sign
    case UInt8(ascii: "(")...UInt8(ascii: "."), UInt8(ascii: "<")...UInt8(ascii: ">"),
        UInt8(ascii: "["), UInt8(ascii: "]"):
        .punctuation
    default: .other
    }
}

private func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

/// Whether a byte may follow the first one of an identifier, `#name` or `:value`.
func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, UInt8(ascii: "_"): true
    default: false
    }
}
