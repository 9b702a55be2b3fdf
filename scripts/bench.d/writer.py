"""An open-loop writer: a process of its own that sends encoded requests at a fixed rate.

Reads one JSON object from standard input, writes one to standard output. The schedule is absolute:
a late request is sent at once and counted from its intended start. Requests are pipelined over a few
connections, so that a slow answer delays no other request's start.
"""
import collections
import gc
import json
import select
import socket
import sys
import time

from client import encode, item_of_size, split_response
from figures import quantile


class Pipe:
    """One connection and what waits on it for answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unsent = bytearray()
        self.received = bytearray()
        self.intended = collections.deque()

    def fileno(self):
        return self.socket.fileno()

    def queue(self, request, intended):
        self.unsent += request
        self.intended.append(intended)

    def flush(self):
        if self.unsent:
            try:
                del self.unsent[: self.socket.send(self.unsent)]
            except BlockingIOError:
                pass

    def answers(self):
        """(intended start, status) of each answer that is here."""
        try:
            chunk = self.socket.recv(262_144)
        except BlockingIOError:
            return
        if not chunk:
            raise ConnectionError("a node closed the connection")
        self.received += chunk
        while True:
            answer = split_response(self.received)
            if not answer:
                return
            self.received = answer[3]
            yield self.intended.popleft(), answer[0]


def encoded(job):
    """Requests for each port: different items, of keys whose partitions that node leads."""
    plans = []
    for port, keys in job["ports"]:
        requests = []
        for number in range(job["itemsPerPort"]):
            item = item_of_size(
                job["itemBytes"], pk=keys[number % len(keys)], sk=f"{job['region']}-{number:06d}")
            body = {"TableName": job["table"], "Item": item}
            requests.append(encode("PutItem", body, job["region"]))
        plans.append((port, requests))
    return plans


def main():
    job = json.load(sys.stdin)
    plans = encoded(job)
    pipes = [[Pipe(port) for _ in range(job["connectionsPerPort"])] for port, _ in plans]
    everyone = [pipe for group in pipes for pipe in group]
    gc.collect()
    gc.freeze()
    gc.disable()
    period = 1 / job["rate"]
    total = int(job["seconds"] * job["rate"])
    start = time.monotonic()
    sent = answered = refused = late = 0
    latencies = []
    deadline = start + job["seconds"] + 30
    while answered < total:
        now = time.monotonic()
        if now > deadline:
            break
        while sent < total and start + sent * period <= now:
            group = sent % len(plans)
            turn = sent // len(plans)
            requests = plans[group][1]
            pipe = pipes[group][turn % len(pipes[group])]
            intended = start + sent * period
            pipe.queue(requests[turn % len(requests)], intended)
            late = max(late, now - intended)
            sent += 1
        for pipe in everyone:
            pipe.flush()
        rest = start + sent * period - time.monotonic() if sent < total else 0.05
        waiting = [pipe for pipe in everyone if pipe.unsent]
        readable, _, _ = select.select(everyone, waiting, [], max(0.0, min(rest, 0.05)))
        for pipe in readable:
            for intended, status in pipe.answers():
                answered += 1
                refused += status != 200
                latencies.append(time.monotonic() - intended)
        if answered == total:
            break
    elapsed = time.monotonic() - start
    json.dump({
        "sent": sent, "answered": answered, "refused": refused, "elapsed": elapsed,
        "achieved": (answered - refused) / elapsed, "latenessMax": late,
        "p50": quantile(latencies, 0.5), "p99": quantile(latencies, 0.99),
    }, sys.stdout)


if __name__ == "__main__":
    main()
