import History
import Testing

private let header =
    #"{"type":"history","format":1,"host":"simulation","regions":["us-east-1","eu-west-1"]}"#
    + "\n"

private func problem(_ text: String) -> String? {
    do throws(HistoryError) {
        _ = try History(parsing: Array(text.utf8))
        return nil
    } catch {
        return error.description
    }
}

private func events(_ lines: String) throws -> [HistoryEvent] {
    try History(parsing: Array((header + lines).utf8)).events
}

@Suite("Histories are read strictly") struct ReaderTests {
    @Test("the documented lines mean what they say")
    func meaning() throws {
        let lines = """
            {"type":"invoke","id":12,"client":3,"region":"us-east-1","operation":"put","table":"t",\
            "key":"k1","write":"w12","condition":{"previous":"w7"},"consistent":true,\
            "virtual":5,"monotonic":9}
            {"type":"ok","id":12,"write":"w12","previous":null,"stamp":[17,1],\
            "virtual":6,"new":[{"a":[-1.5e3]}]}
            {"type":"apply","node":"a","region":"eu-west-1","partition":3,\
            "sequence":17,"table":"t","key":"k1","write":null,"delete":false,\
            "stamp":[17,0],"decision":"older","against":[18,1]}
            """
        let history = try History(parsing: Array((header + lines).utf8))
        var names = history.names
        let key = names.key("k1", table: "t")
        #expect(names.keyCount == 1 && names.writeCount == 2 && names.nodeCount == 1)
        let write = names.write("w12")
        #expect(
            history.events == [
                .invoke(
                    Invocation(
                        id: 12,
                        client: 3,
                        region: 0,
                        operation: .put,
                        key: key,
                        write: write,
                        condition: .previous(names.write("w7")),
                        isConsistent: true,
                        time: 5
                    )
                ),
                .ok(
                    Completion(
                        id: 12,
                        write: .write(write),
                        previous: .nothing,
                        stamp: HistoryStamp(17, 1),
                        time: 6
                    )
                ),
                .apply(
                    Application(
                        node: names.node("a"),
                        region: 1,
                        partition: 3,
                        sequence: 17,
                        key: key,
                        write: .nothing,
                        stamp: HistoryStamp(17, 0),
                        decision: .older,
                        against: HistoryStamp(18, 1)
                    )
                ),
            ]
        )
    }

    @Test("what is absent is unknown, what is null was not there")
    func absentIsUnknown() throws {
        let found = try events(
            """
            {"type":"ok","id":1,"virtual":6}
            {"type":"ok","id":1,"write":null,"previous":"w","virtual":6}
            """
        )
        guard case .ok(let first) = found[0], case .ok(let second) = found[1] else {
            Issue.record("not two successes")
            return
        }
        #expect(first.write == .unknown && first.previous == .unknown && first.stamp == nil)
        #expect(second.write == .nothing && second.previous.name != nil)
    }

    @Test("texts are decoded byte by byte, canonical equivalents stay apart")
    func texts() throws {
        let line = { (key: String) in
            #"{"type":"final","node":"a","region":"us-east-1","table":"t","key":"\#(key)"}"# + "\n"
        }
        let keys = [
            "e\u{301}", "\u{e9}", #"\ud83e\udeb8"#, #"\udcff\udc80"#, #"\b\f\n\r\t\/\"\\"#, "",
        ]
        let text = header + keys.map(line).joined()
        let history = try History(parsing: Array(text.utf8))
        let bytes = history.events.map { event -> [UInt8] in
            guard case .final(let state) = event else { return [] }
            return history.names.bytes(of: state.key)
        }
        #expect(
            bytes == [
                Array("e\u{301}".utf8), Array("\u{e9}".utf8), Array("🪸".utf8), [0xFF, 0x80],
                [8, 12, 10, 13, 9, 47, 34, 92], [],
            ]
        )
    }

    @Test("an error names its line and what was expected", arguments: refusals)
    func refusal(lines: String, expected: String) throws {
        let message = try #require(problem(lines))
        #expect(message == expected)
    }

    static let refusals: [(String, String)] = [
        ("", "line 1: expected the header of a history, found no line"),
        ("\n\n{}", #"line 3: "type" is missing"#),
        (
            #"{"type":"note","text":"x"}"#,
            #"line 1: expected the header of a history, {"type":"history",…}"#
        ),
        (
            #"{"type":"history","format":2,"host":"gateway","regions":[]}"#,
            "line 1: format 2 is unknown; this program reads 1"
        ),
        (
            #"{"type":"history","format":1,"host":"cloud","regions":[]}"#,
            #"line 1: "host" must be "simulation" or "gateway", not "cloud""#
        ),
        (
            #"{"type":"history","format":1,"host":"gateway","regions":["a","a"]}"#,
            #"line 1: a region stands twice in "regions""#
        ),
        (
            #"{"type":"history","format":1,"host":"gateway"}"#,
            #"line 1: "regions" is missing: the names in the order of their ranks"#
        ),
        (header + header, "line 2: a second header"),
        (header + "\nnull", "line 3: expected a JSON object at byte 1, found \"n\""),
        (
            header + #"{"type":"ok","id":1"#,
            #"line 2: expected "," or "}" at byte 20, found the end of the line"#
        ),
        (header + #"{"type":"ok"} x"#, "line 2: nothing may follow the object, but \"x\" does"),
        (
            header + #"{"type":"ok","id":-1}"#,
            #"line 2: expected "id" as a whole number at byte 19, found "-""#
        ),
        (
            header + #"{"type":"ok","id":"1"}"#,
            #"line 2: expected "id" as a whole number at byte 19, found """"#
        ),
        (header + #"{"type":"ok","id":1.5}"#, #"line 2: "id" must be a whole number"#),
        (header + #"{"type":"ok","id":01}"#, #"line 2: "id" starts with a zero"#),
        (
            header + #"{"type":"ok","id":18446744073709551616}"#,
            #"line 2: "id" must be below 2^64"#
        ),
        (header + #"{"type":"ok","id":1}"#, #"line 2: "virtual" or "monotonic" is missing"#),
        (header + #"{"type":"ok","virtual":1}"#, #"line 2: "id" is missing"#),
        (header + #"{"type":"ok","id":1,"id":1}"#, #"line 2: "id" stands twice"#),
        (
            header + #"{"type":"ok","id":1,"virtual":1,"stamp":[1,2]}"#,
            #"line 2: "stamp" is of region 2, which has no name"#
        ),
        (
            header + #"{"type":"ok","id":1,"virtual":1,"stamp":[1,300]}"#,
            #"line 2: the rank of "stamp" must be at most 255, not 300"#
        ),
        (
            header + #"{"type":"ok","stamp":[1]}"#,
            #"line 2: expected a "," and the rank of "stamp" at byte 24, found "]""#
        ),
        (
            header + #"{"type":"maybe"}"#,
            "line 2: unknown type \"maybe\"; known are invoke, ok, fail, info, apply, final, "
                + "fault, heal, note"
        ),
        (
            header + #"{"type":"invoke","operation":"scan"}"#,
            #"line 2: "operation" must be put, update, delete or get, not "scan""#
        ),
        (
            header + #"{"type":"invoke","operation":"put"}"#,
            #"line 2: "write" is missing: a write needs a unique name"#
        ),
        (
            header
                + #"{"type":"final","node":"a","region":"mars","table":"t","key":"k"}"#,
            #"line 2: the header has no region "mars""#
        ),
        (
            header + #"{"type":"ok","condition":{"since":1}}"#,
            #"line 2: "condition" must be {"previous": WRITE} or {"exists": true or false}"#
        ),
        (header + #"{"type":"\ud800"}"#, "line 2: byte 15: half a surrogate pair"),
        (header + #"{"type":"\udc00"}"#, "line 2: byte 15: half a surrogate pair"),
        (header + #"{"type":"\x"}"#, "line 2: byte 11: no escape of JSON"),
        (
            header + "{\"type\":\"a\u{1}\"}",
            #"line 2: a text holds the control byte 1; write it as \u00xx"#
        ),
        (
            header + #"{"other":"# + String(repeating: "[", count: 20),
            "line 2: values nest deeper than 16"
        ),
    ]

    @Test("a line is at most a mebibyte, whether it comes whole or in pieces")
    func longLines() throws {
        let line = Array(header.utf8) + [UInt8](repeating: 0x20, count: 1 << 20) + [0x20, 0x0A]
        for size in [line.count, 1000] {
            var reader = HistoryReader()
            var failure: HistoryError?
            do throws(HistoryError) {
                var start = 0
                while start < line.count {
                    let end = min(line.count, start + size)
                    try reader.feed(Array(line[start..<end])) { _ in }
                    start = end
                }
            } catch {
                failure = error
            }
            #expect(failure == HistoryError(line: 2, "longer than 1048576 bytes"))
        }
    }
}
