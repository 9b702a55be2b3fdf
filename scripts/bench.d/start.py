"""Time from `atoll up three-regions` to the first successful put in every region; idle memory."""
import time

from client import Connection, ServiceError
from cluster import BenchError, Cluster, has_replica, in_parallel, resident_bytes, table_definition
from figures import Targets, median, table, text

TABLE = "first"


def until(work, seconds=30, pause=0.002):
    """Repeats `work()` until a node serves it; the time of success."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if work():
                return time.monotonic()
        except OSError:
            pass
        except ServiceError as error:
            # Not there yet: no node behind the port, no leader, or the table still being created.
            if error.status < 500 and error.name != "ResourceNotFoundException":
                raise
        if time.monotonic() > deadline:
            raise BenchError("a region does not serve")
        time.sleep(pause)


def first_put(cluster, region):
    """Creates a table of its own in one region and puts an item; the times of the three steps."""
    with Connection(cluster.region_port(region), 5) as connection:
        def create():
            try:
                connection.call("CreateTable", table_definition(TABLE), region)
            except ServiceError as error:
                # An earlier attempt whose answer was lost has done it.
                if error.name != "ResourceInUseException":
                    raise
            return True

        def is_active():
            answer = connection.call("DescribeTable", {"TableName": TABLE}, region)
            return answer["Table"]["TableStatus"] == "ACTIVE"

        def put():
            connection.call("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": "a"}}}, region)
            return True

        return until(create), until(is_active), until(put)


def global_table(cluster):
    """Creates a table with replicas everywhere and puts in each region; how long that took."""
    start = time.monotonic()
    home = cluster.regions[0]
    with Connection(cluster.region_port(home), 10) as connection:
        connection.call("CreateTable", table_definition("everywhere"), home)
        until(lambda: connection.call(
            "DescribeTable", {"TableName": "everywhere"}, home)["Table"]["TableStatus"] == "ACTIVE")
        for region in cluster.regions[1:]:
            update = {"TableName": "everywhere", "ReplicaUpdates": [
                {"Create": {"RegionName": region}}]}
            connection.call("UpdateTable", update, home)
            until(lambda region=region: has_replica(connection, "everywhere", home, region))

    def put(region):
        item = {"TableName": "everywhere", "Item": {"pk": {"S": region}}}
        with Connection(cluster.region_port(region), 5) as connection:
            until(lambda: connection.call("PutItem", item, region) is not None)

    in_parallel(put, cluster.regions)
    return time.monotonic() - start


def measure(settings):
    """One start from nothing."""
    cluster = Cluster(settings, "three-regions")
    try:
        begin = time.monotonic()
        cluster.launch()
        # The supervisor records ports and processes first of all.
        while not cluster.read_state():
            cluster.check_running()
            time.sleep(0.002)
        steps = in_parallel(lambda region: first_put(cluster, region), cluster.regions)
        cluster.wait_ready()
        ready = time.monotonic()
        idle = [resident_bytes(node.pid) for node in cluster.nodes]
        spread = global_table(cluster)
        return {
            "created": max(step[0] for step in steps) - begin,
            "active": max(step[1] for step in steps) - begin,
            "put": max(step[2] for step in steps) - begin,
            "tableCreation": max(step[1] - step[0] for step in steps),
            "ready": ready - begin, "globalTable": spread,
            "residentMedian": median(idle), "residentMax": max(idle),
        }
    finally:
        cluster.close()


def run(settings):
    start = time.monotonic()
    runs = []
    for number in range(settings.repetitions):
        settings.progress(f"start {number + 1} of {settings.repetitions}")
        runs.append(measure(settings))

    def row(name, key):
        values = [one[key] for one in runs]
        return [name, text(median(values), "s", 2), text(max(values), "s", 2)]

    print(f"Start of three-regions, {len(runs)} runs with the binary built and no data.")
    print(table(["from the command to", "p50", "max"], [
        row("CreateTable accepted in every region", "created"),
        row("table ACTIVE in every region", "active"),
        row("first put in every region", "put"),
        row("`atoll up` says ready, links probed", "ready"),
    ]))
    print(table(["of it, or after it", "p50", "max"], [
        row("CreateTable accepted to ACTIVE, slowest region", "tableCreation"),
        row("a global table in all regions, one put each", "globalTable"),
    ]))
    memory = median([one["residentMedian"] for one in runs]) / 1e6
    most = max(one["residentMax"] for one in runs) / 1e6
    print(f"  resident memory of an idle node: median {memory:.1f} MB, max {most:.1f} MB")
    targets = Targets()
    targets.at_most("start to first put in every region, p50",
                    median([one["put"] for one in runs]), 3, "s", 2)
    targets.at_most("resident memory of an idle node, max", most, 40, "MB")
    return {"runs": runs}, targets, time.monotonic() - start
