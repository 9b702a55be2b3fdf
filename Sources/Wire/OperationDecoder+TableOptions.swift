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
        case .listTagsOfResource: try self.listTags(tree)
        case .putResourcePolicy: try self.putPolicy(tree)
        case .getResourcePolicy: .getPolicy(try self.resource(tree))
        case .deleteResourcePolicy: try self.deletePolicy(tree)
        case .updateTimeToLive: try self.updateTimeToLive(tree)
        case .describeTimeToLive: .describeTimeToLive(table: try self.describedTable(tree))
        default: preconditionFailure("not an operation on a table's options")
        }
    }

    // MARK: Resources

    private static func resource(
        _ tree: RequestTree,
        _ constraints: Constraints = Constraints()
    ) throws(ServiceError) -> ResourceName {
        var constraints = constraints
        let arn = try tree.string("ResourceArn")
        constraints.notNull(arn != nil, at: "resourceArn")
        if let arn { constraints.length(of: arn, in: 1...1_283, at: "resourceArn") }
        try constraints.check()
        guard let resource = ResourceName(arn ?? "") else {
            throw .validation(
                "Invalid TableArn: Invalid ResourceArn provided as input \(arn ?? "")"
            )
        }
        return resource
    }

    private static func tagResource(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let trees = try tree.structures("Tags", "Tag")
        var constraints = Constraints()
        constraints.notNull(trees != nil, at: "tags")
        let tags = try self.tags(tree)
        self.checkTags(tags, &constraints)
        let resource = try self.resource(tree, constraints)
        guard resource.rest == nil else { throw self.notATable(resource) }
        try self.checkTagNames(tags)
        guard !tags.isEmpty else {
            throw .validation("Atleast one Tag needs to be provided as Input.")
        }
        return .tag(resource, tags)
    }

    /// Refuses keys that the service keeps for itself, and keys given twice.
    static func checkTagNames(_ tags: [Tag]) throws(ServiceError) {
        var keys: [String] = []
        for tag in tags {
            guard !tag.key.lowercased().utf8.starts(with: "aws:".utf8) else {
                throw .validation(
                    "Caller is not allowed to use the reserved prefix aws: in tag keys"
                )
            }
            guard !keys.contains(tag.key) else {
                throw .validation("One or more parameter values were invalid: Duplicate tag key")
            }
            keys.append(tag.key)
        }
        guard tags.count <= NodeLimits.tagsMax else {
            throw .validation(
                "One or more parameter values were invalid: Too many tags: a resource can have "
                    + "\(NodeLimits.tagsMax) at most"
            )
        }
    }

    private static func untagResource(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let keys = try tree.strings("TagKeys")
        var constraints = Constraints()
        constraints.notNull(keys != nil, at: "tagKeys")
        let resource = try self.resource(tree, constraints)
        guard resource.rest == nil else { throw self.notATable(resource) }
        guard let keys, !keys.isEmpty else {
            throw .validation("Atleast one Tag Key needs to be provided as Input.")
        }
        return .untag(resource, keys: keys)
    }

    private static func listTags(_ tree: RequestTree) throws(ServiceError) -> TableOptionOperation {
        .listTags(try self.resource(tree), after: try tree.string("NextToken"))
    }

    private static func putPolicy(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let text = try tree.string("Policy")
        let expected = try tree.string("ExpectedRevisionId")
        var constraints = Constraints()
        constraints.notNull(text != nil, at: "policy")
        let resource = try self.resource(tree, constraints)
        try self.checkPolicy(text ?? "")
        return .putPolicy(resource, text: text ?? "", expected: expected)
    }

    /// A policy is kept as it is; only that it is JSON, and how long it is, is looked at.
    static func checkPolicy(_ text: String) throws(ServiceError) {
        guard text.utf8.count <= NodeLimits.policyBytesMax else {
            throw .validation(
                "Resource-based policy size exceeds the maximum of \(NodeLimits.policyBytesMax) "
                    + "bytes"
            )
        }
        guard case .object? = try? JSONValue(parsing: Array(text.utf8)) else {
            throw .validation("Invalid policy document: The policy is not a JSON object")
        }
    }

    private static func deletePolicy(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let expected = try tree.string("ExpectedRevisionId")
        return .deletePolicy(try self.resource(tree), expected: expected)
    }

    private static func notATable(_ resource: ResourceName) -> ServiceError {
        .validation("Invalid TableArn: Invalid ResourceArn provided as input \(resource.arn)")
    }

    // MARK: Time to live

    private static func updateTimeToLive(
        _ tree: RequestTree
    ) throws(ServiceError) -> TableOptionOperation {
        let specification = try tree.structure("TimeToLiveSpecification", "TimeToLiveSpecification")
        let isEnabled = try specification?.bool("Enabled")
        let attribute = try specification?.string("AttributeName")
        let table = try self.requiredTable(try tree.string("TableName"))
        var constraints = Constraints()
        self.checkName(table, at: "tableName", &constraints)
        constraints.notNull(specification != nil, at: "timeToLiveSpecification")
        if specification != nil {
            constraints.notNull(isEnabled != nil, at: "timeToLiveSpecification.enabled")
            constraints.notNull(attribute != nil, at: "timeToLiveSpecification.attributeName")
        }
        if let attribute {
            constraints.length(
                of: attribute,
                in: 1...255,
                at: "timeToLiveSpecification.attributeName"
            )
        }
        try constraints.check()
        return .updateTimeToLive(
            table: table,
            attribute: Array((attribute ?? "").utf8),
            isEnabled: isEnabled ?? false
        )
    }
}

extension ResourceName {
    /// Reads `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME[/…]`.
    init?(_ arn: String) {
        let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[2] == "dynamodb" else { return nil }
        let path = parts[5].split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard path.count >= 2, path[0] == "table", Constraints.isName(String(path[1])) else {
            return nil
        }
        self.init(
            arn: arn,
            region: String(parts[3]),
            table: String(path[1]),
            rest: path.count > 2 ? String(path[2]) : nil
        )
    }
}
