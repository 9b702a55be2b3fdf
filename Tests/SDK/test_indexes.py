"""Secondary indexes through the gateway, as an unmodified program sees them."""
import random

import pytest
from botocore.exceptions import ClientError

from conftest import Cluster, error_of, regions_text, unique, wait_until

TYPES = {"pk": "S", "sk": "N", "g": "S", "n": "N", "b": "B", "h": "S"}


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(text=regions_text("us-east-1", nodes=3, item_collection_limit=20_000))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(cluster):
    return cluster.client("us-east-1")


def key_schema(partition, sort=()):
    keys = [{"AttributeName": name, "KeyType": "HASH"} for name in partition]
    return keys + [{"AttributeName": name, "KeyType": "RANGE"} for name in sort]


def index(name, partition, sort=(), projection="ALL", include=None):
    described = {"ProjectionType": projection}
    if include:
        described["NonKeyAttributes"] = include
    return {
        "IndexName": name, "KeySchema": key_schema(partition, sort), "Projection": described,
    }


def create(client, name, locals_=(), globals_=()):
    used = {"pk", "sk"}
    for described in (*locals_, *globals_):
        used |= {key["AttributeName"] for key in described["KeySchema"]}
    options = {}
    if locals_:
        options["LocalSecondaryIndexes"] = list(locals_)
    if globals_:
        options["GlobalSecondaryIndexes"] = list(globals_)
    client.create_table(
        TableName=name, KeySchema=key_schema(["pk"], ["sk"]), BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": TYPES[key]} for key in sorted(used)
        ],
        **options,
    )
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
    )


def put(client, table, pk, sk, **attributes):
    item = {"pk": {"S": pk}, "sk": {"N": str(sk)}}
    for name, value in attributes.items():
        item[name] = value if isinstance(value, dict) else {"S": value}
    client.put_item(TableName=table, Item=item)
    return item


def query(client, table, name, condition, values, **options):
    """All pages of a query, and how many there were."""
    items, pages, start = [], 0, {}
    while True:
        answer = client.query(
            TableName=table, IndexName=name, KeyConditionExpression=condition,
            ExpressionAttributeValues=values, **options, **start,
        )
        items += answer["Items"]
        pages += 1
        if "LastEvaluatedKey" not in answer:
            return items, pages
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def canonical(items):
    """Items that can be compared whatever the order of items and attributes."""
    return sorted(str(sorted(item.items())) for item in items)


def eventually(client, table, name, condition, values, wanted, **options):
    """Waits until an index shows what it ought to."""
    def matches():
        found, _ = query(client, table, name, condition, values, **options)
        return canonical(found) == canonical(wanted)
    wait_until(matches, 15, f"{name} showing {len(wanted)} items")


# Local indexes


@pytest.fixture(scope="module")
def local_table(client):
    name = unique("local")
    create(client, name, locals_=[
        index("by-n", ["pk"], ["n"]),
        index("by-g", ["pk"], ["g"], "KEYS_ONLY"),
        index("by-b", ["pk"], ["b"], "INCLUDE", ["extra"]),
    ])
    return name


def test_local_index_is_read_in_its_own_order(client, local_table):
    for sk, n in [(1, 30), (2, 10), (3, 20), (4, 10)]:
        put(client, local_table, "order", sk, n={"N": str(n)})
    put(client, local_table, "order", 5)
    values = {":p": {"S": "order"}}
    found, _ = query(client, local_table, "by-n", "pk = :p", values, ConsistentRead=True)
    assert [(item["n"]["N"], item["sk"]["N"]) for item in found] == [
        ("10", "2"), ("10", "4"), ("20", "3"), ("30", "1"),
    ]
    back, _ = query(
        client, local_table, "by-n", "pk = :p", values, ConsistentRead=True,
        ScanIndexForward=False,
    )
    assert back == found[::-1]
    between, _ = query(
        client, local_table, "by-n", "pk = :p AND n BETWEEN :a AND :b",
        {**values, ":a": {"N": "10"}, ":b": {"N": "20"}}, ConsistentRead=True,
    )
    assert [item["sk"]["N"] for item in between] == ["2", "4", "3"]


def test_local_index_pages(client, local_table):
    for sk in range(20):
        put(client, local_table, "pages", sk, n={"N": str(sk % 4)})
    values = {":p": {"S": "pages"}}
    whole, _ = query(client, local_table, "by-n", "pk = :p", values, ConsistentRead=True)
    for limit in (1, 3, 7):
        for forward in (True, False):
            found, pages = query(
                client, local_table, "by-n", "pk = :p", values, ConsistentRead=True, Limit=limit,
                ScanIndexForward=forward,
            )
            assert found == (whole if forward else whole[::-1])
            assert pages >= 20 // limit
    answer = client.query(
        TableName=local_table, IndexName="by-n", KeyConditionExpression="pk = :p",
        ExpressionAttributeValues=values, Limit=2,
    )
    assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", "n"}


def test_local_index_projections(client, local_table):
    item = put(client, local_table, "shown", 1, g="x", b={"B": b"\x00\xff"}, extra="e", misc="o")
    values = {":p": {"S": "shown"}}

    def one(name, **options):
        found, _ = query(client, local_table, name, "pk = :p", values, **options)
        return found[0]

    assert set(one("by-g", ConsistentRead=True)) == {"pk", "sk", "g"}
    assert set(one("by-b", ConsistentRead=True)) == {"pk", "sk", "b", "extra"}
    # What is not projected is fetched from the item.
    assert one("by-g", Select="ALL_ATTRIBUTES", ConsistentRead=True) == item
    assert one("by-g", ProjectionExpression="misc") == {"misc": {"S": "o"}}
    assert set(one("by-b", Select="ALL_PROJECTED_ATTRIBUTES")) == {"pk", "sk", "b", "extra"}


def test_local_index_follows_every_write(client, local_table):
    values = {":p": {"S": "follow"}}

    def shown():
        found, _ = query(client, local_table, "by-g", "pk = :p", values, ConsistentRead=True)
        return [(item["g"]["S"], item["sk"]["N"]) for item in found]

    put(client, local_table, "follow", 1, g="a")
    assert shown() == [("a", "1")]
    key = {"pk": {"S": "follow"}, "sk": {"N": "1"}}
    client.update_item(
        TableName=local_table, Key=key, UpdateExpression="SET g = :g",
        ExpressionAttributeValues={":g": {"S": "z\0z"}},
    )
    assert shown() == [("z\0z", "1")]
    client.update_item(TableName=local_table, Key=key, UpdateExpression="REMOVE g")
    assert shown() == []
    client.batch_write_item(RequestItems={local_table: [
        {"PutRequest": {"Item": {"pk": {"S": "follow"}, "sk": {"N": str(n)}, "g": {"S": f"g{n}"}}}}
        for n in range(3)
    ]})
    assert shown() == [("g0", "0"), ("g1", "1"), ("g2", "2")]
    client.delete_item(TableName=local_table, Key=key)
    assert shown() == [("g0", "0"), ("g2", "2")]


def test_scan_of_a_local_index(client, local_table):
    for pk in range(12):
        put(client, local_table, f"scan-{pk}", 1, b={"B": bytes([pk])}, mark="scan")
        put(client, local_table, f"scan-{pk}", 2, mark="scan")
    found, start = [], {}
    while True:
        answer = client.scan(TableName=local_table, IndexName="by-b", Limit=5, **start)
        found += [item["pk"]["S"] for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            break
        assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", "b"}
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert sorted(pk for pk in found if pk.startswith("scan-")) == sorted(
        f"scan-{pk}" for pk in range(12)
    )


def test_item_collections_have_a_limit(client, local_table):
    big = "x" * 4_000
    code = None
    for sk in range(12):
        try:
            put(client, local_table, "full", sk, n={"N": "1"}, filler=big)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            break
    assert code == "ItemCollectionSizeLimitExceededException"
    # What makes the collection smaller is always possible.
    client.delete_item(TableName=local_table, Key={"pk": {"S": "full"}, "sk": {"N": "0"}})
    put(client, local_table, "full", 50, n={"N": "1"})


def test_index_keys_have_types(client, local_table):
    item = {"pk": {"S": "type"}, "sk": {"N": "1"}, "n": {"S": "text"}}
    assert error_of(client.put_item, TableName=local_table, Item=item) == (
        "ValidationException",
        "One or more parameter values were invalid: Type mismatch for Index Key n Expected: N "
        "Actual: S IndexName: by-n",
    )
    key = {"pk": {"S": "type"}, "sk": {"N": "1"}}
    code, message = error_of(
        client.update_item, TableName=local_table, Key=key, UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"S": "text"}},
    )
    assert (code, message) == (
        "ValidationException",
        "The update expression attempted to update the secondary index key to unsupported type",
    )
    empty = {**key, "g": {"S": ""}}
    code, message = error_of(client.put_item, TableName=local_table, Item=empty)
    assert code == "ValidationException" and "IndexName: by-g, IndexKey: g" in message


# Global indexes


@pytest.fixture(scope="module")
def global_table(client):
    name = unique("global")
    create(client, name, globals_=[
        index("by-g", ["g"], ["n"]),
        index("keys", ["g"], (), "KEYS_ONLY"),
        index("some", ["g"], ["b"], "INCLUDE", ["extra"]),
        index("many", ["g", "h"], ["n", "b"]),
    ])
    return name


def test_global_index_follows_every_write(client, global_table):
    values = {":g": {"S": "follow"}}
    items = [put(client, global_table, f"f{n}", n, g="follow", n={"N": str(-n)}) for n in range(9)]
    eventually(client, global_table, "by-g", "g = :g", values, items)
    found, _ = query(client, global_table, "by-g", "g = :g", values)
    assert [item["n"]["N"] for item in found] == [str(-n) for n in range(8, 0, -1)] + ["0"]
    key = {"pk": {"S": "f0"}, "sk": {"N": "0"}}
    client.update_item(
        TableName=global_table, Key=key, UpdateExpression="SET g = :g",
        ExpressionAttributeValues={":g": {"S": "moved"}},
    )
    eventually(client, global_table, "by-g", "g = :g", values, items[1:])
    moved = {**items[0], "g": {"S": "moved"}}
    eventually(client, global_table, "by-g", "g = :g", {":g": {"S": "moved"}}, [moved])
    client.update_item(TableName=global_table, Key=key, UpdateExpression="REMOVE n")
    eventually(client, global_table, "by-g", "g = :g", {":g": {"S": "moved"}}, [])
    for n in range(1, 9):
        client.delete_item(
            TableName=global_table, Key={"pk": {"S": f"f{n}"}, "sk": {"N": str(n)}}
        )
    eventually(client, global_table, "by-g", "g = :g", values, [])


def test_global_index_projections(client, global_table):
    item = put(
        client, global_table, "p", 1, g="shown", n={"N": "1"}, b={"B": b"b"}, extra="e", misc="o"
    )
    values = {":g": {"S": "shown"}}
    keys = {"pk": item["pk"], "sk": item["sk"], "g": item["g"]}
    eventually(client, global_table, "keys", "g = :g", values, [keys])
    eventually(
        client, global_table, "some", "g = :g", values,
        [{**keys, "b": item["b"], "extra": item["extra"]}],
    )
    assert error_of(
        client.query, TableName=global_table, IndexName="keys", KeyConditionExpression="g = :g",
        ExpressionAttributeValues=values, Select="ALL_ATTRIBUTES",
    )[1] == (
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported "
        "for global secondary index keys because its projection type is not ALL"
    )
    assert error_of(
        client.query, TableName=global_table, IndexName="keys", KeyConditionExpression="g = :g",
        ExpressionAttributeValues=values, ConsistentRead=True,
    ) == ("ValidationException", "Consistent reads are not supported on global secondary indexes")
    assert error_of(
        client.query, TableName=global_table, IndexName="nothing",
        KeyConditionExpression="g = :g", ExpressionAttributeValues=values,
    ) == ("ValidationException", "The table does not have the specified index: nothing")


def test_keys_of_several_attributes(client, global_table):
    wanted = []
    for n in range(3):
        for letter in b"abc":
            wanted.append(put(
                client, global_table, f"m{n}", letter, g="g", h="h", n={"N": str(n)},
                b={"B": bytes([letter])},
            ))
    put(client, global_table, "other", 1, g="g", h="other", n={"N": "1"}, b={"B": b"b"})
    both = {":g": {"S": "g"}, ":h": {"S": "h"}}
    eventually(client, global_table, "many", "g = :g AND h = :h", both, wanted)
    found, pages = query(client, global_table, "many", "g = :g AND h = :h", both, Limit=2)
    assert found == wanted and pages >= 5
    found, _ = query(
        client, global_table, "many", "g = :g AND h = :h AND n = :n AND b > :b",
        {**both, ":n": {"N": "1"}, ":b": {"B": b"a"}},
    )
    assert found == wanted[4:6]
    assert error_of(
        client.query, TableName=global_table, IndexName="many", KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g"}},
    ) == ("ValidationException", "Query condition missed key schema element: h")
    for text, names, last in [
        ("b = :b", "n", "b"), ("n > :n AND b = :b", "n", "b"),
    ]:
        values = {":n": {"N": "1"}, ":b": {"B": b"a"}}
        used = {name: value for name, value in values.items() if name in text}
        assert error_of(
            client.query, TableName=global_table, IndexName="many",
            KeyConditionExpression=f"g = :g AND h = :h AND {text}",
            ExpressionAttributeValues={**both, **used},
        ) == (
            "ValidationException",
            f"RANGE key attributes {names} must have equality conditions specified in the query "
            f"because a condition is present on key attribute {last}")


def test_scan_of_a_global_index(client, global_table):
    wanted = [put(client, global_table, f"s{n}", n, g=f"scan-{n}") for n in range(15)]
    shown = [{key: item[key] for key in ("pk", "sk", "g")} for item in wanted]

    def scanned():
        found = []
        for page in client.get_paginator("scan").paginate(
            TableName=global_table, IndexName="keys", PaginationConfig={"PageSize": 4}
        ):
            found += [item for item in page["Items"] if item["g"]["S"].startswith("scan-")]
        return found
    wait_until(lambda: len(scanned()) == 15, 10, "the index holding the items")
    assert canonical(scanned()) == canonical(shown)
    parts = []
    for segment in range(3):
        answer = client.scan(
            TableName=global_table, IndexName="keys", Segment=segment, TotalSegments=3
        )
        parts += [item for item in answer["Items"] if item["g"]["S"].startswith("scan-")]
    assert canonical(parts) == canonical(shown)


def test_online_creation_backfills(cluster, client):
    table = unique("online")
    create(client, table)
    items = [
        put(client, table, f"i{n}", n, g=f"g{n % 5}", filler="x" * 500) for n in range(300)
    ]
    described = client.update_table(
        TableName=table,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": TYPES[name]} for name in ("pk", "sk", "g")
        ],
        GlobalSecondaryIndexUpdates=[{"Create": index("late", ["g"], ["sk"])}],
    )["TableDescription"]
    assert described["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    # Writes go on while the index is filled.
    for n in range(300, 340):
        items.append(put(client, table, f"i{n}", n, g=f"g{n % 5}"))
    for n in range(0, 40, 2):
        client.delete_item(TableName=table, Key={"pk": {"S": f"i{n}"}, "sk": {"N": str(n)}})

    def is_active():
        found = cluster.describe(table, "us-east-1")["GlobalSecondaryIndexes"]
        return found[0]["IndexStatus"] == "ACTIVE" and found[0]
    active = wait_until(is_active, 20, "the index being active")
    assert "Backfilling" not in active
    kept = [item for item in items if not int(item["sk"]["N"]) in range(0, 40, 2)]
    for group in range(5):
        wanted = [item for item in kept if item["g"]["S"] == f"g{group}"]
        eventually(client, table, "late", "g = :g", {":g": {"S": f"g{group}"}}, wanted)
    client.update_table(
        TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "late"}}]
    )
    wait_until(
        lambda: "GlobalSecondaryIndexes" not in cluster.describe(table, "us-east-1"), 10,
        "the index being gone",
    )
    assert error_of(
        client.query, TableName=table, IndexName="late", KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g0"}},
    )[0] == "ValidationException"


def test_rules_of_updates(client):
    table = unique("rules")
    create(client, table, globals_=[index("by-g", ["g"])])
    attributes = [{"AttributeName": name, "AttributeType": TYPES[name]} for name in ("g", "h")]
    two = [{"Create": index(name, ["h"])} for name in ("one", "two")]
    assert error_of(
        client.update_table, TableName=table, AttributeDefinitions=attributes,
        GlobalSecondaryIndexUpdates=two,
    ) == (
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
        "per table",
    )
    assert error_of(
        client.update_table, TableName=table,
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "none"}}],
    )[0] == "ResourceNotFoundException"
    assert error_of(
        client.update_table, TableName=table,
        GlobalSecondaryIndexUpdates=[{"Create": index("new", ["h"])}],
    )[1] == ("One or more parameter values were invalid: AttributeDefinitions is not specified for "
             "index: new")


def test_creation_is_checked(client):
    for options, text in [
        ({"locals_": [index(f"local{n}", ["pk"], ["n"]) for n in range(6)]},
         "Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
        ({"globals_": [index(f"g{n}-x", ["g"]) for n in range(21)]},
         "GlobalSecondaryIndex count exceeds the per-table limit of 20"),
        ({"globals_": [index("same", ["g"]), index("same", ["h"])]},
         "Duplicate index name: same"),
        ({"locals_": [index("wrong", ["g"], ["n"])]},
         "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
         "wrong. index hash key: g, table hash key: pk"),
        ({"locals_": [index("short", ["pk"])]},
         "Index KeySchema does not have a range key for index: short"),
        ({"globals_": [index("inc", ["g"], (), "INCLUDE")]},
         "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"),
    ]:
        assert error_of(create, client, unique("refused"), **options) == (
            "ValidationException", "One or more parameter values were invalid: " + text,
        )


def test_capacity_tells_indexes_apart(client, global_table, local_table):
    put(client, global_table, "cap", 1, g="cap", n={"N": "1"})
    answer = client.query(
        TableName=global_table, IndexName="by-g", KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "cap"}}, ReturnConsumedCapacity="INDEXES",
    )["ConsumedCapacity"]
    assert answer["Table"]["CapacityUnits"] == 0
    assert answer["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 0.5}}
    answer = client.query(
        TableName=local_table, IndexName="by-n", KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "order"}}, ReturnConsumedCapacity="INDEXES",
    )["ConsumedCapacity"]
    assert answer["LocalSecondaryIndexes"] == {"by-n": {"CapacityUnits": 0.5}}


def test_writes_tell_what_indexes_took(client, global_table, local_table):
    def write(table, **attributes):
        item = {"pk": {"S": "units"}, "sk": {"N": "1"}, **attributes}
        return client.put_item(
            TableName=table, Item=item, ReturnConsumedCapacity="INDEXES",
            ReturnItemCollectionMetrics="SIZE",
        )
    made = write(global_table, g={"S": "u1"}, n={"N": "1"}, filler={"S": "x" * 1500})
    assert "ItemCollectionMetrics" not in made
    consumed = made["ConsumedCapacity"]
    assert consumed["Table"]["CapacityUnits"] == 2
    assert consumed["GlobalSecondaryIndexes"] == {
        "by-g": {"CapacityUnits": 2}, "keys": {"CapacityUnits": 1},
    }
    assert consumed["CapacityUnits"] == 5
    # Another key moves the entries; only what is projected rewrites them.
    moved = write(global_table, g={"S": "u2"}, n={"N": "1"}, filler={"S": "x" * 1500})
    assert moved["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {
        "by-g": {"CapacityUnits": 4}, "keys": {"CapacityUnits": 2},
    }
    same = write(global_table, g={"S": "u2"}, n={"N": "1"}, filler={"S": "y" * 1500})
    assert same["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 2}}
    local = write(local_table, n={"N": "1"})
    assert local["ConsumedCapacity"]["LocalSecondaryIndexes"] == {"by-n": {"CapacityUnits": 1}}
    assert local["ItemCollectionMetrics"] == {
        "ItemCollectionKey": {"pk": {"S": "units"}}, "SizeEstimateRangeGB": [0.0, 0.5],
    }


def test_batches_tell_what_they_took(client, global_table, local_table):
    """Per table, with the indexes whose entries change, and the item collections that grew."""
    def entry(pk, **attributes):
        values = {n: v if isinstance(v, dict) else {"S": v} for n, v in attributes.items()}
        return {"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"N": "1"}, **values}}}

    def batch(writes, **options):
        return client.batch_write_item(
            RequestItems=writes, ReturnConsumedCapacity="INDEXES", **options)

    writes = {
        local_table: [entry("took", g="x"), entry("took-2", n={"N": "1"}), entry("plain")],
        global_table: [entry("took", g="x")],
    }
    first = batch(writes, ReturnItemCollectionMetrics="SIZE")
    assert first["ConsumedCapacity"] == [
        {"TableName": local_table, "CapacityUnits": 5.0, "Table": {"CapacityUnits": 3.0},
         "LocalSecondaryIndexes": {
             "by-g": {"CapacityUnits": 1.0}, "by-n": {"CapacityUnits": 1.0}}},
        {"TableName": global_table, "CapacityUnits": 2.0, "Table": {"CapacityUnits": 1.0},
         "GlobalSecondaryIndexes": {"keys": {"CapacityUnits": 1.0}}},
    ]
    metrics = first["ItemCollectionMetrics"]
    assert list(metrics) == [local_table]
    assert sorted(m["ItemCollectionKey"]["pk"]["S"] for m in metrics[local_table]) \
        == ["plain", "took", "took-2"]
    assert all(m["SizeEstimateRangeGB"] == [0.0, 0.5] for m in metrics[local_table])
    # The same again changes no entry; the item alone is paid for.
    again = batch({local_table: writes[local_table][:1]})
    assert again["ConsumedCapacity"] == [
        {"TableName": local_table, "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}}]
    assert "ItemCollectionMetrics" not in again
    # An entry that moves is removed and made; one that goes is removed.
    moved = batch({local_table: [entry("took", g="y"), {"DeleteRequest": {
        "Key": {"pk": {"S": "took-2"}, "sk": {"N": "1"}}}}]})["ConsumedCapacity"][0]
    assert moved["LocalSecondaryIndexes"] == {
        "by-g": {"CapacityUnits": 2.0}, "by-n": {"CapacityUnits": 1.0}}
    assert moved["CapacityUnits"] == 5.0


def test_a_batch_is_refused_whole_for_one_bad_index_key(client, global_table):
    writes = [
        {"PutRequest": {"Item": {"pk": {"S": "whole"}, "sk": {"N": "1"}}}},
        {"PutRequest": {"Item": {"pk": {"S": "whole"}, "sk": {"N": "2"}, "g": {"N": "1"}}}},
    ]
    code, message = error_of(client.batch_write_item, RequestItems={global_table: writes})
    assert code == "ValidationException"
    assert message.startswith(
        "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
        "Actual: N IndexName: ")
    assert "Item" not in client.get_item(
        TableName=global_table, Key=writes[0]["PutRequest"]["Item"], ConsistentRead=True)


def test_a_batch_over_the_collection_limit(client, local_table):
    def puts(first):
        return {local_table: [
            {"PutRequest": {"Item": {
                "pk": {"S": "over"}, "sk": {"N": str(first + n)}, "d": {"S": "x" * 4_000}}}}
            for n in range(3)]}

    client.batch_write_item(RequestItems=puts(0))
    assert error_of(client.batch_write_item, RequestItems=puts(3)) == (
        "ItemCollectionSizeLimitExceededException", "Collection size exceeded.")


def test_random_writes_leave_what_a_model_says(cluster, client):
    table = unique("model")
    create(
        client, table, locals_=[index("local", ["pk"], ["g"])],
        globals_=[index("global", ["g"], ["n"]), index("sparse", ["h"])],
    )
    seed = random.randrange(1 << 30)
    print(f"SEED={seed}")
    chance = random.Random(seed)
    model = {}
    for _ in range(400):
        pk, sk = f"p{chance.randrange(6)}", chance.randrange(5)
        if chance.random() < 0.25:
            client.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"N": str(sk)}})
            model.pop((pk, sk), None)
            continue
        attributes = {"v": {"N": str(chance.randrange(1000))}}
        if chance.random() < 0.8:
            attributes["g"] = {"S": chance.choice("abc")}
        if chance.random() < 0.8:
            attributes["n"] = {"N": str(chance.randrange(4))}
        if chance.random() < 0.3:
            attributes["h"] = {"S": chance.choice("xy")}
        model[pk, sk] = put(client, table, pk, sk, **attributes)
    for pk in range(6):
        found, _ = query(
            client, table, "local", "pk = :p", {":p": {"S": f"p{pk}"}}, ConsistentRead=True
        )
        wanted = sorted(
            (item for (own, _), item in model.items() if own == f"p{pk}" and "g" in item),
            key=lambda item: (item["g"]["S"], int(item["sk"]["N"])),
        )
        assert found == wanted
    for g in "abc":
        wanted = [item for item in model.values() if item.get("g") == {"S": g} and "n" in item]
        eventually(client, table, "global", "g = :g", {":g": {"S": g}}, wanted)
    for h in "xy":
        wanted = [item for item in model.values() if item.get("h") == {"S": h}]
        eventually(client, table, "sparse", "h = :h", {":h": {"S": h}}, wanted)
    described = cluster.describe(table, "us-east-1")
    assert described["LocalSecondaryIndexes"][0]["ItemCount"] == sum(
        "g" in item for item in model.values()
    )
    lag = cluster.json("lag", "--indexes")["lag"]
    assert any(entry["table"] == f"{table}/global" and entry["count"] > 0 for entry in lag)


def test_indexes_survive_the_loss_of_leaders(cluster, client):
    table = unique("lost")
    create(client, table, globals_=[index("by-g", ["g"], ["sk"])])
    items = []
    for round_ in range(3):
        victim = cluster.nodes("us-east-1")[round_]["name"]
        for n in range(40):
            items.append(put(client, table, f"r{round_}-{n}", n, g=f"g{n % 3}"))
        cluster.fault("kill", victim)
        for n in range(40, 60):
            items.append(put(client, table, f"r{round_}-{n}", n, g=f"g{n % 3}"))
        cluster.heal()
        wait_until(
            lambda: all(report and report["ready"] for report in cluster.reports().values()), 30,
            "all nodes being back",
        )
    for group in range(3):
        wanted = [item for item in items if item["g"]["S"] == f"g{group}"]
        eventually(client, table, "by-g", "g = :g", {":g": {"S": f"g{group}"}}, wanted)
