/// The methods that anything here answers to.
package enum HTTPMethod: Equatable, Sendable {
    case get, head, post, put, delete, options, other
}

/// A complete request, as ranges of the parser's ``RequestParser/bytes``.
///
/// The ranges hold until the parser is asked for the next request. A range is empty when what it
/// names is absent.
package struct HTTPRequest: Equatable, Sendable {
    package var method = HTTPMethod.other
    /// The request target as sent: `/_atoll/digest?table=T`.
    package var target = 0..<0
    /// The target up to its `?`.
    package var path = 0..<0
    /// The target after its `?`.
    package var query = 0..<0
    package var isHTTP10 = false
    /// Whether the connection may serve another request after this one.
    package var keepsAlive = true
    /// From the request line to the empty line, which is included.
    package var head = 0..<0
    /// The header lines, each with its CR LF, without the empty line.
    package var headers = 0..<0
    /// Decoded when it was sent in chunks.
    package var body = 0..<0
    /// `X-Amz-Target`: `DynamoDB_20120810.GetItem`.
    package var operation = 0..<0
    package var authorization = 0..<0
    /// The region in the credential scope of `Authorization`.
    package var credentialRegion = 0..<0
    package var accessKey = 0..<0
    package var contentType = 0..<0
    package var contentEncoding = 0..<0
    package var acceptEncoding = 0..<0
    package var host = 0..<0
    /// False in HTTP/1.0 only; a host that is there may be empty.
    package var hasHost = false
    /// `Origin`, which only browsers send.
    package var origin = 0..<0
    /// `x-atoll-control: 1`: a browser's form cannot send it.
    package var isControl = false
    /// `x-atoll-history: 1`: the answer shall tell of versions.
    package var tellsVersions = false
}
