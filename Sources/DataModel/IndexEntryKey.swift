/// Where entries of secondary indexes lie: byte order is the order of pages.
///
/// ```
/// global: token u64 BE | length u16 BE | partition key | sort keys | key of the item
/// local:  number u8 | token u64 BE | length u16 BE | partition key | sort key | item's sort key
/// ```
///
/// A single partition key stands as it is, so that a global index spreads as a table with that key
/// does. Wherever more follows, values are closed: 0x00 becomes 0x00 0xFF, and 0x00 0x00 ends it,
/// so that a value lies before all that begin with it. A global entry is a valid ``ItemKey``.
extension IndexDefinition {
    /// The key of an item's entry in a global index; nil when it has none: an attribute of the key
    /// is missing, or cannot be one.
    package func globalKey(of item: Item, at key: ItemKey) -> ItemKey? {
        guard var bytes = try? self.globalPrefix(of: item) else { return nil }
        bytes.append(contentsOf: key.bytes)
        return ItemKey(trusted: bytes)
    }

    /// The key of an item's entry in the local index of this number, or nil as above.
    package func localKey(_ number: UInt8, of item: Item, at key: ItemKey) -> [UInt8]? {
        guard let attribute = self.keys.sort.first, let value = item[attribute.name],
            let sort = try? ItemKey.keyBytes(value, attribute, isSortKey: true)
        else { return nil }
        var bytes: [UInt8] = [number]
        bytes.reserveCapacity(key.bytes.count + sort.count + 8)
        bytes.append(contentsOf: key.partitionPrefix)
        Self.close(sort, into: &bytes)
        bytes.append(contentsOf: key.sortKeyBytes)
        return bytes
    }

    /// Everything of a global entry's key but the item's.
    private func globalPrefix(of item: Item) throws(KeyError) -> [UInt8] {
        var values: [PackedValue] = []
        for attribute in self.keys.attributes {
            guard let value = item[attribute.name] else { throw .missing(attribute) }
            values.append(value)
        }
        let count = self.keys.partition.count
        var bytes = try self.partitionPrefix(Array(values[..<count]))
        for (attribute, value) in zip(self.keys.sort, values[count...]) {
            Self.close(try ItemKey.keyBytes(value, attribute, isSortKey: true), into: &bytes)
        }
        return bytes
    }

    /// What all entries of one partition key of a global index begin with.
    package func partitionPrefix(_ values: [PackedValue]) throws(KeyError) -> [UInt8] {
        precondition(values.count == self.keys.partition.count)
        var key: [UInt8] = []
        for (attribute, value) in zip(self.keys.partition, values) {
            let bytes = try ItemKey.keyBytes(value, attribute, isSortKey: false)
            if values.count == 1 {
                key.append(contentsOf: bytes)
            } else {
                Self.close(bytes, into: &key)
            }
        }
        let token = ItemKey.token(of: key[...])
        var bytes = ItemKey.lowerBound(of: token)
        bytes.reserveCapacity(bytes.count + key.count + 64)
        bytes.append(UInt8(key.count >> 8))
        bytes.append(UInt8(key.count & 0xFF))
        bytes.append(contentsOf: key)
        return bytes
    }

    private static func close(_ value: ArraySlice<UInt8>, into bytes: inout [UInt8]) {
        self.open(value, into: &bytes)
        bytes.append(0)
        bytes.append(0)
    }

    /// A value that may go on: what begins with it follows.
    private static func open(_ value: ArraySlice<UInt8>, into bytes: inout [UInt8]) {
        for byte in value {
            bytes.append(byte)
            if byte == 0 { bytes.append(0xFF) }
        }
    }
}

/// What a query asks of an index's key.
package struct IndexRange: Equatable, Sendable {
    /// One for each attribute of the partition key.
    package var partition: [AttributeValue]
    /// Of the first sort keys.
    package var equal: [AttributeValue]
    /// Of the sort key behind these.
    package var last: SortKeyBounds

    package init(partition: [AttributeValue], equal: [AttributeValue], last: SortKeyBounds) {
        self.partition = partition
        self.equal = equal
        self.last = last
    }
}

extension IndexDefinition {
    /// The range of a global index's entries.
    package func globalBounds(_ range: IndexRange) throws(KeyError) -> KeyBounds {
        let prefix = try self.partitionPrefix(range.partition.map { PackedValue($0) })
        return try self.bounds(range, behind: prefix)
    }

    /// The range of the entries of the local index of this number.
    package func localBounds(
        _ number: UInt8,
        _ range: IndexRange,
        _ table: KeySchema
    ) throws(KeyError) -> KeyBounds {
        let prefix = try ItemKey.partitionPrefix(table, range.partition[0])
        return try self.bounds(range, behind: [number] + prefix)
    }

    private func bounds(
        _ range: IndexRange,
        behind prefix: [UInt8]
    ) throws(KeyError) -> KeyBounds {
        var start = prefix
        for (attribute, value) in zip(self.keys.sort, range.equal) {
            let value = PackedValue(value)
            Self.close(try ItemKey.keyBytes(value, attribute, isSortKey: true), into: &start)
        }
        let position = range.equal.count
        let end = Self.end(of: start)
        guard position < self.keys.sort.count else { return KeyBounds(from: start, to: end) }
        let attribute = self.keys.sort[position]
        let closed = { (value: AttributeValue) throws(KeyError) -> [UInt8] in
            var bytes = start
            let value = PackedValue(value)
            Self.close(try ItemKey.keyBytes(value, attribute, isSortKey: true), into: &bytes)
            return bytes
        }
        switch range.last {
        case .all: return KeyBounds(from: start, to: end)
        case .equal(let value):
            let key = try closed(value)
            return KeyBounds(from: key, to: Self.end(of: key))
        case .less(let value): return KeyBounds(from: start, to: try closed(value))
        case .lessOrEqual(let value):
            return KeyBounds(from: start, to: Self.end(of: try closed(value)))
        case .greater(let value):
            return KeyBounds(from: Self.end(of: try closed(value)), to: end)
        case .greaterOrEqual(let value): return KeyBounds(from: try closed(value), to: end)
        case .between(let low, let high):
            return KeyBounds(from: try closed(low), to: Self.end(of: try closed(high)))
        case .beginsWith(let value):
            let value = PackedValue(value)
            var first = start
            Self.open(try ItemKey.keyBytes(value, attribute, isSortKey: true), into: &first)
            return KeyBounds(from: first, to: Self.end(of: first))
        }
    }

    private static func end(of prefix: [UInt8]) -> [UInt8] {
        guard let end = ByteOrder.successor(ofPrefix: prefix) else {
            preconditionFailure("a key's length is below 0xFFFF")
        }
        return end
    }
}

/// Why an item cannot be written: what it has for a key attribute of an index cannot be one.
package struct IndexKeyFault: Error, Hashable, Sendable {
    package var index: String
    package var fault: KeyError
}

extension IndexDefinition {
    /// Refuses an item with a key attribute of the wrong type, empty, or too long; one that lacks
    /// it altogether just has no entry.
    package func check(_ item: Item) throws(IndexKeyFault) {
        do throws(KeyError) {
            for (isSortKey, attributes) in [
                (false, self.keys.partition), (true, self.keys.sort),
            ] {
                for attribute in attributes {
                    guard let value = item[attribute.name] else { continue }
                    _ = try ItemKey.keyBytes(value, attribute, isSortKey: isSortKey)
                }
            }
        } catch {
            throw IndexKeyFault(index: self.name, fault: error)
        }
    }
}
