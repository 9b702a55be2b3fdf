"""Faults take effect, are measured, heal without a trace, and nothing outlives its cluster."""
import os
import re
import signal
import socket
import statistics
import subprocess
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from conftest import BINARY, is_running, one_way_delays, process_state, regions_text, unique, \
    wait_until
from rawhttp import Connection, ask, get, request

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]
US, EU, AP = REGIONS


@pytest.fixture(scope="module")
def table(three_regions):
    name = unique("faults")
    three_regions.create_table(name, US, regions=[EU, AP])
    return name


def round_trip(source, target):
    delays = one_way_delays()
    return delays[(source, target)] + delays[(target, source)]


def assert_round_trip(cluster, source, target, expected):
    trips, lost = cluster.probe(source, target, 5)
    assert lost == 0
    assert expected - 1 <= min(trips) <= expected * 1.05 + 10, (trips, expected)


# Processes

def test_kill(healthy, table):
    pid = healthy.node("us-east-1-a")["pid"]
    fault = healthy.fault("kill", "us-east-1-a")
    (measured,) = fault["measurements"]
    assert measured["what"] == "us-east-1-a" and "answers" in measured["before"]
    assert "refused" in measured["after"]
    assert not is_running(pid) and healthy.node("us-east-1-a")["pid"] is None
    assert healthy.reports()["us-east-1-a"] is None
    healthy.put(table, US, "without a", n=1)
    healed = healthy.heal(fault)
    assert all(m["ok"] for m in healed["healed"][0]["measurements"])
    again = healthy.node("us-east-1-a")["pid"]
    assert is_running(again) and again != pid
    assert healthy.reports()["us-east-1-a"]["pid"] == again


def test_kill_of_a_zone(healthy):
    fault = healthy.fault("kill", "eu-west-1/b")
    assert [m["what"] for m in fault["measurements"]] == ["eu-west-1-b"]
    healthy.heal(fault)


def test_pause(healthy):
    node = healthy.node("eu-west-1-b")
    fault = healthy.fault("pause", "eu-west-1-b")
    assert process_state(node["pid"]) == "T"
    assert "no answer" in fault["measurements"][0]["expected"]
    regions = healthy.json("status")["regions"]
    states = {n["name"]: n["state"] for r in regions for n in r["nodes"]}
    assert states["eu-west-1-b"] == "paused"
    healthy.heal(fault)
    assert process_state(node["pid"]) != "T"
    assert get(node["port"]).status == 200


def test_overlapping_pauses_end_with_the_last(healthy):
    pid = healthy.node("eu-west-1-c")["pid"]
    one = healthy.fault("pause", "eu-west-1-c")
    two = healthy.fault("pause", "eu-west-1/c")
    healthy.atoll("heal", one["id"])
    assert process_state(pid) == "T"
    healthy.heal(two)
    assert process_state(pid) != "T"


def test_restart(healthy):
    before = healthy.reports()["ap-northeast-1-a"]
    fault = healthy.fault("restart", "ap-northeast-1-a")
    after = healthy.reports()["ap-northeast-1-a"]
    assert after["pid"] != before["pid"] and after["incarnation"] == before["incarnation"]
    assert "ready in" in fault["measurements"][0]["after"]
    # It is over at once: there is nothing to heal.
    assert healthy.json("faults")["faults"] == []


# Links

def test_partition_between_regions(healthy, table):
    fault = healthy.fault("partition", US, EU)
    assert all("nothing arrives" in m["expected"] for m in fault["measurements"])
    assert healthy.probe("us-east-1-b", "eu-west-1-c") == ([], 3)
    assert healthy.probe("eu-west-1-a", "us-east-1-a") == ([], 3)
    # Other pairs are as before.
    assert_round_trip(healthy, "us-east-1-b", "ap-northeast-1-a", round_trip(US, AP))
    healthy.put(table, US, "cut", n=1)
    healthy.wait_for_item(table, AP, "cut", {"n": 1})
    healthy.cross(US, AP)
    assert healthy.get(table, EU, "cut") is None
    assert healthy.backlog(table)[(US, EU)] == 1
    healthy.heal(fault)
    assert_round_trip(healthy, "us-east-1-b", "eu-west-1-c", round_trip(US, EU))
    healthy.wait_for_item(table, EU, "cut", {"n": 1})


def test_partition_one_way(healthy):
    fault = healthy.fault("partition", "us-east-1-a", "eu-west-1-a", "--one-way")
    assert {m["expected"] for m in fault["measurements"]} <= {
        "nothing arrives", "arrives, nothing comes back"}
    # Neither sees a round trip, and only one way is cut: the other's probes arrive.
    assert healthy.probe("us-east-1-a", "eu-west-1-a") == ([], 3)
    assert healthy.probe("eu-west-1-a", "us-east-1-a") == ([], 3)
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-b", round_trip(US, EU))
    healthy.heal(fault)
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", round_trip(US, EU))


def test_slow_latency(healthy):
    fault = healthy.fault("slow", US, EU, "--latency", "100ms")
    slowed = round_trip(US, EU) + 200
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", slowed)
    assert_round_trip(healthy, "eu-west-1-b", "us-east-1-c", slowed)
    assert_round_trip(healthy, "us-east-1-a", "ap-northeast-1-a", round_trip(US, AP))
    one_way = healthy.fault("slow", US, EU, "--latency", "50ms", "--one-way")
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", slowed + 50)
    # Healing the first leaves the second, and healing both leaves nothing.
    healthy.heal(fault)
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", round_trip(US, EU) + 50)
    healthy.heal(one_way)
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", round_trip(US, EU))


def test_slow_jitter(healthy):
    fault = healthy.fault("slow", US, EU, "--jitter", "60ms")
    trips, lost = healthy.probe("us-east-1-a", "eu-west-1-a", 30)
    assert lost == 0
    assert min(trips) >= round_trip(US, EU) - 1
    # Two draws of 0 to 60 ms on each round trip.
    assert max(trips) - min(trips) > 15
    assert statistics.mean(trips) > round_trip(US, EU) + 15
    healthy.heal(fault)


def test_slow_loss(healthy):
    """Loss on a stream is the delay of a retransmission, 200 ms or more."""
    fault = healthy.fault("slow", US, EU, "--loss", "30%")
    trips, _ = healthy.probe("us-east-1-a", "eu-west-1-a", 30)
    assert max(trips) >= round_trip(US, EU) + 199
    healthy.heal(fault)
    trips, lost = healthy.probe("us-east-1-a", "eu-west-1-a", 30)
    assert lost == 0 and statistics.median(trips) < round_trip(US, EU) + 50


def test_slow_bandwidth(healthy, table):
    fault = healthy.fault("slow", US, EU, "--bandwidth", "400kbit")
    began = time.monotonic()
    # 50 kB a second: 150 kB take three.
    healthy.put(table, US, "wide", data="x" * 150_000)
    healthy.wait_for_item(table, AP, "wide", {"data": "x" * 150_000})
    assert healthy.get(table, EU, "wide") is None
    healthy.wait_for_item(table, EU, "wide", {"data": "x" * 150_000}, 30)
    assert time.monotonic() - began > 2.5
    healthy.heal(fault)


def test_slow_needs_something_to_do(healthy):
    done = healthy.atoll("fault", "slow", US, EU, check=False)
    assert done.returncode == 1
    assert "--latency, --jitter, --loss or --bandwidth" in done.stderr


# Clocks and replication

def test_clock(healthy):
    fault = healthy.fault("clock", "eu-west-1", "--offset", "+90s", "--drift", "100ppm")
    assert len(fault["measurements"]) == 3
    for name, report in healthy.reports().items():
        skewed = name.startswith("eu-west-1")
        assert report["clock"] == {
            "offsetNs": 90_000_000_000 if skewed else 0, "driftPpm": 100 if skewed else 0}
        error = report["wallTimeNs"] / 1e9 - time.time()
        assert abs(error - (90 if skewed else 0)) < 1
    healthy.heal(fault)
    clocks = [report["clock"] for report in healthy.reports().values()]
    assert clocks == [{"offsetNs": 0, "driftPpm": 0}] * 9


def test_pause_replication(healthy, table):
    fault = healthy.fault("pause-replication", AP)
    reports = healthy.reports()
    assert sorted(reports["ap-northeast-1-a"]["pausedReplication"]) == sorted([US, EU])
    assert reports["us-east-1-b"]["pausedReplication"] == [AP]
    assert "sends nothing to" in fault["measurements"][0]["after"]
    healthy.heal(fault)
    assert {tuple(r["pausedReplication"]) for r in healthy.reports().values()} == {()}


# Endpoints

def test_endpoint_refuses(healthy, table):
    port = healthy.region_port(EU)
    fault = healthy.fault("endpoint", EU, "--refuse")
    with pytest.raises(OSError) as caught:
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert isinstance(caught.value, ConnectionRefusedError)
    client = healthy.client(EU, retries=0)
    # The shared port is there for the other regions: it ends what is meant for this one.
    with pytest.raises(ConnectionClosedError):
        client.list_tables()
    # Other regions, and the nodes themselves, do not care.
    assert healthy.client(US, retries=0).list_tables()["TableNames"]
    assert ask(healthy.node("eu-west-1-a")["port"], "ListTables", {}).status == 200
    healthy.heal(fault)
    assert client.list_tables()["TableNames"]
    assert get(port).status == 200


def test_endpoint_blackholes(healthy):
    fault = healthy.fault("endpoint", EU, "--blackhole")
    with pytest.raises(HTTPClientError) as caught:
        healthy.client(EU, retries=0, timeout=1).list_tables()
    assert "timeout" in str(caught.value).lower()
    healthy.heal(fault)
    assert healthy.client(EU, retries=0, timeout=5).list_tables()["TableNames"]


@pytest.mark.parametrize("wanted, status, code", [
    ("503", 503, "ServiceUnavailableException"),
    ("500", 500, "InternalServerError"),
    ("InternalServerError", 500, "InternalServerError"),
    ("AccessDenied", 400, "AccessDeniedException"),
    ("ThrottlingException", 400, "ThrottlingException"),
    ("ProvisionedThroughputExceeded", 400, "ProvisionedThroughputExceededException"),
])
def test_endpoint_answers_an_error(healthy, wanted, status, code):
    fault = healthy.fault("endpoint", US, "--error", wanted)
    with pytest.raises(ClientError) as caught:
        healthy.client(US, retries=0).list_tables()
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (
        status, code)
    answer = ask(healthy.region_port(US), "ListTables", {})
    assert (answer.status, answer.error) == (status, code) and answer.has_correct_checksum
    assert healthy.client(EU, retries=0).list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200
    healthy.heal(fault)
    assert healthy.client(US, retries=0).list_tables()


def test_endpoint_errors_must_be_known(healthy):
    done = healthy.atoll("fault", "endpoint", US, "--error", "NoSuchError", check=False)
    assert done.returncode == 1
    assert "NoSuchError" in done.stderr and "ThrottlingException" in done.stderr
    assert healthy.json("faults")["faults"] == []
    assert healthy.client(US, retries=0).list_tables()


def test_endpoint_latency(healthy):
    fault = healthy.fault("endpoint", US, "--latency", "300ms")
    for _ in range(3):
        began = time.monotonic()
        healthy.client(US, retries=0).list_tables()
        assert 0.3 <= time.monotonic() - began < 2
    healthy.heal(fault)
    took = []
    for _ in range(3):
        began = time.monotonic()
        healthy.client(US, retries=0).list_tables()
        took.append(time.monotonic() - began)
    assert min(took) < 0.3


# Lists, healing, mistakes

def test_a_fault_heals_itself(healthy):
    began = time.monotonic()
    fault = healthy.fault("slow", US, EU, "--latency", "40ms", "--for", "3s")
    assert 0 < fault["remainingMs"] <= 3000
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", round_trip(US, EU) + 80)
    wait_until(lambda: healthy.json("faults")["faults"] == [], 20, "the fault's end")
    assert time.monotonic() - began >= 3
    assert_round_trip(healthy, "us-east-1-a", "eu-west-1-a", round_trip(US, EU))
    assert f"healed {fault['id']}" in healthy.output()


def test_a_killed_node_is_started_again_after_its_time(healthy):
    pid = healthy.node("us-east-1-c")["pid"]
    healthy.fault("kill", "us-east-1-c", "--for", "2s")
    assert not is_running(pid)
    wait_until(lambda: healthy.json("faults")["faults"] == [], 20, "the fault's end")
    again = healthy.node("us-east-1-c")["pid"]
    assert again not in (None, pid) and is_running(again)


def test_faults_are_listed_and_healed_one_by_one(healthy):
    cut = healthy.fault("partition", US, AP)
    clock = healthy.fault("clock", "us-east-1-a", "--offset", "-1s")
    endpoint = healthy.fault("endpoint", EU, "--latency", "10ms", "--for", "10m")
    listed = healthy.json("faults")["faults"]
    assert [f["id"] for f in listed] == [cut["id"], clock["id"], endpoint["id"]]
    assert [f["kind"] for f in listed] == ["partition", "clock", "endpoint"]
    assert listed[0]["title"] == "partition us-east-1 ⇄ ap-northeast-1"
    assert listed[0]["remainingMs"] is None and 500_000 < listed[2]["remainingMs"] <= 600_000
    text = healthy.atoll("faults").stdout
    for fault in listed:
        assert re.search(rf"^{fault['id']}\s+{re.escape(fault['title'])}", text, re.M), text
    healthy.atoll("heal", clock["id"])
    assert [f["id"] for f in healthy.json("faults")["faults"]] == [cut["id"], endpoint["id"]]
    assert healthy.probe("us-east-1-a", "ap-northeast-1-a") == ([], 3)
    done = healthy.atoll("heal", "--all")
    assert "nothing is left" in done.stdout
    assert healthy.json("faults")["faults"] == []
    assert healthy.atoll("faults").stdout == "no faults are in force\n"


def test_what_people_see(healthy):
    text = healthy.atoll("fault", "partition", "us-east-1-a", "us-east-1-b").stdout
    assert re.match(r"f\d+ partition us-east-1-a ⇄ us-east-1-b\n", text)
    assert "round trip" in text and "nothing arrives" in text and "✓" in text
    assert "atoll heal f" in text and "✗" not in text and "\x1b" not in text
    id = text.split()[0]
    text = healthy.atoll("status").stdout
    assert id in text and "partition us-east-1-a" in text
    text = healthy.atoll("heal", id).stdout
    assert text.startswith(f"healed {id} ") and "round trip" in text and "✓" in text


@pytest.mark.parametrize("words, said", [
    (["kill", "us-east-1-x"], ["us-east-1-x", "Did you mean us-east-1-"]),
    (["kill", "us-est-1"], ["us-est-1", "Did you mean us-east-1?"]),
    (["partition", "us-east-1", "mars"], ["mars", "atoll status"]),
    (["partition", "us-east-1", "us-east-1-a"], ["overlap"]),
    (["clock", "nowhere", "--offset", "1s"], ["nowhere"]),
    (["clock", "us-east-1", "--offset", "soon"], ["--offset soon", "+120ms"]),
    (["pause-replication", "us-east-1", "us-east-1"], ["two regions"]),
    (["endpoint", "us-east-1"], ["--refuse"]),
    (["slow", "us-east-1", "rest", "--loss", "7"], ["--loss 7"]),
])
def test_mistakes_are_explained_and_change_nothing(healthy, words, said):
    done = healthy.atoll("fault", *words, check=False)
    assert done.returncode == 1 and done.stdout == ""
    for text in said:
        assert text in done.stderr, done.stderr
    assert healthy.json("faults")["faults"] == []


@pytest.mark.parametrize("words, said", [
    (["fault", "explode", "us-east-1"], ["explode", "known are", "partition"]),
    (["fault", "kil", "us-east-1-a"], ['Did you mean "fault kill"?']),
    (["fault", "kill"], ["TARGET"]),
    (["fault", "kill", "us-east-1-a", "--forr", "1s"], ["--forr", 'Did you mean "--for"?']),
    (["verfy"], ['Did you mean "verify"?']),
])
def test_words_that_are_not_understood_end_with_2(healthy, words, said):
    done = healthy.atoll(*words, check=False)
    assert done.returncode == 2 and done.stdout == ""
    for text in said:
        assert text in done.stderr, done.stderr


def test_healing_what_is_not_there(healthy):
    done = healthy.atoll("heal", "f999", check=False)
    assert done.returncode == 1 and "f999" in done.stderr
    done = healthy.atoll("heal", check=False)
    assert done.returncode == 1 and "--all" in done.stderr


def test_control_of_a_node_needs_the_header(healthy):
    """A page in a browser cannot send it."""
    port = healthy.node("us-east-1-a")["port"]
    body = b'{"offsetNs": 5000000000}'
    with Connection(port) as connection:
        connection.send(
            b"POST /_atoll/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body))
        assert connection.answer().status == 403
    assert healthy.reports()["us-east-1-a"]["clock"]["offsetNs"] == 0


@pytest.mark.parametrize("page, body", [
    ("links", '{"links": [{"from": "us-east-1-b", "latencyUs": 18446744073709551615}]}'),
    ("links", '{"links": [{"from": "us-east-1-b", "lossPpm": 1000000}]}'),
    ("clock", '{"offsetNs": 9223372036854775807}'),
    ("clock", '{"offsetNs": -9223372036854775808, "driftPpm": -2147483648}'),
    ("clock", '{"driftPpm": "fast"}'),
])
def test_control_of_a_node_refuses_numbers_beyond_measure(healthy, page, body):
    before = healthy.reports()["us-east-1-a"]
    with Connection(healthy.node("us-east-1-a")["port"]) as connection:
        connection.send(
            b"POST /_atoll/%s HTTP/1.1\r\nHost: localhost\r\nx-atoll-control: 1\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (page.encode(), len(body), body.encode()))
        answer = connection.answer()
    assert answer.status == 400 and "must be a whole number" in answer.json["error"]
    after = healthy.reports()["us-east-1-a"]
    assert (after["pid"], after["clock"]) == (before["pid"], before["clock"])


# Nothing outlives its cluster

@pytest.fixture
def small(cluster_factory):
    return cluster_factory(text=regions_text(US, EU))


def assert_all_gone(pids, seconds=10):
    assert len(pids) == 4
    wait_until(lambda: not any(map(is_running, pids)), seconds, "the end of every process")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_every_process(small, number):
    pids = small.processes()
    # A terminal's Ctrl-C goes to the whole group.
    os.killpg(small.process.pid, number) if number == signal.SIGINT \
        else small.process.send_signal(number)
    assert small.process.wait(20) == 0
    # All gone by then, not soon after.
    assert not any(map(is_running, pids)) and len(pids) == 4
    assert small.state["phase"] == "stopped"
    assert small.output().rstrip().endswith("stopped")


def test_paused_nodes_end_too(small):
    pids = small.processes()
    small.fault("pause", US)
    small.process.send_signal(signal.SIGTERM)
    assert small.process.wait(20) == 0
    assert not any(map(is_running, pids))


def test_a_killed_supervisor_leaves_no_process(small):
    pids = small.processes()
    os.kill(small.process.pid, signal.SIGKILL)
    small.process.wait()
    assert_all_gone(pids)
    done = small.atoll("status", check=False)
    assert done.returncode == 1 and "atoll up" in done.stderr
    # And the next start is not held up by what the last one left.
    small.start()
    assert small.client(US).list_tables()["TableNames"] == []


def test_a_supervisor_killed_while_a_node_is_paused_leaves_no_process(small):
    pids = small.processes()
    node = small.node("eu-west-1-a")["pid"]
    small.fault("pause", EU)
    os.kill(small.process.pid, signal.SIGKILL)
    small.process.wait()
    try:
        assert_all_gone(pids)
    finally:
        if is_running(node):
            os.kill(node, signal.SIGKILL)


def test_down(small):
    pids = small.processes()
    done = small.atoll("down")
    assert "stopped made-for-a-test" in done.stdout
    assert not any(map(is_running, pids))
    done = small.atoll("down", check=False)
    assert done.returncode == 1


def test_detached(cluster_factory):
    cluster = cluster_factory(text=regions_text(US))
    cluster.stop()
    done = cluster.atoll(
        "up", cluster.topology, "--port-offset", cluster.offset, "--detach")
    try:
        assert "AWS_ENDPOINT_URL" in done.stdout and "atoll down stops it" in done.stdout
        pids = cluster.processes()
        assert all(map(is_running, pids)) and len(pids) == 3
        assert cluster.client(US).list_tables()["TableNames"] == []
    finally:
        cluster.atoll("down")
    assert not any(map(is_running, pids))


def test_ports_in_use_are_reported_with_their_holders(small, tmp_path):
    done = subprocess.run(
        [BINARY, "up", small.topology, "--port-offset", str(small.offset)], cwd=tmp_path,
        env=small.environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    state = small.state
    holders = {
        state["gatewayPort"]: state["gatewayPid"], state["controlPort"]: state["pid"],
        **{region["port"]: state["gatewayPid"] for region in state["regions"]},
    }
    for port, pid in holders.items():
        assert f"port {port} is in use by process {pid}: " in text, text
    # Two nodes with two ports each.
    assert "and 4 more ports" in text and "--port-offset" in text
    # The one that runs is not disturbed.
    assert small.client(US).list_tables()["TableNames"] == []


def test_one_cluster_is_not_started_twice(small):
    done = small.atoll("up", small.topology, "--port-offset", small.offset, check=False)
    assert done.returncode == 1
    assert f"runs already (process {small.process.pid})" in done.stderr


# Topology files

BAD = """name: bad
regions:
  - us-east-1
  - eu-west-1
replication-factr: 3
durability: floppy
network:
  latency: aws
  jitter: 5
clocks:
  eu-west-9: {offset: +1s}
"""


def test_topology_check_reports_every_fault(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    environment = {"NO_COLOR": "1"}
    done = subprocess.run(
        [BINARY, "topology", "check", path], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    faults = dict(re.findall(rf"^{re.escape(str(path))}:(\d+): (.*)$", done.stdout, re.M))
    assert set(faults) == {"5", "6", "9", "11"}, done.stdout
    assert "did you mean 'replication-factor'?" in faults["5"]
    assert "floppy" in faults["6"] and "process" in faults["6"]
    assert "without a unit" in faults["9"] and "70ms" in faults["9"]
    assert "eu-west-9" in faults["11"]
    assert "4 faults" in done.stdout
    done = subprocess.run(
        [BINARY, "up", path], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and f"{path}:5: " in done.stderr
    assert not list(tmp_path.glob(".atoll/*"))


def test_the_topologies_of_the_project_are_sound():
    from conftest import ROOT

    files = sorted((ROOT / "topologies").glob("*.yaml"))
    assert len(files) >= 5
    for path in files:
        done = subprocess.run(
            [BINARY, "topology", "check", path], capture_output=True, text=True)
        assert done.returncode == 0 and " ok: " in done.stdout, done.stdout
