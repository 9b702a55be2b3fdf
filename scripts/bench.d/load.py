"""An open-loop load of counters with short time-outs, and what it says about availability.

Every attempt has an intended start on a fixed schedule and counts there, whatever happened to it. An
attempt without an answer of 200 within the time-out is a failure; nothing is tried again. Writes are
`ADD n :1`, so a counter never goes back, even when a write whose client gave up arrives late.
"""
import asyncio
import gc
import json
import threading
import time

from client import encode, split_response
from cluster import BenchError

BIN = 0.1
GAP = 1.0


class Attempt:
    __slots__ = ("intended", "kind", "succeeded", "reason", "done")

    def __init__(self, intended, kind):
        self.intended = intended
        self.kind = kind
        self.succeeded = False
        self.reason = None
        self.done = None


class Counter:
    """What is known of one counter, to tell a read that goes back in time."""

    def __init__(self):
        # The highest value that any finished read or write has shown.
        self.floor = 0
        self.attempted = 0
        self.acknowledged = 0


class Load:
    """Writers and strong readers of some keys, in a thread with an event loop of its own."""

    def __init__(self, port, region, name, keys, rate, timeout):
        self.port = port
        self.region = region
        self.timeout = timeout
        self.rate = rate
        self.attempts = []
        self.violations = []
        self.counters = {key: Counter() for key in keys}
        self.requests = {
            (kind, key): encode(*self.operation(kind, name, key), region)
            for key in keys for kind in ("write", "read")}
        self.idle = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main()))

    @staticmethod
    def operation(kind, name, key):
        target = {"TableName": name, "Key": {"pk": {"S": key}}}
        if kind == "read":
            return "GetItem", dict(target, ConsistentRead=True)
        return "UpdateItem", dict(
            target, UpdateExpression="ADD n :one", ReturnValues="UPDATED_NEW",
            ExpressionAttributeValues={":one": {"N": "1"}})

    def __enter__(self):
        gc.collect()
        gc.freeze()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    async def main(self):
        """Starts attempts on schedule, a write and a read in turn."""
        start = time.monotonic()
        keys = list(self.counters)
        running = set()
        number = 0
        while not self.stopping.is_set():
            intended = start + number / self.rate
            wait = intended - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            attempt = Attempt(intended, ("write", "read")[number % 2])
            self.attempts.append(attempt)
            task = asyncio.create_task(self.run(attempt, keys[number // 2 % len(keys)]))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.gather(*running, return_exceptions=True)
        for _, writer in self.idle:
            writer.close()

    async def run(self, attempt, key):
        counter = self.counters[key]
        floor = counter.floor
        if attempt.kind == "write":
            counter.attempted += 1
        streams = None
        try:
            # From the intended start: an attempt that began late has less time left. The loop's
            # clock is the monotonic one.
            async with asyncio.timeout_at(attempt.intended + self.timeout):
                streams = self.idle.pop() if self.idle else await asyncio.open_connection(
                    "127.0.0.1", self.port)
                streams[1].write(self.requests[(attempt.kind, key)])
                status, body = await self.answer(streams[0])
        except TimeoutError:
            attempt.reason = "time-out"
        except OSError as error:
            attempt.reason = type(error).__name__
        else:
            self.idle.append(streams)
            streams = None
            attempt.succeeded = status == 200
            if attempt.succeeded:
                self.check(attempt, key, floor, json.loads(body))
            else:
                attempt.reason = f"{status} {json.loads(body).get('__type', '').rpartition('#')[2]}"
        finally:
            attempt.done = time.monotonic()
            if streams:
                streams[1].close()

    @staticmethod
    async def answer(reader):
        buffer = bytearray()
        while True:
            chunk = await reader.read(65_536)
            if not chunk:
                raise ConnectionError
            buffer += chunk
            answer = split_response(buffer)
            if answer:
                return answer[0], answer[2]

    def check(self, attempt, key, floor, answer):
        """A read must show all that was known before it began; a write must show more."""
        counter = self.counters[key]
        fields = answer.get("Attributes" if attempt.kind == "write" else "Item", {})
        value = int(fields.get("n", {}).get("N", "0"))
        if attempt.kind == "write":
            counter.acknowledged += 1
        least = floor + 1 if attempt.kind == "write" else floor
        if value < least:
            self.violations.append(
                f"{attempt.kind} of {key}: {value}, although {floor} was seen before it began")
        if value > counter.attempted:
            self.violations.append(
                f"{attempt.kind} of {key}: {value} after {counter.attempted} increments")
        counter.floor = max(counter.floor, value)

    # What the attempts say

    def settled(self, since, seconds):
        """Whether all attempts of the last `seconds` succeeded, and `since` is that long ago."""
        # A little more than the time-out ago, so that every attempt has ended.
        now = time.monotonic() - self.timeout - 0.05
        if now - since < seconds:
            return False
        for attempt in reversed(self.attempts):
            if attempt.intended < now - seconds:
                return True
            if attempt.intended <= now and not attempt.succeeded:
                return False
        return False

    def wait_settled(self, what, seconds=60):
        """Waits until all attempts of a second and a half from now on succeeded."""
        since = time.monotonic()
        while not self.settled(since, 1.5):
            if time.monotonic() - since > seconds:
                reasons = {one.reason for one in self.attempts[-100:] if one.reason}
                raise BenchError(f"{what} still fails after {seconds} s: {', '.join(reasons)}")
            time.sleep(0.02)


def down_bins(attempts):
    """Numbers of the 100 ms bins with at least one attempt of which fewer than 99 % succeeded."""
    bins = {}
    for attempt in attempts:
        counts = bins.setdefault(int(attempt.intended / BIN), [0, 0])
        counts[0] += 1
        counts[1] += attempt.succeeded
    return sorted(number for number, (all, good) in bins.items() if good / all < 0.99)


def windows(attempts):
    """Unavailability windows as (start, length) in seconds: down bins, gaps under 1 s merged."""
    merged = []
    for number in down_bins(attempts):
        if merged and (number - merged[-1][1] - 1) * BIN < GAP - BIN / 2:
            merged[-1][1] = number
        else:
            merged.append([number, number])
    return [(first * BIN, (last - first + 1) * BIN) for first, last in merged]


def error_seconds(attempts):
    """Sum over bins of the share of failures times the bin's length."""
    bins = {}
    for attempt in attempts:
        counts = bins.setdefault(int(attempt.intended / BIN), [0, 0])
        counts[0] += 1
        counts[1] += attempt.succeeded
    return sum((1 - good / all) * BIN for all, good in bins.values())


def span(attempts):
    """From the first failed attempt to the last one, by intended start; 0 without failures."""
    failed = [attempt.intended for attempt in attempts if not attempt.succeeded]
    return max(failed) - min(failed) if failed else 0.0


def silence(attempts):
    """The longest time without a success: independent of the time-out, unlike the windows."""
    done = sorted(attempt.done for attempt in attempts if attempt.succeeded)
    return max((after - before for before, after in zip(done, done[1:])), default=0.0)
