package import DataModel

/// A parsed `UpdateExpression`: what an update does to an item.
///
/// Flat like ``ConditionExpression``. All right-hand sides, and all positions in lists, are those
/// of the item before the update; target paths exclude each other, so the order of the actions
/// does not matter.
package struct UpdateExpression: Sendable {
    var actions: [UpdateAction]
    /// Operands refer to earlier ones by index.
    var operands: [UpdateOperand]
    var paths: PathTable
    /// The request's expression attribute values.
    var values: [PackedValue]
    /// Made of `AttributeUpdates`, whose refusals the service words differently.
    var isLegacy = false
    /// The size limit is that of a standalone UpdateItem, see ``checkSize(of:)``; those of
    /// transactions and statements count the item alone.
    package var countsActions = true

    /// Parses the sections `SET`, `REMOVE`, `ADD` and `DELETE`, each at most once, in any order.
    ///
    /// - Throws: the message with which DynamoDB refuses the text.
    package init(
        parsing text: [UInt8],
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        var parser = try UpdateParser(text, &substitutions)
        defer { swap(&substitutions, &parser.core.substitutions) }
        self = try parser.parse()
    }

    init(
        actions: [UpdateAction],
        operands: [UpdateOperand],
        paths: PathTable,
        values: [PackedValue]
    ) {
        self.actions = actions
        self.operands = operands
        self.paths = paths
        self.values = values
    }

    /// The attributes that the update changes or could change, sorted, each once.
    package var attributes: [[UInt8]] { self.projection.attributes }

    /// The part of an item that the update's paths lead to: what `UPDATED_OLD` returns of the item
    /// before the update, and `UPDATED_NEW` of the one after it.
    package func updatedAttributes(of item: Item) -> Item { self.projection.apply(to: item) }

    private var projection: Projection { Projection(self.actions.map(\.path), self.paths) }

    /// Whether the update can only take something away: it then makes no item where none is.
    package var onlyRemoves: Bool {
        !self.actions.isEmpty
            && self.actions.allSatisfy { action in
                switch action {
                case .remove, .delete: true
                case .set, .add, .invalid: false
                }
            }
    }

    /// Refuses an update of a key attribute, which no update may touch.
    package func check(schema: KeySchema) throws(ExpressionError) {
        for action in self.actions {
            let name = self.paths.attribute(of: action.path)
            guard schema.isKey(name) else { continue }
            throw ExpressionError(
                "One or more parameter values were invalid: Cannot update attribute \(text(name)). "
                    + "This attribute is part of the key"
            )
        }
    }
}

/// One action of an update.
enum UpdateAction: Sendable {
    /// Puts an operand, by its index, at a path.
    case set(PathReference, UInt16)
    case remove(PathReference)
    /// Adds a value, by its index, to a number or set.
    case add(PathReference, UInt32)
    /// Removes the members of a set value, by its index, from a set.
    case delete(PathReference, UInt32)
    /// Stands for an action with a mistake; an expression that holds one is never returned.
    case invalid(PathReference)

    var path: PathReference {
        switch self {
        case .set(let path, _), .remove(let path), .add(let path, _), .delete(let path, _),
            .invalid(let path):
            path
        }
    }
}

/// What a `SET` assigns.
enum UpdateOperand: Sendable {
    case path(PathReference)
    /// An index of the expression attribute values.
    case value(UInt32)
    case ifNotExists(PathReference, UInt16)
    case listAppend(UInt16, UInt16)
    case plus(UInt16, UInt16)
    case minus(UInt16, UInt16)
    /// Stands for an operand with a mistake.
    case invalid
}
