"""What clocks that are wrong do to last writer wins."""
import pytest
from conftest import regions_text, unique

US, EU = "us-east-1", "eu-west-1"


def make(cluster_factory, stamps, **clocks):
    text = regions_text(US, EU, stamps=stamps)
    text += "clocks:\n" + "".join(
        f"  {region}: {{offset: {offset}}}\n" for region, offset in clocks.items())
    cluster = cluster_factory(text=text)
    name = unique("clocks")
    cluster.create_table(name, US, regions=[EU])
    return cluster, name


def causal_write(cluster, table, first, second):
    """`first` writes; `second` reads that, and only then writes: the newer write, by any account."""
    cluster.put(table, first, "item", text="old")
    cluster.wait_for_item(table, second, "item", {"text": "old"})
    cluster.put(table, second, "item", text="new")


# (region that writes first, region that reads and writes then, whose clock is wrong, by how much)
SKEWS = [(US, EU, EU, "-5s"), (EU, US, EU, "+5s")]


@pytest.mark.parametrize("first, second, skewed, offset", SKEWS)
def test_wall_stamps_lose_a_newer_write(cluster_factory, first, second, skewed, offset):
    cluster, table = make(cluster_factory, "wall", **{skewed: offset})
    causal_write(cluster, table, first, second)
    cluster.verify(table)
    for region in (US, EU):
        assert cluster.get(table, region, "item") == {"pk": "item", "text": "old"}
    entries = cluster.conflicts(table)
    assert len(entries) == 1, entries
    entry = entries[0]
    assert entry["relation"] == "skew-inversion"
    assert (entry["loser"]["region"], entry["winner"]["region"]) == (second, first)
    assert int(entry["loser"]["time"]) < int(entry["winner"]["time"])
    assert entry["loserItem"]["text"] == {"S": "new"}


@pytest.mark.parametrize("first, second, skewed, offset", SKEWS)
def test_hybrid_stamps_keep_the_newer_write(cluster_factory, first, second, skewed, offset):
    cluster, table = make(cluster_factory, "hybrid", **{skewed: offset})
    causal_write(cluster, table, first, second)
    cluster.verify(table)
    for region in (US, EU):
        assert cluster.get(table, region, "item") == {"pk": "item", "text": "new"}
    assert cluster.conflicts(table) == []


def test_hybrid_stamps_cannot_help_writes_that_never_met(cluster_factory):
    """Concurrent writes: the fast clock wins over a write that was made later."""
    cluster, table = make(cluster_factory, "hybrid", **{US: "+5s"})
    fault = cluster.fault("pause-replication", US)
    cluster.put(table, US, "item", text="earlier")
    cluster.cross()
    cluster.put(table, EU, "item", text="later")
    cluster.heal(fault)
    cluster.verify(table)
    for region in (US, EU):
        assert cluster.get(table, region, "item")["text"] == "earlier"
    (entry,) = cluster.conflicts(table)
    assert entry["relation"] == "concurrent"
    assert entry["loserItem"]["text"] == {"S": "later"}


def test_a_clock_fault_on_a_running_cluster(cluster_factory):
    """The same as with a topology's clock; with a drift and on one node, too; and undone."""
    cluster, table = make(cluster_factory, "wall", **{US: "+0ms"})
    fault = cluster.fault("clock", EU, "--offset", "-5s")
    assert "-5.0 s" in fault["measurements"][0]["after"]
    wall = {name: report["wallTimeNs"] - report["monotonicNs"]
            for name, report in cluster.reports().items()}
    assert abs(wall["eu-west-1-a"] - wall["us-east-1-a"] + 5e9) < 50e6
    causal_write(cluster, table, US, EU)
    cluster.verify(table)
    assert cluster.get(table, EU, "item")["text"] == "old"
    cluster.heal(fault)
    cluster.put(table, EU, "item", text="right")
    cluster.wait_for_item(table, US, "item", {"text": "right"})
    drift = cluster.fault("clock", "us-east-1-a", "--drift", "-5000ppm")
    assert cluster.reports()["us-east-1-a"]["clock"]["driftPpm"] == -5000
    assert cluster.reports()["eu-west-1-a"]["clock"]["driftPpm"] == 0
    cluster.heal(drift)
    assert cluster.reports()["us-east-1-a"]["clock"] == {"offsetNs": 0, "driftPpm": 0}
