package import EventLoop
package import Wire

/// A request to the control API.
package struct ControlRequest: Sendable {
    package var method: HTTPMethod
    /// Without the query: `/v1/status`.
    package var path: String
    /// Decoded names and values, in their order.
    package var query: [(name: String, value: String)]
    package var body: [UInt8]
    /// The request carries `x-atoll-control: 1`, which a page in a browser cannot send.
    package var isControl: Bool

    package func value(_ name: String) -> String? { self.query.first { $0.name == name }?.value }
}

/// An answer of the control API.
package struct ControlAnswer: Equatable, Sendable {
    package var status: Int
    package var body: JSONValue

    package init(_ status: Int, _ body: JSONValue) {
        self.status = status
        self.body = body
    }

    package static func error(_ status: Int, _ message: String, hint: String? = nil) -> Self {
        var body: JSONValue = ["error": .string(message)]
        if let hint { body["hint"] = .string(hint) }
        return Self(status, body)
    }
}

/// A small HTTP server on loopback for the control API; requests of a connection are answered in
/// order, one at a time.
@FleetLoop package final class HTTPServer {
    package typealias Handler = @FleetLoop (ControlRequest) async -> ControlAnswer

    private let handler: Handler
    private var listener: TCPListener?
    private var writer: ResponseWriter
    private var connections: [ObjectIdentifier: TCPConnection] = [:]
    private static let connectionsMax = 256

    package private(set) var port: UInt16 = 0

    package init(_ loop: EventLoop, port: UInt16, _ handler: @escaping Handler) throws(LoopError) {
        self.handler = handler
        self.writer = ResponseWriter(seed: loop.now)
        let listener = try loop.listen(port: port) { self.accept($0) }
        self.listener = listener
        self.port = listener.port
    }

    /// Closes the port; answers that are under way are still sent.
    package func close() {
        self.listener?.close()
        self.listener = nil
        for connection in self.connections.values { connection.close() }
    }

    private func accept(_ tcp: TCPConnection) {
        guard self.connections.count < Self.connectionsMax else {
            tcp.abort()
            return
        }
        self.connections[ObjectIdentifier(tcp)] = tcp
        var limits = HTTPLimits()
        limits.bodyBytesMax = 1 << 20
        var parser = RequestParser(limits: limits)
        var isBusy = false
        func advance() {
            guard !isBusy, tcp.isOpen else { return }
            do throws(HTTPError) {
                guard let request = try parser.next() else {
                    if parser.takeContinue() {
                        tcp.append { ResponseWriter.appendContinue(to: &$0) }
                    }
                    return
                }
                isBusy = true
                let question = Self.request(request, parser.bytes)
                FleetLoop.start {
                    let answer = await self.handler(question)
                    isBusy = false
                    self.answer(answer, to: request, on: tcp)
                    advance()
                }
            } catch {
                tcp.append { self.writer.append(error, to: &$0) }
                tcp.close()
            }
        }
        tcp.onRead = { bytes in
            parser.append(bytes)
            advance()
        }
        tcp.onClose = { _ in self.connections[ObjectIdentifier(tcp)] = nil }
    }

    private func answer(_ answer: ControlAnswer, to request: HTTPRequest, on tcp: TCPConnection) {
        var head = ResponseHead(
            status: answer.status,
            contentType: .json,
            keepsAlive: request.keepsAlive
        )
        head.isHead = request.method == .head
        tcp.append { self.writer.append(head, body: answer.body.serialized(), to: &$0) }
        if !request.keepsAlive { tcp.close() }
    }

    private static func request(_ request: HTTPRequest, _ bytes: [UInt8]) -> ControlRequest {
        let query = bytes[request.query].split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            return (
                PercentCoding.decoded(parts[0]),
                parts.count > 1 ? PercentCoding.decoded(parts[1]) : ""
            )
        }
        return ControlRequest(
            method: request.method,
            path: PercentCoding.decoded(bytes[request.path]),
            query: query,
            body: Array(bytes[request.body]),
            isControl: request.isControl
        )
    }
}

/// Percent-encoding of query values (RFC 3986 §2.1).
package enum PercentCoding {
    package static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let byte = UInt8(
                    String(decoding: bytes[index + 1...index + 2], as: UTF8.self),
                    radix: 16
                )
            {
                out.append(byte)
                index += 3
            } else {
                out.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    package static func encoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return out
    }
}
