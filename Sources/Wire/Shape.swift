import NodeCore

/// A type of the service's model: what JSON it takes, and what values.
///
/// The service looks at a request in two rounds before any rule of its own: types first, which end
/// in a SerializationException, then the model's constraints, of which it tells all it finds.
/// Requests on tables are checked against their ``RequestShapes``; those on items, which are many,
/// are read without a tree, and say the same in ``ItemParameters``.
indirect enum Shape: Sendable {
    case text(TextRule)
    /// The names in the service's order.
    case choice([String])
    case boolean
    case integer(ClosedRange<Int>)
    case long(ClosedRange<Int>)
    case list(Shape, ClosedRange<Int>)
    case structure(String, [ShapeMember])
    /// Part of what this version refuses altogether.
    case anything

    /// What the model asks of a string.
    struct TextRule: Sendable {
        var length: ClosedRange<Int>
        var isName = false

        static let any = TextRule(length: 0...Int.max)
        static let name = TextRule(length: 3...255, isName: true)
    }

    static let string = Shape.text(.any)
    static let name = Shape.text(.name)
    static let region = Shape.string
    static let units = Shape.long(1...Int.max)

    static func string(_ length: ClosedRange<Int>) -> Shape { .text(TextRule(length: length)) }

    /// A list of any length.
    static func list(_ element: Shape) -> Shape { .list(element, 0...Int.max) }
}

/// A member of a structure, in the order in which the service tells of several mistakes.
struct ShapeMember: Sendable {
    let name: String
    let shape: Shape
    let isRequired: Bool

    init(_ name: String, _ shape: Shape, isRequired: Bool = false) {
        self.name = name
        self.shape = shape
        self.isRequired = isRequired
    }

    static func required(_ name: String, _ shape: Shape) -> ShapeMember {
        ShapeMember(name, shape, isRequired: true)
    }

    /// The member's name in messages: its first letter in lower case.
    var path: String { self.name.prefix(1).lowercased() + self.name.dropFirst() }
}

// MARK: Types

extension Shape {
    /// Where a value stands; the service's words for a wrong type depend on it.
    enum Place {
        /// A whole request or a list's element.
        case element
        case member
    }

    /// Refuses JSON that is not of this type; null is the absence of a member.
    func checkTypes(_ value: JSONValue, _ place: Place) throws(ServiceError) {
        switch self {
        case .anything: return
        case .text, .choice:
            guard value.string == nil else { return }
            throw Self.mismatch(.string, value)
        case .boolean:
            guard value.bool == nil else { return }
            throw Self.mismatch(.boolean, value)
        case .integer:
            guard value.numberText == nil else { return }
            throw Self.mismatch(.integer, value)
        case .long:
            guard value.numberText == nil else { return }
            throw Self.mismatch(.long, value)
        case .list(let element, _):
            guard let elements = value.array else { throw Self.mismatch(.list, value) }
            for value in elements { try element.checkTypes(value, .element) }
        case .structure(let name, let members):
            guard let values = value.members else {
                let expected: JSONExpectation =
                    switch place {
                    case .element: .valueStructure(name)
                    case .member: .fieldStructure(name)
                    }
                throw Self.mismatch(expected, value)
            }
            for value in values where value.value != .null {
                guard let member = members.first(where: { $0.name == value.name }) else {
                    continue
                }
                try member.shape.checkTypes(value.value, .member)
            }
        }
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
}

// MARK: Constraints

extension Shape {
    /// Notes what a value of the right type violates.
    func check(_ value: JSONValue, at path: String, _ constraints: inout Constraints) {
        switch self {
        case .anything, .boolean: return
        case .text(let rule):
            guard let text = value.string else { return }
            if rule.isName, !Constraints.isName(text) {
                constraints.violate(
                    text,
                    at: path,
                    "Member must satisfy regular expression pattern: " + Constraints.namePattern
                )
            }
            constraints.length(of: text, in: rule.length, at: path)
        case .choice(let names):
            guard let text = value.string, !names.contains(text) else { return }
            constraints.violate(
                text,
                at: path,
                "Member must satisfy enum value set: [\(names.joined(separator: ", "))]"
            )
        case .integer(let range), .long(let range):
            let number = value.numberText.map { RequestNumber.floor(Array($0.utf8)) }
            constraints.value(number, in: range, at: path)
        case .list(let element, let counts):
            guard let elements = value.array else { return }
            if elements.count < counts.lowerBound {
                constraints.violate(
                    self.shown(value),
                    at: path,
                    Constraints.lengthAtLeast + String(counts.lowerBound)
                )
            }
            if elements.count > counts.upperBound {
                constraints.violate(
                    self.shown(value),
                    at: path,
                    Constraints.lengthAtMost + String(counts.upperBound)
                )
            }
            for (index, value) in elements.enumerated() {
                element.check(value, at: "\(path).\(index + 1).member", &constraints)
            }
        case .structure(_, let members):
            for member in members {
                let place = path.isEmpty ? member.path : path + "." + member.path
                let present = value[member.name].flatMap { $0 == .null ? nil : $0 }
                if member.isRequired { constraints.notNull(present != nil, at: place) }
                if let present { member.shape.check(present, at: place, &constraints) }
            }
        }
    }

    /// A value as the service's messages show it.
    private func shown(_ value: JSONValue) -> String {
        switch self {
        case .text, .choice: return value.string ?? "null"
        case .boolean: return value.bool.map { String($0) } ?? "null"
        case .integer, .long: return value.numberText ?? "null"
        case .anything: return "…"
        case .list(let element, _):
            let elements = (value.array ?? []).map { element.shown($0) }
            return "[\(elements.joined(separator: ", "))]"
        case .structure(let name, let members):
            let parts = members.map { member in
                member.path + "=" + (value[member.name].map { member.shape.shown($0) } ?? "null")
            }
            return "\(name)(\(parts.joined(separator: ", ")))"
        }
    }
}
