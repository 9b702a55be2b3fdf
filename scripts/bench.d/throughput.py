"""Requests a second straight to a node, as a ratio to nginx serving a constant in the same run.

Each round drives every target once with the same `wrk` command and the same request bytes; ratios
are formed within a round, and medians over the rounds are printed. nginx answers with the body that
the node gave, and with headers of the same names and lengths.

One request again and again writes one item, whose changes replication between regions may merge. So
PutItem is driven a second time with many items in turn, and batches are of different items.
"""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from client import Connection, body_text, encode, headers, item_of_size
from cluster import BenchError, Cluster, cpu_seconds, wait_until
from figures import Targets, median, table, text

ITEM_BYTES = 1024
CONNECTIONS = 64
TABLE = "throughput"
KEY = "key-0001"
PAGE_PREFIX = "page-"

PAGE = 100
BATCH = 25
BATCHES = 40

# What each topology has to reach: ratio to nginx, and processor time per request in µs. An update
# may cost what a put costs, an item of a page 3 µs, an item of a batch half of what a put may.
TARGETS = {
    "GetItem": (0.5, 20),
    "PutItem": (0.12, 85),
    "UpdateItem": (0.12, 85),
    "Query": (0.1, 3 * PAGE),
    "BatchWriteItem": (0.02, 85 / 2 * BATCH),
}

NGINX = """
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  tcp_nodelay on;
  sendfile on;
  open_file_cache max=8 inactive=1h;
  default_type application/x-amz-json-1.0;
  server {{
    listen 127.0.0.1:{port};
    location = / {{
{extra}
      {answer}
    }}
    location = /answer {{
{extra}
      internal;
      root {directory};
    }}
  }}
}}
"""

SCRIPT = """
wrk.method = "POST"
wrk.path = "/"
wrk.headers = {{ {headers} }}
wrk.body = {body}
{rotation}{check}
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, ' ..
    '"failures": %d, "refused": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
"""

# With more than one key: requests in turn, made before the first one.
ROTATION = """
local bodies = {{ {bodies} }}
local requests = {{}}
local turn = 0

function init()
  for index, body in ipairs(bodies) do requests[index] = wrk.format(nil, nil, nil, body) end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
"""


# For answers that can be 200 and yet not what was asked for; nginx is driven without it.
CHECK = """
function response(status, headers, body)
  if body ~= {answer} then
    io.write("\\nUNLIKE " .. body:sub(1, 200) .. "\\n")
    wrk.thread:stop()
  end
end
"""


def lua(value):
    """A Lua string literal; JSON's escapes of plain text are Lua's as well."""
    return json.dumps(value)


class Target:
    """Something that `wrk` drives."""

    def __init__(self, name, port, pids, script, drain=None):
        self.name = name
        self.port = port
        self.pids = pids
        self.script = script
        self.drain = drain
        self.rounds = []

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids())


class Nginx:
    """One worker of nginx that answers every request with one constant.

    A short one stands in nginx's settings, whose words end at 4 KB; a longer one is a file, open
    and in the page cache, to which a POST leads by an internal redirect.
    """

    def __init__(self, head, body):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="atoll-bench-nginx-"))
        self.directory.chmod(0o755)
        (self.directory / "answer").write_bytes(body)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        answer = "error_page 405 =200 /answer; return 405;"
        if len(body) < 4000:
            escaped = body.decode().replace("\\", "\\\\").replace("'", "\\'")
            if "$" in escaped:
                raise BenchError("nginx cannot serve a constant with a dollar sign")
            answer = f"return 200 '{escaped}';"
        (self.directory / "nginx.conf").write_text(
            NGINX.format(
                directory=self.directory, port=self.port, answer=answer,
                extra="\n".join(self.extra_headers(head))))
        self.process = subprocess.Popen(
            ["nginx", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"),
             "-e", str(self.directory / "error.log")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def extra_headers(head):
        """The node's headers that nginx does not send of its own."""
        for line in head.decode().split("\r\n")[1:]:
            name, value = line.split(": ", 1)
            if name.lower().startswith("x-"):
                yield f"      add_header {name} '{value}';"

    def __enter__(self):
        try:
            wait_until(self.answers, 10, "the start of nginx")
        except BaseException:
            self.close()
            raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise BenchError(f"nginx ended: {(self.directory / 'error.log').read_text()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return bool(self.pids()[1:])
        except OSError:
            return False

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)


def wrk(settings, script, port, seconds):
    """One run of wrk; what its script printed."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
    if settings.pin:
        command = ["taskset", "-c", "0", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("UNLIKE "):
            raise BenchError(f"an answer that is not the first one: {line[7:]}")
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    raise BenchError(f"wrk failed:\n{done.stdout}{done.stderr}")


def run_once(settings, target, seconds):
    """Drives one target; its rate, and its processor time until nothing is left to replicate."""
    before = target.cpu_seconds()
    result = wrk(settings, target.script, target.port, seconds)
    drained = target.drain() if target.drain else 0
    spent = target.cpu_seconds() - before
    if result["failures"] or result["refused"]:
        raise BenchError(
            f"{target.name}: {result['failures']} failures and {result['refused']} answers other "
            f"than 200 in {result['requests']} requests")
    return {
        "rate": result["requests"] / (result["microseconds"] / 1e6),
        "cpu": spent * 1e6 / result["requests"], "p50": result["p50"] / 1e3,
        "p99": result["p99"] / 1e3, "drain": drained,
    }


def pin_servers(settings, pids):
    """With --pin: wrk has the first processor, all servers share the others."""
    if settings.pin:
        others = set(range(1, os.cpu_count()))
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), others)


def write_script(path, operation, bodies, region, answer=None):
    """The script of wrk that sends one request again and again, or several in turn.

    With `answer` it ends at the first other one.
    """
    pairs = headers(operation, region)
    fields = ", ".join(f"[{lua(name)}] = {lua(value)}" for name, value in pairs)
    texts = [lua(body_text(body)) for body in bodies]
    rotation = ROTATION.format(bodies=", ".join(texts)) if len(texts) > 1 else ""
    check = CHECK.format(answer=lua(answer)) if answer else ""
    path.write_text(
        SCRIPT.format(headers=fields, body=texts[0], rotation=rotation, check=check))
    return path


def measure(settings, cluster, work, leader, other, drain):
    """All rounds of one workload; the targets with their results."""
    region = leader.region
    with Connection(leader.port) as connection:
        status, head, answer = connection.exchange(encode(work.operation, work.bodies[0], region))
    if status != 200:
        raise BenchError(f"{work.operation} gave {status}: {answer.decode(errors='replace')}")
    nodes = [node.pid for node in cluster.nodes]
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as name, Nginx(head, answer) as nginx:
        directory = pathlib.Path(name)
        script = write_script(directory / "plain.lua", work.operation, work.bodies, region)
        checked = script
        if work.checks_answers:
            checked = write_script(
                directory / "checked.lua", work.operation, work.bodies, region, answer.decode())
        pin_servers(settings, nodes + nginx.pids())
        targets = [
            Target("nginx", nginx.port, nginx.pids, script),
            Target("leader", leader.port, lambda: nodes, checked, drain),
        ]
        if other and work.drives_other:
            targets.append(Target("other node", other.port, lambda: nodes, checked, drain))
        for target in targets:
            run_once(settings, target, 1)
        for _ in range(settings.rounds):
            for target in targets:
                target.rounds.append(run_once(settings, target, settings.seconds))
    return targets


def summary(topology, operation, targets):
    """Medians of each target and of its ratio to nginx, round by round."""
    base = targets[0].rounds
    entries = []
    for target in targets:
        ratios = [one["rate"] / two["rate"] for one, two in zip(target.rounds, base)]
        entry = {
            "topology": topology, "operation": operation, "target": target.name,
            "ratio": median(ratios), "ratioMin": min(ratios), "ratioMax": max(ratios),
            "rounds": target.rounds,
        }
        for name in ("rate", "cpu", "p50", "p99"):
            entry[name] = median([one[name] for one in target.rounds])
        entries.append(entry)
    return entries


@dataclasses.dataclass
class Workload:
    """One operation with its requests, which are sent in turn."""

    operation: str
    bodies: list
    note: str = ""
    # A node that does not lead the partition is driven too.
    drives_other: bool = True
    # Status 200 does not tell that all was done.
    checks_answers: bool = False

    @property
    def name(self):
        return self.operation + (f", {self.note}" if self.note else "")


def workloads(settings):
    """What is driven, in order; all but the batches are of one partition key, so one partition."""
    items = [
        item_of_size(ITEM_BYTES, pk=KEY, sk=f"item-{number:06d}")
        for number in range(settings.keys)]
    puts = [{"TableName": TABLE, "Item": item} for item in items]
    key = {"pk": items[0]["pk"], "sk": items[0]["sk"]}
    counter = {
        "TableName": TABLE, "Key": {"pk": {"S": KEY}, "sk": {"S": "counter"}},
        "UpdateExpression": "ADD hits :one", "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValues": "UPDATED_NEW",
    }
    page = {
        "TableName": TABLE, "KeyConditionExpression": "pk = :pk AND begins_with(sk, :page)",
        "ExpressionAttributeValues": {":pk": {"S": KEY}, ":page": {"S": PAGE_PREFIX}},
    }
    batches = [
        {"RequestItems": {TABLE: [
            {"PutRequest": {"Item": item_of_size(ITEM_BYTES, pk=f"batch-{number:04d}", sk="item")}}
            for number in range(first, first + BATCH)]}}
        for first in range(0, BATCHES * BATCH, BATCH)]
    return [
        Workload("GetItem", [{"TableName": TABLE, "Key": key}]),
        Workload("PutItem", puts[:1]),
        Workload("PutItem", puts, f"{settings.keys:,} items", drives_other=False),
        Workload("UpdateItem", [counter], "a counter"),
        Workload("Query", [page], f"{PAGE} items", drives_other=False),
        Workload(
            "BatchWriteItem", batches, f"{BATCH} items", drives_other=False, checks_answers=True),
    ]


def fill(connection, region, works):
    """Writes the items that are read."""
    for number in range(PAGE):
        item = item_of_size(ITEM_BYTES, pk=KEY, sk=f"{PAGE_PREFIX}{number:03d}")
        connection.call("PutItem", {"TableName": TABLE, "Item": item}, region)
    for work in works:
        if work.operation == "PutItem":
            for body in work.bodies:
                connection.call("PutItem", body, region)


def run_topology(settings, topology):
    with Cluster(settings, topology) as cluster:
        region = cluster.regions[0]
        is_global = len(cluster.regions) > 1
        cluster.create_table(TABLE, sort=True, regions=cluster.regions if is_global else ())
        cluster.wait_led(TABLE, region)
        id = cluster.place(TABLE, region, {"pk": {"S": KEY}, "sk": {"S": "place"}})
        leader_name = cluster.led(TABLE, region)[id]["node"]
        leader = next(node for node in cluster.nodes if node.name == leader_name)
        other = next(node for node in cluster.nodes_of(region) if node.name != leader_name)
        drain = (lambda: cluster.wait_drained(TABLE)) if is_global else None
        works = workloads(settings)
        with Connection(leader.port) as connection:
            fill(connection, region, works)
        entries = []
        for work in works:
            if settings.operations and work.operation not in settings.operations:
                continue
            settings.progress(f"{topology} {work.name}")
            targets = measure(
                settings, cluster, work, leader, None if settings.leader_only else other, drain)
            entries += summary(topology, work.name, targets)
            if cluster.led(TABLE, region)[id]["node"] != leader_name:
                raise BenchError("the partition's leader changed during the measurement")
        return entries


def run(settings):
    start = time.monotonic()
    entries = []
    for topology in settings.topologies:
        entries += run_topology(settings, topology)
    rows = [
        [
            f"{one['topology']}: {one['operation']}", one["target"], text(one["rate"], "/s", 0),
            text(one["ratio"], "", 3), f"{one['ratioMin']:.3f}–{one['ratioMax']:.3f}",
            text(one["cpu"], "µs"), text(one["p50"], "ms", 2), text(one["p99"], "ms", 2),
        ]
        for one in entries
    ]
    pinning = "wrk on processor 0, servers on the others" if settings.pin else "no pinning"
    print(f"Throughput: wrk -t1 -c{CONNECTIONS} -d{settings.seconds}s, {settings.rounds} rounds, "
          f"interleaved, medians; items of 1 KB; {pinning}.")
    print("CPU is per request: of all node processes until replication is drained; of nginx its own.")
    print(table(
        ["", "driven", "requests", "× nginx", "min–max", "CPU", "p50", "p99"], rows))
    targets = Targets()
    for one in entries:
        if one["target"] == "leader":
            ratio, cpu = TARGETS[one["operation"].split(",")[0]]
            name = f"{one['topology']}: {one['operation']}"
            targets.at_least(f"{name}, × nginx", one["ratio"], ratio, "", 3)
            targets.at_most(f"{name}, CPU", one["cpu"], cpu, "µs")
    results = {"entries": entries, "pinned": settings.pin, "keys": settings.keys}
    return results, targets, time.monotonic() - start
