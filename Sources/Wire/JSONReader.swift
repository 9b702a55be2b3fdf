/// Why a text is not JSON (RFC 8259), and at which byte that shows.
package struct JSONError: Error, Equatable, Sendable {
    /// What is wrong.
    package enum Reason: Equatable, Sendable {
        case unexpectedEnd
        case unexpectedByte
        case badEscape
        case badUTF8
        case badNumber
        case tooDeep
        case duplicateName
        case trailingBytes
    }

    package var reason: Reason
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

/// What a value is, known from its first byte.
enum JSONKind: Equatable, Sendable {
    case object, array, string, number, isTrue, isFalse, null
}

/// A string of the input: a range of the input itself or, when it held escapes, of the reader's
/// decoded bytes.
struct JSONText: Sendable {
    var range: Range<Int>
    var isDecoded: Bool
}

/// Walks over JSON text value by value, strictly: UTF-8 is checked, escapes must pair their
/// surrogates, depth is bounded, and nothing may follow the value.
///
/// The caller knows which value it expects and asks for it; nothing is built. The reader borrows
/// the input, so it lives only inside the closure that lends the buffer. Every access is preceded
/// by a check of the end, because the buffer itself does not check.
struct JSONReader {
    private let input: UnsafeBufferPointer<UInt8>
    private(set) var offset: Int
    /// The contents of all strings with escapes, one after another.
    private var decoded: [UInt8] = []
    private var depth = 0
    /// A container was just opened: no comma comes before what follows.
    private var isFirst = false

    /// Lists and maps of DynamoDB take two levels each, of at most 32, and a few lie around them.
    static let depthMax = 256

    init(_ input: UnsafeBufferPointer<UInt8>, at offset: Int = 0) {
        self.input = input
        self.offset = offset
    }

    // MARK: Values

    /// What the next value is; nothing is consumed but white space.
    mutating func kind() throws(JSONError) -> JSONKind {
        switch try self.peek() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"): return .isTrue
        case UInt8(ascii: "f"): return .isFalse
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw JSONError(.unexpectedByte, at: self.offset)
        }
    }

    mutating func beginObject() throws(JSONError) { try self.open(UInt8(ascii: "{")) }
    mutating func beginArray() throws(JSONError) { try self.open(UInt8(ascii: "[")) }

    /// The name of the next member, or nil when the object ended.
    mutating func nextName() throws(JSONError) -> JSONText? {
        guard try self.hasNext(until: UInt8(ascii: "}")) else { return nil }
        let name = try self.string()
        try self.expect(UInt8(ascii: ":"))
        return name
    }

    /// Whether another element follows; false when the array ended.
    mutating func nextElement() throws(JSONError) -> Bool {
        try self.hasNext(until: UInt8(ascii: "]"))
    }

    mutating func null() throws(JSONError) { try self.word("null") }
    mutating func isTrue() throws(JSONError) { try self.word("true") }
    mutating func isFalse() throws(JSONError) { try self.word("false") }

    /// Opens an object or array if one is next.
    @inline(__always)
    mutating func beginIfNext(_ byte: UInt8) throws(JSONError) -> Bool {
        guard try self.peek() == byte else { return false }
        try self.open(byte)
        return true
    }

    /// The string that is next, or nil when something else is.
    @inline(__always)
    mutating func stringIfNext() throws(JSONError) -> JSONText? {
        guard try self.peek() == UInt8(ascii: "\"") else { return nil }
        return try self.string()
    }

    /// The letter of `{"S":` when exactly that is next, without white space or a longer name, and
    /// no null follows; the common way in which attributes are written.
    @inline(__always)
    mutating func beginTagged() throws(JSONError) -> UInt8? {
        let quote = UInt8(ascii: "\"")
        let start = self.offset
        guard start + 6 <= self.input.count, self.input[start] == UInt8(ascii: "{"),
            self.input[start + 1] == quote, self.input[start + 3] == quote,
            self.input[start + 4] == UInt8(ascii: ":"), Self.isPlain(self.input[start + 2]),
            self.input[start + 5] > 0x20, self.input[start + 5] != UInt8(ascii: "n")
        else { return nil }
        try self.open(UInt8(ascii: "{"))
        self.isFirst = false
        self.offset = start + 5
        return self.input[start + 2]
    }

    /// Closes an object whose brace is the very next byte.
    @inline(__always)
    mutating func endTagged() -> Bool {
        guard self.offset < self.input.count, self.input[self.offset] == UInt8(ascii: "}") else {
            return false
        }
        self.offset += 1
        self.depth -= 1
        self.isFirst = false
        return true
    }

    /// Whether a null is next.
    @inline(__always)
    mutating func isNullNext() throws(JSONError) -> Bool {
        try self.peek() == UInt8(ascii: "n")
    }

    /// Nothing but white space may be left.
    mutating func finish() throws(JSONError) {
        self.skipSpace()
        guard self.offset == self.input.count else {
            throw JSONError(.trailingBytes, at: self.offset)
        }
    }

    /// Checks and passes over any value.
    mutating func skip() throws(JSONError) {
        switch try self.kind() {
        case .object:
            try self.beginObject()
            while try self.nextName() != nil { try self.skip() }
        case .array:
            try self.beginArray()
            while try self.nextElement() { try self.skip() }
        case .string: _ = try self.string()
        case .number: _ = try self.number()
        case .isTrue: try self.isTrue()
        case .isFalse: try self.isFalse()
        case .null: try self.null()
        }
    }

    /// The range of a number's text in the input, and whether it has a fraction or an exponent.
    mutating func number() throws(JSONError) -> (range: Range<Int>, isDecimal: Bool) {
        let start = try self.valueStart()
        var index = start
        if index < self.input.count, self.input[index] == UInt8(ascii: "-") { index += 1 }
        let integer = self.digits(from: index)
        guard integer > index, self.input[index] != UInt8(ascii: "0") || integer == index + 1
        else { throw JSONError(.badNumber, at: index) }
        index = integer
        var isDecimal = false
        if index < self.input.count, self.input[index] == UInt8(ascii: ".") {
            let end = self.digits(from: index + 1)
            guard end > index + 1 else { throw JSONError(.badNumber, at: index) }
            isDecimal = true
            index = end
        }
        if index < self.input.count, self.input[index] | 0x20 == UInt8(ascii: "e") {
            var first = index + 1
            if first < self.input.count,
                self.input[first] == UInt8(ascii: "+") || self.input[first] == UInt8(ascii: "-")
            {
                first += 1
            }
            let end = self.digits(from: first)
            guard end > first else { throw JSONError(.badNumber, at: index) }
            isDecimal = true
            index = end
        }
        self.offset = index
        return (start..<index, isDecimal)
    }

    /// The elements of an array of strings at `offset`, which were passed over before.
    func strings(at offset: Int) -> [String] {
        var reader = JSONReader(self.input, at: offset)
        var strings: [String] = []
        do throws(JSONError) {
            try reader.beginArray()
            while try reader.nextElement() {
                let text = try reader.string()
                strings.append(reader.string(of: text))
            }
        } catch {
            preconditionFailure("an array that was read is none: \(error)")
        }
        return strings
    }

    // MARK: Text

    /// Lends the bytes of a string.
    func withBytes<Result>(
        of text: JSONText,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        if text.isDecoded {
            return self.decoded.withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: $0[text.range]))
            }
        }
        return body(
            UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: self.input[text.range]))
        )
    }

    func bytes(of text: JSONText) -> [UInt8] {
        text.isDecoded ? Array(self.decoded[text.range]) : Array(self.input[text.range])
    }

    func bytes(of range: Range<Int>) -> [UInt8] { Array(self.input[range]) }

    func string(of text: JSONText) -> String {
        self.withBytes(of: text) { String(decoding: $0, as: UTF8.self) }
    }

    func isText(_ text: JSONText, _ literal: StaticString) -> Bool {
        guard text.range.count == literal.utf8CodeUnitCount else { return false }
        return self.withBytes(of: text) { bytes in
            for index in 0..<bytes.count where bytes[index] != literal.utf8Start[index] {
                return false
            }
            return true
        }
    }

    // MARK: Strings

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// The first byte from `start` on that is a quote, an escape, a control or not ASCII; the end
    /// of the input when there is none.
    ///
    /// Eight bytes a step, see ``WordOfBytes``.
    @inline(__always)
    private func endOfPlain(from start: Int) -> Int {
        let raw = UnsafeRawBufferPointer(self.input)
        var index = start
        while index + 8 <= raw.count {
            let word = WordOfBytes(raw, at: index)
            let special =
                word.notASCII | word.below(0x20) | word.equal(to: UInt8(ascii: "\""))
                | word.equal(to: UInt8(ascii: "\\"))
            if special != 0 { return index + WordOfBytes.first(special) }
            index += 8
        }
        while index < raw.count, Self.isPlain(raw[index]) { index += 1 }
        return index
    }

    mutating func string() throws(JSONError) -> JSONText {
        try self.expect(UInt8(ascii: "\""))
        let start = self.offset
        var index = start
        let end = self.input.count
        while true {
            index = self.endOfPlain(from: index)
            guard index < end else { throw JSONError(.unexpectedEnd, at: end) }
            let byte = self.input[index]
            if byte == UInt8(ascii: "\"") {
                self.offset = index + 1
                return JSONText(range: start..<index, isDecoded: false)
            }
            if byte == UInt8(ascii: "\\") { return try self.escapedString(start, index) }
            guard byte >= 0x80 else { throw JSONError(.unexpectedByte, at: index) }
            index = try self.multibyte(index)
        }
    }

    /// The rest of a string whose first escape is at `first`.
    private mutating func escapedString(
        _ start: Int,
        _ first: Int
    ) throws(JSONError) -> JSONText {
        let decodedStart = self.decoded.count
        var index = first
        var runStart = start
        let end = self.input.count
        while true {
            index = self.endOfPlain(from: index)
            guard index < end else { throw JSONError(.unexpectedEnd, at: end) }
            let byte = self.input[index]
            if byte >= 0x80 {
                index = try self.multibyte(index)
                continue
            }
            self.decoded.append(
                contentsOf: UnsafeBufferPointer(rebasing: self.input[runStart..<index])
            )
            if byte == UInt8(ascii: "\"") {
                self.offset = index + 1
                return JSONText(range: decodedStart..<self.decoded.count, isDecoded: true)
            }
            guard byte == UInt8(ascii: "\\") else {
                throw JSONError(.unexpectedByte, at: index)
            }
            index = try self.escape(index)
            runStart = index
        }
    }

    /// Decodes the escape at `index` and returns where it ends.
    private mutating func escape(_ index: Int) throws(JSONError) -> Int {
        guard index + 1 < self.input.count else {
            throw JSONError(.unexpectedEnd, at: self.input.count)
        }
        let plain: UInt8
        switch self.input[index + 1] {
        case UInt8(ascii: "\""): plain = UInt8(ascii: "\"")
        case UInt8(ascii: "\\"): plain = UInt8(ascii: "\\")
        case UInt8(ascii: "/"): plain = UInt8(ascii: "/")
        case UInt8(ascii: "b"): plain = 0x08
        case UInt8(ascii: "f"): plain = 0x0C
        case UInt8(ascii: "n"): plain = 0x0A
        case UInt8(ascii: "r"): plain = 0x0D
        case UInt8(ascii: "t"): plain = 0x09
        case UInt8(ascii: "u"): return try self.unicodeEscape(index)
        default: throw JSONError(.badEscape, at: index)
        }
        self.decoded.append(plain)
        return index + 2
    }

    private mutating func unicodeEscape(_ index: Int) throws(JSONError) -> Int {
        let unit = try self.hexUnit(index + 2)
        if unit & 0xF800 != 0xD800 {
            guard let scalar = Unicode.Scalar(unit) else { throw JSONError(.badEscape, at: index) }
            self.decoded.append(contentsOf: UTF8.encode(scalar) ?? .init())
            return index + 6
        }
        // A high surrogate must be followed by the escape of a low one.
        guard unit & 0xFC00 == 0xD800, index + 7 < self.input.count,
            self.input[index + 6] == UInt8(ascii: "\\"), self.input[index + 7] == UInt8(ascii: "u")
        else { throw JSONError(.badEscape, at: index) }
        let low = try self.hexUnit(index + 8)
        guard low & 0xFC00 == 0xDC00,
            let scalar = Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
        else { throw JSONError(.badEscape, at: index) }
        self.decoded.append(contentsOf: UTF8.encode(scalar) ?? .init())
        return index + 12
    }

    private func hexUnit(_ start: Int) throws(JSONError) -> UInt32 {
        guard start + 4 <= self.input.count else {
            throw JSONError(.unexpectedEnd, at: self.input.count)
        }
        var unit: UInt32 = 0
        for index in start..<start + 4 {
            guard let digit = HTTPSyntax.hexDigit(self.input[index]) else {
                throw JSONError(.badEscape, at: index)
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// Checks the multi-byte character at `index` (Unicode 15, table 3-7) and returns its end.
    private func multibyte(_ index: Int) throws(JSONError) -> Int {
        let lead = self.input[index]
        let second: ClosedRange<UInt8>
        let count: Int
        switch lead {
        case 0xC2...0xDF: (second, count) = (0x80...0xBF, 2)
        case 0xE0: (second, count) = (0xA0...0xBF, 3)
        case 0xE1...0xEC, 0xEE, 0xEF: (second, count) = (0x80...0xBF, 3)
        case 0xED: (second, count) = (0x80...0x9F, 3)
        case 0xF0: (second, count) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, count) = (0x80...0xBF, 4)
        case 0xF4: (second, count) = (0x80...0x8F, 4)
        default: throw JSONError(.badUTF8, at: index)
        }
        guard index + count <= self.input.count, second.contains(self.input[index + 1]) else {
            throw JSONError(.badUTF8, at: index)
        }
        for next in index + 2..<index + max(count, 2) where self.input[next] & 0xC0 != 0x80 {
            throw JSONError(.badUTF8, at: index)
        }
        return index + count
    }

    // MARK: Tokens

    @inline(__always)
    private mutating func skipSpace() {
        while self.offset < self.input.count {
            switch self.input[self.offset] {
            case 0x20, 0x0A, 0x0D, 0x09: self.offset += 1
            default: return
            }
        }
    }

    @inline(__always)
    private mutating func peek() throws(JSONError) -> UInt8 {
        self.skipSpace()
        guard self.offset < self.input.count else {
            throw JSONError(.unexpectedEnd, at: self.offset)
        }
        return self.input[self.offset]
    }

    private mutating func valueStart() throws(JSONError) -> Int {
        _ = try self.peek()
        return self.offset
    }

    @inline(__always)
    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try self.peek() == byte else { throw JSONError(.unexpectedByte, at: self.offset) }
        self.offset += 1
    }

    private mutating func open(_ byte: UInt8) throws(JSONError) {
        try self.expect(byte)
        self.depth += 1
        guard self.depth <= Self.depthMax else { throw JSONError(.tooDeep, at: self.offset - 1) }
        self.isFirst = true
    }

    private mutating func hasNext(until close: UInt8) throws(JSONError) -> Bool {
        let byte = try self.peek()
        if byte == close {
            self.offset += 1
            self.depth -= 1
            self.isFirst = false
            return false
        }
        if self.isFirst {
            self.isFirst = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: self.offset) }
        self.offset += 1
        // A comma must be followed by a member: `[1,]` is an error.
        guard try self.peek() != close else { throw JSONError(.unexpectedByte, at: self.offset) }
        return true
    }

    private mutating func word(_ word: StaticString) throws(JSONError) {
        let start = try self.valueStart()
        for index in 0..<word.utf8CodeUnitCount {
            guard start + index < self.input.count else {
                throw JSONError(.unexpectedEnd, at: self.input.count)
            }
            guard self.input[start + index] == word.utf8Start[index] else {
                throw JSONError(.unexpectedByte, at: start + index)
            }
        }
        self.offset = start + word.utf8CodeUnitCount
    }

    private func digits(from start: Int) -> Int {
        var index = start
        while index < self.input.count, self.input[index] &- UInt8(ascii: "0") <= 9 { index += 1 }
        return index
    }
}
