"""Time to live: switching it on, what the sweep deletes and what it leaves."""
import time

import pytest

from conftest import Cluster, error_of, regions_text, unique, wait_until


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(text=regions_text("us-east-1", "eu-west-1", ttl_sweep="300ms"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(cluster):
    return cluster.client("us-east-1")


def enable(client, table, attribute="expires", enabled=True):
    return client.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
    )["TimeToLiveSpecification"]


def status(client, table):
    return client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]


def is_enabled(client, table):
    return status(client, table)["TimeToLiveStatus"] == "ENABLED"


def test_states_and_refusals(cluster, client):
    table = unique("states")
    cluster.create_table(table)
    assert status(client, table) == {"TimeToLiveStatus": "DISABLED"}
    assert error_of(enable, client, table, enabled=False) == (
        "ValidationException", "TimeToLive is already disabled",
    )
    assert enable(client, table) == {"Enabled": True, "AttributeName": "expires"}
    assert status(client, table)["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    wait_until(lambda: is_enabled(client, table), 10, "ENABLED")
    assert status(client, table) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    assert error_of(enable, client, table) == (
        "ValidationException", "TimeToLive is already enabled",
    )
    for wanted in (True, False):
        assert error_of(enable, client, table, "other", enabled=wanted) == (
            "ValidationException",
            "TimeToLive is active on a different AttributeName: current AttributeName is expires",
        )
    enable(client, table, enabled=False)
    wait_until(
        lambda: status(client, table) == {"TimeToLiveStatus": "DISABLED"}, 10, "DISABLED"
    )
    assert error_of(client.describe_time_to_live, TableName="nobody")[0] \
        == "ResourceNotFoundException"


def test_the_sweep_deletes_what_has_expired_and_nothing_else(cluster, client):
    table = unique("sweep")
    cluster.create_table(table)
    now = int(time.time())
    values = {
        "gone": {"N": str(now - 100)}, "just-gone": {"N": str(now - 1)},
        "kept-later": {"N": str(now + 3600)}, "kept-text": {"S": str(now - 100)},
        "kept-ancient": {"N": "1000"}, "kept-float": {"N": str(now + 3600.5)},
    }
    for key, value in values.items():
        client.put_item(TableName=table, Item={"pk": {"S": key}, "expires": value})
    client.put_item(TableName=table, Item={"pk": {"S": "kept-without"}})
    # Nothing is deleted before time to live is on, and expired items are read until swept.
    assert client.get_item(TableName=table, Key={"pk": {"S": "gone"}})["Item"]
    assert len(cluster.items(table, "us-east-1")) == 7
    enable(client, table)
    wait_until(
        lambda: all(key.startswith("kept") for key in cluster.items(table, "us-east-1")), 20,
        "expired items being gone",
    )
    assert len(cluster.items(table, "us-east-1")) == 5


def test_deletions_are_replicated_and_leave_indexes(cluster, client):
    table = unique("replicated")
    client.create_table(
        TableName=table, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[{
            "IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    )
    wait_until(lambda: cluster.status(table, "us-east-1") == "ACTIVE", 20, "ACTIVE")
    cluster.add_replica(table, "us-east-1", "eu-west-1")
    other = cluster.client("eu-west-1")
    now = int(time.time())
    for n in range(20):
        client.put_item(TableName=table, Item={
            "pk": {"S": str(n)}, "g": {"S": "x"},
            "expires": {"N": str(now - 10 if n % 2 else now + 3600)},
        })
    wait_until(lambda: len(cluster.items(table, "eu-west-1")) == 20, 20, "all items there")
    enable(client, table)
    wait_until(lambda: is_enabled(other, table), 20, "the other region having it too")
    for region in ("us-east-1", "eu-west-1"):
        wait_until(lambda: len(cluster.items(table, region)) == 10, 30, f"ten left in {region}")

        def indexed():
            return cluster.client(region).query(
                TableName=table, IndexName="by-g", KeyConditionExpression="g = :g",
                ExpressionAttributeValues={":g": {"S": "x"}},
            )["Count"]
        wait_until(lambda: indexed() == 10, 20, f"ten entries in {region}")
    assert cluster.conflicts(table) == []
