"""What is acknowledged is on disk, and a node serves no data but its own."""
import os
import shutil
import signal
import threading

import pytest
from conftest import is_running, regions_text, unique, wait_until

US, EU = "us-east-1", "eu-west-1"


class Appenders:
    """Threads that put ever new keys; knows which were acknowledged and which were tried."""

    def __init__(self, cluster, table, regions, count=3):
        self.table = table
        self.acknowledged = set()
        self.tried = set()
        self.ended = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(cluster.client(region, retries=0, timeout=5), f"{region}-{n}"))
            for region in regions for n in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, client, writer):
        number = 0
        while not self.ended.is_set():
            number += 1
            key = f"{writer}-{number}"
            self.tried.add(key)
            try:
                client.put_item(
                    TableName=self.table, Item={"pk": {"S": key}, "data": {"S": key * 20}})
            except Exception:
                # The cluster is gone; the outcome of this one is unknown.
                return
            self.acknowledged.add(key)

    def join(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def kill_everything(cluster):
    """SIGKILL to every process of a cluster, the nodes first."""
    pids = [node["pid"] for node in cluster.nodes()]
    for pid in [*pids, cluster.state["gatewayPid"], cluster.process.pid]:
        os.kill(pid, signal.SIGKILL)
    cluster.process.wait()
    wait_until(lambda: not any(map(is_running, pids)), 10, "the end of every node")


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_kill_9_of_everything_under_load_loses_nothing(cluster_factory, durability):
    cluster = cluster_factory(text=regions_text(US, EU, nodes=3, durability=durability))
    table = unique("durable")
    cluster.create_table(table, US, regions=[EU])
    acknowledged, tried = set(), set()
    for _ in range(2):
        appenders = Appenders(cluster, table, [US, EU])
        target = len(appenders.acknowledged) + 300
        try:
            wait_until(lambda: len(appenders.acknowledged) > target, 60, "the first writes")
            kill_everything(cluster)
        finally:
            appenders.join()
        acknowledged |= appenders.acknowledged
        tried |= appenders.tried
        cluster.start()
        cluster.verify(table)
        for region in (US, EU):
            found = cluster.items(table, region)
            assert acknowledged <= set(found), f"lost: {sorted(acknowledged - set(found))[:20]}"
            assert set(found) <= tried
            assert all(item["data"] == key * 20 for key, item in found.items())
    assert cluster.replicas(table, US) == {US: "ACTIVE", EU: "ACTIVE"}


def test_a_stopped_cluster_comes_back_as_it_was(cluster_factory):
    cluster = cluster_factory(text=regions_text(US, nodes=3))
    tables = [unique("kept") for _ in range(3)]
    for number, table in enumerate(tables):
        cluster.create_table(table, US)
        for key in range(20):
            cluster.put(table, US, f"key-{key}", n=number)
    before = {table: cluster.describe(table, US) for table in tables}
    cluster.stop()
    assert "stopped" in cluster.output()
    assert cluster.state["phase"] == "stopped"
    cluster.start()
    for number, table in enumerate(tables):
        after = cluster.describe(table, US)
        assert after["TableId"] == before[table]["TableId"]
        assert after["CreationDateTime"] == before[table]["CreationDateTime"]
        assert {item["n"] for item in cluster.items(table, US).values()} == {number}
        assert len(cluster.items(table, US)) == 20
    cluster.client(US).delete_table(TableName=tables[0])
    wait_until(
        lambda: tables[0] not in cluster.client(US).list_tables()["TableNames"], 20, "its end")


def test_fresh_forgets_everything(cluster_factory):
    cluster = cluster_factory(text=regions_text(US))
    table = unique("forgotten")
    cluster.create_table(table, US)
    cluster.put(table, US, "key", n=1)
    cluster.stop()
    cluster.log_start = cluster.log.seek(0, os.SEEK_END)
    cluster.process = cluster.spawn_up("--fresh")
    wait_until(cluster.is_up, 30, "the start")
    assert cluster.client(US).list_tables()["TableNames"] == []


def test_changes_that_had_not_left_are_sent_after_the_restart(cluster_factory):
    cluster = cluster_factory(text=regions_text(US, EU))
    table = unique("queued")
    cluster.create_table(table, US, regions=[EU])
    cluster.fault("pause-replication", US)
    for number in range(200):
        cluster.put(table, US, f"key-{number}", n=number)
    assert cluster.items(table, EU) == {}
    kill_everything(cluster)
    # Faults do not outlive the supervisor: the pause is over.
    cluster.start()
    assert cluster.json("faults")["faults"] == []
    cluster.verify(table)
    assert cluster.items(table, EU) == {f"key-{n}": {"pk": f"key-{n}", "n": n} for n in range(200)}


# Data directories

def refused(cluster):
    """What a start says that must fail; nothing is left running."""
    start = cluster.log.seek(0, os.SEEK_END)
    process = cluster.spawn_up()
    assert process.wait(60) == 1
    assert not any(map(is_running, cluster.processes()))
    cluster.log_start = start
    return cluster.output()


@pytest.fixture
def stopped(cluster_factory):
    """A cluster with an item, and stopped."""
    cluster = cluster_factory(text=regions_text(US, nodes=3))
    cluster.create_table("kept", US)
    cluster.put("kept", US, "key", n=1)
    cluster.stop()
    return cluster


def starts_again(cluster):
    cluster.start()
    assert cluster.get("kept", US, "key") == {"pk": "key", "n": 1}


def test_another_nodes_data_are_refused(stopped):
    a, b = (stopped.data(f"us-east-1-{zone}") for zone in "ab")
    aside = a.with_name("aside")

    def swap():
        a.rename(aside)
        b.rename(a)
        aside.rename(b)

    swap()
    text = refused(stopped)
    # Either of the two may be the first to refuse.
    assert "belongs to cluster made-for-a-test, node us-east-1-" in text
    assert "and this is cluster made-for-a-test, node us-east-1-" in text
    swap()
    starts_again(stopped)


def test_another_clusters_data_are_refused(stopped):
    other = stopped.cluster_directory.with_name("other")
    shutil.copytree(stopped.cluster_directory, other)
    process = stopped.spawn_up("--cluster", "other")
    assert process.wait(60) == 1
    text = stopped.output()
    assert "belongs to cluster made-for-a-test" in text and "this is cluster other" in text
    shutil.rmtree(other)
    starts_again(stopped)


def test_foreign_files_are_refused(stopped):
    data = stopped.data("us-east-1-c")
    aside = data.with_name("aside")
    data.rename(aside)
    data.mkdir()
    (data / "thesis.tex").write_text("two years of work")
    text = refused(stopped)
    assert "holds files that are not Atoll's" in text and "thesis.tex" in text
    assert (data / "thesis.tex").read_text() == "two years of work"
    shutil.rmtree(data)
    aside.rename(data)
    starts_again(stopped)


@pytest.mark.parametrize("damage", ["identity", "CURRENT"])
def test_damaged_data_are_refused(stopped, damage):
    data = stopped.data("us-east-1-b")
    path = data / "identity" if damage == "identity" else data / "db" / "CURRENT"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"1", b"7")) if damage == "identity" else path.unlink()
    text = refused(stopped)
    assert "move the directory away and let the node be refilled by its peers" in text
    path.write_bytes(whole)
    starts_again(stopped)


def test_the_advice_for_damaged_data_helps(stopped):
    """Move the directory away: the node is refilled by its peers."""
    data = stopped.data("us-east-1-b")
    (data / "db" / "CURRENT").unlink()
    refused(stopped)
    data.rename(data.with_name("aside"))
    starts_again(stopped)

    def is_whole():
        partitions = stopped.partitions("kept", US)
        return all(
            len(reports) == 3 and len({(r["applied"], r["items"]) for r in reports.values()}) == 1
            and "learner" not in {r["role"] for r in reports.values()}
            for reports in partitions.values())

    wait_until(is_whole, 30, "three voters in every partition")
    assert stopped.reports()["us-east-1-b"]["incarnation"] == 2
