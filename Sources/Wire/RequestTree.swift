import NodeCore

/// Members of a request in tree form, with the types that the service expects; for the operations
/// on tables, which are rare.
struct RequestTree {
    private let value: JSONValue

    /// Takes an object; anything else is the wrong type.
    init(_ value: JSONValue, as shape: JSONExpectation) throws(ServiceError) {
        guard case .object = value else { throw Self.mismatch(shape, value) }
        self.value = value
    }

    private static func mismatch(_ expected: JSONExpectation, _ value: JSONValue) -> ServiceError {
        switch value {
        case .null: JSONMismatch.error(expected, .null)
        case .bool(let value): JSONMismatch.error(expected, value ? .isTrue : .isFalse)
        case .string: JSONMismatch.error(expected, .string)
        case .array: JSONMismatch.error(expected, .array)
        case .object: JSONMismatch.error(expected, .object)
        case .number(let text):
            JSONMismatch.error(
                expected,
                text.utf8.contains { $0 | 0x20 == UInt8(ascii: "e") || $0 == UInt8(ascii: ".") }
                    ? .decimal : .integer
            )
        }
    }

    /// A member that is there and not null.
    private func member(_ name: String) -> JSONValue? {
        guard let member = self.value[name], member != .null else { return nil }
        return member
    }

    func has(_ name: String) -> Bool { self.member(name) != nil }

    func string(_ name: String) throws(ServiceError) -> String? {
        guard let member = self.member(name) else { return nil }
        guard let text = member.string else { throw Self.mismatch(.string, member) }
        return text
    }

    func bool(_ name: String) throws(ServiceError) -> Bool? {
        guard let member = self.member(name) else { return nil }
        guard let value = member.bool else { throw Self.mismatch(.boolean, member) }
        return value
    }

    /// A whole number of the model's type `long` or `integer`; a fraction is cut off.
    func integer(
        _ name: String,
        as type: JSONExpectation = .long
    ) throws(ServiceError) -> Int? {
        guard let member = self.member(name) else { return nil }
        guard let text = member.numberText else { throw Self.mismatch(type, member) }
        return RequestNumber.floor(Array(text.utf8))
    }

    func structure(
        _ name: String,
        _ shape: String
    ) throws(ServiceError) -> RequestTree? {
        guard let member = self.member(name) else { return nil }
        return try RequestTree(member, as: .fieldStructure(shape))
    }

    /// A list of strings.
    func strings(_ name: String) throws(ServiceError) -> [String]? {
        guard let member = self.member(name) else { return nil }
        guard let elements = member.array else { throw Self.mismatch(.list, member) }
        var strings: [String] = []
        for element in elements {
            guard let text = element.string else { throw Self.mismatch(.string, element) }
            strings.append(text)
        }
        return strings
    }

    /// A list of structures.
    func structures(
        _ name: String,
        _ shape: String
    ) throws(ServiceError) -> [RequestTree]? {
        guard let member = self.member(name) else { return nil }
        guard let elements = member.array else { throw Self.mismatch(.list, member) }
        var trees: [RequestTree] = []
        for element in elements {
            trees.append(try RequestTree(element, as: .valueStructure(shape)))
        }
        return trees
    }
}

extension OperationDecoder {
    /// Reads a whole body as a tree.
    static func tree(
        _ reader: inout RequestReader,
        _ name: OperationName
    ) throws(ServiceError) -> RequestTree {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(reading: &reader.json)
            try reader.json.finish()
        } catch {
            throw ServiceError(error)
        }
        return try RequestTree(value, as: .valueStructure(name.rawValue + "Input"))
    }
}
