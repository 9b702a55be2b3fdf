/// The ten types an attribute's value can have, in the order of their packed tags.
package enum AttributeType: UInt8, CaseIterable, Sendable {
    case null
    case bool
    case number
    case string
    case binary
    case list
    case map
    case stringSet
    case numberSet
    case binarySet

    /// The type's name in DynamoDB's JSON, which `attribute_type` also takes.
    package var code: String {
        switch self {
        case .null: "NULL"
        case .bool: "BOOL"
        case .number: "N"
        case .string: "S"
        case .binary: "B"
        case .list: "L"
        case .map: "M"
        case .stringSet: "SS"
        case .numberSet: "NS"
        case .binarySet: "BS"
        }
    }

    /// The type that DynamoDB's JSON calls `code`, or nil when there is none.
    package init?(code: [UInt8]) {
        guard let type = Self.allCases.first(where: { $0.code.utf8.elementsEqual(code) }) else {
            return nil
        }
        self = type
    }

    package var isSet: Bool { self.rawValue >= Self.stringSet.rawValue }

    /// The type of a set's members, or nil for the other types.
    package var memberType: AttributeType? {
        switch self {
        case .stringSet: .string
        case .numberSet: .number
        case .binarySet: .binary
        case .null, .bool, .number, .string, .binary, .list, .map: nil
        }
    }
}
