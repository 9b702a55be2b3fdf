import DataModel
import NodeCore

/// Reads attributes from DynamoDB's JSON straight into packed form.
///
/// The service checks the types of a whole request before any rule about its values, and so does
/// this: a wrong type is thrown at once, while a broken rule is noted in ``problem`` and the rest
/// is still read, without being written.
struct AttributeReader {
    /// The first rule that a value breaks: a ValidationException.
    private(set) var problem: AttributeProblem?
    private var writer: ValueWriter
    private let style: ValidationStyle
    /// The rest of what is read is checked, but not kept.
    private var isMuted = false

    init(reserving capacity: Int = 0, _ style: ValidationStyle) {
        self.writer = ValueWriter(reserving: capacity)
        self.style = style
    }

    static let emptyValue =
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    static let severalTypes =
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
        + "supported datatypes"
    static let invalid = "One or more parameter values were invalid: "
    static let mapOfValues = JSONExpectation.map(
        of: "com.amazonaws.dynamodb.v20120810.AttributeValue"
    )

    private mutating func fail(_ problem: String, _ layer: AttributeProblem.Layer = .content) {
        if self.problem == nil { self.problem = AttributeProblem(text: problem, layer: layer) }
        self.isMuted = true
    }

    /// Reads a map of attributes; nil once there is a problem.
    mutating func item(_ reader: inout RequestReader) throws(ServiceError) -> Item? {
        if !self.isMuted { self.writer.beginItem() }
        try reader.beginObject(Self.mapOfValues)
        try self.entries(&reader)
        guard !self.isMuted else { return nil }
        do throws(ValueError) {
            return try self.writer.endItem()
        } catch {
            throw reader.duplicate()
        }
    }

    /// Reads one value in tree form, which stands as a structure's member or as an element; nil
    /// once there is a problem.
    mutating func value(
        _ reader: inout RequestReader,
        isMember: Bool = false
    ) throws(ServiceError) -> AttributeValue? {
        try self.attribute(&reader, isMember: isMember)
        return self.isMuted ? nil : self.writer.finishValue().unpacked()
    }

    /// Forgets a problem, for the next value.
    mutating func clear() {
        self.problem = nil
        self.isMuted = false
        self.writer.reset()
    }

    private mutating func entries(_ reader: inout RequestReader) throws(ServiceError) {
        while let name = try reader.nextName() {
            if name.range.isEmpty {
                self.fail(Self.invalid + "Attribute names must not be empty")
            } else if name.range.count > ItemLimits.attributeNameBytesMax {
                self.fail(
                    Self.invalid + "Attribute name is too long, must be less than 65536 bytes"
                )
            }
            if !self.isMuted {
                reader.json.withBytes(of: name) { self.writer.name($0) }
            }
            try self.attribute(&reader)
        }
    }

    /// Reads `{"S": "text"}` and its like.
    private mutating func attribute(
        _ reader: inout RequestReader,
        isMember: Bool = false
    ) throws(ServiceError) {
        var seen: UInt16 = 0
        if let letter = try reader.beginTagged() {
            if let type = Self.type(letter) {
                seen = 1 << UInt16(type.rawValue)
                try self.payload(type, &reader)
            } else {
                try reader.skip()
            }
            if seen != 0, reader.json.endTagged() { return }
        } else {
            guard try reader.isPresent() else { return self.fail(Self.emptyValue, .shape) }
            try reader.beginObject(
                isMember ? .fieldStructure("AttributeValue") : .valueStructure("AttributeValue")
            )
        }
        try self.members(&reader, &seen)
    }

    /// Reads the members of an attribute of which some may have been read.
    private mutating func members(
        _ reader: inout RequestReader,
        _ seen: inout UInt16
    ) throws(ServiceError) {
        while let code = try reader.nextName() {
            guard let type = self.type(code, reader) else {
                try reader.skip()
                continue
            }
            let bit: UInt16 = 1 << UInt16(type.rawValue)
            guard seen & bit == 0 else { throw reader.duplicate() }
            guard try reader.isPresent() else { continue }
            // The second value's own problems are told before there being two.
            if seen != 0 { self.isMuted = true }
            seen |= bit
            try self.payload(type, &reader)
        }
        if seen == 0 { return self.fail(Self.emptyValue, .shape) }
        if seen.nonzeroBitCount > 1 { self.fail(Self.severalTypes, .shape) }
    }

    private static func type(_ letter: UInt8) -> AttributeType? {
        switch letter {
        case UInt8(ascii: "S"): .string
        case UInt8(ascii: "N"): .number
        case UInt8(ascii: "B"): .binary
        case UInt8(ascii: "L"): .list
        case UInt8(ascii: "M"): .map
        default: nil
        }
    }

    private func type(_ code: JSONText, _ reader: RequestReader) -> AttributeType? {
        reader.json.withBytes(of: code) { bytes in
            switch bytes.count {
            case 1: Self.type(bytes[0])
            case 2 where bytes[1] == UInt8(ascii: "S"):
                switch bytes[0] {
                case UInt8(ascii: "S"): .stringSet
                case UInt8(ascii: "N"): .numberSet
                case UInt8(ascii: "B"): .binarySet
                default: nil
                }
            case 4: AttributeType(code: Array(bytes))
            default: nil
            }
        }
    }

    private mutating func payload(
        _ type: AttributeType,
        _ reader: inout RequestReader
    ) throws(ServiceError) {
        switch type {
        case .string:
            let text = try reader.text()
            if !self.isMuted {
                reader.json.withBytes(of: text) { self.writer.string($0) }
            }
        case .number:
            let text = try reader.text()
            if let number = self.number(text, reader), !self.isMuted {
                self.writer.number(number)
            }
        case .binary:
            let bytes = try self.blob(&reader)
            if !self.isMuted { self.writer.binary(bytes) }
        case .bool:
            let value = try reader.bool()
            if !self.isMuted { self.writer.bool(value) }
        case .null:
            if try reader.bool() {
                if !self.isMuted { self.writer.null() }
            } else {
                self.fail(
                    Self.invalid + "Null attribute value types must have the value of true"
                )
            }
        case .list: try self.list(&reader)
        case .map: try self.map(&reader)
        case .stringSet, .numberSet, .binarySet: try self.set(type, &reader)
        }
    }

    private mutating func number(_ text: JSONText, _ reader: RequestReader) -> DecimalNumber? {
        let result = reader.json.withBytes(of: text) {
            bytes -> Result<DecimalNumber, NumberError> in
            do throws(NumberError) {
                return .success(try DecimalNumber(text: bytes))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let number): return number
        case .failure(let error):
            var message = error.message
            if error == .malformed, self.style == .counted || !text.range.isEmpty {
                message += ": " + reader.json.string(of: text)
            }
            self.fail(message)
            return nil
        }
    }

    private func blob(_ reader: inout RequestReader) throws(ServiceError) -> [UInt8] {
        let text = try reader.text(.blob)
        let result = reader.json.withBytes(of: text) { bytes -> Result<[UInt8], Base64Error> in
            do throws(Base64Error) {
                return .success(try Base64.decode(bytes))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let bytes): return bytes
        case .failure(.badLength(let count)):
            throw ServiceError(
                .serialization,
                "Base64 encoded length is expected a multiple of 4 bytes but found: \(count)"
            )
        case .failure(.badByte(let byte)):
            throw ServiceError(
                .serialization,
                "Invalid Base64 character: '\(Character(Unicode.Scalar(byte)))'"
            )
        case .failure(.badEnding):
            throw ServiceError(
                .serialization,
                "Invalid last non-pad Base64 character dectected"
            )
        }
    }

    // MARK: Containers

    private mutating func list(_ reader: inout RequestReader) throws(ServiceError) {
        try reader.beginArray(.list)
        self.open { writer throws(ValueError) in try writer.beginList() }
        while try reader.nextElement() { try self.attribute(&reader) }
        if !self.isMuted { self.writer.endList() }
    }

    private mutating func map(_ reader: inout RequestReader) throws(ServiceError) {
        try reader.beginObject(Self.mapOfValues)
        self.open { writer throws(ValueError) in try writer.beginMap() }
        try self.entries(&reader)
        guard !self.isMuted else { return }
        do throws(ValueError) {
            try self.writer.endMap()
        } catch {
            throw reader.duplicate()
        }
    }

    private mutating func open(_ body: (inout ValueWriter) throws(ValueError) -> Void) {
        guard !self.isMuted else { return }
        do throws(ValueError) {
            try body(&self.writer)
        } catch {
            self.fail(
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
                    + "levels beyond supported limit",
                .nesting
            )
        }
    }

    private mutating func set(
        _ type: AttributeType,
        _ reader: inout RequestReader
    ) throws(ServiceError) {
        let start = reader.json.offset
        try reader.beginArray(.list)
        if !self.isMuted { self.writer.beginSet(type) }
        while try reader.nextElement() {
            if try reader.isPresent() {
                try self.member(type, &reader)
            } else {
                self.fail(Self.invalid + "A set may not have a null member")
            }
        }
        guard !self.isMuted else { return }
        do throws(ValueError) {
            try self.writer.endSet()
        } catch {
            self.fail(self.setProblem(error, type, start, reader))
        }
    }

    private mutating func member(
        _ type: AttributeType,
        _ reader: inout RequestReader
    ) throws(ServiceError) {
        switch type {
        case .numberSet:
            let text = try reader.text()
            if let number = self.number(text, reader), !self.isMuted {
                self.writer.member(number)
            }
        case .binarySet:
            let bytes = try self.blob(&reader)
            if !self.isMuted { self.writer.member(bytes) }
        case .stringSet, .string, .number, .binary, .bool, .null, .list, .map:
            let text = try reader.text()
            if !self.isMuted {
                reader.json.withBytes(of: text) { self.writer.member($0) }
            }
        }
    }

    /// The service's words for a set that is empty or has equal members; each type has its own.
    ///
    /// The set starts at `start`: its members are read again, because they are shown as sent.
    private func setProblem(
        _ error: ValueError,
        _ type: AttributeType,
        _ start: Int,
        _ reader: RequestReader
    ) -> String {
        guard case .duplicateMember = error else {
            return switch type {
            case .stringSet: Self.invalid + "An string set  may not be empty"
            case .numberSet: Self.invalid + "An number set  may not be empty"
            case .binarySet, .string, .number, .binary, .bool, .null, .list, .map:
                Self.invalid + "Binary sets should not be empty"
            }
        }
        guard type != .numberSet else { return "Input collection contains duplicates" }
        var members = reader.json.strings(at: start)
        if self.style == .counted, type == .stringSet { members = members.map { "\"\($0)\"" } }
        let collection = Self.invalid + "Input collection [\(members.joined(separator: ", "))]"
        return collection
            + (type == .binarySet ? "of type BS contains duplicates." : " contains duplicates.")
    }
}
