"""What tables say of themselves: every field, tags, policies, states that pass."""
import json
import re

import pytest
from botocore.exceptions import ClientError

from conftest import Cluster, error_of, regions_text, unique, wait_until

INVALID = "One or more parameter values were invalid: "


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
    # Warm throughput does not fall with what is provisioned.
    assert described(client, name)["WarmThroughput"]["ReadUnitsPerSecond"] == 10
    code, message = error_of(
        client.update_table, TableName=name,
        ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 5})
    assert (code, message) == (
        "ValidationException",
        "The provisioned throughput for the table will not change. The requested value equals the "
        "current value. Current ReadCapacityUnits provisioned for the table: 3. Requested "
        "ReadCapacityUnits: 3. Current WriteCapacityUnits provisioned for the table: 5. Requested "
        "WriteCapacityUnits: 5. Refer to the Amazon DynamoDB Developer Guide for current limits and "
        "how to request higher limits.")
    assert error_of(
        client.update_table, TableName=name,
        ProvisionedThroughput={"ReadCapacityUnits": 40_001, "WriteCapacityUnits": 5},
    ) == (
        "LimitExceededException",
        "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in "
        "us-east-1. Per table maximum: 40000. Refer to the Amazon DynamoDB Developer Guide for "
        "current limits and how to request higher limits.")
    assert error_of(
        client.update_table, TableName=name, OnDemandThroughput={"MaxReadRequestUnits": 5},
    )[1] == INVALID + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the " \
        "table BillingMode is PROVISIONED"
    client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    table = described(client, name)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


def test_a_change_of_mode_asks_for_the_throughput_of_each_index(client):
    name = unique("mode")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "g")],
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
             "Projection": {"ProjectionType": "ALL"}} for index in ("gsi-b", "gsi-a")],
        OnDemandThroughput={"MaxReadRequestUnits": 100},
    )
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    # Attributes are listed by name, indexes as they were given.
    table = described(client, name)
    assert [a["AttributeName"] for a in table["AttributeDefinitions"]] == ["g", "pk"]
    assert [i["IndexName"] for i in table["GlobalSecondaryIndexes"]] == ["gsi-b", "gsi-a"]
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}

    def updates(*indexes):
        return [{"Update": {"IndexName": i, "ProvisionedThroughput": units}} for i in indexes]

    def refused(**options):
        code, message = error_of(client.update_table, TableName=name, **options)
        assert code == "ValidationException" and message.startswith(INVALID), message
        return message[len(INVALID):]

    assert refused(ProvisionedThroughput=units) == (
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST")
    assert refused(GlobalSecondaryIndexUpdates=updates("gsi-a")) == (
        "The only Updates for index: gsi-a when TableThroughputMode is PAY_PER_REQUEST can be to "
        "OnDemandThroughput, WarmThroughput")
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    assert refused(**provisioned) == \
        "ProvisionedThroughput must be specified for index: gsi-b,gsi-a"
    assert refused(**provisioned, GlobalSecondaryIndexUpdates=updates("gsi-a")) == \
        "ProvisionedThroughput must be specified for index: gsi-b"
    client.update_table(
        TableName=name, **provisioned, GlobalSecondaryIndexUpdates=updates("gsi-a", "gsi-b"))
    table = described(client, name)
    assert "OnDemandThroughput" not in table
    for described_index in table["GlobalSecondaryIndexes"]:
        throughput = described_index["ProvisionedThroughput"]
        assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (5, 5)
    assert error_of(
        client.update_table, TableName=name, GlobalSecondaryIndexUpdates=updates("gsi-a"),
    )[1].startswith("The provisioned throughput for the index gsi-a will not change. ")
    assert refused(
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": {
            "IndexName": "gsi-c", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}}}],
    ) == "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: gsi-c"
    client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    for described_index in described(client, name)["GlobalSecondaryIndexes"]:
        assert described_index["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


def test_updates_that_change_nothing(client):
    name = unique("nothing")
    create(client, name)
    for options, text in [
        ({"StreamSpecification": {"StreamEnabled": False}},
         f"Table has no stream to disable: TableName: {name}"),
        ({"SSESpecification": {"Enabled": False}},
         INVALID + "Table is already encrypted by default"),
        ({"GlobalSecondaryIndexUpdates": [{"Update": {
            "IndexName": "ghost", "WarmThroughput": {"ReadUnitsPerSecond": 13_000}}}]},
         f"Requested resource not found: Index: ghost of table: {name} not found"),
    ]:
        assert error_of(client.update_table, TableName=name, **options)[1] == text
    # What is as it should be may be said again where the service takes it.
    client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    client.update_table(TableName=name, DeletionProtectionEnabled=False)


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
    assert len(pages) == 1 and found == {"first": "1", **{f"k{n:02}": str(n) for n in range(49)}}
    assert error_of(
        client.tag_resource, ResourceArn=arn, Tags=[{"Key": "one more", "Value": ""}]
    ) == (
        "ValidationException",
        "Number of Tags exceed the current limit for the provided ResourceArn")
    # A token is the last key that was seen.
    rest = client.list_tags_of_resource(ResourceArn=arn, NextToken="k46")["Tags"]
    assert [tag["Key"] for tag in rest] == ["k47", "k48"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "first", "Value": "other"}])
    client.untag_resource(ResourceArn=arn, TagKeys=[f"k{n:02}" for n in range(49)])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "first", "Value": "other"}
    ]
    client.untag_resource(ResourceArn=arn, TagKeys=["never set"])
    for call, options, text in [
        (client.tag_resource, {"Tags": [{"Key": "aws:mine", "Value": ""}]},
         "Tag Key cannot be prefixed with aws:, Key: aws:mine"),
        (client.untag_resource, {"TagKeys": ["aws:mine"]},
         "Tag Key cannot be prefixed with aws:, Key: aws:mine"),
        (client.tag_resource, {"Tags": [{"Key": "bad#char", "Value": ""}]},
         "The Tag Key provided is invalid, Key: bad#char"),
        (client.tag_resource, {"Tags": [{"Key": "a", "Value": "a,b"}]},
         "The Tag Value provided is invalid, Value: a,b"),
        (client.tag_resource, {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
         "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"),
        (client.tag_resource, {"Tags": []}, "Atleast one Tag needs to be provided as Input."),
        (client.untag_resource, {"TagKeys": []},
         "Atleast one Tag Key needs to be provided as Input."),
    ]:
        assert error_of(call, ResourceArn=arn, **options) == ("ValidationException", text)
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "ключ 表", "Value": "a+b-c=d.e_f:g/h@i"}])
    for bad, answer in [
        (arn + "x", ("ResourceNotFoundException",
                     f"Requested resource not found: ResourceArn: {arn}x not found")),
        (arn.replace("us-east-1", "us-west-2"),
         ("ValidationException", "Invalid TableArn: Invalid ResourceArn provided as input "
                                 + arn.replace("us-east-1", "us-west-2"))),
        (arn.replace("000000000000", "111111111111"),
         ("AccessDeniedException", "Access is denied")),
        ("nonsense", ("ValidationException", INVALID + "ARNs must start with 'arn:': nonsense")),
    ]:
        assert error_of(client.list_tags_of_resource, ResourceArn=bad) == answer


def test_resource_policies(client):
    name = unique("policy")
    arn = create(client, name)["TableArn"]
    not_found = "Resource-based policy not found for the provided ResourceArn: "

    def of(action):
        return {"Version": "2012-10-17", "Statement": [
            {"Principal": "*", "Effect": "Allow", "Action": [action], "Resource": arn}]}

    assert error_of(client.get_resource_policy, ResourceArn=arn) \
        == ("PolicyNotFoundException", not_found + arn)
    first = client.put_resource_policy(
        ResourceArn=arn, Policy=json.dumps(of("dynamodb:GetItem"), indent=2),
        ExpectedRevisionId="NO_POLICY")["RevisionId"]
    # Blanks are not kept, and do not make another policy.
    found = client.get_resource_policy(ResourceArn=arn)
    assert found["Policy"] == json.dumps(of("dynamodb:GetItem"), separators=(",", ":"))
    assert found["RevisionId"] == first
    assert client.put_resource_policy(
        ResourceArn=arn, Policy=json.dumps(of("dynamodb:GetItem")))["RevisionId"] == first
    other = json.dumps(of("dynamodb:*"))
    assert error_of(
        client.put_resource_policy, ResourceArn=arn, Policy=other, ExpectedRevisionId="1"
    ) == (
        "PolicyNotFoundException",
        not_found + "Requested update for policy with revision id 1, but the policy associated to "
        f"target table {name} has revision id {first}.")
    assert error_of(
        client.put_resource_policy, ResourceArn=arn, Policy=other, ExpectedRevisionId="NO_POLICY"
    ) == (
        "PolicyNotFoundException",
        not_found + "Requested policy update expecting none to be present for table "
        f"{name}, but a policy exists with revision id {first}.")
    assert error_of(
        client.put_resource_policy, ResourceArn=arn, Policy=other + " " * 20_480
    )[1] == INVALID + "Maximum policy size of 20480 bytes exceeded"
    assert error_of(client.get_resource_policy, ResourceArn=arn + "x") == (
        "ResourceNotFoundException", f"Requested resource not found: Table: {name}x not found")
    assert error_of(
        client.get_resource_policy, ResourceArn=arn.replace("us-east-1", "us-west-2")
    )[1].startswith(INVALID + "Invalid resource Arn: ")
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
