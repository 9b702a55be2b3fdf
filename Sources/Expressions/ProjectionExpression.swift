package import DataModel

/// A parsed `ProjectionExpression`: the parts of an item that a read returns.
package struct ProjectionExpression: Sendable {
    let projection: Projection

    init(_ projection: Projection) { self.projection = projection }

    /// Parses comma-separated document paths.
    ///
    /// - Throws: the message with which DynamoDB refuses the text.
    package init(
        parsing text: [UInt8],
        _ substitutions: inout Substitutions
    ) throws(ExpressionError) {
        var parser = try Parser(text, .projection, .projection, &substitutions)
        defer { swap(&parser.substitutions, &substitutions) }
        var paths: [PathReference] = []
        repeat { paths.append(try parser.path()) } while parser.accept(.comma)
        parser.noteClash(among: paths)
        try parser.finish()
        self.projection = Projection(paths, parser.paths)
    }

    /// The item with nothing but the parts that the paths lead to.
    ///
    /// Maps on the way keep only the entries asked for; lists become shorter and keep the order of
    /// their elements. Paths that lead nowhere leave no trace.
    package func apply(to item: Item) -> Item { self.projection.apply(to: item) }

    /// The attributes that the paths begin with, sorted, each once.
    package var attributes: [[UInt8]] { self.projection.attributes }
}

extension Parser {
    /// Notes the first two paths that exclude each other.
    mutating func noteClash(among paths: [PathReference]) {
        guard let clash = self.paths.firstClash(among: paths) else { return }
        let one = self.paths.description(of: clash.one)
        let two = self.paths.description(of: clash.two)
        self.note(
            clash.kind == .overlap ? .overlap : .conflict,
            "Two document paths \(clash.kind.verb) with each other; must remove or rewrite one of "
                + "these paths; path one: \(one), path two: \(two)"
        )
    }
}

extension ValueWriter {
    /// Appends a copy of an item's attribute to the open item.
    mutating func write(_ entry: PackedEntry) {
        entry.value.bytes.withUnsafeBytes {
            self.name(UnsafeRawBufferPointer(rebasing: $0[entry.nameRange]))
        }
        self.value(entry.value)
    }
}

/// Disjoint document paths, sorted, and what they select from an item.
struct Projection: Sendable {
    /// Sorted, so that paths with a common beginning are neighbours.
    private let order: [PathReference]
    private let paths: PathTable

    init(_ unsorted: [PathReference], _ paths: PathTable) {
        self.paths = paths
        self.order = unsorted.sorted { paths.isLess($0, $1) }
    }

    var attributes: [[UInt8]] {
        var names: [[UInt8]] = []
        for path in self.order {
            let name = self.paths.attribute(of: path)
            if names.last != name { names.append(name) }
        }
        return names
    }

    func check(_ schema: KeySchema) throws(ExpressionError) {
        for path in self.order { try self.paths.check(path, schema) }
    }

    func apply(to item: Item) -> Item {
        var writer = ValueWriter(reserving: min(item.bytes.count, 1024))
        writer.beginItem()
        // Both the paths and the item's entries are sorted by name: one walk over each.
        var next = 0
        for entry in item.entries {
            guard next < self.order.count else { break }
            while next < self.order.count, self.isLess(self.order[next], than: entry) { next += 1 }
            var end = next
            while end < self.order.count,
                entry.isNamed(self.paths.attribute(of: self.order[end]))
            {
                end += 1
            }
            if end == next { continue }
            if let part = self.part(of: entry.value, next..<end, depth: 1) {
                switch part {
                case .whole: writer.write(entry)
                case .tree(let value):
                    writer.name(entry.name)
                    writer.append(value)
                }
            }
            next = end
        }
        do {
            return try writer.endItem()
        } catch {
            preconditionFailure("a part of an item is wrong: \(error)")
        }
    }

    private func isLess(_ path: PathReference, than entry: PackedEntry) -> Bool {
        self.paths.attribute(of: path).withUnsafeBytes { name in
            entry.value.bytes.withUnsafeBytes { bytes in
                let other = UnsafeRawBufferPointer(rebasing: bytes[entry.nameRange])
                return ByteOrder.compare(name, other) == .less
            }
        }
    }

    private enum Part {
        case whole(PackedValue)
        case tree(AttributeValue)

        var unpacked: AttributeValue {
            switch self {
            case .whole(let value): value.unpacked()
            case .tree(let value): value
            }
        }
    }

    /// What paths that agree in their first `depth` elements select of the value these lead to.
    ///
    /// Nil when they select nothing. Recursion is as deep as a path is long.
    private func part(of value: PackedValue, _ range: Range<Int>, depth: Int) -> Part? {
        if Int(self.order[range.lowerBound].count) == depth { return .whole(value) }
        var elements: [AttributeValue] = []
        var entries: [(name: [UInt8], value: AttributeValue)] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let element = self.element(start, depth)
            var end = start + 1
            while end < range.upperBound, self.element(end, depth) == element { end += 1 }
            switch element {
            case .index(let index):
                if let child = value[index],
                    let part = self.part(of: child, start..<end, depth: depth + 1)
                {
                    elements.append(part.unpacked)
                }
            case .name(let name):
                if let child = value[name],
                    let part = self.part(of: child, start..<end, depth: depth + 1)
                {
                    entries.append((name, part.unpacked))
                }
            }
            start = end
        }
        if !elements.isEmpty { return .tree(.list(elements)) }
        return entries.isEmpty ? nil : .tree(.map(AttributeMap(entries)))
    }

    private func element(_ index: Int, _ depth: Int) -> PathElement {
        self.paths.elements[Int(self.order[index].start) + depth]
    }
}
