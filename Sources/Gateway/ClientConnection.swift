import Compression
import EventLoop
import NodeCore
import Wire

/// A client's connection: takes its requests one at a time and in order, and writes the answers.
///
/// The request that is under way stays in the parser's buffer until it is answered, so that it can
/// be sent to another node when the first could not be reached, without a copy of its own.
final class ClientConnection {
    private enum State {
        case idle
        /// A request is with a node, in a queue or delayed.
        case busy
        /// A fault swallowed the request: it is never answered.
        case swallowed
        case closed
    }

    private unowned let gateway: Gateway
    let tcp: TCPConnection
    /// The region whose port was called; nil on the shared port.
    let portRegion: Region?
    private var parser = RequestParser()
    private(set) var pace: ClientPace
    private var state = State.idle
    private var request: HTTPRequest?
    private var isAdvancing = false
    /// The region that the request under way is for.
    private(set) var region: Region?
    /// This connection in the history; 0 without one.
    let number: UInt32
    /// What the history holds of the request under way.
    var record: RecordedRequest?

    init(_ gateway: Gateway, _ tcp: TCPConnection, portRegion: Region?) {
        self.gateway = gateway
        self.tcp = tcp
        self.portRegion = portRegion
        self.pace = ClientPace(now: gateway.loop.now)
        self.number = gateway.recorder?.newClient() ?? 0
        tcp.onRead = { self.received($0) }
        tcp.onDrain = { self.drained() }
        tcp.onClose = { _ in self.closed() }
    }

    var isSwallowed: Bool { self.state == .swallowed }
    var isClosed: Bool { self.state == .closed }

    /// The request's bytes for a node, straight into its output.
    func appendRequest(to upstream: TCPConnection) {
        guard let request = self.request else { return }
        guard let record = self.record else {
            upstream.append { self.parser.appendRelayed(request, to: &$0) }
            return
        }
        record.isSent = true
        upstream.append { out in
            self.parser.appendRelayed(request, to: &out)
            // Before the empty line that ends the head.
            out.insert(contentsOf: Self.historyLines, at: out.count - request.body.count - 2)
        }
    }

    /// Asks the node to tell of versions, in an answer that can be read; of headers that are there
    /// twice, nodes heed the last.
    private static let historyLines = Array(
        "x-atoll-history: 1\r\nAccept-Encoding: identity\r\n".utf8
    )

    private var keepsAlive: Bool { self.request?.keepsAlive ?? false }
    var method: HTTPMethod { self.request?.method ?? .other }

    // MARK: Answers

    /// Passes a node's response on, and goes on with the next request.
    func answer(_ response: HTTPResponse, from parser: ResponseParser) {
        if let record = self.takeRecord() {
            self.gateway.recorder?.answered(record, response, parser.bytes)
        }
        guard self.state == .busy else { return }
        self.tcp.append {
            parser.appendRelayed(response, keepsAlive: self.keepsAlive, to: &$0)
        }
        self.finish()
    }

    /// Answers instead of a node, which was not asked.
    func answer(_ error: ErrorAnswer) {
        self.refuse(error.name)
        self.answer(status: error.status, .amazonJSON, error.body)
    }

    /// Answers instead of a node that was asked and is gone.
    func lost(_ node: String) {
        if let record = self.takeRecord() {
            self.gateway.recorder?.lost(record, "\(node) was lost")
        }
        self.answer(.internalError("Internal server error: \(node) was lost"))
    }

    private func refuse(_ reason: String) {
        guard let record = self.takeRecord() else { return }
        self.gateway.recorder?.refused(record, reason)
    }

    private func takeRecord() -> RecordedRequest? {
        guard let record = self.record else { return nil }
        self.record = nil
        return record
    }

    func answer(status: Int, _ type: ContentType, _ body: [UInt8]) {
        guard self.state == .busy else { return }
        var head = ResponseHead(
            status: status,
            contentType: type,
            keepsAlive: self.keepsAlive
        )
        head.isHead = self.method == .head
        self.tcp.append { self.gateway.writer.append(head, body: body, to: &$0) }
        self.finish()
    }

    /// Never answers, and reads no more.
    func swallow() {
        self.refuse("swallowed")
        self.state = .swallowed
        self.tcp.pauseReading()
    }

    private func finish() {
        self.region = nil
        self.pace.seen(now: self.gateway.loop.now)
        guard self.keepsAlive else {
            self.state = .closed
            // The client may still be sending, and shall see the answer all the same.
            self.tcp.closeGently()
            return
        }
        self.state = .idle
        if !self.isAdvancing { self.advance() }
    }

    // MARK: Requests

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.pace.seen(now: self.gateway.loop.now)
        self.parser.append(bytes)
        self.advance()
    }

    private func drained() {
        self.pace.seen(now: self.gateway.loop.now)
        self.advance()
    }

    /// Whether the client takes its answers fast enough to be given another.
    private var hasRoom: Bool {
        let max = self.gateway.limits.clientBacklogBytesMax
        guard self.tcp.pendingBytes > max else { return true }
        // What the kernel takes at once need not wait; of the rest `onDrain` will tell.
        self.tcp.flush()
        return self.tcp.pendingBytes <= max
    }

    /// Begins requests until one has to wait for its answer or none is complete.
    private func advance() {
        guard !self.isAdvancing else { return }
        self.isAdvancing = true
        defer { self.isAdvancing = false }
        var isIncomplete = false
        while self.state == .idle, self.hasRoom {
            do throws(HTTPError) {
                guard let request = try self.parser.next() else {
                    isIncomplete = true
                    self.pace.left(self.parser.pendingBytes, now: self.gateway.loop.now)
                    if self.parser.takeContinue() {
                        self.tcp.append { ResponseWriter.appendContinue(to: &$0) }
                    }
                    break
                }
                self.request = request
                self.pace.taken()
            } catch {
                self.state = .closed
                self.tcp.append { self.gateway.writer.append(error, to: &$0) }
                self.tcp.closeGently()
                return
            }
            self.state = .busy
            self.route()
        }
        let isAhead = self.parser.pendingBytes > self.gateway.limits.pipelinedBytesMax
        if isIncomplete || !isAhead {
            if self.state == .idle || self.state == .busy { self.tcp.resumeReading() }
        } else {
            self.tcp.pauseReading()
        }
    }

    private func route() {
        if self.isControlPath {
            guard self.portRegion == nil else {
                self.answer(status: 404, .text, Array("not here: use the shared port\n".utf8))
                return
            }
            self.gateway.control(self)
            return
        }
        guard let region = self.targetRegion() else { return }
        self.region = region
        if let recorder = self.gateway.recorder {
            recorder.admit(self, self.operation, for: region)
        } else {
            self.proceed(for: region)
        }
    }

    /// Sends the request on its way.
    func proceed(for region: Region) { self.gateway.handle(self, for: region) }

    /// The operation that is asked for; nil when it is none, or one that every node refuses.
    private var operation: Operation? {
        guard let request = self.request, request.method == .post else { return nil }
        let bytes = self.parser.bytes
        guard !request.contentEncoding.isEmpty else {
            return try? OperationDecoder.decode(
                target: request.operation,
                body: request.body,
                in: bytes
            )
        }
        let limit = HTTPLimits().bodyBytesMax
        guard let body = try? Inflater.gzip(bytes[request.body], limit: limit) else { return nil }
        let joined = bytes[request.operation] + body
        return try? OperationDecoder.decode(
            target: 0..<request.operation.count,
            body: request.operation.count..<joined.count,
            in: Array(joined)
        )
    }

    /// Where the request goes: the region of the port, of the signature, or the default one.
    private func targetRegion() -> Region? {
        if let region = self.portRegion { return region }
        let scope = self.request?.credentialRegion ?? 0..<0
        if scope.isEmpty { return self.gateway.regions[0] }
        let name = self.parser.bytes[scope]
        if let region = self.gateway.regions.first(where: { $0.nameBytes.elementsEqual(name) }) {
            return region
        }
        self.answer(
            .unknownRegion(
                String(decoding: name, as: UTF8.self),
                known: self.gateway.regions.map(\.name)
            )
        )
        return nil
    }

    private static let controlPrefix = Array("/_atoll/".utf8)

    private var isControlPath: Bool {
        let path = self.pathRange
        return path.count >= Self.controlPrefix.count
            && self.parser.bytes[path.prefix(Self.controlPrefix.count)]
                .elementsEqual(Self.controlPrefix)
    }

    var path: String { String(decoding: self.parser.bytes[self.pathRange], as: UTF8.self) }
    var body: [UInt8] { Array(self.parser.bytes[self.request?.body ?? 0..<0]) }
    var isControl: Bool { self.request?.isControl ?? false }
    private var pathRange: Range<Int> { self.request?.path ?? 0..<0 }

    /// `GET /`, by which load balancers and people see whether the service is there.
    var isHealthCheck: Bool { self.method == .get && self.pathRange.count == 1 }

    // MARK: Patience

    /// The request that is being read does not become whole.
    func isOverdue(now: UInt64) -> Bool {
        self.pace.isOverdue(self.parser.pendingBytes, now: now, self.gateway.limits.patience)
    }

    /// No request is under way, and nothing was heard for a while.
    func isSpare(now: UInt64) -> Bool {
        self.state == .idle && self.pace.isQuiet(now: now, self.gateway.limits.patience)
    }

    private func closed() {
        self.state = .closed
        // What was sent has an effect all the same; the node's answer tells.
        if let record = self.record, !record.isSent { self.refuse("the client has gone") }
        self.gateway.clientClosed(self)
    }
}
