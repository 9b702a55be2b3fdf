import DataModel
import NodeCore
import Primitives
import Testing
import Wire

/// Random attribute trees: every type, nested, with names and texts that need escapes.
private struct TreeMaker {
    var random: SplitMix64

    mutating func below(_ bound: Int) -> Int { Int(self.random.below(UInt64(bound))) }

    mutating func string() -> [UInt8] {
        let alphabet = [
            "a", "b", "\"", "\\", "\n", "\u{1}", "\u{E9}", "\u{1F600}", "/", " ", "long text",
        ]
        return bytes((0..<self.below(6)).map { _ in alphabet[self.below(alphabet.count)] }.joined())
    }

    mutating func binary() -> [UInt8] {
        (0..<self.below(9)).map { _ in UInt8(truncatingIfNeeded: self.random.next()) }
    }

    mutating func number() -> DecimalNumber {
        let digits = String(self.random.below(1_000_000_000))
        let text = (self.below(2) == 0 ? "-" : "") + digits + "e" + String(self.below(80) - 40)
        guard let number = try? DecimalNumber(text: text) else { return .zero }
        return number
    }

    mutating func value(_ depth: Int) -> AttributeValue {
        switch self.below(depth > 0 ? 10 : 8) {
        case 0: return .null
        case 1: return .bool(self.below(2) == 0)
        case 2: return .number(self.number())
        case 3: return .binary(self.binary())
        case 4: return .stringSet([self.string()] + (0..<self.below(3)).map { bytes("m\($0)") })
        case 5: return .numberSet([self.number(), DecimalNumber(7)])
        case 6: return .binarySet([self.binary(), [1, 2, 3]])
        case 7: return .string(self.string())
        case 8: return .list((0..<self.below(4)).map { _ in self.value(depth - 1) })
        default: return .map(self.map(depth - 1))
        }
    }

    mutating func map(_ depth: Int) -> AttributeMap {
        var map = AttributeMap()
        for _ in 0..<self.below(6) { map[self.string() + [0x6B]] = self.value(depth) }
        return map
    }
}

/// A number that is known to be one.
private func sample(_ number: String) -> DecimalNumber {
    guard let number = try? DecimalNumber(text: number) else { preconditionFailure() }
    return number
}

private let isEmpty =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
private let hasSeveralTypes =
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
    + "supported datatypes"
private let invalid = "One or more parameter values were invalid: "
private let notNumeric = "The parameter cannot be converted to a numeric value"

/// The item of a PutItem whose `Item` is this JSON.
private func item(_ json: String) throws(ServiceError) -> Item {
    guard case .putItem(let put) = try decode(.putItem, "{\"TableName\":\"tab\",\"Item\":\(json)}")
    else { preconditionFailure() }
    return put.item
}

/// An item's JSON, as GetItem answers it.
private func json(_ item: Item) -> String {
    let answer = text(ResponseEncoder.encode(.getItem(GetItemResponse(item: item))))
    return String(answer.dropFirst("{\"Item\":".utf8.count).dropLast())
}

@Suite("Attributes between JSON and packed form") struct AttributeTests {
    static let each: [Example<AttributeValue>] = [
        Example("{\"S\":\"a\\u00e9\\\"\"}", "a\u{E9}\""),
        Example("{\"S\":\"\"}", ""),
        Example("{\"N\":\"-1.50\"}", .number(sample("-1.5"))),
        Example("{\"N\":\"1E3\"}", 1000),
        Example("{\"B\":\"AAEC/w==\"}", .binary([0, 1, 2, 255])),
        Example("{\"B\":\"\"}", .binary([])), Example("{\"BOOL\":true}", true),
        Example("{\"BOOL\":false}", false), Example("{\"NULL\":true}", .null),
        Example("{\"SS\":[\"b\",\"a\"]}", .stringSet([bytes("a"), bytes("b")])),
        Example("{\"NS\":[\"2\",\"-1\"]}", .numberSet([DecimalNumber(-1), DecimalNumber(2)])),
        Example("{\"BS\":[\"AQ==\",\"AA==\"]}", .binarySet([[0], [1]])),
        Example("{\"L\":[{\"S\":\"x\"},{\"N\":\"1\"}]}", ["x", 1]), Example("{\"L\":[]}", []),
        Example("{\"M\":{\"k\":{\"M\":{}}}}", ["k": [:]]),
        Example("{\"S\":null,\"N\":\"1\"}", 1), Example("{\"X\":[{}],\"S\":\"x\"}", "x"),
        Example("{ \"S\" : \"spaced\" }", "spaced"),
    ]

    @Test("each type", arguments: each)
    func types(example: Example<AttributeValue>) throws {
        let item = try item("{\"v\":\(example.text)}")
        #expect(item.unpacked() == ["v": example.outcome])
        #expect(try read(json(item)) == item)
    }

    private func read(_ json: String) throws -> Item { try item(json) }

    @Test("numbers come back as plain decimals, sets and maps sorted")
    func canonical() throws {
        let item = try item(
            #"{"z":{"N":"+1.2300e2"},"a":{"NS":["10","9"]},"#
                + #""m":{"M":{"y":{"N":"1e-3"},"x":{"NULL":true}}}}"#
        )
        #expect(
            json(item)
                == #"{"a":{"NS":["9","10"]},"m":{"M":{"x":{"NULL":true},"y":{"N":"0.001"}}},"#
                + #""z":{"N":"123"}}"#
        )
    }

    @Test("any tree comes back from its JSON") func roundTrips() throws {
        for seed in 0..<UInt64(fuzzCount(20_000)) {
            var maker = TreeMaker(random: SplitMix64(seed: seed))
            let original = Item(maker.map(4))
            let again = try item(json(original))
            if again != original { Issue.record("seed \(seed): \(json(original))") }
        }
    }

    @Test(
        "values that break a rule",
        arguments: [
            Example(
                "{}",
                isEmpty
            ),
            Example(
                "{\"X\":1}",
                isEmpty
            ),
            Example(
                "null",
                isEmpty
            ),
            Example(
                "{\"S\":null}",
                isEmpty
            ),
            Example(
                "{\"S\":\"a\",\"N\":\"1\"}",
                hasSeveralTypes
            ),
            Example(
                "{\"S\":\"a\",\"N\":\"b\"}",
                notNumeric + ": b"
            ),
            Example("{\"N\":\"\"}", notNumeric),
            Example("{\"N\":\"1 \"}", notNumeric + ": 1 "),
            Example(
                "{\"N\":\"1e126\"}",
                "Number overflow. Attempting to store a number with magnitude larger than "
                    + "supported range"
            ),
            Example(
                "{\"N\":\"1e-131\"}",
                "Number underflow. Attempting to store a number with magnitude smaller than "
                    + "supported range"
            ),
            Example(
                "{\"N\":\"123456789012345678901234567890123456789\"}",
                "Attempting to store more than 38 significant digits in a Number"
            ),
            Example(
                "{\"NULL\":false}",
                invalid + "Null attribute value types must have the value of true"
            ),
            Example(
                "{\"SS\":[]}",
                invalid + "An string set  may not be empty"
            ),
            Example(
                "{\"NS\":[]}",
                invalid + "An number set  may not be empty"
            ),
            Example(
                "{\"BS\":[]}",
                invalid + "Binary sets should not be empty"
            ),
            Example(
                "{\"SS\":[\"a\",\"b\",\"a\"]}",
                invalid + "Input collection [a, b, a] contains duplicates."
            ),
            Example("{\"NS\":[\"1\",\"1.0\"]}", "Input collection contains duplicates"),
            Example(
                "{\"BS\":[\"AQ==\",\"AQ==\"]}",
                invalid + "Input collection [AQ==, AQ==]of type BS contains duplicates."
            ),
            Example(
                "{\"NS\":[\"1\",\"x\"]}",
                notNumeric + ": x"
            ),
            Example(
                "{\"L\":[{\"S\":\"a\"},{}]}",
                isEmpty
            ),
            Example(
                "{\"M\":{\"k\":{\"SS\":[]}}}",
                invalid + "An string set  may not be empty"
            ),
        ]
    )
    func broken(example: Example<String>) {
        let item = #"{"a":{"S":"x"},"v":"# + example.text + #","w":{"N":"1"}}"#
        let request = #"{"TableName":"tab","Item":"# + item + "}"
        #expect(fault(.putItem, request) == .validation(Self.told(example.outcome)))
        let batch = #"{"RequestItems":{"tab":[{"PutRequest":{"Item":"# + item + "}}]}}"
        #expect(fault(.batchWriteItem, batch) == .validation(example.outcome))
    }

    /// How single writes tell what batches say plainly.
    private static func told(_ message: String) -> String {
        if message == isEmpty || message == hasSeveralTypes { return message }
        if message == notNumeric { return counted(message + ": ") }
        return counted(
            message.replacing("[a, b, a] contains", with: #"["a", "b", "a"] contains"#)
        )
    }

    @Test(
        "values of a wrong type",
        arguments: [
            Example("1", "Unexpected value type in payload"),
            Example("\"x\"", "Unexpected value type in payload"),
            Example(
                "[]",
                "Unrecognized collection type class "
                    + "com.amazonaws.dynamodb.v20120810.AttributeValue"
            ),
            Example("{\"S\":1}", "NUMBER_VALUE cannot be converted to String"),
            Example("{\"S\":1.5}", "DECIMAL_VALUE cannot be converted to String"),
            Example("{\"S\":true}", "TRUE_VALUE cannot be converted to String"),
            Example("{\"N\":false}", "FALSE_VALUE cannot be converted to String"),
            Example("{\"S\":[]}", "Unrecognized collection type class java.lang.String"),
            Example("{\"N\":{}}", "Start of structure or map found where not expected"),
            Example("{\"BOOL\":\"true\"}", "Unexpected token received from parser"),
            Example("{\"BOOL\":1}", "NUMBER_VALUE cannot be converted to Boolean"),
            Example("{\"NULL\":[]}", "Unrecognized collection type class java.lang.Boolean"),
            Example("{\"B\":1}", "only base-64-encoded strings are convertible to bytes"),
            Example("{\"B\":[]}", "Unrecognized collection type class java.nio.ByteBuffer"),
            Example(
                "{\"B\":\"23456\"}",
                "Base64 encoded length is expected a multiple of 4 bytes but found: 5"
            ),
            Example("{\"B\":\"=+/=\"}", "Invalid last non-pad Base64 character dectected"),
            Example("{\"B\":\"+/+=\"}", "Invalid last non-pad Base64 character dectected"),
            Example("{\"B\":\"AA==AAAA\"}", "Invalid last non-pad Base64 character dectected"),
            Example("{\"B\":\"A*==\"}", "Invalid Base64 character: '*'"),
            Example("{\"SS\":\"a\"}", "Unexpected field type"),
            Example("{\"SS\":{}}", "Start of structure or map found where not expected"),
            Example("{\"SS\":[1]}", "NUMBER_VALUE cannot be converted to String"),
            Example("{\"L\":1}", "Unexpected field type"),
            Example("{\"L\":[1]}", "Unexpected value type in payload"),
            Example("{\"M\":\"x\"}", "Unexpected field type"),
            Example(
                "{\"M\":[]}",
                "Unrecognized collection type java.util.Map<java.lang.String, "
                    + "com.amazonaws.dynamodb.v20120810.AttributeValue>"
            ),
        ]
    )
    func mistyped(example: Example<String>) {
        // A broken rule before it must not hide a wrong type.
        for before in ["", "\"a\":{\"N\":\"x\"},"] {
            let request = "{\"TableName\":\"t\",\"Item\":{\(before)\"v\":\(example.text)}}"
            #expect(fault(.putItem, request) == ServiceError(.serialization, example.outcome))
        }
    }

    @Test("level 32 fits, level 33 does not, and more than the reader bears is no JSON to it")
    func nesting() {
        func nested(_ depth: Int) -> String {
            let open = String(repeating: "{\"L\":[", count: depth)
            return "{\"v\":" + open + "{\"S\":\"x\"}" + String(repeating: "]}", count: depth) + "}"
        }
        func put(_ depth: Int) -> ServiceError? {
            fault(.putItem, "{\"TableName\":\"tab\",\"Item\":\(nested(depth))}")
        }
        #expect(put(31) == nil)
        #expect(
            put(32)
                == .validation(
                    counted(
                        "Nesting Levels have exceeded supported limits: Attributes in the item "
                            + "have nested levels beyond supported limit"
                    )
                )
        )
        #expect(put(500)?.kind == .serialization)
    }

    @Test("a name twice in one map is refused at any level")
    func duplicateNames() {
        for json in [
            "{\"a\":{\"S\":\"x\"},\"a\":{\"S\":\"y\"}}",
            "{\"m\":{\"M\":{\"a\":{\"N\":\"1\"},\"a\":{\"N\":\"1\"}}}}",
            "{\"a\":{\"S\":\"x\",\"S\":\"y\"}}", "{\"a\":{\"S\":\"x\"},\"\\u0061\":{\"S\":\"y\"}}",
        ] {
            let error = fault(.putItem, "{\"TableName\":\"tab\",\"Item\":\(json)}")
            #expect(error?.kind == .serialization, "\(json)")
        }
    }

    @Test("base 64 of every length comes back") func base64() throws {
        var random = SplitMix64(seed: 5)
        for count in 0..<100 {
            let data = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let original = Item(["b": .binary(data)])
            #expect(try item(json(original)) == original)
        }
    }

    @Test("items of more than 400 KB are refused") func itemSize() {
        func put(_ count: Int) -> ServiceError? {
            let value = String(repeating: "x", count: count)
            return fault(.putItem, "{\"TableName\":\"tab\",\"Item\":{\"a\":{\"S\":\"\(value)\"}}}")
        }
        #expect(put(400 * 1024 - 1) == nil)
        #expect(put(400 * 1024) == .validation("Item size has exceeded the maximum allowed size"))
    }
}
