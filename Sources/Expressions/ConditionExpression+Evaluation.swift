package import DataModel

extension ConditionExpression {
    /// Whether the condition holds for an item; for nil, no attribute exists.
    ///
    /// Reads packed bytes and unpacks nothing. A comparison with a missing attribute, or between
    /// different types, does not hold, except `<>`, which is the opposite of `=` always (so the
    /// service's filters keep items without the attribute).
    ///
    /// - Throws: nothing today; conditions have no errors that depend on the item.
    package func evaluate(on item: Item?) throws(ExpressionError) -> Bool {
        self.holds(self.root, item)
    }

    /// Recursion is as deep as the parser let the text nest, and one level for each `AND` or `OR`
    /// of a chain: at most a few hundred.
    private func holds(_ index: Int, _ item: Item?) -> Bool {
        switch self.nodes[index] {
        case .and(let left, let right):
            return self.holds(Int(left), item) && self.holds(Int(right), item)
        case .or(let left, let right):
            return self.holds(Int(left), item) || self.holds(Int(right), item)
        case .not(let inner): return !self.holds(Int(inner), item)
        case .compare(let comparator, let left, let right):
            return Self.compare(comparator, self.value(left, item), self.value(right, item))
        case .between(let operand, let low, let high):
            guard let value = self.value(operand, item), let low = self.value(low, item),
                let high = self.value(high, item)
            else { return false }
            return Self.compare(.greaterOrEqual, value, low)
                && Self.compare(.lessOrEqual, value, high)
        case .isIn(let operand, let start, let count):
            guard let value = self.value(operand, item) else { return false }
            for position in Int(start)..<Int(start) + Int(count)
            where self.value(self.lists[position], item) == value {
                return true
            }
            return false
        case .attributeExists(let path): return self.paths.value(at: path, in: item) != nil
        case .attributeNotExists(let path): return self.paths.value(at: path, in: item) == nil
        case .attributeType(let operand, let type): return self.value(operand, item)?.type == type
        case .beginsWith(let operand, let prefix):
            guard let value = self.value(operand, item), let prefix = self.value(prefix, item)
            else { return false }
            return value.hasPrefix(prefix)
        case .contains(let operand, let part):
            guard let value = self.value(operand, item), let part = self.value(part, item) else {
                return false
            }
            return value.contains(part)
        case .invalid: preconditionFailure("a condition with a mistake was evaluated")
        }
    }

    private func value(_ operand: Operand, _ item: Item?) -> PackedValue? {
        switch operand {
        case .path(let path): self.paths.value(at: path, in: item)
        case .value(let index): self.values[Int(index)]
        case .sizeOfPath(let path): Self.size(of: self.paths.value(at: path, in: item))
        case .sizeOfValue(let index): Self.size(of: self.values[Int(index)])
        case .invalid: preconditionFailure("a condition with a mistake was evaluated")
        }
    }

    /// The size as a number; numbers, Booleans and null have none.
    private static func size(of value: PackedValue?) -> PackedValue? {
        guard let value else { return nil }
        switch value.type {
        case .number, .bool, .null: return nil
        case .string, .binary, .list, .map, .stringSet, .numberSet, .binarySet:
            return PackedValue(.number(DecimalNumber(value.size)))
        }
    }

    private static func compare(
        _ comparator: Comparator,
        _ left: PackedValue?,
        _ right: PackedValue?
    ) -> Bool {
        switch comparator {
        case .equal: return left != nil && left == right
        case .notEqual: return left == nil || left != right
        case .less, .lessOrEqual, .greater, .greaterOrEqual: break
        }
        guard let left, let right, let order = left.order(against: right) else { return false }
        return switch comparator {
        case .less: order == .less
        case .lessOrEqual: order != .greater
        case .greater: order == .greater
        case .greaterOrEqual: order != .less
        case .equal, .notEqual: false
        }
    }
}
