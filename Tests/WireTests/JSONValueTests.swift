import Foundation
import Primitives
import Testing
import Wire

@Suite("JSON as a tree (RFC 8259)") struct JSONValueTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONValue(parsing: bytes(text))
    }

    static let accepted: [Example<JSONValue>] = [
        Example("null", .null), Example(" true ", true), Example("false", false),
        Example("0", .number("0")), Example("-0", .number("-0")),
        Example("-12.50e+3", .number("-12.50e+3")), Example("1E400", .number("1E400")),
        Example("\"\"", ""), Example("\"a\\u00e9\\n\\/\"", "a\u{E9}\n/"),
        Example("\"\\ud83d\\uDE00\"", "\u{1F600}"), Example("\"\u{1F600}\"", "\u{1F600}"),
        Example("\"\\u0000\"", "\0"), Example("[]", []), Example("{}", [:]),
        Example("[1,[2,{\"a\":[]}]]", [1, [2, ["a": []]]]),
        Example("\t{ \"b\" : 1 ,\n\"a\":\r2 }", ["b": 1, "a": 2]),
        Example("{\"\u{E9}\":1,\"e\u{301}\":2}", ["\u{E9}": 1, "e\u{301}": 2]),
        Example("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
    ]

    @Test("what is JSON", arguments: accepted)
    func accepts(example: Example<JSONValue>) throws {
        #expect(try self.parse(example.text) == example.outcome)
        let again = try JSONValue(parsing: example.outcome.serialized())
        #expect(again == example.outcome)
        #expect(try self.parse(example.outcome.pretty()) == example.outcome)
    }

    static let refused: [Example<JSONError.Reason>] = [
        Example("", .unexpectedEnd), Example(" ", .unexpectedEnd),
        Example("nul", .unexpectedEnd), Example("nulL", .unexpectedByte),
        Example("True", .unexpectedByte), Example("NaN", .unexpectedByte),
        Example("01", .badNumber), Example("-", .badNumber), Example("+1", .unexpectedByte),
        Example("1.", .badNumber), Example(".1", .unexpectedByte), Example("1e", .badNumber),
        Example("1e+", .badNumber), Example("0x1", .trailingBytes),
        Example("1 2", .trailingBytes),
        Example("[1,]", .unexpectedByte), Example("[,1]", .unexpectedByte),
        Example("[1 2]", .unexpectedByte), Example("[1", .unexpectedEnd),
        Example("]", .unexpectedByte), Example("[}", .unexpectedByte),
        Example("{\"a\":1,}", .unexpectedByte), Example("{\"a\" 1}", .unexpectedByte),
        Example("{a:1}", .unexpectedByte), Example("{\"a\":}", .unexpectedByte),
        Example("{\"a\":1 \"b\":2}", .unexpectedByte), Example("{\"a\":1]", .unexpectedByte),
        Example("{\"a\":1,\"a\":2}", .duplicateName), Example("{1:2}", .unexpectedByte),
        Example("\"", .unexpectedEnd), Example("\"\\\"", .unexpectedEnd),
        Example("\"\n\"", .unexpectedByte), Example("\"\\x\"", .badEscape),
        Example("\"\\u12x4\"", .badEscape), Example("\"\\u12", .unexpectedEnd),
        Example("\"\\ud800\"", .badEscape), Example("\"\\ud800\\n\"", .badEscape),
        Example("\"\\ud800\\ud800\"", .badEscape), Example("\"\\udc00\"", .badEscape),
        Example("'a'", .unexpectedByte), Example("/* */1", .unexpectedByte),
        Example("\u{FEFF}1", .unexpectedByte), Example("\"a\" \"b\"", .trailingBytes),
    ]

    @Test("what is not", arguments: refused)
    func refuses(example: Example<JSONError.Reason>) {
        let error = #expect(throws: JSONError.self) { try self.parse(example.text) }
        #expect(error?.reason == example.outcome)
    }

    @Test(
        "bytes that are no UTF-8",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x80, 0x80],
            [0xE0, 0xA0], [0xED, 0xA0, 0x80], [0xEF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x90, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
            [0xE1, 0x80, 0xC0],
        ] as [[UInt8]]
    )
    func refusesBadUTF8(bad: [UInt8]) {
        for prefix in ["", "long enough for a word: ", "\\n"] {
            let input = bytes("\"" + prefix) + bad + bytes("\"")
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: input) }
            #expect(error?.reason == .badUTF8)
        }
    }

    @Test("strings of every length and every special place are cut right")
    func stringBoundaries() throws {
        for count in 0..<40 {
            let plain = String(repeating: "x", count: count)
            for special in ["\\\"", "\\\\", "\u{E9}", "\u{1F600}", "\\u0041"] {
                for place in 0...count {
                    let text =
                        "\"" + plain.prefix(place) + special + plain.dropFirst(place) + "\""
                    let expected = try JSONSerialization.jsonObject(
                        with: Data(text.utf8),
                        options: .fragmentsAllowed
                    )
                    #expect(try self.parse(text).string == expected as? String)
                }
            }
        }
    }

    @Test("depth is bounded") func bounded() throws {
        let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        _ = try self.parse(deep)
        let error = #expect(throws: JSONError.self) { try self.parse("[" + deep + "]") }
        #expect(error?.reason == .tooDeep)
        let open = String(repeating: "{\"a\":", count: 1_000_000)
        #expect(throws: JSONError.self) { try self.parse(open) }
    }

    @Test("members are found, set and removed in order") func editing() {
        var value: JSONValue = ["a": 1, "b": ["c": true]]
        value["d"] = "x"
        value["a"] = nil
        value["b"] = .array([])
        #expect(value == ["b": [], "d": "x"])
        #expect(value["d"]?.string == "x" && value["z"] == nil && value["b"]?.array == [])
        #expect(text(value.serialized()) == "{\"b\":[],\"d\":\"x\"}")
        #expect(JSONValue.number("12").int == 12 && JSONValue.number("1.5").int == nil)
        #expect(JSONValue.integer(UInt64.max).uint64 == UInt64.max)
    }

    @Test("pretty text has a line for each member") func pretty() {
        let value: JSONValue = ["a": [1, [:]], "b": ["c": "x\"y"], "e": []]
        #expect(
            value.pretty() == """
                {
                  "a": [
                    1,
                    {}
                  ],
                  "b": {
                    "c": "x\\"y"
                  },
                  "e": []
                }
                """
        )
    }

    @Test("what parses is JSON to others too, and its text parses to the same")
    func fuzz() throws {
        let seeds = [
            "{\"a\":[1,2.5e3,-0],\"b\":{\"c\":\"\\u00e9\\ud83d\\ude00x\",\"d\":null},\"e\":true}",
            "[\"\u{E9}\u{1F600}\",\"\\n\\\\\\\"\",false,[[[{}]]],{\"k\":\"a longer text\"}]",
        ].map(bytes)
        let hazards = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "\\u", "\\ud800", "\0", "e", ".", "-", "1",
            "null",
            "\u{E9}", " ", "\n",
        ].map(bytes)
        let seed: UInt64 = 0x5EED_0003
        var random = SplitMix64(seed: seed)
        var accepted = 0
        for round in 0..<fuzzCount(100_000) {
            let input = mutated(seeds[round % 2], &random, hazards: hazards)
            guard let value = try? JSONValue(parsing: input) else { continue }
            accepted += 1
            #expect(try JSONValue(parsing: value.serialized()) == value)
            let other = try? JSONSerialization.jsonObject(
                with: Data(input),
                options: .fragmentsAllowed
            )
            // Foundation refuses numbers that a Double cannot hold.
            if other == nil, !text(input).lowercased().contains("e") {
                Issue.record("seed \(seed), round \(round): \(text(input))")
            }
        }
        #expect(accepted > fuzzCount(100_000) / 50)
    }
}
