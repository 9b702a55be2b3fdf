import NodeCore
import Testing
import Wire

/// Rules of CreateTable and UpdateTable that a request breaks by itself.
///
/// The texts are those that nubo-db/dynamodb-conformance and ack-api-quirks (October 2026) got from
/// the service.
@Suite("Operations on tables: rules between members") struct TableRuleTests {
    private static func create(_ attributes: String, _ keys: String, _ rest: String) -> String {
        let definitions = attributes.split(separator: " ").map {
            #"{"AttributeName":"\#($0)","AttributeType":"S"}"#
        }
        return
            #"{"TableName":"tab","AttributeDefinitions":[\#(definitions.joined(separator: ","))],"#
            + #""KeySchema":[\#(Self.keys(keys))],\#(rest)}"#
    }

    /// `a` is a partition key, `-a` a sort key.
    private static func keys(_ names: String) -> String {
        names.split(separator: " ").map { name in
            name.hasPrefix("-")
                ? #"{"AttributeName":"\#(name.dropFirst())","KeyType":"RANGE"}"#
                : #"{"AttributeName":"\#(name)","KeyType":"HASH"}"#
        }
        .joined(separator: ",")
    }

    private static func global(_ names: String, _ projection: String = all) -> String {
        #"{"IndexName":"gsi","KeySchema":[\#(keys(names))],"Projection":{\#(projection)}"#
    }

    private static let all = #""ProjectionType":"ALL""#
    private static let onDemand = #""BillingMode":"PAY_PER_REQUEST""#
    private static let units = #"{"ReadCapacityUnits":1,"WriteCapacityUnits":1}"#

    private static func index(
        _ attributes: String,
        _ keys: String,
        _ projection: String = all
    ) -> String {
        Self.create(
            attributes,
            "pk",
            onDemand + #","GlobalSecondaryIndexes":[\#(Self.global(keys, projection))}]"#
        )
    }

    private static func table(_ rest: String) -> String {
        create("pk", "pk", onDemand + "," + rest)
    }

    private static let hash4 = "maximum allowed number of HASH key attributes"

    static let creations: [Example<String>] = [
        Example(create("pk", "pk -pk", onDemand), noDefinition),
        Example(create("pk pk", "pk", onDemand), "Attribute Name is duplicated: pk"),
        Example(
            create("pk a", "pk", onDemand + #","GlobalSecondaryIndexes":[]"#),
            invalidParameters + "Some AttributeDefinitions are not used. AttributeDefinitions: "
                + "[pk, a], keys used: [pk]"
        ),
        Example(
            index("pk a b", "a", #""ProjectionType":"INCLUDE""#),
            invalidParameters + "Some AttributeDefinitions are not used. AttributeDefinitions: "
                + "[pk, a, b], keys used: [pk, a]"
        ),
        Example(
            index("pk a b c d e", "a b c d e"),
            invalidParameters + "The KeySchema exceeds the \(hash4)"
        ),
        Example(
            index("pk a b c d e f", "a -b -c -d -e -f"),
            invalidParameters + "The KeySchema exceeds the "
                + "maximum allowed number of RANGE key attributes"
        ),
        Example(
            index("pk a b c", "a -b c"),
            invalidParameters + "All HASH key attributes must precede RANGE key attributes in the "
                + "KeySchema"
        ),
        Example(
            index("pk a b", "a b -a"),
            "The KeySchema contains multiple key attributes with the same name"
        ),
        Example(
            index("pk a", "-a"),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        ),
        Example(index("pk a", "a", ""), invalidParameters + "Unknown ProjectionType: null"),
        Example(
            index("pk a", "a", #""ProjectionType":"INCLUDE""#),
            invalidParameters + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        ),
        Example(
            index("pk a", "a", #""ProjectionType":"KEYS_ONLY","NonKeyAttributes":["x"]"#),
            invalidParameters + "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified"
        ),
        Example(
            index("pk a", "a", #""ProjectionType":"INCLUDE","NonKeyAttributes":["x","y","x"]"#),
            invalidParameters + "Duplicate element in NonKeyAttributes: x"
        ),
        Example(
            create(
                "pk a",
                "pk",
                onDemand
                    + #","GlobalSecondaryIndexes":[\#(global("a")),"#
                    + #""ProvisionedThroughput":\#(units)}]"#
            ),
            invalidParameters + "ProvisionedThroughput should not be specified for index: gsi when "
                + "BillingMode is PAY_PER_REQUEST"
        ),
        Example(
            create(
                "pk a",
                "pk",
                #""ProvisionedThroughput":\#(units),"GlobalSecondaryIndexes":[\#(global("a"))}]"#
            ),
            invalidParameters + "ProvisionedThroughput is not specified for index: gsi"
        ),
        Example(
            create(
                "pk",
                "pk",
                #""ProvisionedThroughput":\#(units),"#
                    + #""OnDemandThroughput":{"MaxReadRequestUnits":1}"#
            ),
            invalidParameters + "MaxReadRequestUnits for OnDemandThroughput cannot be specified "
                + "when table BillingMode is PROVISIONED."
        ),
        Example(
            table(#""OnDemandThroughput":{"MaxWriteRequestUnits":-1}"#),
            invalidParameters + "Requested MaxWriteRequestUnits for OnDemandThroughput for table "
                + "is outside of valid range"
        ),
        Example(
            table(#""WarmThroughput":{"ReadUnitsPerSecond":11999}"#),
            invalidParameters + "Requested ReadUnitsPerSecond for WarmThroughput for table is "
                + "lower than initial throughput for OnDemand"
        ),
        Example(
            table(#""StreamSpecification":{"StreamEnabled":true}"#),
            invalidParameters + "Table is being created with a stream enabled, UpdateViewType is "
                + "required"
        ),
        Example(
            table(#""StreamSpecification":{"StreamEnabled":false,"StreamViewType":"NEW_IMAGE"}"#),
            invalidParameters + "Table is being created with a stream disabled, UpdateViewType "
                + "should not be specified"
        ),
        Example(
            table(#""SSESpecification":{"Enabled":true,"SSEType":"AES256"}"#),
            invalidParameters + "SSEType AES256 is not supported"
        ),
        Example(
            table(#""SSESpecification":{"Enabled":false,"SSEType":"KMS"}"#),
            invalidParameters + "SSEType can not be specified if Enabled is false"
        ),
        Example(
            table(#""SSESpecification":{"Enabled":true,"KMSMasterKeyId":"k"}"#),
            invalidParameters + "SSEType KMS is required if KMSMasterKeyId is specified"
        ),
        Example(
            table(#""TableClass":"COLD""#),
            "Invalid table-class parameter provided. Please try again with a valid table-class "
                + "value: [STANDARD, STANDARD_INFREQUENT_ACCESS]."
        ),
        Example(
            table(#""Tags":[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}]"#),
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"
        ),
        Example(
            table(#""Tags":[{"Key":"AWS:a","Value":"1"}]"#),
            "Tag Key cannot be prefixed with aws:, Key: AWS:a"
        ),
        Example(
            table(#""Tags":[{"Key":"a","Value":"100%"}]"#),
            "The Tag Value provided is invalid, Value: 100%"
        ),
        Example(
            table(#""ResourcePolicy":"{not json""#),
            invalidParameters + "Invalid policy document: This policy contains invalid Json"
        ),
    ]

    private static let noDefinition =
        "Invalid KeySchema: Some index key attribute have no definition"

    @Test("CreateTable", arguments: creations) func creation(example: Example<String>) {
        #expect(fault(.createTable, example.text) == .validation(example.outcome))
    }

    private static let stream = #""StreamSpecification":{"StreamEnabled":false}"#
    private static let protection = #""DeletionProtectionEnabled":true"#
    private static let tableClass = #""TableClass":"STANDARD""#
    private static let encryption = #""SSESpecification":{"Enabled":true}"#
    private static let warm = #""WarmThroughput":{"ReadUnitsPerSecond":13000}"#
    private static let bounds = #""OnDemandThroughput":{"MaxReadRequestUnits":10}"#
    private static let throughput = #""ProvisionedThroughput":\#(units)"#
    private static let provisioned = #""BillingMode":"PROVISIONED",\#(throughput)"#
    private static let create =
        #""AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"#
        + #""GlobalSecondaryIndexUpdates":[{"Create":\#(global("a"))}}]"#
    private static let delete = #""GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"gsi"}}]"#
    private static let replica = #""ReplicaUpdates":[{"Create":{"RegionName":"eu-west-1"}}]"#

    private static func alone(_ what: String) -> String {
        invalidParameters + what + " modification must be the only operation in the request"
    }

    private static let nothing =
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
        + "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, "
        + "MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, "
        + "DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"

    static let updates: [Example<String>] = [
        Example("", nothing),
        Example(#""AttributeDefinitions":[]"#, nothing),
        Example(#""GlobalSecondaryIndexUpdates":[]"#, nothing),
        Example(
            #""MultiRegionConsistency":"EVENTUAL""#,
            nothing.replacing("MultiRegionConsistency, ", with: "")
        ),
        Example(
            #""GlobalSecondaryIndexUpdates":[],"BillingMode":"PAY_PER_REQUEST""#,
            invalidParameters + "List of GlobalSecondaryIndexUpdates is empty"
        ),
        Example("\(replica),\(protection)", alone("Replica")),
        Example("\(replica),\(create)", alone("Replica")),
        Example("\(encryption),\(tableClass),\(protection)", alone("Server-Side Encryption")),
        Example("\(tableClass),\(protection)", alone("TableClass")),
        Example("\(protection),\(warm)", alone("DeletionProtection")),
        Example("\(protection),\(create)", alone("DeletionProtection")),
        Example(
            "\(warm),\(throughput)",
            invalidParameters + "WarmThroughput must be the only operation in the request"
        ),
        Example(
            "\(warm),\(create)",
            invalidParameters
                + "Create global secondary index cannot be specified when updating WarmThroughput"
        ),
        Example(
            "\(bounds),\(stream)",
            invalidParameters
                + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable "
                + "request"
        ),
        Example(
            "\(provisioned),\(stream)",
            invalidParameters + "You cannot modify stream status while updating table IOPS"
        ),
        Example(
            "\(throughput),\(delete)",
            invalidParameters + "You cannot create or delete index while updating table IOPS"
        ),
        Example(
            "\(stream),\(create)",
            invalidParameters + "You cannot create or delete index while changing stream status"
        ),
        Example(
            #""BillingMode":"PROVISIONED""#,
            invalidParameters
                + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        ),
        Example(
            #""BillingMode":"PAY_PER_REQUEST",\#(throughput)"#,
            invalidParameters
                + "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST"
        ),
        Example(
            #""StreamSpecification":{"StreamEnabled":true}"#,
            invalidParameters + "If stream is being enabled then UpdateViewType is required"
        ),
        Example(
            #""GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"gsi"},"#
                + #""Update":{"IndexName":"gsi"}}]"#,
            invalidParameters + "Only one global secondary index action is allowed per "
                + "GlobalSecondaryIndexUpdate object"
        ),
        Example(
            #""GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"gsi"}},"#
                + #"{"Update":{"IndexName":"gsi"}}]"#,
            invalidParameters + "Only one global secondary index update per index is allowed "
                + "simultaneously. Index: gsi"
        ),
        Example(
            #""GlobalSecondaryIndexUpdates":[{"Create":\#(global("a"))}}]"#,
            invalidParameters + "AttributeDefinitions is not specified for index: gsi"
        ),
        Example(
            #""GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"gsi","WarmThroughput":{}}}]"#,
            invalidParameters + "WarmThroughput must have at least one of ReadUnitsPerSecond or "
                + "WriteUnitsPerSecond specified for index: gsi"
        ),
        Example(
            #""ReplicaUpdates":[{"Create":{"RegionName":"a"}},{"Create":{"RegionName":"b"}}]"#,
            "Update table operation with more than one create or delete replica actions not allowed"
        ),
        Example(
            #""ReplicaUpdates":[{"Create":{"RegionName":"a"},"Delete":{"RegionName":"b"}}]"#,
            "Update table operation with more than one type of replica actions not allowed."
        ),
    ]

    @Test("UpdateTable", arguments: updates) func update(example: Example<String>) {
        let members = example.text.isEmpty ? "" : "," + example.text
        let json = #"{"TableName":"tab"\#(members)}"#
        #expect(fault(.updateTable, json) == .validation(example.outcome))
    }

    @Test(
        "policies",
        arguments: [
            Example("", "This policy contains invalid Json"),
            Example("[]", "This policy contains invalid Json"),
            Example("null", "This text appears not to be a policy"),
            Example("{}", "Syntax error at position (1,3)"),
            Example(#"{"Statement":[]}"#, "Could not parse the policy: Statement is empty!"),
            Example(#"{"Statement":[{}]}"#, "Missing required field Effect"),
            Example(
                #"{"Statement":[{"Effect":"Allow","Action":"*","Principal":"*"}]}"#,
                "Missing required field Resource"
            ),
        ]
    )
    func policies(example: Example<String>) {
        let json =
            #"{"ResourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/tab","Policy":"#
            + text(JSONValue.string(example.text).serialized()) + "}"
        #expect(
            fault(.putResourcePolicy, json)
                == .validation(invalidParameters + "Invalid policy document: " + example.outcome)
        )
    }

    @Test(
        "names of resources",
        arguments: [
            Example("tab", "ARNs must start with 'arn:': tab"),
            Example(
                "arn:aws:s3:::bucket",
                "Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::bucket"
            ),
            Example(
                "arn:aws:dynamodb:r:1:table/tab/backup/0170",
                "Provided Arn is not a DynamoDB resource arn: "
                    + "arn:aws:dynamodb:r:1:table/tab/backup/0170"
            ),
            Example(
                "arn:aws:dynamodb:r:1:table/tab/index/gsi",
                "Invalid resource arn provided, only table or stream is accepted. Provided "
                    + "resource arn: arn:aws:dynamodb:r:1:table/tab/index/gsi"
            ),
        ]
    )
    func resources(example: Example<String>) {
        let json = #"{"ResourceArn":"\#(example.text)"}"#
        #expect(
            fault(.listTagsOfResource, json) == .validation(invalidParameters + example.outcome)
        )
    }

    @Test(
        "names of tables that are ARNs",
        arguments: [
            Example(
                "arn:aws:dynamodb:us-east-1:000000000000:stream/tab",
                "Invalid resource type in 'arn:aws:dynamodb:us-east-1:000000000000:stream/tab'"
            ),
            Example(
                "arn:cn:dynamodb:r:1:table/tab",
                "Invalid AWS partition in 'arn:cn:dynamodb:r:1:table/tab'"
            ),
        ]
    )
    func tables(example: Example<String>) {
        #expect(
            fault(.describeTable, #"{"TableName":"\#(example.text)"}"#)
                == .counted(example.outcome)
        )
        #expect(
            fault(.describeTable, #"{"TableName":"arn:aws:dynamodb:r:1:table/tab/index/i"}"#)?
                .message.contains("Valid ARN format is") == true
        )
    }
}
