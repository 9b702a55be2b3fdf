"""DynamoDB requests as an SDK sends them, over plain sockets: no retries, exact time-outs."""
import json
import socket

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
USER_AGENT = (
    "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 "
    "lang/python#3.11.2 md/pyimpl#CPython m/Z,b cfg/retry-mode#standard Botocore/1.43.11"
)


class ServiceError(Exception):
    """An answer other than 200."""

    def __init__(self, status, body):
        self.status = status
        try:
            fields = json.loads(body)
        except ValueError:
            fields = {}
        self.name = fields.get("__type", "").rpartition("#")[2] or f"HTTP {status}"
        self.message = fields.get("message") or fields.get("Message") or ""
        super().__init__(f"{self.name}: {self.message}" if self.message else self.name)


def headers(operation, region):
    """The headers of one request without Content-Length; the signature is a dummy."""
    scope = f"20260101/{region}/dynamodb/aws4_request"
    signed = "content-type;host;x-amz-date;x-amz-target"
    return [
        ("Host", f"dynamodb.{region}.amazonaws.com"),
        ("Accept-Encoding", "identity"),
        ("X-Amz-Target", f"DynamoDB_20120810.{operation}"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("User-Agent", USER_AGENT),
        ("X-Amz-Date", "20260101T120000Z"),
        (
            "Authorization",
            f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={signed}, "
            f"Signature={SIGNATURE}",
        ),
        ("amz-sdk-invocation-id", "8f6c2b3e-5d1a-4c7b-9e0f-1a2b3c4d5e6f"),
        ("amz-sdk-request", "attempt=1"),
    ]


def body_text(body):
    return body if isinstance(body, str) else json.dumps(body, separators=(", ", ": "))


def encode(operation, body, region):
    """The bytes of one request."""
    payload = body_text(body).encode()
    lines = ["POST / HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers(operation, region)]
    lines.append(f"Content-Length: {len(payload)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def split_response(buffer):
    """(status, head, body, rest) of the first whole response in the bytes, or None."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        raise OSError("a response without Content-Length")
    line_end = head.find(b"\r\n", at + 2)
    length = int(head[at + 17 : line_end if line_end >= 0 else len(head)])
    start = end + 4
    if len(buffer) < start + length:
        return None
    return int(head[9:12]), head, bytes(buffer[start : start + length]), buffer[start + length :]


class Connection:
    """One kept-alive connection to a port of this machine; opened again after a failure."""

    def __init__(self, port, timeout=5.0):
        self.port = port
        self.timeout = timeout
        self.socket = None

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def exchange(self, data):
        """Sends the bytes of one request; (status, head, body). OSError when there is no answer."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.settimeout(self.timeout)
            self.socket.sendall(data)
            buffer = bytearray()
            while True:
                answer = split_response(buffer)
                if answer:
                    return answer[:3]
                chunk = self.socket.recv(262_144)
                if not chunk:
                    raise ConnectionError("the connection was closed")
                buffer += chunk
        except BaseException:
            self.close()
            raise

    def call(self, operation, body, region):
        """The decoded answer of an operation; ServiceError or OSError otherwise."""
        status, _, answer = self.exchange(encode(operation, body, region))
        if status != 200:
            raise ServiceError(status, answer)
        return json.loads(answer)

    def get(self, path):
        """The JSON at a path of the node's own pages."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"
        status, _, answer = self.exchange(request.encode())
        if status != 200:
            raise ServiceError(status, answer)
        return json.loads(answer)


def item_of_size(size, **attributes):
    """An item of string attributes, filled up to `size` bytes as DynamoDB counts them."""
    item = {name: {"S": value} for name, value in attributes.items()}
    used = sum(len(name) + len(value) for name, value in attributes.items())
    filler = size - used - len("data")
    if filler > 0:
        item["data"] = {"S": ("abcdefghijklmnopqrstuvwxyz0123456789" * (filler // 36 + 1))[:filler]}
    return item
