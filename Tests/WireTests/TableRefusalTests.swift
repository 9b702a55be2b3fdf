import NodeCore
import Testing
import Wire

@Suite("Operations on tables: what is refused, and what types are") struct TableRefusalTests {
    private static let key = #"[{"AttributeName":"p","KeyType":"HASH"}]"#
    private static let definition = #"[{"AttributeName":"p","AttributeType":"S"}]"#

    private static func create(_ members: String) -> String {
        #"{"TableName":"tab","KeySchema":\#(key),"AttributeDefinitions":\#(definition)"#
            + (members.isEmpty ? "" : "," + members) + "}"
    }

    private static func schema(_ keys: String, _ definitions: String) -> String {
        #"{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","KeySchema":["# + keys
            + #"],"AttributeDefinitions":["# + definitions + "]}"
    }

    private static func element(_ name: String, _ type: String) -> String {
        #"{"AttributeName":"\#(name)","KeyType":"\#(type)"}"#
    }

    private static func definition(_ name: String) -> String {
        #"{"AttributeName":"\#(name)","AttributeType":"S"}"#
    }

    static let tables: [Refusal] = [
        Refusal(
            .createTable,
            "{}",
            "The parameter 'TableName' is required but was not present in the request"
        ),
        Refusal(
            .describeTable,
            #"{"TableName":"ab"}"#,
            violation("ab", "tableName", "have length greater than or equal to 3")
        ),
        Refusal(
            .deleteTable,
            #"{"TableName":"a;b"}"#,
            violation("a;b", "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        ),
        Refusal(
            .listTables,
            #"{"Limit":101}"#,
            violation("101", "limit", "have value less than or equal to 100")
        ),
        Refusal(
            .createTable,
            create(""),
            invalidParameters
                + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
                + "BillingMode is PROVISIONED"
        ),
        Refusal(
            .createTable,
            create(
                #""BillingMode":"PAY_PER_REQUEST","ProvisionedThroughput":{"ReadCapacityUnits":1,"#
                    + #""WriteCapacityUnits":1}"#
            ),
            invalidParameters
                + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                + "BillingMode is PAY_PER_REQUEST"
        ),
        Refusal(
            .createTable,
            create(
                #""ProvisionedThroughput":{"ReadCapacityUnits":1000000000001,"#
                    + #""WriteCapacityUnits":1}"#
            ),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds"
        ),
        Refusal(
            .createTable,
            create(#""ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":0}"#),
            violation(
                "0",
                "provisionedThroughput.writeCapacityUnits",
                "have value greater than or equal to 1"
            )
        ),
        Refusal(
            .createTable,
            schema(element("a", "HASH"), ""),
            "Invalid KeySchema: Some index key attribute have no definition"
        ),
        Refusal(
            .createTable,
            schema(element("a", "HASH"), definition("b")),
            invalidParameters
                + "Some index key attributes are not defined in AttributeDefinitions. Keys: "
                + "[a], AttributeDefinitions: [b]"
        ),
        Refusal(
            .createTable,
            schema(
                element("a", "HASH") + "," + element("a", "RANGE"),
                definition("a") + "," + definition("b")
            ),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        ),
        Refusal(
            .createTable,
            schema(element("a", "RANGE"), definition("a")),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        ),
        Refusal(
            .createTable,
            schema(
                element("a", "HASH") + "," + element("b", "HASH"),
                definition("a") + "," + definition("b")
            ),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        ),
        Refusal(
            .createTable,
            schema(element("a", "HASH"), definition("a") + "," + definition("b")),
            invalidParameters
                + "Number of attributes in KeySchema does not exactly match number of "
                + "attributes defined in AttributeDefinitions"
        ),
        Refusal(
            .createTable,
            create(
                #""BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[]"#
            ),
            invalidParameters + "List of GlobalSecondaryIndexes is empty"
        ),
        Refusal(
            .updateTable,
            #"{"TableName":"tab","ReplicaUpdates":[{}]}"#,
            "There are no actions specified in the Replica Update Action of the request."
        ),
        Refusal(
            .updateTable,
            #"{"TableName":"tab","ReplicaUpdates":[{"Create":{}}]}"#,
            violation(nil, "replicaUpdates.1.member.create.regionName", "not be null")
        ),
        Refusal(
            .updateTable,
            #"{"TableName":"tab","GlobalSecondaryIndexUpdates":[{}]}"#,
            invalidParameters
                + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                + "GlobalSecondaryIndexUpdate.Delete must not be null"
        ),
        Refusal(
            .updateTable,
            #"{"TableName":"tab","DeletionProtectionEnabled":true,"#
                + #""MultiRegionConsistency":"STRONG"}"#,
            invalidParameters + "MultiRegionConsistency STRONG is not supported by this version"
        ),
    ]

    @Test("requests on tables", arguments: tables) func refusesTables(refusal: Refusal) {
        #expect(fault(refusal.name, refusal.json) == .validation(refusal.message))
    }

    @Test(
        "wrong types come before all rules",
        arguments: [
            Refusal(.getItem, "", "Invalid JSON at byte 0: the text ends too early"),
            Refusal(.getItem, "{", "Invalid JSON at byte 1: the text ends too early"),
            Refusal(.getItem, "{}{}", "Invalid JSON at byte 2: something follows the value"),
            Refusal(
                .getItem,
                "[]",
                "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.GetItemInput"
            ),
            Refusal(
                .listTables,
                "[]",
                "Unrecognized collection type class "
                    + "com.amazonaws.dynamodb.v20120810.ListTablesInput"
            ),
            Refusal(.getItem, "1", "Unexpected value type in payload"),
            Refusal(.getItem, #"{"TableName":1}"#, "NUMBER_VALUE cannot be converted to String"),
            Refusal(.scan, #"{"Limit":"1"}"#, "STRING_VALUE cannot be converted to Integer"),
            Refusal(.scan, #"{"Limit":{}}"#, "Start of structure or map found where not expected"),
            Refusal(.scan, #"{"ConsistentRead":"true"}"#, "Unexpected token received from parser"),
            Refusal(
                .scan,
                #"{"ExpressionAttributeNames":[]}"#,
                "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>"
            ),
            Refusal(
                .batchGetItem,
                #"{"RequestItems":[]}"#,
                "Unrecognized collection type java.util.Map<java.lang.String, "
                    + "com.amazonaws.dynamodb.v20120810.KeysAndAttributes>"
            ),
            Refusal(
                .batchGetItem,
                #"{"RequestItems":{"tab":1}}"#,
                "Unexpected value type in payload"
            ),
            Refusal(
                .batchWriteItem,
                #"{"RequestItems":{"tab":{}}}"#,
                "Start of structure or map found where not expected"
            ),
            Refusal(
                .createTable,
                #"{"KeySchema":[1]}"#,
                "Unexpected value type in payload"
            ),
            Refusal(
                .createTable,
                #"{"ProvisionedThroughput":{"ReadCapacityUnits":"1"}}"#,
                "STRING_VALUE cannot be converted to Long"
            ),
            Refusal(
                .createTable,
                #"{"ProvisionedThroughput":[]}"#,
                "Unrecognized collection type class "
                    + "com.amazonaws.dynamodb.v20120810.ProvisionedThroughput"
            ),
            Refusal(
                .updateTable,
                #"{"ReplicaUpdates":{}}"#,
                "Start of structure or map found where not expected"
            ),
        ]
    )
    func types(refusal: Refusal) {
        #expect(
            fault(refusal.name, refusal.json) == ServiceError(.serialization, refusal.message)
        )
    }
}
