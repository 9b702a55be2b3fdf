"""`atoll up --history`: what clients asked and replicas did, as `atoll check` judges it."""
import json
import pathlib
import signal

import pytest
from conftest import Cluster, regions_text, unique, wait_until
from workload import NamedLoad

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]
US, EU, AP = REGIONS


class RecordedCluster(Cluster):
    """A cluster with a history, `history.jsonl` in its directory."""

    def spawn_up(self, *options, **redirections):
        self.history = self.directory / "history.jsonl"
        return super().spawn_up("--history", self.history, *options, **redirections)

    @property
    def applies(self):
        return sorted(self.directory.glob("history.jsonl.*.applies"))

    def events(self, path=None):
        with open(path or self.history) as file:
            return [json.loads(line) for line in file]

    def check(self, *files, **options):
        return self.atoll("check", *(files or [self.history, *self.applies]), **options)


@pytest.fixture
def recorded():
    cluster = RecordedCluster()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def chaos():
    """A cluster that was broken in many ways under load, and has ended well."""
    cluster = RecordedCluster()
    try:
        run_chaos(cluster)
        yield cluster
    finally:
        cluster.close()


def run_chaos(cluster):
    table = unique("named")
    cluster.create_table(table, US, regions=[EU, AP])
    with NamedLoad(cluster, table, REGIONS) as load:
        load.go_on()
        cut = cluster.fault("partition", AP, "rest")
        load.go_on()
        cluster.fault("kill", next(iter(cluster.leaders(table, US).values())))
        cluster.fault("clock", EU, "--offset", "+300ms")
        load.go_on()
        cluster.heal(cut)
        cluster.fault("pause", next(iter(cluster.leaders(table, EU).values())))
        load.go_on()
        assert cluster.heal()["left"] == []
        load.go_on()
    print(dict(load.outcomes))
    cluster.verify(table)
    cluster.stop()


def copy_with(cluster, change, path=None):
    """A copy of a file in which `change` has altered an event; it returns true once it has."""
    source = pathlib.Path(path or cluster.history)
    copy = source.with_suffix(source.suffix + ".changed")
    events = cluster.events(source)
    assert any(change(event) for event in events), "nothing to change"
    copy.write_text("".join(json.dumps(event) + "\n" for event in events))
    return copy


def test_a_history_under_chaos_is_judged_good(chaos):
    events = chaos.events()
    assert events[0]["host"] == "gateway" and events[0]["regions"] == REGIONS
    types = [event["type"] for event in events]
    assert types.count("invoke") > 1000
    assert types.count("ok") > 0.8 * types.count("invoke")
    # Every fault is in it, before and after what it changed.
    assert types.count("fault") == 4 and types.count("heal") == 4
    assert len(chaos.applies) == 9
    for path in chaos.applies:
        assert {"apply", "final"} <= {event["type"] for event in chaos.events(path)}
    result = chaos.check()
    print(result.stdout)


def test_a_strong_read_that_went_back_is_found(chaos):
    """Of a key that was read before, a strong read is made to show its first version again."""
    strong, first = {}, {}

    def change(event):
        if event["type"] == "invoke" and event.get("consistent"):
            strong[event["id"]] = event["region"], event["key"]
        if event["type"] != "ok" or event["id"] not in strong or not event["write"]:
            return False
        place = strong[event["id"]]
        old, count = first.setdefault(place, (event, 0))
        first[place] = old, count + 1
        if count < 30 or event["write"] == old["write"]:
            return False
        event["write"], event["stamp"] = old["write"], old["stamp"]
        return True

    result = chaos.check(copy_with(chaos, change), *chaos.applies, check=False)
    print(result.stdout)
    assert result.returncode == 1


def test_a_replica_that_took_an_older_version_is_found(chaos):
    def change(event):
        if event["type"] != "apply" or event["decision"] != "applied" or "against" not in event:
            return False
        event["stamp"][0] = event["against"][0] - 1_000
        return True

    applies = [path for path in chaos.applies if US not in path.name]
    changed = copy_with(chaos, change, chaos.applies[-1])
    result = chaos.check(chaos.history, *applies, changed, check=False)
    print(result.stdout)
    assert result.returncode == 1


def test_a_region_that_ends_behind_is_found(chaos):
    def change(event):
        if event["type"] != "final" or event["delete"]:
            return False
        event["stamp"][0] -= 10_000_000_000
        event["write"] = "us-east-1.0.0"
        return True

    changed = copy_with(chaos, change, chaos.applies[-1])
    result = chaos.check(chaos.history, *chaos.applies[:-1], changed, check=False)
    print(result.stdout)
    assert result.returncode == 1


def test_nothing_is_lost_when_everything_is_killed(recorded):
    """The supervisor dies: what was answered a second before is in the files, in whole lines."""
    table = unique("killed")
    recorded.create_table(table, US)
    with NamedLoad(recorded, table, [US]) as load:
        load.go_on()
    done = load.outcomes[US, "acknowledged"]

    def answers():
        lines = recorded.history.read_text().splitlines()
        return sum('"type":"ok"' in line for line in lines)

    wait_until(lambda: answers() >= done, 1.5, "the latest answer in the file")
    recorded.stop(signal.SIGKILL)
    for path in [recorded.history, *recorded.applies]:
        assert path.read_text().endswith("\n") and recorded.events(path)
    assert recorded.check().returncode == 0


def test_a_full_disk_ends_the_history_and_nothing_else(cluster_factory):
    cluster = cluster_factory(text=regions_text(US))
    cluster.stop()
    history = cluster.directory / "full.jsonl"
    # Every write to this file fails: there is no space.
    history.symlink_to("/dev/full")
    cluster.process = cluster.spawn_up("--history", history)
    cluster.log_start = 0
    wait_until(lambda: cluster.output().count("AWS_ENDPOINT_URL") == 2, 60, "the second start")
    table = unique("full")
    cluster.create_table(table, US)
    cluster.put(table, US, "key", n=1)
    wait_until(
        lambda: cluster.get(table, US, "key") == {"pk": "key", "n": 1}, 10, "the item")
    log = cluster.cluster_directory / "gateway.log"
    wait_until(lambda: "no space left on device" in log.read_text(), 10, "the gateway's word")
    cluster.put(table, US, "key", n=2)
    cluster.stop()
    assert log.read_text().count("the history ends here") == 1
    assert f"the history is not whole: write {history}" in cluster.output()
    assert cluster.process.returncode == 0


def test_replicas_that_were_refilled_are_judged_like_any_other(recorded):
    """A lost disk, and a node away for longer than the log reaches: both come back by snapshot."""
    table = unique("refilled")
    recorded.create_table(table, US, regions=[EU])
    with NamedLoad(recorded, table, [US, EU], clients=4, rate=60) as load:
        load.go_on()
        recorded.fault("restart", "us-east-1-b", "--wipe")
        away = recorded.fault("kill", "eu-west-1-c")
        client = recorded.client(US)
        for start in range(0, 12_000, 25):
            client.batch_write_item(RequestItems={table: [
                {"PutRequest": {"Item": {"pk": {"S": f"many-{n % 500}"}, "w": {"S": f"many.{n}"}}}}
                for n in range(start, start + 25)]})
        # A busy machine may answer the heal's own question too late; asked again, it proves it.
        wait_until(
            lambda: recorded.atoll("heal", away["id"], check=False).returncode == 0, 60,
            "the node's return")
        load.go_on()
    recorded.verify(table)
    recorded.stop()
    assert "without final states" not in recorded.output()
    print(recorded.check().stdout)


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path, cluster_factory):
    cluster = cluster_factory(text=regions_text(US))
    result = cluster.atoll(
        "up", cluster.topology, "--cluster", "other", "--port-offset", cluster.offset + 250,
        "--history", tmp_path / "no" / "such" / "h.jsonl", check=False)
    assert result.returncode == 1
    told = result.stdout + result.stderr
    assert "no such file or directory" in told and "--history FILE" in told
