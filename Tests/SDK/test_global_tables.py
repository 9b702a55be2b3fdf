"""Global tables: replicas, replication, last writer wins, lag."""
import contextlib
import itertools
import threading

import pytest
from conftest import error_of, one_way_delays, unique, wait_until

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]
US, EU, AP = REGIONS


@pytest.fixture(scope="module")
def table(three_regions):
    """A table with a replica in every region; tests use keys of their own."""
    name = unique("global")
    three_regions.create_table(name, US, regions=[EU, AP])
    return name


def everywhere(cluster, table, key, expected, seconds=20):
    for region in REGIONS:
        cluster.wait_for_item(table, region, key, expected, seconds)


def set_attribute(cluster, table, region, key, name, value, **options):
    return cluster.client(region).update_item(
        TableName=table, Key={"pk": {"S": key}}, UpdateExpression="SET #n = :v",
        ExpressionAttributeNames={"#n": name}, ExpressionAttributeValues={":v": {"N": str(value)}},
        **options)


def delete(cluster, table, region, key, **options):
    return cluster.client(region).delete_item(TableName=table, Key={"pk": {"S": key}}, **options)


# The life of replicas

def test_replicas_are_created_described_and_active(three_regions):
    name = unique("described")
    client = three_regions.create_table(name, US)
    alone = three_regions.describe(name, US)
    assert "Replicas" not in alone and "GlobalTableVersion" not in alone
    answer = client.update_table(
        TableName=name, ReplicaUpdates=[{"Create": {"RegionName": EU}}])["TableDescription"]
    statuses = {r["RegionName"]: r["ReplicaStatus"] for r in answer["Replicas"]}
    assert (answer["TableStatus"], statuses) == ("UPDATING", {US: "ACTIVE", EU: "CREATING"})
    three_regions.wait_for_replica(name, US, EU)
    for region in (US, EU):
        described = three_regions.describe(name, region)
        assert described["GlobalTableVersion"] == "2019.11.21"
        assert described["TableStatus"] == "ACTIVE"
        assert described["TableArn"] == f"arn:aws:dynamodb:{region}:000000000000:table/{name}"
        assert [r["RegionName"] for r in described["Replicas"]] == [US, EU]
        assert {r["ReplicaStatus"] for r in described["Replicas"]} == {"ACTIVE"}
        assert described["KeySchema"] == alone["KeySchema"]
        assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert name not in three_regions.client(AP).list_tables()["TableNames"]


def test_a_replica_can_be_added_from_any_region_that_has_one(three_regions):
    name = unique("chain")
    three_regions.create_table(name, US, regions=[EU])
    three_regions.add_replica(name, EU, AP)
    for region in REGIONS:
        wait_until(
            lambda: three_regions.replicas(name, region) == {r: "ACTIVE" for r in REGIONS}, 20,
            f"{region} knowing all replicas")
    three_regions.put(name, AP, "from the third", n=1)
    everywhere(three_regions, name, "from the third", {"n": 1})


def test_texts_of_wrong_replica_updates(three_regions):
    name, other = unique("texts"), unique("other")
    us = three_regions.create_table(name, US)
    three_regions.create_table(name, AP)
    three_regions.create_table(other, US)

    def replicas(*updates, table=name):
        return error_of(us.update_table, TableName=table, ReplicaUpdates=list(updates))

    for kind in ("Create", "Delete"):
        assert replicas({kind: {"RegionName": US}}) == (
            "ValidationException",
            "Cannot add, delete, or update the local region through ReplicaUpdates. "
            "Use CreateTable, DeleteTable, or UpdateTable as required.")
    assert replicas({"Create": {"RegionName": AP}}) == (
        "ValidationException",
        f"Failed to create a the new replica of table with name: ‘{name}’ because one or more "
        "replicas already existed as tables.")
    assert replicas({"Delete": {"RegionName": EU}}) == (
        "ValidationException",
        "Update global table operation failed because one or more replicas were not part of the "
        f"global table. Please retry the request without these replicas: [{EU}].")
    assert replicas({"Create": {"RegionName": EU}}, {"Create": {"RegionName": AP}})[1] == (
        "Update table operation with more than one create or delete replica actions not allowed")
    assert replicas({}) == (
        "ValidationException",
        "There are no actions specified in the Replica Update Action of the request.")
    assert error_of(
        us.update_table, TableName=name, DeletionProtectionEnabled=True,
        ReplicaUpdates=[{"Create": {"RegionName": EU}}],
    )[1] == ("One or more parameter values were invalid: Replica modification must be the only "
             "operation in the request")
    code, message = replicas({"Create": {"RegionName": "mars-north-1"}})
    assert (code, message) == (
        "ValidationException",
        "Region mars-north-1 is not supported. The latest version of global tables are only "
        f"supported in the following regions: [{', '.join(REGIONS)}]")
    assert replicas({"Create": {"RegionName": EU}}, table="no-such-table")[0] \
        == "ResourceNotFoundException"
    # None of it changed anything.
    for table, region in ((name, US), (name, AP), (other, US)):
        assert "Replicas" not in three_regions.describe(table, region)


def test_an_existing_replica_is_not_created_again(three_regions, table):
    code, message = error_of(
        three_regions.client(US).update_table, TableName=table,
        ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    assert (code, message) == (
        "ValidationException",
        f"Failed to create a the new replica of table with name: ‘{table}’ because one or more "
        "replicas already existed as tables.")


def test_a_table_under_change_is_in_use(three_regions):
    name = unique("busy")
    client = three_regions.create_table(name, US)
    client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    code, _ = error_of(
        client.update_table, TableName=name, ReplicaUpdates=[{"Create": {"RegionName": AP}}])
    assert code == "ResourceInUseException"
    three_regions.wait_for_replica(name, US, EU)


def test_a_removed_replica_takes_its_items_and_leaves_the_others(three_regions):
    name = unique("removed")
    three_regions.create_table(name, US, regions=[EU, AP])
    three_regions.put(name, EU, "before", n=1)
    everywhere(three_regions, name, "before", {"n": 1})
    client = three_regions.client(US)
    answer = client.update_table(
        TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": EU}}])["TableDescription"]
    statuses = {r["RegionName"]: r["ReplicaStatus"] for r in answer["Replicas"]}
    assert statuses[EU] == "DELETING"
    wait_until(
        lambda: name not in three_regions.client(EU).list_tables()["TableNames"], 30,
        "the table leaving eu-west-1")
    for region in (US, AP):
        wait_until(
            lambda: three_regions.replicas(name, region) == {US: "ACTIVE", AP: "ACTIVE"}, 30,
            f"{region} listing the two that stay")
    three_regions.put(name, AP, "after", n=2)
    for region in (US, AP):
        three_regions.wait_for_item(name, region, "after", {"n": 2})
        assert three_regions.get(name, region, "before") == {"pk": "before", "n": 1}
    # The last replica: the table is an ordinary one again.
    client.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": AP}}])
    wait_until(lambda: "Replicas" not in three_regions.describe(name, US), 30, "no replicas")
    assert "GlobalTableVersion" not in three_regions.describe(name, US)
    wait_until(lambda: three_regions.status(name, US) == "ACTIVE", 20, "an active table")
    assert set(three_regions.items(name, US)) == {"before", "after"}
    # And it can grow again, into a region that it had left.
    three_regions.add_replica(name, US, EU)
    wait_until(
        lambda: set(three_regions.items(name, EU)) == {"before", "after"}, 20, "the items' return")


def test_delete_table_removes_one_replica_only(three_regions):
    name = unique("deleted")
    three_regions.create_table(name, US, regions=[EU])
    three_regions.put(name, US, "kept", n=1)
    three_regions.wait_for_item(name, EU, "kept", {"n": 1})
    three_regions.client(US).delete_table(TableName=name)
    wait_until(
        lambda: name not in three_regions.client(US).list_tables()["TableNames"], 30,
        "the table leaving us-east-1")
    wait_until(lambda: "Replicas" not in three_regions.describe(name, EU), 30, "one replica left")
    assert three_regions.get(name, EU, "kept") == {"pk": "kept", "n": 1}


# Replication

def test_a_write_in_any_region_appears_in_all(three_regions, table):
    for number, region in enumerate(REGIONS):
        key = f"from-{region}"
        three_regions.put(table, region, key, n=number)
        everywhere(three_regions, table, key, {"n": number})
        set_attribute(three_regions, table, region, key, "more", 7)
        everywhere(three_regions, table, key, {"n": number, "more": 7})


def test_deletes_reach_all_regions(three_regions, table):
    three_regions.put(table, US, "to-delete", n=1)
    everywhere(three_regions, table, "to-delete", {"n": 1})
    delete(three_regions, table, EU, "to-delete")
    everywhere(three_regions, table, "to-delete", None)
    assert "to-delete" not in three_regions.items(table, AP)
    three_regions.put(table, AP, "to-delete", n=2)
    everywhere(three_regions, table, "to-delete", {"n": 2})


def test_every_type_replicates_unchanged(three_regions, table):
    item = {
        "pk": {"S": "types"}, "s": {"S": "ï€🏝"}, "n": {"N": "-1.5"}, "b": {"B": b"\x00\xff"},
        "yes": {"BOOL": True}, "null": {"NULL": True}, "ns": {"NS": ["1", "2"]},
        "ss": {"SS": ["a", "b"]}, "bs": {"BS": [b"x"]}, "l": {"L": [{"S": "a"}, {"N": "1"}]},
        "m": {"M": {"deep": {"M": {"deeper": {"S": "x"}}}}},
    }
    three_regions.client(EU).put_item(TableName=table, Item=item)
    for region in REGIONS:
        wait_until(
            lambda: three_regions.client(region).get_item(
                TableName=table, Key={"pk": item["pk"]}).get("Item") == item,
            20, f"the item in {region}")


def test_batches_and_large_items_replicate(three_regions, table):
    client = three_regions.client(AP)
    keys = [f"batch-{number}" for number in range(25)]
    client.batch_write_item(RequestItems={table: [
        {"PutRequest": {"Item": {"pk": {"S": key}, "data": {"S": key * 1000}}}} for key in keys]})
    three_regions.put(table, AP, "large", data="x" * 390_000)
    everywhere(three_regions, table, "large", {"data": "x" * 390_000})
    for key in keys:
        everywhere(three_regions, table, key, {"data": key * 1000})
    client.batch_write_item(RequestItems={table: [
        {"DeleteRequest": {"Key": {"pk": {"S": key}}}} for key in keys]})
    for key in keys:
        everywhere(three_regions, table, key, None)


# Last writer wins

@contextlib.contextmanager
def parted(cluster, table):
    """No replication between any two regions."""
    faults = [cluster.fault("pause-replication", region) for region in (US, EU)]
    yield
    cluster.cross()
    queued = cluster.backlog(table)
    assert queued[(US, EU)] > 0, "nothing was held up"
    for fault in faults:
        cluster.heal(fault)


def conflicts_of(cluster, table, key):
    return [c for c in cluster.conflicts(table) if c["key"] == {"pk": {"S": key}}]


def test_concurrent_updates_of_different_attributes(healthy, table):
    """The worked example of item-level last writer wins: one update is lost, and only the ledger
    tells."""
    key = "worked-example"
    healthy.put(table, US, key, a=0, b=0)
    everywhere(healthy, table, key, {"a": 0, "b": 0})
    with parted(healthy, table):
        set_attribute(healthy, table, US, key, "a", 1)
        set_attribute(healthy, table, EU, key, "b", 1)
        healthy.cross()
        assert healthy.get(table, US, key) == {"pk": key, "a": 1, "b": 0}
        assert healthy.get(table, EU, key) == {"pk": key, "a": 0, "b": 1}
    everywhere(healthy, table, key, {"a": 0, "b": 1})
    healthy.verify(table)
    entries = conflicts_of(healthy, table, key)
    assert len(entries) == 1, entries
    entry = entries[0]
    assert (entry["loser"]["region"], entry["winner"]["region"]) == (US, EU)
    assert int(entry["loser"]["time"]) < int(entry["winner"]["time"])
    assert entry["relation"] == "concurrent"
    assert entry["loserItem"] == {"pk": {"S": key}, "a": {"N": "1"}, "b": {"N": "0"}}
    assert {US, EU} <= set(entry["decidedIn"])


def test_conditions_see_the_own_region_only(healthy, table):
    options = {"TableName": table, "ConditionExpression": "attribute_not_exists(pk)"}
    with parted(healthy, table):
        for region in (US, EU):
            healthy.cross()
            client = healthy.client(region)
            client.put_item(Item={"pk": {"S": "claimed"}, "by": {"S": region}}, **options)
            code, _ = error_of(client.put_item, Item={"pk": {"S": "claimed"}}, **options)
            assert code == "ConditionalCheckFailedException"
    # Both claims succeeded; the later one is everywhere.
    everywhere(healthy, table, "claimed", {"by": EU})


def test_strong_reads_see_the_own_region_only(healthy, table):
    with parted(healthy, table):
        healthy.put(table, US, "strong", n=1)
        healthy.cross()
        assert healthy.get(table, US, "strong") == {"pk": "strong", "n": 1}
        assert healthy.get(table, EU, "strong") is None
    everywhere(healthy, table, "strong", {"n": 1})


def test_an_older_write_does_not_raise_a_deleted_item(healthy, table):
    healthy.put(table, US, "grave", n=1)
    everywhere(healthy, table, "grave", {"n": 1})
    with parted(healthy, table):
        healthy.put(table, US, "grave", n=2)
        healthy.cross()
        delete(healthy, table, EU, "grave")
    everywhere(healthy, table, "grave", None)
    healthy.verify(table)
    for region in REGIONS:
        assert "grave" not in healthy.items(table, region)
    losers = [entry["loserItem"] for entry in conflicts_of(healthy, table, "grave")]
    assert losers == [{"pk": {"S": "grave"}, "n": {"N": "2"}}]


def test_a_newer_write_beats_an_older_delete(healthy, table):
    healthy.put(table, US, "phoenix", n=1)
    everywhere(healthy, table, "phoenix", {"n": 1})
    with parted(healthy, table):
        delete(healthy, table, EU, "phoenix")
        healthy.put(table, US, "phoenix", n=2)
        healthy.cross()
        assert healthy.get(table, EU, "phoenix") is None
    everywhere(healthy, table, "phoenix", {"n": 2})
    healthy.verify(table)
    losers = [entry["loserItem"] for entry in conflicts_of(healthy, table, "phoenix")]
    assert losers == [None]


def test_writes_that_saw_each_other_are_no_conflict(healthy, table):
    key = "relay"
    healthy.put(table, US, key, n=0)
    for number, region in enumerate(itertools.islice(itertools.cycle(REGIONS), 9), 1):
        healthy.wait_for_item(table, region, key, {"n": number - 1})
        set_attribute(healthy, table, region, key, "n", number)
    everywhere(healthy, table, key, {"n": 9})
    assert conflicts_of(healthy, table, key) == []


# Adding a replica while writes go on

class Writers:
    """Threads that put new items and overwrite old ones; knows what was acknowledged last."""

    def __init__(self, cluster, table, region, count=3):
        self.client = cluster.client(region)
        self.table = table
        self.acknowledged = {}
        self.total = 0
        self.failures = []
        self.ended = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, writer):
        for number in itertools.count():
            if self.ended.is_set():
                return
            # Each writer's keys are its own; every third write overwrites an earlier one.
            key = f"{writer}-{number // 3 if number % 3 == 0 else number}"
            try:
                self.client.put_item(
                    TableName=self.table, Item={"pk": {"S": key}, "n": {"N": str(number)}})
            except Exception as error:
                self.failures.append(repr(error))
                return
            self.acknowledged[key] = number
            self.total += 1

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == []


def test_a_replica_added_under_load_holds_everything(healthy):
    name = unique("loaded")
    client = healthy.create_table(name, US)
    for start in range(0, 1000, 25):
        client.batch_write_item(RequestItems={name: [
            {"PutRequest": {"Item": {"pk": {"S": f"old-{n}"}, "n": {"N": str(n)}}}}
            for n in range(start, start + 25)]})
    writers = Writers(healthy, name, US)
    try:
        wait_until(lambda: writers.total > 100, 20, "the first writes")
        healthy.add_replica(name, US, EU)
        between = writers.total
        wait_until(lambda: writers.total > between + 100, 20, "writes with two replicas")
        healthy.add_replica(name, EU, AP)
        between = writers.total
        wait_until(lambda: writers.total > between + 100, 20, "writes with three replicas")
    finally:
        writers.end()
    report = healthy.verify(name)
    expected = {f"old-{n}": n for n in range(1000)} | writers.acknowledged
    assert [r["items"] for r in report["tables"][0]["regions"]] == [len(expected)] * 3
    for region in REGIONS:
        found = {key: item["n"] for key, item in healthy.items(name, region).items()}
        assert found == expected
    assert healthy.conflicts(name) == []


# Pauses and lag

def test_a_pause_queues_and_healing_drains(healthy):
    name = unique("paused")
    healthy.create_table(name, US, regions=[EU, AP])
    fault = healthy.fault("pause-replication", US)
    for number in range(100):
        healthy.put(name, US, f"key-{number}", n=number)
    healthy.put(name, EU, "other", n=1)
    wait_until(lambda: healthy.backlog(name).get((US, EU)) == 100, 10, "a backlog of 100")
    assert healthy.backlog(name)[(US, AP)] == 100
    assert healthy.backlog(name)[(EU, US)] == 1
    healthy.cross(US, EU)
    # The pair that is not paused goes on.
    healthy.wait_for_item(name, AP, "other", {"n": 1})
    assert healthy.get(name, US, "other") is None
    for region in (EU, AP):
        assert set(healthy.items(name, region)) == {"other"}

    def oldest():
        entries = healthy.json("lag")["lag"]
        return max(
            e["watermarkAgeUs"] for e in entries
            if (e["table"], e["source"], e["destination"]) == (name, US, EU))

    # The age of the oldest change grows although nothing arrives.
    before = oldest()
    assert before > 0
    wait_until(lambda: oldest() > before + 500_000, 10, "a growing watermark age")
    report = healthy.json("verify", name, check=False)
    assert not report["equal"] and report["backlogChanges"] >= 201
    healthy.heal(fault)
    report = healthy.verify(name)
    assert [r["items"] for r in report["tables"][0]["regions"]] == [101] * 3
    assert set(healthy.backlog(name).values()) == {0} and oldest() == 0


def test_a_pause_of_one_direction(healthy):
    name = unique("oneway")
    healthy.create_table(name, US, regions=[EU])
    fault = healthy.fault("pause-replication", US, EU, "--one-way")
    healthy.put(name, US, "there", n=1)
    healthy.put(name, EU, "back", n=2)
    healthy.wait_for_item(name, US, "back", {"n": 2})
    healthy.cross(US, EU)
    assert healthy.get(name, EU, "there") is None
    assert healthy.backlog(name) == {(US, EU): 1, (EU, US): 0}
    healthy.heal(fault)
    healthy.wait_for_item(name, EU, "there", {"n": 1})


def test_verify_names_the_keys_that_differ(healthy):
    name = unique("verified")
    healthy.create_table(name, US, regions=[EU])
    for number in range(50):
        healthy.put(name, US, f"key-{number}", n=number)
    healthy.verify(name)
    fault = healthy.fault("pause-replication", US, EU)
    healthy.put(name, US, "key-7", n=700)
    healthy.put(name, EU, "only-here", n=1)
    healthy.cross(US, EU)
    done = healthy.atoll("verify", name, "--json", check=False)
    assert done.returncode == 1
    report = healthy.json("verify", name, check=False)["tables"][0]
    assert not report["equal"]
    differences = {d["key"]["pk"]["S"]: d["regions"] for d in report["differences"]}
    assert set(differences) == {"key-7", "only-here"}
    absent = {r["region"] for r in differences["only-here"] if r["stamp"] is None}
    assert absent == {US}
    healthy.heal(fault)
    healthy.verify(name)


def test_lag_is_the_configured_delay_and_little_more(healthy):
    name = unique("lag")
    healthy.create_table(name, US, regions=[EU, AP])
    for region in REGIONS:
        for number in range(40):
            healthy.put(name, region, f"{region}-{number}", n=number)
    healthy.verify(name)
    routes = {}
    for entry in healthy.json("lag")["lag"]:
        if entry["table"] == name and entry["count"]:
            routes[(entry["source"], entry["destination"])] = entry
    assert set(routes) == set(itertools.permutations(REGIONS, 2))
    for (source, destination), entry in routes.items():
        delay = one_way_delays()[(source, destination)]
        assert entry["count"] == 40
        measured = entry["p50Us"] / 1000
        # Never faster than the sea allows. The rest: two commits, on a machine that is busy.
        assert delay - 1 <= measured <= delay + 25, (source, destination, delay, measured)
        assert entry["p50Us"] <= entry["p90Us"] <= entry["p99Us"] <= entry["maxUs"]
