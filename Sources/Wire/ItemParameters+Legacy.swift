import DataModel
import Expressions
import NodeCore

/// The members of one request that expressions replaced, typed but not yet checked.
final class LegacyParameters {
    private(set) var expected: [LegacyConditionParameters]?
    private(set) var conditionalOperator: String?
    private(set) var attributeUpdates: [LegacyUpdateParameters]?
    private(set) var keyConditions: [LegacyConditionParameters]?
    /// `QueryFilter` or `ScanFilter`.
    private(set) var filter: [LegacyConditionParameters]?
    private(set) var attributesToGet: [[UInt8]]?

    func read(
        _ parameter: ItemParameter,
        _ reader: inout RequestReader,
        _ style: ValidationStyle
    ) throws(ServiceError) {
        switch parameter {
        case .expected:
            self.expected = try LegacyConditionParameters.read(
                &reader,
                "ExpectedAttributeValue",
                style
            )
        case .attributeUpdates:
            self.attributeUpdates = try LegacyUpdateParameters.read(&reader, style)
        case .keyConditions:
            self.keyConditions = try LegacyConditionParameters.read(&reader, "Condition", style)
        case .queryFilter, .scanFilter:
            self.filter = try LegacyConditionParameters.read(&reader, "Condition", style)
        case .conditionalOperator: self.conditionalOperator = try reader.string()
        case .attributesToGet: self.attributesToGet = try ItemParameters.attributeNames(&reader)
        default: preconditionFailure("not a legacy parameter")
        }
    }

    /// Checks the members that writes have too.
    func check(_ constraints: inout Constraints) {
        _ = constraints.choice(
            self.conditionalOperator,
            of: Choices.conditionalOperator,
            at: "conditionalOperator"
        )
        LegacyConditionParameters.check(
            self.expected,
            at: "expected",
            requiresOperator: false,
            &constraints
        )
        LegacyUpdateParameters.check(self.attributeUpdates, &constraints)
    }

    /// Checks what only reads have.
    func checkConditions(filterAt path: String, _ constraints: inout Constraints) {
        LegacyConditionParameters.check(
            self.filter,
            at: path,
            requiresOperator: true,
            &constraints
        )
        LegacyConditionParameters.check(
            self.keyConditions,
            at: "keyConditions",
            requiresOperator: true,
            &constraints
        )
    }
}

extension ItemParameters {
    private var joinsByOr: Bool { self.legacy?.conditionalOperator == "OR" }

    private func tooMany(_ style: ValidationStyle) -> ServiceError {
        style.error(AttributeReader.invalid + "Too many conditions in the request")
    }

    /// `Expected` as conditions; nil without it.
    func checkedExpectations(
        _ style: ValidationStyle
    ) throws(ServiceError) -> LegacyConditions? {
        guard let entries = self.legacy?.expected else { return nil }
        var conditions: [LegacyCondition] = []
        for entry in entries { conditions.append(try entry.expectation(style)) }
        let legacy = LegacyConditions(conditions, isDisjunction: self.joinsByOr)
        guard legacy.weight <= LegacyConditions.weightMax else { throw self.tooMany(style) }
        return legacy
    }

    /// `QueryFilter` or `ScanFilter`; nil without it.
    func checkedFilter(_ style: ValidationStyle) throws(ServiceError) -> LegacyConditions? {
        guard let entries = self.legacy?.filter else { return nil }
        var conditions: [LegacyCondition] = []
        for entry in entries { conditions.append(try entry.condition(style)) }
        let legacy = LegacyConditions(conditions, isDisjunction: self.joinsByOr)
        guard legacy.weight <= LegacyConditions.weightMax else { throw self.tooMany(style) }
        return legacy
    }

    func checkedKeyConditions(
        _ style: ValidationStyle
    ) throws(ServiceError) -> [LegacyCondition] {
        var conditions: [LegacyCondition] = []
        guard let entries = self.legacy?.keyConditions else { return conditions }
        for entry in entries { conditions.append(try entry.condition(style)) }
        guard (1...2).contains(conditions.count) else {
            throw style.error("Conditions can be of length 1 or 2 only")
        }
        return conditions
    }

    func checkedUpdates(_ style: ValidationStyle) throws(ServiceError) -> [LegacyUpdate] {
        var updates: [LegacyUpdate] = []
        for entry in self.legacy?.attributeUpdates ?? [] { updates.append(try entry.update(style)) }
        guard updates.count <= UpdateExpression.legacyMax else { throw self.tooMany(style) }
        return updates
    }

    /// Refuses a `ConditionalOperator` with nothing to join, and names asked for twice.
    func checkLegacyTogether(_ style: ValidationStyle) throws(ServiceError) {
        guard let legacy = self.legacy else { return }
        if legacy.conditionalOperator != nil, legacy.expected?.isEmpty ?? true,
            legacy.filter?.isEmpty ?? true
        {
            throw style.error(
                AttributeReader.invalid
                    + "ConditionalOperator cannot be used without Filter or Expected"
            )
        }
        try Self.checkDistinct(legacy.attributesToGet, style)
    }

    static func checkDistinct(
        _ attributes: [[UInt8]]?,
        _ style: ValidationStyle
    ) throws(ServiceError) {
        guard let attributes, attributes.count > 1 else { return }
        let sorted = attributes.sorted { ByteOrder.isLess($0, $1) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left == right {
            throw style.error(
                AttributeReader.invalid + "Duplicate value in attribute name: "
                    + String(decoding: left, as: UTF8.self)
            )
        }
    }
}
