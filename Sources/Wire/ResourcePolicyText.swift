import NodeCore

/// A resource policy as text: kept and shown, not enforced.
enum ResourcePolicyText {
    /// Refuses what the service could not parse; the text without blanks between its tokens, as
    /// the service gives it back.
    static func checked(_ text: String) throws(ServiceError) -> String {
        guard text.utf8.count <= NodeLimits.policyBytesMax else {
            throw .validation(
                AttributeReader.invalid
                    + "Maximum policy size of \(NodeLimits.policyBytesMax) bytes exceeded"
            )
        }
        guard let policy = try? JSONValue(parsing: Array(text.utf8)) else {
            throw self.invalid("This policy contains invalid Json")
        }
        switch policy {
        case .null: throw self.invalid("This text appears not to be a policy")
        case .object: break
        case .bool, .number, .string, .array:
            throw self.invalid("This policy contains invalid Json")
        }
        guard policy.members?.isEmpty == false else {
            throw self.invalid("Syntax error at position (1,3)")
        }
        let statements: [JSONValue]
        switch policy["Statement"] {
        case .array(let list)?: statements = list
        case .object(let members)?: statements = [.object(members)]
        case .null?, .bool?, .number?, .string?, nil: statements = []
        }
        guard !statements.isEmpty else {
            throw self.invalid("Could not parse the policy: Statement is empty!")
        }
        for statement in statements {
            for (field, other) in [
                ("Effect", "Effect"), ("Action", "NotAction"), ("Resource", "NotResource"),
            ] where statement[field] == nil && statement[other] == nil {
                throw self.invalid("Missing required field \(field)")
            }
        }
        return String(decoding: policy.serialized(), as: UTF8.self)
    }

    private static func invalid(_ reason: String) -> ServiceError {
        .validation(AttributeReader.invalid + "Invalid policy document: " + reason)
    }
}
