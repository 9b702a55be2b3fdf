import DataModel
import Expressions
import NodeCore

/// One entry of `Expected`, `KeyConditions`, `QueryFilter` or `ScanFilter`, typed but not yet
/// checked.
struct LegacyConditionParameters {
    var attribute: [UInt8] = []
    var comparison: String?
    /// Nil without `AttributeValueList`.
    var list: [AttributeValue]?
    var value: AttributeValue?
    var exists: Bool?
    /// The first bad value.
    var problem: AttributeProblem?

    /// Reads a map of them; `shape` is `Condition` or `ExpectedAttributeValue`.
    static func read(
        _ reader: inout RequestReader,
        _ shape: String,
        _ style: ValidationStyle
    ) throws(ServiceError) -> [LegacyConditionParameters] {
        var found: [LegacyConditionParameters] = []
        try reader.beginObject(.map(of: JSONMismatch.namespace + shape))
        while let name = try reader.nextName() {
            var entry = LegacyConditionParameters()
            entry.attribute = reader.json.bytes(of: name)
            guard try reader.isPresent() else { continue }
            try entry.readMembers(&reader, shape, style)
            found.append(entry)
        }
        guard !Bindings.hasDuplicate(found.map(\.attribute)) else { throw reader.duplicate() }
        return found
    }

    private mutating func readMembers(
        _ reader: inout RequestReader,
        _ shape: String,
        _ style: ValidationStyle
    ) throws(ServiceError) {
        let isExpected = shape == "ExpectedAttributeValue"
        try reader.beginObject(.valueStructure(shape))
        while let name = try reader.nextName() {
            if reader.json.isText(name, "ComparisonOperator") {
                guard try reader.isPresent() else { continue }
                self.comparison = try reader.string()
            } else if reader.json.isText(name, "AttributeValueList") {
                guard try reader.isPresent() else { continue }
                try self.readList(&reader, style)
            } else if isExpected, reader.json.isText(name, "Value") {
                guard try reader.isPresent() else { continue }
                self.value = try self.readValue(&reader, style, isMember: true)
            } else if isExpected, reader.json.isText(name, "Exists") {
                guard try reader.isPresent() else { continue }
                self.exists = try reader.bool()
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func readList(
        _ reader: inout RequestReader,
        _ style: ValidationStyle
    ) throws(ServiceError) {
        var list: [AttributeValue] = []
        try reader.beginArray(.list)
        while try reader.nextElement() {
            if let value = try self.readValue(&reader, style) { list.append(value) }
        }
        self.list = list
    }

    private mutating func readValue(
        _ reader: inout RequestReader,
        _ style: ValidationStyle,
        isMember: Bool = false
    ) throws(ServiceError) -> AttributeValue? {
        var attributes = AttributeReader(style)
        let value = try attributes.value(&reader, isMember: isMember)
        self.problem = self.problem ?? attributes.problem
        return value ?? (attributes.problem == nil ? nil : .null)
    }

    /// What the model asks of each entry: its operator.
    static func check(
        _ entries: [LegacyConditionParameters]?,
        at path: String,
        requiresOperator: Bool,
        _ constraints: inout Constraints
    ) {
        for entry in entries ?? [] {
            let name = String(decoding: entry.attribute, as: UTF8.self)
            let member = "\(path).\(name).member.comparisonOperator"
            if requiresOperator { constraints.notNull(entry.comparison != nil, at: member) }
            _ = constraints.choice(entry.comparison, of: Choices.comparison, at: member)
        }
    }

    /// The condition of an entry of `KeyConditions`, `QueryFilter` or `ScanFilter`.
    func condition(_ style: ValidationStyle) throws(ServiceError) -> LegacyCondition {
        if let problem = self.problem { throw problem.error(style) }
        return try self.condition(self.list ?? [], style)
    }

    /// The condition of an entry of `Expected`.
    func expectation(_ style: ValidationStyle) throws(ServiceError) -> LegacyCondition {
        let attribute = String(decoding: self.attribute, as: UTF8.self)
        func invalid(_ message: String) -> ServiceError {
            style.error("\(AttributeReader.invalid)\(message) for Attribute: \(attribute)")
        }
        if self.list != nil, self.value != nil {
            throw invalid("Value and AttributeValueList cannot be used together")
        }
        if let problem = self.problem { throw problem.error(style) }
        if let comparison = self.comparison {
            if self.exists != nil {
                throw invalid("Exists and ComparisonOperator cannot be used together")
            }
            if comparison != "NULL", comparison != "NOT_NULL", self.list == nil,
                self.value == nil
            {
                throw invalid(
                    "Value or AttributeValueList must be used with ComparisonOperator: "
                        + comparison
                )
            }
            return try self.condition(self.list ?? self.value.map { [$0] } ?? [], style)
        }
        if self.list != nil {
            throw invalid("AttributeValueList can only be used with a ComparisonOperator")
        }
        if self.exists ?? true {
            guard let value = self.value else {
                let shown = self.exists.map { String($0) } ?? "null"
                throw invalid("Value must be provided when Exists is \(shown)")
            }
            return LegacyCondition(
                attribute: self.attribute,
                comparison: .equal,
                values: [value]
            )
        }
        guard self.value == nil else {
            throw invalid("Value cannot be used when Exists is false")
        }
        return LegacyCondition(attribute: self.attribute, comparison: .null, values: [])
    }

    private func condition(
        _ values: [AttributeValue],
        _ style: ValidationStyle
    ) throws(ServiceError) -> LegacyCondition {
        guard
            let comparison = LegacyOperator.allCases.first(where: { $0.name == self.comparison })
        else { preconditionFailure("the operator was checked") }
        let condition = LegacyCondition(
            attribute: self.attribute,
            comparison: comparison,
            values: values
        )
        do throws(ExpressionError) {
            try condition.check()
        } catch {
            throw style.error(error.message)
        }
        return condition
    }
}

/// One entry of `AttributeUpdates`, typed but not yet checked.
struct LegacyUpdateParameters {
    var attribute: [UInt8] = []
    var action: String?
    var value: AttributeValue?
    var problem: AttributeProblem?

    static func read(
        _ reader: inout RequestReader,
        _ style: ValidationStyle
    ) throws(ServiceError) -> [LegacyUpdateParameters] {
        var found: [LegacyUpdateParameters] = []
        let shape = "AttributeValueUpdate"
        try reader.beginObject(.map(of: JSONMismatch.namespace + shape))
        while let name = try reader.nextName() {
            var entry = LegacyUpdateParameters()
            entry.attribute = reader.json.bytes(of: name)
            guard try reader.isPresent() else { continue }
            try reader.beginObject(.valueStructure(shape))
            while let member = try reader.nextName() {
                if reader.json.isText(member, "Action") {
                    guard try reader.isPresent() else { continue }
                    entry.action = try reader.string()
                } else if reader.json.isText(member, "Value") {
                    guard try reader.isPresent() else { continue }
                    var attributes = AttributeReader(style)
                    entry.value = try attributes.value(&reader, isMember: true)
                    entry.problem = attributes.problem
                } else {
                    try reader.skip()
                }
            }
            found.append(entry)
        }
        guard !Bindings.hasDuplicate(found.map(\.attribute)) else { throw reader.duplicate() }
        return found
    }

    static func check(_ entries: [LegacyUpdateParameters]?, _ constraints: inout Constraints) {
        for entry in entries ?? [] {
            let name = String(decoding: entry.attribute, as: UTF8.self)
            _ = constraints.choice(
                entry.action,
                of: Choices.updateAction,
                at: "attributeUpdates.\(name).member.action"
            )
        }
    }

    /// The update; without an action, a value is put.
    func update(_ style: ValidationStyle) throws(ServiceError) -> LegacyUpdate {
        if let problem = self.problem { throw problem.error(style) }
        let action = Choices.updateAction.choices.first { $0.0 == self.action }?.1 ?? .put
        let update = LegacyUpdate(attribute: self.attribute, action: action, value: self.value)
        do throws(ExpressionError) {
            try update.check()
        } catch {
            throw style.error(error.message)
        }
        return update
    }
}
