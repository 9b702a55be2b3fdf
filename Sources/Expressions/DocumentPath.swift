import DataModel

/// One step of a document path.
enum PathElement: Equatable, Sendable {
    /// A map's entry, or first of all an attribute.
    case name([UInt8])
    /// A list's element, counted from 0.
    case index(Int)

    /// The element as error texts show it.
    var description: String {
        switch self {
        case .name(let name): text(name)
        case .index(let index): "[\(index)]"
        }
    }

    /// Indexes in ascending order, then names in byte order.
    static func isLess(_ lhs: PathElement, _ rhs: PathElement) -> Bool {
        switch (lhs, rhs) {
        case (.index(let left), .index(let right)): left < right
        case (.index, .name): true
        case (.name, .index): false
        // Equality first: it is instant for the many paths that begin with one long `#name`.
        case (.name(let left), .name(let right)): left != right && ByteOrder.isLess(left, right)
        }
    }
}

/// A document path such as `a.b[2]`: a range of an expression's path elements.
///
/// An expression keeps the elements of all its paths in one array, so that a path costs no
/// allocation of its own.
struct PathReference: Equatable, Sendable {
    var start: UInt16
    var count: UInt16

    var range: Range<Int> { Int(self.start)..<Int(self.start) + Int(self.count) }
}

/// The elements of an expression's paths, one path after the other.
struct PathTable: Sendable {
    private(set) var elements: [PathElement] = []

    subscript(path: PathReference) -> ArraySlice<PathElement> { self.elements[path.range] }

    /// Begins a path with its attribute's name.
    mutating func begin(with name: [UInt8]) -> PathReference {
        if self.elements.isEmpty { self.elements.reserveCapacity(8) }
        self.elements.append(.name(name))
        return PathReference(start: UInt16(self.elements.count - 1), count: 1)
    }

    /// Lengthens the path that was begun last.
    mutating func extend(_ path: inout PathReference, by element: PathElement) {
        precondition(path.range.upperBound == self.elements.count, "only the last path grows")
        self.elements.append(element)
        path.count += 1
    }

    /// The attribute that a path begins with.
    func attribute(of path: PathReference) -> [UInt8] {
        guard case .name(let name) = self.elements[Int(path.start)] else {
            preconditionFailure("a path begins with a name")
        }
        return name
    }

    func areEqual(_ one: PathReference, _ two: PathReference) -> Bool {
        one.count == two.count && self[one].elementsEqual(self[two])
    }

    /// A path as error texts show it: `[a, b, [2]]`.
    func description(of path: PathReference) -> String {
        "[" + self[path].map(\.description).joined(separator: ", ") + "]"
    }

    /// The value in an item that a path leads to, or nil.
    func value(at path: PathReference, in item: Item?) -> PackedValue? {
        guard let item, var value = item[self.attribute(of: path)] else { return nil }
        for element in self[path].dropFirst() {
            let next: PackedValue? =
                switch element {
                case .name(let name): value[name]
                case .index(let index): value[index]
                }
            guard let next else { return nil }
            value = next
        }
        return value
    }
}

/// How two paths of one projection or update exclude each other.
enum PathClash: Sendable {
    /// One is the other, or leads into it.
    case overlap
    /// One takes for a list what the other takes for a map.
    case conflict

    var verb: String {
        switch self {
        case .overlap: "overlap"
        case .conflict: "conflict"
        }
    }
}

extension PathTable {
    func clash(_ one: PathReference, _ two: PathReference) -> PathClash? {
        for (left, right) in zip(self[one], self[two]) {
            switch (left, right) {
            case (.name, .index), (.index, .name): return .conflict
            case (.name, .name), (.index, .index): if left != right { return nil }
            }
        }
        return .overlap
    }

    /// The first pair of paths that exclude each other; overlaps go before conflicts.
    ///
    /// Many paths are sorted first: paths with a common beginning then are neighbours, and a
    /// hostile text cannot make this quadratic.
    func firstClash(
        among paths: [PathReference]
    ) -> (kind: PathClash, one: PathReference, two: PathReference)? {
        if paths.count == 2, let kind = self.clash(paths[0], paths[1]) {
            return (kind, paths[0], paths[1])
        }
        guard paths.count > 2 else { return nil }
        var conflict: (PathReference, PathReference)?
        if paths.count > 32 {
            let order = paths.indices.sorted { self.isLess(paths[$0], paths[$1]) }
            for (left, right) in zip(order, order.dropFirst()) {
                let pair = (paths[min(left, right)], paths[max(left, right)])
                switch self.clash(pair.0, pair.1) {
                case .overlap: return (.overlap, pair.0, pair.1)
                case .conflict: conflict = conflict ?? pair
                case nil: continue
                }
            }
        } else {
            for right in paths.indices {
                for left in 0..<right {
                    switch self.clash(paths[left], paths[right]) {
                    case .overlap: return (.overlap, paths[left], paths[right])
                    case .conflict: conflict = conflict ?? (paths[left], paths[right])
                    case nil: continue
                    }
                }
            }
        }
        return conflict.map { (.conflict, $0.0, $0.1) }
    }

    /// The order of two paths: element by element, a path before those that lead into it.
    func isLess(_ one: PathReference, _ two: PathReference) -> Bool {
        self[one].lexicographicallyPrecedes(self[two], by: PathElement.isLess)
    }
}
