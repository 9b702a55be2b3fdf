"""What 500 idle tables cost in one-region, and how fast tables come and go."""
import time

from client import Connection
from cluster import (
    Cluster, cpu_seconds, is_active, is_gone, resident_bytes, table_definition, wait_until)
from figures import Targets, quantile, table, text


def settle(cluster, seconds=30):
    """Waits until the nodes' processor time of two seconds in a row differs by little."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        used = sum(sample(cluster, 1).values())
        if last is not None and abs(used - last) < 0.5:
            return
        last = used


def sample(cluster, seconds):
    """Processor use of each node over some seconds, in percent of one core."""
    nodes = cluster.nodes
    before = {node.name: cpu_seconds(node.pid) for node in nodes}
    start = time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - start
    return {
        node.name: (cpu_seconds(node.pid) - before[node.name]) / elapsed * 100 for node in nodes}


def observe(cluster, seconds):
    """Processor use and memory of each node at rest."""
    settle(cluster)
    used = sample(cluster, seconds)
    return {
        node.name: {"cpu": used[node.name], "resident": resident_bytes(node.pid)}
        for node in cluster.nodes}


def timed(connection, region, operation, body, is_done):
    """Milliseconds from sending a request until its effect is seen."""
    start = time.monotonic()
    connection.call(operation, body, region)
    wait_until(is_done, 30, f"{operation} {body['TableName']}", pause=0.001)
    return (time.monotonic() - start) * 1e3


def run(settings):
    start = time.monotonic()
    names = [f"idle-{number:03d}" for number in range(settings.tables)]
    with Cluster(settings, "one-region") as cluster:
        region = cluster.regions[0]
        settings.progress("idle: without tables")
        before = observe(cluster, settings.seconds)
        with Connection(cluster.region_port(region), 30) as connection:
            settings.progress(f"idle: creating {len(names)} tables")
            created = [
                timed(connection, region, "CreateTable", table_definition(name),
                      lambda name=name: is_active(connection, name, region))
                for name in names]
            cluster.wait_led(names[-1], region)
            settings.progress(f"idle: with {len(names)} tables")
            after = observe(cluster, settings.seconds)
            settings.progress("idle: deleting them")
            deleted = [
                timed(connection, region, "DeleteTable", {"TableName": name},
                      lambda name=name: is_gone(connection, name, region))
                for name in names]
        statuses = cluster.statuses(region)
        groups = {name: status["groups"]["total"] for name, status in statuses.items()}
    rows = [
        [
            name, text(before[name]["cpu"], "%", 2), text(after[name]["cpu"], "%", 2),
            text(before[name]["resident"] / 1e6, "MB"), text(after[name]["resident"] / 1e6, "MB"),
            text((after[name]["resident"] - before[name]["resident"]) / 1e6, "MB"),
        ]
        for name in before
    ]
    print(f"{len(names)} idle tables in one-region; processor use over {settings.seconds} s.")
    print(table(["node", "CPU before", "CPU after", "memory before", "after", "added"], rows))
    print(table(["", "p50", "p99", "max"], [
        [name, *(text(value, "ms") for value in (
            quantile(values, 0.5), quantile(values, 0.99), max(values)))]
        for name, values in (("CreateTable to ACTIVE", created), ("DeleteTable to gone", deleted))
    ]))
    total = {key: sum(one["cpu"] for one in state.values())
             for key, state in (("before", before), ("after", after))}
    added = max(after[name]["resident"] - before[name]["resident"] for name in before) / 1e6
    targets = Targets()
    targets.below(f"CPU added by {len(names)} idle tables, all nodes",
                  total["after"] - total["before"], 3, "% of a core", 2)
    targets.below(f"memory added by {len(names)} idle tables, worst node", added, 60, "MB")
    targets.below("CreateTable to ACTIVE, p99", quantile(created, 0.99), 200, "ms")
    targets.below("DeleteTable to gone, p99", quantile(deleted, 0.99), 200, "ms")
    results = {
        "before": before, "after": after, "createMs": created, "deleteMs": deleted,
        "groupsAtEnd": groups,
    }
    return results, targets, time.monotonic() - start
