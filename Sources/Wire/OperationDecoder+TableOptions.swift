import DataModel
import NodeCore

/// Tags, resource policies and times to live.
extension OperationDecoder {
    static func tableOption(
        _ name: OperationName,
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        switch name {
        case .tagResource: try self.tagResource(tree)
        case .untagResource: try self.untagResource(tree)
        case .listTagsOfResource:
            .listTags(try ResourceName(tree), after: tree.string("NextToken"))
        case .putResourcePolicy:
            .putPolicy(
                try ResourceName(tree),
                text: try ResourcePolicyText.checked(tree.string("Policy") ?? ""),
                expected: tree.string("ExpectedRevisionId")
            )
        case .getResourcePolicy: .getPolicy(try ResourceName(tree))
        case .deleteResourcePolicy:
            .deletePolicy(try ResourceName(tree), expected: tree.string("ExpectedRevisionId"))
        case .updateTimeToLive: self.updateTimeToLive(tree)
        case .describeTimeToLive: .describeTimeToLive(table: tree.table)
        default: preconditionFailure("not an operation on a table's options")
        }
    }

    // MARK: Tags

    private static func tagResource(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let resource = try ResourceName(tree)
        let tags = try self.tags(tree)
        guard !tags.isEmpty else {
            throw .validation("Atleast one Tag needs to be provided as Input.")
        }
        return .tag(resource, tags)
    }

    /// `Tags`, each with a key and a value that can be one, and no key twice.
    static func tags(_ tree: RequestTree) throws(ServiceError) -> [Tag] {
        var tags: [Tag] = []
        for tree in tree.structures("Tags") ?? [] {
            let key = try self.tagKey(tree.string("Key"))
            let value = tree.string("Value")
            guard let value, self.isTagText(value, upTo: 256) else {
                throw .validation("The Tag Value provided is invalid, Value: \(value ?? "null")")
            }
            tags.append(Tag(key: key, value: value))
        }
        for position in tags.indices.dropFirst()
        where tags[..<position].contains(where: { $0.key == tags[position].key }) {
            throw .validation(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found "
                    + tags[position].key
            )
        }
        guard tags.count <= NodeLimits.tagsMax else { throw .tooManyTags }
        return tags
    }

    private static func tagKey(_ key: String?) throws(ServiceError) -> String {
        guard let key, !key.isEmpty, self.isTagText(key, upTo: 128) else {
            throw .validation("The Tag Key provided is invalid, Key: \(key ?? "null")")
        }
        guard !key.lowercased().utf8.starts(with: "aws:".utf8) else {
            throw .validation("Tag Key cannot be prefixed with aws:, Key: \(key)")
        }
        return key
    }

    /// Letters, digits and blanks of any script, and a few signs.
    private static func isTagText(_ text: String, upTo max: Int) -> Bool {
        guard text.unicodeScalars.count <= max else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter,
                .otherLetter, .decimalNumber, .letterNumber, .otherNumber, .spaceSeparator,
                .lineSeparator, .paragraphSeparator:
                true
            default: "+-=._:/@".unicodeScalars.contains(scalar)
            }
        }
    }

    private static func untagResource(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let resource = try ResourceName(tree)
        var keys: [String] = []
        for key in tree.strings("TagKeys") ?? [] { keys.append(try self.tagKey(key)) }
        guard !keys.isEmpty else {
            throw .validation("Atleast one Tag Key needs to be provided as Input.")
        }
        guard keys.count <= NodeLimits.tagsMax else { throw .tooManyTags }
        return .untag(resource, keys: keys)
    }

    // MARK: Time to live

    private static func updateTimeToLive(_ tree: RequestTree) -> TableOptionOperation {
        let specification = tree.structure("TimeToLiveSpecification")
        return .updateTimeToLive(
            table: tree.table,
            attribute: Array((specification?.string("AttributeName") ?? "").utf8),
            isEnabled: specification?.bool("Enabled") ?? false
        )
    }
}

extension ResourceName {
    /// Reads `ResourceArn`: `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME`.
    init(_ tree: RequestTree) throws(ServiceError) {
        let arn = tree.string("ResourceArn") ?? ""
        let invalid = AttributeReader.invalid
        guard arn.utf8.starts(with: "arn:".utf8) else {
            throw .validation(invalid + "ARNs must start with 'arn:': \(arn)")
        }
        let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        let path =
            parts.count == 6
            ? parts[5].split(separator: "/", omittingEmptySubsequences: false) : []
        guard parts.count == 6, parts[2] == "dynamodb", path.count >= 2, path[0] == "table",
            Constraints.isName(String(path[1])), path.count < 3 || path[2] != "backup"
        else { throw .validation(invalid + "Provided Arn is not a DynamoDB resource arn: \(arn)") }
        guard path.count == 2 || path[2] == "stream" else {
            throw .validation(
                invalid + "Invalid resource arn provided, only table or stream is accepted. "
                    + "Provided resource arn: \(arn)"
            )
        }
        self.init(
            arn: arn,
            partition: String(parts[1]),
            region: String(parts[3]),
            account: String(parts[4]),
            table: String(path[1]),
            rest: path.count > 2 ? path[2...].joined(separator: "/") : nil
        )
    }
}
