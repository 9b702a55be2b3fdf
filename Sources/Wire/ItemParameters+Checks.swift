import DataModel
import NodeCore

/// What the members of a request must satisfy together, in the service's order and words.
extension ItemParameters {
    /// What the model's constraints yield: the enumerations, translated.
    struct Checked {
        var table = ""
        var returnValues: ReturnValues = .none
        var returnsItemOnConditionFailure = false
        var consumedCapacity: ReturnConsumedCapacity = .none
        var select: Select?
    }

    /// Checks each member against the model.
    func checkConstraints(
        requiresItem: Bool = false,
        requiresKey: Bool = false
    ) throws(ServiceError) -> Checked {
        var constraints = Constraints()
        var checked = Checked()
        if let value = constraints.choice(
            self.consumedCapacity,
            of: Choices.consumedCapacity,
            at: "returnConsumedCapacity"
        ) {
            checked.consumedCapacity = value
        }
        constraints.notNull(self.table != nil, at: "tableName")
        constraints.name(self.table, at: "tableName")
        constraints.name(self.index, at: "indexName")
        if requiresItem { constraints.notNull(self.present.contains(.item), at: "item") }
        if requiresKey { constraints.notNull(self.present.contains(.key), at: "key") }
        if let value = constraints.choice(
            self.returnValues,
            of: Choices.returnValues,
            at: "returnValues"
        ) {
            checked.returnValues = value
        }
        if let value = constraints.choice(
            self.onConditionFailure,
            of: Choices.onConditionFailure,
            at: "returnValuesOnConditionCheckFailure"
        ) {
            checked.returnsItemOnConditionFailure = value
        }
        _ = constraints.choice(
            self.collectionMetrics,
            of: Choices.collectionMetrics,
            at: "returnItemCollectionMetrics"
        )
        checked.select = constraints.choice(self.select, of: Choices.select, at: "select")
        constraints.value(self.limit, in: 1...Int.max, at: "limit")
        constraints.value(self.totalSegments, in: 1...1_000_000, at: "totalSegments")
        constraints.value(self.segment, in: 0...999_999, at: "segment")
        try constraints.check()
        checked.table = self.table ?? ""
        return checked
    }

    /// Checks that expressions, their bindings and the older members go together.
    ///
    /// - Throws: the service's words for a mixture, and this version's own for the older members,
    ///   which it does not know.
    func checkExpressions(
        _ expressions: [ItemParameter],
        legacy: [ItemParameter]
    ) throws(ServiceError) {
        let used = expressions.filter(self.present.contains)
        let old = legacy.filter(self.present.contains)
        if !used.isEmpty, !old.isEmpty {
            throw .validation(
                "Can not use both expression and non-expression parameters in the same request: "
                    + "Non-expression parameters: {\(Self.list(old, ", "))} "
                    + "Expression parameters: {\(Self.list(used, ", "))}"
            )
        }
        if let first = old.first {
            throw .validation(
                "This version does not support the legacy parameter \(first.name): use expressions"
            )
        }
        if self.present.contains(.expressionAttributeNames), used.isEmpty {
            throw .validation(
                "ExpressionAttributeNames can only be specified when using expressions"
            )
        }
        let valued = expressions.filter { $0 != .projectionExpression }
        if self.present.contains(.expressionAttributeValues), !valued.isEmpty,
            !valued.contains(where: self.present.contains)
        {
            throw .validation(
                "ExpressionAttributeValues can only be specified when using expressions: "
                    + Self.list(valued, " and ") + (valued.count > 1 ? " are null" : " is null")
            )
        }
    }

    private static func list(_ parameters: [ItemParameter], _ separator: String) -> String {
        parameters.map { "\($0.name)" }.joined(separator: separator)
    }

    func checkValues() throws(ServiceError) {
        if let problem = self.valuesProblem { throw .validation(problem) }
    }

    func checkedItem() throws(ServiceError) -> Item {
        if let problem = self.itemProblem { throw .validation(problem) }
        return self.item ?? Item()
    }

    func checkedKey() throws(ServiceError) -> Item {
        if let problem = self.keyProblem { throw .validation(problem) }
        return self.key ?? Item()
    }

    func checkStartKey() throws(ServiceError) {
        if let problem = self.startKeyProblem {
            throw .validation("The provided starting key is invalid: " + problem)
        }
    }

    /// Checks what `Select` asks for against the projection; there are no indexes yet.
    func checkSelect(_ select: Select?, verb: String) throws(ServiceError) {
        if let index = self.index {
            throw .validation("The table does not have the specified index: \(index)")
        }
        switch select {
        case .specificAttributes where self.projection == nil:
            throw .validation(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                    + "SPECIFIC_ATTRIBUTES"
            )
        case .allAttributes where self.projection != nil:
            throw .validation(
                "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"
            )
        case .count where self.projection != nil:
            throw .validation(
                "Cannot specify the ProjectionExpression when choosing to get only the Count"
            )
        case .allProjectedAttributes:
            throw .validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when \(verb) using an IndexName"
            )
        case .specificAttributes, .allAttributes, .count, nil: break
        }
    }
}
