package import DataModel
import History
package import NodeCore

/// What a write demanded of the item, as far as a checker can judge it.
package enum RecordedCondition: Equatable, Sendable {
    /// `attribute_exists` or `attribute_not_exists` of a key attribute.
    case exists(Bool)
    /// `w = :id`: the version must be this write's.
    case previous(String)
    case text(String)
}

/// An operation on one item, as a history tells it.
struct RecordedOperation: Equatable {
    var kind: OperationKind
    var table: String
    /// See ``ItemKey/text(_:)``.
    var key: String
    /// The attribute `w` that a write sets; nil when it sets none.
    var write: String?
    var condition: RecordedCondition?
    var isConsistent = false

    /// The attribute by which workloads name their writes.
    static let writeAttribute = Array("w".utf8)

    /// The name that a write gives itself, if a header can carry it back, as nodes see it.
    static func name(_ bytes: [UInt8]) -> String? {
        guard (1...256).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RecordedOperation {
    /// The tables on whose items an operation works one by one; none for all other operations.
    static func tables(of operation: Operation) -> [String] {
        switch operation {
        case .putItem(let request): [request.table]
        case .getItem(let request): [request.table]
        case .updateItem(let request): [request.table]
        case .deleteItem(let request): [request.table]
        case .batchGetItem(let request): request.tables.map(\.table)
        case .batchWriteItem(let request): request.tables.map(\.table)
        case .createTable, .describeTable, .listTables, .deleteTable, .updateTable, .query, .scan,
            .tableOption, .describeLimits, .describeEndpoints:
            []
        }
    }

    /// The operations on single items of a request; those with a key that the node will refuse are
    /// left out.
    static func all(
        in operation: Operation,
        _ schema: (_ table: String) -> KeySchema?
    ) -> [RecordedOperation] {
        func make(_ kind: OperationKind, _ table: String, _ item: Item) -> RecordedOperation? {
            guard let schema = schema(table), let key = try? ItemKey(schema, from: item) else {
                return nil
            }
            var made = RecordedOperation(kind: kind, table: table, key: key.text(schema))
            if kind == .put { made.write = item[Self.writeAttribute]?.string.flatMap(Self.name) }
            return made
        }
        func conditional(
            _ made: RecordedOperation?,
            _ condition: [UInt8]?,
            _ bindings: ExpressionBindings
        ) -> RecordedOperation? {
            guard var made, let condition, let schema = schema(made.table) else { return made }
            made.condition = ExpressionText(condition, bindings).condition(schema)
            return made
        }
        switch operation {
        case .putItem(let request):
            let made = make(.put, request.table, request.item)
            return [conditional(made, request.condition, request.bindings)].compactMap { $0 }
        case .deleteItem(let request):
            let made = make(.delete, request.table, request.key)
            return [conditional(made, request.condition, request.bindings)].compactMap { $0 }
        case .updateItem(let request):
            var made = make(.update, request.table, request.key)
            if let update = request.update {
                made?.write = ExpressionText(update, request.bindings).assignedWrite
            }
            return [conditional(made, request.condition, request.bindings)].compactMap { $0 }
        case .getItem(let request):
            var made = make(.get, request.table, request.key)
            made?.isConsistent = request.consistentRead
            return [made].compactMap { $0 }
        case .batchGetItem(let request):
            return request.tables.flatMap { table in
                table.keys.compactMap { key in
                    var made = make(.get, table.table, key)
                    made?.isConsistent = table.consistentRead
                    return made
                }
            }
        case .batchWriteItem(let request):
            return request.tables.flatMap { table in
                table.writes.compactMap { write in
                    switch write {
                    case .put(let item): make(.put, table.table, item)
                    case .delete(let key): make(.delete, table.table, key)
                    }
                }
            }
        case .createTable, .describeTable, .listTables, .deleteTable, .updateTable, .query, .scan,
            .tableOption, .describeLimits, .describeEndpoints:
            return []
        }
    }
}

/// An expression as words and signs, to find the few forms in it that a history understands.
package struct ExpressionText {
    private let text: [UInt8]
    private let bindings: ExpressionBindings
    /// Names, placeholders and keywords whole; every other sign alone; no blanks.
    private let tokens: [ArraySlice<UInt8>]

    package init(_ text: [UInt8], _ bindings: ExpressionBindings) {
        self.text = text
        self.bindings = bindings
        var tokens: [ArraySlice<UInt8>] = []
        var start: Int?
        for (index, byte) in text.enumerated() {
            if Self.isWordByte(byte) {
                start = start ?? index
                continue
            }
            if let begun = start { tokens.append(text[begun..<index]) }
            start = nil
            if byte > 0x20 { tokens.append(text[index...index]) }
        }
        if let begun = start { tokens.append(text[begun...]) }
        self.tokens = tokens
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default:
            (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "#")
                || byte == UInt8(ascii: ":") || byte >= 0x80
        }
    }

    /// The form that a checker can judge, or the text as it is.
    package func condition(_ schema: KeySchema) -> RecordedCondition {
        if self.tokens.count == 4, self.isSign(1, "("), self.isSign(3, ")"),
            schema.isKey(self.name(2))
        {
            if self.tokens[0].elementsEqual("attribute_exists".utf8) { return .exists(true) }
            if self.tokens[0].elementsEqual("attribute_not_exists".utf8) { return .exists(false) }
        }
        if self.tokens.count == 3, self.isSign(1, "="),
            self.name(0) == RecordedOperation.writeAttribute, let id = self.writeName(2)
        {
            return .previous(id)
        }
        return .text(String(decoding: self.text, as: UTF8.self))
    }

    /// What an update expression assigns to `w`: the string in `SET …, w = :id, …`.
    package var assignedWrite: String? {
        for index in self.tokens.indices.dropFirst() where self.isSign(index, "=") {
            guard self.name(index - 1) == RecordedOperation.writeAttribute,
                index >= 2, self.isSign(index - 2, ",") || self.isKeyword(index - 2),
                index + 1 < self.tokens.count, let id = self.writeName(index + 1)
            else { continue }
            let end = index + 2
            if end == self.tokens.count || self.isSign(end, ",") || self.isKeyword(end) {
                return id
            }
        }
        return nil
    }

    private func isSign(_ index: Int, _ sign: Unicode.Scalar) -> Bool {
        self.tokens[index].count == 1 && self.tokens[index].first == UInt8(ascii: sign)
    }

    private func isKeyword(_ index: Int) -> Bool {
        let word = String(decoding: self.tokens[index], as: UTF8.self).lowercased()
        return ["set", "remove", "add", "delete"].contains(word)
    }

    /// The attribute that a token names.
    private func name(_ index: Int) -> [UInt8] {
        let token = self.tokens[index]
        guard token.first == UInt8(ascii: "#") else { return Array(token) }
        return self.bindings.names?.first { $0.placeholder.elementsEqual(token) }?.name ?? []
    }

    /// The write's name for which a token stands.
    private func writeName(_ index: Int) -> String? {
        let token = self.tokens[index]
        guard
            let bound = self.bindings.values?.first(where: { $0.placeholder.elementsEqual(token) }),
            case .string(let bytes) = bound.value
        else { return nil }
        return RecordedOperation.name(bytes)
    }
}
