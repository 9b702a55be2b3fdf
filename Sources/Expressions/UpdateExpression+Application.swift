package import DataModel

extension UpdateExpression {
    /// The item after the update; an item that does not exist begins with its key attributes.
    ///
    /// Attributes that no path begins with are copied as packed bytes. Only those that a path leads
    /// into are unpacked.
    ///
    /// - Throws: DynamoDB's message for an update that does not fit the item.
    package func apply(to item: Item?, key: Item) throws(ExpressionError) -> Item {
        let base = item ?? key
        var changes: [AttributeChange] = []
        var inner: [InnerChange] = []
        changes.reserveCapacity(self.actions.count)
        for action in self.actions {
            let path = action.path
            let edit = try self.edit(action, of: base)
            if path.count == 1 {
                if let edit {
                    changes.append(
                        AttributeChange(name: self.paths.attribute(of: path), value: edit.value)
                    )
                }
            } else {
                try self.checkParent(of: path, in: base)
                if let edit { inner.append(InnerChange(path: path, value: edit.value)) }
            }
        }
        if !inner.isEmpty { try self.merge(inner, of: base, into: &changes) }
        let updated = base.applying(changes)
        // What is counted is never four times the packed form.
        if updated.bytes.count > ItemLimits.itemBytesMax / 4 { try self.checkSize(of: updated) }
        return updated
    }

    /// Refuses an item that is too large, in the service's peculiar sense of it.
    ///
    /// A standalone UpdateItem may write 400 KB: the attributes that its actions name, as they are
    /// afterwards, with 3 bytes for the update, 19 for each `SET` and `ADD` (one more for an
    /// element of a list, 50 more for arithmetic) and 2 for each `REMOVE` and `DELETE`. The item as
    /// a whole may not be larger either. Source: measurements against the service to the byte,
    /// nubo-db/dynamodb-conformance, tests/tier3/limits/itemSizeBySurface.test.ts, August 2026.
    private func checkSize(of item: Item) throws(ExpressionError) {
        var written = 0
        if self.countsActions {
            written = 3
            for action in self.actions { written += self.cost(of: action) }
            for name in self.attributes {
                guard let value = item[name] else { continue }
                written += name.count + value.storedSize
            }
        }
        guard max(written, item.size) <= ItemLimits.itemBytesMax else {
            throw ExpressionError("Item size to update has exceeded the maximum allowed size")
        }
    }

    private func cost(of action: UpdateAction) -> Int {
        switch action {
        case .remove, .delete, .invalid: return 2
        case .add: return 19
        case .set(let path, let operand):
            var cost = 19
            if case .index = self.paths.elements[path.range.upperBound - 1] { cost += 1 }
            switch self.operands[Int(operand)] {
            case .plus, .minus: cost += 50
            case .path, .value, .ifNotExists, .listAppend, .invalid: break
            }
            return cost
        }
    }

    // MARK: One action

    /// What an action does to the value at its path; nil value: it goes away.
    private struct Edit {
        let value: PackedValue?
    }

    /// Evaluates an action on the item before the update; nil when it changes nothing.
    private func edit(_ action: UpdateAction, of item: Item) throws(ExpressionError) -> Edit? {
        switch action {
        case .set(_, let operand): return Edit(value: try self.value(operand, item))
        case .remove(let path):
            return self.paths.value(at: path, in: item) == nil ? nil : Edit(value: nil)
        case .add(let path, let index):
            let value = self.values[Int(index)]
            guard let old = self.paths.value(at: path, in: item) else { return Edit(value: value) }
            guard old.type == value.type else { throw self.incorrectType }
            if let left = old.number, let right = value.number {
                return Edit(value: try Self.sum(left, right))
            }
            return Edit(value: old.union(value))
        case .delete(let path, let index):
            let value = self.values[Int(index)]
            guard let old = self.paths.value(at: path, in: item) else { return nil }
            guard old.type == value.type else { throw self.incorrectType }
            return Edit(value: old.subtracting(value))
        case .invalid: preconditionFailure("an update with a mistake was applied")
        }
    }

    private var incorrectType: ExpressionError {
        ExpressionError(
            self.isLegacy
                ? "Type mismatch for attribute to update"
                : "An operand in the update expression has an incorrect data type"
        )
    }

    private static func sum(
        _ left: DecimalNumber,
        _ right: DecimalNumber
    ) throws(ExpressionError) -> PackedValue {
        do throws(NumberError) {
            return PackedValue(.number(try DecimalNumber.adding(left, right)))
        } catch {
            throw ExpressionError(error.message)
        }
    }

    private static func difference(
        _ left: DecimalNumber,
        _ right: DecimalNumber
    ) throws(ExpressionError) -> PackedValue {
        do throws(NumberError) {
            return PackedValue(.number(try DecimalNumber.subtracting(left, right)))
        } catch {
            throw ExpressionError(error.message)
        }
    }

    /// Evaluates an operand; recursion is bounded by the parser's depth.
    private func value(_ index: UInt16, _ item: Item) throws(ExpressionError) -> PackedValue {
        switch self.operands[Int(index)] {
        case .value(let index): return self.values[Int(index)]
        case .path(let path):
            guard let value = self.paths.value(at: path, in: item) else {
                throw ExpressionError(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            }
            return value
        case .ifNotExists(let path, let other):
            if let value = self.paths.value(at: path, in: item) { return value }
            return try self.value(other, item)
        case .listAppend(let first, let second):
            let head = try self.value(first, item)
            let tail = try self.value(second, item)
            guard head.type == .list, tail.type == .list else { throw self.incorrectType }
            return head.appending(tail)
        case .plus(let first, let second):
            let (left, right) = try self.numbers(first, second, item)
            return try Self.sum(left, right)
        case .minus(let first, let second):
            let (left, right) = try self.numbers(first, second, item)
            return try Self.difference(left, right)
        case .invalid: preconditionFailure("an update with a mistake was applied")
        }
    }

    private func numbers(
        _ first: UInt16,
        _ second: UInt16,
        _ item: Item
    ) throws(ExpressionError) -> (DecimalNumber, DecimalNumber) {
        let left = try self.value(first, item)
        let right = try self.value(second, item)
        guard let left = left.number, let right = right.number else { throw self.incorrectType }
        return (left, right)
    }

    // MARK: Paths into attributes

    /// Refuses a path whose last step is taken from something that is no map (or list).
    private func checkParent(of path: PathReference, in item: Item) throws(ExpressionError) {
        var parent = path
        parent.count -= 1
        let type = self.paths.value(at: parent, in: item)?.type
        let fits =
            switch self.paths.elements[path.range.upperBound - 1] {
            case .name: type == .map
            case .index: type == .list
            }
        guard fits else {
            throw ExpressionError(
                "The document path provided in the update expression is invalid for update"
            )
        }
    }

    private struct InnerChange {
        let path: PathReference
        let value: PackedValue?
    }

    /// Applies changes inside attributes, and adds the attributes as a whole to `changes`.
    ///
    /// Values are put first, in ascending order of their paths, so that those beyond a list's end
    /// are appended in the order of their indexes; then what goes away is removed in descending
    /// order, so that every index still counts from the list's original beginning.
    private func merge(
        _ inner: [InnerChange],
        of item: Item,
        into changes: inout [AttributeChange]
    ) throws(ExpressionError) {
        let ascending = inner.sorted { self.paths.isLess($0.path, $1.path) }
        var start = 0
        while start < ascending.count {
            let name = self.paths.attribute(of: ascending[start].path)
            var end = start + 1
            while end < ascending.count,
                self.paths.attribute(of: ascending[end].path) == name
            {
                end += 1
            }
            guard var tree = item[name]?.unpacked() else {
                preconditionFailure("the path's parent was checked")
            }
            for change in ascending[start..<end] {
                guard let value = change.value else { continue }
                guard value.depth + Int(change.path.count) - 1 <= ItemLimits.nestingMax else {
                    throw ExpressionError("Nesting Levels have exceeded supported limits")
                }
                tree.put(value.unpacked(), at: self.paths[change.path].dropFirst())
            }
            for change in ascending[start..<end].reversed() where change.value == nil {
                tree.put(nil, at: self.paths[change.path].dropFirst())
            }
            changes.append(AttributeChange(name: name, value: PackedValue(tree)))
            start = end
        }
    }
}

/// A new value for an attribute, or its removal.
private struct AttributeChange {
    let name: [UInt8]
    let value: PackedValue?

    /// How its name and an entry's compare.
    func order(against entry: PackedEntry) -> ScalarOrder {
        self.name.withUnsafeBytes { name in
            entry.value.bytes.withUnsafeBytes { bytes in
                ByteOrder.compare(name, UnsafeRawBufferPointer(rebasing: bytes[entry.nameRange]))
            }
        }
    }
}

extension Item {
    /// The item with changes of different attributes applied.
    fileprivate func applying(_ changes: [AttributeChange]) -> Item {
        if changes.count <= 2 {
            var item = self
            for change in changes {
                if let value = change.value {
                    item.set(change.name, value)
                } else {
                    item.remove(change.name)
                }
            }
            return item
        }
        // One walk over the attributes and the sorted changes.
        let sorted = changes.sorted { ByteOrder.isLess($0.name, $1.name) }
        var writer = ValueWriter(reserving: self.bytes.count + 64)
        writer.beginItem()
        var next = 0
        for entry in self.entries {
            var order = sorted[next...].first?.order(against: entry)
            while order == .less {
                writer.write(sorted[next])
                next += 1
                order = sorted[next...].first?.order(against: entry)
            }
            if order == .equal {
                writer.write(sorted[next])
                next += 1
            } else {
                writer.write(entry)
            }
        }
        for change in sorted[next...] { writer.write(change) }
        do {
            return try writer.endItem()
        } catch {
            preconditionFailure("an updated item is wrong: \(error)")
        }
    }
}

extension ValueWriter {
    fileprivate mutating func write(_ change: AttributeChange) {
        guard let value = change.value else { return }
        self.name(change.name)
        self.value(value)
    }
}

extension AttributeValue {
    /// Puts a value where a path leads from here, or removes what is there.
    ///
    /// The parent exists, see ``UpdateExpression/checkParent(of:in:)``. An index beyond the end of
    /// a list appends.
    fileprivate mutating func put(_ value: AttributeValue?, at path: ArraySlice<PathElement>) {
        guard let element = path.first else {
            preconditionFailure("an attribute as a whole is not changed here")
        }
        let rest = path.dropFirst()
        switch (self, element) {
        case (.map(var map), .name(let name)):
            self = .null
            if rest.isEmpty {
                map[name] = value
            } else {
                map[name]?.put(value, at: rest)
            }
            self = .map(map)
        case (.list(var list), .index(let index)):
            self = .null
            if !rest.isEmpty {
                list[index].put(value, at: rest)
            } else if let value {
                if index < list.count { list[index] = value } else { list.append(value) }
            } else {
                list.remove(at: index)
            }
            self = .list(list)
        case (_, .name), (_, .index): preconditionFailure("the path's parent was checked")
        }
    }
}

extension PackedValue {
    /// A list with the elements of another list after its own.
    fileprivate func appending(_ other: PackedValue) -> PackedValue {
        var writer = ValueWriter(reserving: self.range.count + other.range.count)
        do {
            try writer.beginList()
        } catch {
            preconditionFailure("one list cannot be too deep: \(error)")
        }
        for element in self.elements { writer.value(element) }
        for element in other.elements { writer.value(element) }
        writer.endList()
        return writer.finishValue()
    }

    /// The members of two sets of one type.
    fileprivate func union(_ other: PackedValue) -> PackedValue {
        switch (self.unpacked(), other.unpacked()) {
        case (.stringSet(let left), .stringSet(let right)): PackedValue(.stringSet(left + right))
        case (.binarySet(let left), .binarySet(let right)): PackedValue(.binarySet(left + right))
        case (.numberSet(let left), .numberSet(let right)): PackedValue(.numberSet(left + right))
        default: preconditionFailure("two sets of one type")
        }
    }

    /// The members of a set that another set of its type lacks; nil when there are none.
    fileprivate func subtracting(_ other: PackedValue) -> PackedValue? {
        switch (self.unpacked(), other.unpacked()) {
        case (.stringSet(let left), .stringSet(let right)):
            let kept = difference(left, right, ByteOrder.isLess)
            return kept.isEmpty ? nil : PackedValue(.stringSet(kept))
        case (.binarySet(let left), .binarySet(let right)):
            let kept = difference(left, right, ByteOrder.isLess)
            return kept.isEmpty ? nil : PackedValue(.binarySet(kept))
        case (.numberSet(let left), .numberSet(let right)):
            let kept = difference(left, right, <)
            return kept.isEmpty ? nil : PackedValue(.numberSet(kept))
        default: preconditionFailure("two sets of one type")
        }
    }
}

/// The elements of one sorted array that another sorted array lacks.
private func difference<Element>(
    _ one: [Element],
    _ two: [Element],
    _ isLess: (Element, Element) -> Bool
) -> [Element] {
    var kept: [Element] = []
    var next = 0
    for element in one {
        while next < two.count, isLess(two[next], element) { next += 1 }
        if next == two.count || isLess(element, two[next]) { kept.append(element) }
    }
    return kept
}
