package import DataModel

/// One entry of `AttributeUpdates`, the parameter that update expressions replaced.
package struct LegacyUpdate: Equatable, Sendable {
    /// `Action`.
    package enum Action: UInt8, CaseIterable, Sendable {
        case put, delete, add
    }

    package var attribute: [UInt8]
    package var action: Action
    /// Only a `delete` goes without.
    package var value: AttributeValue?

    package init(attribute: [UInt8], action: Action, value: AttributeValue?) {
        self.attribute = attribute
        self.action = action
        self.value = value
    }

    /// Refuses what the action does not go with, in the service's words.
    package func check() throws(ExpressionError) {
        let invalid = "One or more parameter values were invalid: "
        guard let value = self.value else {
            guard self.action == .delete else {
                throw ExpressionError(
                    invalid + "Only DELETE action is allowed when no attribute value is specified"
                )
            }
            return
        }
        switch self.action {
        case .put: return
        case .delete:
            guard value.type.isSet else {
                throw ExpressionError(
                    invalid + "DELETE action with value is not supported for the type "
                        + value.type.code
                )
            }
        case .add:
            guard value.type.isSet || value.type == .number || value.type == .list else {
                throw ExpressionError(
                    invalid + "ADD action is not supported for the type " + value.type.code
                )
            }
        }
    }
}

extension UpdateExpression {
    /// Bounds what legacy entries become, as ``LegacyConditions/weightMax`` does.
    package static let legacyMax = 10_000

    /// The update that legacy entries, one for each attribute, mean; nil for none.
    package init?(_ legacy: [LegacyUpdate]) {
        guard !legacy.isEmpty else { return nil }
        precondition(legacy.count <= Self.legacyMax, "checked by the decoder")
        var actions: [UpdateAction] = []
        var operands: [UpdateOperand] = []
        var paths = PathTable()
        var values: [PackedValue] = []
        func add(_ operand: UpdateOperand) -> UInt16 {
            operands.append(operand)
            return UInt16(operands.count - 1)
        }
        for update in legacy {
            let path = paths.begin(with: update.attribute)
            guard let value = update.value else {
                actions.append(.remove(path))
                continue
            }
            values.append(PackedValue(value))
            let index = UInt32(values.count - 1)
            switch update.action {
            case .put: actions.append(.set(path, add(.value(index))))
            case .delete: actions.append(.delete(path, index))
            case .add where value.type == .list:
                values.append(PackedValue(.list([])))
                let empty = add(.value(index + 1))
                let old = add(.ifNotExists(path, empty))
                let tail = add(.value(index))
                actions.append(.set(path, add(.listAppend(old, tail))))
            case .add: actions.append(.add(path, index))
            }
        }
        self.init(actions: actions, operands: operands, paths: paths, values: values)
        self.isLegacy = true
    }
}

extension ProjectionExpression {
    /// The projection that `AttributesToGet` means: whole attributes, each once.
    package init(attributes: [[UInt8]]) {
        var paths = PathTable()
        let references = attributes.map { paths.begin(with: $0) }
        self.init(Projection(references, paths))
    }
}
