"""Real clusters for SDK tests: processes, sockets and disks, on ports of their own."""
import ctypes
import functools
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Another build can be tested by naming it, such as one with a sanitizer.
BINARY = pathlib.Path(os.environ.get("ATOLL_BINARY", ROOT / ".build" / "release" / "atoll"))


def wait_until(condition, seconds=30, what="the condition"):
    """Polls until `condition()` is truthy and returns its value."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        # The poll interval of a condition, not a wait for time to pass.
        select_pause(pause)
        pause = min(pause * 1.5, 0.25)


def select_pause(seconds):
    select.select([], [], [], seconds)


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def port_offset():
    """An offset at which the ports of a default cluster are free; all below the ephemeral ones."""
    used = [8000, 8001, 8002, 8003, 8090, *range(8100, 8110), *range(8200, 8210)]
    first = os.getpid() % 40
    for step in range(40):
        offset = 1000 + (first + step) % 40 * 500
        if all(is_free(port + offset) for port in used):
            return offset
    raise AssertionError("no free ports")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def process_state(pid):
    """The letter of /proc: R, S, T (stopped), Z (zombie); None when there is no such process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rsplit(")", 1)[1].split()[0]


def is_running(pid):
    return process_state(pid) not in (None, "Z", "X")


def regions_text(*regions, nodes=1, **settings):
    """A topology as YAML; each region has as many nodes as replicas."""
    lines = ["name: made-for-a-test", "regions:"]
    lines += [f"  - {{name: {region}, nodes: {nodes}}}" for region in regions]
    lines.append(f"replication-factor: {nodes}")
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def end_with_parent():
    """Asks the kernel to stop this process when the tests are killed (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Cluster:
    """A cluster started by `atoll up`; ends with the test, and leaves no process behind."""

    def __init__(self, topology="three-regions", text=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="atoll-test-"))
        self.offset = port_offset()
        self.environment = dict(os.environ, ATOLL_HOME=str(ROOT), NO_COLOR="1")
        self.environment.pop("ATOLL_DIR", None)
        if text is not None:
            topology = str(self.directory / "topology.yaml")
            pathlib.Path(topology).write_text(text)
        self.topology = topology
        self.log = open(self.directory / "up.log", "a+")
        self.process = None
        self.clients = {}
        self.start()

    def start(self):
        """Runs `atoll up` and returns once it serves."""
        self.log_start = self.log.seek(0, os.SEEK_END)
        self.process = self.spawn_up()
        try:
            wait_until(self.is_up, 60, "the cluster's start")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.output()}\n{self.node_logs()}") from None

    def spawn_up(self, *options, **redirections):
        """`atoll up` in a session of its own, so that signals can go to its whole group."""
        command = [BINARY, "up", self.topology, "--port-offset", str(self.offset), *options]
        redirections = redirections or {"stdout": self.log, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=end_with_parent, **redirections,
        )

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("atoll up ended")
        return "AWS_ENDPOINT_URL" in self.output()

    def output(self):
        """What the latest `atoll up` has printed."""
        return (self.directory / "up.log").read_text()[self.log_start:]

    def node_logs(self):
        logs = []
        found = [*self.directory.glob(".atoll/*/*.log"), *self.directory.glob(".atoll/*/nodes/*/*.log")]
        for path in sorted(found):
            logs.append(f"--- {path.name} of {path.parent.name}\n{path.read_text()[-1500:]}")
        return "\n".join(logs)

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Commands

    def atoll(self, *arguments, check=True, timeout=120):
        done = subprocess.run(
            [BINARY, *map(str, arguments)], cwd=self.directory, env=self.environment,
            capture_output=True, text=True, timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"atoll {' '.join(map(str, arguments))} gave {done.returncode}:\n"
                f"{done.stdout}{done.stderr}\n{self.node_logs()}"
            )
        return done

    def json(self, *arguments, **options):
        return json.loads(self.atoll(*arguments, "--json", **options).stdout)

    def fault(self, *arguments, **options):
        """Injects a fault and returns its report, whose every measurement must be as expected."""
        report = self.json("fault", *arguments, **options)
        assert report["measurements"] and all(m["ok"] for m in report["measurements"]), report
        return report

    def heal(self, fault=None):
        return self.json("heal", fault["id"] if fault else "--all")

    def verify(self, table, wait="60s"):
        """Waits until all regions hold the same; the report."""
        report = self.json("verify", table, "--wait", wait)
        assert report["equal"] and report["drained"], report
        return report

    # What runs

    @property
    def cluster_directory(self):
        directories = list(self.directory.glob(".atoll/*/cluster.json"))
        assert len(directories) == 1, directories
        return directories[0].parent

    def data(self, node):
        return self.cluster_directory / "nodes" / node / "data"

    @property
    def state(self):
        return json.loads((self.cluster_directory / "cluster.json").read_text())

    def nodes(self, region=None):
        """Names, ports and process ids of the nodes, in the topology's order."""
        return [n for n in self.state["nodes"] if region is None or n["region"] == region]

    def node(self, name):
        return next(node for node in self.state["nodes"] if node["name"] == name)

    def processes(self):
        """The process ids of supervisor, gateway and nodes."""
        state = self.state
        found = [state["pid"], state["gatewayPid"], *(node["pid"] for node in state["nodes"])]
        return [pid for pid in found if pid]

    def reports(self):
        """What each node says of itself, by name; None for one that does not answer."""
        regions = self.json("status")["regions"]
        return {node["name"]: node["report"] for region in regions for node in region["nodes"]}

    def partitions(self, table, region):
        """Per partition, the reports of the nodes that hold it: {id: {node: report}}."""
        found = {}
        for name, report in self.reports().items():
            if report is None or report["region"] != region:
                continue
            for entry in report["tables"]:
                for partition in entry["partitions"] if entry["name"] == table else []:
                    found.setdefault(partition["id"], {})[name] = partition
        return found

    def leaders(self, table, region):
        """The leader of each partition as it sees itself: {id: node}."""
        return {
            id: name for id, reports in self.partitions(table, region).items()
            for name, partition in reports.items() if partition["role"] == "leader"
        }

    def control(self, node, path, body=None):
        """A node's own control endpoint."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.node(node)['port']}/_atoll/{path}", data,
            {"x-atoll-control": "1"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def cross(self, source="us-east-1", target="eu-west-1"):
        """Returns when messages went there and back between two regions, and back and there.

        What was ready to be sent before, and is not held up, has arrived by then.
        """
        for one, other in ((source, target), (target, source)):
            trips, lost = self.probe(f"{one}-a", f"{other}-a", 20)
            assert len(trips) == 20 and lost == 0

    def probe(self, source, target, count=3):
        """Round trips between two nodes in milliseconds, and how many probes were lost."""
        answer = self.control(source, "probe", {"to": target, "count": count})
        return [trip / 1000 for trip in answer["roundTripsUs"]], answer["lost"]

    # Clients

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{8000 + self.offset}"

    def region_port(self, region):
        return next(r["port"] for r in self.state["regions"] if r["name"] == region)

    def node_endpoint(self, node):
        return f"http://127.0.0.1:{self.node(node)['port']}"

    def client(self, region, endpoint=None, retries=8, timeout=10):
        """A client; the same one for the same arguments."""
        key = (region, endpoint, retries, timeout)
        if key not in self.clients:
            self.clients[key] = boto3.client(
                "dynamodb", region_name=region, endpoint_url=endpoint or self.endpoint,
                aws_access_key_id="local", aws_secret_access_key="local",
                config=Config(
                    retries={"total_max_attempts": retries + 1, "mode": "standard"},
                    read_timeout=timeout, connect_timeout=timeout, max_pool_connections=50,
                ),
            )
        return self.clients[key]

    def resource(self, region):
        return boto3.resource(
            "dynamodb", region_name=region, endpoint_url=self.endpoint,
            aws_access_key_id="local", aws_secret_access_key="local",
        )

    def client_environment(self, region="us-east-1", **more):
        """The environment in which any AWS client finds this cluster, and no other setting."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        nothing = str(self.directory / "no-such-file")
        return {
            **kept, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing, **more,
        }

    # Tables

    def create_table(self, name, region="us-east-1", sort=False, regions=()):
        client = self.client(region)
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
        attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
        if sort:
            keys.append({"AttributeName": "sk", "KeyType": "RANGE"})
            attributes.append({"AttributeName": "sk", "AttributeType": "S"})
        client.create_table(
            TableName=name, KeySchema=keys, AttributeDefinitions=attributes,
            BillingMode="PAY_PER_REQUEST",
        )
        wait_until(lambda: self.status(name, region) == "ACTIVE", 20, f"{name} being active")
        for other in regions:
            self.add_replica(name, region, other)
        return client

    def describe(self, name, region):
        return self.client(region).describe_table(TableName=name)["Table"]

    def status(self, name, region):
        return self.describe(name, region)["TableStatus"]

    def replicas(self, name, region):
        """The statuses of a table's replicas by region."""
        replicas = self.describe(name, region).get("Replicas", [])
        return {replica["RegionName"]: replica["ReplicaStatus"] for replica in replicas}

    def add_replica(self, name, region, other):
        self.client(region).update_table(
            TableName=name, ReplicaUpdates=[{"Create": {"RegionName": other}}]
        )
        self.wait_for_replica(name, region, other)

    def wait_for_replica(self, name, region, other, seconds=60):
        """Until both regions call the replica active."""
        def is_active():
            return self.replicas(name, region).get(other) == "ACTIVE" \
                and self.status(name, region) == "ACTIVE"

        wait_until(is_active, seconds, f"the replica in {other}")
        wait_until(
            lambda: self.replicas(name, other).get(other) == "ACTIVE", seconds,
            f"{other} knowing that it is active")

    # Items

    def get(self, table, region, key, consistent=True):
        """An item as plain values, or None; `key` is the partition key."""
        answer = self.client(region).get_item(
            TableName=table, Key={"pk": {"S": key}}, ConsistentRead=consistent)
        return plain(answer["Item"]) if "Item" in answer else None

    def put(self, table, region, key, /, **values):
        self.client(region).put_item(TableName=table, Item=typed({"pk": key, **values}))

    def wait_for_item(self, table, region, key, expected, seconds=20):
        """Until a region holds exactly this item, None for its absence."""
        if expected is not None:
            expected = {"pk": key, **expected}
        wait_until(
            lambda: self.get(table, region, key) == expected, seconds,
            f"{key} being {expected} in {region}")

    def items(self, table, region):
        """Every item of a table by partition key, strongly consistent."""
        pages = self.client(region).get_paginator("scan").paginate(
            TableName=table, ConsistentRead=True)
        return {item["pk"]["S"]: plain(item) for page in pages for item in page["Items"]}

    def backlog(self, table, source=None):
        """The changes of a table that have not arrived everywhere."""
        lag = self.json("lag")["lag"]
        routes = {
            (e["source"], e["destination"]): e["backlogChanges"] for e in lag
            if e["table"] == table and source in (None, e["source"])
        }
        return routes

    def conflicts(self, table, limit=40_000):
        """The ledger's entries of one table, the latest first."""
        report = self.json("conflicts", "--limit", limit)
        assert report["total"] < limit, "the ledger holds more than one call shows"
        return [entry for entry in report["conflicts"] if entry["table"] == table]


def error_of(call, *arguments, **options):
    """Name and message of the service's error that a call must end with."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def typed(values):
    """Strings and whole numbers as attribute values."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in values.items()
    }


def plain(item):
    """The reverse of `typed`; other types stay as the SDK has them."""
    return {
        name: int(value["N"]) if "N" in value and value["N"].isdigit()
        else next(iter(value.values()))
        for name, value in item.items()
    }


@functools.cache
def one_way_delays(topology="three-regions"):
    """Milliseconds from region to region, as `atoll topology show` tells them."""
    done = subprocess.run(
        [BINARY, "topology", "show", topology, "--json"], check=True, capture_output=True,
        text=True, env=dict(os.environ, ATOLL_HOME=str(ROOT)),
    )
    links = json.loads(done.stdout)["links"]
    return {(link["from"], link["to"]): link["latencyNs"] / 1e6 for link in links}


@pytest.fixture
def cluster_factory():
    """Makes clusters that end with the test."""
    clusters = []

    def make(*arguments, **options):
        cluster = Cluster(*arguments, **options)
        clusters.append(cluster)
        return cluster

    make.clusters = clusters
    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture(scope="module")
def three_regions():
    """One default cluster for the tests of a module, which use tables of their own."""
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def healthy(three_regions):
    """The module's cluster without faults, before the test and after it."""
    assert three_regions.json("faults")["faults"] == []
    yield three_regions
    assert three_regions.heal()["left"] == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what its clusters said."""
    report = (yield).get_result()
    if not report.failed:
        return
    values = list(getattr(item, "funcargs", {}).values())
    clusters = [value for value in values if isinstance(value, Cluster)]
    for value in values:
        clusters += getattr(value, "clusters", []) if callable(value) else []
    for cluster in dict.fromkeys(clusters):
        if cluster.directory.exists():
            report.sections.append(("atoll up", cluster.output()[-4000:]))
            report.sections.append(("node logs", cluster.node_logs()[-12000:]))
