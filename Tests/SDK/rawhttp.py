"""HTTP as bytes, for what no client library would send."""
import json
import socket
import zlib


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error's name without its namespace, or None."""
        return self.json.get("__type", "").split("#")[-1] or None

    @property
    def has_correct_checksum(self):
        return int(self.headers["x-amz-crc32"]) == zlib.crc32(self.body)


class Connection:
    """One socket; reads answers one by one."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))

    def fill(self):
        """Reads once; False at the end of the stream."""
        try:
            chunk = self.socket.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self.buffer += chunk
        return bool(chunk)

    def answer(self):
        """The next answer, or None when the stream ends before one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                assert self.buffer == b"", f"half an answer: {self.buffer!r}"
                return None
        head, rest = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("ascii").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        length = int(headers["content-length"])
        while len(rest) < length:
            assert self.fill(), "the stream ended inside a body"
            rest = self.buffer.split(b"\r\n\r\n", 1)[1]
        self.buffer = rest[length:]
        return Answer(int(status), headers, rest[:length])

    def is_ended(self):
        """Whether the other side sends nothing more and ends the stream."""
        return self.buffer == b"" and not self.fill() and self.buffer == b""


def request(operation, body, region=None, target=None):
    """The bytes of a DynamoDB request; with a region, signed for it (with nonsense)."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    target = target or f"DynamoDB_20120810.{operation}"
    lines = [
        "POST / HTTP/1.1", "Host: localhost", f"X-Amz-Target: {target}",
        "Content-Type: application/x-amz-json-1.0", f"Content-Length: {len(payload)}",
    ]
    if region:
        lines.append(
            f"Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/{region}/dynamodb/"
            "aws4_request, SignedHeaders=host, Signature=0")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def ask(port, operation, body, **options):
    """One request on a connection of its own."""
    with Connection(port) as connection:
        connection.send(request(operation, body, **options))
        return connection.answer()


def get(port, path="/"):
    with Connection(port) as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return connection.answer()
