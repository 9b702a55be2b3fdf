import DataModel
import NodeCore

/// What the members of a request must satisfy together, in the service's order and words.
extension ItemParameters {
    /// What the model's constraints yield: the enumerations, translated.
    struct Checked {
        var table = ""
        var returnValues: ReturnValues = .none
        var returnsItemOnConditionFailure = false
        var returnsCollectionSize = false
        var consumedCapacity: ReturnConsumedCapacity = .none
        var select: Select?
    }

    // MARK: Single writes

    /// Checks a PutItem, UpdateItem or DeleteItem: first the table's name alone, then what is
    /// required, then the enumerations.
    ///
    /// Order and words are those that the service has had since June 2026; the list that names
    /// `UPDATE_NEW` is its own slip. UpdateItem stops at the first bad enumeration, the other two
    /// tell all.
    func checkWrite(
        requiring required: ItemParameter,
        at path: String,
        stopsEarly: Bool = false
    ) throws(ServiceError) -> Checked {
        var constraints = Constraints()
        try self.checkTable(required, at: path)
        var checked = Checked()
        checked.table = self.table ?? ""
        let capacity = { (constraints: inout Constraints) in
            constraints.choice(
                self.consumedCapacity,
                of: Choices.consumedCapacity,
                at: "returnConsumedCapacity"
            )
        }
        let early = stopsEarly ? nil : capacity(&constraints)
        if let choice = constraints.told(
            self.returnValues,
            of: Choices.returnValues,
            "Failed to satisfy constraint: Member must satisfy enum value set: "
                + "[ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
        ) {
            checked.returnValues = choice
        }
        if stopsEarly { try constraints.check() }
        let late = stopsEarly ? capacity(&constraints) : nil
        checked.consumedCapacity = early ?? late ?? .none
        if stopsEarly { try constraints.check() }
        checked.returnsCollectionSize =
            constraints.told(
                self.collectionMetrics,
                of: Choices.collectionMetrics,
                "ReturnItemCollectionMetrics can only be SIZE or NONE"
            ) ?? false
        if stopsEarly { try constraints.check() }
        checked.returnsItemOnConditionFailure =
            constraints.choice(
                self.onConditionFailure,
                of: Choices.onConditionFailure,
                at: "returnValuesOnConditionCheckFailure"
            ) ?? false
        self.legacy?.check(&constraints)
        try constraints.check()
        return checked
    }

    /// Checks the table's name, without which nothing else is looked at, and a required member.
    private func checkTable(
        _ required: ItemParameter?,
        at path: String
    ) throws(ServiceError) {
        try Constraints.checkTableLength(self.table)
        var constraints = Constraints()
        constraints.notNull(self.table != nil, at: "tableName")
        if let required { constraints.notNull(self.present.contains(required), at: path) }
        try constraints.check()
        constraints.name(self.table, at: "tableName")
        try constraints.check()
    }

    // MARK: Reads

    /// Checks each member of a GetItem, Query or Scan against the model.
    func checkRead(requiresKey: Bool = false) throws(ServiceError) -> Checked {
        try Constraints.checkTableLength(self.table)
        var constraints = Constraints()
        var checked = Checked()
        checked.consumedCapacity =
            constraints.choice(
                self.consumedCapacity,
                of: Choices.consumedCapacity,
                at: "returnConsumedCapacity"
            ) ?? .none
        if let names = self.legacy?.attributesToGet, names.isEmpty {
            constraints.violate("[]", at: "attributesToGet", Constraints.lengthAtLeast + "1")
        }
        constraints.notNull(self.table != nil, at: "tableName")
        constraints.name(self.table, at: "tableName")
        constraints.name(self.index, at: "indexName")
        if requiresKey { constraints.notNull(self.present.contains(.key), at: "key") }
        checked.select = constraints.choice(self.select, of: Choices.select, at: "select")
        if let legacy = self.legacy {
            legacy.check(&constraints)
            let path = self.present.contains(.scanFilter) ? "scanFilter" : "queryFilter"
            legacy.checkConditions(filterAt: path, &constraints)
        }
        constraints.value(self.totalSegments, in: 1...1_000_000, at: "totalSegments")
        constraints.value(self.segment, in: 0...999_999, at: "segment")
        checked.table = self.table ?? ""
        try constraints.check()
        return checked
    }

    /// A Query tells of its limit without showing it; a Scan shows it.
    func checkLimit(isQuery: Bool) throws(ServiceError) {
        guard let limit = self.limit, limit < 1 else { return }
        var constraints = Constraints()
        let rule = Constraints.valueAtLeast + "1"
        if isQuery {
            constraints.violate(hidden: "Limit", rule)
        } else {
            constraints.violate(String(limit), at: "limit", rule)
        }
        try constraints.check()
    }

    // MARK: Expressions

    /// Checks that expressions, their bindings and the older members go together.
    func checkExpressions(
        _ expressions: [ItemParameter],
        legacy: [ItemParameter]
    ) throws(ServiceError) {
        // Most requests bind nothing and have nothing of the older kind.
        guard !self.present.isDisjoint(with: Self.mayNotFit) else { return }
        let used = expressions.filter(self.present.contains)
        var old = legacy.filter(self.present.contains)
        // KeyConditions goes with the other expressions of a Query, though not with its own.
        if !self.present.contains(.keyConditionExpression) {
            old.removeAll { $0 == .keyConditions }
        }
        if !used.isEmpty, !old.isEmpty {
            throw self.style.error(
                "Can not use both expression and non-expression parameters in the same request: "
                    + "Non-expression parameters: {\(Self.list(old, ", "))} "
                    + "Expression parameters: {\(Self.list(used, ", "))}"
            )
        }
        if self.present.contains(.expressionAttributeNames), used.isEmpty {
            throw self.style.error(
                "ExpressionAttributeNames can only be specified when using expressions"
            )
        }
        let valued = expressions.filter { $0 != .projectionExpression }
        if self.present.contains(.expressionAttributeValues), !valued.isEmpty,
            !valued.contains(where: self.present.contains)
        {
            let message = "ExpressionAttributeValues can only be specified when using expressions"
            guard self.style == .plain else { throw self.style.error(message) }
            throw self.style.error(
                message + ": " + Self.list(valued, " and ")
                    + (valued.count > 1 ? " are null" : " is null")
            )
        }
    }

    private static let mayNotFit = ItemParameterSet(
        .expressionAttributeNames,
        .expressionAttributeValues,
        .expected,
        .conditionalOperator,
        .attributeUpdates,
        .keyConditions,
        .queryFilter,
        .scanFilter,
        .attributesToGet
    )

    private static func list(_ parameters: [ItemParameter], _ separator: String) -> String {
        parameters.map { "\($0.name)" }.joined(separator: separator)
    }

    func checkValues() throws(ServiceError) {
        if let problem = self.valuesProblem { throw problem }
    }

    func checkedItem() throws(ServiceError) -> Item {
        if let problem = self.itemProblem { throw problem.error(self.style) }
        return self.item ?? Item()
    }

    func checkedKey() throws(ServiceError) -> Item {
        if let problem = self.keyProblem { throw problem.error(self.style) }
        return self.key ?? Item()
    }

    func checkStartKey() throws(ServiceError) {
        if let problem = self.startKeyProblem {
            throw .validation("The provided starting key is invalid: " + problem.text)
        }
    }

    /// Checks what `Select` asks for against the projection; a Query counts one of these errors.
    func checkSelect(_ select: Select?, isQuery: Bool) throws(ServiceError) {
        let projection: String? =
            if self.projection != nil { "ProjectionExpression" } else {
                self.legacy?.attributesToGet == nil ? nil : "AttributesToGet"
            }
        switch select {
        case .specificAttributes where projection == nil:
            let style: ValidationStyle = isQuery ? .counted : .plain
            throw style.error(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                    + "SPECIFIC_ATTRIBUTES"
            )
        case .allProjectedAttributes where self.index == nil:
            // The service says so of a Scan too.
            throw .validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )
        case .specificAttributes, nil: return
        case .allAttributes, .allProjectedAttributes, .count:
            guard let projection else { return }
            let wanted =
                switch select {
                case .allAttributes: "ALL_ATTRIBUTES"
                case .allProjectedAttributes: "ALL_PROJECTED_ATTRIBUTES"
                case .count, .specificAttributes, nil: "only the Count"
                }
            throw .validation("Cannot specify the \(projection) when choosing to get \(wanted)")
        }
    }
}
