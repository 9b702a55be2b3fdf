"""A cluster of its own for a benchmark: real processes, a temporary directory, ports aside."""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from client import Connection, ServiceError

HOME = pathlib.Path(__file__).resolve().parents[2]


class BenchError(Exception):
    """A benchmark that cannot go on; the text says why."""


def wait_until(condition, seconds, what, pause=0.005):
    """Polls until `condition()` is truthy and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def cpu_seconds(pid):
    """Processor time of a process with all its threads, to the nanosecond."""
    # The kernel's clock of a process: clock_getcpuclockid(3) computes the same number.
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    """Resident set of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def die_with_parent():
    """Lets the kernel end a child when this program dies without cleaning up."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


class Node:
    """One node as `cluster.json` records it."""

    def __init__(self, fields):
        self.name = fields["name"]
        self.region = fields["region"]
        self.port = fields["port"]
        self.pid = fields["pid"]


class Cluster:
    """Started by `atoll up`; ends with the `with` block, and leaves nothing behind."""

    def __init__(self, settings, topology, binary=None):
        self.binary = binary or settings.binary
        self.topology = topology
        self.name = "bench"
        self.offset = settings.port_offset
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="atoll-bench-"))
        self.environment = dict(
            os.environ, ATOLL_HOME=str(HOME), ATOLL_DIR=str(self.directory), NO_COLOR="1")
        self.process = None
        self.state = {}

    def __enter__(self):
        try:
            self.launch()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # Life

    def launch(self):
        """Starts `atoll up` and returns at once."""
        command = [
            str(self.binary), "up", self.topology, "--cluster", self.name,
            "--port-offset", str(self.offset), "--fresh",
        ]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self, seconds=60):
        """Waits until the supervisor says that every region serves."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise BenchError(f"{self.topology} is not up after {seconds} s:\n{self.tail()}")
            time.sleep(0.005)

    def check_running(self):
        """Throws when `atoll up` has ended, with what it said."""
        if self.process.poll() is not None:
            printed = self.tail()
            hint = "\nOther ports: scripts/bench --port-offset N" if "in use" in printed else ""
            raise BenchError(f"atoll up {self.topology} ended:\n{printed}{hint}")

    def is_ready(self):
        self.check_running()
        self.read_state()
        return self.state.get("phase") == "ready"

    def read_state(self):
        """Reads what the supervisor recorded; false while there is nothing yet."""
        with contextlib.suppress(OSError, ValueError):
            self.state = json.loads((self.directory / self.name / "cluster.json").read_text())
        return bool(self.state)

    @property
    def log_path(self):
        return self.directory / "up.log"

    def tail(self):
        """The end of what `atoll up` and its processes printed, for error texts."""
        parts = []
        paths = [self.log_path, *sorted(self.directory.glob(f"{self.name}/**/*.log"))]
        for path in paths:
            with contextlib.suppress(OSError):
                last = path.read_text(errors="replace").strip()[-1200:]
                if last:
                    parts.append(f"--- {path.name}\n{last}")
        return "\n".join(parts)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def atoll(self, *arguments, timeout=120):
        """Runs a command on this cluster and returns what it printed."""
        done = subprocess.run(
            [str(self.binary), *arguments, "--cluster", self.name], cwd=self.directory,
            env=self.environment, capture_output=True, text=True, timeout=timeout, check=False,
        )
        if done.returncode != 0:
            raise BenchError(f"atoll {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    # Facts

    @property
    def nodes(self):
        """All nodes, with the process ids of this moment."""
        self.read_state()
        return [Node(fields) for fields in self.state["nodes"]]

    @property
    def regions(self):
        return [region["name"] for region in self.state["regions"]]

    @property
    def gateway_port(self):
        return self.state["gatewayPort"]

    def region_port(self, region):
        return next(one["port"] for one in self.state["regions"] if one["name"] == region)

    def nodes_of(self, region):
        return [node for node in self.nodes if node.region == region]

    def links(self):
        """One-way delay in seconds of each directed pair of regions, as configured."""
        done = subprocess.run(
            [str(self.binary), "topology", "show", self.topology, "--json"], cwd=self.directory,
            env=self.environment, capture_output=True, text=True, check=True,
        )
        links = json.loads(done.stdout)["links"]
        return {(link["from"], link["to"]): link["latencyNs"] / 1e9 for link in links}

    def node_cpu_seconds(self):
        """Processor time of all node processes so far; the gateway is not among them."""
        return sum(cpu_seconds(node.pid) for node in self.nodes)

    # Tables

    def create_table(self, name, sort=False, regions=()):
        """Creates a table in the first region, with replicas in `regions`; waits for ACTIVE."""
        home = self.regions[0]
        with Connection(self.region_port(home), 30) as connection:
            connection.call("CreateTable", table_definition(name, sort), home)
            wait_until(lambda: is_active(connection, name, home), 30, f"table {name} ACTIVE")
            for region in regions:
                if region == home:
                    continue
                update = {"TableName": name, "ReplicaUpdates": [{"Create": {"RegionName": region}}]}
                connection.call("UpdateTable", update, home)
                wait_until(
                    lambda region=region: has_replica(connection, name, home, region), 60,
                    f"replica of {name} in {region} ACTIVE")

    def statuses(self, region):
        """The status of each node of a region by name."""
        statuses = {}
        for node in self.nodes_of(region):
            with Connection(node.port) as connection:
                statuses[node.name] = connection.get("/_atoll/status")
        return statuses

    def led(self, table, region):
        """What each leader says of the partitions of a table in a region, by partition id."""
        found = {}
        for name, status in self.statuses(region).items():
            for partition in partitions(status, table):
                if partition["role"] == "leader":
                    found[partition["id"]] = dict(partition, node=name)
        return found

    def wait_led(self, table, region):
        """Waits until each partition of a table has a leader in a region."""
        def all_led():
            for status in self.statuses(region).values():
                ids = {partition["id"] for partition in partitions(status, table)}
                if ids:
                    led = self.led(table, region)
                    return led if ids == led.keys() else None
            return None

        return wait_until(all_led, 30, f"leaders of {table} in {region}")

    def place(self, table, region, key):
        """The partition that a new partition key falls into: the one whose item count grows."""
        before = self.led(table, region)
        with Connection(self.region_port(region)) as connection:
            connection.call("PutItem", {"TableName": table, "Item": key}, region)

        def grown():
            after = self.led(table, region)
            return [id for id in after if id in before and after[id]["items"] > before[id]["items"]]

        return wait_until(grown, 5, f"the partition of {key}")[0]

    def places(self, table, region, keys_each, sort=False):
        """Partition keys for each partition of a table: {partition id: [key, …]}."""
        ids = self.wait_led(table, region).keys()
        found = {id: [] for id in ids}
        for number in range(1000):
            if all(len(keys) >= keys_each for keys in found.values()):
                return found
            key = f"key-{number:04d}"
            attributes = {"pk": {"S": key}}
            if sort:
                attributes["sk"] = {"S": "place"}
            id = self.place(table, region, attributes)
            if len(found[id]) < keys_each:
                found[id].append(key)
        raise BenchError(f"some partition of {table} gets no keys")

    # Replication

    def lag(self, node):
        with Connection(node.port) as connection:
            return connection.get("/_atoll/lag")

    def backlog(self, table):
        """Changes of a table that are still to arrive somewhere."""
        return sum(
            entry["backlogChanges"]
            for node in self.nodes
            for entry in self.lag(node)["outbound"]
            if entry["table"] == table)

    def wait_drained(self, table, seconds=120):
        """Waits until every change has arrived everywhere; returns how long that took."""
        start = time.monotonic()
        wait_until(
            lambda: self.backlog(table) == 0, seconds, f"the backlog of {table}", pause=0.05)
        return time.monotonic() - start


def partitions(status, table):
    return next((one["partitions"] for one in status["tables"] if one["name"] == table), [])


def table_definition(name, sort=False):
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    if sort:
        keys.append({"AttributeName": "sk", "KeyType": "RANGE"})
        attributes.append({"AttributeName": "sk", "AttributeType": "S"})
    return {
        "TableName": name, "KeySchema": keys, "AttributeDefinitions": attributes,
        "BillingMode": "PAY_PER_REQUEST",
    }


def is_active(connection, name, region):
    """Whether a table is ACTIVE; false as well while it is not known yet."""
    try:
        description = connection.call("DescribeTable", {"TableName": name}, region)
    except ServiceError as error:
        if error.name == "ResourceNotFoundException" or error.status >= 500:
            return False
        raise
    return description["Table"]["TableStatus"] == "ACTIVE"


def is_gone(connection, name, region):
    """Whether a table is known no more."""
    try:
        connection.call("DescribeTable", {"TableName": name}, region)
    except ServiceError as error:
        if error.name == "ResourceNotFoundException":
            return True
        raise
    return False


def has_replica(connection, name, home, region):
    """Whether a table is ACTIVE with an ACTIVE replica in a region."""
    table = connection.call("DescribeTable", {"TableName": name}, home)["Table"]
    replicas = {one["RegionName"]: one["ReplicaStatus"] for one in table.get("Replicas", [])}
    return table["TableStatus"] == "ACTIVE" and replicas.get(region) == "ACTIVE"


def in_parallel(work, arguments):
    """Runs `work(argument)` in a thread each; the results in order, or the first failure."""
    results = [None] * len(arguments)
    failures = []

    def run(index, argument):
        try:
            results[index] = work(argument)
        except Exception as error:  # Handed to the caller below.
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(index, argument))
        for index, argument in enumerate(arguments)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
