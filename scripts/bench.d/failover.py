"""How long the keys of a partition are unavailable when its leader is killed under load.

One region, clients at the gateway. The load never stops: after each `kill -9` the benchmark waits
until all attempts succeed again, restarts the node, and waits until the partition is whole.
"""
import os
import random
import signal
import time

from client import Connection
from cluster import BenchError, Cluster, partitions, wait_until
from figures import Targets, median, table, text
from load import Load, error_seconds, silence, span, windows

TABLE = "failover"
RATE = 200
TIMEOUT = 0.2
KEYS = 8


def is_whole(cluster, region, id):
    """Whether all nodes are ready and every replica of a partition is near what is committed."""
    try:
        statuses = cluster.statuses(region)
    except OSError:
        return False
    rows = [
        partition for status in statuses.values() for partition in partitions(status, TABLE)
        if partition["id"] == id]
    if not all(status["ready"] for status in statuses.values()):
        return False
    if len(rows) < 3 or any(row["role"] not in ("leader", "follower") for row in rows):
        return False
    # Under load followers are a few entries behind.
    least = max(row["commit"] for row in rows) - RATE
    return sum(row["role"] == "leader" for row in rows) == 1 and all(
        row["applied"] >= least for row in rows)


def repeat(settings, cluster, load, region, id, generator):
    """Kills the leader once and brings it back."""
    wait_until(lambda: is_whole(cluster, region, id), 60, "a whole partition", pause=0.05)
    load.wait_settled("undisturbed load")
    # A random phase within the heartbeats and leases.
    time.sleep(generator.random())
    node = cluster.led(TABLE, region)[id]["node"]
    pid = next(one.pid for one in cluster.nodes if one.name == node)
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    load.wait_settled("load after the kill")
    restarted = time.monotonic()
    cluster.atoll("fault", "restart", node)
    wait_until(lambda: is_whole(cluster, region, id), 60, "a whole partition", pause=0.05)
    load.wait_settled("load after the restart")
    return {"node": node, "killed": killed, "restarted": restarted, "end": time.monotonic()}


def evaluate(load, repetition):
    """Windows of one repetition, of all operations and of writes and reads alone."""
    def between(start, end, kind=None):
        return [
            one for one in load.attempts
            if start <= one.intended < end and kind in (None, one.kind)]

    # Attempts in flight at the kill had their intended start before it.
    start, middle = repetition["killed"] - load.timeout, repetition["restarted"]
    chosen = between(start, middle)
    found = windows(chosen)
    reasons = {}
    for one in chosen:
        if not one.succeeded:
            reasons[one.reason] = reasons.get(one.reason, 0) + 1
    longest = {
        kind: max((length for _, length in windows(between(start, middle, kind))), default=0.0)
        for kind in ("write", "read")}
    again = windows(between(middle, repetition["end"] - load.timeout))
    return {
        "node": repetition["node"], "windows": len(found),
        "longest": max((length for _, length in found), default=0.0),
        "sum": sum(length for _, length in found), "write": longest["write"],
        "read": longest["read"], "span": span(chosen), "silence": silence(chosen),
        "errorSeconds": error_seconds(chosen),
        "reasons": reasons, "restart": sum(length for _, length in again),
    }


def run(settings):
    start = time.monotonic()
    seed = settings.seed if settings.seed is not None else random.SystemRandom().getrandbits(32)
    generator = random.Random(seed)
    with Cluster(settings, "one-region") as cluster:
        region = cluster.regions[0]
        cluster.create_table(TABLE)
        id, keys = next(iter(cluster.places(TABLE, region, KEYS).items()))
        repetitions = []
        with Load(cluster.gateway_port, region, TABLE, keys, RATE, TIMEOUT) as load:
            for number in range(settings.repetitions):
                settings.progress(f"failover {number + 1} of {settings.repetitions}")
                repetitions.append(repeat(settings, cluster, load, region, id, generator))
        results = [evaluate(load, repetition) for repetition in repetitions]
        lost = final_check(cluster, region, load)
    print(f"Failover: kill -9 of a partition's leader, {len(results)} times; {RATE} attempts/s at "
          f"the gateway, time-out {TIMEOUT * 1e3:.0f} ms, half writes, half strong reads; seed {seed}.")
    print("Window: 100 ms bins by intended start with a failure, gaps under 1 s merged. "
          "Silence: longest time without a success.")
    print(table(
        ["kill", "window", "writes", "reads", "first to last failure", "silence", "at restart"],
        [
            [
                one["node"], text(one["longest"], "s"), text(one["write"], "s"),
                text(one["read"], "s"), text(one["span"] * 1e3, "ms", 0),
                text(one["silence"] * 1e3, "ms", 0), text(one["restart"], "s"),
            ]
            for one in results
        ]))
    longest = [one["longest"] for one in results]
    print(f"  unavailability p50 {median(longest):.1f} s, max {max(longest):.1f} s; "
          f"silence p50 {median([one['silence'] for one in results]) * 1e3:.0f} ms, "
          f"max {max(one['silence'] for one in results) * 1e3:.0f} ms")
    reasons = {}
    for one in results:
        for reason, count in one["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    print("  failures: " + (", ".join(
        f"{count} × {reason}" for reason, count in sorted(reasons.items())) or "none"))
    acknowledged = sum(counter.acknowledged for counter in load.counters.values())
    print(f"  {len(load.attempts):,} attempts, {acknowledged:,} acknowledged increments; reads "
          f"back in time: {len(load.violations)}; acknowledged and lost: {lost}")
    for violation in load.violations[:10]:
        print(f"    {violation}")
    targets = Targets()
    targets.below("unavailability after kill -9 of the leader, p50", median(longest), 1, "s")
    targets.at_most("reads that went back in time", len(load.violations), 0, "", 0)
    targets.at_most("acknowledged increments lost", lost, 0, "", 0)
    return {
        "repetitions": results, "violations": load.violations, "lost": lost, "seed": seed,
        "rate": RATE, "timeout": TIMEOUT, "attempts": len(load.attempts),
    }, targets, time.monotonic() - start


def final_check(cluster, region, load):
    """Acknowledged increments that a last strong read misses."""
    lost = 0
    with Connection(cluster.gateway_port) as connection:
        for key, counter in load.counters.items():
            answer = connection.call("GetItem", {
                "TableName": TABLE, "Key": {"pk": {"S": key}}, "ConsistentRead": True}, region)
            value = int(answer.get("Item", {}).get("n", {}).get("N", "0"))
            if value > counter.attempted:
                raise BenchError(f"{key} counts {value} after {counter.attempted} increments")
            lost += max(0, counter.acknowledged - value)
    return lost
