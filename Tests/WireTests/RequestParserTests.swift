import Primitives
import Testing
import Wire

@Suite("Requests: what is read") struct RequestParserTests {
    static let putItem =
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"
        + "Content-Type: application/x-amz-json-1.0\r\nContent-Length: 13\r\n"
        + "Authorization: AWS4-HMAC-SHA256 Credential=local/20240501/eu-west-1/dynamodb/"
        + "aws4_request, SignedHeaders=host, Signature=00ff\r\n\r\n{\"Item\":\"\u{E4}\"}"
    static let chunked =
        "POST /a?b=c HTTP/1.1\r\nhOST: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "4;ext=\"1\"\r\nWiki\r\n5\r\npedia\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    static let control =
        "\r\nGET /_atoll/digest?table=T&partition=1 HTTP/1.1\r\n"
        + "Host:h\r\nx-atoll-control:\t1 \r\n\r\n"

    @Test("the parts that routing and decoding need") func readsTheParts() throws {
        let stream = RequestStream(Self.putItem)
        let request = try #require(stream.requests.first)
        #expect(stream.error == nil && stream.requests.count == 1)
        #expect(request.method == .post && request.target == "/" && request.query.isEmpty)
        #expect(request.operation == "DynamoDB_20120810.PutItem")
        #expect(request.contentType == "application/x-amz-json-1.0")
        #expect(request.region == "eu-west-1" && request.accessKey == "local")
        #expect(request.host == "127.0.0.1:8000" && !request.isControl && request.keepsAlive)
        #expect(request.body == "{\"Item\":\"\u{E4}\"}")
    }

    @Test("path and query are told apart, and control requests known") func readsControl() throws {
        let request = try #require(RequestStream(Self.control).requests.first)
        #expect(request.method == .get && request.isControl)
        #expect(request.path == "/_atoll/digest" && request.query == "table=T&partition=1")
    }

    @Test("chunks are joined, extensions and trailers dropped") func joinsChunks() throws {
        let request = try #require(RequestStream(Self.chunked).requests.first)
        #expect(request.body == "Wikipedia0123456789" && request.host == "h")
        #expect(request.path == "/a" && request.query == "b=c")
    }

    @Test(
        "the credential's region and key",
        arguments: [
            Example(
                "AWS4-HMAC-SHA256 Credential=K/d/us-east-1/dynamodb/aws4_request, S=1",
                ["K", "us-east-1"]
            ),
            Example("AWS4-HMAC-SHA256 credential=K/d/r/s/t", ["K", "r"]),
            Example("AWS4-HMAC-SHA256 Credential=a/b/d/r/s/t,x", ["a/b", "r"]),
            Example("AWS4-ECDSA-P256-SHA256 Credential=K/d/dynamodb/aws4_request, x", ["", ""]),
            Example("AWS4-HMAC-SHA256 Signature=1, Credential=K/d/r/s/t", ["", ""]),
            Example("Basic abc", ["", ""]), Example("=", ["", ""]), Example("", ["", ""]),
            Example("Credential=////", ["", ""]),
        ]
    )
    func credential(example: Example<[String]>) throws {
        let stream = RequestStream(
            "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: \(example.text)\r\n\r\n"
        )
        let request = try #require(stream.requests.first)
        #expect([request.accessKey, request.region] == example.outcome)
    }

    @Test(
        "connections live as the versions say",
        arguments: [
            Example("HTTP/1.1\r\nHost: h\r\n", true),
            Example("HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", false),
            Example("HTTP/1.1\r\nHost: h\r\nConnection: foo, CLOSE\r\n", false),
            Example("HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n", true),
            Example("HTTP/1.0\r\n", false), Example("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
            Example("HTTP/1.0\r\nHost: h\r\nConnection: keep-alive, close\r\n", false),
        ]
    )
    func keepAlive(example: Example<Bool>) throws {
        let stream = RequestStream("GET / \(example.text)\r\n")
        #expect(try #require(stream.requests.first).keepsAlive == example.outcome)
    }

    @Test("requests that follow each other at once are all read") func pipelining() {
        let input = Self.putItem + Self.chunked + Self.control + Self.putItem
        let stream = RequestStream(input)
        #expect(stream.requests.map(\.body.utf8.count) == [13, 19, 0, 13])
        #expect(stream.error == nil)
    }

    @Test("any cut of the stream gives the same requests") func cutsAnywhere() {
        let input = bytes(Self.putItem + Self.chunked + Self.control + Self.chunked)
        let whole = RequestStream(input, .whole)
        #expect(whole.requests.count == 4)
        #expect(RequestStream(input, .everyByte) == whole)
        for index in input.indices { #expect(RequestStream(input, .at(index)) == whole) }
        for seed in 0..<200 {
            let cut = Cut.random(SplitMix64(seed: UInt64(seed)), max: 60)
            #expect(RequestStream(input, cut) == whole)
        }
    }

    @Test("a request that waits for 100 Continue is told once") func continues() throws {
        var parser = RequestParser()
        parser.append(
            bytes("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        )
        #expect(try parser.next() == nil)
        let told = [parser.takeContinue(), parser.takeContinue()]
        #expect(told == [true, false])
        parser.append(bytes("ok"))
        let request = try #require(try parser.next())
        #expect(text(parser.bytes[request.body]) == "ok")

        parser.append(
            bytes(
                "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\no"
            )
        )
        #expect(try parser.next() == nil)
        let isInvited = parser.takeContinue()
        #expect(!isInvited, "a body that came anyway needs no invitation")
    }

    @Test("an error stays: nothing behind it is read") func errorsStay() {
        var parser = RequestParser()
        parser.append(bytes("GET / HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"))
        #expect(throws: HTTPError.unsupportedVersion) { try parser.next() }
        #expect(throws: HTTPError.unsupportedVersion) { try parser.next() }
    }

    @Test("a relayed request reads the same, without this connection's headers")
    func relays() throws {
        var parser = RequestParser()
        parser.append(
            bytes(
                "POST /x?y HTTP/1.1\r\nConnection: close\r\nHost: h\r\nTE: trailers\r\n"
                    + "x-amz-date: d\r\nTransfer-Encoding: chunked\r\nX-Amz-Target: A.B\r\n\r\n"
                    + "3\r\nabc\r\n0\r\n\r\n"
            )
        )
        let request = try #require(try parser.next())
        var relayed: [UInt8] = []
        parser.appendRelayed(request, to: &relayed)
        let expected =
            "POST /x?y HTTP/1.1\r\nHost: h\r\nx-amz-date: d\r\nX-Amz-Target: A.B\r\n"
            + "Content-Length: 3\r\n\r\nabc"
        #expect(text(relayed) == expected)
        #expect(RequestStream(relayed, .whole).requests.count == 1)
        var asking: [UInt8] = []
        parser.appendRelayed(request, tellsVersions: true, to: &asking)
        var node = RequestParser()
        node.append(asking)
        #expect(try node.next()?.tellsVersions == true)
        #expect(!request.tellsVersions)
    }

    @Test("an HTTP/1.0 request without a host gets one, and an empty host stays")
    func relaysHosts() throws {
        for (head, expected) in [
            ("GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n"),
            ("GET / HTTP/1.0\r\nHost: h\r\n", "GET / HTTP/1.1\r\nHost: h\r\n"),
            ("GET / HTTP/1.1\r\nHost:\r\n", "GET / HTTP/1.1\r\nHost:\r\n"),
        ] {
            var parser = RequestParser()
            parser.append(bytes(head + "\r\n"))
            let request = try #require(try parser.next())
            var relayed: [UInt8] = []
            parser.appendRelayed(request, to: &relayed)
            #expect(text(relayed) == expected + "Content-Length: 0\r\n\r\n")
            #expect(RequestStream(relayed, .whole).requests.count == 1)
        }
    }

    @Test("what the builder makes is read back") func builds() throws {
        let request = HTTPRequestBuilder.dynamoDB("ListTables", host: "127.0.0.1:1")
        let read = try #require(
            RequestStream(request.bytes(body: bytes("{}")), .whole).requests.first
        )
        #expect(read.operation == "DynamoDB_20120810.ListTables" && read.body == "{}")
        let control = HTTPRequestBuilder.control("POST", "/_atoll/clock", host: "h")
        let other = try #require(RequestStream(control.bytes(), .whole).requests.first)
        #expect(other.isControl && other.path == "/_atoll/clock" && other.method == .post)
    }

    @Test("a long connection does not keep what it served") func reclaims() throws {
        var parser = RequestParser()
        let request = bytes(Self.putItem)
        for _ in 0..<20_000 {
            parser.append(request)
            #expect(try parser.next() != nil)
            #expect(try parser.next() == nil)
        }
        #expect(parser.bytes.count <= 2 * request.count)
        #expect(parser.pendingBytes == 0)
    }
}
