import Compression
package import EventLoop
package import NodeCore
package import Primitives
package import Wire

/// A client's request that waits for its answer.
struct PendingRequest {
    var connection: ClientConnection
    /// Its place in the order of the connection's answers.
    var place: UInt64
    var keepsAlive: Bool
    var isHead: Bool
    /// How the answer may be compressed.
    var encoding: ContentEncoding?
    /// As it is handed to another node.
    var handOver: [UInt8]
}

/// The node's own DynamoDB port: HTTP requests in, answers out.
package final class ClientFront {
    /// A request on a path below `/_atoll/`.
    package struct ControlRequest {
        package var isPost: Bool
        package var hasControlHeader: Bool
        package var path: String
        package var query: String
        package var body: [UInt8]
        package var id: RequestID
    }

    private let loop: EventLoop
    private let limits: FrontLimits
    private var listener: TCPListener?
    private var writer: ResponseWriter
    private var pending: [UInt64: PendingRequest] = [:]
    private var nextRequest: UInt64 = 1
    /// Those that hold a place, the oldest first.
    private var connections: [ClientConnection] = []
    private let onOperation: (Operation, RequestID) -> Void
    private let onControl: (ControlRequest) -> Void
    private let regionName: String
    private let isIsolated: () -> Bool

    package init(
        loop: EventLoop,
        seed: UInt64,
        regionName: String,
        limits: FrontLimits = FrontLimits(),
        isIsolated: @escaping () -> Bool,
        onOperation: @escaping (Operation, RequestID) -> Void,
        onControl: @escaping (ControlRequest) -> Void
    ) {
        self.loop = loop
        self.limits = limits
        self.writer = ResponseWriter(seed: seed)
        self.regionName = regionName
        self.isIsolated = isIsolated
        self.onOperation = onOperation
        self.onControl = onControl
    }

    /// The port that is listened on, once it is.
    package var port: UInt16? { self.listener?.port }

    package func listen(port: UInt16) throws(LoopError) {
        self.listener = try self.loop.listen(port: port) { [unowned self] in self.accept($0) }
        let interval = self.limits.patience.sweepInterval
        _ = self.loop.timer(afterNanoseconds: interval, everyNanoseconds: interval) {
            [unowned self] in self.sweep()
        }
    }

    private func accept(_ connection: TCPConnection) {
        guard self.connections.count < self.limits.connectionsMax || self.makeRoom() else {
            return connection.abort()
        }
        let client = ClientConnection(connection, now: self.loop.now)
        self.connections.append(client)
        connection.onRead = { [unowned self, unowned client] bytes in
            guard !client.isLast else { return }
            client.pace.seen(now: self.loop.now)
            client.parser.append(bytes)
            self.readRequests(of: client)
        }
        connection.onDrain = { [unowned self, unowned client] in
            client.pace.seen(now: self.loop.now)
            self.resumeIfRoom(client)
        }
        // Keeps the client until then.
        connection.onClose = { [unowned self] _ in
            self.connections.removeAll { $0 === client }
        }
    }

    /// Closes what was quiet for longest, if it was so for long enough.
    private func makeRoom() -> Bool {
        let now = self.loop.now
        let spare = self.connections.indices.filter {
            self.connections[$0].isSpare(now: now, self.limits.patience)
        }
        let quietest = spare.min {
            self.connections[$0].pace.seenAt < self.connections[$1].pace.seenAt
        }
        guard let quietest else { return false }
        self.connections.remove(at: quietest).connection.abort()
        return true
    }

    /// Closes the connections of requests that do not become whole.
    private func sweep() {
        let now = self.loop.now
        for client in self.connections where client.isOverdue(now: now, self.limits.patience) {
            client.connection.abort()
        }
    }

    private func readRequests(of client: ClientConnection) {
        do throws(HTTPError) {
            while !client.isLast {
                guard client.takesMore(self.limits) else {
                    client.isPaused = true
                    return client.connection.pauseReading()
                }
                guard let request = try client.parser.next() else {
                    client.pace.left(client.parser.pendingBytes, now: self.loop.now)
                    if client.parser.takeContinue() {
                        client.connection.append { ResponseWriter.appendContinue(to: &$0) }
                    }
                    return
                }
                client.pace.taken()
                // RFC 9112 §9.6: what comes behind the last request is not carried out.
                client.isLast = !request.keepsAlive
                self.take(request, of: client)
            }
        } catch {
            client.isLast = true
            let place = client.nextPlace
            client.nextPlace += 1
            client.answer(place, keepsAlive: false) { self.writer.append(error, to: &$0) }
        }
    }

    private func resumeIfRoom(_ client: ClientConnection) {
        guard client.isPaused, client.waiting <= self.limits.pipelinedMax / 2,
            client.takesMore(self.limits)
        else { return }
        client.isPaused = false
        client.connection.resumeReading()
        self.readRequests(of: client)
    }

    private func take(_ request: HTTPRequest, of client: ClientConnection) {
        let id = RequestID(self.nextRequest)
        self.nextRequest += 1
        let bytes = client.parser.bytes
        var waiting = PendingRequest(
            connection: client,
            place: client.nextPlace,
            keepsAlive: request.keepsAlive,
            isHead: request.method == .head,
            encoding: request.acceptEncoding.isEmpty
                ? nil : ContentEncoding.preferred(bytes, request.acceptEncoding),
            handOver: []
        )
        client.nextPlace += 1
        let isOperation = request.method == .post && request.path.count == 1
        guard isOperation else {
            self.pending[id.number] = waiting
            return self.takeOther(request, bytes, id)
        }
        do throws(ServiceError) {
            // Almost every request is taken where it lies.
            guard request.contentEncoding.isEmpty else {
                self.pending[id.number] = waiting
                let (bytes, target, body) = try Self.decompressed(request, bytes)
                waiting.handOver = HandedOver.encode(
                    target: target,
                    body: body,
                    tellsVersions: request.tellsVersions,
                    in: bytes
                )
                self.pending[id.number] = waiting
                let operation = try OperationDecoder.decode(target: target, body: body, in: bytes)
                return self.onOperation(
                    request.tellsVersions ? operation.tellingVersions() : operation,
                    id
                )
            }
            waiting.handOver = HandedOver.encode(
                target: request.operation,
                body: request.body,
                tellsVersions: request.tellsVersions,
                in: bytes
            )
            self.pending[id.number] = waiting
            let operation = try OperationDecoder.decode(
                target: request.operation,
                body: request.body,
                in: bytes
            )
            self.onOperation(request.tellsVersions ? operation.tellingVersions() : operation, id)
        } catch {
            self.answer(id, .failure(error))
        }
    }

    /// The most that a compressed body may hold.
    private static let inflatedMax = 64 << 20

    /// A request's target and body behind each other, with the body decompressed.
    ///
    /// A coding that is not gzip, or a body that is no gzip, is an internal error, as it is in the
    /// service (ScyllaDB's test_compressed_request.py, run against it).
    private static func decompressed(
        _ request: HTTPRequest,
        _ bytes: [UInt8]
    ) throws(ServiceError) -> (bytes: [UInt8], target: Range<Int>, body: Range<Int>) {
        var joined = Array(bytes[request.operation])
        let start = joined.count
        let coding = String(decoding: bytes[request.contentEncoding], as: UTF8.self).lowercased()
        switch coding {
        case "identity": joined.append(contentsOf: bytes[request.body])
        case "gzip":
            do throws(CompressionError) {
                joined += try Inflater.gzip(bytes[request.body], limit: self.inflatedMax)
            } catch {
                throw .internalServer
            }
        default: throw .internalServer
        }
        return (joined, 0..<start, start..<joined.count)
    }

    private func takeOther(_ request: HTTPRequest, _ bytes: [UInt8], _ id: RequestID) {
        let path = String(decoding: bytes[request.path], as: UTF8.self)
        switch (request.method, path) {
        case (.get, "/"), (.head, "/"):
            let isIsolated = self.isIsolated()
            let text = isIsolated ? "isolated from" : "healthy:"
            self.answer(
                id,
                status: isIsolated ? 503 : 200,
                .text,
                Array("\(text) dynamodb.\(self.regionName).amazonaws.com ".utf8)
            )
        case (.get, _) where path.hasPrefix("/_atoll/"),
            (.post, _) where path.hasPrefix("/_atoll/"):
            self.onControl(
                ControlRequest(
                    isPost: request.method == .post,
                    hasControlHeader: request.isControl,
                    path: path,
                    query: String(decoding: bytes[request.query], as: UTF8.self),
                    body: Array(bytes[request.body]),
                    id: id
                )
            )
        default:
            self.answer(
                id,
                status: 404,
                .text,
                Array("nothing is here; DynamoDB requests are POST /\n".utf8)
            )
        }
    }

    // MARK: Answers

    /// The bytes that hand a waiting request to another node; nil when its client is gone.
    func handOver(_ id: RequestID) -> [UInt8]? { self.pending[id.number]?.handOver }

    package func answer(_ id: RequestID, _ answer: Answer) {
        let encoded = AnswerEncoder.encode(answer)
        self.answer(id, status: Int(encoded.status), .amazonJSON, encoded.body, encoded.fields)
    }

    package func answer(
        _ id: RequestID,
        status: Int,
        _ type: ContentType,
        _ body: [UInt8],
        _ fields: [UInt8] = []
    ) {
        guard let waiting = self.pending.removeValue(forKey: id.number),
            waiting.connection.connection.isOpen
        else { return }
        var head = ResponseHead(
            status: status,
            contentType: type,
            keepsAlive: waiting.keepsAlive
        )
        head.isHead = waiting.isHead
        let client = waiting.connection
        var body = body
        var fields = fields
        if let encoding = waiting.encoding, type == .amazonJSON,
            body.count >= ContentEncoding.bytesMin,
            let compressed = Deflater.compress(body, as: encoding)
        {
            body = compressed
            fields += "\r\nContent-Encoding: \(encoding.name)".utf8
        }
        client.answer(waiting.place, keepsAlive: waiting.keepsAlive) { out in
            self.writer.append(head, body: body, fields: fields, to: &out)
        }
        client.pace.seen(now: self.loop.now)
        self.resumeIfRoom(client)
    }
}
