/// Named values in the order of their names' bytes, each name once: a map value, or an item, in
/// tree form.
package struct AttributeMap: Equatable, Sendable {
    /// Sorted by name.
    private(set) package var entries: [(name: [UInt8], value: AttributeValue)]

    package init() { self.entries = [] }

    /// The given entries in any order; of entries with one name, the last counts.
    package init(_ entries: [(name: [UInt8], value: AttributeValue)]) {
        self.entries = []
        self.entries.reserveCapacity(entries.count)
        for entry in entries { self[entry.name] = entry.value }
    }

    /// Takes entries that are known to be sorted and without duplicates.
    init(sorted entries: [(name: [UInt8], value: AttributeValue)]) { self.entries = entries }

    package var count: Int { self.entries.count }
    package var isEmpty: Bool { self.entries.isEmpty }

    /// The value of a name; nil when absent, and setting nil removes the entry.
    package subscript(name: [UInt8]) -> AttributeValue? {
        get {
            let (index, isFound) = self.position(of: name)
            return isFound ? self.entries[index].value : nil
        }
        set {
            let (index, isFound) = self.position(of: name)
            if let newValue {
                if isFound {
                    self.entries[index].value = newValue
                } else {
                    self.entries.insert((name, newValue), at: index)
                }
            } else if isFound {
                self.entries.remove(at: index)
            }
        }
    }

    /// Where a name is, or where it would have to be inserted.
    private func position(of name: [UInt8]) -> (index: Int, isFound: Bool) {
        // Entries mostly arrive in order, so try the end first.
        guard let last = self.entries.last, !ByteOrder.isLess(last.name, name) else {
            return (self.entries.count, false)
        }
        var low = 0
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            switch ByteOrder.compare(self.entries[middle].name, name) {
            case .less: low = middle + 1
            case .equal: return (middle, true)
            case .greater: high = middle
            }
        }
        return (low, false)
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.entries.elementsEqual(rhs.entries) { $0.name == $1.name && $0.value == $1.value }
    }
}

extension AttributeMap: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, AttributeValue)...) {
        self.init(elements.map { (Array($0.0.utf8), $0.1) })
    }
}
