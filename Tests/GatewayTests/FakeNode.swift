import EventLoop
import Wire

/// A node that answers what it is told to, on a loop shared with the gateway under test.
final class FakeNode {
    enum Behaviour {
        /// Answers every request with its own name and the request's body.
        case echo
        /// Takes requests and never answers them.
        case hang
        /// Closes the connection as soon as a request arrives.
        case die
    }

    /// An answer that a test makes up; `headers` are whole lines.
    struct Response {
        var status: Int
        var body: String
        var headers: [String]

        init(_ status: Int, _ body: String, _ headers: [String] = []) {
            self.status = status
            self.body = body
            self.headers = headers
        }

        var bytes: [UInt8] {
            let lines = ["HTTP/1.1 \(self.status) Made", "Content-Length: \(self.body.utf8.count)"]
            return Array(((lines + self.headers).joined(separator: "\r\n") + "\r\n\r\n").utf8)
                + Array(self.body.utf8)
        }
    }

    let name: String
    var behaviour = Behaviour.echo
    /// What to answer to an operation instead of an echo.
    var responder: ((_ operation: String, _ body: [UInt8]) -> Response)?
    /// Of each request, whether it asked for versions.
    private(set) var historyHeaders: [Bool] = []
    /// Of each request, what it accepts, as nodes read it.
    private(set) var acceptedEncodings: [String] = []
    private(set) var port: UInt16 = 0
    private(set) var requests = 0
    private let loop: EventLoop
    private var listener: TCPListener?
    private var connections: [ObjectIdentifier: TCPConnection] = [:]
    private var writer = ResponseWriter(seed: 1)

    init(_ name: String, on loop: EventLoop) throws {
        self.name = name
        self.loop = loop
        try self.start()
    }

    /// Listens, on the former port after a stop.
    func start() throws {
        let listener = try self.loop.listen(port: self.port) { self.accept($0) }
        self.listener = listener
        self.port = listener.port
    }

    /// What is left of a killed process: nothing listens, every connection ends.
    func stop() {
        self.listener?.close()
        self.listener = nil
        for connection in self.connections.values { connection.abort() }
    }

    private func accept(_ tcp: TCPConnection) {
        var parser = RequestParser()
        self.connections[ObjectIdentifier(tcp)] = tcp
        tcp.onRead = { bytes in
            parser.append(bytes)
            while let request = try? parser.next() {
                let isHealthCheck = request.method == .get && request.path.count == 1
                if !isHealthCheck { self.note(request, parser) }
                switch self.behaviour {
                case .hang: break
                case .die where !isHealthCheck: tcp.abort()
                case .echo where !isHealthCheck && self.responder != nil:
                    tcp.write(self.made(request, parser))
                case .echo, .die:
                    let body = Array("\(self.name):".utf8) + parser.bytes[request.body]
                    tcp.append {
                        self.writer.append(ResponseHead(status: 200), body: body, to: &$0)
                    }
                }
            }
        }
        tcp.onClose = { _ in self.connections[ObjectIdentifier(tcp)] = nil }
    }

    private func note(_ request: HTTPRequest, _ parser: RequestParser) {
        self.requests += 1
        let head = String(decoding: parser.bytes[request.head], as: UTF8.self)
        self.acceptedEncodings.append(
            String(decoding: parser.bytes[request.acceptEncoding], as: UTF8.self)
        )
        self.historyHeaders.append(head.contains("\r\nx-atoll-history: 1\r\n"))
    }

    private func made(_ request: HTTPRequest, _ parser: RequestParser) -> [UInt8] {
        let target = String(decoding: parser.bytes[request.operation], as: UTF8.self)
        let operation = target.split(separator: ".").last.map(String.init) ?? ""
        return self.responder?(operation, Array(parser.bytes[request.body])).bytes ?? []
    }
}

/// A client that sends bytes and collects responses.
final class FakeClient {
    struct Answer: Equatable {
        var status: Int
        var body: String
        var head: String
    }

    private(set) var answers: [Answer] = []
    private(set) var isClosed = false
    private var parser = ResponseParser()
    private(set) var tcp: TCPConnection?
    private var queued: [UInt8] = []
    var onChange: (() -> Void)?

    init(port: UInt16, on loop: EventLoop) {
        loop.connect(port: port) { result in
            guard case .success(let tcp) = result else {
                self.isClosed = true
                self.onChange?()
                return
            }
            self.tcp = tcp
            tcp.onRead = { self.received($0) }
            tcp.onClose = { _ in
                self.isClosed = true
                self.onChange?()
            }
            tcp.write(self.queued)
        }
    }

    func send(_ bytes: [UInt8]) {
        if let tcp = self.tcp { tcp.write(bytes) } else { self.queued += bytes }
    }

    /// A DynamoDB request, signed for a region when one is given.
    func send(region: String? = nil, body: String = "{}") {
        var builder = HTTPRequestBuilder.dynamoDB("GetItem", host: "localhost")
        if let region {
            builder.setHeader(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260102/\(region)/dynamodb/aws4_request, "
                    + "SignedHeaders=host, Signature=0"
            )
        }
        self.send(builder.bytes(body: Array(body.utf8)))
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.parser.append(bytes)
        while let response = try? self.parser.next() {
            self.answers.append(
                Answer(
                    status: response.status,
                    body: String(decoding: self.parser.bytes[response.body], as: UTF8.self),
                    head: String(decoding: self.parser.bytes[response.head], as: UTF8.self)
                )
            )
        }
        self.onChange?()
    }
}

extension EventLoop {
    /// Runs until the condition holds; false when two seconds did not suffice.
    func run(until condition: @escaping () -> Bool) -> Bool {
        let deadline = self.now + 2_000_000_000
        let timer = self.timer(afterNanoseconds: 0, everyNanoseconds: 1_000_000) {
            if condition() || self.now > deadline { self.stop() }
        }
        self.run()
        timer.cancel()
        return condition()
    }
}
