extension PackedValue {
    /// What the expression function `size` yields: UTF-16 units of a string, bytes of a binary,
    /// members of a set, list or map.
    ///
    /// DynamoDB defines no size for a number, Boolean or null; here it is the bytes they count for.
    package var size: Int {
        switch self.type {
        case .string: self.unitCount
        case .binary: self.payload.count
        case .list, .map, .stringSet, .numberSet, .binarySet: self.count
        case .null, .bool, .number: self.storedSize
        }
    }

    /// The UTF-16 units of the string: one for each first byte, two for the first of four.
    private var unitCount: Int {
        self.bytes.withUnsafeBytes { buffer in
            buffer[self.payload].reduce(into: 0) { units, byte in
                units += (byte & 0xC0 == 0x80 ? 0 : 1) + (byte >= 0xF0 ? 1 : 0)
            }
        }
    }

    /// The bytes that the value counts for in its item's size.
    ///
    /// Rules from the Developer Guide, "DynamoDB item sizes and formats": a string or binary counts
    /// its bytes, a number about a byte for two digits and one more (and one for a sign), which is
    /// its packed length, null and Boolean one, a set its members, a list or map three bytes and
    /// one more for each element besides names and values.
    package var storedSize: Int {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.range.lowerBound)
            return cursor.storedSize()
        }
    }

    /// Lists and maps inside each other: 0 for a scalar or a set, 1 for a list of scalars.
    package var depth: Int {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.range.lowerBound)
            return cursor.depth()
        }
    }
}

extension PackedCursor {
    /// The size of the value here, which is passed over.
    mutating func storedSize() -> Int {
        switch PackedTag.type(self.peek()) {
        case .null, .bool:
            _ = self.byte()
            return 1
        case .number, .string, .binary: return self.payload().count
        case .list:
            var size = 3
            for _ in 0..<self.enterContainer() { size += 1 + self.storedSize() }
            return size
        case .map:
            let count = self.enterContainer()
            return 3 + count + self.entriesSize(count)
        case .stringSet, .numberSet, .binarySet:
            var size = 0
            for _ in 0..<self.enterContainer() { size += self.block().count }
            return size
        }
    }

    /// The size of the names and values of the entries here.
    mutating func entriesSize(_ count: Int) -> Int {
        var size = 0
        for _ in 0..<count {
            size += self.block().count
            size += self.storedSize()
        }
        return size
    }

    /// The depth of the value here, which is passed over.
    mutating func depth() -> Int {
        let type = PackedTag.type(self.peek())
        guard type == .list || type == .map else {
            _ = self.payload()
            return 0
        }
        var deepest = 0
        for _ in 0..<self.enterContainer() {
            if type == .map { _ = self.block() }
            deepest = max(deepest, self.depth())
        }
        return deepest + 1
    }

    /// Passes over a container's tag, byte length and count; returns the count.
    private mutating func enterContainer() -> Int {
        _ = self.byte()
        _ = self.varint()
        return self.varint()
    }
}
