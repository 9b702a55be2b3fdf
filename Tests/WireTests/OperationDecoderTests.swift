import DataModel
import NodeCore
import Testing
import Wire

@Suite("Operations: what is decoded") struct OperationDecoderTests {
    @Test("targets name operations; others are unknown, without a message")
    func targets() throws {
        for name in OperationName.allCases {
            let target = bytes("DynamoDB_20120810.\(name.rawValue)")
            #expect(OperationName(target: target[...]) == name)
        }
        for target in [
            "", "DynamoDB_20120810.", "DynamoDB_20120810.GetItemX",
            "DynamoDB_20120810.TransactWriteItems",
            "DynamoDB_20111205.GetItem", "GetItem", "DynamoDBStreams_20120810.GetRecords",
        ] {
            let input = bytes(target + "{}")
            let error = #expect(throws: ServiceError.self) {
                try OperationDecoder.decode(
                    target: 0..<target.utf8.count,
                    body: target.utf8.count..<input.count,
                    in: input
                )
            }
            #expect(error == ServiceError(.unknownOperation, ""))
            let expected = #"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#
            #expect(text(ResponseEncoder.encode(try #require(error))) == expected)
        }
    }

    @Test("PutItem with all it can carry") func putItem() throws {
        let operation = try decode(
            .putItem,
            ##"{"TableName":"tab","Item":{"k":{"S":"v"}},"ConditionExpression":"#a = :b","##
                + ##""ExpressionAttributeNames":{"#a":"na\u00efve"},"##
                + #""ExpressionAttributeValues":{":b":{"L":[{"N":"1"}]}},"ReturnValues":"ALL_OLD","#
                + #""ReturnValuesOnConditionCheckFailure":"ALL_OLD","#
                + #""ReturnConsumedCapacity":"INDEXES","#
                + #""ReturnItemCollectionMetrics":"SIZE","Unknown":[{}],"IndexName":7}"#
        )
        var expected = PutItemRequest(table: "tab", item: Item(["k": "v"]))
        expected.returnsCollectionSize = true
        expected.condition = bytes("#a = :b")
        expected.bindings = ExpressionBindings(
            names: [NameBinding(placeholder: bytes("#a"), name: bytes("na\u{EF}ve"))],
            values: [ValueBinding(placeholder: bytes(":b"), value: [1])]
        )
        expected.returnValues = .allOld
        expected.returnsItemOnConditionFailure = true
        expected.returnConsumedCapacity = .indexes
        #expect(operation == .putItem(expected))
    }

    @Test("nulls stand for absent members") func nulls() throws {
        let operation = try decode(
            .getItem,
            #"{"TableName":"tab","Key":{"k":{"S":"v"}},"ConsistentRead":null,"#
                + #""ProjectionExpression":null,"ExpressionAttributeNames":null,"#
                + #""AttributesToGet":null}"#
        )
        #expect(operation == .getItem(GetItemRequest(table: "tab", key: Item(["k": "v"]))))
    }

    @Test("a table may be named by its ARN") func arns() throws {
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab.le_1"
        let get = try decode(.getItem, #"{"TableName":"\#(arn)","Key":{}}"#)
        #expect(get == .getItem(GetItemRequest(table: "tab.le_1", key: Item())))
        #expect(
            try decode(.describeTable, #"{"TableName":"\#(arn)"}"#)
                == .describeTable(table: "tab.le_1")
        )
    }

    @Test("UpdateItem, DeleteItem and GetItem") func singleItems() throws {
        let key = Item(["k": 1])
        var update = UpdateItemRequest(table: "tab", key: key)
        update.update = bytes("SET a = :v")
        update.bindings.values = [ValueBinding(placeholder: bytes(":v"), value: "x")]
        update.returnValues = .updatedNew
        #expect(
            try decode(
                .updateItem,
                #"{"Key":{"k":{"N":"1"}},"TableName":"tab","UpdateExpression":"SET a = :v","#
                    + #""ExpressionAttributeValues":{":v":{"S":"x"}},"#
                    + #""ReturnValues":"UPDATED_NEW"}"#
            )
                == .updateItem(update)
        )
        let delete = DeleteItemRequest(table: "tab", key: key)
        #expect(
            try decode(.deleteItem, #"{"Key":{"k":{"N":"1"}},"TableName":"tab"}"#)
                == .deleteItem(delete)
        )
        var get = GetItemRequest(table: "tab", key: key)
        get.consistentRead = true
        get.projection = bytes("a, #b")
        get.bindings.names = [NameBinding(placeholder: bytes("#b"), name: bytes("b"))]
        get.returnConsumedCapacity = .total
        #expect(
            try decode(
                .getItem,
                #"{"Key":{"k":{"N":"1"}},"TableName":"tab","ConsistentRead":true,"#
                    + ##""ProjectionExpression":"a, #b","ExpressionAttributeNames":{"#b":"b"},"##
                    + #""ReturnConsumedCapacity":"TOTAL"}"#
            ) == .getItem(get)
        )
    }

    @Test("Query and Scan") func pages() throws {
        var query = QueryRequest(table: "tab", keyCondition: bytes("k = :k"))
        query.bindings.values = [ValueBinding(placeholder: bytes(":k"), value: 1)]
        query.filter = bytes("a > :k")
        query.limit = 5
        query.scansForward = false
        query.select = .count
        query.exclusiveStartKey = Item(["k": 1])
        query.consistentRead = true
        #expect(
            try decode(
                .query,
                #"{"TableName":"tab","KeyConditionExpression":"k = :k","#
                    + #""FilterExpression":"a > :k","#
                    + #""ExpressionAttributeValues":{":k":{"N":"1"}},"Limit":5,"Select":"COUNT","#
                    + #""ScanIndexForward":false,"ConsistentRead":true,"#
                    + #""ExclusiveStartKey":{"k":{"N":"1"}}}"#
            ) == .query(query)
        )
        var scan = ScanRequest(table: "tab")
        scan.segment = ScanSegment(index: 0, total: 4)
        scan.select = .specificAttributes
        scan.projection = bytes("a")
        #expect(
            try decode(
                .scan,
                #"{"TableName":"tab","Segment":0,"TotalSegments":4,"Select":"SPECIFIC_ATTRIBUTES","#
                    + #""ProjectionExpression":"a","KeyConditionExpression":5}"#
            ) == .scan(scan)
        )
        #expect(try decode(.scan, #"{"TableName":"tab"}"#) == .scan(ScanRequest(table: "tab")))
    }

    @Test("batches keep the order of their tables") func batches() throws {
        var first = BatchGetTable(table: "zzz", keys: [Item(["k": 1]), Item(["k": 2])])
        first.consistentRead = true
        first.projection = bytes("#a")
        first.bindings.names = [NameBinding(placeholder: bytes("#a"), name: bytes("a"))]
        let second = BatchGetTable(table: "aaa", keys: [Item(["k": 1])])
        #expect(
            try decode(
                .batchGetItem,
                #"{"RequestItems":{"zzz":{"Keys":[{"k":{"N":"1"}},{"k":{"N":"2"}}],"#
                    + ##""ConsistentRead":true,"ProjectionExpression":"#a","##
                    + ##""ExpressionAttributeNames":{"#a":"a"}},"##
                    + ##""aaa":{"Keys":[{"k":{"N":"1"}}]}}}"##
            )
                == .batchGetItem(BatchGetItemRequest(tables: [first, second]))
        )
        var write = BatchWriteItemRequest(tables: [
            BatchWriteTable(
                table: "tab",
                writes: [
                    .put(Item(["k": 1])), .delete(key: Item(["k": 2])),
                ]
            )
        ])
        write.returnConsumedCapacity = .total
        write.returnsCollectionSizes = true
        #expect(
            try decode(
                .batchWriteItem,
                #"{"ReturnConsumedCapacity":"TOTAL","ReturnItemCollectionMetrics":"SIZE","#
                    + #""RequestItems":{"tab":[{"PutRequest":{"Item":{"k":{"N":"1"}}}},"#
                    + #"{"DeleteRequest":{"Key":{"k":{"N":"2"}}},"PutRequest":null}]}}"#
            )
                == .batchWriteItem(write)
        )
    }

    @Test("CreateTable with all it can carry") func createTable() throws {
        var expected = CreateTableRequest(
            table: "tab",
            schema: KeySchema(
                partitionKey: KeyAttribute(name: bytes("p"), type: .string),
                sortKey: KeyAttribute(name: bytes("s"), type: .binary)
            )
        )
        expected.throughput = ProvisionedThroughput(readUnits: 5, writeUnits: 6)
        expected.stream = .newAndOldImages
        expected.tableClass = .standardInfrequentAccess
        expected.isDeletionProtected = true
        expected.tags = [Tag(key: "a", value: "b")]
        expected.encryption = Encryption(isEnabled: true)
        let json =
            #"{"TableName":"tab","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},"#
            + #"{"AttributeName":"s","KeyType":"RANGE"}],"AttributeDefinitions":["#
            + #"{"AttributeName":"s","AttributeType":"B"},{"AttributeName":"p","#
            + #""AttributeType":"S"}],"#
            + #""ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":6.7},"#
            + #""StreamSpecification":{"StreamEnabled":true,"#
            + #""StreamViewType":"NEW_AND_OLD_IMAGES"},"#
            + #""TableClass":"STANDARD_INFREQUENT_ACCESS","DeletionProtectionEnabled":true,"#
            + #""Tags":[{"Key":"a","Value":"b"}],"SSESpecification":{"Enabled":true}}"#
        #expect(try decode(.createTable, json) == .createTable(expected))
    }

    @Test("UpdateTable with replicas") func updateTable() throws {
        var expected = UpdateTableRequest(table: "tab")
        expected.replicas = [.create(region: "eu-west-1")]
        let json =
            #"{"TableName":"tab","MultiRegionConsistency":"EVENTUAL","#
            + #""ReplicaUpdates":[{"Create":{"RegionName":"eu-west-1","KMSMasterKeyId":"k"}}]}"#
        #expect(try decode(.updateTable, json) == .updateTable(expected))
    }

    @Test("UpdateTable with what may change together") func updateTableTogether() throws {
        var expected = UpdateTableRequest(table: "tab")
        expected.stream = .disable
        expected.billingMode = .payPerRequest
        let json =
            #"{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","#
            + #""StreamSpecification":{"StreamEnabled":false}}"#
        #expect(try decode(.updateTable, json) == .updateTable(expected))
    }

    @Test("operations that say little") func small() throws {
        #expect(try decode(.describeLimits, "{}") == .describeLimits)
        #expect(try decode(.describeEndpoints, " { } ") == .describeEndpoints)
        #expect(try decode(.listTables, "{}") == .listTables(ListTablesRequest()))
        #expect(
            try decode(.listTables, #"{"ExclusiveStartTableName":"abc","Limit":7}"#)
                == .listTables(ListTablesRequest(exclusiveStart: "abc", limit: 7))
        )
        #expect(try decode(.deleteTable, #"{"TableName":"tab"}"#) == .deleteTable(table: "tab"))
    }

    @Test("whole numbers are read as the service does")
    func numbers() throws {
        for (number, limit) in [("1", 1), ("1.9", 1), ("1e2", 100), ("25e-1", 2), ("1.5E1", 15)] {
            var scan = ScanRequest(table: "tab")
            scan.limit = limit
            #expect(
                try decode(.scan, #"{"TableName":"tab","Limit":\#(number)}"#) == .scan(scan)
            )
        }
        let huge = fault(.scan, #"{"TableName":"tab","Limit":-1e999999999}"#)
        #expect(huge?.kind == .validation)
    }
}
