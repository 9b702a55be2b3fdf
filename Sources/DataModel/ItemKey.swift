package import Primitives

/// The key under which a table stores an item.
///
/// ```
/// token u64 big-endian | partition key length u16 big-endian | partition key | sort key
/// ```
///
/// Strings and binaries stand as they are and numbers in their order-preserving form, so byte order
/// is token order and, within one partition key, DynamoDB's sort-key order. The token is the XXH64
/// of the partition key's bytes and decides which partition holds the item.
package struct ItemKey: Hashable, Comparable, Sendable {
    package let bytes: [UInt8]

    private static let partitionStart = 10
    /// Token and length: no key has fewer bytes.
    package static let bytesMin = Self.partitionStart

    /// Takes bytes that an ``ItemKey`` of this process or of a checksummed store once had.
    package init(trusted bytes: [UInt8]) {
        precondition(bytes.count >= Self.partitionStart)
        self.bytes = bytes
    }

    /// Checks bytes that came from elsewhere: lengths, types and token.
    package init(validating bytes: [UInt8], _ schema: KeySchema) throws(DecodingError) {
        guard bytes.count > Self.partitionStart else { throw DecodingError(offset: bytes.count) }
        self.bytes = bytes
        let partition = self.partitionRange
        guard partition.upperBound <= bytes.count,
            partition.count <= ItemLimits.partitionKeyBytesMax,
            self.sortRange.count <= ItemLimits.sortKeyBytesMax,
            self.sortRange.isEmpty == (schema.sortKey == nil),
            Self.token(of: bytes[partition]) == self.token,
            Self.isValid(bytes[partition], schema.partitionKey.type)
        else { throw DecodingError(offset: Self.partitionStart) }
        if let sortKey = schema.sortKey {
            guard Self.isValid(bytes[self.sortRange], sortKey.type) else {
                throw DecodingError(offset: partition.upperBound)
            }
        }
    }

    /// The key of a whole item, which has other attributes too.
    package init(_ schema: KeySchema, from item: Item) throws(KeyError) {
        let partition = try Self.value(schema.partitionKey, in: item)
        var bytes = try Self.partitionPrefix(schema, partition)
        if let sortKey = schema.sortKey {
            let sort = try Self.value(sortKey, in: item)
            bytes.append(contentsOf: try Self.keyBytes(sort, sortKey, isSortKey: true))
        }
        self.bytes = bytes
    }

    /// The key of which exactly the key attributes are given.
    package init(_ schema: KeySchema, keyAttributes item: Item) throws(KeyError) {
        try self.init(schema, from: item)
        if item.count > schema.attributes.count {
            for entry in item.entries where !schema.isKey(entry.name) {
                throw .extraAttribute(entry.name)
            }
        }
    }

    /// The key of which exactly the key attributes are given.
    package init(_ schema: KeySchema, keyAttributes map: AttributeMap) throws(KeyError) {
        try self.init(schema, keyAttributes: Item(map))
    }

    package var token: Token {
        self.bytes.withUnsafeBytes { Token(bigEndian: $0.loadUnaligned(as: Token.self)) }
    }

    private var partitionRange: Range<Int> {
        let count = Int(self.bytes[8]) << 8 | Int(self.bytes[9])
        return Self.partitionStart..<Self.partitionStart + count
    }

    private var sortRange: Range<Int> { self.partitionRange.upperBound..<self.bytes.count }

    /// The bytes that all keys with this partition key begin with.
    package var partitionPrefix: [UInt8] {
        Array(self.bytes[0..<self.partitionRange.upperBound])
    }

    /// The sort key's bytes; none when the key has no sort key.
    package var sortKeyBytes: ArraySlice<UInt8> { self.bytes[self.sortRange] }

    /// The key's attributes.
    package func attributes(_ schema: KeySchema) -> AttributeMap {
        var map = AttributeMap()
        map[schema.partitionKey.name] = Self.decoded(
            self.bytes[self.partitionRange],
            schema.partitionKey.type
        )
        if let sortKey = schema.sortKey {
            map[sortKey.name] = Self.decoded(self.bytes[self.sortRange], sortKey.type)
        }
        return map
    }

    /// An item that consists of the key's attributes.
    package func keyItem(_ schema: KeySchema) -> Item { Item(self.attributes(schema)) }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        ByteOrder.isLess(lhs.bytes, rhs.bytes)
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        ByteOrder.compare(lhs.bytes, rhs.bytes) == .equal
    }

    package func hash(into hasher: inout Hasher) {
        self.bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    // MARK: Parts

    /// The token of a partition key's bytes.
    package static func token(of partitionKey: ArraySlice<UInt8>) -> Token {
        partitionKey.withUnsafeBytes { XXHash64.hash($0) }
    }

    /// Token, length and bytes of a partition key: what all its keys begin with.
    package static func partitionPrefix(
        _ schema: KeySchema,
        _ partition: PackedValue
    ) throws(KeyError) -> [UInt8] {
        let key = try self.keyBytes(partition, schema.partitionKey, isSortKey: false)
        let token = self.token(of: key)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.partitionStart + key.count + 32)
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: token >> UInt64(shift)))
        }
        bytes.append(UInt8(key.count >> 8))
        bytes.append(UInt8(key.count & 0xFF))
        bytes.append(contentsOf: key)
        return bytes
    }

    package static func partitionPrefix(
        _ schema: KeySchema,
        _ partition: AttributeValue
    ) throws(KeyError) -> [UInt8] {
        try self.partitionPrefix(schema, PackedValue(partition))
    }

    /// The first bytes of all keys whose token is at least `token`.
    package static func lowerBound(of token: Token) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: token >> UInt64($0)) }
    }

    /// The bytes of a key attribute's value inside a storage key, once its type and length are
    /// checked.
    static func keyBytes(
        _ value: PackedValue,
        _ attribute: KeyAttribute,
        isSortKey: Bool
    ) throws(KeyError) -> ArraySlice<UInt8> {
        guard value.type == attribute.type.attributeType else {
            throw .typeMismatch(attribute, actual: value.type)
        }
        let bytes = value.bytes[value.payload]
        guard !bytes.isEmpty else { throw .empty(attribute) }
        let limit =
            isSortKey ? ItemLimits.sortKeyBytesMax : ItemLimits.partitionKeyBytesMax
        guard bytes.count <= limit else {
            throw .tooLong(attribute, isSortKey: isSortKey, limit: limit)
        }
        return bytes
    }

    private static func value(
        _ attribute: KeyAttribute,
        in item: Item
    ) throws(KeyError) -> PackedValue {
        guard let value = item[attribute.name] else { throw .missing(attribute) }
        return value
    }

    static func decoded(
        _ bytes: ArraySlice<UInt8>,
        _ type: ScalarKeyType
    ) -> AttributeValue {
        switch type {
        case .string: .string(Array(bytes))
        case .binary: .binary(Array(bytes))
        case .number: .number(bytes.withUnsafeBytes { DecimalNumber(trusted: $0) })
        }
    }

    private static func isValid(_ bytes: ArraySlice<UInt8>, _ type: ScalarKeyType) -> Bool {
        switch type {
        case .string: !bytes.isEmpty && String(validating: bytes, as: UTF8.self) != nil
        case .binary: !bytes.isEmpty
        case .number: (try? DecimalNumber(packed: Array(bytes))) != nil
        }
    }
}
