extension Item {
    /// The item with one attribute added or replaced.
    package func setting(_ name: [UInt8], _ value: AttributeValue) -> Item {
        self.setting(name, PackedValue(value))
    }

    /// The item with one attribute added or replaced.
    package func setting(_ name: [UInt8], _ value: PackedValue) -> Item {
        var entry: [UInt8] = []
        entry.reserveCapacity(name.count + value.range.count + 4)
        Varint.append(name.count, to: &entry)
        entry.append(contentsOf: name)
        entry.append(contentsOf: value.bytes[value.range])
        switch self.find(name) {
        case .found(let old, _): return self.replacing(old, with: entry, count: self.count)
        case .absent(let position):
            return self.replacing(position..<position, with: entry, count: self.count + 1)
        }
    }

    /// The item without one attribute.
    package func removing(_ name: [UInt8]) -> Item {
        guard case .found(let entry, _) = self.find(name) else { return self }
        return self.replacing(entry, with: [], count: self.count - 1)
    }

    package mutating func set(_ name: [UInt8], _ value: AttributeValue) {
        self = self.setting(name, value)
    }

    package mutating func set(_ name: [UInt8], _ value: PackedValue) {
        self = self.setting(name, value)
    }

    package mutating func remove(_ name: [UInt8]) { self = self.removing(name) }

    /// The item with only those of the named attributes that it has.
    package func projected(_ names: [[UInt8]]) -> Item {
        var kept: [Range<Int>] = []
        for name in AttributeValue.canonical(names) {
            if case .found(let entry, _) = self.find(name) { kept.append(entry) }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(kept.reduce(5) { $0 + $1.count })
        Varint.append(kept.count, to: &bytes)
        for entry in kept { bytes.append(contentsOf: self.bytes[entry]) }
        return Item(trusted: bytes)
    }

    private func replacing(_ old: Range<Int>, with entry: [UInt8], count: Int) -> Item {
        let contentStart = Varint.size(self.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.bytes.count - old.count + entry.count + 1)
        Varint.append(count, to: &bytes)
        bytes.append(contentsOf: self.bytes[contentStart..<old.lowerBound])
        bytes.append(contentsOf: entry)
        bytes.append(contentsOf: self.bytes[old.upperBound...])
        return Item(trusted: bytes)
    }
}
