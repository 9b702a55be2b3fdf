"""The AWS CLI: commands as typed, what they print, and how they end.

Version 1 is pip's; version 2 is Debian's, which has `aws ddb` as well, codes of its own for errors,
and is too old to read AWS_ENDPOINT_URL.
"""
import json
import pathlib
import subprocess
import sys

import pytest

from conftest import unique, wait_until

AWS_1 = pathlib.Path(sys.executable).parent / "aws"
AWS_2 = pathlib.Path("/usr/bin/aws")
US, EU, AP = "us-east-1", "eu-west-1", "ap-northeast-1"


class Shell:
    """Runs `aws dynamodb …` with nothing set but endpoint, credentials and region."""

    def __init__(self, cluster, program=AWS_1, options=()):
        self.cluster = cluster
        self.program = program
        self.options = options

    def run(self, *words, region=US, service="dynamodb", environment=None):
        return subprocess.run(
            [self.program, service, *map(str, words), "--region", region, *self.options],
            env=environment or self.cluster.client_environment(region),
            cwd=self.cluster.directory, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def text(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        assert done.stderr == ""
        return done.stdout

    def json(self, *words, **options):
        printed = self.text(*words, **options)
        return json.loads(printed) if printed.strip() else None

    def fails(self, *words, **options):
        """How a command that must fail ends, and what it says."""
        done = self.run(*words, **options)
        assert done.returncode != 0 and done.stdout == "", done
        return done.returncode, done.stderr.strip().removeprefix("aws: [ERROR]: ")


@pytest.fixture(scope="module")
def aws(three_regions):
    return Shell(three_regions)


@pytest.fixture(scope="module")
def table(aws):
    """A table with an index, made by commands."""
    name = unique("shop")
    made = aws.json(
        "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "AttributeName=sk,AttributeType=N", "AttributeName=colour,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE",
        "--global-secondary-indexes",
        "IndexName=by-colour,KeySchema=[{AttributeName=colour,KeyType=HASH}],"
        "Projection={ProjectionType=ALL}",
        "--tags", "Key=team,Value=islands",
    )["TableDescription"]
    assert made["TableName"] == name and made["TableStatus"] == "CREATING"
    aws.cluster.client(US).get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    # The command itself asks first and pauses 20 s after each time that the table is not there.
    assert aws.text("wait", "table-exists", "--table-name", name) == ""
    return name


def key(pk, sk):
    return json.dumps({"pk": {"S": pk}, "sk": {"N": str(sk)}})


def test_tables_are_described_listed_and_paged(aws, table):
    described = aws.json("describe-table", "--table-name", table)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    status = aws.text(
        "describe-table", "--table-name", table, "--query", "Table.[TableName,TableStatus]",
        "--output", "text")
    assert status.split() == [table, "ACTIVE"]
    assert table in aws.json("list-tables")["TableNames"]
    for n in range(3):
        aws.cluster.create_table(f"listed-{n}", AP)
    first = aws.json("list-tables", "--max-items", 2, "--page-size", 1, region=AP)
    rest = aws.json(
        "list-tables", "--starting-token", first["NextToken"], "--page-size", 1, region=AP)
    assert first["TableNames"] == ["listed-0", "listed-1"] and rest["TableNames"] == ["listed-2"]
    assert "NextToken" not in rest


def test_a_table_is_deleted_and_awaited(aws):
    name = unique("gone")
    aws.cluster.create_table(name)
    deleted = aws.json("delete-table", "--table-name", name)["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    wait_until(lambda: name not in aws.cluster.client(US).list_tables()["TableNames"])
    assert aws.text("wait", "table-not-exists", "--table-name", name) == ""


def test_tags_ttl_and_limits(aws, table):
    arn = aws.text(
        "describe-table", "--table-name", table, "--query", "Table.TableArn", "--output", "text"
    ).strip()
    aws.text("tag-resource", "--resource-arn", arn, "--tags", "Key=cost,Value=42")
    tags = aws.json("list-tags-of-resource", "--resource-arn", arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "islands", "cost": "42"}
    aws.text("untag-resource", "--resource-arn", arn, "--tag-keys", "cost")
    assert aws.json("list-tags-of-resource", "--resource-arn", arn)["Tags"] \
        == [{"Key": "team", "Value": "islands"}]
    specification = {"Enabled": True, "AttributeName": "expires"}
    assert aws.json(
        "update-time-to-live", "--table-name", table, "--time-to-live-specification",
        "Enabled=true,AttributeName=expires",
    ) == {"TimeToLiveSpecification": specification}
    wait_until(lambda: aws.json("describe-time-to-live", "--table-name", table) == {
        "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}})
    assert aws.json("describe-limits")["TableMaxReadCapacityUnits"] == 40_000
    endpoints = aws.json("describe-endpoints")["Endpoints"]
    assert endpoints[0]["CachePeriodInMinutes"] == 1440


def test_items(aws, table):
    item = {
        "pk": {"S": "kettle"}, "sk": {"N": "1"}, "colour": {"S": "red"}, "price": {"N": "19.90"},
        "sizes": {"NS": ["1", "2"]}, "parts": {"L": [{"M": {"lid": {"BOOL": True}}}]},
        "note": {"S": "Grüße aus 東京"},
    }
    assert aws.json("put-item", "--table-name", table, "--item", json.dumps(item)) is None
    item["price"]["N"] = "19.9"
    found = aws.json(
        "get-item", "--table-name", table, "--key", key("kettle", 1), "--consistent-read")
    assert {**found["Item"], "sizes": None} == {**item, "sizes": None}
    assert sorted(found["Item"]["sizes"]["NS"]) == ["1", "2"]
    answer = aws.json(
        "update-item", "--table-name", table, "--key", key("kettle", 1),
        "--update-expression", "SET price = price - :less, parts[0].lid = :no REMOVE note",
        "--condition-expression", "attribute_exists(pk) AND colour = :red",
        "--expression-attribute-values",
        '{":less": {"N": "0.9"}, ":no": {"BOOL": false}, ":red": {"S": "red"}}',
        "--return-values", "ALL_NEW", "--return-consumed-capacity", "TOTAL",
    )
    assert answer["Attributes"]["price"] == {"N": "19"} and "note" not in answer["Attributes"]
    assert answer["ConsumedCapacity"]["TableName"] == table
    price = aws.text(
        "get-item", "--table-name", table, "--key", key("kettle", 1), "--projection-expression",
        "price", "--query", "Item.price.N", "--output", "text", "--consistent-read")
    assert price.strip() == "19"
    assert aws.json(
        "get-item", "--table-name", table, "--key", key("nobody", 1), "--consistent-read") is None
    old = aws.json(
        "delete-item", "--table-name", table, "--key", key("kettle", 1), "--return-values",
        "ALL_OLD")
    assert old["Attributes"]["price"] == {"N": "19"}


@pytest.fixture(scope="module")
def stock(aws, table):
    """Fifty items in one partition, written in batches from files; the last batch deletes ten."""
    def batch(name, requests):
        path = aws.cluster.directory / name
        path.write_text(json.dumps({table: requests}))
        answer = aws.json("batch-write-item", "--request-items", f"file://{path}")
        assert answer == {"UnprocessedItems": {}}

    def put(n):
        return {"PutRequest": {"Item": {
            "pk": {"S": "cup"}, "sk": {"N": str(n)}, "colour": {"S": "blue" if n % 5 else "gold"},
        }}}

    batch("first.json", [put(n) for n in range(25)])
    batch("second.json", [put(n) for n in range(25, 50)])
    batch("third.json", [
        {"DeleteRequest": {"Key": json.loads(key("cup", n))}} for n in range(40, 50)])
    return table


def test_query_pages(aws, stock):
    asked = [
        "query", "--table-name", stock, "--key-condition-expression", "pk = :p",
        "--expression-attribute-values", '{":p": {"S": "cup"}}', "--consistent-read",
    ]
    whole = aws.json(*asked, "--page-size", 7)
    assert [int(item["sk"]["N"]) for item in whole["Items"]] == list(range(40))
    assert (whole["Count"], whole["ScannedCount"]) == (40, 40)
    first = aws.json(*asked, "--page-size", 7, "--max-items", 18)
    assert [int(item["sk"]["N"]) for item in first["Items"]] == list(range(18))
    rest = aws.json(*asked, "--page-size", 7, "--starting-token", first["NextToken"])
    assert [int(item["sk"]["N"]) for item in rest["Items"]] == list(range(18, 40))
    page = aws.json(*asked, "--no-paginate", "--limit", 3, "--no-scan-index-forward")
    assert [item["sk"]["N"] for item in page["Items"]] == ["39", "38", "37"]
    assert page["LastEvaluatedKey"] == json.loads(key("cup", 37))
    next_page = aws.json(
        *asked, "--no-paginate", "--limit", 1, "--no-scan-index-forward",
        "--exclusive-start-key", key("cup", 37))
    assert [item["sk"]["N"] for item in next_page["Items"]] == ["36"]


def test_an_index_is_queried(aws, stock):
    def golden():
        return aws.text(
            "query", "--table-name", stock, "--index-name", "by-colour",
            "--key-condition-expression", "colour = :c", "--expression-attribute-values",
            '{":c": {"S": "gold"}}', "--query", "Items[].sk.N", "--output", "text").split()

    wait_until(lambda: sorted(map(int, golden())) == list(range(0, 40, 5)), what="the index")


def test_scan_and_batch_get(aws, stock):
    counted = aws.json(
        "scan", "--table-name", stock, "--select", "COUNT", "--filter-expression",
        "colour = :c AND sk < :n", "--expression-attribute-values",
        '{":c": {"S": "gold"}, ":n": {"N": "20"}}', "--page-size", 9, "--consistent-read")
    assert (counted["Count"], counted["ScannedCount"]) == (4, 40)
    found = aws.json("batch-get-item", "--request-items", json.dumps({stock: {
        "Keys": [json.loads(key("cup", n)) for n in (1, 2, 45)], "ConsistentRead": True}}))
    assert sorted(item["sk"]["N"] for item in found["Responses"][stock]) == ["1", "2"]
    assert found["UnprocessedKeys"] == {}


def test_a_global_table(aws):
    name = unique("worldwide")
    aws.cluster.create_table(name)
    answer = aws.json(
        "update-table", "--table-name", name, "--replica-updates",
        f"Create={{RegionName={EU}}}")
    assert answer["TableDescription"]["TableStatus"] == "UPDATING"
    aws.cluster.wait_for_replica(name, US, EU)
    assert aws.text("wait", "table-exists", "--table-name", name, region=EU) == ""
    aws.text("put-item", "--table-name", name, "--item",
             '{"pk": {"S": "hello"}, "from": {"S": "us"}}')
    found = wait_until(lambda: aws.json(
        "get-item", "--table-name", name, "--key", '{"pk": {"S": "hello"}}', region=EU))
    assert found["Item"]["from"] == {"S": "us"}
    replicas = aws.json(
        "describe-table", "--table-name", name, "--query", "Table.Replicas[].RegionName",
        region=EU)
    assert replicas == [US, EU]


def test_errors_of_the_service(aws, table):
    error = "An error occurred ({}) when calling the {} operation: {}"
    assert aws.fails("get-item", "--table-name", "nowhere", "--key", key("a", 1)) == (
        255, error.format("ResourceNotFoundException", "GetItem", "Requested resource not found"))
    assert aws.fails(
        "put-item", "--table-name", table, "--item", key("a", 1),
        "--condition-expression", "attribute_exists(pk)",
    ) == (255, error.format(
        "ConditionalCheckFailedException", "PutItem", "The conditional request failed"))
    status, text = aws.fails(
        "query", "--table-name", table, "--key-condition-expression", "pk = :p",
        "--expression-attribute-values", '{":q": {"S": "a"}}')
    assert status == 255 and text == error.format(
        "ValidationException", "Query",
        "Invalid KeyConditionExpression: An expression attribute value used in expression is not "
        "defined; attribute value: :p")
    status, text = aws.fails("list-backups")
    assert status == 255 and "(UnknownOperationException) when calling the ListBackups" in text


def test_errors_found_before_anything_is_sent(aws, table):
    status, text = aws.fails("put-item", "--table-name", table, "--item", '{"pk": {"Q": "a"}}')
    assert status == 255 and "Parameter validation failed" in text


def test_a_profile_names_the_endpoint(aws, table, three_regions):
    config = three_regions.directory / "config"
    config.write_text(
        f"[profile atoll]\nendpoint_url = {three_regions.endpoint}\nregion = {US}\n"
        "aws_access_key_id = local\naws_secret_access_key = local\n")
    environment = three_regions.client_environment(AWS_CONFIG_FILE=str(config), AWS_PROFILE="atoll")
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    assert table in aws.json("list-tables", environment=environment)["TableNames"]


# Version 2

@pytest.fixture(scope="module")
def aws_2(three_regions):
    return Shell(three_regions, AWS_2, ("--endpoint-url", three_regions.endpoint))


def test_version_2_puts_and_pages(aws_2, table):
    for n in range(5):
        aws_2.text(
            "put-item", "--table-name", table, "--item",
            json.dumps({"pk": {"S": "two"}, "sk": {"N": str(n)}, "data": {"B": "AP8="}}))
    asked = [
        "query", "--table-name", table, "--key-condition-expression", "pk = :p",
        "--expression-attribute-values", '{":p": {"S": "two"}}', "--consistent-read",
    ]
    first = aws_2.json(*asked, "--page-size", 2, "--max-items", 3)
    rest = aws_2.json(*asked, "--page-size", 2, "--starting-token", first["NextToken"])
    found = first["Items"] + rest["Items"]
    assert [item["sk"]["N"] for item in found] == ["0", "1", "2", "3", "4"]
    assert all(item["data"] == {"B": "AP8="} for item in found)
    printed = aws_2.text("describe-table", "--table-name", table, "--output", "yaml")
    assert f"TableName: {table}" in printed and "TableStatus: ACTIVE" in printed
    assert aws_2.text("wait", "table-exists", "--table-name", table) == ""


def test_version_2_has_commands_that_need_no_types(aws_2, table):
    aws_2.text("put", table, "{pk: plain, sk: 1, sizes: [1, 2.5], on: true}", service="ddb")
    printed = aws_2.text(
        "select", table, "--key-condition", 'pk = "plain" and sk >= 1', service="ddb",
    )
    assert "pk: plain" in printed and "Count: 1" in printed and "- 2.5" in printed
    assert aws_2.fails(
        "put", table, "{pk: plain, sk: 1}", "--condition", "attribute_not_exists(pk)",
        service="ddb",
    ) == (254, "An error occurred (ConditionalCheckFailedException) when calling the PutItem "
          "operation: The conditional request failed")


def test_version_2_tells_kinds_of_failure_apart(aws_2, table):
    status, text = aws_2.fails("describe-table", "--table-name", "nowhere")
    assert status == 254 and text == (
        "An error occurred (ResourceNotFoundException) when calling the DescribeTable operation: "
        "Requested resource not found: Table: nowhere not found")
    status, text = aws_2.fails("put-item", "--table-name", table, "--item", '{"pk": {"Q": "a"}}')
    assert status == 252 and "Parameter validation failed" in text
