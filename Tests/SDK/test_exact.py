"""Requests on items, parameter by parameter, in the service's words.

The expected texts are recorded answers of the service: the captures of the conformance suites
nubo-db/dynamodb-conformance and paritysuite/dynamodb-conformance (June to October 2026), dynalite's
tests and ScyllaDB's test/alternator, which are run against it.
"""
import decimal
import uuid

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

COUNTED = "1 validation error detected: "
INVALID = "One or more parameter values were invalid: "


@pytest.fixture(scope="module")
def table(three_regions):
    name = f"exact-{uuid.uuid4().hex[:8]}"
    three_regions.create_table(name, sort=True)
    return three_regions.resource("us-east-1").Table(name)


@pytest.fixture(scope="module")
def raw(three_regions):
    """A client that sends what it is given."""
    return boto3.client(
        "dynamodb", region_name="us-east-1", endpoint_url=three_regions.endpoint,
        aws_access_key_id="local", aws_secret_access_key="local",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def unique(prefix="k"):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def refused(call, **options):
    """The text of a ValidationException."""
    with pytest.raises(ClientError) as caught:
        call(**options)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException", error
    return error["Message"]


def condition_fails(call, **options):
    with pytest.raises(ClientError) as caught:
        call(**options)
    return caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"


def key(value=None):
    return {"pk": value or unique(), "sk": "s"}


def get(table, key):
    return table.get_item(Key=key, ConsistentRead=True).get("Item")


# Legacy parameters


def test_expected_in_all_its_forms(table):
    item = {**key(), "n": 5, "s": "hello", "ss": {"a", "b"}}
    own = {"pk": item["pk"], "sk": "s"}
    table.put_item(Item=item, Expected={"pk": {"Exists": False}})
    assert condition_fails(table.put_item, Item=item, Expected={"pk": {"Exists": False}})
    holds = [
        {"n": {"Value": 5}}, {"n": {"Exists": True, "Value": 5}}, {"gone": {"Exists": False}},
        {"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [4, 6]}},
        {"s": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": ["hel"]}},
        {"ss": {"ComparisonOperator": "CONTAINS", "AttributeValueList": ["a"]}},
        {"ss": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": ["c"]}},
        {"n": {"ComparisonOperator": "IN", "AttributeValueList": [1, 5]}},
        {"gone": {"ComparisonOperator": "NE", "AttributeValueList": [5]}},
        {"gone": {"ComparisonOperator": "NULL"}}, {"n": {"ComparisonOperator": "NOT_NULL"}},
        {"n": {"ComparisonOperator": "GE", "AttributeValueList": [5]}, "s": {"Value": "hello"}},
    ]
    fails = [
        {"n": {"Value": 6}}, {"gone": {"Value": 5}}, {"n": {"Exists": False}},
        {"gone": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": ["c"]}},
        {"n": {"ComparisonOperator": "LT", "AttributeValueList": [5]}},
        {"n": {"Value": 5}, "s": {"Value": "other"}},
    ]
    for expected in holds:
        table.put_item(Item=item, Expected=expected)
    for expected in fails:
        assert condition_fails(table.put_item, Item=item, Expected=expected), expected
        assert condition_fails(table.delete_item, Key=own, Expected=expected), expected
    one_of_two = {"n": {"Value": 6}, "s": {"Value": "hello"}}
    assert condition_fails(table.delete_item, Key=own, Expected=one_of_two)
    table.delete_item(Key=own, Expected=one_of_two, ConditionalOperator="OR")
    assert get(table, own) is None


def test_attribute_updates(table):
    own = key()
    table.put_item(Item={**own, "n": 1, "l": [1], "ss": {"a", "b"}, "gone": "x"})
    changed = table.update_item(
        Key=own, ReturnValues="ALL_NEW",
        AttributeUpdates={
            "n": {"Action": "ADD", "Value": 4}, "l": {"Action": "ADD", "Value": [2]},
            "ss": {"Action": "DELETE", "Value": {"b"}}, "gone": {"Action": "DELETE"},
            "new": {"Value": {"a": [1]}},
        })["Attributes"]
    assert changed == {**own, "n": 5, "l": [1, 2], "ss": {"a"}, "new": {"a": [1]}}
    assert refused(
        table.update_item, Key=own, AttributeUpdates={"l": {"Action": "ADD", "Value": 1}}
    ) == "Type mismatch for attribute to update"
    assert refused(
        table.update_item, Key=own, AttributeUpdates={"pk": {"Action": "PUT", "Value": "x"}}
    ) == INVALID + "Cannot update attribute pk. This attribute is part of the key"


def test_taking_away_from_nothing_makes_nothing(table):
    own = key()
    table.update_item(Key=own, AttributeUpdates={"a": {"Action": "DELETE"}})
    assert get(table, own) is None
    table.update_item(Key=own, UpdateExpression="REMOVE a")
    assert get(table, own) is None
    table.update_item(Key=own)
    assert get(table, own) == own


def test_key_conditions_and_filters(table):
    pk = unique()
    for number in range(10):
        table.put_item(Item={"pk": pk, "sk": f"{number}", "n": number, "even": number % 2 == 0})
    where = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [pk]}}
    between = {"sk": {"ComparisonOperator": "BETWEEN", "AttributeValueList": ["2", "7"]}}
    page = table.query(
        KeyConditions={**where, **between}, ConsistentRead=True, AttributesToGet=["n"],
        QueryFilter={"even": {"ComparisonOperator": "EQ", "AttributeValueList": [True]}})
    assert page["Items"] == [{"n": 2}, {"n": 4}, {"n": 6}]
    assert (page["Count"], page["ScannedCount"]) == (3, 6)
    either = {
        "n": {"ComparisonOperator": "LT", "AttributeValueList": [2]},
        "even": {"ComparisonOperator": "EQ", "AttributeValueList": [True]},
    }
    page = table.query(
        KeyConditions=where, QueryFilter=either, ConditionalOperator="OR", ConsistentRead=True)
    assert [int(item["n"]) for item in page["Items"]] == [0, 1, 2, 4, 6, 8]
    # Expressions go with KeyConditions, as long as there is no KeyConditionExpression.
    page = table.query(
        KeyConditions=where, FilterExpression=Attr("n").gt(7), ConsistentRead=True)
    assert page["Count"] == 2
    found = table.scan(
        ScanFilter={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [pk]}, **either},
        ConsistentRead=True)
    assert found["Count"] == 1
    assert table.get_item(
        Key={"pk": pk, "sk": "3"}, AttributesToGet=["n", "gone"], ConsistentRead=True
    )["Item"] == {"n": 3}
    for options, text in [
        ({"KeyConditions": {**where, "sk": {"ComparisonOperator": "NE",
                                           "AttributeValueList": ["1"]}}},
         "Attempted conditional constraint is not an indexable operation"),
        ({"KeyConditions": between}, "Query condition missed key schema element: pk"),
        ({"KeyConditions": where, "QueryFilter": {
            "sk": {"ComparisonOperator": "EQ", "AttributeValueList": ["1"]}}},
         "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"),
    ]:
        assert refused(table.query, **options) == text


# Refusals


def test_refusals_of_single_writes_are_counted(table, raw):
    own = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    name = table.name
    for options, text in [
        ({"ConditionExpression": "((attribute_exists(a)))"},
         "Invalid ConditionExpression: The expression has redundant parentheses;"),
        ({"ConditionExpression": "contains(data, data)"},
         "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: "
         "data"),
        ({"ConditionExpression": "contains(#a, #a)", "ExpressionAttributeNames": {"#a": "data"}},
         "Invalid ConditionExpression: The first operand must be distinct from the remaining "
         "operands for this operator or function; operator: contains, first operand: [data]"),
        ({"ConditionExpression": "a = :v"},
         "Invalid ConditionExpression: An expression attribute value used in expression is not "
         "defined; attribute value: :v"),
        ({"ConditionExpression": "a" * 4097},
         "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size;"),
        ({"ExpressionAttributeValues": {":v": {"S": "x"}}},
         "ExpressionAttributeValues can only be specified when using expressions"),
        ({"ConditionExpression": "a = :v", "ExpressionAttributeValues": {
            ":v": {"N": "1"}, ":w": {"N": "1"}}},
         "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"),
        ({"ConditionExpression": "a = b", "Expected": {}},
         "Can not use both expression and non-expression parameters in the same request: "
         "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"),
        ({"ReturnValues": "ALL_NEW"}, "ReturnValues can only be ALL_OLD or NONE"),
    ]:
        assert refused(raw.put_item, TableName=name, Item=own, **options) == COUNTED + text
        assert refused(raw.delete_item, TableName=name, Key=own, **options) == COUNTED + text
    for expression, text in [
        ("INVALID SYNTAX HERE", 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        ("", "The expression can not be empty;"),
        ("SET a = :v", "An expression attribute value used in expression is not defined; "
                       "attribute value: :v"),
        ("SET a = b SET c = d", 'The "SET" section can only be used once in an update '
                                "expression;"),
        ("SET a.b = c, a = d", "Two document paths overlap with each other; must remove or "
                               "rewrite one of these paths; path one: [a, b], path two: [a]"),
        ("SET a = d[0], b = foo(c)", "Invalid function name; function: foo"),
    ]:
        assert refused(raw.update_item, TableName=name, Key=own, UpdateExpression=expression) \
            == COUNTED + "Invalid UpdateExpression: " + text


def test_values_that_break_a_rule(table, raw):
    own = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    deep = {"S": "leaf"}
    for _ in range(32):
        deep = {"M": {"n": deep}}
    for value, text in [
        ({"SS": []}, COUNTED + INVALID + "An string set  may not be empty"),
        ({"NS": []}, COUNTED + INVALID + "An number set  may not be empty"),
        ({"BS": []}, COUNTED + INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, COUNTED + INVALID + 'Input collection ["a", "a"] contains duplicates.'),
        ({"NS": ["1", "1.0"]}, COUNTED + "Input collection contains duplicates"),
        ({"NULL": False},
         COUNTED + INVALID + "Null attribute value types must have the value of true"),
        ({"N": "x"}, COUNTED + "The parameter cannot be converted to a numeric value: x"),
        ({"N": ""}, COUNTED + "The parameter cannot be converted to a numeric value: "),
        ({"N": "1e126"}, COUNTED + "Number overflow. Attempting to store a number with magnitude "
                                   "larger than supported range"),
        ({"N": "1e-131"}, COUNTED + "Number underflow. Attempting to store a number with "
                                    "magnitude smaller than supported range"),
        ({"N": "1" * 39},
         COUNTED + "Attempting to store more than 38 significant digits in a Number"),
        (deep, COUNTED + "Nesting Levels have exceeded supported limits: Attributes in the item "
                         "have nested levels beyond supported limit"),
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported "
             "datatypes"),
        ({"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set, must "
                               "contain exactly one of the supported datatypes"),
    ]:
        assert refused(raw.put_item, TableName=table.name, Item={**own, "v": value}) == text
    # A level less fits, and sets may have empty members.
    table.put_item(Item={"pk": "deep", "sk": "b", "ss": {"", "a"}, "empty": "", "bin": b""})
    raw.put_item(TableName=table.name, Item={**own, "v": deep["M"]["n"]})


def test_numbers_are_normalised(table, raw):
    own = {"pk": {"S": unique()}, "sk": {"S": "b"}}
    for sent, stored in [
        ("+1.500", "1.5"), ("-0", "0"), ("0042.1200", "42.12"), ("1E2", "100"),
        ("1e-3", "0.001"), ("1E125", "1" + "0" * 125), ("1E-130", "0." + "0" * 129 + "1"),
        ("9" * 38 + "E87", "9" * 38 + "0" * 87), (".5", "0.5"), ("5.", "5"),
    ]:
        raw.put_item(TableName=table.name, Item={**own, "n": {"N": sent}})
        found = raw.get_item(TableName=table.name, Key=own, ConsistentRead=True)["Item"]["n"]["N"]
        assert found == stored, sent
    for number in ["9.9999999999999999999999999999999999999E125", "-1E-130"]:
        table.update_item(
            Key={"pk": own["pk"]["S"], "sk": "b"}, UpdateExpression="SET n = :n",
            ExpressionAttributeValues={":n": decimal.Decimal(number)})
    assert refused(
        table.update_item, Key={"pk": own["pk"]["S"], "sk": "b"}, UpdateExpression="SET n = n * :n",
        ExpressionAttributeValues={":n": 1}
    ).startswith(COUNTED + 'Invalid UpdateExpression: Syntax error; token: "*", near: "n * :n"')


def test_sizes_to_the_byte(table):
    own = {"pk": "size", "sk": "1"}
    overhead = len("pk" "size" "sk" "1" "d")
    table.put_item(Item={**own, "d": "x" * (409_600 - overhead)})
    assert refused(table.put_item, Item={**own, "d": "x" * (409_601 - overhead)}) \
        == "Item size has exceeded the maximum allowed size"
    # An update pays for its actions, but not for the key: 22 bytes against 9.
    room = 409_600 - 22 - 1
    update = {"Key": {"pk": "size", "sk": "2"}, "UpdateExpression": "SET d = :d"}
    table.update_item(**update, ExpressionAttributeValues={":d": "x" * room})
    assert refused(table.update_item, **update, ExpressionAttributeValues={":d": "x" * (room + 1)}) \
        == "Item size to update has exceeded the maximum allowed size"


def test_keys(table):
    text = "One or more parameter values are not valid. The AttributeValue for a key attribute " \
        "cannot contain an empty string value. Key: pk"
    no_match = "The provided key element does not match the schema"
    for call, options in [
        (table.get_item, {}), (table.delete_item, {}),
        (table.update_item, {"UpdateExpression": "SET a = b"}),
    ]:
        assert refused(call, Key={"pk": "", "sk": "s"}, **options) == text
        for bad in [{"pk": "a"}, {"pk": 1, "sk": "s"}, {"pk": "a", "sk": "s", "x": 1},
                    {"pk": ["a"], "sk": "s"}, {}]:
            assert refused(call, Key=bad, **options) == no_match
    assert refused(table.put_item, Item={"pk": "", "sk": "s"}) == text
    assert refused(table.put_item, Item={"pk": "a"}) == INVALID + "Missing the key sk in the item"
    assert refused(table.put_item, Item={"pk": "a", "sk": {"m": 1}}) \
        == INVALID + "Type mismatch for key sk expected: S actual: M"
    for put in [{"pk": 5, "sk": "s"}, {"pk": ["x"], "sk": "s"}, {"pk": "x"}]:
        assert refused(
            table.meta.client.batch_write_item,
            RequestItems={table.name: [{"PutRequest": {"Item": put}}]}) == no_match


def test_start_keys(table):
    pk = unique()
    for number in range(3):
        table.put_item(Item={"pk": pk, "sk": str(number)})
    short = "The provided starting key is invalid"
    mine = Key("pk").eq(pk)
    for start, condition, text in [
        ({"pk": pk}, mine, short),
        ({"pk": pk, "sk": "1", "x": "2"}, mine, short),
        ({"pk": pk, "sk": 1}, mine,
         short + ": The provided key element does not match the schema"),
        ({"pk": "other", "sk": "1"}, mine,
         "The provided starting key is outside query boundaries based on provided conditions"),
        ({"pk": pk, "sk": "1"}, mine & Key("sk").lt("1"),
         "The provided starting key does not match the range key predicate"),
        ({"pk": "other", "sk": "0"}, mine & Key("sk").lt("1"),
         "The query can return at most one row and cannot be restarted"),
    ]:
        assert refused(
            table.query, KeyConditionExpression=condition, ExclusiveStartKey=start) == text
    assert refused(table.scan, ExclusiveStartKey={"bad": "p"}) \
        == short + ": The provided key element does not match the schema"
    assert refused(
        table.scan, ExclusiveStartKey={"pk": pk, "sk": "1"}, Segment=0, TotalSegments=1_000_000
    ) == "The provided starting key is outside query boundaries based on provided conditions"


def test_pages_refuse(table, raw):
    name = table.name
    for call, options, text in [
        (raw.query, {"Limit": 0}, COUNTED + "Value at 'Limit' failed to satisfy constraint: Member "
                                            "must have value greater than or equal to 1"),
        (raw.scan, {"Limit": 0}, COUNTED + "Value '0' at 'limit' failed to satisfy constraint: "
                                           "Member must have value greater than or equal to 1"),
        (raw.query, {"Select": "SPECIFIC_ATTRIBUTES"},
         COUNTED + "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                   "SPECIFIC_ATTRIBUTES"),
        (raw.scan, {"Select": "SPECIFIC_ATTRIBUTES"},
         "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
         "SPECIFIC_ATTRIBUTES"),
        (raw.scan, {"Select": "ALL_PROJECTED_ATTRIBUTES"},
         "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"),
        (raw.scan, {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "a"},
         "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"),
        (raw.scan, {"IndexName": "no-such"},
         "The table does not have the specified index: no-such"),
        (raw.query, {"IndexName": "no-such"},
         "The table does not have the specified index: no-such"),
        (raw.scan, {"Segment": 5, "TotalSegments": 5},
         "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
         "Segment: 5 is not less than TotalSegments: 5"),
        (raw.scan, {"FilterExpression": "(" * 2 + "a = b" + ")" * 2},
         "Invalid FilterExpression: The expression has redundant parentheses;"),
        (raw.scan, {"ProjectionExpression": "a, a.b"},
         "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or "
         "rewrite one of these paths; path one: [a], path two: [a, b]"),
        (raw.scan, {"FilterExpression": "a" * 4097},
         "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; "
         "expression size: 4097"),
    ]:
        if call == raw.query:
            options = {
                **options, "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": "a"}}}
        assert refused(call, TableName=name, **options) == text
    assert refused(
        raw.query, TableName=name, KeyConditionExpression="pk = :p AND sk.a = :p",
        ExpressionAttributeValues={":p": {"S": "a"}}
    ) == "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on " \
        "nested attributes"
    with pytest.raises(ClientError) as caught:
        raw.query(TableName="no-such-table", IndexName="no-such", KeyConditionExpression="pk = :p",
                  ExpressionAttributeValues={":p": {"S": "a"}})
    assert caught.value.response["Error"]["Message"] == "Requested resource not found"


def test_batches_refuse(table, raw):
    name = table.name
    own = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    keys = [{"pk": {"S": str(n)}, "sk": {"S": "b"}} for n in range(101)]
    for call, items, text in [
        (raw.batch_get_item, {}, "The requestItems parameter is required for BatchGetItem"),
        (raw.batch_write_item, {}, "The requestItems parameter is required for BatchWriteItem"),
        (raw.batch_get_item, {name: {"Keys": keys}},
         COUNTED + f"Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: "
                   "Member must have length less than or equal to 100"),
        (raw.batch_get_item, {name: {"Keys": [own, own]}},
         "Provided list of item keys contains duplicates"),
        (raw.batch_write_item, {name: [{"PutRequest": {"Item": own}},
                                       {"DeleteRequest": {"Key": own}}]},
         "Provided list of item keys contains duplicates"),
        (raw.batch_write_item, {name: [{"PutRequest": {"Item": {**own, "d": {"S": "x" * 409_600}}}}]},
         "Item size has exceeded the maximum allowed size"),
        (raw.batch_write_item, {name: [{"PutRequest": {"Item": {**own, "d": {"SS": []}}}}]},
         INVALID + "An string set  may not be empty"),
        (raw.batch_get_item, {name: {"Keys": [own], "ProjectionExpression": "a, a"}},
         "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or "
         "rewrite one of these paths; path one: [a], path two: [a]"),
    ]:
        assert refused(call, RequestItems=items) == text
    message = refused(
        raw.batch_write_item, RequestItems={name: [{"DeleteRequest": {"Key": k}} for k in keys[:26]]})
    assert message.startswith(COUNTED + "Value '{" + name + "=[")
    assert message.endswith(
        "at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member "
        "must have length less than or equal to 25, Member must have length greater than or equal "
        "to 1]")


# Capacity and values


def test_capacity(table, raw):
    name, own = table.name, key()
    keyed = {"pk": {"S": own["pk"]}, "sk": {"S": "s"}}
    overhead = len("pk" + own["pk"] + "sks" + "d")

    def units(answer):
        return answer["ConsumedCapacity"]["CapacityUnits"]

    def put(size, **options):
        return table.put_item(
            Item={**own, "d": "x" * (size - overhead)}, ReturnConsumedCapacity="TOTAL", **options)

    assert put(1024)["ConsumedCapacity"] == {"TableName": name, "CapacityUnits": 1.0}
    assert units(put(1025)) == 2.0
    assert units(put(4096)) == 4.0
    # The larger of the old and the new item counts.
    assert units(put(100)) == 4.0
    assert units(put(4097)) == 5.0
    read = {"TableName": name, "Key": keyed, "ReturnConsumedCapacity": "TOTAL"}
    assert units(raw.get_item(**read, ConsistentRead=True)) == 2.0
    assert units(raw.get_item(**read)) == 1.0
    assert units(raw.get_item(**read, ProjectionExpression="pk")) == 1.0
    missing = {**read, "Key": {"pk": {"S": "none"}, "sk": {"S": "s"}}}
    assert units(raw.get_item(**missing)) == 0.5
    assert raw.get_item(**{**read, "ReturnConsumedCapacity": "INDEXES"})["ConsumedCapacity"] == {
        "TableName": name, "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}}
    assert "ConsumedCapacity" not in raw.get_item(**{**read, "ReturnConsumedCapacity": "NONE"})
    both = raw.batch_get_item(
        RequestItems={name: {"Keys": [keyed, missing["Key"]]}}, ReturnConsumedCapacity="TOTAL")
    assert both["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 1.5}]
    query = {
        "TableName": name, "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": keyed["pk"]}, "ReturnConsumedCapacity": "TOTAL"}
    assert units(raw.query(**query)) == 1.0
    assert units(raw.query(**query, Select="COUNT", ConsistentRead=True)) == 2.0
    assert units(table.delete_item(Key=own, ReturnConsumedCapacity="TOTAL")) == 5.0
    assert units(table.delete_item(Key=own, ReturnConsumedCapacity="TOTAL")) == 1.0
    written = raw.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": {**keyed, "d": {"S": "x" * 1500}}}}]},
        ReturnConsumedCapacity="TOTAL", ReturnItemCollectionMetrics="SIZE")
    assert written["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 2.0}]
    assert written["UnprocessedItems"] == {}
    # Without a local index there are no item collections to tell of.
    assert "ItemCollectionMetrics" not in written

    def batch(*writes):
        answer = raw.batch_write_item(
            RequestItems={name: list(writes)}, ReturnConsumedCapacity="TOTAL")
        return answer["ConsumedCapacity"][0]["CapacityUnits"]

    # As with single writes, the larger of the old and the new item counts.
    assert batch({"PutRequest": {"Item": keyed}}) == 2.0
    assert batch({"PutRequest": {"Item": keyed}}, {"DeleteRequest": {"Key": missing["Key"]}}) == 2.0
    assert batch({"PutRequest": {"Item": {**keyed, "d": {"S": "x" * 3000}}}}) == 3.0
    assert batch({"DeleteRequest": {"Key": keyed}}) == 3.0
    assert batch({"DeleteRequest": {"Key": keyed}}) == 1.0


def test_return_values_of_updates(table):
    own = key()
    table.put_item(Item={**own, "a": 1, "m": {"x": 1, "y": 2}, "l": [1, 2, 3], "gone": "g"})
    update = {
        "Key": own, "UpdateExpression": "SET a = a + :one, m.x = :one, l[2] = :nine, n = :one "
                                        "REMOVE gone",
        "ExpressionAttributeValues": {":one": 1, ":nine": 9},
    }
    old = table.update_item(**update, ReturnValues="UPDATED_OLD")["Attributes"]
    assert old == {"a": 1, "m": {"x": 1}, "l": [3], "gone": "g"}
    new = table.update_item(**update, ReturnValues="UPDATED_NEW")["Attributes"]
    assert new == {"a": 3, "m": {"x": 1}, "l": [9], "n": 1}
    whole = {**own, "a": 4, "m": {"x": 1, "y": 2}, "l": [1, 2, 9], "n": 1}
    before = table.update_item(**update, ReturnValues="ALL_OLD")["Attributes"]
    assert before == {**whole, "a": 3}
    assert table.update_item(**update, ReturnValues="ALL_NEW")["Attributes"] == {**whole, "a": 5}
    assert "Attributes" not in table.update_item(**update, ReturnValues="NONE")
    fresh = key()
    assert "Attributes" not in table.update_item(
        Key=fresh, UpdateExpression="SET a = :one", ExpressionAttributeValues={":one": 1},
        ReturnValues="UPDATED_OLD")


def test_updates_that_do_not_fit_the_item(table):
    own = key()
    table.put_item(Item={**own, "s": "text", "l": [1], "m": {}})
    invalid_path = "The document path provided in the update expression is invalid for update"
    for expression, values, text in [
        ("SET a.b = :v", {":v": 1}, invalid_path), ("SET s.b = :v", {":v": 1}, invalid_path),
        ("SET s[0] = :v", {":v": 1}, invalid_path), ("REMOVE a.b.c", None, invalid_path),
        ("SET x = y", None,
         "The provided expression refers to an attribute that does not exist in the item"),
        ("SET x = s + :v", {":v": 1},
         "An operand in the update expression has an incorrect data type"),
        ("ADD s :v", {":v": 1}, "An operand in the update expression has an incorrect data type"),
        ("SET sk = :v", {":v": "x"},
         INVALID + "Cannot update attribute sk. This attribute is part of the key"),
    ]:
        options = {"ExpressionAttributeValues": values} if values else {}
        assert refused(table.update_item, Key=own, UpdateExpression=expression, **options) == text
    # What is not there can be removed, inside a map that is.
    table.update_item(Key=own, UpdateExpression="REMOVE m.nope, l[7], gone")
    assert get(table, own) == {**own, "s": "text", "l": [1], "m": {}}
    # Beyond a list's end the elements are appended in the order of their indexes.
    table.update_item(
        Key=own, UpdateExpression="SET l[9] = :b, l[5] = :a",
        ExpressionAttributeValues={":a": "a", ":b": "b"})
    assert get(table, own)["l"] == [1, "a", "b"]


def test_pages_end_with_the_item_that_reaches_a_megabyte(table):
    pk = unique()
    size = 100_000
    overhead = len("pk" + pk + "sk00" + "d")
    for number in range(12):
        table.put_item(
            Item={"pk": pk, "sk": f"{number:02}", "d": "x" * (size - overhead)})
    page = table.query(
        KeyConditionExpression=Key("pk").eq(pk), ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL")
    # 10 items are 1,000,000 bytes, under 1,048,576; the eleventh ends the page.
    assert page["Count"] == 11 and page["LastEvaluatedKey"] == {"pk": pk, "sk": "10"}
    assert page["ConsumedCapacity"]["CapacityUnits"] == -(-11 * size // 4096)
    rest = table.query(
        KeyConditionExpression=Key("pk").eq(pk), ConsistentRead=True,
        ExclusiveStartKey=page["LastEvaluatedKey"])
    assert rest["Count"] == 1 and "LastEvaluatedKey" not in rest
    # The filter comes after the page was cut.
    filtered = table.query(
        KeyConditionExpression=Key("pk").eq(pk), ConsistentRead=True,
        FilterExpression=Attr("sk2").exists())
    assert (filtered["Count"], filtered["ScannedCount"]) == (0, 11)
    # A page of exactly Limit items has a key, even when nothing follows.
    exact = table.query(
        KeyConditionExpression=Key("pk").eq(pk) & Key("sk").gte("10"), Limit=2,
        ConsistentRead=True)
    assert exact["Count"] == 2 and "LastEvaluatedKey" in exact


def large_items(client, name, count):
    """Puts items of 400 KB; their keys."""
    keys = [{"pk": {"S": f"large-{n}"}, "sk": {"S": "1"}} for n in range(count)]
    for start in range(0, count, 25):
        left = client.batch_write_item(RequestItems={name: [
            {"PutRequest": {"Item": {**key, "d": {"S": "x" * 400_000}}}}
            for key in keys[start:start + 25]]})["UnprocessedItems"]
        assert left == {}
    return keys


def test_batch_get_reads_a_megabyte_of_a_partition(table):
    """All keys have one partition key, so they lie in one partition."""
    pk = unique()
    for number in range(8):
        table.put_item(Item={"pk": pk, "sk": str(number), "d": "x" * 400_000})
    keys = [{"pk": pk, "sk": str(number)} for number in range(8)]
    client = table.meta.client
    wanted = {table.name: {
        "Keys": keys, "ConsistentRead": True, "ProjectionExpression": "sk, #d",
        "ExpressionAttributeNames": {"#d": "d"}}}
    answer = client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL")
    found = answer["Responses"][table.name]
    left = answer["UnprocessedKeys"][table.name]
    # The third item reaches 1,048,576 bytes. What is left is not paid for.
    assert [item["sk"] for item in found] == ["0", "1", "2"]
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 3 * 98
    assert left["ConsistentRead"] is True and left["ProjectionExpression"] == "sk, #d"
    assert left["ExpressionAttributeNames"] == {"#d": "d"} and left["Keys"] == keys[3:]
    seen = [item["sk"] for item in found]
    while answer["UnprocessedKeys"]:
        answer = client.batch_get_item(RequestItems=answer["UnprocessedKeys"])
        seen += [item["sk"] for item in answer["Responses"][table.name]]
    assert seen == [str(number) for number in range(8)]


def test_batch_get_answers_16_megabytes(three_regions, raw):
    """Of so many partitions that the bound of each is no matter."""
    names = [f"large-{uuid.uuid4().hex[:8]}" for _ in range(5)]
    wanted = {}
    for name in names:
        three_regions.create_table(name, sort=True)
        wanted[name] = {"Keys": large_items(raw, name, 20), "ConsistentRead": True}
    answer = raw.batch_get_item(RequestItems=wanted)
    count = sum(len(items) for items in answer["Responses"].values())
    # 41 items of 400,019 bytes and more fit into 16,777,216.
    assert count == 41
    seen = {(name, item["pk"]["S"]) for name, items in answer["Responses"].items()
            for item in items}
    while answer["UnprocessedKeys"]:
        answer = raw.batch_get_item(RequestItems=answer["UnprocessedKeys"])
        more = {(name, item["pk"]["S"]) for name, items in answer["Responses"].items()
                for item in items}
        assert more and not more & seen
        seen |= more
    assert len(seen) == 100
    for name in names:
        raw.delete_table(TableName=name)


def test_updated_parts(table):
    """What is updated is looked up by its paths in the old or the new item, lists packed."""
    key = {"pk": "parts", "sk": "1"}

    def parts(wanted, expression, **values):
        table.put_item(Item={
            **key, "l": ["x", "y", "z"], "m": {"a": {"b": "old", "c": 1}, "keep": "k"}})
        options = {"ExpressionAttributeValues": {f":{n}": v for n, v in values.items()}}
        return table.update_item(Key=key, UpdateExpression=expression, ReturnValues=wanted,
                                 **(options if values else {})).get("Attributes")

    assert parts("UPDATED_NEW", "SET m.a.b = :v", v="new") == {"m": {"a": {"b": "new"}}}
    assert parts("UPDATED_OLD", "SET m.a.b = :v", v="new") == {"m": {"a": {"b": "old"}}}
    assert parts("UPDATED_NEW", "SET m.a.b = :v", v="old") == {"m": {"a": {"b": "old"}}}
    assert parts("UPDATED_NEW", "SET l[0] = :v, l[2] = :w", v="0", w="2") == {"l": ["0", "2"]}
    assert parts("UPDATED_NEW", "SET l[9] = :v", v="new") is None
    assert parts("UPDATED_OLD", "SET l[9] = :v", v="new") is None
    assert parts("UPDATED_NEW", "REMOVE l[0]") == {"l": ["y"]}
    assert parts("UPDATED_NEW", "REMOVE m") is None
    assert parts("UPDATED_OLD", "REMOVE m.keep") == {"m": {"keep": "k"}}
    assert parts("UPDATED_OLD", "SET brandnew = :v", v=1) is None


def test_values_before_names(table):
    """A key condition may have its value on the left."""
    table.put_item(Item={"pk": "left", "sk": "b"})
    page = table.query(
        KeyConditionExpression="pk = :pk AND :low <= sk",
        ExpressionAttributeValues={":pk": "left", ":low": "a"})
    assert page["Count"] == 1
