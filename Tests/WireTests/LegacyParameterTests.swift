import DataModel
import Expressions
import NodeCore
import Testing
import Wire

private let invalid = "One or more parameter values were invalid: "

private func put(_ members: String) -> String {
    #"{"TableName":"tab","Item":{"k":{"S":"a"}},"# + members + "}"
}

private func update(_ members: String) -> String {
    #"{"TableName":"tab","Key":{"k":{"S":"a"}},"# + members + "}"
}

private func query(_ members: String) -> String {
    #"{"TableName":"tab","KeyConditions":{"k":{"ComparisonOperator":"EQ","#
        + #""AttributeValueList":[{"S":"a"}]}},"# + members + "}"
}

@Suite("Legacy parameters of requests")
struct LegacyParameterTests {
    @Test("Expected becomes conditions in each of its forms")
    func expected() throws {
        let json = put(
            #""Expected":{"a":{"Value":{"N":"1"}},"b":{"Exists":false},"#
                + #""c":{"Exists":true,"Value":{"S":"x"}},"#
                + #""d":{"ComparisonOperator":"GT","Value":{"N":"2"}},"#
                + #""e":{"ComparisonOperator":"NOT_NULL"},"#
                + #""f":{"ComparisonOperator":"IN","AttributeValueList":[{"N":"1"},{"N":"2"}]}},"#
                + #""ConditionalOperator":"OR""#
        )
        guard case .putItem(let request) = try decode(.putItem, json) else { preconditionFailure() }
        func condition(
            _ name: String,
            _ comparison: LegacyOperator,
            _ values: [AttributeValue]
        ) -> LegacyCondition {
            LegacyCondition(attribute: bytes(name), comparison: comparison, values: values)
        }
        #expect(
            request.expected
                == LegacyConditions(
                    [
                        condition("a", .equal, [1]), condition("b", .null, []),
                        condition("c", .equal, ["x"]), condition("d", .greater, [2]),
                        condition("e", .notNull, []), condition("f", .isIn, [1, 2]),
                    ],
                    isDisjunction: true
                )
        )
    }

    @Test("AttributeUpdates, and PUT without an action")
    func updates() throws {
        let json = update(
            #""AttributeUpdates":{"a":{"Value":{"S":"x"}},"b":{"Action":"DELETE"},"#
                + #""c":{"Action":"ADD","Value":{"N":"1"}}}"#
        )
        guard case .updateItem(let request) = try decode(.updateItem, json) else {
            preconditionFailure()
        }
        #expect(
            request.attributeUpdates == [
                LegacyUpdate(attribute: bytes("a"), action: .put, value: "x"),
                LegacyUpdate(attribute: bytes("b"), action: .delete, value: nil),
                LegacyUpdate(attribute: bytes("c"), action: .add, value: 1),
            ]
        )
    }

    @Test("a Query's and a Scan's filters, and what they return")
    func reads() throws {
        let json = query(
            #""QueryFilter":{"a":{"ComparisonOperator":"NULL"}},"AttributesToGet":["x","y"]"#
        )
        guard case .query(let request) = try decode(.query, json) else { preconditionFailure() }
        #expect(request.keyCondition == nil && request.keyConditions.count == 1)
        #expect(request.queryFilter?.conditions.map(\.comparison) == [.null])
        #expect(request.attributesToGet == [bytes("x"), bytes("y")])
        // KeyConditions goes with expressions other than its own.
        let mixed = query(#""FilterExpression":"attribute_exists(a)""#)
        guard case .query(let both) = try decode(.query, mixed) else { preconditionFailure() }
        #expect(both.filter != nil && both.keyConditions.count == 1)
        let scan =
            #"{"TableName":"tab","ScanFilter":{"a":{"ComparisonOperator":"EQ","#
            + #""AttributeValueList":[{"BOOL":true}]}},"ConditionalOperator":"OR"}"#
        guard case .scan(let scanned) = try decode(.scan, scan) else { preconditionFailure() }
        #expect(scanned.scanFilter?.isDisjunction == true)
        guard
            case .getItem(let get) = try decode(
                .getItem,
                #"{"TableName":"tab","Key":{"k":{"S":"a"}},"AttributesToGet":["x"]}"#
            )
        else { preconditionFailure() }
        #expect(get.attributesToGet == [bytes("x")])
    }

    static let refused: [Refusal] = [
        Refusal(
            .putItem,
            put(#""Expected":{"a":{}}"#),
            counted(invalid + "Value must be provided when Exists is null for Attribute: a")
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"Exists":true}}"#),
            counted(invalid + "Value must be provided when Exists is true for Attribute: a")
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"Exists":false,"Value":{"N":"1"}}}"#),
            counted(invalid + "Value cannot be used when Exists is false for Attribute: a")
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"Value":{"N":"1"},"AttributeValueList":[]}}"#),
            counted(
                invalid + "Value and AttributeValueList cannot be used together for Attribute: a"
            )
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"Exists":true,"ComparisonOperator":"EQ"}}"#),
            counted(
                invalid + "Exists and ComparisonOperator cannot be used together for Attribute: a"
            )
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"ComparisonOperator":"EQ"}}"#),
            counted(
                invalid + "Value or AttributeValueList must be used with ComparisonOperator: EQ "
                    + "for Attribute: a"
            )
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"AttributeValueList":[{"N":"1"}]}}"#),
            counted(
                invalid
                    + "AttributeValueList can only be used with a ComparisonOperator for "
                    + "Attribute: a"
            )
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"ComparisonOperator":"LT","Value":{"BOOL":true}}}"#),
            counted(
                invalid + "ComparisonOperator LT is not valid for BOOL AttributeValue type"
            )
        ),
        Refusal(
            .putItem,
            put(#""Expected":{"a":{"ComparisonOperator":"LIKE","Value":{"N":"1"}}}"#),
            violation(
                "LIKE",
                "expected.a.member.comparisonOperator",
                "satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, "
                    + "NE, LE, BEGINS_WITH, GE, CONTAINS]"
            )
        ),
        Refusal(
            .deleteItem,
            update(#""ConditionalOperator":"OR""#),
            counted(invalid + "ConditionalOperator cannot be used without Filter or Expected")
        ),
        Refusal(
            .updateItem,
            update(#""AttributeUpdates":{"a":{"Action":"PUT"}}"#),
            counted(
                invalid + "Only DELETE action is allowed when no attribute value is specified"
            )
        ),
        Refusal(
            .updateItem,
            update(#""AttributeUpdates":{"a":{"Action":"SET","Value":{"N":"1"}}}"#),
            violation(
                "SET",
                "attributeUpdates.a.member.action",
                "satisfy enum value set: [ADD, PUT, DELETE]"
            )
        ),
        Refusal(
            .updateItem,
            update(#""AttributeUpdates":{"a":{"Value":{"SS":[]}}}"#),
            counted(invalid + "An string set  may not be empty")
        ),
        Refusal(
            .query,
            #"{"TableName":"tab","KeyConditions":{"a":{}}}"#,
            violation(nil, "keyConditions.a.member.comparisonOperator", "not be null")
        ),
        Refusal(
            .query,
            query(#""QueryFilter":{"a":{"ComparisonOperator":"EQ"}}"#),
            invalid + "Invalid number of argument(s) for the EQ ComparisonOperator"
        ),
        Refusal(
            .query,
            query(#""AttributesToGet":["a"],"FilterExpression":"x""#),
            "Can not use both expression and non-expression parameters in the same request: "
                + "Non-expression parameters: {AttributesToGet} "
                + "Expression parameters: {FilterExpression}"
        ),
        Refusal(
            .query,
            query(#""KeyConditionExpression":"x""#),
            "Can not use both expression and non-expression parameters in the same request: "
                + "Non-expression parameters: {KeyConditions} "
                + "Expression parameters: {KeyConditionExpression}"
        ),
        Refusal(
            .query,
            query(#""AttributesToGet":["a"],"Select":"COUNT""#),
            "Cannot specify the AttributesToGet when choosing to get only the Count"
        ),
        Refusal(
            .scan,
            #"{"TableName":"tab","AttributesToGet":["a","a"]}"#,
            invalid + "Duplicate value in attribute name: a"
        ),
    ]

    @Test("what is refused", arguments: refused)
    func refuses(refusal: Refusal) {
        #expect(fault(refusal.name, refusal.json) == .validation(refusal.message))
    }

    @Test("a request cut anywhere is no JSON, and none traps")
    func cuts() throws {
        let requests: [(OperationName, String)] = [
            (
                .putItem,
                put(
                    #""Expected":{"a":{"ComparisonOperator":"IN","AttributeValueList":"#
                        + #"[{"N":"1"},{"SS":["x","y"]}]},"b":{"Exists":false}},"#
                        + #""ConditionalOperator":"OR","ReturnValues":"ALL_OLD""#
                )
            ),
            (
                .updateItem,
                update(
                    #""AttributeUpdates":{"a":{"Action":"ADD","Value":{"L":[{"M":{"x":{"B":"AQ=="}"#
                        + #"}}]}},"b":{"Action":"DELETE"}}"#
                )
            ),
            (
                .query,
                query(
                    #""QueryFilter":{"a":{"ComparisonOperator":"NOT_NULL"}},"Limit":10,"#
                        + #""AttributesToGet":["x","\u00e9"],"ScanIndexForward":false"#
                )
            ),
            (
                .batchGetItem,
                #"{"RequestItems":{"tab":{"Keys":[{"k":{"N":"1"}}],"AttributesToGet":["a"]}},"#
                    + #""ReturnConsumedCapacity":"INDEXES"}"#
            ),
        ]
        for (name, json) in requests {
            if name != .putItem { #expect(fault(name, json) == nil) }
            let whole = bytes(json)
            for end in 0..<whole.count {
                let part = Array(whole[..<end])
                #expect(throws: ServiceError.self) {
                    try OperationDecoder.decode(name, body: 0..<part.count, in: part)
                }
            }
        }
    }

    @Test("wrong types come before all rules")
    func types() {
        for (name, json, message) in [
            (
                OperationName.putItem, put(#""Expected":[]"#),
                "Unrecognized collection type java.util.Map<java.lang.String, "
                    + "com.amazonaws.dynamodb.v20120810.ExpectedAttributeValue>"
            ),
            (.putItem, put(#""Expected":{"a":1}"#), "Unexpected value type in payload"),
            (
                .putItem, put(#""Expected":{"a":{"Exists":"yes"}}"#),
                "Unexpected token received from parser"
            ),
            (
                .updateItem, update(#""AttributeUpdates":{"a":{"Action":1}}"#),
                "NUMBER_VALUE cannot be converted to String"
            ),
            (
                .scan, #"{"AttributesToGet":{}}"#,
                "Start of structure or map found where not expected"
            ),
        ] {
            #expect(fault(name, json) == ServiceError(.serialization, message))
        }
    }
}
