import NodeCore
import Testing
import Wire

/// Which of several mistakes is told, and how many.
///
/// The answers are those captured from the service between June and October 2026:
/// nubo-db/dynamodb-conformance and paritysuite/dynamodb-conformance, captures/.
@Suite("Order of validation, as captured")
struct ValidationOrderTests {
    static let emptyName =
        "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member "
        + "must have length greater than or equal to 1"
    static let badEnum =
        "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, "
        + "ALL_NEW, UPDATE_NEW, NONE]"
    static let badCapacity =
        "Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint: Member must "
        + "satisfy enum value set: [INDEXES, TOTAL, NONE]"
    static let threeBad =
        #""ReturnConsumedCapacity":"INVALID","ReturnItemCollectionMetrics":"INVALID","#
        + #""ReturnValues":"INVALID""#

    static let captured: [Refusal] = [
        Refusal(
            .putItem,
            #"{"Item":{"pk":{"S":"test"}}}"#,
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: "
                + "Member must not be null"
        ),
        Refusal(.putItem, #"{"TableName":"","Item":{"pk":{"S":"t"}}}"#, emptyName),
        Refusal(.putItem, #"{"TableName":"","Item":{}}"#, emptyName),
        Refusal(.putItem, #"{"TableName":"","ReturnValues":"INVALID","Item":{}}"#, emptyName),
        Refusal(.deleteItem, #"{"TableName":"","Key":{}}"#, emptyName),
        Refusal(.updateItem, #"{"TableName":"","Key":{}}"#, emptyName),
        Refusal(
            .putItem,
            #"{"TableName":"\#(String(repeating: "a", count: 256))","Item":{}}"#,
            violation(
                String(repeating: "a", count: 256),
                "tableName",
                "have length less than or equal to 255"
            )
        ),
        Refusal(
            .putItem,
            #"{"TableName":"bad table!@#","Item":{},"ReturnValues":"INVALID"}"#,
            violation(
                "bad table!@#",
                "tableName",
                "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
            )
        ),
        Refusal(
            .putItem,
            #"{"TableName":"valid","Item":{"pk":{"S":"t"}},"# + threeBad + "}",
            "3 validation errors detected: \(badCapacity); \(badEnum); "
                + "ReturnItemCollectionMetrics can only be SIZE or NONE"
        ),
        Refusal(
            .deleteItem,
            #"{"TableName":"valid","Key":{"pk":{"S":"t"}},"ReturnValues":"INVALID","#
                + #""ReturnConsumedCapacity":"INVALID"}"#,
            "2 validation errors detected: \(badCapacity); \(badEnum)"
        ),
        Refusal(
            .updateItem,
            #"{"TableName":"valid","Key":{"pk":{"S":"t"}},"# + threeBad + "}",
            "1 validation error detected: " + badEnum
        ),
        Refusal(
            .putItem,
            #"{"TableName":"valid","Item":{"pk":{"S":"t"},"bad":{"SS":["a","a"]}}}"#,
            #"1 validation error detected: One or more parameter values were invalid: Input "#
                + #"collection ["a", "a"] contains duplicates."#
        ),
        Refusal(
            .putItem,
            #"{"TableName":"valid","Item":{"pk":{"S":"t"}},"Expected":{"pk":{"Exists":false}},"#
                + #""ConditionExpression":"attribute_not_exists(pk)"}"#,
            "1 validation error detected: Can not use both expression and non-expression "
                + "parameters in the same request: Non-expression parameters: {Expected} "
                + "Expression parameters: {ConditionExpression}"
        ),
        Refusal(
            .updateItem,
            #"{"TableName":"valid","Key":{"pk":{"S":"t"}},"UpdateExpression":"SET a = :deep","#
                + #""ExpressionAttributeValues":{":deep":\#(nested)}}"#,
            "1 validation error detected: Nesting Levels have exceeded supported limits: "
                + "Attributes in the item have nested levels beyond supported limit"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[\#(keys)]}}}"#,
            "1 validation error detected: Value at 'RequestItems.tab.member.Keys' failed to "
                + "satisfy constraint: Member must have length less than or equal to 100"
        ),
    ]

    static let nested =
        String(repeating: #"{"M":{"n":"#, count: 32) + #"{"S":"leaf"}"#
        + String(repeating: "}}", count: 32)
    static let keys = (0...100).map { #"{"pk":{"S":"\#($0)"}}"# }.joined(separator: ",")

    @Test("as captured", arguments: captured)
    func asCaptured(refusal: Refusal) {
        #expect(fault(refusal.name, refusal.json) == .validation(refusal.message))
    }

    @Test("types first, then the model's constraints, then how members go together, then values")
    func layers() {
        // Each request has one mistake less than the one before it.
        let requests = [
            (
                #"{"TableName":"","Item":{"a":{"N":"x"}},"ReturnValues":7,"Expected":{}}"#,
                "NUMBER_VALUE cannot be converted to String"
            ),
            (#"{"TableName":"","Item":{"a":{"N":"x"}},"ReturnValues":"X"}"#, Self.emptyName),
            (
                #"{"TableName":"a b c","Item":{"a":{"N":"x"}},"ReturnValues":"X"}"#,
                violation(
                    "a b c",
                    "tableName",
                    "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
                )
            ),
            (
                #"{"TableName":"tab","Item":{"a":{"N":"x"}},"ReturnValues":"X","#
                    + #""ExpressionAttributeValues":{}}"#,
                counted(Self.badEnum)
            ),
            (
                #"{"TableName":"tab","Item":{"a":{"N":"x"}},"ReturnValues":"ALL_NEW","#
                    + #""ExpressionAttributeValues":{}}"#,
                counted("ExpressionAttributeValues can only be specified when using expressions")
            ),
            (
                #"{"TableName":"tab","Item":{"a":{"N":"x"}},"ReturnValues":"ALL_NEW"}"#,
                counted("The parameter cannot be converted to a numeric value: x")
            ),
            (
                #"{"TableName":"tab","Item":{"a":{"N":"1"}},"ReturnValues":"ALL_NEW"}"#,
                counted("ReturnValues can only be ALL_OLD or NONE")
            ),
        ]
        for (json, message) in requests {
            #expect(fault(.putItem, json)?.message == message, "\(json)")
        }
    }
}
