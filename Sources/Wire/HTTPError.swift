/// Why a peer's bytes are refused; the connection closes after it, because where the next message
/// starts can no longer be trusted.
///
/// Whatever two parsers could read differently is refused (RFC 9112 §2.2, §5, §6, §11.2), so
/// that nothing can be smuggled between the gateway and a node.
package enum HTTPError: Error, Equatable, Sendable {
    /// A line that does not end in CR LF, or a CR elsewhere.
    case badLineEnding
    case badRequestLine
    case badStatusLine
    /// Neither HTTP/1.0 nor HTTP/1.1.
    case unsupportedVersion
    /// A name that is no token, a blank before the colon, a folded line, a control byte.
    case badHeader
    /// Absent from HTTP/1.1, or sent twice.
    case badHost
    /// Not digits only, too large, or sent twice.
    case badContentLength
    /// Anything but one `chunked`, or sent with HTTP/1.0.
    case badTransferEncoding
    /// Both Content-Length and Transfer-Encoding.
    case ambiguousLength
    case badChunk
    /// Anything but `100-continue`.
    case unknownExpectation
    case headTooLarge
    case bodyTooLarge
    /// The stream ended inside a message.
    case truncated

    /// The status that a server answers with before it closes.
    package var status: Int {
        switch self {
        case .headTooLarge: 431
        case .bodyTooLarge: 413
        case .unknownExpectation: 417
        case .badLineEnding, .badRequestLine, .badStatusLine, .unsupportedVersion, .badHeader,
            .badHost, .badContentLength, .badTransferEncoding, .ambiguousLength, .badChunk,
            .truncated:
            400
        }
    }
}

/// Bounds of one HTTP message.
package struct HTTPLimits: Equatable, Sendable {
    /// Start line and headers, and again all trailers of a chunked body.
    package var headBytesMax = 16 * 1024
    package var headersMax = 100
    package var bodyBytesMax = 16 * 1024 * 1024
    /// One chunk's size line, with its extensions.
    package var chunkLineBytesMax = 256

    package init() {}
}
