/// A JSON value as a tree, for control endpoints, the CLI and the gateway; the data path reads and
/// writes without one.
///
/// Objects keep the order of their members. Numbers keep their text, so nothing is rounded.
package enum JSONValue: Equatable, Sendable {
    /// One member of an object.
    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    case null
    case bool(Bool)
    /// The number's text.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    package static func integer(_ value: some BinaryInteger) -> JSONValue {
        .number(String(value))
    }

    /// The value of an object's member; nil when absent or when this is no object.
    ///
    /// Setting nil removes the member; setting a member of another value than an object does
    /// nothing.
    package subscript(name: String) -> JSONValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.name == name }?.value
        }
        set {
            guard case .object(var members) = self else { return }
            let index = members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name, value))
            case (nil, nil): break
            }
            self = .object(members)
        }
    }

    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    package var members: [Member]? {
        if case .object(let value) = self { value } else { nil }
    }

    package var numberText: String? {
        if case .number(let text) = self { text } else { nil }
    }

    /// A number without fraction or exponent that fits.
    package var int: Int? { self.numberText.flatMap { Int($0) } }

    /// A number without fraction, exponent or sign that fits.
    package var uint64: UInt64? { self.numberText.flatMap { UInt64($0) } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}

extension JSONValue {
    /// Reads a whole text.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        try self.init(parsing: bytes, in: 0..<bytes.count)
    }

    package init(parsing bytes: [UInt8], in range: Range<Int>) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> JSONValue in
            var reader = JSONReader(UnsafeBufferPointer(rebasing: buffer[range]))
            let value = try JSONValue(reading: &reader)
            try reader.finish()
            return value
        }
    }

    init(reading reader: inout JSONReader) throws(JSONError) {
        switch try reader.kind() {
        case .null:
            try reader.null()
            self = .null
        case .isTrue:
            try reader.isTrue()
            self = .bool(true)
        case .isFalse:
            try reader.isFalse()
            self = .bool(false)
        case .number:
            let range = try reader.number().range
            self = .number(String(decoding: reader.bytes(of: range), as: UTF8.self))
        case .string:
            let text = try reader.string()
            self = .string(reader.string(of: text))
        case .array:
            var elements: [JSONValue] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try JSONValue(reading: &reader)) }
            self = .array(elements)
        case .object:
            let start = reader.offset
            var members: [Member] = []
            try reader.beginObject()
            while let name = try reader.nextName() {
                members.append(
                    Member(reader.string(of: name), try JSONValue(reading: &reader))
                )
            }
            guard !Self.hasDuplicate(members) else { throw JSONError(.duplicateName, at: start) }
            self = .object(members)
        }
    }

    /// Names are compared as bytes: strings that differ only in composition are different names.
    private static func hasDuplicate(_ members: [Member]) -> Bool {
        guard members.count > 1 else { return false }
        let names = members.map { Array($0.name.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        return zip(names, names.dropFirst()).contains { $0 == $1 }
    }
}

extension JSONValue {
    /// The value's text, on one line.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        self.write(to: &writer)
        return writer.bytes
    }

    private func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let text): writer.number(text)
        case .string(let text): writer.string(text)
        case .array(let elements):
            writer.beginArray()
            for element in elements { element.write(to: &writer) }
            writer.endArray()
        case .object(let members):
            writer.beginObject()
            for member in members {
                writer.name(member.name)
                member.value.write(to: &writer)
            }
            writer.endObject()
        }
    }

    /// The value's text with a line for each member, for people; ends without a line break.
    package func pretty() -> String {
        var out: [UInt8] = []
        self.writePretty(indent: 0, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    private func writePretty(indent: Int, to out: inout [UInt8]) {
        switch self {
        case .array(let elements) where !elements.isEmpty:
            Self.lines(elements.count, "[", "]", indent, &out) { index, out in
                elements[index].writePretty(indent: indent + 2, to: &out)
            }
        case .object(let members) where !members.isEmpty:
            Self.lines(members.count, "{", "}", indent, &out) { index, out in
                out.append(contentsOf: JSONValue.string(members[index].name).serialized())
                out.append(contentsOf: ": ".utf8)
                members[index].value.writePretty(indent: indent + 2, to: &out)
            }
        case .null, .bool, .number, .string, .array, .object:
            out.append(contentsOf: self.serialized())
        }
    }

    private static func lines(
        _ count: Int,
        _ open: String,
        _ close: String,
        _ indent: Int,
        _ out: inout [UInt8],
        _ write: (Int, inout [UInt8]) -> Void
    ) {
        out.append(contentsOf: open.utf8)
        for index in 0..<count {
            out.append(contentsOf: index == 0 ? "\n".utf8 : ",\n".utf8)
            out.append(contentsOf: repeatElement(0x20, count: indent + 2))
            write(index, &out)
        }
        out.append(0x0A)
        out.append(contentsOf: repeatElement(0x20, count: indent))
        out.append(contentsOf: close.utf8)
    }
}
