import Primitives
import Testing
import Wire

@Suite("Requests: what is refused (RFC 9112)") struct RequestRefusalTests {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n"
    private static let post = "POST / HTTP/1.1\r\nHost: h\r\n"
    private static let chunks = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let refused: [Example<HTTPError>] = [
        // Lengths that two parsers could read differently.
        Example(post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .ambiguousLength),
        Example(post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .ambiguousLength),
        Example(post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length: 1, 1\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length: +1\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length: -1\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length: 0x1\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length: 1 2\r\n\r\nx", .badContentLength),
        Example(post + "Content-Length:\r\n\r\n", .badContentLength),
        Example(post + "Content-Length: 99999999999999999999\r\n\r\n", .badContentLength),
        Example(post + "Content-Length: 9999999999999999999\r\n\r\n", .badContentLength),
        Example(post + "Content-Length: 16777217\r\n\r\n", .bodyTooLarge),
        Example(post + "Transfer-Encoding: gzip\r\n\r\n", .badTransferEncoding),
        Example(post + "Transfer-Encoding: gzip, chunked\r\n\r\n", .badTransferEncoding),
        Example(post + "Transfer-Encoding: chunked, chunked\r\n\r\n", .badTransferEncoding),
        Example(post + "Transfer-Encoding: identity\r\n\r\n", .badTransferEncoding),
        Example(post + "Transfer-Encoding: \u{B}chunked\r\n\r\n", .badHeader),
        Example(
            post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .badTransferEncoding
        ),
        Example(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .badTransferEncoding
        ),
        // Lines.
        Example("GET / HTTP/1.1\nHost: h\n\n", .badLineEnding),
        Example(get + "A: b\n\r\n", .badLineEnding),
        Example("\nGET / HTTP/1.1\r\n", .badLineEnding),
        Example(get + "A: b\rC: d\r\n\r\n", .badHeader),
        Example(get + "A: b\r\r\n\r\n", .badHeader),
        Example("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", .unsupportedVersion),
        // Headers.
        Example(get + "A : b\r\n\r\n", .badHeader),
        Example(get + "A\t: b\r\n\r\n", .badHeader),
        Example(get + " folded\r\n\r\n", .badHeader),
        Example(get + "A: b\r\n folded\r\n\r\n", .badHeader),
        Example(get + "A: b\r\n\tfolded\r\n\r\n", .badHeader),
        Example("GET / HTTP/1.1\r\n Host: h\r\n\r\n", .badHeader),
        Example(get + ": b\r\n\r\n", .badHeader),
        Example(get + "A\r\n\r\n", .badHeader),
        Example(get + "A: b\u{0}c\r\n\r\n", .badHeader),
        Example(get + "A\u{0}: b\r\n\r\n", .badHeader),
        Example(get + "A: \u{7F}\r\n\r\n", .badHeader),
        Example(get + "(A): b\r\n\r\n", .badHeader),
        Example(get + "\u{C4}: b\r\n\r\n", .badHeader),
        Example(get + "Expect: something\r\n\r\n", .unknownExpectation),
        // Hosts.
        Example("GET / HTTP/1.1\r\n\r\n", .badHost),
        Example(get + "Host: h\r\n\r\n", .badHost),
        // The first line.
        Example("GET  / HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET /  HTTP/1.1\r\n\r\n", .unsupportedVersion),
        Example("GET / HTTP/1.1 \r\n\r\n", .unsupportedVersion),
        Example(" GET / HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET\t/ HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET / \r\n\r\n", .unsupportedVersion),
        Example("GET /\r\n\r\n", .badRequestLine), Example("GET\r\n\r\n", .badRequestLine),
        Example("G(T / HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET /\u{1} HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET /\u{E4} HTTP/1.1\r\n\r\n", .badRequestLine),
        Example("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion),
        Example("GET / HTTP/1.2\r\n\r\n", .unsupportedVersion),
        Example("GET / http/1.1\r\n\r\n", .unsupportedVersion),
        Example("GET / HTTP/01.1\r\n\r\n", .unsupportedVersion),
        Example("GET / HTTP/1.10\r\n\r\n", .unsupportedVersion),
        Example("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        // Chunks.
        Example(chunks + "x\r\n", .badChunk), Example(chunks + "\r\n", .badChunk),
        Example(chunks + "-1\r\n", .badChunk), Example(chunks + "+1\r\n", .badChunk),
        Example(chunks + "1 \r\na\r\n", .badChunk), Example(chunks + " 1\r\na\r\n", .badChunk),
        Example(chunks + "0x1\r\na\r\n", .badChunk), Example(chunks + "1\na\r\n", .badLineEnding),
        Example(chunks + "1\r\nab\r\n", .badChunk), Example(chunks + "1\r\na\n", .badLineEnding),
        Example(chunks + "1;\u{0}\r\na\r\n", .badChunk),
        Example(chunks + "1;a\rb\r\na\r\n", .badChunk),
        Example(chunks + "1000001\r\n", .bodyTooLarge),
        Example(chunks + "ffffffffffffffff\r\n", .bodyTooLarge),
        Example(chunks + "10000000000000000\r\n", .bodyTooLarge),
        Example(chunks + "0\r\nBad header: x\r\n\r\n", .badHeader),
        Example(chunks + "0\r\n folded\r\n\r\n", .badHeader),
    ]

    @Test("ambiguous or malformed bytes", arguments: refused)
    func refuses(example: Example<HTTPError>) {
        let stream = RequestStream(example.text)
        #expect(stream.error == example.outcome && stream.requests.isEmpty)
        #expect(RequestStream(example.text, .everyByte) == stream)
        #expect((400..<500).contains(example.outcome.status))
    }

    @Test("nothing behind a refused request is served") func nothingSmuggled() {
        for example in Self.refused {
            let stream = RequestStream(example.text + "GET /admin HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(stream.error == example.outcome && stream.requests.isEmpty)
        }
    }

    @Test("heads of more than 16 KB, however they arrive")
    func boundsTheHead() {
        let long = "GET / HTTP/1.1\r\nHost: h\r\nA: " + String(repeating: "x", count: 17_000)
        for input in [long, long + "\r\n\r\n", String(repeating: "\r\n", count: 9_000)] {
            #expect(RequestStream(input).error == .headTooLarge)
            #expect(RequestStream(input, .everyByte).error == .headTooLarge)
        }
        let many = String(repeating: "A: b\r\n", count: 101)
        #expect(RequestStream(Self.get + many + "\r\n").error == .headTooLarge)
        let fits = Self.get + String(repeating: "A: b\r\n", count: 99) + "\r\n"
        #expect(RequestStream(fits).requests.count == 1)
    }

    @Test("a body of many small chunks is bounded and needs no more than its size")
    func boundsChunks() throws {
        var limits = HTTPLimits()
        limits.bodyBytesMax = 100_000
        var parser = RequestParser(limits: limits)
        parser.append(bytes(Self.chunks))
        for _ in 0..<100_000 {
            parser.append(bytes("1;extension=0123456789012345\r\nx\r\n"))
            #expect(try parser.next() == nil)
        }
        #expect(parser.bytes.count < 300_000)
        parser.append(bytes("1\r\n"))
        #expect(throws: HTTPError.bodyTooLarge) { try parser.next() }
    }

    @Test("every mutated stream gives the same requests and error however it is cut")
    func fuzz() {
        let seeds = [
            RequestParserTests.putItem, RequestParserTests.chunked, RequestParserTests.control,
            RequestParserTests.putItem + RequestParserTests.chunked,
        ].map(bytes)
        let hazards = [
            "\r\n", "\n", "\r", "\0", ":", " ", "\t", "\r\n\r\n", "0\r\n\r\n",
            "Content-Length: 3\r\n",
            "Transfer-Encoding: chunked\r\n", "HTTP/1.0", "Host: x\r\n", "ffffffff\r\n", ";",
            "\u{FF}",
            "Connection: close\r\n", "99999999999999999999", "Expect: 100-continue\r\n",
        ].map(bytes)
        let seed: UInt64 = 0x5EED_0001
        var random = SplitMix64(seed: seed)
        var refused = 0
        for round in 0..<fuzzCount(120_000) {
            let input = mutated(
                seeds[Int(random.below(UInt64(seeds.count)))],
                &random,
                hazards: hazards
            )
            let whole = RequestStream(input, .whole)
            let cut = Cut.random(SplitMix64(seed: random.next()), max: 40)
            let pieces = RequestStream(input, cut)
            if whole != pieces { Issue.record("seed \(seed), round \(round): \(text(input))") }
            if whole.error != nil { refused += 1 }
        }
        #expect(refused > fuzzCount(120_000) / 4)
    }

    @Test("random bytes are never a request") func noise() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<fuzzCount(20_000) {
            let noise = (0..<Int(random.below(200))).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            #expect(RequestStream(noise, .whole).requests.isEmpty)
        }
    }
}
