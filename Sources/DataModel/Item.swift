package import Primitives

/// A packed item: a map's content, `varint count, (varint name length, name, value)…`, in the
/// canonical form that ``PackedValue`` describes.
///
/// Requests, log entries, replication and storage all carry these bytes. Reading an attribute walks
/// over the others without decoding them.
package struct Item: Equatable, Sendable {
    package let bytes: [UInt8]

    /// An item without attributes.
    package init() { self.bytes = [0] }

    package init(_ map: AttributeMap) {
        var writer = ValueWriter()
        writer.beginItem()
        writer.append(entriesOf: map)
        do {
            self = try writer.endItem()
        } catch {
            preconditionFailure("a map cannot be packed: \(error)")
        }
    }

    /// Checks that the bytes are exactly one canonical item, whoever sent them.
    package init(validating bytes: [UInt8]) throws(DecodingError) {
        var validator = PackedValidator(bytes)
        try validator.entries(depth: 0)
        try validator.finish()
        self.bytes = bytes
    }

    /// Takes bytes that an ``Item`` of this process or of a checksummed store once had.
    package init(trusted bytes: [UInt8]) { self.bytes = bytes }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        ByteOrder.compare(lhs.bytes, rhs.bytes) == .equal
    }

    package var count: Int {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: 0)
            return cursor.varint()
        }
    }

    package var isEmpty: Bool { self.bytes[0] == 0 }

    /// The attributes in the order of their names.
    package var entries: PackedEntries {
        let count = self.count
        return PackedEntries(self.bytes, at: Varint.size(count), count: count)
    }

    package subscript(name: [UInt8]) -> PackedValue? {
        guard case .found(_, let value) = self.find(name) else { return nil }
        return PackedValue(self.bytes, value)
    }

    package func unpacked() -> AttributeMap {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: 0)
            return cursor.unpackEntries()
        }
    }

    /// The item's size in bytes as DynamoDB counts it: names and values, see
    /// ``PackedValue/storedSize``; without the overhead per item that only billing adds.
    package var size: Int {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: 0)
            return cursor.entriesSize(cursor.varint())
        }
    }

    /// Lists and maps inside each other in the deepest attribute.
    package var depth: Int { self.entries.reduce(0) { max($0, $1.value.depth) } }

    func find(_ name: [UInt8]) -> EntrySearch {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: 0)
            let count = cursor.varint()
            return name.withUnsafeBytes { cursor.find($0, among: count) }
        }
    }
}
