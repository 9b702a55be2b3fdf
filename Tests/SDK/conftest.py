"""Real clusters for SDK tests: processes, sockets and disks, on ports of their own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import boto3
import pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / ".build" / "release" / "atoll"


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
    import select

    select.select([], [], [], seconds)


def port_offset():
    """An offset at which the ports of a default cluster are free."""
    for offset in range(1000 + (os.getpid() % 40) * 500, 50000, 500):
        ports = [8000 + offset, 8090 + offset, 8100 + offset, 8200 + offset]
        if all(is_free(port) for port in ports):
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
        self.log = open(self.directory / "up.log", "w+")
        self.process = None
        self.start()

    def start(self):
        command = [BINARY, "up", self.topology, "--port-offset", str(self.offset)]
        self.process = subprocess.Popen(
            command, cwd=self.directory, env=self.environment, stdout=self.log,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )
        try:
            wait_until(self.is_up, 60, "the cluster's start")
        except AssertionError:
            raise AssertionError(f"atoll up failed:\n{self.output()}\n{self.node_logs()}") from None

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"atoll up ended:\n{self.output()}\n{self.node_logs()}")
        return "AWS_ENDPOINT_URL" in self.output()

    def output(self):
        return (self.directory / "up.log").read_text()

    def node_logs(self):
        logs = []
        for path in sorted(self.directory.glob(".atoll/*/**/*.log")):
            logs.append(f"--- {path.name}\n{path.read_text()[-1500:]}")
        return "\n".join(logs)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
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

    # Clients

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{8000 + self.offset}"

    def client(self, region, endpoint=None, retries=8, timeout=10):
        return boto3.client(
            "dynamodb", region_name=region, endpoint_url=endpoint or self.endpoint,
            aws_access_key_id="local", aws_secret_access_key="local",
            config=Config(
                retries={"max_attempts": retries, "mode": "standard"}, read_timeout=timeout,
                connect_timeout=timeout, max_pool_connections=50,
            ),
        )

    def resource(self, region):
        return boto3.resource(
            "dynamodb", region_name=region, endpoint_url=self.endpoint,
            aws_access_key_id="local", aws_secret_access_key="local",
        )

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

    def status(self, name, region):
        return self.client(region).describe_table(TableName=name)["Table"]["TableStatus"]

    def add_replica(self, name, region, other):
        client = self.client(region)
        client.update_table(
            TableName=name, ReplicaUpdates=[{"Create": {"RegionName": other}}]
        )

        def is_active():
            table = client.describe_table(TableName=name)["Table"]
            replicas = {r["RegionName"]: r["ReplicaStatus"] for r in table.get("Replicas", [])}
            return replicas.get(other) == "ACTIVE" and table["TableStatus"] == "ACTIVE"

        wait_until(is_active, 60, f"the replica in {other}")


@pytest.fixture
def cluster_factory():
    """Makes clusters that end with the test."""
    clusters = []

    def make(*arguments, **options):
        cluster = Cluster(*arguments, **options)
        clusters.append(cluster)
        return cluster

    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture(scope="module")
def three_regions():
    """One default cluster for the tests of a module, which use tables of their own."""
    cluster = Cluster()
    yield cluster
    cluster.close()
