import NodeCore

/// What a member of a request must be, in the service's own types.
enum JSONExpectation: Sendable {
    case string
    case boolean
    case integer
    case long
    case blob
    case list
    /// A map to values of this Java class.
    case map(of: String)
    /// A structure that is a list's element or a map's value.
    case valueStructure(String)
    /// A structure that is a member of another.
    case fieldStructure(String)
}

/// What stands there instead.
enum JSONFound: Equatable, Sendable {
    case isTrue, isFalse, null, string, integer, decimal, array, object
}

/// The texts of SerializationException when a member has the wrong type.
///
/// As the service spells them; source: the tests of dynalite, which were run against it.
enum JSONMismatch {
    static let namespace = "com.amazonaws.dynamodb.v20120810."

    static func error(_ expected: JSONExpectation, _ found: JSONFound) -> ServiceError {
        ServiceError(.serialization, self.text(expected, found))
    }

    private static func text(_ expected: JSONExpectation, _ found: JSONFound) -> String {
        switch expected {
        case .string: self.scalar("String", "java.lang.String", found)
        case .integer: self.scalar("Integer", "java.lang.Integer", found)
        case .long: self.scalar("Long", "java.lang.Long", found)
        case .boolean:
            found == .string
                ? "Unexpected token received from parser"
                : self.scalar("Boolean", "java.lang.Boolean", found)
        case .blob:
            switch found {
            case .array: "Unrecognized collection type class java.nio.ByteBuffer"
            case .object: self.structureFound
            case .isTrue, .isFalse, .null, .string, .integer, .decimal:
                "only base-64-encoded strings are convertible to bytes"
            }
        case .list: found == .object ? self.structureFound : "Unexpected field type"
        case .map(let element):
            found == .array
                ? "Unrecognized collection type java.util.Map<java.lang.String, \(element)>"
                : "Unexpected field type"
        case .valueStructure(let name):
            found == .array
                ? "Unrecognized collection type class \(self.namespace)\(name)"
                : "Unexpected value type in payload"
        case .fieldStructure(let name):
            found == .array
                ? "Unrecognized collection type class \(self.namespace)\(name)"
                : "Unexpected field type"
        }
    }

    private static let structureFound = "Start of structure or map found where not expected"

    private static func scalar(
        _ name: String,
        _ javaClass: String,
        _ found: JSONFound
    ) -> String {
        switch found {
        case .isTrue: "TRUE_VALUE cannot be converted to \(name)"
        case .isFalse: "FALSE_VALUE cannot be converted to \(name)"
        case .integer: "NUMBER_VALUE cannot be converted to \(name)"
        case .decimal: "DECIMAL_VALUE cannot be converted to \(name)"
        case .string: "STRING_VALUE cannot be converted to \(name)"
        case .null: "NULL_VALUE cannot be converted to \(name)"
        case .array: "Unrecognized collection type class \(javaClass)"
        case .object: self.structureFound
        }
    }
}

extension ServiceError {
    /// The answer to a body that is not JSON.
    init(_ error: JSONError) {
        let what =
            switch error.reason {
            case .unexpectedEnd: "the text ends too early"
            case .unexpectedByte: "unexpected character"
            case .badEscape: "bad escape"
            case .badUTF8: "bad UTF-8"
            case .badNumber: "bad number"
            case .tooDeep: "too deep"
            case .duplicateName: "an object has a member twice"
            case .trailingBytes: "something follows the value"
            }
        self.init(.serialization, "Invalid JSON at byte \(error.offset): \(what)")
    }
}
