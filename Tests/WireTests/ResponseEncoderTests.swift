import DataModel
import NodeCore
import Primitives
import Testing
import Wire

@Suite("Answers as SDKs read them") struct ResponseEncoderTests {
    private func json(_ response: OperationResponse) -> String {
        text(ResponseEncoder.encode(response))
    }

    private static let item = Item(["k": 1])
    private static let consumed = ConsumedCapacity(table: "tab", halfUnits: 1)

    @Test("single items") func singleItems() {
        #expect(self.json(.getItem(GetItemResponse(item: nil))) == "{}")
        #expect(
            self.json(.getItem(GetItemResponse(item: Self.item, consumed: Self.consumed)))
                == #"{"Item":{"k":{"N":"1"}},"ConsumedCapacity":{"TableName":"tab","#
                + #""CapacityUnits":0.5}}"#
        )
        #expect(self.json(.itemChanged(ItemChangedResponse())) == "{}")
        let told = ConsumedCapacity(table: "tab", halfUnits: 4, tellsTableApart: true)
        #expect(
            self.json(.itemChanged(ItemChangedResponse(attributes: Item(), consumed: told)))
                == #"{"Attributes":{},"ConsumedCapacity":{"TableName":"tab","CapacityUnits":2.0,"#
                + #""Table":{"CapacityUnits":2.0}}}"#
        )
    }

    @Test("pages") func pages() {
        #expect(
            self.json(.page(PageResponse(items: [], count: 0, scannedCount: 3)))
                == #"{"Items":[],"Count":0,"ScannedCount":3}"#
        )
        let page = PageResponse(
            items: [Self.item, Self.item],
            count: 2,
            scannedCount: 2,
            lastEvaluatedKey: Self.item
        )
        #expect(
            self.json(.page(page))
                == #"{"Items":[{"k":{"N":"1"}},{"k":{"N":"1"}}],"Count":2,"ScannedCount":2,"#
                + #""LastEvaluatedKey":{"k":{"N":"1"}}}"#
        )
        #expect(
            self.json(.page(PageResponse(items: nil, count: 7, scannedCount: 9)))
                == #"{"Count":7,"ScannedCount":9}"#
        )
    }

    @Test("what a batch left undone is a request again") func unprocessed() throws {
        var table = BatchGetTable(table: "tab", keys: [Self.item])
        table.consistentRead = true
        table.projection = bytes("#a")
        table.bindings.names = [NameBinding(placeholder: bytes("#a"), name: bytes("b\"c"))]
        let get = BatchGetItemResponse(
            results: [BatchGetResult(table: "tab", items: [Self.item])],
            unprocessed: [table],
            consumed: [Self.consumed]
        )
        let answer = try JSONValue(parsing: ResponseEncoder.encode(.batchGetItem(get)))
        #expect(answer["Responses"] == ["tab": [["k": ["N": "1"]]]])
        #expect(answer["ConsumedCapacity"]?.array?.count == 1)
        let again = JSONValue.object([
            .init("RequestItems", try #require(answer["UnprocessedKeys"]))
        ])
        #expect(
            try decode(.batchGetItem, text(again.serialized()))
                == .batchGetItem(BatchGetItemRequest(tables: [table]))
        )

        let writes = BatchWriteTable(
            table: "tab",
            writes: [.put(Self.item), .delete(key: Self.item)]
        )
        let write = try JSONValue(
            parsing: ResponseEncoder.encode(
                .batchWriteItem(BatchWriteItemResponse(unprocessed: [writes]))
            )
        )
        let rewrite = JSONValue.object([
            .init("RequestItems", try #require(write["UnprocessedItems"]))
        ])
        #expect(
            try decode(.batchWriteItem, text(rewrite.serialized()))
                == .batchWriteItem(BatchWriteItemRequest(tables: [writes]))
        )
        #expect(
            self.json(.batchWriteItem(BatchWriteItemResponse())) == #"{"UnprocessedItems":{}}"#
        )
    }

    @Test("table descriptions") func tables() throws {
        var table = TableDescription(
            table: "tab",
            region: "eu-west-1",
            status: .updating,
            createdAt: WallTime(nanoseconds: 1_431_379_293_291_999_999),
            schema: KeySchema(
                partitionKey: KeyAttribute(name: bytes("p"), type: .string),
                sortKey: KeyAttribute(name: bytes("s"), type: .number)
            )
        )
        table.id = TableUUID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
        table.billingMode = .payPerRequest
        table.payPerRequestSince = table.createdAt
        table.stream = StreamDescription(view: .newAndOldImages, enabledAt: table.createdAt)
        table.itemCount = 12
        var replica = ReplicaDescription(region: "us-east-1", status: .creating)
        replica.progressPercent = 40
        table.replicas = [ReplicaDescription(region: "eu-west-1", status: .active), replica]
        let answer = try JSONValue(parsing: ResponseEncoder.encode(.table(table)))
        let arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/tab"
        let expected: JSONValue = [
            "AttributeDefinitions": [
                ["AttributeName": "p", "AttributeType": "S"],
                ["AttributeName": "s", "AttributeType": "N"],
            ],
            "KeySchema": [
                ["AttributeName": "p", "KeyType": "HASH"],
                ["AttributeName": "s", "KeyType": "RANGE"],
            ],
            "TableName": "tab", "TableStatus": "UPDATING",
            "CreationDateTime": .number("1431379293.291"), "ItemCount": 12, "TableSizeBytes": 0,
            "TableArn": .string(arn), "TableId": "01234567-89ab-cdef-fedc-ba9876543210",
            "ProvisionedThroughput": [
                "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0,
            ],
            "BillingModeSummary": [
                "BillingMode": "PAY_PER_REQUEST",
                "LastUpdateToPayPerRequestDateTime": .number("1431379293.291"),
            ],
            "DeletionProtectionEnabled": false,
            "StreamSpecification": [
                "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES",
            ],
            "LatestStreamLabel": "2015-05-11T21:21:33.291",
            "LatestStreamArn": .string(arn + "/stream/2015-05-11T21:21:33.291"),
            "GlobalTableVersion": "2019.11.21",
            "Replicas": [
                [
                    "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE",
                    "ReplicaArn": .string(arn),
                ],
                [
                    "RegionName": "us-east-1", "ReplicaStatus": "CREATING",
                    "ReplicaArn": "arn:aws:dynamodb:us-east-1:000000000000:table/tab",
                    "ReplicaStatusPercentProgress": "40",
                ],
            ],
        ]
        #expect(answer["Table"] == expected)
        let changed = try JSONValue(parsing: ResponseEncoder.encode(.tableChanged(table)))
        #expect(changed["TableDescription"] == expected)
    }

    @Test("the answer to DeleteTable lacks what defines the table") func deletedTable() throws {
        let table = TableDescription(
            table: "tab",
            region: "r",
            status: .deleting,
            createdAt: WallTime(nanoseconds: 1_000_000_000),
            schema: KeySchema(
                partitionKey: KeyAttribute(name: bytes("p"), type: .string),
                sortKey: nil
            )
        )
        let deleted = try JSONValue(parsing: ResponseEncoder.encode(.tableChanged(table)))
        let described = try JSONValue(parsing: ResponseEncoder.encode(.table(table)))
        for name in ["AttributeDefinitions", "KeySchema", "CreationDateTime"] {
            #expect(deleted["TableDescription"]?[name] == nil)
            #expect(described["Table"]?[name] != nil)
        }
        #expect(deleted["TableDescription"]?["TableStatus"] == "DELETING")
    }

    @Test(
        "stream labels are dates",
        arguments: [
            Example<UInt64>("1970-01-01T00:00:00.000", 0),
            Example("2000-02-29T23:59:59.999", 951_868_799_999),
            Example("2000-03-01T00:00:00.000", 951_868_800_000),
            Example("2024-12-31T00:00:00.001", 1_735_603_200_001),
            Example("2100-03-01T12:00:00.000", 4_107_585_600_000),
        ]
    )
    func labels(example: Example<UInt64>) throws {
        let time = WallTime(nanoseconds: example.outcome * 1_000_000)
        var table = TableDescription(
            table: "tab",
            region: "r",
            status: .active,
            createdAt: time,
            schema: KeySchema(partitionKey: KeyAttribute(name: bytes("p"), type: .string))
        )
        table.stream = StreamDescription(view: .keysOnly, enabledAt: time)
        let answer = try JSONValue(parsing: ResponseEncoder.encode(.table(table)))
        #expect(answer["Table"]?["LatestStreamLabel"]?.string == example.text)
    }

    @Test("names, limits and endpoints") func others() {
        #expect(
            self.json(.tableNames(["abc", "def"], lastEvaluated: "def"))
                == #"{"TableNames":["abc","def"],"LastEvaluatedTableName":"def"}"#
        )
        #expect(self.json(.tableNames([], lastEvaluated: nil)) == #"{"TableNames":[]}"#)
        #expect(
            self.json(.limits(AccountLimits()))
                == #"{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"#
                + #""TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}"#
        )
        #expect(
            self.json(.endpoints(address: "127.0.0.1:8001", cachePeriodMinutes: 1440))
                == #"{"Endpoints":[{"Address":"127.0.0.1:8001","CachePeriodInMinutes":1440}]}"#
        )
    }

    @Test("errors carry the service's type, its spelling of the message, and the item")
    func errors() {
        func json(_ error: ServiceError) -> String { text(ResponseEncoder.encode(error)) }
        #expect(
            json(.validation("no \"x\""))
                == #"{"__type":"com.amazon.coral.validate#ValidationException","#
                + #""message":"no \"x\""}"#
        )
        #expect(
            json(ServiceError(.serialization, "m"))
                == #"{"__type":"com.amazon.coral.service#SerializationException","Message":"m"}"#
        )
        #expect(
            json(.conditionFailed(item: Self.item))
                == #"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","#
                + #""message":"The conditional request failed","Item":{"k":{"N":"1"}}}"#
        )
        for kind in ServiceError.Kind.allCases {
            #expect([400, 409, 500, 503].contains(kind.status))
            #expect(kind.typeName.split(separator: "#").count == 2)
        }
        #expect(Set(ServiceError.Kind.allCases.map(\.typeName)).count == 20)
        #expect(ServiceError.Kind.internalServer.status == 500)
        #expect(ServiceError.Kind.replicatedWriteConflict.status == 409)
    }
}
