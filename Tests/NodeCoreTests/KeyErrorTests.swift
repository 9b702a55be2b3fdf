import DataModel
import NodeCore
import Primitives
import Testing

/// The texts are DynamoDB's own, misprints included.
@Suite("What a bad key is told") struct KeyErrorTests {
    static let cluster = { @Sendable in
        var plan = ClusterPlan(seed: 7)
        plan.nodesPerRegion = 1
        plan.replicationFactor = 1
        return Cluster.withTable("films", plan, schema: Requests.sorted)
    }

    private static func item(_ entries: [(String, AttributeValue)]) -> Item {
        Item(AttributeMap(entries.map { (name: Array($0.0.utf8), value: $0.1) }))
    }

    private static let text = AttributeValue.string(Array("x".utf8))
    private static let number = AttributeValue.number(DecimalNumber(1))

    private func refusal(_ operation: Operation) -> String? {
        let outcome = Self.cluster().ask(operation, of: 0)
        guard let error = outcome.error, error.kind == .validation else { return nil }
        return error.message
    }

    @Test(
        "a put of an item without a proper key",
        arguments: [
            (
                [("s", Self.number)],
                "One or more parameter values were invalid: Missing the key p in the item"
            ),
            (
                [("p", Self.number), ("s", Self.number)],
                "One or more parameter values were invalid: Type mismatch for key p expected: S "
                    + "actual: N"
            ),
            (
                [("p", .string([])), ("s", Self.number)],
                "One or more parameter values are not valid. The AttributeValue for a key "
                    + "attribute cannot contain an empty string value. Key: p"
            ),
            (
                [("p", .string([UInt8](repeating: 0x61, count: 2_049))), ("s", Self.number)],
                "One or more parameter values were invalid: Size of hashkey has exceeded the "
                    + "maximum size limit of2048 bytes"
            ),
        ]
    )
    func puts(_ entries: [(String, AttributeValue)], _ message: String) {
        #expect(self.refusal(Requests.put("films", Self.item(entries))) == message)
    }

    @Test(
        "a key that does not fit the table",
        arguments: [
            [("p", Self.text)],
            [("p", Self.text), ("s", Self.text)],
            [("p", Self.text), ("s", Self.number), ("v", Self.number)],
        ]
    )
    func keys(_ entries: [(String, AttributeValue)]) {
        let message = "The provided key element does not match the schema"
        let key = Self.item(entries)
        #expect(self.refusal(Requests.get("films", key)) == message)
        #expect(self.refusal(Requests.delete("films", key)) == message)
        #expect(self.refusal(Requests.add("films", key)) == message)
        var scan = ScanRequest(table: "films")
        scan.exclusiveStartKey = key
        #expect(
            self.refusal(.scan(scan)) == "The provided starting key is invalid: " + message
        )
    }

    @Test("a batch that names a key twice") func duplicates() {
        let key = Requests.key("a", 1)
        let message = "Provided list of item keys contains duplicates"
        let read = BatchGetItemRequest(tables: [BatchGetTable(table: "films", keys: [key, key])])
        #expect(self.refusal(.batchGetItem(read)) == message)
        let put = BatchWrite.put(Requests.item("a", 1, value: 1))
        let write = BatchWriteItemRequest(
            tables: [BatchWriteTable(table: "films", writes: [put, .delete(key: key)])]
        )
        #expect(self.refusal(.batchWriteItem(write)) == message)
    }
}
