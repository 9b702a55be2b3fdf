"""How much faster than the clock `atoll sim` runs a cluster, and what a big one takes."""
import json
import subprocess
import time

from cluster import BenchError
from figures import Targets, table

# Operations per virtual second: how many virtual seconds are run.
CURVE = {10: 120, 30: 120, 100: 120, 300: 60, 1000: 30, 3000: 10, 10000: 4}
READS = [95, 50]
BIG = "20x50"


def simulate(binary, shape, rate, seconds, reads):
    """One run without faults and checks; what it printed, as an object."""
    words = [str(binary), "sim", "--seed", "1", "--shape", shape, "--rate", str(rate), "--for",
             f"{seconds}s", "--reads", str(reads), "--faults", "none", "--check", "none", "--json"]
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode != 0:
        raise BenchError(f"{' '.join(words)}: {result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def figures_of(run):
    processor = run["processorNanoseconds"] / 1e9
    return {
        "speedUp": run["virtualNanoseconds"] / 1e9 / processor,
        "eventsPerSecond": run["events"] / processor,
        "operations": run["operations"], "dropped": run["dropped"],
        "processorSeconds": processor,
    }


def run(settings):
    started = time.monotonic()
    targets = Targets()
    results = {}
    for reads in READS:
        rows = []
        for rate, seconds in CURVE.items():
            seconds = max(2, int(seconds * settings.share))
            best = None
            for _ in range(settings.repetitions):
                one = figures_of(simulate(settings.binary, "3x3", rate, seconds, reads))
                if best is None or one["speedUp"] > best["speedUp"]:
                    best = one
            results[f"{reads} % reads, {rate}/s"] = best
            rows.append([f"{rate:,}", f"{best['speedUp']:,.0f}",
                         f"{best['eventsPerSecond'] / 1e6:.2f}", f"{best['operations']:,}"])
            settings.progress(f"sim: {reads} % reads, {rate}/s: {best['speedUp']:,.0f}x")
        print(f"  3 regions of 3 nodes, {reads} % reads")
        print(table(["operations/s", "virtual/real", "million events/s", "operations"], rows))
    for reads in READS:
        for rate, wanted in ((100, 700), (1000, 70)):
            best = results[f"{reads} % reads, {rate}/s"]["speedUp"]
            targets.at_least(f"sim: speed-up at {rate}/s, {reads} % reads", best, wanted, "x", 0)
    most = max(result["eventsPerSecond"] for result in results.values())
    targets.at_least("sim: events a second, best", most, 1e6, "", 0)
    settings.progress(f"sim: {BIG}, a thousand nodes")
    big = simulate(settings.binary, BIG, 20, 1, 95)
    per_node = big["residentBytes"] / big["nodes"]
    results["big"] = {"shape": BIG, "residentBytesPerNode": per_node, **figures_of(big)}
    print(f"  {BIG}: {big['nodes']} nodes, {per_node / 1e3:,.0f} kB a node, "
          f"{big['virtualNanoseconds'] / 1e9:.1f} virtual seconds in "
          f"{big['processorNanoseconds'] / 1e9:.1f} s, {big['events']:,} events")
    return results, targets, time.monotonic() - started
