package import Primitives

/// A view of one packed value inside shared bytes; making one allocates nothing.
///
/// ```
/// value := tag u8, payload
///   0 null | 1 false | 2 true
///   3 number: length u8, DecimalNumber.packed
///   4 string, 5 binary: varint length, bytes
///   6 list: varint byte length, varint count, values
///   7 map:  varint byte length, varint count, (varint name length, name, value)…
///   8 string set, 9 number set, 10 binary set:
///           varint byte length, varint count, (varint length, bytes)…
/// ```
///
/// A byte length counts all that follows it, so that a container is skipped in one step. The form
/// is canonical: maps are sorted by name, sets are sorted and without duplicates, numbers are
/// normalised and varints minimal. Equal values therefore have equal bytes.
package struct PackedValue: Equatable, Sendable {
    /// The bytes in which the value lies.
    package let bytes: [UInt8]
    private let start: UInt32
    private let end: UInt32

    /// Views a value that is known to be good, tag included.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.start = UInt32(range.lowerBound)
        self.end = UInt32(range.upperBound)
    }

    package init(_ value: AttributeValue) {
        var writer = ValueWriter()
        writer.append(value)
        self = writer.finishValue()
    }

    /// Checks that the bytes are exactly one canonical value.
    package init(validating bytes: [UInt8]) throws(DecodingError) {
        var validator = PackedValidator(bytes)
        try validator.value(depth: 0)
        try validator.finish()
        self.init(bytes, 0..<bytes.count)
    }

    /// Where the value lies in ``bytes``, tag included.
    package var range: Range<Int> { Int(self.start)..<Int(self.end) }

    private var tag: UInt8 { self.bytes[Int(self.start)] }

    package var type: AttributeType { PackedTag.type(self.tag) }

    /// Where the bytes of a number (packed), string or binary lie in ``bytes``; of a container, its
    /// count and content.
    package var payload: Range<Int> {
        self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: Int(self.start))
            return cursor.payload()
        }
    }

    /// A copy of the packed bytes, tag included.
    package var packed: [UInt8] { Array(self.bytes[self.range]) }

    package var bool: Bool? {
        self.type == .bool ? self.tag == PackedTag.isTrue : nil
    }

    package var number: DecimalNumber? {
        guard self.type == .number else { return nil }
        return self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: Int(self.start))
            let payload = cursor.payload()
            return DecimalNumber(trusted: cursor.slice(payload))
        }
    }

    /// A copy of a string's UTF-8.
    package var string: [UInt8]? {
        self.type == .string ? Array(self.bytes[self.payload]) : nil
    }

    /// A copy of a binary's bytes.
    package var binary: [UInt8]? {
        self.type == .binary ? Array(self.bytes[self.payload]) : nil
    }

    /// Members of a list, map or set; 0 for the other types.
    package var count: Int {
        guard self.tag >= PackedTag.list else { return 0 }
        return self.bytes.withUnsafeBytes { buffer in
            var cursor = PackedCursor(buffer, at: Int(self.start) + 1)
            _ = cursor.varint()
            return cursor.varint()
        }
    }

    /// The value of a map's entry; nil when absent or when this is not a map.
    package subscript(name: [UInt8]) -> PackedValue? {
        guard self.tag == PackedTag.map else { return nil }
        let found = self.bytes.withUnsafeBytes { buffer -> Range<Int>? in
            var cursor = PackedCursor(buffer, at: Int(self.start) + 1)
            _ = cursor.varint()
            let count = cursor.varint()
            let search = name.withUnsafeBytes { cursor.find($0, among: count) }
            return if case .found(_, let value) = search { value } else { nil }
        }
        return found.map { PackedValue(self.bytes, $0) }
    }

    /// A list's element; nil when out of range or when this is not a list.
    package subscript(index: Int) -> PackedValue? {
        guard self.tag == PackedTag.list, index >= 0 else { return nil }
        let found = self.bytes.withUnsafeBytes { buffer -> Range<Int>? in
            var cursor = PackedCursor(buffer, at: Int(self.start) + 1)
            _ = cursor.varint()
            guard index < cursor.varint() else { return nil }
            for _ in 0..<index { _ = cursor.value() }
            return cursor.value()
        }
        return found.map { PackedValue(self.bytes, $0) }
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.bytes.withUnsafeBytes { left in
            rhs.bytes.withUnsafeBytes { right in
                ByteOrder.areEqual(
                    UnsafeRawBufferPointer(rebasing: left[lhs.range]),
                    UnsafeRawBufferPointer(rebasing: right[rhs.range])
                )
            }
        }
    }

    /// How two numbers, two strings or two binaries compare; nil for other types and for a pair of
    /// different types.
    package func order(against other: PackedValue) -> ScalarOrder? {
        let tag = self.tag
        guard tag == other.tag, tag > PackedTag.isTrue, tag < PackedTag.list else { return nil }
        return self.comparePayloads(other, ByteOrder.compare)
    }

    /// Whether a string (or binary) begins with another string (or binary).
    package func hasPrefix(_ prefix: PackedValue) -> Bool {
        guard self.tag == prefix.tag, self.type == .string || self.type == .binary else {
            return false
        }
        return self.comparePayloads(prefix, ByteOrder.hasPrefix)
    }

    /// DynamoDB's `contains`: a substring of a string or binary, a member of a set of its type, or
    /// an element of a list.
    package func contains(_ part: PackedValue) -> Bool {
        switch self.type {
        case .string, .binary:
            self.tag == part.tag && self.comparePayloads(part, ByteOrder.contains)
        case .stringSet, .numberSet, .binarySet:
            self.type.memberType == part.type && self.hasMember(part)
        case .list: self.elements.contains { $0 == part }
        case .null, .bool, .number, .map: false
        }
    }

    private func hasMember(_ part: PackedValue) -> Bool {
        let wanted = part.payload
        return self.bytes.withUnsafeBytes { buffer in
            part.bytes.withUnsafeBytes { other in
                let target = UnsafeRawBufferPointer(rebasing: other[wanted])
                var cursor = PackedCursor(buffer, at: Int(self.start) + 1)
                _ = cursor.varint()
                for _ in 0..<cursor.varint() {
                    let member = cursor.block()
                    if ByteOrder.areEqual(cursor.slice(member), target) { return true }
                }
                return false
            }
        }
    }

    private func comparePayloads<Result>(
        _ other: PackedValue,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let mine = self.payload
        let theirs = other.payload
        return self.bytes.withUnsafeBytes { left in
            other.bytes.withUnsafeBytes { right in
                body(
                    UnsafeRawBufferPointer(rebasing: left[mine]),
                    UnsafeRawBufferPointer(rebasing: right[theirs])
                )
            }
        }
    }
}
