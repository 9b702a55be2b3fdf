import DataModel
import Expressions
import Testing

@Suite("Substitutions")
struct SubstitutionsTests {
    private func names(_ keys: [String]) -> String {
        refusal { () throws(ExpressionError) in
            try Substitutions(names: keys.map { (bytes($0), bytes("a")) }, values: nil)
        }
    }

    private func values(_ keys: [String]) -> String {
        refusal { () throws(ExpressionError) in
            try Substitutions(names: nil, values: keys.map { (bytes($0), 1) })
        }
    }

    @Test("empty maps and malformed keys are refused")
    func keys() {
        #expect(self.names([]) == "ExpressionAttributeNames must not be empty")
        #expect(self.values([]) == "ExpressionAttributeValues must not be empty")
        for key in ["a", "#", "", "#a-b", ":a", "#é"] {
            #expect(
                self.names([key])
                    == """
                    ExpressionAttributeNames contains invalid key: Syntax error; key: \
                    \"\(key)\"
                    """
            )
        }
        for key in ["v", ":", ":a b", "#v"] {
            #expect(
                self.values([key])
                    == """
                    ExpressionAttributeValues contains invalid key: Syntax error; key: \
                    \"\(key)\"
                    """
            )
        }
        #expect(self.names(["#a", "#1", "#_x"]).hasPrefix("accepted"))
    }

    @Test("a key has at most 255 bytes")
    func keySize() {
        #expect(self.names(["#" + String(repeating: "k", count: 254)]).hasPrefix("accepted"))
        #expect(
            self.names(["#" + String(repeating: "k", count: 255)])
                == """
                ExpressionAttributeNames contains invalid key: The expression attribute map \
                contains a key that is too long; size of key: 256
                """
        )
    }

    @Test("what no expression uses is refused, names before values")
    func unused() throws {
        var substitutions = try Substitutions(
            names: [(bytes("#x"), bytes("x")), (bytes("#y"), bytes("y"))],
            values: [(bytes(":x"), 1), (bytes(":y"), 2)]
        )
        let check = { () throws(ExpressionError) in try substitutions.requireAllUsed() }
        #expect(
            refusal(check)
                == """
                Value provided in ExpressionAttributeNames unused in expressions: keys: \
                {#x, #y}
                """
        )
        _ = try ConditionExpression(parsing: bytes("#x = :y"), &substitutions)
        _ = try ProjectionExpression(parsing: bytes("#y"), &substitutions)
        #expect(
            refusal { () throws(ExpressionError) in try substitutions.requireAllUsed() }
                == "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}"
        )
        _ = try UpdateExpression(parsing: bytes("SET a = :x"), &substitutions)
        try substitutions.requireAllUsed()
    }

    @Test("many placeholders are found as well as few")
    func many() throws {
        let keys = (0..<500).map { "v\($0 * 7 % 500)" }
        var substitutions = try Substitutions(
            names: keys.map { (bytes("#" + $0), bytes($0)) },
            values: keys.map { (bytes(":" + $0), .string(bytes($0))) }
        )
        for key in keys {
            let condition = try ConditionExpression(
                parsing: bytes("#\(key) = :\(key)"),
                &substitutions
            )
            let item = Item().setting(bytes(key), .string(bytes(key)))
            #expect(try condition.evaluate(on: item))
        }
        try substitutions.requireAllUsed()
        #expect(
            refusal { () throws(ExpressionError) in
                try ConditionExpression(parsing: bytes("#v500 = :v1"), &substitutions)
            }.hasSuffix("not defined; attribute name: #v500")
        )
    }
}
