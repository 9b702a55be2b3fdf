"""Quantiles, tables and verdicts: what every benchmark prints."""
import math
import os
import platform
import subprocess
import time


def quantile(values, q):
    """The least value that a share `q` of all values does not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def median(values):
    """The middle value, or the mean of the two middle ones."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def text(value, unit="", digits=1):
    """`12.3 ms`; a dash for what was not measured."""
    if value is None:
        return "–"
    number = f"{value:,.{digits}f}"
    return f"{number} {unit}" if unit else number


def table(headings, rows):
    """Rows of text in columns: the first column to the left, the others to the right."""
    cells = [list(headings)] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(headings))]
    lines = []
    for number, row in enumerate(cells):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join([first] + rest).rstrip())
        if number == 0:
            lines.append("  " + "  ".join("─" * width for width in widths))
    return "\n".join(lines)


class Targets:
    """Targets of one benchmark and what was measured against them."""

    def __init__(self):
        self.entries = []

    def at_most(self, name, measured, limit, unit="", digits=1):
        self._add(name, measured, "≤", limit, unit, digits)

    def below(self, name, measured, limit, unit="", digits=1):
        self._add(name, measured, "<", limit, unit, digits)

    def at_least(self, name, measured, limit, unit="", digits=2):
        self._add(name, measured, "≥", limit, unit, digits)

    def _add(self, name, measured, relation, limit, unit, digits):
        met = None
        if measured is not None:
            met = {
                "≤": measured <= limit, "<": measured < limit, "≥": measured >= limit,
            }[relation]
        self.entries.append({
            "name": name, "measured": measured, "relation": relation, "target": limit,
            "unit": unit, "met": met, "digits": digits,
        })

    def rendered(self):
        return table(["target", "wanted", "measured", ""], self._rows())

    def markdown(self):
        """Lines of a Markdown table, without its heading."""
        return [f"| {' | '.join(row)} |" for row in self._rows()]

    def _rows(self):
        verdicts = {True: "met", False: "NOT MET", None: "not measured"}
        return [
            [
                entry["name"],
                f"{entry['relation']} {entry['target']:g} {entry['unit']}".rstrip(),
                text(entry["measured"], entry["unit"], entry["digits"]),
                verdicts[entry["met"]],
            ]
            for entry in self.entries
        ]


def machine():
    """Facts about this machine that figures depend on."""
    model, cpus = "unknown processor", os.cpu_count()
    memory = None
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemTotal"):
                memory = int(line.split()[1]) * 1024
                break
    try:
        with open("/etc/os-release") as file:
            fields = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
        system = fields.get("PRETTY_NAME", "").strip('"')
    except OSError:
        system = platform.system()
    return {
        "processor": model, "cpus": cpus, "memoryBytes": memory, "system": system,
        "kernel": platform.release(), "python": platform.python_version(),
        "load1": os.getloadavg()[0],
    }


class ForeignLoad:
    """What other programs use of this machine meanwhile: they spoil the figures."""

    def __init__(self):
        self.start = time.monotonic()
        self.busy, self.own = self._busy(), self._own()

    @staticmethod
    def _busy():
        """Processor seconds of the whole machine, and those that its host took away."""
        with open("/proc/stat") as file:
            fields = [int(word) for word in file.readline().split()[1:]]
        # user nice system idle iowait irq softirq steal; interrupts belong to nobody.
        return (fields[0] + fields[1] + fields[2] + fields[7]) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own():
        """Processor seconds of this program and of all its children that have ended."""
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def percent(self):
        """Percent of one processor; zero where clocks disagree by a little."""
        elapsed = time.monotonic() - self.start
        used = (self._busy() - self.busy) - (self._own() - self.own)
        return max(0.0, used / elapsed * 100)


def revision(home):
    """The commit of the working tree, with a plus when sources differ from it."""
    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", home, *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    return commit + ("+" if git("status", "--porcelain", "--", "Sources", "Package.swift") else "")


def today():
    return time.strftime("%Y-%m-%d %H:%M:%S %z")
