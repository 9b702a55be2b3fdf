import NodeCore
import Primitives
import Testing
import Wire

/// A request that breaks a rule, and the message that says so.
struct Refusal: Sendable, CustomTestStringConvertible {
    var name: OperationName
    var json: String
    var message: String

    init(_ name: OperationName, _ json: String, _ message: String) {
        self.name = name
        self.json = json
        self.message = message
    }

    var testDescription: String { "\(self.name.rawValue) \(self.json.prefix(80))" }
}

func violation(_ value: String?, _ path: String, _ rule: String) -> String {
    let shown = value.map { "'\($0)'" } ?? "null"
    return "1 validation error detected: Value \(shown) at '\(path)' failed to satisfy constraint: "
        + "Member must " + rule
}

/// A violation as the service's newer front end tells it.
func hiddenViolation(_ member: String, _ rule: String) -> String {
    "1 validation error detected: Value at '\(member)' failed to satisfy constraint: Member must "
        + rule
}

/// A message as PutItem, UpdateItem and DeleteItem tell it.
func counted(_ message: String) -> String { "1 validation error detected: " + message }

let invalidParameters = "One or more parameter values were invalid: "

@Suite("Operations: what is refused") struct OperationRefusalTests {
    static let items: [Refusal] = [
        Refusal(.getItem, #"{"Key":{}}"#, violation(nil, "tableName", "not be null")),
        Refusal(.getItem, #"{"TableName":"tab"}"#, violation(nil, "key", "not be null")),
        Refusal(.putItem, #"{"TableName":"tab"}"#, violation(nil, "item", "not be null")),
        Refusal(
            .getItem,
            #"{"TableName":"ab","Key":{}}"#,
            violation("ab", "tableName", "have length greater than or equal to 3")
        ),
        Refusal(
            .getItem,
            #"{"TableName":"a b c","Key":{}}"#,
            violation("a b c", "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        ),
        Refusal(
            .putItem,
            #"{"TableName":"tab","Item":{},"ReturnValues":"all_old"}"#,
            counted(
                "Failed to satisfy constraint: Member must satisfy enum value set: "
                    + "[ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
            )
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Limit":0}"#,
            violation("0", "limit", "have value greater than or equal to 1")
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Segment":0,"TotalSegments":1000001}"#,
            violation("1000001", "totalSegments", "have value less than or equal to 1000000")
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Segment":-1,"TotalSegments":2}"#,
            violation("-1", "segment", "have value greater than or equal to 0")
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Select":"ALL"}"#,
            violation(
                "ALL",
                "select",
                "satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, "
                    + "ALL_PROJECTED_ATTRIBUTES]"
            )
        ),
        Refusal(
            .getItem,
            #"{"TableName":"tab","Key":{},"ReturnConsumedCapacity":"X"}"#,
            violation(
                "X",
                "returnConsumedCapacity",
                "satisfy enum value set: [INDEXES, TOTAL, NONE]"
            )
        ),
        Refusal(
            .putItem,
            #"{"TableName":"tab","Item":{},"ReturnValues":"ALL_NEW"}"#,
            counted("ReturnValues can only be ALL_OLD or NONE")
        ),
        Refusal(
            .deleteItem,
            #"{"TableName":"tab","Key":{},"ReturnValues":"UPDATED_OLD"}"#,
            counted("ReturnValues can only be ALL_OLD or NONE")
        ),
        Refusal(
            .putItem,
            ##"{"TableName":"tab","Item":{},"ExpressionAttributeNames":{"#a":"b"}}"##,
            counted("ExpressionAttributeNames can only be specified when using expressions")
        ),
        Refusal(
            .putItem,
            #"{"TableName":"tab","Item":{},"ExpressionAttributeValues":{}}"#,
            counted("ExpressionAttributeValues can only be specified when using expressions")
        ),
        Refusal(
            .updateItem,
            #"{"TableName":"tab","Key":{},"ExpressionAttributeValues":{}}"#,
            counted("ExpressionAttributeValues can only be specified when using expressions")
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","ExpressionAttributeValues":{}}"#,
            "ExpressionAttributeValues can only be specified when using expressions: "
                + "FilterExpression is null"
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","ExpressionAttributeValues":{},"KeyConditions":{}}"#,
            "ExpressionAttributeValues can only be specified when using expressions: "
                + "FilterExpression and KeyConditionExpression are null"
        ),
        Refusal(
            .updateItem,
            #"{"TableName":"tab","Key":{},"AttributeUpdates":{},"UpdateExpression":"x","#
                + #""Expected":{}}"#,
            counted(
                "Can not use both expression and non-expression parameters in the same request: "
                    + "Non-expression parameters: {AttributeUpdates, Expected} "
                    + "Expression parameters: {UpdateExpression}"
            )
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","KeyConditions":{}}"#,
            "Conditions can be of length 1 or 2 only"
        ),
        Refusal(
            .query,
            #"{"TableName":"tab"}"#,
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
                + "request."
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","KeyConditionExpression":"a","Limit":0}"#,
            hiddenViolation("Limit", "have value greater than or equal to 1")
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","KeyConditionExpression":"a","Select":"SPECIFIC_ATTRIBUTES"}"#,
            counted(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                    + "SPECIFIC_ATTRIBUTES"
            )
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","ExclusiveStartKey":{"a":{}}}"#,
            "The provided starting key is invalid: Supplied AttributeValue is empty, must contain "
                + "exactly one of the supported datatypes"
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","KeyConditionExpression":"a","ExpressionAttributeValues":"#
                + #"{":a":{"N":"1"},":b":{"N":"x"},":c":{"N":"y"}}}"#,
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted "
                + "to a numeric value: x for key :b"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Segment":0}"#,
            "The TotalSegments parameter is required but was not present in the request when "
                + "Segment parameter is present"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","TotalSegments":1}"#,
            "The Segment parameter is required but was not present in the request when parameter "
                + "TotalSegments is present"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Segment":3,"TotalSegments":3}"#,
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
                + "Segment: 3 is not less than TotalSegments: 3"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Select":"SPECIFIC_ATTRIBUTES"}"#,
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                + "SPECIFIC_ATTRIBUTES"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Select":"COUNT","ProjectionExpression":"a"}"#,
            "Cannot specify the ProjectionExpression when choosing to get only the Count"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","Select":"ALL_PROJECTED_ATTRIBUTES"}"#,
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        ),
    ]

    @Test("requests on single items and pages", arguments: items)
    func refusesItems(refusal: Refusal) {
        #expect(fault(refusal.name, refusal.json) == .validation(refusal.message))
    }

    @Test("all violations are told at once, ten at most") func severalViolations() {
        let error = fault(
            .getItem,
            #"{"TableName":";","IndexName":";","ReturnConsumedCapacity":"x"}"#
        )
        #expect(error?.message.hasPrefix("4 validation errors detected: Value ") == true)
        #expect(error?.message.split(separator: "; Value").count == 4)
        let keys = (0..<20).map { #"{"AttributeName":"\#($0)","KeyType":"x"}"# }
        let many = #"{"TableName":"tab","KeySchema":["# + keys.joined(separator: ",") + "]}"
        #expect(fault(.createTable, many)?.message.hasPrefix("10 validation errors") == true)
    }

    static let batches: [Refusal] = [
        Refusal(.batchGetItem, "{}", violation(nil, "requestItems", "not be null")),
        Refusal(
            .batchWriteItem,
            #"{"RequestItems":{}}"#,
            "The requestItems parameter is required for BatchWriteItem"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{},"ReturnConsumedCapacity":"x"}"#,
            "The requestItems parameter is required for BatchGetItem"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{}}}"#,
            violation(nil, "requestItems.tab.member.keys", "not be null")
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[]}}}"#,
            hiddenViolation(
                "RequestItems.tab.member.Keys",
                "have length greater than or equal to 1"
            )
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[{"k":{"N":"1"}},"#
                + #"{"k":{"N":"1.0"}}]}}}"#,
            "Provided list of item keys contains duplicates"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[{}],"AttributesToGet":["a","b","a"]}}}"#,
            invalidParameters + "Duplicate value in attribute name: a"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[{}],"AttributesToGet":["a"]},"#
                + #""two":{"Keys":[{}],"ProjectionExpression":"a"}}}"#,
            "Can not use both expression and non-expression parameters in the same request: "
                + "Non-expression parameters: {AttributesToGet} "
                + "Expression parameters: {ProjectionExpression}"
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[{}],"AttributesToGet":[]}}}"#,
            violation(
                "[]",
                "requestItems.tab.member.attributesToGet",
                "have length greater than or equal to 1"
            )
        ),
        Refusal(
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[{}],"ExpressionAttributeNames":{}}}}"#,
            "ExpressionAttributeNames can only be specified when using expressions"
        ),
        Refusal(
            .batchWriteItem,
            #"{"RequestItems":{"tab":[{}]}}"#,
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
                + "the supported datatypes"
        ),
        Refusal(
            .batchWriteItem,
            #"{"RequestItems":{"tab":[{"PutRequest":{"Item":{"a":{"N":"x"}}}}]}}"#,
            "The parameter cannot be converted to a numeric value: x"
        ),
    ]

    @Test("batches", arguments: batches) func refusesBatches(refusal: Refusal) {
        #expect(fault(refusal.name, refusal.json) == .validation(refusal.message))
    }

    @Test("batches take 25 writes and 100 keys") func batchSizes() {
        func write(_ tables: [Int]) -> ServiceError? {
            let put = #"{"PutRequest":{"Item":{"k":{"N":"1"}}}}"#
            let members = tables.enumerated().map { index, count in
                "\"tab\(index)\":["
                    + Array(repeating: put, count: count).joined(separator: ",") + "]"
            }
            return fault(
                .batchWriteItem,
                "{\"RequestItems\":{" + members.joined(separator: ",") + "}}"
            )
        }
        #expect(write([25]) == nil && write([20, 5]) == nil)
        #expect(
            write([26])?.message.contains(
                "Map value must satisfy constraint: [Member must have length less than or equal "
                    + "to 25, Member must have length greater than or equal to 1]"
            ) == true
        )
        #expect(write([0])?.kind == .validation)
        #expect(
            write([20, 6]) == .validation("Too many items requested for the BatchWriteItem call")
        )

        func get(_ tables: [Int]) -> ServiceError? {
            let members = tables.enumerated().map { index, count in
                let keys = (0..<count).map { #"{"k":{"N":"\#($0)"}}"# }
                return "\"tab\(index)\":{\"Keys\":[" + keys.joined(separator: ",") + "]}"
            }
            return fault(
                .batchGetItem,
                "{\"RequestItems\":{" + members.joined(separator: ",") + "}}"
            )
        }
        #expect(get([100]) == nil && get([60, 40]) == nil)
        #expect(get([101])?.message.contains("less than or equal to 100") == true)
        #expect(
            get([60, 41]) == .validation("Too many items requested for the BatchGetItem call")
        )
        let badName = fault(
            .batchGetItem,
            #"{"RequestItems":{"a":{"Keys":[{"k":{"N":"1"}}]}}}"#
        )
        #expect(badName?.message.contains("Map keys must satisfy constraint: [") == true)
    }

    @Test("members twice are refused") func duplicates() {
        for (name, json) in [
            (OperationName.getItem, #"{"TableName":"a","TableName":"b"}"#),
            (.scan, ##"{"ExpressionAttributeNames":{"#a":"b","#a":"c"}}"##),
            (.query, #"{"ExpressionAttributeValues":{":a":{"N":"1"},":a":{"N":"1"}}}"#),
            (.batchWriteItem, #"{"RequestItems":{"tab":[],"tab":[]}}"#),
            (.createTable, #"{"TableName":"a","TableName":"b"}"#),
        ] {
            #expect(fault(name, json)?.kind == .serialization, "\(json)")
        }
    }

    @Test("no mutated request traps, and each has a decoding or an error of a client")
    func fuzz() {
        let seeds: [(OperationName, String)] =
            [
                (
                    .putItem,
                    #"{"TableName":"tab","Item":{"k":{"S":"v\u00e9"},"n":{"N":"-1.5e3"},"#
                        + #""b":{"B":"AAEC"},"#
                        + #""l":{"L":[{"M":{"a":{"NULL":true}}},{"SS":["x","y"]}]},"#
                        + #""ns":{"NS":["1","2"]}},"#
                        + #""ConditionExpression":"a","#
                        + #""ExpressionAttributeValues":{":a":{"BOOL":false}}}"#
                ),
                (
                    .batchWriteItem,
                    #"{"RequestItems":{"tab":[{"PutRequest":{"Item":{"k":{"N":"1"}}}},"#
                        + #"{"DeleteRequest":{"Key":{"k":{"N":"2"}}}}]},"#
                        + #""ReturnConsumedCapacity":"TOTAL"}"#
                ),
                (
                    .batchGetItem,
                    #"{"RequestItems":{"tab":{"Keys":[{"k":{"N":"1"}}],"ConsistentRead":true}}}"#
                ),
                (
                    .updateItem,
                    #"{"TableName":"tab","Key":{"k":{"N":"1"}},"Expected":{"a":{"Value":"#
                        + #"{"N":"1"}},"b":{"ComparisonOperator":"BETWEEN","#
                        + #""AttributeValueList":[{"N":"1"},{"N":"2"}]}},"#
                        + #""AttributeUpdates":{"c":{"Action":"ADD","Value":{"N":"1"}}},"#
                        + #""ConditionalOperator":"AND"}"#
                ),
                (
                    .query,
                    #"{"TableName":"tab","KeyConditions":{"k":{"ComparisonOperator":"EQ","#
                        + #""AttributeValueList":[{"N":"1"}]}},"QueryFilter":{"a":"#
                        + #"{"ComparisonOperator":"NULL"}},"AttributesToGet":["x"],"Limit":3}"#
                ),
            ] + TableRefusalTests.tables.map { ($0.name, $0.json) }
        let hazards = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e9", "\"S\"", "\"N\":",
            "\"SS\":[]", "\u{E9}",
            "\"M\":{", "\"L\":[", "{\"N\":\"1\"}", "true", "-",
        ].map(bytes)
        let seed: UInt64 = 0x5EED_0004
        var random = SplitMix64(seed: seed)
        var kinds: [ServiceError.Kind: Int] = [:]
        for round in 0..<fuzzCount(100_000) {
            let (name, json) = seeds[round % 2 == 0 ? round / 2 % 5 : round % seeds.count]
            let input = mutated(bytes(json), &random, hazards: hazards)
            do throws(ServiceError) {
                _ = try OperationDecoder.decode(name, body: 0..<input.count, in: input)
            } catch {
                kinds[error.kind, default: 0] += 1
                #expect(error.kind.status == 400, "seed \(seed), round \(round)")
            }
        }
        #expect(Set(kinds.keys) == [.validation, .serialization])
    }
}
