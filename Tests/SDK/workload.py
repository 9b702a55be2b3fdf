"""Writers on shared keys, and the account of what became of each acknowledged write.

Every write carries an id of its own. A put asks for what it replaced (ALL_OLD); an update also
writes the id of its predecessor into the item, so that even a write whose answer was lost shows
what it replaced, once it is seen itself. An acknowledged write must then be

- what the item is in the end, or
- seen as the predecessor of another write, or
- in the conflict ledger as a loser,

unless a write of unknown outcome replaced it and nobody saw what that one had replaced. Each write
replaces one version, so for a key there can be no more of those than writes of unknown outcome of
which there is a trace.
"""
import collections
import itertools
import json
import random
import re
import threading
import time

from botocore.exceptions import ClientError
from conftest import wait_until

NAME = re.compile(r"w:[a-z0-9-]+:\d+:\d+")


class Write:
    def __init__(self, id, key, region):
        self.id = id
        self.key = key
        self.region = region
        self.is_acknowledged = False
        self.ended = None
        self.outcome = None


class Load:
    """Threads that run while a `with` block does, until `ended` is set."""

    def __init__(self):
        self.ended = threading.Event()
        self.threads = []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class SharedKeyLoad(Load):
    """Three writers per region on shared keys, each write sent once."""

    def __init__(self, cluster, table, regions, writers=3, keys=12, rate=20, seed=1, timeout=6):
        self.cluster = cluster
        self.table = table
        self.regions = regions
        self.keys = [f"shared-{number}" for number in range(keys)]
        self.pause = 1 / rate
        self.clients = {
            region: cluster.client(region, retries=0, timeout=timeout) for region in regions}
        self.writes = []
        # What answers showed as replaced: ids of writes.
        self.seen = set()
        super().__init__()
        self.threads = [
            threading.Thread(target=self.run, args=(region, number, random.Random(f"{seed}{region}{number}")))
            for region in regions for number in range(writers)
        ]

    def run(self, region, writer, chance):
        for number in itertools.count():
            # The rate of the load: the pause between two writes of one writer.
            if self.ended.wait(chance.uniform(0, 2 * self.pause)):
                return
            write = Write(f"w:{region}:{writer}:{number}", chance.choice(self.keys), region)
            self.writes.append(write)
            try:
                old = self.send(write, chance.random() < 0.5)
                self.seen.update(ids_in(old))
                write.is_acknowledged = True
                write.outcome = "acknowledged"
            except ClientError as error:
                response = error.response
                status = response["ResponseMetadata"]["HTTPStatusCode"]
                write.outcome = f"{status} {response['Error']['Code']}"
            except Exception as error:
                write.outcome = type(error).__name__
            write.ended = time.monotonic()

    def send(self, write, is_put):
        """Writes, and returns the item that was replaced."""
        client = self.clients[write.region]
        if is_put:
            return client.put_item(
                TableName=self.table, Item={"pk": {"S": write.key}, "id": {"S": write.id}},
                ReturnValues="ALL_OLD").get("Attributes")
        return client.update_item(
            TableName=self.table, Key={"pk": {"S": write.key}},
            UpdateExpression="SET previous = if_not_exists(id, :none), id = :id",
            ExpressionAttributeValues={":id": {"S": write.id}, ":none": {"S": "nothing"}},
            ReturnValues="ALL_OLD").get("Attributes")

    def acknowledged(self, region, since=0):
        return sum(
            write.is_acknowledged and write.ended > since for write in list(self.writes)
            if write.region == region)

    def go_on(self, regions=None, count=40, seconds=60):
        """Waits until each region has acknowledged so many writes more."""
        since = time.monotonic()
        for region in regions or self.regions:
            wait_until(
                lambda: self.acknowledged(region, since) >= count, seconds,
                f"{count} more writes in {region}; outcomes: {self.outcomes()}")

    def outcomes(self):
        return collections.Counter((write.region, write.outcome) for write in list(self.writes))

    def account(self):
        """Proves that no acknowledged write was lost; call it when all regions are equal."""
        finals = [self.cluster.items(self.table, region) for region in self.regions]
        assert all(final == finals[0] for final in finals)
        final = ids_in(finals[0])
        ledger = self.cluster.conflicts(self.table)
        losers = set().union(*(ids_in(entry["loserItem"]) for entry in ledger))
        traces = self.seen | final | losers
        unknown = collections.Counter(
            write.key for write in self.writes
            if not write.is_acknowledged and write.id in traces)
        missing = collections.defaultdict(list)
        for write in self.writes:
            if write.is_acknowledged and write.id not in traces:
                missing[write.key].append(write.id)
        lost = {key: ids for key, ids in missing.items() if len(ids) > unknown[key]}
        summary = {
            "writes": len(self.writes),
            "acknowledged": sum(write.is_acknowledged for write in self.writes),
            "unknown that took effect": sum(unknown.values()),
            "replaced by an unknown one": sum(map(len, missing.values())),
            "ledger": len(ledger),
        }
        print(summary, dict(self.outcomes()))
        assert not lost, f"acknowledged and gone: {lost} of {summary}"
        # Nothing appeared that nobody wrote.
        assert traces <= {write.id for write in self.writes}
        return summary


def ids_in(value):
    """The ids of writes that an item, or many, shows."""
    return set(NAME.findall(json.dumps(value))) if value else set()


class Counters(Load):
    """Conditional increments and strong reads that must never go back.

    `floor` is what some client has certainly seen: a read or an increment that begins later must
    not see less.
    """

    def __init__(self, cluster, table, region, keys=6, readers=3):
        self.table = table
        self.keys = [f"counter-{number}" for number in range(keys)]
        self.writer = cluster.client(region, retries=0, timeout=6)
        # Strong reads through every door: the gateway and each node.
        doors = [None] + [cluster.node_endpoint(n["name"]) for n in cluster.nodes(region)]
        self.readers = [cluster.client(region, door, retries=0, timeout=6) for door in doors]
        self.floor = {key: 0 for key in self.keys}
        self.lock = threading.Lock()
        self.violations = []
        self.acknowledged = []
        self.increments = collections.Counter()
        self.unknown = collections.Counter()
        self.reads = 0
        super().__init__()
        self.threads = [threading.Thread(target=self.write, args=(key,)) for key in self.keys]
        self.threads += [
            threading.Thread(target=self.read, args=(number,)) for number in range(readers)]

    def saw(self, key, floor, value, how):
        with self.lock:
            if value < floor:
                self.violations.append(f"{how} of {key} saw {value} after {floor}")
            self.floor[key] = max(self.floor[key], value)

    def strong_read(self, client, key):
        floor = self.floor[key]
        item = client.get_item(
            TableName=self.table, Key={"pk": {"S": key}}, ConsistentRead=True).get("Item")
        value = int(item["n"]["N"]) if item else 0
        self.saw(key, floor, value, "a read")
        return value

    def write(self, key):
        value = None
        while not self.ended.wait(0.005):
            try:
                if value is None:
                    value = self.strong_read(self.writer, key)
                condition = "attribute_not_exists(n)" if value == 0 else "n = :old"
                values = {":new": {"N": str(value + 1)}}
                if value:
                    values[":old"] = {"N": str(value)}
                self.writer.update_item(
                    TableName=self.table, Key={"pk": {"S": key}}, UpdateExpression="SET n = :new",
                    ConditionExpression=condition, ExpressionAttributeValues=values)
                value += 1
                self.increments[key] += 1
                self.acknowledged.append((time.monotonic(), key))
                self.saw(key, 0, value, "a write")
            except self.writer.exceptions.ConditionalCheckFailedException:
                # Only this thread writes the key: an earlier write of unknown outcome did it.
                if not self.unknown[key]:
                    self.violations.append(f"{key}: {value} was not what is stored")
                value = None
            except Exception:
                self.unknown[key] += value is not None
                value = None

    def read(self, reader):
        chance = random.Random(reader)
        while not self.ended.wait(0.005):
            try:
                self.strong_read(chance.choice(self.readers), chance.choice(self.keys))
                self.reads += 1
            except Exception:
                continue

    def resumed(self, since):
        """When every key had been written after a moment; None while one has not."""
        firsts = {}
        for at, key in list(self.acknowledged):
            if at > since:
                firsts.setdefault(key, at)
        return max(firsts.values()) if len(firsts) == len(self.keys) else None

    def go_on(self, seconds=30):
        """Waits until every key is written after now, and strong reads succeed; when it was."""
        since, reads = time.monotonic(), self.reads
        resumed = wait_until(lambda: self.resumed(since), seconds, "a write of every key")
        wait_until(lambda: self.reads > reads + 20, seconds, "20 more strong reads")
        return resumed

    def silence(self, since, until):
        """The longest time, in seconds, between two acknowledged writes of one key."""
        longest = 0
        for key in self.keys:
            times = [at for at, k in list(self.acknowledged) if k == key and since <= at <= until]
            longest = max([longest, *(b - a for a, b in itertools.pairwise(times))])
        return longest

    def check(self, final):
        """No read went back, and the counters are what was acknowledged."""
        assert self.violations == []
        for key in self.keys:
            low = self.increments[key]
            assert low <= final[key]["n"] <= low + self.unknown[key], (key, final[key])


class NamedLoad(Load):
    """Every kind of item operation on shared keys, each write with a name of its own in `w`.

    Sent once each: a second attempt would be a second write of the same name. Conditions name the
    version that the client read last, so that some hold and some fail.
    """

    def __init__(self, cluster, table, regions, clients=2, keys=6, rate=25, seed=1):
        self.table = table
        self.regions = regions
        self.keys = [f"named-{number}" for number in range(keys)]
        self.pause = 1 / rate
        self.clients = {region: cluster.client(region, retries=0, timeout=6) for region in regions}
        self.outcomes = collections.Counter()
        super().__init__()
        self.threads = [
            threading.Thread(
                target=self.run,
                args=(region, f"{region}.{number}", random.Random(f"{seed}{region}{number}")))
            for region in regions for number in range(clients)
        ]

    def run(self, region, name, chance):
        seen = {}
        for number in itertools.count():
            # The rate of the load: the pause between two operations of one client.
            if self.ended.wait(chance.uniform(0, 2 * self.pause)):
                return
            try:
                self.send(self.clients[region], f"{name}.{number}", chance, seen)
                outcome = "acknowledged"
            except ClientError as error:
                outcome = error.response["Error"]["Code"]
            except Exception as error:
                outcome = type(error).__name__
            self.outcomes[region, outcome] += 1

    def send(self, client, write, chance, seen):
        key = chance.choice(self.keys)
        named = {"TableName": self.table, "Key": {"pk": {"S": key}}}
        kind = chance.choices(
            ["put", "update", "delete", "create", "replace", "strong", "eventual"],
            [20, 20, 5, 5, 15, 30, 10])[0]
        item = {"TableName": self.table, "Item": {"pk": {"S": key}, "w": {"S": write}}}
        if kind == "put":
            client.put_item(**item)
        elif kind == "create":
            client.put_item(**item, ConditionExpression="attribute_not_exists(pk)")
        elif kind == "replace":
            client.put_item(
                **item, ConditionExpression="w = :previous",
                ExpressionAttributeValues={":previous": {"S": seen.get(key, "none")}})
        elif kind == "update":
            client.update_item(
                **named, UpdateExpression="SET #w = :w", ExpressionAttributeNames={"#w": "w"},
                ExpressionAttributeValues={":w": {"S": write}})
        elif kind == "delete":
            client.delete_item(**named)
        else:
            read = client.get_item(**named, ConsistentRead=kind == "strong")
            seen[key] = read["Item"]["w"]["S"] if "Item" in read else "none"

    def go_on(self, count=40, seconds=60):
        """Waits until each region has acknowledged so many operations more."""
        for region in self.regions:
            goal = self.outcomes[region, "acknowledged"] + count
            wait_until(
                lambda: self.outcomes[region, "acknowledged"] >= goal, seconds,
                f"{count} more operations in {region}; outcomes: {self.outcomes}")
