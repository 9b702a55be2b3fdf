"""Replication lag minus the configured one-way delay, per pair of regions, at fixed write rates.

Lag is from commit at the source's leader to apply at the destination's leader, on the machine's one
monotonic clock, as the nodes measure it. Windows go by commit time and are read after everything has
arrived, so that slow changes are counted.
"""
import json
import pathlib
import subprocess
import sys
import time

from cluster import BenchError, Cluster
from figures import Targets, table, text

ITEM_BYTES = 1024
HALF = 64


class Buckets:
    """The nodes' log-linear histogram of nanoseconds, merged over nodes."""

    def __init__(self):
        self.counts = {}
        self.max = 0

    def merge(self, entry):
        for bucket, count in entry["histogram"]:
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.max = max(self.max, entry["maxUs"] * 1_000)

    @property
    def total(self):
        return sum(self.counts.values())

    def quantile(self, q):
        """Seconds; a bucket answers with its middle."""
        rank, seen = q * self.total, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(self.middle(bucket), self.max) / 1e9
        return None

    @staticmethod
    def middle(bucket):
        if bucket < 2 * HALF:
            return bucket
        shift = bucket // HALF - 1
        return ((bucket % HALF + HALF) << shift) + (1 << shift) // 2


def read(cluster, name, window):
    """{(source, destination): histogram} of one window."""
    pairs = {}
    for node in cluster.nodes:
        for entry in cluster.lag(node)["inbound"]:
            if entry["table"] == name and entry["window"] == window:
                pair = (entry["source"], entry["destination"])
                pairs.setdefault(pair, Buckets()).merge(entry)
    return pairs


def windows(cluster, name):
    """Seconds of the sliding windows that the nodes keep."""
    return sorted({
        entry["window"]
        for node in cluster.nodes
        for entry in cluster.lag(node)["inbound"]
        if entry["table"] == name})


def start_writer(cluster, name, region, keys, rate, seconds):
    """One process that writes to the leaders of a region."""
    led = cluster.led(name, region)
    by_port = {}
    for node in cluster.nodes_of(region):
        mine = [key for id, one in led.items() if one["node"] == node.name for key in keys[id]]
        if mine:
            by_port[node.port] = mine
    job = {
        "table": name, "region": region, "rate": rate, "seconds": seconds,
        "itemBytes": ITEM_BYTES, "itemsPerPort": 2000, "connectionsPerPort": 4,
        "ports": list(by_port.items()),
    }
    process = subprocess.Popen(
        [sys.executable, str(pathlib.Path(__file__).with_name("writer.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    return process


def finish(process):
    output = process.stdout.read()
    if process.wait() != 0:
        raise BenchError("a writer failed; its error is above")
    result = json.loads(output)
    if result["refused"] or result["answered"] < result["sent"]:
        raise BenchError(
            f"of {result['sent']} writes {result['answered']} were answered, "
            f"{result['refused']} with an error")
    return result


def measure(settings, cluster, rate, delays):
    """One rate, spread evenly over the source regions, on a table of its own."""
    name = f"lag-{rate}"
    cluster.create_table(name, sort=True, regions=cluster.regions)
    for region in cluster.regions:
        cluster.wait_led(name, region)
    keys = cluster.places(name, cluster.regions[0], 4, sort=True)
    cluster.wait_drained(name)
    window = max((one for one in windows(cluster, name) if one <= settings.seconds), default=None)
    if window is None:
        raise BenchError(f"no window of {settings.seconds} s or less: {windows(cluster, name)}")
    sources = [settings.source] if settings.source else cluster.regions
    # The first two seconds start connections and fill caches: they lie before the window.
    seconds = window + 2
    before = cluster.node_cpu_seconds()
    writers = []
    try:
        for region in sources:
            writers.append(
                start_writer(cluster, name, region, keys, rate / len(sources), seconds))
        results = [finish(writer) for writer in writers]
    finally:
        for writer in writers:
            if writer.poll() is None:
                writer.kill()
                writer.wait()
    drained = cluster.wait_drained(name)
    pairs = read(cluster, name, window)
    spent = cluster.node_cpu_seconds() - before
    entries = []
    for (source, destination), buckets in sorted(pairs.items()):
        if source not in sources or not buckets.total:
            continue
        delay = delays[(source, destination)]
        entries.append({
            "source": source, "destination": destination, "count": buckets.total,
            "delayMs": delay * 1e3, "p50Ms": buckets.quantile(0.5) * 1e3,
            "p99Ms": buckets.quantile(0.99) * 1e3, "maxMs": buckets.max / 1e6,
            "overheadP50Ms": (buckets.quantile(0.5) - delay) * 1e3,
            "overheadP99Ms": (buckets.quantile(0.99) - delay) * 1e3,
        })
    answered = sum(result["answered"] for result in results)
    return {
        "rate": rate, "achieved": sum(result["achieved"] for result in results),
        "window": window, "drainSeconds": drained, "cpuPerWrite": spent * 1e6 / answered,
        "writeP50Ms": max(result["p50"] for result in results) * 1e3,
        "writeP99Ms": max(result["p99"] for result in results) * 1e3,
        "latenessMaxMs": max(result["latenessMax"] for result in results) * 1e3,
        "pairs": entries,
    }


def run(settings):
    start = time.monotonic()
    levels = []
    with Cluster(settings, "three-regions") as cluster:
        delays = cluster.links()
        for rate in settings.rates:
            settings.progress(f"lag at {rate:,} writes/s")
            levels.append(measure(settings, cluster, rate, delays))
    spread = f"all from {settings.source}" if settings.source else "a third in each region"
    print(f"Replication lag, three-regions: open-loop PutItem of 1 KB at the leaders, {spread}.")
    targets = Targets()
    for level in levels:
        print(f"{level['rate']:,} writes/s wanted, {level['achieved']:,.0f}/s achieved; window "
              f"{level['window']} s; write p50 {level['writeP50Ms']:.1f} ms, p99 "
              f"{level['writeP99Ms']:.1f} ms; node CPU {level['cpuPerWrite']:.0f} µs per write")
        print(table(
            ["pair", "changes", "one-way", "lag p50", "lag p99", "overhead p50", "overhead p99"],
            [
                [
                    f"{one['source']} → {one['destination']}", f"{one['count']:,}",
                    text(one["delayMs"], "ms"), text(one["p50Ms"], "ms"),
                    text(one["p99Ms"], "ms"), text(one["overheadP50Ms"], "ms"),
                    text(one["overheadP99Ms"], "ms"),
                ]
                for one in level["pairs"]
            ]))
        if level["rate"] == 1000 and level["pairs"]:
            worst50 = max(one["overheadP50Ms"] for one in level["pairs"])
            worst99 = max(one["overheadP99Ms"] for one in level["pairs"])
            targets.at_most("lag overhead p50, worst pair, 1,000/s", worst50, 5, "ms")
            targets.at_most("lag overhead p99, worst pair, 1,000/s", worst99, 25, "ms")
    return {"levels": levels, "source": settings.source}, targets, time.monotonic() - start
