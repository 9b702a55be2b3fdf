import NodeCore

/// The input shapes of the operations on tables, after the service's model (API version
/// 2012-08-10), where the service is known to go by it.
///
/// Orders and the lists of choices are those of its messages, which dynalite's tests, the captures
/// of nubo-db/dynamodb-conformance and the findings of ack-api-quirks (October 2026) record. Not
/// here is what it looks at with its own words: names of tables, tags, table classes. `TableName`
/// and `ResourceArn` come with ``RequestTree``.
enum RequestShapes {
    static func shape(of name: OperationName) -> Shape {
        switch name {
        case .createTable: self.createTable
        case .updateTable: self.updateTable
        case .listTables: self.listTables
        case .updateTimeToLive: self.updateTimeToLive
        case .tagResource: self.tagResource
        case .untagResource: self.untagResource
        case .listTagsOfResource: self.listTags
        case .putResourcePolicy: self.putPolicy
        case .deleteResourcePolicy: self.deletePolicy
        case .getResourcePolicy: .structure("GetResourcePolicyInput", [self.arn])
        case .describeTable, .deleteTable, .describeTimeToLive:
            .structure(name.rawValue + "Input", [self.table])
        case .describeLimits: .structure("DescribeLimitsInput", [])
        case .describeEndpoints: .structure("DescribeEndpointsRequest", [])
        case .putItem, .getItem, .updateItem, .deleteItem, .query, .scan, .batchGetItem,
            .batchWriteItem:
            preconditionFailure("requests on items are read without a tree")
        }
    }

    // MARK: Common parts

    private static let table = ShapeMember("TableName", .string)
    private static let arn = ShapeMember.required("ResourceArn", .string(1...1_283))
    private static let attributeName = ShapeMember.required("AttributeName", .string(1...255))

    private static let definitions = Shape.list(
        .structure(
            "AttributeDefinition",
            [attributeName, .required("AttributeType", .choice(["B", "N", "S"]))]
        )
    )

    private static func keySchema(upTo max: Int) -> ShapeMember {
        .required(
            "KeySchema",
            .list(
                .structure(
                    "KeySchemaElement",
                    [attributeName, .required("KeyType", .choice(["HASH", "RANGE"]))]
                ),
                1...max
            )
        )
    }

    private static let projection = ShapeMember.required(
        "Projection",
        .structure(
            "Projection",
            [
                ShapeMember("ProjectionType", .choice(["ALL", "INCLUDE", "KEYS_ONLY"])),
                ShapeMember("NonKeyAttributes", .list(.string(1...255), 1...20)),
            ]
        )
    )
    private static let indexName = ShapeMember.required("IndexName", .name)
    private static let throughput = ShapeMember(
        "ProvisionedThroughput",
        .structure(
            "ProvisionedThroughput",
            [
                .required("WriteCapacityUnits", .units), .required("ReadCapacityUnits", .units),
            ]
        )
    )
    private static let anyLong = Shape.long(Int.min...Int.max)
    private static let onDemand = ShapeMember(
        "OnDemandThroughput",
        .structure(
            "OnDemandThroughput",
            [
                ShapeMember("MaxReadRequestUnits", anyLong),
                ShapeMember("MaxWriteRequestUnits", anyLong),
            ]
        )
    )
    private static let warm = ShapeMember(
        "WarmThroughput",
        .structure(
            "WarmThroughput",
            [
                ShapeMember("ReadUnitsPerSecond", anyLong),
                ShapeMember("WriteUnitsPerSecond", anyLong),
            ]
        )
    )
    private static let billingMode = ShapeMember(
        "BillingMode",
        .choice(Choices.billingMode.choices.map(\.0))
    )
    /// The members that CreateTable and UpdateTable have alike, behind the indexes.
    private static let settings: [ShapeMember] = [
        ShapeMember(
            "StreamSpecification",
            .structure(
                "StreamSpecification",
                [
                    .required("StreamEnabled", .boolean),
                    ShapeMember(
                        "StreamViewType",
                        .choice(Choices.streamView.choices.map(\.0))
                    ),
                ]
            )
        ),
        ShapeMember(
            "SSESpecification",
            .structure(
                "SSESpecification",
                [
                    ShapeMember("Enabled", .boolean),
                    ShapeMember("SSEType", .choice(["AES256", "KMS"])),
                    ShapeMember("KMSMasterKeyId", .string),
                ]
            )
        ),
        ShapeMember("TableClass", .string),
        ShapeMember("DeletionProtectionEnabled", .boolean),
        onDemand, warm,
        ShapeMember("GlobalTableSettingsReplicationMode", replicationModes),
    ]
    private static let replicationModes = Shape.choice([
        "ENABLED", "DISABLED", "ENABLED_WITH_OVERRIDES",
    ])
    private static let tags = Shape.list(
        .structure("Tag", [ShapeMember("Key", .string), ShapeMember("Value", .string)])
    )

    // MARK: Operations

    private static let globalIndexes = Shape.list(
        .structure(
            "GlobalSecondaryIndex",
            [indexName, keySchema(upTo: .max), projection, throughput, onDemand, warm]
        )
    )
    private static let localIndexes = Shape.list(
        .structure("LocalSecondaryIndex", [indexName, keySchema(upTo: 2), projection])
    )

    private static let createTable = Shape.structure(
        "CreateTableInput",
        [
            .required("AttributeDefinitions", definitions), table, billingMode, throughput,
            keySchema(upTo: 2),
            ShapeMember("LocalSecondaryIndexes", localIndexes),
            ShapeMember("GlobalSecondaryIndexes", globalIndexes),
        ] + settings + [
            ShapeMember("Tags", tags), ShapeMember("ResourcePolicy", .string),
            ShapeMember("GlobalTableSourceArn", .string(1...1_024)),
            ShapeMember("VectorIndexes", .anything),
        ]
    )

    private static let indexUpdates = Shape.list(
        .structure(
            "GlobalSecondaryIndexUpdate",
            [
                ShapeMember(
                    "Update",
                    .structure(
                        "UpdateGlobalSecondaryIndexAction",
                        [indexName, throughput, onDemand, warm]
                    )
                ),
                ShapeMember(
                    "Create",
                    .structure(
                        "CreateGlobalSecondaryIndexAction",
                        [projection, indexName, throughput, keySchema(upTo: .max), onDemand, warm]
                    )
                ),
                ShapeMember(
                    "Delete",
                    .structure("DeleteGlobalSecondaryIndexAction", [indexName])
                ),
            ]
        )
    )

    private static let readOverride = ShapeMember(
        "ProvisionedThroughputOverride",
        .structure("ProvisionedThroughputOverride", [ShapeMember("ReadCapacityUnits", .units)])
    )
    private static let onDemandOverride = ShapeMember(
        "OnDemandThroughputOverride",
        .structure("OnDemandThroughputOverride", [ShapeMember("MaxReadRequestUnits", anyLong)])
    )

    private static func replica(_ action: String) -> ShapeMember {
        ShapeMember(
            action,
            .structure(
                action + "ReplicationGroupMemberAction",
                [
                    .required("RegionName", .region), ShapeMember("KMSMasterKeyId", .string),
                    readOverride, onDemandOverride,
                    ShapeMember(
                        "GlobalSecondaryIndexes",
                        .list(
                            .structure(
                                "ReplicaGlobalSecondaryIndex",
                                [indexName, readOverride, onDemandOverride]
                            ),
                            1...Int.max
                        )
                    ),
                    ShapeMember(
                        "TableClassOverride",
                        .choice(Choices.tableClass.choices.map(\.0))
                    ),
                ]
            )
        )
    }

    private static let replicaUpdates = Shape.list(
        .structure(
            "ReplicationGroupUpdate",
            [
                replica("Create"), replica("Update"),
                ShapeMember(
                    "Delete",
                    .structure(
                        "DeleteReplicationGroupMemberAction",
                        [.required("RegionName", .region)]
                    )
                ),
                ShapeMember(
                    "Disassociate",
                    .structure(
                        "DisassociateReplicationGroupMemberAction",
                        [
                            .required("RegionName", .region),
                            .required("DisassociationMode", .choice(["WAIT_FOR_REPLICATION"])),
                        ]
                    )
                ),
            ]
        ),
        1...Int.max
    )

    private static func witness(_ action: String) -> ShapeMember {
        ShapeMember(
            action,
            .structure(
                action + "GlobalTableWitnessGroupMemberAction",
                [.required("RegionName", .region)]
            )
        )
    }

    private static let updateTable = Shape.structure(
        "UpdateTableInput",
        [
            table, ShapeMember("AttributeDefinitions", definitions), billingMode, throughput,
            ShapeMember("GlobalSecondaryIndexUpdates", indexUpdates),
        ] + settings + [
            ShapeMember("ReplicaUpdates", replicaUpdates),
            ShapeMember("MultiRegionConsistency", .choice(["EVENTUAL", "STRONG"])),
            ShapeMember(
                "GlobalTableWitnessUpdates",
                .list(
                    .structure(
                        "GlobalTableWitnessGroupUpdate",
                        [witness("Create"), witness("Delete")]
                    ),
                    1...1
                )
            ),
            ShapeMember("DisassociationProtectionEnabled", .boolean),
            ShapeMember("VectorIndexUpdates", .anything),
        ]
    )

    private static let listTables = Shape.structure(
        "ListTablesInput",
        [ShapeMember("ExclusiveStartTableName", .name), ShapeMember("Limit", .integer(1...100))]
    )
    private static let updateTimeToLive = Shape.structure(
        "UpdateTimeToLiveInput",
        [
            table,
            .required(
                "TimeToLiveSpecification",
                .structure(
                    "TimeToLiveSpecification",
                    [.required("Enabled", .boolean), attributeName]
                )
            ),
        ]
    )
    private static let tagResource = Shape.structure(
        "TagResourceInput",
        [arn, .required("Tags", tags)]
    )
    private static let untagResource = Shape.structure(
        "UntagResourceInput",
        [arn, .required("TagKeys", .list(.string))]
    )
    private static let listTags = Shape.structure(
        "ListTagsOfResourceInput",
        [arn, ShapeMember("NextToken", .string)]
    )
    private static let revision = ShapeMember("ExpectedRevisionId", .string(1...255))
    private static let putPolicy = Shape.structure(
        "PutResourcePolicyInput",
        [
            arn, .required("Policy", .string), revision,
            ShapeMember("ConfirmRemoveSelfResourceAccess", .boolean),
        ]
    )
    private static let deletePolicy = Shape.structure(
        "DeleteResourcePolicyInput",
        [arn, revision]
    )
}
