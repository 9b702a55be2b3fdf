"""Random operations on one table, compared with a small model that shares no code with Atoll."""
import copy
import decimal
import os
import random
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import wait_until

NAMES = ["a", "b", "c", "l", "m", "n", "t"]


# Keys of indexes, which only values of one type can be.
LOCAL, GLOBAL = "ln", "gk"


@pytest.fixture(scope="module")
def table(three_regions):
    name = f"model-{uuid.uuid4().hex[:8]}"
    types = {"pk": "S", "sk": "S", LOCAL: "N", GLOBAL: "S"}

    def keys(*names):
        return [
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]

    three_regions.client("us-east-1").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=keys("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
        LocalSecondaryIndexes=[{
            "IndexName": "local", "KeySchema": keys("pk", LOCAL),
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "m"]}}],
        GlobalSecondaryIndexes=[{
            "IndexName": "global", "KeySchema": keys(GLOBAL, "sk"),
            "Projection": {"ProjectionType": "ALL"}}],
    )
    wait_until(lambda: three_regions.status(name, "us-east-1") == "ACTIVE", 20, "the table")
    return three_regions.resource("us-east-1").Table(name)


class Refused(Exception):
    """What the model says that the service refuses."""


class Condition(Exception):
    pass


class Model:
    """Items as plain values. Paths are tuples of names and list indexes."""

    def __init__(self):
        self.items = {}

    @classmethod
    def of(cls, items):
        model = cls()
        model.items = items
        return model

    def at(self, item, path):
        for step in path:
            if isinstance(step, int):
                if not isinstance(item, list) or step >= len(item):
                    return None
                item = item[step]
            else:
                if not isinstance(item, dict) or step not in item:
                    return None
                item = item[step]
        return item

    def holds(self, item, condition):
        kind, *rest = condition
        if kind == "and":
            return all(self.holds(item, part) for part in rest)
        if kind == "or":
            return any(self.holds(item, part) for part in rest)
        if kind == "not":
            return not self.holds(item, rest[0])
        value = self.at(item or {}, rest[0])
        if kind == "exists":
            return value is not None
        if kind == "type":
            return value is not None and type_of(value) == rest[1]
        if kind == "size":
            if value is None or type_of(value) in ("N", "BOOL"):
                return rest[1] == "<>"
            units = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else len(value)
            return compare(rest[1], units, rest[2])
        if kind == "begins":
            return isinstance(value, str) and value.startswith(rest[1])
        if kind == "contains":
            if isinstance(value, str):
                return isinstance(rest[1], str) and rest[1] in value
            if isinstance(value, (set, list)):
                return any(same(member, rest[1]) for member in value)
            return False
        if kind == "in":
            return value is not None and any(same(value, other) for other in rest[1])
        if kind == "between":
            return value is not None and ordered(value, rest[1]) and rest[1] <= value <= rest[2]
        if rest[1] == "<>":
            return value is None or not same(value, rest[2])
        if value is None:
            return False
        if rest[1] == "=":
            return same(value, rest[2])
        return ordered(value, rest[2]) and compare(rest[1], value, rest[2])

    def check_index_keys(self, item):
        """Refuses an item that an index could not take."""
        for name, kind in ((LOCAL, "N"), (GLOBAL, "S")):
            value = (item or {}).get(name, MISSING)
            if value is not MISSING and (type_of(value) != kind or value == ""):
                raise Refused

    def local(self, pk, condition):
        """What a query of the local index finds, in its order, and how much it looks at."""
        found = [i for i in self.items.values() if i["pk"] == pk and LOCAL in i]
        found.sort(key=lambda item: (item[LOCAL], item["sk"]))
        return [i for i in found if self.holds(i, condition)], len(found)

    def write(self, key, change, condition, put=None):
        self.check_index_keys(put)
        old = self.items.get(key)
        if condition and not self.holds(old, condition):
            raise Condition
        new = change(old)
        self.check_index_keys(new)
        if new is None:
            self.items.pop(key, None)
        else:
            self.items[key] = new
        return old

    def updated(self, key, old, actions):
        base = old if old is not None else {"pk": key[0], "sk": key[1]}
        if old is None and all(action[0] in ("remove", "delete") for action in actions):
            for _, path, *_ in actions:
                self.parent(base, path)
            return None
        results = []
        for kind, path, *rest in actions:
            value = self.at(base, path)
            if kind == "set":
                results.append((path, self.operand(base, rest[0])))
            elif kind == "remove":
                results.append((path, None) if value is not None else (path, "nothing"))
            elif value is None:
                results.append((path, rest[0] if kind == "add" else "nothing"))
            elif type_of(value) != type_of(rest[0]):
                raise Refused
            elif kind == "add":
                results.append((path, value + rest[0] if type_of(value) == "N"
                                else value | rest[0]))
            else:
                results.append((path, value - rest[0] or None))
            self.parent(base, path)
        new = copy.deepcopy(base)
        for path, value in sorted(
                ((p, v) for p, v in results if v is not None), key=lambda r: order(r[0])):
            if isinstance(value, str) and value == "nothing":
                continue
            place = self.at(new, path[:-1])
            if isinstance(place, list) and path[-1] >= len(place):
                place.append(copy.deepcopy(value))
            else:
                place[path[-1]] = copy.deepcopy(value)
        for path, value in sorted(
                ((p, v) for p, v in results if v is None), key=lambda r: order(r[0]),
                reverse=True):
            del self.at(new, path[:-1])[path[-1]]
        return new

    def parent(self, base, path):
        if len(path) > 1:
            place = self.at(base, path[:-1])
            if not isinstance(place, list if isinstance(path[-1], int) else dict):
                raise Refused

    def operand(self, base, operand):
        kind, *rest = operand
        if kind == "value":
            return rest[0]
        if kind == "path":
            value = self.at(base, rest[0])
            if value is None:
                raise Refused
            return value
        if kind == "if_not_exists":
            value = self.at(base, rest[0])
            return value if value is not None else rest[1]
        left, right = (self.operand(base, part) for part in rest)
        wanted = "L" if kind == "list_append" else "N"
        if type_of(left) != wanted or type_of(right) != wanted:
            raise Refused
        return left - right if kind == "-" else left + right


MISSING = object()


def order(path):
    return [(0, step, "") if isinstance(step, int) else (1, 0, step) for step in path]


def type_of(value):
    if isinstance(value, bool):
        return "BOOL"
    if isinstance(value, (int, decimal.Decimal)):
        return "N"
    return {str: "S", list: "L", dict: "M", set: "SS"}[type(value)]


def same(one, two):
    return type_of(one) == type_of(two) and one == two


def ordered(one, two):
    return type_of(one) == type_of(two) and type_of(one) in ("S", "N")


def compare(sign, one, two):
    return {"=": one == two, "<>": one != two, "<": one < two, "<=": one <= two,
            ">": one > two, ">=": one >= two}[sign]


class Maker:
    """Draws keys, values, conditions and updates, and writes them as expressions."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.reset()

    def reset(self):
        self.names, self.values = {}, {}

    def key(self):
        return self.random.choice("pqr"), self.random.choice("123")

    def value(self, depth=2):
        draw = self.random.randrange(9 if depth else 6)
        if draw < 2:
            return self.random.randrange(-3, 12)
        if draw < 4:
            return "".join(self.random.choice("abé𝄞") for _ in range(self.random.randrange(4)))
        if draw == 4:
            return self.random.random() < 0.5
        if draw == 5:
            return {self.random.choice("xyz") for _ in range(self.random.randrange(1, 3))}
        if draw < 8:
            return {name: self.value(depth - 1) for name in self.random.sample(NAMES, 2)}
        return [self.value(depth - 1) for _ in range(self.random.randrange(3))]

    def item(self, key):
        values = {name: self.value() for name in self.random.sample(NAMES, 4)}
        for name in (LOCAL, GLOBAL):
            if self.random.random() < 0.6:
                values[name] = self.index_key(name)
        return {"pk": key[0], "sk": key[1], **values}

    def index_key(self, name):
        """Mostly of the right type."""
        if self.random.random() < 0.05:
            return self.random.choice(["", "text", 3, True, ["l"]])
        return self.random.randrange(-3, 5) if name == LOCAL else self.random.choice("xyz")

    def path(self):
        path = [self.random.choice(NAMES)]
        while self.random.random() < 0.35 and len(path) < 4:
            path.append(self.random.choice([0, 1, 5, *NAMES]))
        return tuple(path)

    # Texts

    def text(self, path):
        out = ""
        for step in path:
            if isinstance(step, int):
                out += f"[{step}]"
            elif self.random.random() < 0.5:
                self.names[f"#{step}"] = step
                out += f".#{step}"
            else:
                out += f".{step}"
        return out[1:]

    def put(self, value):
        name = f":v{len(self.values)}"
        self.values[name] = value
        return name

    def condition(self, depth=2):
        draw = self.random.random()
        if depth and draw < 0.4:
            kind = self.random.choice(["and", "or", "not"])
            parts = [self.condition(depth - 1) for _ in range(1 if kind == "not" else 2)]
            if kind == "not":
                return ("not", parts[0][0]), f"NOT ({parts[0][1]})" \
                    if not parts[0][1].startswith("(") else f"NOT {parts[0][1]}"
            return (kind, *(part[0] for part in parts)), \
                f"({parts[0][1]} {kind.upper()} {parts[1][1]})"
        path = self.path()
        text = self.text(path)
        kind = self.random.choice(
            ["exists", "missing", "type", "size", "begins", "contains", "in", "between",
             "compare", "compare", "compare"])
        if kind == "exists":
            return ("exists", path), f"attribute_exists({text})"
        if kind == "missing":
            return ("not", ("exists", path)), f"attribute_not_exists({text})"
        if kind == "type":
            wanted = self.random.choice(["S", "N", "BOOL", "L", "M", "SS"])
            return ("type", path, wanted), f"attribute_type({text}, {self.put(wanted)})"
        sign = self.random.choice(["=", "<>", "<", "<=", ">", ">="])
        if kind == "size":
            count = self.random.randrange(4)
            return ("size", path, sign, count), f"size({text}) {sign} {self.put(count)}"
        if kind == "begins":
            prefix = self.random.choice(["", "a", "b", "é", "𝄞"])
            return ("begins", path, prefix), f"begins_with({text}, {self.put(prefix)})"
        if kind == "contains":
            value = self.value(0)
            return ("contains", path, value), f"contains({text}, {self.put(value)})"
        if kind == "in":
            values = [self.value(1) for _ in range(self.random.randrange(1, 4))]
            return ("in", path, values), \
                f"{text} IN ({', '.join(self.put(value) for value in values)})"
        if kind == "between":
            low, high = sorted(self.random.randrange(-3, 12) for _ in range(2))
            return ("between", path, low, high), \
                f"{text} BETWEEN {self.put(low)} AND {self.put(high)}"
        value = self.value()
        while sign not in ("=", "<>") and type_of(value) not in ("S", "N"):
            value = self.value(0)
        return ("compare", path, sign, value), f"{text} {sign} {self.put(value)}"

    def update(self):
        """Actions on disjoint paths, and the expression that says them."""
        actions, sections, taken = [], {}, []
        for _ in range(self.random.randrange(1, 5)):
            name = self.random.choice([LOCAL, GLOBAL, None, None, None, None])
            path = (name,) if name else self.path()
            if any(clashes(path, other) for other in taken):
                continue
            taken.append(path)
            kind = self.random.choice(["set", "set", "set", "remove", "add", "delete"])
            if kind == "set" and name:
                value = self.index_key(name)
                actions.append(("set", path, ("value", value)))
                sections.setdefault("SET", []).append(f"{self.text(path)} = {self.put(value)}")
            elif kind == "set":
                operand, text = self.operand()
                actions.append(("set", path, operand))
                sections.setdefault("SET", []).append(f"{self.text(path)} = {text}")
            elif kind == "remove":
                actions.append(("remove", path))
                sections.setdefault("REMOVE", []).append(self.text(path))
            else:
                value = {self.random.choice("xyz")} if kind == "delete" \
                    or self.random.random() < 0.5 else self.random.randrange(-3, 4)
                actions.append((kind, path, value))
                sections.setdefault(kind.upper(), []).append(
                    f"{self.text(path)} {self.put(value)}")
        words = list(sections.items())
        self.random.shuffle(words)
        return actions, " ".join(f"{word} {', '.join(parts)}" for word, parts in words)

    def operand(self):
        kind = self.random.choice(["value", "value", "path", "if_not_exists", "+", "-",
                                   "list_append"])
        if kind == "value":
            value = self.value()
            return ("value", value), self.put(value)
        if kind == "path":
            path = self.path()
            return ("path", path), self.text(path)
        if kind == "if_not_exists":
            path, value = self.path(), self.value()
            return ("if_not_exists", path, value), \
                f"if_not_exists({self.text(path)}, {self.put(value)})"
        path = self.path()
        if kind == "list_append":
            value = [self.value(0)]
            return ("list_append", ("path", path), ("value", value)), \
                f"list_append({self.text(path)}, {self.put(value)})"
        value = self.random.randrange(5)
        return (kind, ("path", path), ("value", value)), \
            f"{self.text(path)} {kind} {self.put(value)}"


def clashes(one, two):
    for left, right in zip(one, two):
        if isinstance(left, int) != isinstance(right, int):
            return True
        if left != right:
            return False
    return True


def run(call, **options):
    """An answer, or which of the two refusals came."""
    try:
        return call(**options)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in ("ValidationException", "ConditionalCheckFailedException"), error
        return code


def step(table, model, maker, log):
    maker.reset()
    key = maker.key()
    own = {"pk": key[0], "sk": key[1]}
    condition, text = maker.condition() if maker.random.random() < 0.5 else (None, None)
    options = {"ConditionExpression": text} if text else {}
    kind = maker.random.choice(["put", "put", "update", "update", "update", "delete"])
    new = None
    if kind == "put":
        item = maker.item(key)
        call, options = table.put_item, {"Item": item, **options}
        new = item
        change, returned = lambda old: item, "ALL_OLD"
    elif kind == "delete":
        call, options = table.delete_item, {"Key": own, **options}
        change, returned = lambda old: None, "ALL_OLD"
    else:
        actions, expression = maker.update()
        call = table.update_item
        options = {"Key": own, "UpdateExpression": expression, **options}
        change, returned = lambda old: model.updated(key, old, actions), "ALL_NEW"
    if maker.names:
        options["ExpressionAttributeNames"] = maker.names
    if maker.values:
        options["ExpressionAttributeValues"] = maker.values
    log.append((kind, options))
    got = run(call, ReturnValues=returned, **options)
    try:
        old = model.write(key, change, condition, put=new)
        shown = old if returned == "ALL_OLD" else model.items.get(key)
        assert not isinstance(got, str), got
        assert got.get("Attributes") == shown
    except Condition:
        assert got == "ConditionalCheckFailedException"
    except Refused:
        assert got == "ValidationException"


def projected(item, names):
    return {name: value for name, value in item.items() if name in names}


def query_local(table, model, maker, log):
    """Pages of the local index: filtered, in either direction, of any size."""
    maker.reset()
    pk, forward = maker.random.choice("pqr"), maker.random.random() < 0.5
    condition, text = maker.condition()
    fetches = maker.random.random() < 0.5
    options = {
        "IndexName": "local", "KeyConditionExpression": "pk = :pk", "ScanIndexForward": forward,
        "FilterExpression": text, "ConsistentRead": True,
        "Select": "ALL_ATTRIBUTES" if fetches else "ALL_PROJECTED_ATTRIBUTES",
        "ExpressionAttributeValues": {":pk": pk, **maker.values},
    }
    if maker.names:
        options["ExpressionAttributeNames"] = maker.names
    limit = maker.random.choice([None, 1, 2])
    if limit:
        options["Limit"] = limit
    log.append(("local", options))
    found, scanned = [], 0
    while True:
        page = table.query(**options)
        found += page["Items"]
        scanned += page["ScannedCount"]
        assert page["Count"] == len(page["Items"]) and page["ScannedCount"] <= (limit or 1000)
        if "LastEvaluatedKey" not in page:
            break
        assert set(page["LastEvaluatedKey"]) == {"pk", "sk", LOCAL}
        options["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    names = {"pk", "sk", LOCAL, "a", "m"}
    # A filter sees what the query reads: the entry, or the item that it fetches.
    view = model if fetches else Model.of(
        {key: projected(item, names) for key, item in model.items.items()})
    expected, looked = view.local(pk, condition)
    assert found == (expected if forward else expected[::-1])
    assert scanned == looked


def global_agrees(table, model):
    """Whether the global index shows what the items say."""
    for value in "xyz":
        found = table.query(
            IndexName="global", KeyConditionExpression="gk = :g",
            ExpressionAttributeValues={":g": value})["Items"]
        expected = [item for item in model.items.values() if item.get(GLOBAL) == value]
        by_key = lambda item: (item["sk"], item["pk"])  # noqa: E731
        if [i["sk"] for i in found] != sorted(i["sk"] for i in expected) \
                or sorted(found, key=by_key) != sorted(expected, key=by_key):
            return False
    return True


@pytest.mark.parametrize("number", range(4))
def test_random_sequences_agree_with_the_model(table, number):
    seed = int(os.environ.get("SEED", 20261121)) + number
    maker, model, log = Maker(seed), Model(), []
    for item in table.scan(ConsistentRead=True)["Items"]:
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    try:
        for count in range(400):
            step(table, model, maker, log)
            if count % 8 == 7:
                query_local(table, model, maker, log)
            if count % 40 == 39:
                wait_until(lambda: global_agrees(table, model), 20, "the global index agreeing")
                found = table.scan(ConsistentRead=True)["Items"]
                assert {(i["pk"], i["sk"]): i for i in found} == model.items
                maker.reset()
                condition, text = maker.condition()
                options = {"ExpressionAttributeNames": maker.names} if maker.names else {}
                if maker.values:
                    options["ExpressionAttributeValues"] = maker.values
                log.append(("filter", text))
                page = table.scan(ConsistentRead=True, FilterExpression=text, **options)
                expected = [i for i in model.items.values() if model.holds(i, condition)]
                assert page["ScannedCount"] == len(model.items)
                by_key = lambda item: (item["pk"], item["sk"])  # noqa: E731
                assert sorted(page["Items"], key=by_key) == sorted(expected, key=by_key)
    except AssertionError:
        print(f"SEED={seed}, step {len(log)}: {log[-1]}")
        raise
