/// A complete response, as ranges of the parser's ``ResponseParser/bytes``.
///
/// The ranges hold until the parser is asked for the next response; empty when absent.
package struct HTTPResponse: Equatable, Sendable {
    package var status = 0
    package var isHTTP10 = false
    /// Whether the connection may carry another request.
    package var keepsAlive = true
    /// From the status line to the empty line, which is included.
    package var head = 0..<0
    /// The status line without its CR LF.
    package var statusLine = 0..<0
    /// The header lines, each with its CR LF, without the empty line.
    package var headers = 0..<0
    /// Decoded when it was sent in chunks.
    package var body = 0..<0
    package var contentType = 0..<0
    package var requestID = 0..<0
    /// `x-atoll-stamp`.
    package var stamp = 0..<0
    /// `x-atoll-write`.
    package var write = 0..<0
    /// `x-atoll-previous-stamp`.
    package var previousStamp = 0..<0
    /// `x-atoll-previous-write`.
    package var previousWrite = 0..<0
}

/// Reads the responses of one connection from bytes that arrive in any pieces; the client's side
/// of ``RequestParser``, and as strict.
package struct ResponseParser: Sendable {
    private var buffer: HTTPMessageBuffer
    private var phase = Phase.startLine
    private var head = ResponseLines()
    private var failure: HTTPError?

    private enum Phase: Equatable, Sendable {
        case startLine
        case headers
        case body(BodyFraming)
        case taken
    }

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.buffer = HTTPMessageBuffer(limits: limits)
    }

    package var bytes: [UInt8] { self.buffer.bytes }

    /// True between responses: a connection that closes now has lost nothing.
    package var isIdle: Bool {
        switch self.phase {
        case .taken: self.buffer.cursor == self.buffer.bytes.count
        case .startLine: self.buffer.pending == 0
        case .headers, .body: false
        }
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) { self.buffer.append(bytes) }
    package mutating func append(_ bytes: [UInt8]) { self.buffer.append(bytes) }

    /// The next complete response, or nil when more bytes are needed.
    ///
    /// Interim ones (1xx) are skipped. The answer to a HEAD request has no body, so the caller must
    /// tell it.
    package mutating func next(answersHead: Bool = false) throws(HTTPError) -> HTTPResponse? {
        if let failure = self.failure { throw failure }
        do throws(HTTPError) {
            return try self.advance(answersHead: answersHead)
        } catch {
            self.failure = error
            throw error
        }
    }

    /// The response that only the end of the stream completes; nil when none was begun.
    package mutating func endOfStream() throws(HTTPError) -> HTTPResponse? {
        if let failure = self.failure { throw failure }
        guard !self.isIdle else { return nil }
        guard self.phase == .body(.untilClose) else {
            self.failure = .truncated
            throw .truncated
        }
        self.buffer.closeBody()
        self.phase = .taken
        self.head.response.body = self.buffer.body
        return self.head.response
    }

    private mutating func advance(answersHead: Bool) throws(HTTPError) -> HTTPResponse? {
        while true {
            switch self.phase {
            case .taken:
                self.buffer.beginMessage()
                self.head = ResponseLines()
                self.phase = .startLine
            case .startLine:
                guard let line = try self.headLine() else { return nil }
                try self.head.readStatusLine(self.buffer.bytes, line)
                self.head.response.headers = self.buffer.cursor..<self.buffer.cursor
                self.phase = .headers
            case .headers:
                guard let line = try self.headLine() else { return nil }
                guard line.isEmpty else {
                    try self.head.readHeader(self.buffer.bytes, line, limits: self.buffer.limits)
                    continue
                }
                if self.head.response.status < 200 {
                    guard self.head.response.status != 101 else { throw .badStatusLine }
                    self.phase = .taken
                    continue
                }
                let framing = try self.head.finish(
                    end: self.buffer.cursor,
                    answersHead: answersHead,
                    limits: self.buffer.limits
                )
                self.phase = .body(framing)
            case .body(let framing):
                guard try self.buffer.readBody(framing) else { return nil }
                self.phase = .taken
                self.head.response.body = self.buffer.body
                return self.head.response
            }
        }
    }

    private mutating func headLine() throws(HTTPError) -> Range<Int>? {
        let used = self.buffer.cursor - self.buffer.start
        return try self.buffer.line(
            budget: self.buffer.limits.headBytesMax - used,
            or: .headTooLarge
        )
    }
}

extension ResponseParser {
    /// Appends `response` as a gateway passes it on: its status line, its headers but for those of
    /// this connection, and its body with a Content-Length.
    package func appendRelayed(
        _ response: HTTPResponse,
        keepsAlive: Bool,
        to out: inout [UInt8]
    ) {
        let bytes = self.bytes
        out.append(contentsOf: "HTTP/1.1".utf8)
        let rest = response.statusLine.lowerBound + 8..<response.statusLine.upperBound
        out.append(contentsOf: bytes[rest])
        out.append(contentsOf: "\r\n".utf8)
        HTTPHop.appendHeaders(bytes, response.headers, to: &out)
        out.append(
            contentsOf: keepsAlive ? "Connection: keep-alive".utf8 : "Connection: close".utf8
        )
        out.append(contentsOf: "\r\nContent-Length: ".utf8)
        DecimalText.append(response.body.count, to: &out)
        out.append(contentsOf: "\r\n\r\n".utf8)
        out.append(contentsOf: bytes[response.body])
    }
}

/// Collects a response's head, line by line.
private struct ResponseLines: Sendable {
    var response = HTTPResponse()
    private var headers = 0
    private var contentLength: Int?
    private var isChunked = false
    private var closes = false
    private var asksKeepAlive = false

    /// `version SP status SP reason`; some servers leave out the last space with the reason.
    mutating func readStatusLine(_ bytes: [UInt8], _ line: Range<Int>) throws(HTTPError) {
        guard line.count >= 12, bytes[line.lowerBound + 8] == 0x20 else { throw .badStatusLine }
        self.response.isHTTP10 = try HTTPVersion.isHTTP10(
            bytes,
            line.lowerBound..<line.lowerBound + 8
        )
        let digits = line.lowerBound + 9..<line.lowerBound + 12
        guard let status = HTTPSyntax.decimal(bytes, digits), status >= 100 else {
            throw .badStatusLine
        }
        for index in digits.upperBound..<line.upperBound
        where !HTTPSyntax.isFieldContent(bytes[index]) { throw .badStatusLine }
        if line.count > 12, bytes[line.lowerBound + 12] != 0x20 { throw .badStatusLine }
        self.response.status = status
        self.response.statusLine = line
        self.response.head = line
    }

    mutating func readHeader(
        _ bytes: [UInt8],
        _ line: Range<Int>,
        limits: HTTPLimits
    ) throws(HTTPError) {
        self.headers += 1
        guard self.headers <= limits.headersMax else { throw .headTooLarge }
        let (name, value) = try HTTPSyntax.header(bytes, line)
        self.response.headers = self.response.headers.lowerBound..<line.upperBound + 2
        switch name.count {
        case 10 where HTTPSyntax.matches(bytes, name, "connection"):
            HTTPSyntax.forEachElement(bytes, value) { element in
                if HTTPSyntax.matches(bytes, element, "close") { self.closes = true }
                if HTTPSyntax.matches(bytes, element, "keep-alive") { self.asksKeepAlive = true }
            }
        case 12 where HTTPSyntax.matches(bytes, name, "content-type"):
            self.response.contentType = value
        case 13 where HTTPSyntax.matches(bytes, name, "x-atoll-stamp"):
            self.response.stamp = value
        case 13 where HTTPSyntax.matches(bytes, name, "x-atoll-write"):
            self.response.write = value
        case 22 where HTTPSyntax.matches(bytes, name, "x-atoll-previous-stamp"):
            self.response.previousStamp = value
        case 22 where HTTPSyntax.matches(bytes, name, "x-atoll-previous-write"):
            self.response.previousWrite = value
        case 14 where HTTPSyntax.matches(bytes, name, "content-length"):
            guard self.contentLength == nil, let length = HTTPSyntax.decimal(bytes, value) else {
                throw .badContentLength
            }
            self.contentLength = length
        case 16 where HTTPSyntax.matches(bytes, name, "x-amzn-requestid"):
            self.response.requestID = value
        case 17 where HTTPSyntax.matches(bytes, name, "transfer-encoding"):
            guard !self.isChunked, HTTPSyntax.matches(bytes, value, "chunked") else {
                throw .badTransferEncoding
            }
            self.isChunked = true
        default: break
        }
    }

    mutating func finish(
        end: Int,
        answersHead: Bool,
        limits: HTTPLimits
    ) throws(HTTPError) -> BodyFraming {
        self.response.head = self.response.head.lowerBound..<end
        if self.isChunked {
            guard self.contentLength == nil else { throw .ambiguousLength }
            guard !self.response.isHTTP10 else { throw .badTransferEncoding }
        }
        self.response.keepsAlive =
            !self.closes && (!self.response.isHTTP10 || self.asksKeepAlive)
        if answersHead || self.response.status == 204 || self.response.status == 304 {
            return .length(0)
        }
        if self.isChunked { return .chunked }
        guard let length = self.contentLength else {
            self.response.keepsAlive = false
            return .untilClose
        }
        guard length <= limits.bodyBytesMax else { throw .bodyTooLarge }
        return .length(length)
    }
}
