import Expressions
import NodeCore

/// Collects what a request's members violate of the service's model, and tells all of it at once:
/// `2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: …; …`.
struct Constraints {
    private var violations: [String] = []

    static let namePattern = "[a-zA-Z0-9_.-]+"
    /// The service lists no more.
    private static let violationsMax = 10

    static let lengthAtLeast = "Member must have length greater than or equal to "
    static let lengthAtMost = "Member must have length less than or equal to "
    static let valueAtLeast = "Member must have value greater than or equal to "
    static let valueAtMost = "Member must have value less than or equal to "

    /// Notes that `value` at `path` breaks a rule; nil is shown as `null`.
    mutating func violate(_ value: String?, at path: String, _ rule: String) {
        let shown = value.map { "'\($0)'" } ?? "null"
        self.note("Value \(shown) at '\(path)' failed to satisfy constraint: \(rule)")
    }

    /// Notes that a member breaks a rule, as the newer of the service's front ends says it: with
    /// the member's own name, and without its value.
    mutating func violate(hidden member: String, _ rule: String) {
        self.note("Value at '\(member)' failed to satisfy constraint: \(rule)")
    }

    private mutating func note(_ text: String) {
        guard self.violations.count < Self.violationsMax else { return }
        self.violations.append(text)
    }

    /// Refuses an empty name of a table, before anything else is looked at.
    static func checkTableLength(_ name: String?) throws(ServiceError) {
        guard name?.isEmpty == true else { return }
        var constraints = Constraints()
        constraints.violate(hidden: "TableName", self.lengthAtLeast + "1")
        try constraints.check()
    }

    /// Translates an enumeration's value; a bad one is told of in the given words.
    mutating func told<Choice: Sendable>(
        _ value: String?,
        of table: ChoiceTable<Choice>,
        _ message: String
    ) -> Choice? {
        guard let value else { return nil }
        if let match = table.choices.first(where: { $0.0 == value }) { return match.1 }
        self.note(message)
        return nil
    }

    mutating func notNull(_ isPresent: Bool, at path: String) {
        if !isPresent { self.violate(nil, at: path, "Member must not be null") }
    }

    /// The name of a table or index.
    mutating func name(_ name: String?, at path: String) {
        guard let name else { return }
        let isName = Self.isName(name)
        // A good name has a byte for each character, so that almost none needs counting.
        if isName, 3...255 ~= name.utf8.count { return }
        if !isName {
            self.violate(
                name,
                at: path,
                "Member must satisfy regular expression pattern: " + Self.namePattern
            )
        }
        self.length(of: name, in: 3...255, at: path)
    }

    mutating func length(of text: String, in range: ClosedRange<Int>, at path: String) {
        let count = text.unicodeScalars.count
        if count < range.lowerBound {
            self.violate(text, at: path, Self.lengthAtLeast + String(range.lowerBound))
        }
        if count > range.upperBound {
            self.violate(text, at: path, Self.lengthAtMost + String(range.upperBound))
        }
    }

    mutating func value(_ value: Int?, in range: ClosedRange<Int>, at path: String) {
        guard let value else { return }
        if value < range.lowerBound {
            self.violate(String(value), at: path, Self.valueAtLeast + String(range.lowerBound))
        }
        if value > range.upperBound {
            self.violate(String(value), at: path, Self.valueAtMost + String(range.upperBound))
        }
    }

    /// Translates an enumeration's value; nil when it is absent or not in the table.
    mutating func choice<Choice: Sendable>(
        _ value: String?,
        of table: ChoiceTable<Choice>,
        at path: String
    ) -> Choice? {
        guard let value else { return nil }
        if let match = table.choices.first(where: { $0.0 == value }) { return match.1 }
        let names = table.choices.map(\.0).joined(separator: ", ")
        self.violate(value, at: path, "Member must satisfy enum value set: [\(names)]")
        return nil
    }

    func check() throws(ServiceError) {
        guard !self.violations.isEmpty else { return }
        let count = self.violations.count
        throw .validation(
            "\(count) validation error\(count == 1 ? "" : "s") detected: "
                + self.violations.joined(separator: "; ")
        )
    }

    /// Whether a name has the service's alphabet.
    static func isName(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "-"):
                    continue
                default: return false
                }
            }
            return !bytes.isEmpty
        }
    }
}

/// An enumeration's names in the order in which the service lists them.
struct ChoiceTable<Choice: Sendable>: Sendable {
    let choices: [(String, Choice)]

    init(_ choices: [(String, Choice)]) { self.choices = choices }
}

extension ChoiceTable where Choice: Equatable {
    /// The name of a choice.
    func name(of choice: Choice) -> String {
        guard let match = self.choices.first(where: { $0.1 == choice }) else {
            preconditionFailure("a choice without a name: \(choice)")
        }
        return match.0
    }
}

/// The enumerations of requests and responses.
enum Choices {
    static let returnValues = ChoiceTable<ReturnValues>([
        ("ALL_NEW", .allNew), ("UPDATED_OLD", .updatedOld), ("ALL_OLD", .allOld),
        ("NONE", .none), ("UPDATED_NEW", .updatedNew),
    ])
    static let onConditionFailure = ChoiceTable<Bool>([("ALL_OLD", true), ("NONE", false)])
    static let consumedCapacity = ChoiceTable<ReturnConsumedCapacity>([
        ("INDEXES", .indexes), ("TOTAL", .total), ("NONE", .none),
    ])
    static let collectionMetrics = ChoiceTable<Bool>([("SIZE", true), ("NONE", false)])
    static let select = ChoiceTable<Select>([
        ("SPECIFIC_ATTRIBUTES", .specificAttributes), ("COUNT", .count),
        ("ALL_ATTRIBUTES", .allAttributes),
        ("ALL_PROJECTED_ATTRIBUTES", .allProjectedAttributes),
    ])
    static let conditionalOperator = ChoiceTable<Bool>([("OR", true), ("AND", false)])
    static let comparison = ChoiceTable<LegacyOperator>(
        LegacyOperator.allCases.map { ($0.name, $0) }
    )
    static let updateAction = ChoiceTable<LegacyUpdate.Action>([
        ("ADD", .add), ("PUT", .put), ("DELETE", .delete),
    ])
    static let billingMode = ChoiceTable<BillingMode>([
        ("PROVISIONED", .provisioned), ("PAY_PER_REQUEST", .payPerRequest),
    ])
    static let tableClass = ChoiceTable<TableClass>([
        ("STANDARD", .standard), ("STANDARD_INFREQUENT_ACCESS", .standardInfrequentAccess),
    ])
    static let streamView = ChoiceTable<StreamView>([
        ("NEW_IMAGE", .newImage), ("OLD_IMAGE", .oldImage),
        ("NEW_AND_OLD_IMAGES", .newAndOldImages), ("KEYS_ONLY", .keysOnly),
    ])
}
