package import DataModel

/// `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request, and which of them its
/// expressions used so far.
///
/// One value serves all expressions of a request: each parser marks what it uses, and
/// ``requireAllUsed()`` refuses what is left over, as DynamoDB does. Values are kept packed,
/// because conditions compare packed bytes.
package struct Substitutions: Sendable {
    /// The names' `#placeholders`, and the attribute names they stand for.
    private(set) var names: [[UInt8]] = []
    private var nameKeys = KeyTable()
    /// What the `:placeholders` stand for; expressions share this array.
    private(set) var values: [PackedValue] = []
    private var valueKeys = KeyTable()

    /// No substitutions.
    package init() {}

    /// Takes what a request sent, in its order; nil stands for a parameter that is absent.
    ///
    /// - Throws: an empty map, a malformed or overlong key, or an empty attribute name, in the
    ///   words of DynamoDB.
    package init(
        names: [(key: [UInt8], name: [UInt8])]?,
        values: [(key: [UInt8], value: AttributeValue)]?
    ) throws(ExpressionError) {
        if let names {
            let keys = names.map(\.key)
            try Self.check(keys, "ExpressionAttributeNames", sign: UInt8(ascii: "#"))
            for name in names where name.name.isEmpty {
                throw ExpressionError(
                    "ExpressionAttributeNames contains invalid value: Empty attribute name for key "
                        + text(name.key)
                )
            }
            self.nameKeys = KeyTable(keys)
            self.names = names.map(\.name)
        }
        if let values {
            let keys = values.map(\.key)
            try Self.check(keys, "ExpressionAttributeValues", sign: UInt8(ascii: ":"))
            self.valueKeys = KeyTable(keys)
            self.values = Self.packed(values)
        }
    }

    /// The values packed in one buffer that they share: as the elements of a list.
    private static func packed(
        _ values: [(key: [UInt8], value: AttributeValue)]
    ) -> [PackedValue] {
        var writer = ValueWriter(reserving: 64 + 32 * values.count)
        do {
            try writer.beginList()
        } catch {
            preconditionFailure("one list cannot be too deep: \(error)")
        }
        for value in values { writer.append(value.value) }
        writer.endList()
        var packed: [PackedValue] = []
        packed.reserveCapacity(values.count)
        for value in writer.finishValue().elements { packed.append(value) }
        return packed
    }

    /// Refuses placeholders that no expression parsed so far has used.
    package func requireAllUsed() throws(ExpressionError) {
        if let keys = self.nameKeys.unused() {
            throw ExpressionError(
                "Value provided in ExpressionAttributeNames unused in expressions: keys: {\(keys)}"
            )
        }
        if let keys = self.valueKeys.unused() {
            throw ExpressionError(
                "Value provided in ExpressionAttributeValues unused in expressions: keys: {\(keys)}"
            )
        }
    }

    /// The attribute name behind a `#name` in the text, which counts as used from now on.
    mutating func name(for token: Range<Int>, in text: [UInt8]) -> [UInt8]? {
        self.nameKeys.use(token, in: text).map { self.names[$0] }
    }

    /// The index of the value behind a `:value` in the text, which counts as used from now on.
    mutating func valueIndex(for token: Range<Int>, in text: [UInt8]) -> Int? {
        self.valueKeys.use(token, in: text)
    }

    private static func check(
        _ keys: [[UInt8]],
        _ parameter: String,
        sign: UInt8
    ) throws(ExpressionError) {
        guard !keys.isEmpty else { throw ExpressionError("\(parameter) must not be empty") }
        for key in keys {
            guard key.count <= ExpressionLimits.substitutionBytesMax else {
                throw ExpressionError(
                    "\(parameter) contains invalid key: The expression attribute map contains a "
                        + "key that is too long; size of key: \(key.count)"
                )
            }
            guard key.count > 1, key[0] == sign, key.dropFirst().allSatisfy(isWordByte) else {
                throw ExpressionError(
                    "\(parameter) contains invalid key: Syntax error; key: \"\(text(key))\""
                )
            }
        }
    }
}

/// Placeholders, found by their bytes, and which were used.
private struct KeyTable: Sendable {
    private let keys: [[UInt8]]
    /// The keys' indexes in ascending order of the keys; empty when there are few of them, which a
    /// plain search finds faster.
    private let order: [Int]
    private var usedCount = 0
    /// One bit for each of the first 64 keys, and an element for each of the others.
    private var usedBits: UInt64 = 0
    private var usedRest: [Bool] = []

    init() {
        self.keys = []
        self.order = []
    }

    init(_ keys: [[UInt8]]) {
        self.keys = keys
        if keys.count > 64 { self.usedRest = Array(repeating: false, count: keys.count - 64) }
        self.order =
            keys.count <= 16
            ? [] : keys.indices.sorted { ByteOrder.isLess(keys[$0], keys[$1]) }
    }

    /// The index of the key that equals a token of the text; it counts as used from now on.
    mutating func use(_ token: Range<Int>, in text: [UInt8]) -> Int? {
        let found = text.withUnsafeBytes { bytes in
            self.index(of: UnsafeRawBufferPointer(rebasing: bytes[token]))
        }
        guard let index = found else { return nil }
        if !self.isUsed(index) {
            self.usedCount += 1
            if index < 64 {
                self.usedBits |= 1 << UInt64(index)
            } else {
                self.usedRest[index - 64] = true
            }
        }
        return index
    }

    private func isUsed(_ index: Int) -> Bool {
        index < 64 ? self.usedBits & 1 << UInt64(index) != 0 : self.usedRest[index - 64]
    }

    private func index(of wanted: UnsafeRawBufferPointer) -> Int? {
        if self.order.isEmpty {
            for index in self.keys.indices {
                let isFound = self.keys[index].withUnsafeBytes { ByteOrder.areEqual($0, wanted) }
                if isFound { return index }
            }
            return nil
        }
        var low = 0
        var high = self.order.count
        while low < high {
            let middle = (low + high) / 2
            let index = self.order[middle]
            switch self.keys[index].withUnsafeBytes({ ByteOrder.compare($0, wanted) }) {
            case .less: low = middle + 1
            case .equal: return index
            case .greater: high = middle
            }
        }
        return nil
    }

    /// The keys nobody used, as error texts list them; nil when there are none.
    func unused() -> String? {
        guard self.usedCount < self.keys.count else { return nil }
        return self.keys.indices.filter { !self.isUsed($0) }.map { text(self.keys[$0]) }
            .joined(separator: ", ")
    }
}

/// Bytes for an error text; what is not UTF-8 is repaired.
func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
