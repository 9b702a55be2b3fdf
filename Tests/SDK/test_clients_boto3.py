"""boto3 as a program uses it: clients, resources, conditions, paginators and waiters.

Nothing is set in the code but the region; the endpoint comes from the environment.
"""
import datetime
import decimal
import threading

import boto3
import botocore.session
import pytest
from boto3.dynamodb import conditions
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

import response_shapes
from conftest import error_of, unique, wait_until

US, EU, AP = "us-east-1", "eu-west-1", "ap-northeast-1"
QUICK = {"Delay": 0.05, "MaxAttempts": 400}


@pytest.fixture(scope="module", autouse=True)
def settings(three_regions):
    """The environment of a program that has nothing but the endpoint set."""
    with pytest.MonkeyPatch.context() as patch:
        wanted = three_regions.client_environment()
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            wanted.pop(name)
            patch.delenv(name, raising=False)
        for name, value in wanted.items():
            patch.setenv(name, value)
        # The usual session, made in this environment.
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        session = botocore.session.get_session()
        response_shapes.watch(session)
        boto3.setup_default_session(botocore_session=session)
        yield


def service(region=US):
    return boto3.resource("dynamodb", region_name=region)


def create(name, region=US, **options):
    """A table with a sort key, made and awaited by the resource."""
    options.setdefault("BillingMode", "PAY_PER_REQUEST")
    options.setdefault("AttributeDefinitions", [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
    ])
    table = service(region).create_table(TableName=name, KeySchema=[
        {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"},
    ], **options)
    table.wait_until_exists(WaiterConfig=QUICK)
    return table


@pytest.fixture(scope="module")
def music():
    """A global table in all three regions, by region."""
    name = unique("music")
    client = create(name).meta.client
    for region in (EU, AP):
        client.update_table(
            TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=QUICK)
    for region in (EU, AP):
        service(region).Table(name).wait_until_exists(WaiterConfig=QUICK)
    return {region: service(region).Table(name) for region in (US, EU, AP)}


def test_a_table_through_its_life():
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    table = create(unique("life"), BillingMode="PROVISIONED", AttributeDefinitions=[
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "other", "AttributeType": "B"},
    ], ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
        LocalSecondaryIndexes=[{
            "IndexName": "local", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                          {"AttributeName": "other", "KeyType": "RANGE"}],
        }], GlobalSecondaryIndexes=[{
            "IndexName": "global", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        }], Tags=[{"Key": "team", "Value": "islands"}])
    table.reload()
    assert table.table_status == "ACTIVE" and table.item_count == 0
    assert before <= table.creation_date_time <= datetime.datetime.now(datetime.timezone.utc)
    assert table.provisioned_throughput["WriteCapacityUnits"] == 4
    assert [k["AttributeName"] for k in table.key_schema] == ["pk", "sk"]
    assert table.local_secondary_indexes[0]["IndexName"] == "local"
    assert table.global_secondary_indexes[0]["IndexName"] == "global"
    assert table.table_arn.endswith(f":table/{table.name}")
    changed = table.update(
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 4})
    changed.wait_until_exists(WaiterConfig=QUICK)
    table.load()
    assert table.provisioned_throughput["ReadCapacityUnits"] == 5
    # The answer has not all that a description has, as the service's has not.
    table_id = table.table_id
    deleted = table.delete()["TableDescription"]
    assert (deleted["TableStatus"], deleted["TableId"]) == ("DELETING", table_id)
    assert deleted.keys().isdisjoint({
        "AttributeDefinitions", "KeySchema", "CreationDateTime", "LocalSecondaryIndexes",
        "GlobalSecondaryIndexes",
    })
    table.wait_until_not_exists(WaiterConfig=QUICK)
    with pytest.raises(table.meta.client.exceptions.ResourceNotFoundException):
        table.load()


def test_a_write_reaches_every_region(music, three_regions):
    item = {
        "pk": "everywhere", "sk": decimal.Decimal("1.5"), "tags": {"a", "b"},
        "raw": b"\x00\x01", "raws": {b"\xff"}, "sizes": {1, decimal.Decimal("2.25")},
        "nested": {"list": [None, False, {"deep": ["er"]}], "empty": "", "none": []},
    }
    key = {"pk": item["pk"], "sk": item["sk"]}
    music[US].put_item(Item=item)
    for region in (EU, AP):
        found = wait_until(lambda: music[region].get_item(Key=key).get("Item"), what=region)
        assert found == item and isinstance(found["raw"], Binary)
    # The endpoint of a region takes every request, whatever region signed it.
    port = three_regions.region_port(EU)
    near = boto3.resource("dynamodb", region_name=US, endpoint_url=f"http://127.0.0.1:{port}")
    near.Table(music[EU].name).update_item(
        Key=key, UpdateExpression="SET heard = :n REMOVE nested.#l[0]",
        ExpressionAttributeNames={"#l": "list"}, ExpressionAttributeValues={":n": 1})
    wait_until(lambda: music[AP].get_item(Key=key)["Item"].get("heard") == 1, what="the update")
    wait_until(lambda: music[US].get_item(Key=key)["Item"].get("heard") == 1, what="the update")
    assert music[US].get_item(Key=key)["Item"]["nested"]["list"] == [False, {"deep": ["er"]}]
    music[AP].delete_item(Key=key)
    for region in (US, EU):
        wait_until(lambda: "Item" not in music[region].get_item(Key=key), what="the delete")


# Each way to say a condition on an attribute, and which of the shelf's items it holds for.
FILTERS = [
    (Attr("n").eq(2), {2}),
    (Attr("n").ne(2), {1, 3, 4}),
    (Attr("n").lt(2), {1}),
    (Attr("n").lte(2), {1, 2}),
    (Attr("n").gt(3), {4}),
    (Attr("n").gte(3), {3, 4}),
    (Attr("n").between(2, 3), {2, 3}),
    (Attr("n").is_in([1, 4, 9]), {1, 4}),
    (Attr("name").begins_with("be"), {2, 3}),
    (Attr("name").contains("a"), {1, 2, 4}),
    (Attr("marks").contains("x"), {1}),
    (Attr("marks").exists(), {1, 2}),
    (Attr("marks").not_exists(), {3, 4}),
    (Attr("marks").attribute_type("SS"), {1, 2}),
    (Attr("name").size().gt(4), {1, 4}),
    (Attr("box.inner[1]").eq("second"), {3}),
    (Attr("n").gt(1) & Attr("marks").contains("y"), {2}),
    (Attr("n").eq(1) | Attr("n").eq(4), {1, 4}),
    (~Attr("name").begins_with("be"), {1, 4}),
    (~(Attr("n").gt(1) & (Attr("n").lt(4) | Attr("marks").exists())), {1, 4}),
]


@pytest.fixture(scope="module")
def shelf(music):
    """Four items in one partition of the table in Europe."""
    table = music[EU]
    with table.batch_writer() as batch:
        for n, name, more in (
            (1, "alpha", {"marks": {"x", "y"}}), (2, "beta", {"marks": {"y"}}),
            (3, "been", {"box": {"inner": ["first", "second"]}}), (4, "gamma", {}),
        ):
            batch.put_item(Item={"pk": "shelf", "sk": n, "n": n, "name": name, **more})
    return table


def test_every_condition_of_an_attribute(shelf):
    for condition, expected in FILTERS:
        found = shelf.query(
            KeyConditionExpression=Key("pk").eq("shelf"), FilterExpression=condition,
            ConsistentRead=True)
        assert {int(item["n"]) for item in found["Items"]} == expected, vars(condition)
        assert found["ScannedCount"] == 4


def test_no_kind_of_condition_is_left_out():
    def kinds(condition):
        if isinstance(condition, conditions.ConditionBase):
            yield type(condition)
            for value in condition.get_expression()["values"]:
                yield from kinds(value)

    every = {
        kind for kind in vars(conditions).values()
        if isinstance(kind, type) and issubclass(kind, conditions.ConditionBase)
    } - {conditions.ConditionBase, conditions.ComparisonCondition,
         conditions.ConditionAttributeBase}
    assert {kind for condition, _ in FILTERS for kind in kinds(condition)} == every


def test_every_condition_of_a_key(shelf):
    for condition, expected in (
        (Key("sk").eq(2), [2]), (Key("sk").lt(3), [1, 2]), (Key("sk").lte(3), [1, 2, 3]),
        (Key("sk").gt(3), [4]), (Key("sk").gte(3), [3, 4]), (Key("sk").between(2, 3), [2, 3]),
    ):
        found = shelf.query(
            KeyConditionExpression=Key("pk").eq("shelf") & condition, ConsistentRead=True)
        assert [int(item["sk"]) for item in found["Items"]] == expected
    code, _ = error_of(
        shelf.query, KeyConditionExpression=Key("pk").eq("shelf") & Key("sk").begins_with("1"))
    assert code == "ValidationException"


def test_a_failed_condition_is_a_typed_error_with_the_item(music):
    table, key = music[AP], {"pk": "guarded", "sk": 1}
    table.put_item(Item={**key, "version": 7}, ConditionExpression=Attr("pk").not_exists())
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as caught:
        table.put_item(
            Item={**key, "version": 8}, ConditionExpression=Attr("version").eq(6),
            ReturnValuesOnConditionCheckFailure="ALL_OLD")
    error = caught.value.response
    assert error["Error"]["Message"] == "The conditional request failed"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Item"]["version"] == {"N": "7"}
    assert table.get_item(Key=key, ConsistentRead=True)["Item"]["version"] == 7


def test_a_batch_writer_keeps_the_last_of_equal_keys(music):
    table = music[US]
    with table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
        for n in range(130):
            batch.put_item(Item={"pk": "batch", "sk": n, "round": 1})
            batch.put_item(Item={"pk": "batch", "sk": n, "round": 2})
        for n in range(100, 130):
            batch.delete_item(Key={"pk": "batch", "sk": n})

    def rounds(region):
        found = music[region].query(KeyConditionExpression=Key("pk").eq("batch"))["Items"]
        return [(int(item["sk"]), int(item["round"])) for item in found]

    expected = [(n, 2) for n in range(100)]
    for region in (US, EU, AP):
        wait_until(lambda: rounds(region) == expected, what=f"the batch in {region}")


def test_a_batch_get_over_16_mb_goes_on_with_what_is_unprocessed(music):
    name, dynamodb = music[US].name, service()
    with music[US].batch_writer() as batch:
        for n in range(60):
            batch.put_item(Item={"pk": f"large-{n}", "sk": n, "data": "x" * 300_000})
    requests = {name: {
        "Keys": [{"pk": f"large-{n}", "sk": n} for n in range(60)], "ConsistentRead": True}}
    found, calls = set(), 0
    while requests:
        answer = dynamodb.batch_get_item(RequestItems=requests)
        assert all(len(item["data"]) == 300_000 for item in answer["Responses"][name])
        found |= {int(item["sk"]) for item in answer["Responses"][name]}
        requests, calls = answer["UnprocessedKeys"], calls + 1
    assert found == set(range(60)) and calls > 1
    with music[US].batch_writer() as batch:
        for n in range(60):
            batch.delete_item(Key={"pk": f"large-{n}", "sk": n})


def test_the_examples_of_the_service_do_what_they_show():
    client = boto3.client("dynamodb", region_name=EU)
    examples = service_model("examples-1")["examples"]

    def run(operation, **more):
        (example,) = examples[operation]
        call = getattr(client, botocore.xform_name(operation))
        return call(**{**example["input"], **more}), example["output"]

    def await_table(name):
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=QUICK)

    made, shown = run("CreateTable")
    for name in set(shown["TableDescription"]) - {"CreationDateTime", "ProvisionedThroughput"}:
        assert made["TableDescription"][name] == shown["TableDescription"][name]
    await_table("Music")
    answer, shown = run("PutItem")
    assert answer["ConsumedCapacity"] == shown["ConsumedCapacity"]
    answer, shown = run("BatchWriteItem")
    assert answer["UnprocessedItems"] == shown.get("UnprocessedItems", {})
    # What the examples read was written by others that are not among them.
    for artist, title, album in (
        ("No One You Know", "Scared of My Shadow", "Blue Sky Blues"),
        ("Acme Band", "Happy Day", "Songs About Life"),
    ):
        client.put_item(TableName="Music", Item={
            "Artist": {"S": artist}, "SongTitle": {"S": title}, "AlbumTitle": {"S": album}})
    answer, shown = run("GetItem", ConsistentRead=True)
    assert answer["Item"] == shown["Item"]
    answer, shown = run("UpdateItem")
    assert answer["Attributes"] == shown["Attributes"]

    def albums():
        for response in run("BatchGetItem"):
            yield sorted(item["AlbumTitle"]["S"] for item in response["Responses"]["Music"])

    wait_until(lambda: len(set(map(tuple, albums()))) == 1, what="the albums being those shown")
    answer, shown = run("Query", ConsistentRead=True)
    assert (answer["Count"], answer["ScannedCount"]) == (shown["Count"], shown["ScannedCount"])
    assert answer["Items"][0] == shown["Items"][0]
    answer, shown = run("Scan", ConsistentRead=True)
    assert (answer["Count"], answer["ScannedCount"]) == (shown["Count"], shown["ScannedCount"])
    assert answer["Items"] == shown["Items"]
    answer, shown = run("DeleteItem", ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == shown["ConsumedCapacity"]
    run("UpdateTable", TableName="Music")
    await_table("Music")
    described = run("DescribeTable")[0]["Table"]["ProvisionedThroughput"]
    assert (described["ReadCapacityUnits"], described["WriteCapacityUnits"]) == (10, 10)
    assert "Music" in run("ListTables")[0]["TableNames"]
    answer, shown = run("DescribeLimits")
    assert answer.keys() >= shown.keys()
    deleted, shown = run("DeleteTable")
    assert deleted["TableDescription"]["TableStatus"] == "DELETING"
    assert deleted["TableDescription"].keys() >= shown["TableDescription"].keys()
    assert set(examples) == {
        "BatchGetItem", "BatchWriteItem", "CreateTable", "DeleteItem", "DeleteTable",
        "DescribeLimits", "DescribeTable", "GetItem", "ListTables", "PutItem", "Query", "Scan",
        "UpdateItem", "UpdateTable",
    }


# Paginators

def service_model(kind):
    loader = botocore.session.get_session().get_component("data_loader")
    return loader.load_service_model("dynamodb", kind)


def test_the_paginators_of_the_model_are_those_tested_here():
    assert set(service_model("paginators-1")["pagination"]) == {
        "ListTables", "Query", "Scan", "ListTagsOfResource", "ListBackups", "ListBulkOperations",
    }


def test_list_tables_pages():
    client, prefix = service(AP).meta.client, unique("paged")
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in names:
        create(name, AP)
    pages = list(client.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["TableNames"]) <= 2 for page in pages)
    every = [name for page in pages for name in page["TableNames"]]
    assert every == sorted(every) and set(names) <= set(every)
    tables = service(AP).tables
    assert [table.name for table in tables.all()] == every
    assert [table.name for table in tables.limit(3)] == every[:3]
    after = tables.filter(ExclusiveStartTableName=names[1])
    assert [table.name for table in after][:3] == names[2:]


@pytest.fixture(scope="module")
def readings():
    """Ninety items in one partition, ten in others."""
    table = create(unique("readings"))
    with table.batch_writer() as batch:
        for n in range(100):
            sensor = "north" if n < 90 else f"south-{n}"
            batch.put_item(Item={"pk": sensor, "sk": n, "odd": n % 2 == 1})
    return table


def test_query_pages_and_resumes(readings):
    client = boto3.client("dynamodb", region_name=US)
    paginator = client.get_paginator("query")
    asked = {
        "TableName": readings.name, "KeyConditionExpression": "pk = :p", "ConsistentRead": True,
        "ExpressionAttributeValues": {":p": {"S": "north"}},
    }
    found, token = [], None
    for _ in range(4):
        whole = paginator.paginate(**asked, PaginationConfig={
            "PageSize": 7, "MaxItems": 25, "StartingToken": token}).build_full_result()
        found += [int(item["sk"]["N"]) for item in whole["Items"]]
        token = whole.get("NextToken")
    assert found == list(range(90)) and token is None
    pages = paginator.paginate(
        **asked, ScanIndexForward=False, PaginationConfig={"PageSize": 40})
    assert [page["Count"] for page in pages] == [40, 40, 10]
    odd = {
        **asked, "FilterExpression": "odd = :o", "PaginationConfig": {"PageSize": 11},
        "ExpressionAttributeValues": {":p": {"S": "north"}, ":o": {"BOOL": True}},
    }
    assert list(paginator.paginate(**odd).search("Items[].sk.N")) \
        == [str(n) for n in range(1, 90, 2)]
    totals = paginator.paginate(**odd).build_full_result()
    assert (totals["Count"], totals["ScannedCount"]) == (45, 90)


def test_scan_pages_of_a_resource_and_in_parallel(readings):
    # A resource's paginator takes and gives Python values as the resource does.
    paginator = readings.meta.client.get_paginator("scan")
    everything = {"TableName": readings.name, "ConsistentRead": True}
    whole = paginator.paginate(**everything, FilterExpression=Attr("odd").eq(True),
                               PaginationConfig={"PageSize": 9}).build_full_result()
    assert sorted(int(item["sk"]) for item in whole["Items"]) == list(range(1, 100, 2))
    assert (whole["Count"], whole["ScannedCount"]) == (50, 100)
    lock, seen = threading.Lock(), []

    def read(segment):
        for page in paginator.paginate(
            **everything, Segment=segment, TotalSegments=4, PaginationConfig={"PageSize": 8}
        ):
            with lock:
                seen.extend(int(item["sk"]) for item in page["Items"])

    threads = [threading.Thread(target=read, args=(segment,)) for segment in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(100))
    assert readings.scan(Select="COUNT", ConsistentRead=True)["Count"] == 100


def test_list_tags_of_resource_gives_every_tag(readings):
    client, arn = readings.meta.client, readings.table_arn
    tags = {f"tag-{n:02}": f"{n}" for n in range(23)}
    client.tag_resource(
        ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    pages = list(client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn))
    assert {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]} == tags
    # The service tells all of a table's tags, fifty at most, in one page.
    assert [len(page["Tags"]) for page in pages] == [23]


def test_paginators_of_what_is_not_here_say_so():
    client = boto3.client("dynamodb", region_name=US)
    for name in ("list_backups", "list_bulk_operations"):
        with pytest.raises(ClientError) as caught:
            client.get_paginator(name).paginate().build_full_result()
        assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


# Waiters

def test_waiters(readings):
    client = boto3.client("dynamodb", region_name=US)
    assert set(service_model("waiters-2")["waiters"]) == {
        "TableExists", "TableNotExists", "BulkOperationCompleted", "ContributorInsightsEnabled",
        "ExportCompleted", "ImportCompleted", "KinesisStreamingDestinationActive",
    }
    client.get_waiter("table_exists").wait(TableName=readings.name)
    client.get_waiter("table_not_exists").wait(TableName=unique("never"))
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        client.get_waiter("table_exists").wait(
            TableName=unique("never"), WaiterConfig={"Delay": 0.01, "MaxAttempts": 3})
    # What the others wait for is not here; they end at once and say why.
    arn = readings.table_arn
    for waiter, asked in (
        ("bulk_operation_completed", {"BulkOperationArn": f"{arn}/bulk-operation/0"}),
        ("contributor_insights_enabled", {"TableName": readings.name}),
        ("export_completed", {"ExportArn": f"{arn}/export/0"}),
        ("import_completed", {"ImportArn": f"{arn}/import/0"}),
        ("kinesis_streaming_destination_active", {"TableName": readings.name}),
    ):
        with pytest.raises(WaiterError, match="UnknownOperationException"):
            client.get_waiter(waiter).wait(**asked)


# Clients

def test_one_client_serves_many_threads(readings):
    client = boto3.client(
        "dynamodb", region_name=US, config=Config(max_pool_connections=16))
    key = {"pk": {"S": "counter"}, "sk": {"N": "0"}}
    errors = []

    def count():
        try:
            for _ in range(20):
                client.update_item(
                    TableName=readings.name, Key=key, UpdateExpression="ADD hits :one",
                    ExpressionAttributeValues={":one": {"N": "1"}})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = client.get_item(TableName=readings.name, Key=key, ConsistentRead=True)["Item"]
    assert found["hits"] == {"N": "240"}
    client.delete_item(TableName=readings.name, Key=key)


def test_what_a_response_tells_of_itself(readings):
    client = boto3.client("dynamodb", region_name=US)
    answer = client.get_item(
        TableName=readings.name, Key={"pk": {"S": "north"}, "sk": {"N": "1"}},
        ReturnConsumedCapacity="TOTAL")
    metadata = answer["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 200
    assert len(metadata["RequestId"]) == 52 and metadata["RequestId"].isupper()
    assert metadata["HTTPHeaders"]["x-amzn-requestid"] == metadata["RequestId"]
    assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.0"
    assert answer["ConsumedCapacity"] == {"TableName": readings.name, "CapacityUnits": 0.5}
    # Streams are another service of the SDK, at the same endpoint.
    streams = boto3.client("dynamodbstreams", region_name=US)
    assert error_of(streams.list_streams)[0] == "UnknownOperationException"
