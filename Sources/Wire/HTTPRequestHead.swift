/// Collects a request's head, line by line.
struct RequestHead: Sendable {
    var request = HTTPRequest()
    private(set) var expectsContinue = false
    private var headers = 0
    private var contentLength: Int?
    private var isChunked = false
    private var closes = false
    private var asksKeepAlive = false
    private var hosts = 0

    /// `method SP target SP version` with single spaces.
    mutating func readRequestLine(_ bytes: [UInt8], _ line: Range<Int>) throws(HTTPError) {
        var index = line.lowerBound
        while index < line.upperBound, HTTPSyntax.isToken(bytes[index]) { index += 1 }
        guard index > line.lowerBound, index < line.upperBound, bytes[index] == 0x20 else {
            throw .badRequestLine
        }
        self.request.method = Self.method(bytes, line.lowerBound..<index)
        let start = index + 1
        index = start
        var question: Int?
        while index < line.upperBound, bytes[index] > 0x20, bytes[index] < 0x7F {
            if bytes[index] == UInt8(ascii: "?"), question == nil { question = index }
            index += 1
        }
        guard index > start, index < line.upperBound, bytes[index] == 0x20 else {
            throw .badRequestLine
        }
        self.request.target = start..<index
        self.request.path = start..<(question ?? index)
        self.request.query = question.map { $0 + 1..<index } ?? 0..<0
        self.request.isHTTP10 = try HTTPVersion.isHTTP10(bytes, index + 1..<line.upperBound)
        self.request.head = line.lowerBound..<line.upperBound
    }

    private static func method(_ bytes: [UInt8], _ range: Range<Int>) -> HTTPMethod {
        // Methods are case-sensitive, and `matches` folds letters to lower case.
        for index in range where bytes[index] | 0x20 == bytes[index] { return .other }
        if HTTPSyntax.matches(bytes, range, "post") { return .post }
        if HTTPSyntax.matches(bytes, range, "get") { return .get }
        if HTTPSyntax.matches(bytes, range, "head") { return .head }
        if HTTPSyntax.matches(bytes, range, "put") { return .put }
        if HTTPSyntax.matches(bytes, range, "delete") { return .delete }
        if HTTPSyntax.matches(bytes, range, "options") { return .options }
        return .other
    }

    mutating func readHeader(
        _ bytes: [UInt8],
        _ line: Range<Int>,
        limits: HTTPLimits
    ) throws(HTTPError) {
        self.headers += 1
        guard self.headers <= limits.headersMax else { throw .headTooLarge }
        let (name, value) = try HTTPSyntax.header(bytes, line)
        self.request.headers = self.request.headers.lowerBound..<line.upperBound + 2
        // The length of the name picks the few headers that it can be.
        switch name.count {
        case 4 where HTTPSyntax.matches(bytes, name, "host"):
            self.hosts += 1
            self.request.host = value
            self.request.hasHost = true
        case 6 where HTTPSyntax.matches(bytes, name, "origin"): self.request.origin = value
        case 6 where HTTPSyntax.matches(bytes, name, "expect"):
            guard HTTPSyntax.matches(bytes, value, "100-continue") else {
                throw .unknownExpectation
            }
            self.expectsContinue = true
        case 10 where HTTPSyntax.matches(bytes, name, "connection"):
            self.readConnection(bytes, value)
        case 12 where HTTPSyntax.matches(bytes, name, "content-type"):
            self.request.contentType = value
        case 12 where HTTPSyntax.matches(bytes, name, "x-amz-target"):
            self.request.operation = value
        case 13 where HTTPSyntax.matches(bytes, name, "authorization"):
            self.request.authorization = value
            self.readCredential(bytes, value)
        case 14 where HTTPSyntax.matches(bytes, name, "content-length"):
            guard self.contentLength == nil, let length = HTTPSyntax.decimal(bytes, value) else {
                throw .badContentLength
            }
            self.contentLength = length
        case 15 where HTTPSyntax.matches(bytes, name, "x-atoll-control"):
            self.request.isControl = HTTPSyntax.matches(bytes, value, "1")
        case 15 where HTTPSyntax.matches(bytes, name, "x-atoll-history"):
            self.request.tellsVersions = HTTPSyntax.matches(bytes, value, "1")
        case 15 where HTTPSyntax.matches(bytes, name, "accept-encoding"):
            self.request.acceptEncoding = value
        case 16 where HTTPSyntax.matches(bytes, name, "content-encoding"):
            self.request.contentEncoding = value
        case 17 where HTTPSyntax.matches(bytes, name, "transfer-encoding"):
            guard !self.isChunked, HTTPSyntax.matches(bytes, value, "chunked") else {
                throw .badTransferEncoding
            }
            self.isChunked = true
        default: break
        }
    }

    private mutating func readConnection(_ bytes: [UInt8], _ value: Range<Int>) {
        HTTPSyntax.forEachElement(bytes, value) { element in
            if HTTPSyntax.matches(bytes, element, "close") { self.closes = true }
            if HTTPSyntax.matches(bytes, element, "keep-alive") { self.asksKeepAlive = true }
        }
    }

    /// Finds `Credential=KEY/date/region/service/aws4_request`; a key may hold slashes itself.
    private mutating func readCredential(_ bytes: [UInt8], _ value: Range<Int>) {
        var label = value.lowerBound
        while label < value.upperBound, bytes[label] != UInt8(ascii: "=") { label += 1 }
        guard label < value.upperBound, label - value.lowerBound >= 10,
            HTTPSyntax.matches(bytes, label - 10..<label, "credential")
        else { return }
        let start = label + 1
        var index = start
        // The last four slashes so far; what is before the first of them may hold slashes too.
        var slashes: (Int, Int, Int, Int) = (-1, -1, -1, -1)
        while index < value.upperBound, bytes[index] != UInt8(ascii: ","), bytes[index] != 0x20 {
            if bytes[index] == UInt8(ascii: "/") {
                slashes = (slashes.1, slashes.2, slashes.3, index)
            }
            index += 1
        }
        guard slashes.0 >= 0 else { return }
        self.request.accessKey = start..<slashes.0
        self.request.credentialRegion = slashes.1 + 1..<slashes.2
    }

    /// Checks the head as a whole; `end` is behind the empty line.
    mutating func finish(
        _ bytes: [UInt8],
        end: Int,
        limits: HTTPLimits
    ) throws(HTTPError) -> BodyFraming {
        self.request.head = self.request.head.lowerBound..<end
        // RFC 9112 §3.2: exactly one Host in HTTP/1.1.
        guard self.hosts == 1 || self.request.isHTTP10 && self.hosts == 0 else { throw .badHost }
        if self.isChunked {
            guard self.contentLength == nil else { throw .ambiguousLength }
            guard !self.request.isHTTP10 else { throw .badTransferEncoding }
        }
        self.request.keepsAlive =
            !self.closes && (!self.request.isHTTP10 || self.asksKeepAlive)
        self.expectsContinue = self.expectsContinue && !self.request.isHTTP10
        guard !self.isChunked else { return .chunked }
        let length = self.contentLength ?? 0
        guard length <= limits.bodyBytesMax else { throw .bodyTooLarge }
        return .length(length)
    }
}

/// The two versions that are spoken.
enum HTTPVersion {
    static func isHTTP10(_ bytes: [UInt8], _ range: Range<Int>) throws(HTTPError) -> Bool {
        guard range.count == 8 else { throw .unsupportedVersion }
        let expected: StaticString = "HTTP/1."
        for index in 0..<7 where bytes[range.lowerBound + index] != expected.utf8Start[index] {
            throw .unsupportedVersion
        }
        switch bytes[range.lowerBound + 7] {
        case UInt8(ascii: "0"): return true
        case UInt8(ascii: "1"): return false
        default: throw .unsupportedVersion
        }
    }
}

/// Headers that belong to one connection and are not passed on (RFC 9110 §7.6.1).
enum HTTPHop {
    /// Appends the header lines of `headers` that a relay passes on.
    ///
    /// Content-Length is left out as well: the relay writes its own.
    static func appendHeaders(_ bytes: [UInt8], _ headers: Range<Int>, to out: inout [UInt8]) {
        var start = headers.lowerBound
        var runStart = start
        while start < headers.upperBound {
            var colon = start
            while bytes[colon] != UInt8(ascii: ":") { colon += 1 }
            var end = colon
            while bytes[end] != 0x0A { end += 1 }
            end += 1
            if self.isHopByHop(bytes, start..<colon) {
                out.append(contentsOf: bytes[runStart..<start])
                runStart = end
            }
            start = end
        }
        out.append(contentsOf: bytes[runStart..<headers.upperBound])
    }

    private static func isHopByHop(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
        switch name.count {
        case 2: HTTPSyntax.matches(bytes, name, "te")
        case 6: HTTPSyntax.matches(bytes, name, "expect")
        case 7:
            HTTPSyntax.matches(bytes, name, "trailer")
                || HTTPSyntax.matches(bytes, name, "upgrade")
        case 10:
            HTTPSyntax.matches(bytes, name, "connection")
                || HTTPSyntax.matches(bytes, name, "keep-alive")
        case 14: HTTPSyntax.matches(bytes, name, "content-length")
        case 16: HTTPSyntax.matches(bytes, name, "proxy-connection")
        case 17: HTTPSyntax.matches(bytes, name, "transfer-encoding")
        default: false
        }
    }
}

/// Numbers as decimal text.
enum DecimalText {
    static func append(_ value: Int, to out: inout [UInt8]) {
        if value < 0 { out.append(UInt8(ascii: "-")) }
        self.append(value.magnitude, to: &out)
    }

    static func append(_ value: UInt, to out: inout [UInt8]) {
        guard value >= 10 else {
            out.append(UInt8(ascii: "0") + UInt8(value))
            return
        }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = value
        var first = 20
        while rest > 0 {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        for index in first..<20 { out.append(digits[index]) }
    }
}
