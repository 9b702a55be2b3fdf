"""What tables say of themselves: every field, tags, policies, states that pass."""
import json
import re

import pytest
from botocore.exceptions import ClientError

from conftest import Cluster, error_of, regions_text, unique, wait_until


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(text=regions_text("us-east-1", "eu-west-1"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(cluster):
    return cluster.client("us-east-1")


def create(client, name, **options):
    options.setdefault("BillingMode", "PAY_PER_REQUEST")
    described = client.create_table(
        TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], **options,
    )["TableDescription"]
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
    )
    return described


def described(client, name):
    return client.describe_table(TableName=name)["Table"]


def test_a_description_is_whole(client):
    name = unique("whole")
    made = create(
        client, name, TableClass="STANDARD_INFREQUENT_ACCESS", DeletionProtectionEnabled=True,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "1234"},
        OnDemandThroughput={"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20},
        WarmThroughput={"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 4_500},
    )
    assert made["TableStatus"] == "CREATING"
    table = described(client, name)
    assert table["TableArn"] == f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", table["TableId"])
    assert table["TableId"] == made["TableId"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"]
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20}
    assert table["WarmThroughput"] == {
        "ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 4_500, "Status": "ACTIVE",
    }
    assert table["SSEDescription"] == {
        "Status": "ENABLED", "SSEType": "KMS",
        "KMSMasterKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1234",
    }
    assert table["DeletionProtectionEnabled"] is True
    code, message = error_of(client.delete_table, TableName=name)
    assert code == "ValidationException" and "protected against deletion" in message
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)


def test_counts_and_sizes(client):
    name = unique("counts")
    create(client, name)
    for n in range(10):
        client.put_item(TableName=name, Item={"pk": {"S": f"{n}"}, "v": {"S": "x" * 97}})
    wait_until(lambda: described(client, name)["ItemCount"] == 10, 10, "ten items")
    assert described(client, name)["TableSizeBytes"] == 10 * (2 + 1 + 1 + 97)


def test_provisioned_throughput_has_dates(client):
    name = unique("provisioned")
    create(
        client, name, BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )
    assert described(client, name)["WarmThroughput"]["ReadUnitsPerSecond"] == 5
    for read, write in ((10, 5), (4, 5), (3, 5)):
        client.update_table(
            TableName=name,
            ProvisionedThroughput={"ReadCapacityUnits": read, "WriteCapacityUnits": write},
        )
    throughput = described(client, name)["ProvisionedThroughput"]
    assert throughput["ReadCapacityUnits"] == 3
    assert throughput["NumberOfDecreasesToday"] == 2
    assert throughput["LastIncreaseDateTime"] and throughput["LastDecreaseDateTime"]
    client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    assert described(client, name)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_warm_throughput_only_rises(client):
    name = unique("warm")
    create(client, name)
    assert described(client, name)["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000
    more = {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 5_000}
    client.update_table(TableName=name, WarmThroughput=more)
    less = {"ReadUnitsPerSecond": 14_000, "WriteUnitsPerSecond": 5_000}
    assert error_of(client.update_table, TableName=name, WarmThroughput=less)[0] \
        == "ValidationException"


def test_tags(client):
    name = unique("tags")
    made = create(client, name, Tags=[{"Key": "first", "Value": "1"}])
    arn = made["TableArn"]
    client.tag_resource(
        ResourceArn=arn, Tags=[{"Key": f"k{n:02}", "Value": str(n)} for n in range(49)]
    )
    found = {}
    pages = list(client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn))
    for page in pages:
        found |= {tag["Key"]: tag["Value"] for tag in page["Tags"]}
        assert len(page["Tags"]) <= 10
    assert found == {"first": "1", **{f"k{n:02}": str(n) for n in range(49)}}
    code, _ = error_of(
        client.tag_resource, ResourceArn=arn, Tags=[{"Key": "one more", "Value": ""}]
    )
    assert code == "ValidationException"
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "first", "Value": "other"}])
    client.untag_resource(ResourceArn=arn, TagKeys=[f"k{n:02}" for n in range(49)])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "first", "Value": "other"}
    ]
    assert error_of(
        client.tag_resource, ResourceArn=arn, Tags=[{"Key": "aws:mine", "Value": ""}]
    )[0] == "ValidationException"
    assert error_of(
        client.list_tags_of_resource, ResourceArn=arn + "x"
    )[0] == "ResourceNotFoundException"
    assert error_of(client.list_tags_of_resource, ResourceArn="nonsense")[0] \
        == "ValidationException"


def test_resource_policies(client):
    arn = create(client, unique("policy"))["TableArn"]
    assert error_of(client.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    first = client.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    found = client.get_resource_policy(ResourceArn=arn)
    assert found["Policy"] == policy and found["RevisionId"] == first
    other = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": "2"})
    assert error_of(
        client.put_resource_policy, ResourceArn=arn, Policy=other, ExpectedRevisionId="1"
    )[0] == "PolicyNotFoundException"
    second = client.put_resource_policy(
        ResourceArn=arn, Policy=other, ExpectedRevisionId=first
    )["RevisionId"]
    assert second != first
    assert client.delete_resource_policy(ResourceArn=arn)["RevisionId"] == second
    assert error_of(client.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    client.delete_resource_policy(ResourceArn=arn)


def test_global_tables_share_indexes_but_no_tags(cluster, client):
    name = unique("shared")
    arn = create(client, name, Tags=[{"Key": "only", "Value": "here"}])["TableArn"]
    cluster.add_replica(name, "us-east-1", "eu-west-1")
    other = cluster.client("eu-west-1")
    assert other.list_tags_of_resource(
        ResourceArn=arn.replace("us-east-1", "eu-west-1")
    )["Tags"] == []
    client.put_item(TableName=name, Item={"pk": {"S": "1"}, "g": {"S": "x"}})
    client.update_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "g", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexUpdates=[{"Create": {
            "IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    )

    def shows(region, count):
        try:
            answer = cluster.client(region).query(
                TableName=name, IndexName="by-g", KeyConditionExpression="g = :g",
                ExpressionAttributeValues={":g": {"S": "x"}},
            )
        except ClientError:
            return False
        return answer["Count"] == count
    for region in ("us-east-1", "eu-west-1"):
        wait_until(lambda: shows(region, 1), 20, f"the index in {region}")
    other.put_item(TableName=name, Item={"pk": {"S": "2"}, "g": {"S": "x"}})
    for region in ("us-east-1", "eu-west-1"):
        wait_until(lambda: shows(region, 2), 20, f"both items in the index in {region}")
    # A replica that is added later has the index from the start.
    client.update_table(
        TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-g"}}]
    )
    for region in ("us-east-1", "eu-west-1"):
        wait_until(
            lambda: "GlobalSecondaryIndexes" not in described(cluster.client(region), name), 20,
            f"the index being gone in {region}",
        )


def test_states_can_be_given_durations():
    cluster = Cluster(text=regions_text("us-east-1", control_plane_delay="1s"))
    try:
        client = cluster.client("us-east-1")
        name = unique("slow")
        client.create_table(
            TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        assert described(client, name)["TableStatus"] == "CREATING"
        assert error_of(
            client.put_item, TableName=name, Item={"pk": {"S": "1"}}
        )[0] == "ResourceNotFoundException"
        wait_until(lambda: described(client, name)["TableStatus"] == "ACTIVE", 20, "ACTIVE")
        client.update_table(TableName=name, TableClass="STANDARD_INFREQUENT_ACCESS")
        assert described(client, name)["TableStatus"] == "UPDATING"
        client.put_item(TableName=name, Item={"pk": {"S": "1"}})
        assert error_of(client.update_table, TableName=name, TableClass="STANDARD")[0] \
            == "ResourceInUseException"
        wait_until(lambda: described(client, name)["TableStatus"] == "ACTIVE", 20, "ACTIVE")
        assert client.delete_table(TableName=name)["TableDescription"]["TableStatus"] \
            == "DELETING"
        assert described(client, name)["TableStatus"] == "DELETING"
        client.get_waiter("table_not_exists").wait(
            TableName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 200}
        )
    finally:
        cluster.close()
