"""The endpoints: one port for all regions, one for each region, one for each node."""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from botocore.exceptions import ClientError
from conftest import is_running, unique, wait_until
from rawhttp import Connection, ask, get, request

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]


@pytest.fixture(scope="module")
def table(three_regions):
    """A table in the default region, for tests that need any."""
    name = unique("gateway")
    three_regions.create_table(name)
    return name


def every_port(cluster):
    """The shared port, a region's and a node's, by what they are."""
    return {
        "gateway": cluster.state["gatewayPort"],
        "region": cluster.region_port("us-east-1"),
        "node": cluster.node("us-east-1-b")["port"],
    }


# Regions

PROGRAM = """
import json, sys
import boto3

name, regions = sys.argv[1], sys.argv[2:]
clients = {region: boto3.client("dynamodb", region_name=region) for region in regions}
home = clients[regions[0]]
patience = {"Delay": 1, "MaxAttempts": 60}
home.create_table(
    TableName=name, BillingMode="PAY_PER_REQUEST",
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
home.get_waiter("table_exists").wait(TableName=name, WaiterConfig=patience)
for region in regions[1:]:
    home.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
    home.get_waiter("table_exists").wait(TableName=name, WaiterConfig=patience)
    clients[region].get_waiter("table_exists").wait(TableName=name, WaiterConfig=patience)
for region in regions:
    clients[region].put_item(
        TableName=name, Item={"pk": {"S": region}, "written": {"S": region}})
seen = {}
for region in regions:
    while len(seen.setdefault(region, {})) < len(regions):
        items = boto3.resource("dynamodb", region_name=region).Table(name).scan()["Items"]
        seen[region] = {item["pk"]: item["written"] for item in items}
arns = {
    region: client.describe_table(TableName=name)["Table"]["TableArn"]
    for region, client in clients.items()}
print(json.dumps({"seen": seen, "arns": arns}))
"""


def test_an_unmodified_program_needs_only_the_endpoint_url(three_regions, tmp_path):
    name = unique("program")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": three_regions.endpoint,
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
    }
    done = subprocess.run(
        [sys.executable, path, name, *REGIONS], env=environment, capture_output=True, text=True,
        timeout=90)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["seen"] == {region: {r: r for r in REGIONS} for region in REGIONS}
    assert report["arns"] == {
        region: f"arn:aws:dynamodb:{region}:000000000000:table/{name}" for region in REGIONS}


def test_tables_of_the_same_name_in_two_regions_are_two_tables(three_regions):
    name = unique("twin")
    for region in ("us-east-1", "eu-west-1"):
        three_regions.create_table(name, region)
        three_regions.put(name, region, "where", region=region)
    assert three_regions.get(name, "us-east-1", "where")["region"] == "us-east-1"
    assert three_regions.get(name, "eu-west-1", "where")["region"] == "eu-west-1"
    assert name not in three_regions.client("ap-northeast-1").list_tables()["TableNames"]


def test_a_regions_port_serves_that_region_whatever_the_signature_says(three_regions, table):
    port = three_regions.region_port("us-east-1")
    client = three_regions.client("eu-west-1", endpoint=f"http://127.0.0.1:{port}")
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    assert arn.split(":")[3] == "us-east-1"
    other = three_regions.region_port("eu-west-1")
    client = three_regions.client("us-east-1", endpoint=f"http://127.0.0.1:{other}")
    with pytest.raises(ClientError) as caught:
        client.describe_table(TableName=table)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_every_node_serves_every_key_of_its_region(three_regions, table):
    nodes = three_regions.nodes("us-east-1")
    for number, node in enumerate(nodes):
        writer = three_regions.client(
            "us-east-1", endpoint=three_regions.node_endpoint(node["name"]))
        for key in range(12):
            writer.put_item(
                TableName=table, Item={"pk": {"S": f"node-{key}"}, "n": {"N": str(number)}})
        for reader in nodes:
            client = three_regions.client(
                "us-east-1", endpoint=three_regions.node_endpoint(reader["name"]))
            for key in range(12):
                item = client.get_item(
                    TableName=table, Key={"pk": {"S": f"node-{key}"}}, ConsistentRead=True)["Item"]
                assert item["n"] == {"N": str(number)}


def test_an_unsigned_request_goes_to_the_default_region(three_regions, table):
    gateway = three_regions.state["gatewayPort"]
    answer = ask(gateway, "DescribeTable", {"TableName": table})
    assert answer.status == 200
    assert answer.json["Table"]["TableArn"].split(":")[3] == "us-east-1"
    signed = ask(gateway, "DescribeTable", {"TableName": table}, region="eu-west-1")
    assert (signed.status, signed.error) == (400, "ResourceNotFoundException")


def test_a_signature_for_a_region_that_is_not_here_names_those_that_are(three_regions):
    answer = ask(three_regions.state["gatewayPort"], "ListTables", {}, region="mars-north-1")
    assert (answer.status, answer.error) == (400, "InvalidSignatureException")
    assert "mars-north-1" in answer.json["message"]
    assert all(region in answer.json["message"] for region in REGIONS)


def test_get_says_healthy(three_regions):
    state = three_regions.state
    ports = [(state["gatewayPort"], "us-east-1")]
    ports += [(region["port"], region["name"]) for region in state["regions"]]
    ports += [(node["port"], node["region"]) for node in state["nodes"]]
    assert len(ports) == 13
    for port, region in ports:
        answer = get(port)
        assert answer.status == 200
        assert answer.body.decode().strip() == f"healthy: dynamodb.{region}.amazonaws.com"


def test_nothing_is_on_other_paths(three_regions):
    for port in every_port(three_regions).values():
        assert get(port, "/index.html").status == 404


@pytest.mark.parametrize("target", [
    "DynamoDB_20120810.NoSuchThing", "DynamoDB_20120810.", "DynamoDB_20111205.GetItem", "GetItem",
])
def test_an_unknown_operation(three_regions, target):
    for port in every_port(three_regions).values():
        answer = ask(port, None, {}, target=target)
        assert (answer.status, answer.error) == (400, "UnknownOperationException")
        assert answer.has_correct_checksum


def test_operations_that_are_not_built_yet_are_unknown(three_regions):
    client = three_regions.client("us-east-1")
    for call in (client.list_backups, client.list_global_tables):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


# What a response carries

def test_every_response_has_a_request_id_and_the_checksum_of_its_body(three_regions, table):
    key = {"pk": {"S": "checksum"}}
    requests = [
        (200, "PutItem", {"TableName": table, "Item": {**key, "text": {"S": "é\u0000 \U0001f3dd"}}}),
        (200, "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}),
        (200, "Scan", {"TableName": table}),
        (400, "GetItem", {"TableName": table, "Key": {}}),
        (400, "GetItem", {"TableName": "no-such-table", "Key": key}),
        (400, "PutItem", b"{"),
        (400, "Nonsense", {}),
    ]
    ids = set()
    for port in every_port(three_regions).values():
        with Connection(port) as connection:
            for status, operation, body in requests:
                connection.send(request(operation, body))
                answer = connection.answer()
                assert answer.status == status, (operation, answer.body)
                assert answer.has_correct_checksum
                assert answer.headers["content-type"] == "application/x-amz-json-1.0"
                assert re.fullmatch(r"[0-9A-Z]{52}", answer.headers["x-amzn-requestid"])
                ids.add(answer.headers["x-amzn-requestid"])
    assert len(ids) == 3 * len(requests)


def test_the_sdk_sees_request_ids(three_regions, table):
    client = three_regions.client("us-east-1")
    good = client.describe_table(TableName=table)["ResponseMetadata"]
    with pytest.raises(ClientError) as caught:
        client.describe_table(TableName="no-such-table")
    bad = caught.value.response["ResponseMetadata"]
    assert (good["HTTPStatusCode"], bad["HTTPStatusCode"]) == (200, 400)
    assert good["RequestId"] != bad["RequestId"] and len(bad["RequestId"]) == 52
    assert good["RetryAttempts"] == 0


# Order and framing

def test_pipelined_requests_are_answered_in_order(three_regions, table):
    client = three_regions.client("us-east-1")
    for number in range(60):
        client.put_item(
            TableName=table, Item={"pk": {"S": f"pipe-{number}"}, "n": {"N": str(number)}})

    def nth(number):
        """Reads, writes, table operations and errors, each with an answer that tells its number."""
        key = {"pk": {"S": f"pipe-{number}"}}
        match number % 4:
            case 0:
                return request("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
            case 1:
                return request("PutItem", {
                    "TableName": table, "Item": {**key, "n": {"N": str(number)}},
                    "ReturnValues": "ALL_OLD"})
            case 2:
                return request("DescribeTable", {"TableName": f"missing-{number}"})
            case _:
                return request("GetItem", {"TableName": table, "Key": key})

    def number_of(answer):
        if answer.status == 400:
            return int(re.search(r"missing-(\d+)", answer.json["message"])[1])
        item = answer.json.get("Item") or answer.json["Attributes"]
        return int(item["n"]["N"])

    for port in every_port(three_regions).values():
        with Connection(port) as connection:
            connection.send(*(nth(number) for number in range(60)))
            assert [number_of(connection.answer()) for _ in range(60)] == list(range(60))


def test_requests_in_pieces_of_one_byte(three_regions, table):
    whole = request("DescribeTable", {"TableName": table}) * 2
    for port in every_port(three_regions).values():
        with Connection(port) as connection:
            for index in range(len(whole)):
                connection.send(whole[index:index + 1])
            assert [connection.answer().status for _ in range(2)] == [200, 200]


def chunked(*chunks):
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n\r\n"


def test_a_chunked_request(three_regions, table):
    payload = json.dumps({"TableName": table}).encode()
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.DescribeTable\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")
    for port in every_port(three_regions).values():
        with Connection(port) as connection:
            connection.send(head, chunked(payload[:3], payload[3:7], payload[7:]))
            assert connection.answer().json["Table"]["TableName"] == table


START = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n"

# Whatever two parsers could read differently, and what must come of it.
REFUSED = {
    "both lengths": (400, START + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "both lengths, reversed": (
        400, START + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"),
    "two content lengths": (400, START + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "the same content length twice": (
        400, START + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "a list of content lengths": (400, START + "Content-Length: 2, 2\r\n\r\n{}"),
    "a signed content length": (400, START + "Content-Length: +2\r\n\r\n{}"),
    "a negative content length": (400, START + "Content-Length: -2\r\n\r\n{}"),
    "a hexadecimal content length": (400, START + "Content-Length: 0x2\r\n\r\n{}"),
    "an empty content length": (400, START + "Content-Length:\r\n\r\n"),
    "a content length beyond 64 bits": (400, START + "Content-Length: 18446744073709551618\r\n\r\n{}"),
    "two transfer encodings": (
        400,
        START + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a list of transfer encodings": (
        400, START + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "an unknown transfer encoding": (400, START + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": (
        400, START.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a folded header": (400, START + "X-Folded: one\r\n two\r\nContent-Length: 2\r\n\r\n{}"),
    "a blank before the colon": (400, START + "Content-Length : 2\r\n\r\n{}"),
    "a header without a name": (400, START + ": 2\r\n\r\n{}"),
    "a header without a colon": (400, START + "Content-Length 2\r\n\r\n{}"),
    "lines that end in LF": (400, START.replace("\r\n", "\n") + "Content-Length: 2\n\n{}"),
    "a bare CR": (400, START + "X-Bare: one\rtwo\r\nContent-Length: 2\r\n\r\n{}"),
    "a NUL": (400, START + "X-Nul: \0\r\nContent-Length: 2\r\n\r\n{}"),
    "no host": (400, START.replace("Host: localhost\r\n", "") + "Content-Length: 2\r\n\r\n{}"),
    "two hosts": (400, START + "Host: other\r\nContent-Length: 2\r\n\r\n{}"),
    "a chunk size that is no number": (
        400, START + "Transfer-Encoding: chunked\r\n\r\ng\r\n{}\r\n0\r\n\r\n"),
    "a chunk size with a prefix": (
        400, START + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than its size": (
        400, START + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n"),
    "two blanks in the request line": (
        400, START.replace("POST / ", "POST /  ") + "Content-Length: 2\r\n\r\n{}"),
    "no version": (400, START.replace(" HTTP/1.1", "") + "Content-Length: 2\r\n\r\n{}"),
    "HTTP/2": (400, START.replace("HTTP/1.1", "HTTP/2.0") + "Content-Length: 2\r\n\r\n{}"),
    "an unknown expectation": (
        417, START + "Expect: something-else\r\nContent-Length: 2\r\n\r\n{}"),
    "a long header": (431, START + f"X-Long: {'x' * 17_000}\r\n"),
    "many headers": (431, START + "".join(f"X-{n}: 1\r\n" for n in range(101))),
    "a body above 16 MB": (413, START + f"Content-Length: {(16 << 20) + 1}\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_http_is_refused(three_regions, name):
    status, text = REFUSED[name]
    for place, port in every_port(three_regions).items():
        with Connection(port) as connection:
            connection.send(text.encode())
            answer = connection.answer()
            assert answer is not None and answer.status == status, (place, answer)
            assert answer.headers["connection"] == "close"
            assert connection.is_ended(), f"{place} goes on after {name}"


def test_nothing_behind_an_ambiguous_request_is_carried_out(three_regions, table):
    hidden = request("PutItem", {"TableName": table, "Item": {"pk": {"S": "smuggled"}}})
    text = START + f"Content-Length: {5 + len(hidden)}\r\nTransfer-Encoding: chunked\r\n\r\n"
    for port in every_port(three_regions).values():
        with Connection(port) as connection:
            connection.send(text.encode(), b"0\r\n\r\n", hidden)
            assert connection.answer().status == 400
            assert connection.is_ended()
    assert three_regions.get(table, "us-east-1", "smuggled") is None


# Nodes that die

class Callers:
    """Threads that put items through the shared port, once each, and note every outcome."""

    def __init__(self, cluster, table, count=8):
        self.client = cluster.client("us-east-1", retries=0, timeout=15)
        self.table = table
        self.outcomes = []
        self.ended = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, caller):
        number = 0
        while not self.ended.is_set():
            number += 1
            began = time.monotonic()
            try:
                self.client.put_item(
                    TableName=self.table, Item={"pk": {"S": f"{caller}-{number}"}})
                outcome = "success"
            except ClientError as error:
                response = error.response
                status = response["ResponseMetadata"]["HTTPStatusCode"]
                outcome = f"{status} {response['Error']['Code']}"
            except Exception as error:
                outcome = f"hung or cut off: {error!r}"
            self.outcomes.append((time.monotonic(), time.monotonic() - began, outcome))

    def successes(self, since=0):
        return sum(at > since and outcome == "success" for at, _, outcome in list(self.outcomes))

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def test_a_node_that_dies_in_the_middle_costs_500s_and_no_hangs(three_regions, table):
    callers = Callers(three_regions, table)
    try:
        wait_until(lambda: callers.successes() > 100, 30, "the first writes")
        for name in ("us-east-1-a", "us-east-1-b", "us-east-1-c"):
            node = three_regions.node(name)
            os.kill(node["pid"], signal.SIGKILL)
            wait_until(lambda: not is_running(node["pid"]), 10, "the node's death")
            died = time.monotonic()
            wait_until(lambda: callers.successes(since=died) > 200, 30, "writes going on")
            three_regions.atoll("fault", "restart", name)
    finally:
        callers.end()
    allowed = {"success", "500 InternalServerError"}
    others = [entry for entry in callers.outcomes if entry[2] not in allowed]
    assert others == []
    assert max(duration for _, duration, _ in callers.outcomes) < 12
    # Two of three nodes were there at any time.
    assert callers.successes() > 0.9 * len(callers.outcomes)


def test_a_death_that_nobody_asked_for_is_reported(three_regions):
    name = "ap-northeast-1-c"
    pid = three_regions.node(name)["pid"]
    os.kill(pid, signal.SIGKILL)
    try:
        def node():
            regions = three_regions.json("status")["regions"]
            return next(n for r in regions for n in r["nodes"] if n["name"] == name)

        wait_until(lambda: node()["state"] == "dead", 10, "the death being noticed")
        assert node()["pid"] is None and "signal 9" in node()["lastExit"]
        assert f"{name} ended: killed by signal 9" in three_regions.output()
        # Nobody starts it again unasked.
        events = [event["text"] for event in three_regions.json("status")["events"]]
        assert any(name in event and "stays down" in event for event in events), events
    finally:
        three_regions.atoll("fault", "restart", name)
    assert three_regions.node(name)["pid"] != pid


def test_a_client_that_goes_away_disturbs_nobody(three_regions, table):
    put = request("PutItem", {"TableName": table, "Item": {"pk": {"S": "gone"}, "x": {"S": "y" * 50_000}}})
    for port in every_port(three_regions).values():
        for length in (1, 40, 200, len(put) - 1, len(put)):
            with Connection(port) as connection:
                connection.send(put[:length])
        assert ask(port, "ListTables", {}).status == 200
