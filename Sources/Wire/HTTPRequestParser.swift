/// Reads the requests of one connection from bytes that arrive in any pieces.
///
/// A pure state machine: `append` what arrived, then call ``next()`` until it returns nil. After an
/// error the connection must be closed: the parser repeats the error for ever.
///
/// Follows RFC 9112 on the strict side, see ``HTTPError``. Headers become ranges of one buffer, not
/// strings: a dictionary of strings costs 3 µs a request.
package struct RequestParser: Sendable {
    private var buffer: HTTPMessageBuffer
    private var phase = Phase.startLine
    private var head = RequestHead()
    private var failure: HTTPError?
    private var owesContinue = false

    private enum Phase: Equatable, Sendable {
        case startLine
        case headers
        case body(BodyFraming)
        /// The request was handed out; its bytes are kept for it.
        case taken
    }

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.buffer = HTTPMessageBuffer(limits: limits)
    }

    /// What the ranges of a request index.
    package var bytes: [UInt8] { self.buffer.bytes }

    /// Bytes that arrived and that no request has taken yet; hosts bound it by pausing reads.
    package var pendingBytes: Int {
        self.phase == .taken ? self.buffer.bytes.count - self.buffer.cursor : self.buffer.pending
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) { self.buffer.append(bytes) }
    package mutating func append(_ bytes: [UInt8]) { self.buffer.append(bytes) }

    /// The next complete request, or nil when more bytes are needed.
    package mutating func next() throws(HTTPError) -> HTTPRequest? {
        if let failure = self.failure { throw failure }
        do throws(HTTPError) {
            return try self.advance()
        } catch {
            self.failure = error
            throw error
        }
    }

    /// True once for a request that waits for `100 Continue` before it sends its body; ask after
    /// ``next()`` returned nil.
    package mutating func takeContinue() -> Bool {
        defer { self.owesContinue = false }
        return self.owesContinue
    }

    private mutating func advance() throws(HTTPError) -> HTTPRequest? {
        while true {
            switch self.phase {
            case .taken:
                self.buffer.beginMessage()
                self.head = RequestHead()
                self.phase = .startLine
            case .startLine:
                guard let line = try self.headLine() else { return nil }
                // RFC 9112 §2.2: an empty line before a request is skipped.
                if line.isEmpty { continue }
                try self.head.readRequestLine(self.buffer.bytes, line)
                self.head.request.headers = self.buffer.cursor..<self.buffer.cursor
                self.phase = .headers
            case .headers:
                guard let line = try self.headLine() else { return nil }
                guard line.isEmpty else {
                    try self.head.readHeader(self.buffer.bytes, line, limits: self.buffer.limits)
                    continue
                }
                let framing = try self.head.finish(
                    self.buffer.bytes,
                    end: self.buffer.cursor,
                    limits: self.buffer.limits
                )
                self.owesContinue = self.head.expectsContinue
                self.phase = .body(framing)
            case .body(let framing):
                guard try self.buffer.readBody(framing) else {
                    if self.buffer.bytes.count > self.head.request.head.upperBound {
                        self.owesContinue = false
                    }
                    return nil
                }
                self.owesContinue = false
                self.phase = .taken
                self.head.request.body = self.buffer.body
                return self.head.request
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

extension RequestParser {
    /// Appends `request` as a client would send it to the next server: without the headers that
    /// belong to this connection, and with a Content-Length.
    ///
    /// HTTP/1.0 knows requests without a Host; HTTP/1.1, in which it goes on, does not.
    package func appendRelayed(
        _ request: HTTPRequest,
        tellsVersions: Bool = false,
        to out: inout [UInt8]
    ) {
        let bytes = self.bytes
        out.append(contentsOf: bytes[request.head.lowerBound..<request.target.upperBound])
        out.append(contentsOf: " HTTP/1.1\r\n".utf8)
        if !request.hasHost { out.append(contentsOf: "Host: localhost\r\n".utf8) }
        HTTPHop.appendHeaders(bytes, request.headers, to: &out)
        if tellsVersions { out.append(contentsOf: "x-atoll-history: 1\r\n".utf8) }
        out.append(contentsOf: "Content-Length: ".utf8)
        DecimalText.append(request.body.count, to: &out)
        out.append(contentsOf: "\r\n\r\n".utf8)
        out.append(contentsOf: bytes[request.body])
    }
}
