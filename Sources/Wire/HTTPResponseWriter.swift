import Primitives

/// What a body is, for the header that says so.
package enum ContentType: Equatable, Sendable {
    /// DynamoDB's answers.
    case amazonJSON
    case json
    case text
    case html

    var value: StaticString {
        switch self {
        case .amazonJSON: "application/x-amz-json-1.0"
        case .json: "application/json"
        case .text: "text/plain; charset=utf-8"
        case .html: "text/html; charset=utf-8"
        }
    }
}

/// What a response says besides its body.
package struct ResponseHead: Equatable, Sendable {
    package var status: Int
    package var contentType: ContentType
    /// False: `Connection: close`, and the host closes once the bytes are out.
    package var keepsAlive: Bool
    /// The answer to a HEAD request: all but the body.
    package var isHead = false

    package init(status: Int, contentType: ContentType = .amazonJSON, keepsAlive: Bool = true) {
        self.status = status
        self.contentType = contentType
        self.keepsAlive = keepsAlive
    }
}

/// Appends responses to a connection's outbound bytes; allocates nothing of its own.
///
/// Every response carries a request id and the CRC-32 of its body, which SDKs compare.
package struct ResponseWriter: Sendable {
    private var random: SplitMix64

    /// Request ids are drawn from `seed`, which is the host's choice.
    package init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

    /// Appends a whole response; `fields` are further header lines, each behind its CR LF.
    package mutating func append(
        _ head: ResponseHead,
        body: [UInt8],
        fields: [UInt8] = [],
        to out: inout [UInt8]
    ) {
        Self.append("HTTP/1.1 ", to: &out)
        DecimalText.append(head.status, to: &out)
        out.append(0x20)
        Self.append(Self.reason(head.status), to: &out)
        Self.append("\r\nServer: Atoll\r\nConnection: ", to: &out)
        Self.append(head.keepsAlive ? "keep-alive" : "close", to: &out)
        Self.append("\r\nx-amzn-RequestId: ", to: &out)
        self.appendRequestID(to: &out)
        Self.append("\r\nx-amz-crc32: ", to: &out)
        DecimalText.append(UInt(CRC32.checksum(body)), to: &out)
        out.append(contentsOf: fields)
        Self.append("\r\nContent-Type: ", to: &out)
        Self.append(head.contentType.value, to: &out)
        Self.append("\r\nContent-Length: ", to: &out)
        DecimalText.append(body.count, to: &out)
        Self.append("\r\n\r\n", to: &out)
        if !head.isHead { out.append(contentsOf: body) }
    }

    /// Appends the interim response to `Expect: 100-continue`.
    package static func appendContinue(to out: inout [UInt8]) {
        self.append("HTTP/1.1 100 Continue\r\n\r\n", to: &out)
    }

    /// Appends the answer to bytes that are no HTTP; the host closes after it.
    package mutating func append(_ error: HTTPError, to out: inout [UInt8]) {
        self.append(
            ResponseHead(status: error.status, contentType: .text, keepsAlive: false),
            body: Array("\(error)\n".utf8),
            to: &out
        )
    }

    /// 52 characters of base 32: 26 random ones and the ending that all of the service's ids have.
    private mutating func appendRequestID(to out: inout [UInt8]) {
        var left = 26
        while left > 0 {
            var bits = self.random.next()
            for _ in 0..<min(left, 12) {
                let digit = UInt8(truncatingIfNeeded: bits & 31)
                out.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                bits >>= 5
            }
            left -= min(left, 12)
        }
        Self.append("VV4KQNSO5AEMVJF66Q9ASUAAJG", to: &out)
    }

    private static func append(_ text: StaticString, to out: inout [UInt8]) {
        out.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Unknown"
        }
    }
}
