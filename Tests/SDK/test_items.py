"""Items through the gateway, as an unmodified program sees them."""
import decimal
import uuid

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from conftest import error_of


@pytest.fixture(scope="module")
def table(three_regions):
    name = f"items-{uuid.uuid4().hex[:8]}"
    three_regions.create_table(name, sort=True)
    return three_regions.resource("us-east-1").Table(name)


def test_every_type_comes_back_as_it_went(table):
    item = {
        "pk": "types", "sk": "1", "s": "text", "empty": "", "n": decimal.Decimal("1.50"),
        "big": decimal.Decimal("12345678901234567890123456789012345678"),
        "small": decimal.Decimal("1E-130"), "b": b"\x00\xff", "yes": True, "no": False,
        "null": None, "list": [1, "two", [3, {"four": 4}]], "map": {"a": {"b": {"c": "d"}}},
        "ss": {"a", "b"}, "ns": {1, 2, decimal.Decimal("3.5")}, "bs": {b"x", b"y"},
    }
    table.put_item(Item=item)
    found = table.get_item(Key={"pk": "types", "sk": "1"}, ConsistentRead=True)["Item"]
    assert found == item


def test_missing_item(table):
    assert "Item" not in table.get_item(Key={"pk": "nobody", "sk": "1"})


def test_update_expressions(table):
    key = {"pk": "update", "sk": "1"}
    table.put_item(Item={**key, "count": 1, "list": [1, 2, 3], "map": {"x": 1}, "set": {"a"}})
    changed = table.update_item(
        Key=key,
        UpdateExpression=(
            "SET #c = #c + :one, #m.y = if_not_exists(#m.y, :two), #l = list_append(#l, :more) "
            "REMOVE #m.x ADD #s :b DELETE #gone :b"
        ),
        ExpressionAttributeNames={
            "#c": "count", "#m": "map", "#l": "list", "#s": "set", "#gone": "gone",
        },
        ExpressionAttributeValues={":one": 1, ":two": 2, ":more": [4], ":b": {"b"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed == {
        **key, "count": 2, "list": [1, 2, 3, 4], "map": {"y": 2}, "set": {"a", "b"},
    }


def test_update_creates(table):
    key = {"pk": "update", "sk": "created"}
    table.update_item(
        Key=key, UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": 1})
    assert table.get_item(Key=key, ConsistentRead=True)["Item"] == {**key, "a": 1}


def test_conditions(table):
    item = {"pk": "condition", "sk": "1", "version": 1}
    table.put_item(Item=item, ConditionExpression="attribute_not_exists(pk)")
    code, message = error_of(
        table.put_item, Item=item, ConditionExpression="attribute_not_exists(pk)")
    assert (code, message) == (
        "ConditionalCheckFailedException", "The conditional request failed")
    with pytest.raises(ClientError) as caught:
        table.update_item(
            Key={"pk": "condition", "sk": "1"}, UpdateExpression="SET version = :n",
            ConditionExpression="version = :o", ExpressionAttributeValues={":n": 3, ":o": 2},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"]["version"] == {"N": "1"}
    old = table.delete_item(
        Key={"pk": "condition", "sk": "1"}, ConditionExpression=Attr("version").eq(1),
        ReturnValues="ALL_OLD",
    )
    assert old["Attributes"] == item


def test_return_values(table):
    key = {"pk": "return", "sk": "1"}
    assert "Attributes" not in table.put_item(Item={**key, "a": 1}, ReturnValues="ALL_OLD")
    assert table.put_item(Item={**key, "a": 2}, ReturnValues="ALL_OLD")["Attributes"]["a"] == 1
    options = {
        "Key": key, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": 3}}
    assert table.update_item(**options, ReturnValues="UPDATED_OLD")["Attributes"] == {"a": 2}
    assert table.update_item(**options, ReturnValues="UPDATED_NEW")["Attributes"] == {"a": 3}


def test_query_orders_filters_and_pages(table):
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"pk": "query", "sk": f"{number:03}", "even": number % 2 == 0})
    found, start = [], {}
    while True:
        page = table.query(KeyConditionExpression=Key("pk").eq("query"), Limit=7, **start)
        found += [item["sk"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert found == [f"{number:03}" for number in range(60)]
    page = table.query(
        KeyConditionExpression=Key("pk").eq("query") & Key("sk").between("010", "019"),
        FilterExpression=Attr("even").eq(True), ScanIndexForward=False, ConsistentRead=True,
    )
    assert [item["sk"] for item in page["Items"]] == ["018", "016", "014", "012", "010"]
    assert (page["Count"], page["ScannedCount"]) == (5, 10)
    prefixed = table.query(
        KeyConditionExpression=Key("pk").eq("query") & Key("sk").begins_with("05"),
        ProjectionExpression="sk",
    )
    assert prefixed["Items"] == [{"sk": f"05{digit}"} for digit in range(10)]


def test_pages_end_at_a_megabyte(table):
    for number in range(12):
        table.put_item(Item={"pk": "large", "sk": f"{number:02}", "data": "x" * 200_000})
    page = table.query(KeyConditionExpression=Key("pk").eq("large"))
    assert "LastEvaluatedKey" in page and page["Count"] in (5, 6)


def test_scan_with_segments_sees_each_item_once(three_regions):
    name = f"scan-{uuid.uuid4().hex[:8]}"
    three_regions.create_table(name)
    table = three_regions.resource("us-east-1").Table(name)
    with table.batch_writer() as batch:
        for number in range(300):
            batch.put_item(Item={"pk": f"key-{number}", "n": number})
    whole = table.scan(ConsistentRead=True)
    assert sorted(item["n"] for item in whole["Items"]) == list(range(300))
    assert "LastEvaluatedKey" not in whole
    seen = []
    for segment in range(5):
        start = {}
        while True:
            page = table.scan(
                Segment=segment, TotalSegments=5, Limit=11, ConsistentRead=True, **start)
            seen += [item["n"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(seen) == list(range(300))


def test_batch_get(table):
    with table.batch_writer() as batch:
        for number in range(40):
            batch.put_item(Item={"pk": f"batch-{number}", "sk": "1", "n": number})
    keys = [{"pk": {"S": f"batch-{n}"}, "sk": {"S": "1"}} for n in range(50)]
    client = table.meta.client
    answer = client.batch_get_item(
        RequestItems={table.name: {"Keys": [{"pk": f"batch-{n}", "sk": "1"} for n in range(50)],
                                   "ConsistentRead": True}})
    assert sorted(item["n"] for item in answer["Responses"][table.name]) == list(range(40))
    assert answer["UnprocessedKeys"] == {} and len(keys) == 50


def test_errors(table, three_regions):
    client = three_regions.client("us-east-1")
    assert error_of(client.get_item, TableName="no-such-table", Key={"pk": {"S": "a"}}) == (
        "ResourceNotFoundException", "Requested resource not found")
    assert error_of(table.get_item, Key={"pk": "only"}) == (
        "ValidationException", "The provided key element does not match the schema")
    assert error_of(table.put_item, Item={"pk": 1, "sk": "1"}) == (
        "ValidationException",
        "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
    )
    code, message = error_of(
        table.update_item, Key={"pk": "a", "sk": "b"}, UpdateExpression="SET = :a",
        ExpressionAttributeValues={":a": 1})
    assert code == "ValidationException" and message.startswith(
        "1 validation error detected: Invalid UpdateExpression: Syntax error; token:")
    code, message = error_of(
        table.put_item, Item={"pk": "big", "sk": "1", "data": "x" * (400 * 1024)})
    assert (code, message) == (
        "ValidationException", "Item size has exceeded the maximum allowed size")
    code, _ = error_of(client.transact_get_items, TransactItems=[
        {"Get": {"TableName": table.name, "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}}])
    assert code == "UnknownOperationException"


def test_tables(three_regions):
    client = three_regions.client("eu-west-1")
    name = f"tables-{uuid.uuid4().hex[:8]}"
    created = client.create_table(
        TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )["TableDescription"]
    assert created["TableStatus"] == "CREATING"
    assert created["TableArn"] == f"arn:aws:dynamodb:eu-west-1:000000000000:table/{name}"
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert name in client.list_tables()["TableNames"]
    assert name not in three_regions.client("us-east-1").list_tables()["TableNames"]
    code, _ = error_of(
        client.create_table, TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST")
    assert code == "ResourceInUseException"
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert error_of(client.describe_table, TableName=name)[0] == "ResourceNotFoundException"
