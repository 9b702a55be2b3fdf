/// The fields that lines of a history know.
enum HistoryField: UInt8, CaseIterable {
    case type, format, host, seed, topology, regions
    case id, client, region, operation, table, key, write, condition, consistent
    case previous, stamp, error
    case node, partition, sequence, delete, decision, against, text
    case monotonic, virtual

    private var name: StaticString {
        switch self {
        case .type: "type"
        case .format: "format"
        case .host: "host"
        case .seed: "seed"
        case .topology: "topology"
        case .regions: "regions"
        case .id: "id"
        case .client: "client"
        case .region: "region"
        case .operation: "operation"
        case .table: "table"
        case .key: "key"
        case .write: "write"
        case .condition: "condition"
        case .consistent: "consistent"
        case .previous: "previous"
        case .stamp: "stamp"
        case .error: "error"
        case .node: "node"
        case .partition: "partition"
        case .sequence: "sequence"
        case .delete: "delete"
        case .decision: "decision"
        case .against: "against"
        case .text: "text"
        case .monotonic: "monotonic"
        case .virtual: "virtual"
        }
    }

    var label: String { "\"\(self.name)\"" }

    /// What a line's field must hold.
    var shape: Shape {
        switch self {
        case .format, .id, .client, .partition, .sequence, .monotonic, .virtual: .number
        case .consistent, .delete: .flag
        case .stamp, .against: .stamp
        case .write, .previous: .nameOrNull
        case .regions: .names
        case .condition: .condition
        case .type, .host, .seed, .topology, .region, .operation, .table, .key, .error, .node,
            .decision, .text:
            .name
        }
    }

    enum Shape { case number, flag, stamp, name, nameOrNull, names, condition }

    /// Names by their first eight bytes and their lengths, which tell them apart.
    static let known: [(head: UInt64, length: Int, field: HistoryField)] = Self.allCases.map {
        let name = UnsafeRawBufferPointer(
            start: $0.name.utf8Start,
            count: $0.name.utf8CodeUnitCount
        )
        return (ShortText.head(name[...]), name.count, $0)
    }

    func isNamed(_ text: ArraySlice<UInt8>) -> Bool {
        text.elementsEqual(
            UnsafeBufferPointer(start: self.name.utf8Start, count: self.name.utf8CodeUnitCount)
        )
    }
}

/// The first eight bytes of a text as one number, by which short texts compare at once.
enum ShortText {
    static func head(_ text: some Collection<UInt8>) -> UInt64 {
        var head: UInt64 = 0
        for byte in text.prefix(8) { head = head << 8 | UInt64(byte) }
        return head
    }

    static func head(_ text: StaticString) -> UInt64 {
        self.head(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

/// A field's value as it stood in the line.
enum HistoryValue: Equatable {
    case absent, null
    case number(UInt64)
    case flag(Bool)
    /// Decoded, a range of the parser's text.
    case name(Range<Int>)
    /// The parser's list.
    case names
    case stamp(HistoryStamp)
    case previous(Range<Int>)
    case exists(Bool)
}

/// Why a line is no event; the reader adds its number.
struct LineError: Error, Equatable {
    var message: String
    init(_ message: String) { self.message = message }
}

/// Takes one line apart: strict JSON (RFC 8259), of bounded depth, fields by name.
///
/// Nothing is built for unknown fields, which are only checked for their form; a field that stands
/// twice, a wrong shape, and bytes after the object are errors.
struct LineParser {
    static let depthMax = 16

    /// Values by field; only those that the line has are of this line.
    private var values = [HistoryValue](repeating: .absent, count: HistoryField.allCases.count)
    private var present: UInt32 = 0
    /// The texts of the line's list.
    private(set) var list: [Range<Int>] = []
    private let fields = HistoryField.known
    /// The decoded texts of the line, end to end.
    private(set) var text: [UInt8] = []
    private var at = 0

    subscript(field: HistoryField) -> HistoryValue {
        self.present & 1 << field.rawValue == 0 ? .absent : self.values[Int(field.rawValue)]
    }

    mutating func parse(_ line: UnsafeRawBufferPointer) throws(LineError) {
        self.present = 0
        self.list.removeAll(keepingCapacity: true)
        self.text.removeAll(keepingCapacity: true)
        self.at = 0
        try self.expect(UInt8(ascii: "{"), "a JSON object", line)
        self.blanks(line)
        if self.peek(line) == UInt8(ascii: "}") {
            self.at += 1
        } else {
            repeat {
                try self.member(line)
            } while try self.continues(UInt8(ascii: "}"), line)
        }
        self.blanks(line)
        guard self.at == line.count else {
            throw LineError("nothing may follow the object, but \(self.found(line)) does")
        }
    }

    private mutating func member(_ line: UnsafeRawBufferPointer) throws(LineError) {
        let name = try self.string("a field's name", line)
        let field = self.field(named: name)
        self.text.removeLast(name.count)
        try self.expect(UInt8(ascii: ":"), "\":\"", line)
        guard let field else { return try self.skip(line, depth: 1) }
        guard self[field] == .absent else { throw LineError("\(field.label) stands twice") }
        self.values[Int(field.rawValue)] = try self.value(of: field, line)
        self.present |= 1 << field.rawValue
    }

    private func field(named name: Range<Int>) -> HistoryField? {
        let head = ShortText.head(self.text[name])
        for entry in self.fields where entry.head == head && entry.length == name.count {
            // Longer names may agree in their beginnings.
            return name.count <= 8 || entry.field.isNamed(self.text[name]) ? entry.field : nil
        }
        return nil
    }

    private mutating func value(
        of field: HistoryField,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> HistoryValue {
        self.blanks(line)
        let isNull = self.peek(line) == UInt8(ascii: "n")
        switch field.shape {
        case .number: return .number(try self.number(field.label, line))
        case .flag: return .flag(try self.flag(field.label, line))
        case .stamp:
            if isNull { return try self.null(line) }
            return .stamp(try self.stamp(field.label, line))
        case .name: return .name(try self.string("\(field.label) as a text", line))
        case .nameOrNull:
            if isNull { return try self.null(line) }
            return .name(try self.string("\(field.label) as a text or null", line))
        case .names:
            try self.list(field.label, line)
            return .names
        case .condition:
            if isNull { return try self.null(line) }
            return try self.condition(line)
        }
    }

    private mutating func stamp(
        _ label: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> HistoryStamp {
        try self.expect(UInt8(ascii: "["), "\(label()) as [time, rank]", line)
        let time = try self.number("the time of \(label())", line)
        try self.expect(UInt8(ascii: ","), "a \",\" and the rank of \(label())", line)
        let rank = try self.number("the rank of \(label())", line)
        try self.expect(UInt8(ascii: "]"), "the end of \(label())", line)
        guard let region = RegionRank(exactly: rank) else {
            throw LineError("the rank of \(label()) must be at most 255, not \(rank)")
        }
        return HistoryStamp(time, region)
    }

    private mutating func list(
        _ label: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) {
        try self.expect(UInt8(ascii: "["), "\(label()) as a list of texts", line)
        self.blanks(line)
        if self.peek(line) == UInt8(ascii: "]") {
            self.at += 1
            return
        }
        repeat {
            self.list.append(try self.string("a text in \(label())", line))
        } while try self.continues(UInt8(ascii: "]"), line)
    }

    private mutating func condition(
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> HistoryValue {
        let expected = "{\"previous\": WRITE} or {\"exists\": true or false}"
        try self.expect(UInt8(ascii: "{"), "\"condition\" as \(expected)", line)
        let name = try self.string("\"previous\" or \"exists\"", line)
        let isPrevious = self.text[name].elementsEqual("previous".utf8)
        guard isPrevious || self.text[name].elementsEqual("exists".utf8) else {
            throw LineError("\"condition\" must be \(expected)")
        }
        try self.expect(UInt8(ascii: ":"), "\":\"", line)
        let value: HistoryValue =
            isPrevious
            ? .previous(try self.string("the write that must be there", line))
            : .exists(try self.flag("\"exists\"", line))
        try self.expect(UInt8(ascii: "}"), "the end of \"condition\"", line)
        return value
    }

    // MARK: JSON

    private func peek(_ line: UnsafeRawBufferPointer) -> UInt8? {
        self.at < line.count ? line[self.at] : nil
    }

    private mutating func blanks(_ line: UnsafeRawBufferPointer) {
        while self.at < line.count {
            switch line[self.at] {
            case 0x20, 0x09, 0x0D, 0x0A: self.at += 1
            default: return
            }
        }
    }

    private mutating func expect(
        _ byte: UInt8,
        _ what: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) {
        self.blanks(line)
        guard self.peek(line) == byte else { throw self.unexpected(what(), line) }
        self.at += 1
    }

    /// Whether a comma follows rather than the end.
    private mutating func continues(
        _ end: UInt8,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> Bool {
        self.blanks(line)
        switch self.peek(line) {
        case UInt8(ascii: ","):
            self.at += 1
            return true
        case end:
            self.at += 1
            return false
        default:
            let last = end == UInt8(ascii: "}") ? "\"}\"" : "\"]\""
            throw self.unexpected("\",\" or \(last)", line)
        }
    }

    private mutating func word(
        _ word: StaticString,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard self.at + offset < line.count,
                line[self.at + offset] == word.utf8Start[offset]
            else { throw self.unexpected("\"\(word)\"", line) }
        }
        self.at += word.utf8CodeUnitCount
    }

    private mutating func null(
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> HistoryValue {
        try self.word("null", line)
        return .null
    }

    private mutating func flag(
        _ what: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> Bool {
        self.blanks(line)
        switch self.peek(line) {
        case UInt8(ascii: "t"):
            try self.word("true", line)
            return true
        case UInt8(ascii: "f"):
            try self.word("false", line)
            return false
        default: throw self.unexpected("\(what()) as true or false", line)
        }
    }

    /// A whole number without sign, fraction or exponent.
    private mutating func number(
        _ what: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> UInt64 {
        self.blanks(line)
        let start = self.at
        var value: UInt64 = 0
        while let byte = self.peek(line), byte >= 0x30, byte <= 0x39 {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !carry else {
                throw LineError("\(what()) must be below 2^64")
            }
            value = sum
            self.at += 1
        }
        let digits = self.at - start
        guard digits > 0 else { throw self.unexpected("\(what()) as a whole number", line) }
        guard digits == 1 || line[start] != 0x30 else {
            throw LineError("\(what()) starts with a zero")
        }
        switch self.peek(line) {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
            throw LineError("\(what()) must be a whole number")
        default: return value
        }
    }

    /// A string, decoded into `text`.
    private mutating func string(
        _ what: @autoclosure () -> String,
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> Range<Int> {
        try self.expect(UInt8(ascii: "\""), what(), line)
        let start = self.text.count
        while true {
            guard let byte = self.peek(line) else {
                throw LineError("a text does not end before the line does")
            }
            switch byte {
            case UInt8(ascii: "\""):
                self.at += 1
                return start..<self.text.count
            case UInt8(ascii: "\\"): try self.escape(line)
            case ..<0x20:
                throw LineError("a text holds the control byte \(byte); write it as \\u00xx")
            case ..<0x80:
                let start = self.at
                repeat { self.at += 1 } while self.at < line.count && Self.isPlain(line[self.at])
                self.text.append(contentsOf: line[start..<self.at])
            default:
                let length = UTF8Sequence.length(in: line, at: self.at)
                guard length > 0 else {
                    throw LineError(
                        "byte \(self.at + 1) is no UTF-8; write other bytes as \\udc80…\\udcff"
                    )
                }
                self.text.append(contentsOf: line[self.at..<self.at + length])
                self.at += length
            }
        }
    }

    /// Neither a quotation mark nor a backslash, control byte or part of a longer sequence.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func escape(_ line: UnsafeRawBufferPointer) throws(LineError) {
        guard self.at + 1 < line.count else {
            throw LineError("a text does not end before the line does")
        }
        let letter = line[self.at + 1]
        self.at += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): self.text.append(letter)
        case UInt8(ascii: "b"): self.text.append(0x08)
        case UInt8(ascii: "f"): self.text.append(0x0C)
        case UInt8(ascii: "n"): self.text.append(0x0A)
        case UInt8(ascii: "r"): self.text.append(0x0D)
        case UInt8(ascii: "t"): self.text.append(0x09)
        case UInt8(ascii: "u"): try self.unicode(line)
        default: throw LineError("byte \(self.at): no escape of JSON")
        }
    }

    /// Four digits after `\u`, and the other half of a pair if there is one.
    private mutating func unicode(_ line: UnsafeRawBufferPointer) throws(LineError) {
        let unit = try self.hexadecimal(line)
        switch unit {
        case 0xDC80...0xDCFF: self.text.append(UInt8(unit - 0xDC00))
        case 0xD800...0xDBFF:
            guard self.at + 1 < line.count, line[self.at] == UInt8(ascii: "\\"),
                line[self.at + 1] == UInt8(ascii: "u")
            else { throw LineError("byte \(self.at): half a surrogate pair") }
            self.at += 2
            let low = try self.hexadecimal(line)
            guard 0xDC00...0xDFFF ~= low else {
                throw LineError("byte \(self.at): half a surrogate pair")
            }
            self.scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        case 0xDC00...0xDFFF: throw LineError("byte \(self.at): half a surrogate pair")
        default: self.scalar(UInt32(unit))
        }
    }

    private mutating func scalar(_ value: UInt32) {
        guard let scalar = Unicode.Scalar(value) else { return }
        self.text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func hexadecimal(
        _ line: UnsafeRawBufferPointer
    ) throws(LineError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            switch self.peek(line) {
            case .some(let digit) where digit >= 0x30 && digit <= 0x39:
                value = value << 4 | UInt16(digit - 0x30)
            case .some(let digit) where digit | 0x20 >= 0x61 && digit | 0x20 <= 0x66:
                value = value << 4 | UInt16((digit | 0x20) - 0x61 + 10)
            default: throw self.unexpected("four hexadecimal digits", line)
            }
            self.at += 1
        }
        return value
    }

    /// Any value of an unknown field.
    private mutating func skip(
        _ line: UnsafeRawBufferPointer,
        depth: Int
    ) throws(LineError) {
        guard depth <= Self.depthMax else {
            throw LineError("values nest deeper than \(Self.depthMax)")
        }
        self.blanks(line)
        switch self.peek(line) {
        case UInt8(ascii: "{"), UInt8(ascii: "["): try self.skipNested(line, depth: depth)
        case UInt8(ascii: "\""): self.text.removeLast(try self.string("a text", line).count)
        case UInt8(ascii: "t"): try self.word("true", line)
        case UInt8(ascii: "f"): try self.word("false", line)
        case UInt8(ascii: "n"): try self.word("null", line)
        default: try self.skipNumber(line)
        }
    }

    private mutating func skipNested(
        _ line: UnsafeRawBufferPointer,
        depth: Int
    ) throws(LineError) {
        let isObject = self.peek(line) == UInt8(ascii: "{")
        let end = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        self.at += 1
        self.blanks(line)
        if self.peek(line) == end {
            self.at += 1
            return
        }
        repeat {
            if isObject {
                self.text.removeLast(try self.string("a field's name", line).count)
                try self.expect(UInt8(ascii: ":"), "\":\"", line)
            }
            try self.skip(line, depth: depth + 1)
        } while try self.continues(end, line)
    }

    /// A number of any form: sign, digits, fraction, exponent.
    private mutating func skipNumber(_ line: UnsafeRawBufferPointer) throws(LineError) {
        if self.peek(line) == UInt8(ascii: "-") { self.at += 1 }
        let start = self.at
        let whole = self.digits(line)
        guard whole > 0 else { throw self.unexpected("a value", line) }
        guard whole == 1 || line[start] != 0x30 else {
            throw LineError("a number starts with a zero")
        }
        if self.peek(line) == UInt8(ascii: ".") {
            self.at += 1
            guard self.digits(line) > 0 else { throw self.unexpected("a digit", line) }
        }
        if let byte = self.peek(line), byte | 0x20 == UInt8(ascii: "e") {
            self.at += 1
            if let sign = self.peek(line), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
                self.at += 1
            }
            guard self.digits(line) > 0 else { throw self.unexpected("a digit", line) }
        }
    }

    private mutating func digits(_ line: UnsafeRawBufferPointer) -> Int {
        let start = self.at
        while let byte = self.peek(line), byte >= 0x30, byte <= 0x39 { self.at += 1 }
        return self.at - start
    }

    private func unexpected(_ what: String, _ line: UnsafeRawBufferPointer) -> LineError {
        LineError("expected \(what) at byte \(self.at + 1), found \(self.found(line))")
    }

    private func found(_ line: UnsafeRawBufferPointer) -> String {
        guard let byte = self.peek(line) else { return "the end of the line" }
        guard byte > 0x20, byte < 0x7F else { return "byte \(byte)" }
        return "\"\(Character(Unicode.Scalar(byte)))\""
    }
}
