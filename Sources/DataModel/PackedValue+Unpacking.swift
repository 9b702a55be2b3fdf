extension PackedValue {
    /// The value in tree form.
    package func unpacked() -> AttributeValue {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.range.lowerBound)
            return cursor.unpack()
        }
    }
}

extension PackedCursor {
    mutating func unpack() -> AttributeValue {
        let tag = self.byte()
        switch PackedTag.type(tag) {
        case .null: return .null
        case .bool: return .bool(tag == PackedTag.isTrue)
        case .number: return .number(self.number(self.skip(Int(self.byte()))))
        case .string: return .string(Array(self.slice(self.block())))
        case .binary: return .binary(Array(self.slice(self.block())))
        case .list:
            _ = self.varint()
            let count = self.varint()
            var elements: [AttributeValue] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(self.unpack()) }
            return .list(elements)
        case .map:
            _ = self.varint()
            return .map(self.unpackEntries())
        case .stringSet: return .stringSet(self.unpackMembers())
        case .numberSet: return .numberSet(self.unpackNumbers())
        case .binarySet: return .binarySet(self.unpackMembers())
        }
    }

    /// A count and that many entries.
    mutating func unpackEntries() -> AttributeMap {
        let count = self.varint()
        var entries: [(name: [UInt8], value: AttributeValue)] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let name = Array(self.slice(self.block()))
            entries.append((name, self.unpack()))
        }
        return AttributeMap(sorted: entries)
    }

    private mutating func unpackMembers() -> [[UInt8]] {
        _ = self.varint()
        let count = self.varint()
        var members: [[UInt8]] = []
        members.reserveCapacity(count)
        for _ in 0..<count { members.append(Array(self.slice(self.block()))) }
        return members
    }

    private mutating func unpackNumbers() -> [DecimalNumber] {
        _ = self.varint()
        let count = self.varint()
        var members: [DecimalNumber] = []
        members.reserveCapacity(count)
        for _ in 0..<count { members.append(self.number(self.block())) }
        return members
    }

    private func number(_ range: Range<Int>) -> DecimalNumber {
        DecimalNumber(trusted: self.slice(range))
    }
}
