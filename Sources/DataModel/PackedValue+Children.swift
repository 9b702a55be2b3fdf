extension PackedValue {
    /// A list's elements; empty for the other types.
    package var elements: PackedElements {
        PackedElements(self, count: self.type == .list ? self.count : 0)
    }

    /// A map's entries in the order of their names; empty for the other types.
    package var entries: PackedEntries {
        guard self.type == .map else { return PackedEntries(self.bytes, at: 0, count: 0) }
        return PackedEntries(self.bytes, at: self.contentStart, count: self.count)
    }

    /// Where the packed bytes of a set's members lie in ``bytes``; empty for the other types.
    package var members: PackedMembers {
        guard self.type.isSet else { return PackedMembers(self.bytes, at: 0, count: 0) }
        return PackedMembers(self.bytes, at: self.contentStart, count: self.count)
    }

    /// Where the first member of a container begins.
    fileprivate var contentStart: Int {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.range.lowerBound + 1)
            _ = cursor.varint()
            _ = cursor.varint()
            return cursor.offset
        }
    }
}

/// The elements of a packed list.
package struct PackedElements: Sequence, IteratorProtocol, Sendable {
    private let bytes: [UInt8]
    private var offset: Int
    private var remaining: Int

    fileprivate init(_ list: PackedValue, count: Int) {
        self.bytes = list.bytes
        self.offset = count > 0 ? list.contentStart : 0
        self.remaining = count
    }

    package mutating func next() -> PackedValue? {
        guard self.remaining > 0 else { return nil }
        self.remaining -= 1
        let range = self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.offset)
            return cursor.value()
        }
        self.offset = range.upperBound
        return PackedValue(self.bytes, range)
    }
}

/// One entry of a packed map or item.
package struct PackedEntry: Sendable {
    package let value: PackedValue
    /// Where the name lies in the value's ``PackedValue/bytes``.
    package let nameRange: Range<Int>

    /// A copy of the name.
    package var name: [UInt8] { Array(self.value.bytes[self.nameRange]) }

    /// Whether the entry has this name; copies nothing.
    package func isNamed(_ name: [UInt8]) -> Bool {
        self.value.bytes.withUnsafeBytes { buffer in
            name.withUnsafeBytes {
                ByteOrder.areEqual(UnsafeRawBufferPointer(rebasing: buffer[self.nameRange]), $0)
            }
        }
    }
}

/// The entries of a packed map or item in the order of their names.
package struct PackedEntries: Sequence, IteratorProtocol, Sendable {
    private let bytes: [UInt8]
    private var offset: Int
    private var remaining: Int

    init(_ bytes: [UInt8], at offset: Int, count: Int) {
        self.bytes = bytes
        self.offset = offset
        self.remaining = count
    }

    package mutating func next() -> PackedEntry? {
        guard self.remaining > 0 else { return nil }
        self.remaining -= 1
        let (name, value) = self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.offset)
            let name = cursor.block()
            return (name, cursor.value())
        }
        self.offset = value.upperBound
        return PackedEntry(value: PackedValue(self.bytes, value), nameRange: name)
    }
}

/// The ranges of a packed set's members: UTF-8, packed numbers or bytes.
package struct PackedMembers: Sequence, IteratorProtocol, Sendable {
    private let bytes: [UInt8]
    private var offset: Int
    private var remaining: Int

    fileprivate init(_ bytes: [UInt8], at offset: Int, count: Int) {
        self.bytes = bytes
        self.offset = offset
        self.remaining = count
    }

    package mutating func next() -> Range<Int>? {
        guard self.remaining > 0 else { return nil }
        self.remaining -= 1
        let range = self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: self.offset)
            return cursor.block()
        }
        self.offset = range.upperBound
        return range
    }
}
