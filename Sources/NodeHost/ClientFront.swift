import Compression
import EventLoop
import NodeCore
import Primitives
import Wire

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

/// One client's connection: answers leave in the order of the requests, as pipelining demands.
final class ClientConnection {
    let connection: TCPConnection
    var parser = RequestParser()
    /// The place of the next request and of the next answer to leave.
    var nextPlace: UInt64 = 0
    private var nextToSend: UInt64 = 0
    /// Answers that came before their turn.
    private var early: [(place: UInt64, bytes: [UInt8])] = []
    private var closesAfter: UInt64?
    var isPaused = false

    init(_ connection: TCPConnection) { self.connection = connection }

    var waiting: UInt64 { self.nextPlace - self.nextToSend }

    /// Takes the answer of one place; `write` appends it to an outbound buffer.
    func answer(_ place: UInt64, keepsAlive: Bool, _ write: (inout [UInt8]) -> Void) {
        if !keepsAlive { self.closesAfter = place }
        guard place == self.nextToSend else {
            var bytes: [UInt8] = []
            write(&bytes)
            self.early.append((place, bytes))
            return
        }
        self.connection.append(write)
        self.sent()
        while let index = self.early.firstIndex(where: { $0.place == self.nextToSend }) {
            self.connection.write(self.early.remove(at: index).bytes)
            self.sent()
        }
    }

    private func sent() {
        if self.closesAfter == self.nextToSend { self.connection.close() }
        self.nextToSend += 1
    }
}

/// The node's own DynamoDB port: HTTP requests in, answers out.
final class ClientFront {
    /// Requests of one connection that may wait at once; beyond it the connection is not read.
    static let pipelinedMax: UInt64 = 256
    static let connectionsMax = 4_096

    /// What a request on a path below `/_atoll/` gets; nil when the answer comes later.
    struct ControlRequest {
        var isPost: Bool
        var hasControlHeader: Bool
        var path: String
        var query: String
        var body: [UInt8]
        var id: RequestID
    }

    private let loop: EventLoop
    private var writer: ResponseWriter
    private var pending: [UInt64: PendingRequest] = [:]
    private var nextRequest: UInt64 = 1
    private var connections: [ClientConnection] = []
    private let onOperation: (Operation, RequestID) -> Void
    private let onControl: (ControlRequest) -> Void
    private let regionName: String
    private let isIsolated: () -> Bool

    init(
        loop: EventLoop,
        seed: UInt64,
        regionName: String,
        isIsolated: @escaping () -> Bool,
        onOperation: @escaping (Operation, RequestID) -> Void,
        onControl: @escaping (ControlRequest) -> Void
    ) {
        self.loop = loop
        self.writer = ResponseWriter(seed: seed)
        self.regionName = regionName
        self.isIsolated = isIsolated
        self.onOperation = onOperation
        self.onControl = onControl
    }

    func listen(port: UInt16) throws(LoopError) {
        _ = try self.loop.listen(port: port) { [unowned self] in self.accept($0) }
    }

    private func accept(_ connection: TCPConnection) {
        guard self.connections.count < Self.connectionsMax else { return connection.abort() }
        let client = ClientConnection(connection)
        self.connections.append(client)
        connection.onRead = { [unowned self, unowned client] bytes in
            client.parser.append(bytes)
            self.readRequests(of: client)
        }
        connection.onClose = { [unowned self, unowned client] _ in
            self.connections.removeAll { $0 === client }
        }
    }

    private func readRequests(of client: ClientConnection) {
        do throws(HTTPError) {
            while client.waiting < Self.pipelinedMax {
                guard let request = try client.parser.next() else {
                    if client.parser.takeContinue() {
                        client.connection.append { ResponseWriter.appendContinue(to: &$0) }
                    }
                    return
                }
                self.take(request, of: client)
            }
            client.isPaused = true
            client.connection.pauseReading()
        } catch {
            let place = client.nextPlace
            client.nextPlace += 1
            client.answer(place, keepsAlive: false) { self.writer.append(error, to: &$0) }
        }
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

    func answer(_ id: RequestID, _ answer: Answer) {
        let encoded = AnswerEncoder.encode(answer)
        self.answer(id, status: Int(encoded.status), .amazonJSON, encoded.body, encoded.fields)
    }

    func answer(
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
        if client.isPaused, client.waiting < Self.pipelinedMax / 2 {
            client.isPaused = false
            client.connection.resumeReading()
            self.readRequests(of: client)
        }
    }
}
