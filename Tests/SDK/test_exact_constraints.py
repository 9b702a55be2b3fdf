"""Every constraint of the service's model, as botocore carries it, against what a request is told.

For each operation that is here a body with every member of its input shape is made. Then one thing
at a time is broken: a value too short, too long, too small, too large, of another alphabet, not in
an enumeration, a required member missing, a member of another JSON type. The answer must name
exactly that, in the service's words. Bodies need not make sense: the service looks at types, then
at the model's constraints, before any rule between members.

What the service is recorded to word in another way stands in DIFFERENT.
"""
import copy
import json
import re

import botocore.loaders
import pytest
from rawhttp import Connection, request

MODEL = botocore.loaders.Loader().load_service_model("dynamodb", "service-2")
SHAPES = MODEL["shapes"]
OPERATIONS = [
    "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "BatchWriteItem", "Query",
    "Scan", "CreateTable", "UpdateTable", "DeleteTable", "DescribeTable", "ListTables",
    "UpdateTimeToLive", "DescribeTimeToLive", "TagResource", "UntagResource",
    "ListTagsOfResource", "PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy",
    "DescribeLimits", "DescribeEndpoints",
]
# Members of which this version knows nothing but that they are there.
UNKNOWN = {"VectorIndexes", "VectorIndexUpdates"}
# The model's bound of 65,535 characters for names of attributes is told of as a rule of items.
NAME_MAX = 65_535

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/constraints"
TEXTS = {
    "TableName": "constraints", "TableArn": "constraints", "ResourceArnString": ARN,
    "IndexName": "index",
}


def sample(name, seen=()):
    """A value of a shape that breaks no constraint, with every member that it can have."""
    shape = SHAPES[name]
    kind = shape["type"]
    if kind == "structure":
        if seen.count(name) > 1:
            return None
        if name == "AttributeValue":
            return {"S": "a"}
        return {
            member: value for member, reference in shape["members"].items()
            if member not in UNKNOWN
            and (value := sample(reference["shape"], (*seen, name))) is not None
        }
    if kind == "list":
        element = sample(shape["member"]["shape"], seen)
        return None if element is None else [element]
    if kind == "map":
        element = sample(shape["value"]["shape"], seen)
        key = TEXTS.get(shape["key"]["shape"], "name")
        return None if element is None else {key: element}
    if kind == "string":
        return TEXTS.get(name) or shape.get("enum", ["a" * max(4, shape.get("min", 0))])[0]
    if kind == "boolean":
        return True
    if kind == "blob":
        return "aaaa"
    return max(1, shape.get("min", 1))


def walk(name, steps=(), seen=()):
    """Every place of a shape: the steps that lead there, the shape, and whether it is required."""
    shape = SHAPES[name]
    if seen.count(name) > 1:
        return
    seen = (*seen, name)
    if shape["type"] == "structure" and name != "AttributeValue":
        for member, reference in shape["members"].items():
            if member in UNKNOWN:
                continue
            yield (*steps, member), reference["shape"], member in shape.get("required", ())
            yield from walk(reference["shape"], (*steps, member), seen)
    elif shape["type"] == "list":
        yield (*steps, 0), shape["member"]["shape"], False
        yield from walk(shape["member"]["shape"], (*steps, 0), seen)
    elif shape["type"] == "map":
        key = TEXTS.get(shape["key"]["shape"], "name")
        yield (*steps, ("key", key)), shape["value"]["shape"], False
        yield from walk(shape["value"]["shape"], (*steps, ("key", key)), seen)


def step_name(step):
    return step[1] if isinstance(step, tuple) else step


def path_of(steps):
    """How messages name a place."""
    parts = []
    for step in steps:
        if isinstance(step, int):
            parts += [str(step + 1), "member"]
        elif isinstance(step, tuple):
            parts += [step[1], "member"]
        else:
            parts.append(step[0].lower() + step[1:])
    return ".".join(parts)


MISSING = object()


def broken(body, steps, value):
    """The body with another value, or none, at a place."""
    body = copy.deepcopy(body)
    place = body
    for step in steps[:-1]:
        place = place[step_name(step)]
    if value is MISSING:
        del place[step_name(steps[-1])]
    else:
        place[step_name(steps[-1])] = value
    return body


def shown(name, value):
    """A value as the service's messages show it."""
    shape = SHAPES[name]
    if shape["type"] == "list":
        return "[" + ", ".join(shown(shape["member"]["shape"], v) for v in value) + "]"
    if shape["type"] == "structure":
        members = ", ".join(
            f"{member[0].lower()}{member[1:]}={shown(reference['shape'], value[member])}"
            for member, reference in shape["members"].items())
        return f"{name}({members})"
    return str(value)


def constraints(operation):
    """Each broken body and the message it must lead to; a set stands for an enumeration."""
    root = MODEL["operations"][operation]["input"]["shape"]
    body = sample(root)
    for steps, name, is_required in walk(root):
        shape, path = SHAPES[name], path_of(steps)
        kind = shape["type"]
        if is_required:
            yield steps, "null", broken(body, steps, MISSING), \
                f"Value null at '{path}' failed to satisfy constraint: Member must not be null"
        if "enum" in shape:
            yield steps, "enum", broken(body, steps, "INVALID"), \
                (f"Value 'INVALID' at '{path}' failed to satisfy constraint: Member must satisfy "
                 "enum value set: [", set(shape["enum"]))
            continue
        if "pattern" in shape:
            yield steps, "pattern", broken(body, steps, "a!bc"), \
                f"Value 'a!bc' at '{path}' failed to satisfy constraint: Member must satisfy " \
                f"regular expression pattern: {shape['pattern']}"
        counted = kind in ("string", "list", "map")
        unit = "length" if counted else "value"

        def many(count):
            if kind == "string":
                return "a" * count
            if kind == "list":
                return [sample(shape["member"]["shape"])] * count
            return count if not counted else {f"name{n}": None for n in range(count)}

        for bound, word, off in (("min", "greater", -1), ("max", "less", 1)):
            if bound not in shape or shape[bound] == 0 and counted or kind == "map":
                continue
            if shape[bound] == NAME_MAX:
                continue
            value = many(shape[bound] + off)
            yield steps, bound, broken(body, steps, value), \
                f"Value '{shown(name, value)}' at '{path}' failed to satisfy constraint: " \
                f"Member must have {unit} {word} than or equal to {shape[bound]}"


# What the service is recorded to answer where it does not go by its model:
# (operation or *, path, kind) → the text after "1 validation error detected: ", or, with a leading
# "=", the whole message; None where the model's bound does not exist.
ENUM_OF_WRITES = (
    "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, "
    "ALL_NEW, UPDATE_NEW, NONE]")
NO_TABLE = "=The parameter 'TableName' is required but was not present in the request"
EMPTY_NAME = "Value at 'TableName' failed to satisfy constraint: Member must have length greater " \
    "than or equal to 1"
LONG_NAME = f"Value '{'a' * 1025}' at 'tableName' failed to satisfy constraint: Member must have " \
    "length less than or equal to 255"
KEYS = "RequestItems.constraints.member.Keys"
DIFFERENT = {
    ("*", "tableName", "max"): LONG_NAME,
    ("*", "tags.1.member.key", "min"): "=The Tag Key provided is invalid, Key: ",
    ("*", "tags.1.member.key", "max"): f"=The Tag Key provided is invalid, Key: {'a' * 129}",
    ("*", "tags.1.member.key", "null"): "=The Tag Key provided is invalid, Key: null",
    ("*", "tags.1.member.value", "max"): f"=The Tag Value provided is invalid, Value: {'a' * 257}",
    ("*", "tags.1.member.value", "null"): "=The Tag Value provided is invalid, Value: null",
    ("*", "tagKeys.1.member", "min"): "=The Tag Key provided is invalid, Key: ",
    ("*", "tagKeys.1.member", "max"): f"=The Tag Key provided is invalid, Key: {'a' * 129}",
    ("*", "tableClass", "enum"):
        "=Invalid table-class parameter provided. Please try again with a valid table-class value: "
        "[STANDARD, STANDARD_INFREQUENT_ACCESS].",
    ("Query", "limit", "min"):
        "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or "
        "equal to 1",
    ("BatchGetItem", "requestItems.constraints.member.keys", "min"):
        f"Value at '{KEYS}' failed to satisfy constraint: Member must have length greater than or "
        "equal to 1",
    ("BatchGetItem", "requestItems.constraints.member.keys", "max"):
        f"Value at '{KEYS}' failed to satisfy constraint: Member must have length less than or "
        "equal to 100",
    ("BatchWriteItem", "requestItems.constraints.member", "min"):
        "Value '{constraints=[...]}' at 'requestItems' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must have length less than or equal to 25, Member must have "
        "length greater than or equal to 1]",
}
DIFFERENT["BatchWriteItem", "requestItems.constraints.member", "max"] = \
    DIFFERENT["BatchWriteItem", "requestItems.constraints.member", "min"]
for write in ("PutItem", "UpdateItem", "DeleteItem"):
    DIFFERENT[write, "returnValues", "enum"] = ENUM_OF_WRITES
    DIFFERENT[write, "returnItemCollectionMetrics", "enum"] = \
        "ReturnItemCollectionMetrics can only be SIZE or NONE"
for item in ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan"):
    DIFFERENT[item, "tableName", "min"] = EMPTY_NAME
for control in ("CreateTable", "UpdateTable", "DeleteTable", "DescribeTable", "UpdateTimeToLive",
                "DescribeTimeToLive"):
    DIFFERENT[control, "tableName", "null"] = NO_TABLE
# Here the service's own rules come behind rules between members, which these bodies break: the
# Swift tests have them.
RULES_FIRST = {"CreateTable": ("tableName",), "UpdateTable": ("tableName",)}
# The model names neither; the service requires a table's key, and of at most two attributes.
ADDED = {
    "CreateTable": [
        (("AttributeDefinitions",), MISSING,
         "Value null at 'attributeDefinitions' failed to satisfy constraint: Member must not be "
         "null"),
        (("KeySchema",), MISSING,
         "Value null at 'keySchema' failed to satisfy constraint: Member must not be null"),
        (("KeySchema",), [{"AttributeName": n, "KeyType": "HASH"} for n in "abc"],
         "Value '[KeySchemaElement(attributeName=a, keyType=HASH), "
         "KeySchemaElement(attributeName=b, keyType=HASH), "
         "KeySchemaElement(attributeName=c, keyType=HASH)]' at 'keySchema' failed to satisfy "
         "constraint: Member must have length less than or equal to 2"),
        (("LocalSecondaryIndexes", 0, "KeySchema"),
         [{"AttributeName": n, "KeyType": "HASH"} for n in "abc"],
         "Value '[KeySchemaElement(attributeName=a, keyType=HASH), "
         "KeySchemaElement(attributeName=b, keyType=HASH), "
         "KeySchemaElement(attributeName=c, keyType=HASH)]' at "
         "'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must "
         "have length less than or equal to 2"),
    ],
}


class Asker:
    """One connection for many requests."""

    def __init__(self, port):
        self.port = port
        self.connection = Connection(port)

    def __call__(self, operation, body):
        self.connection.send(request(operation, body))
        answer = self.connection.answer()
        if answer is None:
            self.connection = Connection(self.port)
            self.connection.send(request(operation, body))
            answer = self.connection.answer()
        return answer


@pytest.fixture(scope="module")
def ask(three_regions):
    asker = Asker(three_regions.nodes("us-east-1")[0]["port"])
    yield asker
    asker.connection.socket.close()


def told(answer):
    """The kind of a refusal and its message."""
    body = answer.json
    return answer.error, body.get("message", body.get("Message"))


def agrees(message, expected):
    if isinstance(expected, str):
        if expected.startswith("="):
            return message == expected[1:]
        return message == "1 validation error detected: " + expected
    beginning, names = expected
    beginning = "1 validation error detected: " + beginning
    if message is None or not message.startswith(beginning) or not message.endswith("]"):
        return False
    return set(message[len(beginning):-1].split(", ")) == names


@pytest.mark.parametrize("operation", OPERATIONS)
def test_constraints(ask, operation):
    wrong, count = [], 0
    body = sample(MODEL["operations"][operation]["input"]["shape"])
    cases = [(steps, kind, bad, text) for steps, kind, bad, text in constraints(operation)]
    for steps, value, text in ADDED.get(operation, []):
        cases.append((steps, "added", broken(body, steps, value), text))
    for steps, kind, bad, expected in cases:
        path = path_of(steps)
        for key in ((operation, path, kind), ("*", path, kind)):
            expected = DIFFERENT.get(key, expected)
        if str(expected).startswith("=") and path not in RULES_FIRST.get(operation, (path,)):
            continue
        count += 1
        got = told(ask(operation, bad))
        if got[0] != "ValidationException" or not agrees(got[1], expected):
            wrong.append(f"{path} {kind}: {got[0]}: {got[1]!r:.300}\n    expected {expected!r:.300}")
    assert not wrong, f"{len(wrong)} of {count}\n" + "\n".join(wrong)


# Types

SCALARS = {"string": "String", "boolean": "Boolean", "integer": "Integer", "long": "Long"}
CLASS = "com.amazonaws.dynamodb.v20120810."
WORDS = [(True, "TRUE_VALUE"), (False, "FALSE_VALUE"), (3, "NUMBER_VALUE"),
         (3.5, "DECIMAL_VALUE"), ("text", "STRING_VALUE")]


def map_class(name):
    """The Java class of a map's values."""
    shape = SHAPES[name]
    if shape["type"] == "string":
        return "java.lang.String"
    if shape["type"] == "list":
        return f"java.util.List<{map_class(shape['member']['shape'])}>"
    return CLASS + name


def mistypes(name, is_member):
    """Each JSON value of a wrong type, and the message for it."""
    shape = SHAPES[name]
    kind = shape["type"]
    structure = "Start of structure or map found where not expected"
    if kind in SCALARS:
        for value, word in WORDS:
            if isinstance(value, {"string": str, "boolean": bool}.get(kind, (int, float))) \
                    and not (kind in ("integer", "long") and isinstance(value, bool)):
                continue
            yield value, "Unexpected token received from parser" \
                if kind == "boolean" and isinstance(value, str) \
                else f"{word} cannot be converted to {SCALARS[kind]}"
        yield [], f"Unrecognized collection type class java.lang.{SCALARS[kind]}"
        yield {}, structure
    elif kind == "list":
        yield {}, structure
        for value in (True, 3, 3.5, "text"):
            yield value, "Unexpected field type"
    elif kind == "map":
        yield [], "Unrecognized collection type java.util.Map<java.lang.String, " \
            f"{map_class(shape['value']['shape'])}>"
        for value in (True, 3, 3.5, "text"):
            yield value, "Unexpected field type"
    elif kind == "structure":
        yield [], f"Unrecognized collection type class {CLASS}{name}"
        for value in (True, 3, 3.5, "text"):
            yield value, "Unexpected field type" if is_member \
                else "Unexpected value type in payload"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_types(ask, operation):
    root = MODEL["operations"][operation]["input"]["shape"]
    body = sample(root)
    wrong, count = [], 0
    cases = [((), root, False), *walk(root)]
    for steps, name, _ in cases:
        is_member = bool(steps) and isinstance(steps[-1], str)
        for value, expected in mistypes(name, is_member):
            bad = broken(body, steps, value) if steps else value
            count += 1
            got = told(ask(operation, json.dumps(bad).encode()))
            if got != ("SerializationException", expected):
                wrong.append(f"{path_of(steps)} {value!r}: {got}\n    expected {expected!r}")
    assert not wrong, f"{len(wrong)} of {count}\n" + "\n".join(wrong)


def test_values_of_attributes_have_types(ask):
    """The members of an attribute's value, which the walk takes as one."""
    blob = "only base-64-encoded strings are convertible to bytes"
    structure = "Start of structure or map found where not expected"
    for member, value, expected in [
        ("S", 3, "NUMBER_VALUE cannot be converted to String"),
        ("N", 3, "NUMBER_VALUE cannot be converted to String"),
        ("N", True, "TRUE_VALUE cannot be converted to String"),
        ("S", [], "Unrecognized collection type class java.lang.String"),
        ("S", {}, structure), ("B", 3, blob), ("B", True, blob),
        ("B", [], "Unrecognized collection type class java.nio.ByteBuffer"),
        ("B", {}, structure), ("BOOL", "true", "Unexpected token received from parser"),
        ("BOOL", 1, "NUMBER_VALUE cannot be converted to Boolean"),
        ("NULL", "true", "Unexpected token received from parser"),
        ("SS", "a", "Unexpected field type"), ("SS", {}, structure),
        ("SS", [3], "NUMBER_VALUE cannot be converted to String"),
        ("NS", [3], "NUMBER_VALUE cannot be converted to String"),
        ("BS", [3], blob), ("L", {}, structure), ("L", 3, "Unexpected field type"),
        ("M", [], "Unrecognized collection type java.util.Map<java.lang.String, "
                  f"{CLASS}AttributeValue>"),
        ("M", 3, "Unexpected field type"),
        ("L", [3], "Unexpected value type in payload"),
        ("M", {"a": 3}, "Unexpected value type in payload"),
    ]:
        body = {"TableName": "constraints", "Item": {"pk": {"S": "a"}, "v": {member: value}}}
        assert told(ask("PutItem", body)) == ("SerializationException", expected), (member, value)


def test_the_model_is_covered():
    """Operations that are here are all tested, by the table in the documents."""
    text = open(__file__.replace("Tests/SDK/test_exact_constraints.py", "docs/OPERATIONS.md")).read()
    here = re.findall(r"^\| (\w+) \| [^|]+ \| (?:yes|partly) \|", text, re.MULTILINE)
    assert sorted(OPERATIONS) == sorted(name for name in here if name in MODEL["operations"])
