import NodeCore
import Primitives
import Replication
import Testing
import Wire

/// All that a stream of responses yields.
private struct ResponseStream: Equatable {
    struct Facts: Equatable {
        var status: Int
        var body: String
        var keepsAlive: Bool
        var stamp: String
    }

    var responses: [Facts] = []
    var error: HTTPError?

    init(_ input: [UInt8], _ cut: Cut, ends: Bool = false) {
        var parser = ResponseParser()
        do throws(HTTPError) {
            for piece in cut.pieces(of: input) {
                parser.append(piece)
                while let response = try parser.next() { self.take(response, parser.bytes) }
            }
            if ends, let last = try parser.endOfStream() { self.take(last, parser.bytes) }
        } catch {
            self.error = error
        }
    }

    private mutating func take(_ response: HTTPResponse, _ bytes: [UInt8]) {
        self.responses.append(
            Facts(
                status: response.status,
                body: text(bytes[response.body]),
                keepsAlive: response.keepsAlive,
                stamp: text(bytes[response.stamp])
            )
        )
    }
}

@Suite("Responses") struct ResponseTests {
    @Test("what is written is read back, with the body's CRC and an id of 52 characters")
    func roundTrip() throws {
        var writer = ResponseWriter(seed: 1)
        var out: [UInt8] = []
        let body = bytes("{\"Count\":1}")
        let note = VersionNote(
            stamp: Stamp(time: 17, region: RegionID(2)),
            write: bytes("w1"),
            previousStamp: Stamp(time: 16, region: RegionID(0)),
            previousWrite: bytes("ends\r\nthe: line")
        )
        let fields = VersionFields.lines(of: note)
        writer.append(ResponseHead(status: 200), body: body, fields: fields, to: &out)
        var parser = ResponseParser()
        parser.append(out)
        let response = try #require(try parser.next())
        #expect(response.status == 200 && response.keepsAlive)
        #expect(text(parser.bytes[response.stamp]) == "17.2")
        #expect(text(parser.bytes[response.write]) == "w1")
        #expect(text(parser.bytes[response.previousStamp]) == "16.0")
        #expect(response.previousWrite.isEmpty, "what would end the line is left out")
        #expect(text(parser.bytes[response.contentType]) == "application/x-amz-json-1.0")
        #expect(Array(parser.bytes[response.body]) == body)
        let id = parser.bytes[response.requestID]
        #expect(id.count == 52)
        #expect(
            id.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x56).contains($0) }
        )
        let head = text(parser.bytes[response.head])
        #expect(head.contains("\r\nx-amz-crc32: \(CRC32.checksum(body))\r\n"))
        #expect(head.contains("\r\nContent-Length: \(body.count)\r\n"))
        #expect(try parser.next() == nil)
        #expect(parser.isIdle)
    }

    @Test("ids do not repeat, and the same seed gives the same ids") func requestIDs() throws {
        var ids: Set<String> = []
        var writers = [ResponseWriter(seed: 9), ResponseWriter(seed: 9)]
        for _ in 0..<1_000 {
            var outs: [[UInt8]] = [[], []]
            for index in 0..<2 {
                writers[index].append(ResponseHead(status: 400), body: [], to: &outs[index])
            }
            #expect(outs[0] == outs[1])
            ids.insert(text(outs[0]))
        }
        #expect(ids.count == 1_000)
    }

    @Test("an error closes the connection with its status")
    func writesErrors() throws {
        var writer = ResponseWriter(seed: 1)
        for error in [HTTPError.badChunk, .headTooLarge, .bodyTooLarge, .unknownExpectation] {
            var out: [UInt8] = []
            writer.append(error, to: &out)
            let stream = ResponseStream(out, .whole)
            #expect(stream.responses.map(\.status) == [error.status])
            #expect(stream.responses.map(\.keepsAlive) == [false])
        }
    }

    static let several =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        + "x-atoll-stamp: s\r\n\r\nhi"
        + "HTTP/1.1 503\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        + "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
        + "HTTP/1.1 200 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    @Test("several responses, however they are cut") func cutsAnywhere() {
        let input = bytes(Self.several)
        let whole = ResponseStream(input, .whole)
        #expect(whole.error == nil)
        #expect(whole.responses.map(\.status) == [200, 503, 204, 304, 200])
        #expect(whole.responses.map(\.body) == ["hi", "abcde", "", "", ""])
        #expect(whole.responses.map(\.keepsAlive) == [true, true, true, true, false])
        #expect(whole.responses[0].stamp == "s")
        #expect(ResponseStream(input, .everyByte) == whole)
        for index in input.indices { #expect(ResponseStream(input, .at(index)) == whole) }
    }

    @Test("without a length a body ends with the stream, and a cut body is an error")
    func endsWithTheStream() {
        let open = bytes("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")
        #expect(ResponseStream(open, .everyByte).responses.isEmpty)
        let whole = ResponseStream(open, .everyByte, ends: true)
        #expect(whole.responses.map(\.body) == ["all of it"])
        #expect(whole.responses.map(\.keepsAlive) == [false])
        let cut = bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour")
        #expect(ResponseStream(cut, .whole, ends: true).error == .truncated)
        #expect(ResponseStream([], .whole, ends: true) == ResponseStream([], .whole))
    }

    @Test("the answer to HEAD has no body") func answersHead() throws {
        var parser = ResponseParser()
        parser.append(bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"))
        let response = try #require(try parser.next(answersHead: true))
        #expect(response.body.isEmpty && parser.isIdle)
    }

    @Test(
        "malformed responses",
        arguments: [
            Example("HTTP/1.1 20 OK\r\n\r\n", HTTPError.badStatusLine),
            Example("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
            Example("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
            Example("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
            Example("HTTP/1.1 200 \u{1}\r\n\r\n", .badStatusLine),
            Example("HTTP/1.1 101 Switching\r\n\r\n", .badStatusLine),
            Example("HTTP/3.0 200 OK\r\n\r\n", .unsupportedVersion),
            Example("nonsense that is long\r\n\r\n", .unsupportedVersion),
            Example("HTTP/1.1 200 OK\nA: b\n\n", .badLineEnding),
            Example(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                .ambiguousLength
            ),
            Example(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                .badContentLength
            ),
            Example("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .badHeader),
            Example("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferEncoding),
        ]
    )
    func refuses(example: Example<HTTPError>) {
        #expect(ResponseStream(bytes(example.text), .whole).error == example.outcome)
        #expect(ResponseStream(bytes(example.text), .everyByte).error == example.outcome)
    }

    @Test("a relayed response keeps status, headers and body") func relays() throws {
        var writer = ResponseWriter(seed: 3)
        var out: [UInt8] = []
        writer.append(
            ResponseHead(status: 400, keepsAlive: false),
            body: bytes("{}"),
            fields: bytes("\r\nx-atoll-stamp: x"),
            to: &out
        )
        var parser = ResponseParser()
        parser.append(out)
        let response = try #require(try parser.next())
        var relayed: [UInt8] = []
        parser.appendRelayed(response, keepsAlive: true, to: &relayed)
        let read = ResponseStream(relayed, .whole)
        #expect(read.responses.map(\.status) == [400])
        #expect(read.responses.map(\.body) == ["{}"])
        #expect(read.responses.map(\.keepsAlive) == [true])
        #expect(read.responses.map(\.stamp) == ["x"])
        #expect(text(relayed).contains(text(parser.bytes[response.requestID])))
    }

    @Test("every mutated stream gives the same responses and error however it is cut")
    func fuzz() {
        let input = bytes(Self.several)
        let hazards = [
            "\r\n", "\n", "\0", "Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n", " ",
            "0\r\n",
            "HTTP/1.1 200 OK\r\n", "ffffffffff",
        ].map(bytes)
        let seed: UInt64 = 0x5EED_0002
        var random = SplitMix64(seed: seed)
        for round in 0..<fuzzCount(60_000) {
            let mutant = mutated(input, &random, hazards: hazards)
            let cut = Cut.random(SplitMix64(seed: random.next()), max: 50)
            if ResponseStream(mutant, .whole, ends: true) != ResponseStream(mutant, cut, ends: true)
            {
                Issue.record("seed \(seed), round \(round): \(text(mutant))")
            }
        }
    }
}
