"""HTTP beneath the API: compression, checksums, framing, connections.

How the service compresses and what it makes of bad encodings is recorded in ScyllaDB's
test/alternator/test_compressed_request.py and test_compressed_response.py, run against it.
"""
import gzip
import json
import uuid
import zlib

import pytest
from rawhttp import Connection, request


@pytest.fixture(scope="module")
def table(three_regions):
    name = f"http-{uuid.uuid4().hex[:8]}"
    three_regions.create_table(name)
    return name


@pytest.fixture(params=["node", "gateway"])
def port(request, three_regions):
    if request.param == "gateway":
        return 8000 + three_regions.offset
    return three_regions.nodes("us-east-1")[0]["port"]


def post(port, operation, body, headers=(), version="HTTP/1.1"):
    """One request with further headers; its answer."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"POST / {version}", "Host: localhost", f"X-Amz-Target: DynamoDB_20120810.{operation}",
        "Content-Type: application/x-amz-json-1.0", f"Content-Length: {len(payload)}", *headers,
    ]
    with Connection(port) as connection:
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        return connection.answer()


def put(port, table, key, headers=(), pack=lambda body: body, **values):
    item = {"pk": {"S": key}, **{name: {"S": value} for name, value in values.items()}}
    return post(
        port, "PutItem", pack(json.dumps({"TableName": table, "Item": item}).encode()), headers)


def get(port, table, key, headers=()):
    return post(
        port, "GetItem", {"TableName": table, "Key": {"pk": {"S": key}}, "ConsistentRead": True},
        headers)


def test_compressed_requests(port, table):
    gzipped = ("Content-Encoding: gzip",)
    assert put(port, table, "z", gzipped, gzip.compress, v="x" * 10_000).status == 200
    assert get(port, table, "z").json["Item"]["v"]["S"] == "x" * 10_000

    def halves(body):
        return gzip.compress(body[:10]) + gzip.compress(body[10:])

    assert put(port, table, "halves", gzipped, halves, v="y").status == 200
    assert get(port, table, "halves").json["Item"]["v"]["S"] == "y"
    # Junk behind the last member is passed over, as by the service.
    assert put(port, table, "junk", gzipped, lambda b: gzip.compress(b) + b"junk").status == 200
    for headers, pack in [
        (("Content-Encoding: garbage",), lambda b: b), (gzipped, lambda b: b),
        (gzipped, lambda b: gzip.compress(b)[:-1]), (gzipped, lambda b: b""),
    ]:
        answer = put(port, table, "bad", headers, pack)
        assert (answer.status, answer.error) == (500, "InternalServerError")
    assert "Item" not in get(port, table, "bad").json


def test_compressed_responses(port, table):
    # {"Item":{"pk":{"S":"large"},"v":{"S":"…"}}} is 4,096 bytes.
    put(port, table, "large", v="v" * (4_096 - 42))
    put(port, table, "small", v="v" * (4_096 - 43))
    plain = get(port, table, "large")
    assert len(plain.body) == 4_096 and "content-encoding" not in plain.headers
    for asked, unpack in [("gzip", gzip.decompress), ("deflate", zlib.decompress)]:
        headers = (f"Accept-Encoding: {asked}",)
        packed = get(port, table, "large", headers)
        assert packed.headers["content-encoding"] == asked
        assert len(packed.body) < 200 and unpack(packed.body) == plain.body
        # The checksum is that of the bytes sent.
        assert packed.has_correct_checksum
        assert "content-encoding" not in get(port, table, "small", headers).headers
    for asked in ("identity", "br", "gzip;q=0"):
        answer = get(port, table, "large", (f"Accept-Encoding: {asked}",))
        assert answer.body == plain.body and answer.has_correct_checksum


def test_chunked_bodies(port, table):
    body = json.dumps({"TableName": table, "Item": {"pk": {"S": "chunked"}}}).encode()
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"
        "Transfer-Encoding: chunked\r\n\r\n").encode()
    with Connection(port) as connection:
        connection.send(head)
        for start in range(0, len(body), 7):
            piece = body[start:start + 7]
            connection.send(f"{len(piece):x};ext=1\r\n".encode(), piece, b"\r\n")
        connection.send(b"0\r\nTrailer: x\r\n\r\n")
        assert connection.answer().status == 200
    assert get(port, table, "chunked").json["Item"] == {"pk": {"S": "chunked"}}


def test_expect_continue(port, table):
    body = json.dumps({"TableName": table, "Key": {"pk": {"S": "x"}}}).encode()
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with Connection(port) as connection:
        connection.send(head)
        while b"\r\n\r\n" not in connection.buffer:
            assert connection.fill()
        assert connection.buffer.startswith(b"HTTP/1.1 100 ")
        connection.buffer = b""
        connection.send(body)
        assert connection.answer().status == 200


def test_connections_stay_open_or_close_as_asked(port, table):
    ask = request("GetItem", {"TableName": table, "Key": {"pk": {"S": "x"}}})
    with Connection(port) as connection:
        connection.send(ask, ask)
        for _ in range(2):
            answer = connection.answer()
            assert answer.status == 200 and answer.headers["connection"] == "keep-alive"
    closing = ask.replace(b"Host:", b"Connection: close\r\nHost:", 1)
    for head, stays in [
        (closing, False), (ask.replace(b"HTTP/1.1", b"HTTP/1.0", 1), False),
        (closing.replace(b": close", b": keep-alive", 1).replace(b"HTTP/1.1", b"HTTP/1.0", 1), True),
    ]:
        with Connection(port) as connection:
            connection.send(head)
            assert connection.answer().status == 200
            if stays:
                connection.send(ask)
                assert connection.answer().status == 200
            else:
                assert connection.is_ended()


def test_nothing_behind_the_last_request_is_carried_out(port, table):
    last = request("GetItem", {"TableName": table, "Key": {"pk": {"S": "x"}}})
    behind = request("PutItem", {"TableName": table, "Item": {"pk": {"S": "behind"}}})
    with Connection(port) as connection:
        connection.send(last.replace(b"Host:", b"Connection: close\r\nHost:", 1), behind)
        assert connection.answer().status == 200 and connection.is_ended()
    assert "Item" not in get(port, table, "behind").json


def test_http_1_0_needs_no_host(port, table):
    ask = request("GetItem", {"TableName": table, "Key": {"pk": {"S": "x"}}})
    with Connection(port) as connection:
        connection.send(ask.replace(b"HTTP/1.1\r\nHost: localhost", b"HTTP/1.0", 1))
        assert connection.answer().status == 200 and connection.is_ended()


def test_big_requests_are_refused_by_their_head(port, table):
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"
        f"Content-Length: {16 * 1024 * 1024 + 1}\r\n\r\n").encode()
    with Connection(port) as connection:
        connection.send(head)
        assert connection.answer().status == 413
        assert connection.is_ended()


def test_health(port):
    with Connection(port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.answer()
        assert answer.status == 200 and answer.body.startswith(b"healthy: dynamodb.")


def test_error_shapes(port, table):
    for target, body, status, kind, message in [
        ("DynamoDB_20120810.GetItem", b"{", 400,
         "com.amazon.coral.service#SerializationException", None),
        ("DynamoDB_20120810.NoSuch", b"{}", 400,
         "com.amazon.coral.service#UnknownOperationException", None),
        ("DynamoDB_20120810.GetItem", b"{}", 400,
         "com.amazon.coral.validate#ValidationException", "message"),
        ("DynamoDB_20120810.GetItem",
         b'{"TableName":"no-such-table","Key":{"pk":{"S":"x"}}}', 400,
         "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message"),
    ]:
        with Connection(port) as connection:
            connection.send(request(None, body, target=target))
            answer = connection.answer()
        assert (answer.status, answer.json["__type"]) == (status, kind)
        assert message is None or message in answer.json
        assert answer.has_correct_checksum and len(answer.headers["x-amzn-requestid"]) == 52
