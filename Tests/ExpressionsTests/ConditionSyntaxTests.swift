import DataModel
import Expressions
import Testing

@Suite("Conditions: what is refused, and how")
struct ConditionSyntaxTests {
    private func message(_ text: String, kind: ExpressionKind = .condition) throws -> String {
        var substitutions = try samples()
        return refusal { () throws(ExpressionError) in
            try ConditionExpression(parsing: bytes(text), kind: kind, &substitutions)
        }
    }

    private static let prefix = "Invalid ConditionExpression: "

    @Test(
        "a syntax error names the token and its neighbours as written",
        arguments: [
            Example("foo", #"Syntax error; token: "<EOF>", near: "foo""#),
            Example("a-b", #"Syntax error; token: "-", near: "a-b""#),
            Example("a = = b", #"Syntax error; token: "=", near: "= = b""#),
            Example("a > 4", #"Syntax error; token: "4", near: "> 4""#),
            Example("a >  4 ", #"Syntax error; token: "4", near: ">  4""#),
            Example("size()", #"Syntax error; token: ")", near: "()""#),
            Example(
                "things are not gonna be ok",
                #"Syntax error; token: "are", near: "things are not""#
            ),
            Example("tenantAgent:abc-", #"Syntax error; token: ":abc", near: "tenantAgent:abc-""#),
            Example(
                "#a attribute_not_exists :s",
                ##"""
                Syntax error; token: "attribute_not_exists", near: "#a attribute_not_exists :s"
                """##
            ),
            Example("begins_with(a, G#)", ##"Syntax error; token: "#", near: "G#)""##),
            Example("[object Object]", #"Syntax error; token: "[", near: "[object""#),
            Example("a.0.b = :s", #"Syntax error; token: "0", near: ".0.""#),
            Example("a[b] = :s", #"Syntax error; token: "b", near: "[b]""#),
            Example("a[0 = :s", #"Syntax error; token: "=", near: "0 = :s""#),
            Example("_x = :s", #"Syntax error; token: "_", near: "_x""#),
            Example("a = :s AND", #"Syntax error; token: "<EOF>", near: "AND""#),
            Example("a AND b = :s", #"Syntax error; token: "AND", near: "a AND b""#),
            Example("(a = :s", #"Syntax error; token: "<EOF>", near: ":s""#),
            Example("a = :s)", #"Syntax error; token: ")", near: ":s)""#),
            Example("a = (b = :s)", #"Syntax error; token: "=", near: "b = :s""#),
            Example("(a = :s) = b", #"Syntax error; token: "=", near: ") = b""#),
            Example("a IN :s", #"Syntax error; token: ":s", near: "IN :s""#),
            Example("a IN ()", #"Syntax error; token: ")", near: "()""#),
            Example("a BETWEEN :n OR :two", #"Syntax error; token: "OR", near: ":n OR :two""#),
            Example("(size(a))[0] > :n", #"Syntax error; token: "[", near: ")[0""#),
            Example("NOT", #"Syntax error; token: "<EOF>", near: "NOT""#),
            Example(" ", #"Syntax error; token: "<EOF>", near: """#),
            Example("é = :s", #"Syntax error; token: "é", near: "é =""#),
            Example("a.and = :s", #"Syntax error; token: "and", near: ".and =""#),
            Example(":s", #"Syntax error; token: "<EOF>", near: ":s""#),
        ]
    )
    func syntax(example: Example<String>) throws {
        #expect(try self.message(example.text) == Self.prefix + example.outcome)
    }

    @Test(
        "mistakes of meaning have DynamoDB's texts",
        arguments: [
            Example("", "The expression can not be empty;"),
            Example("((a = :s))", "The expression has redundant parentheses;"),
            Example("( (a) ) = :s", "The expression has redundant parentheses;"),
            Example("name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
            Example("a.Size = :s", "Attribute name is a reserved keyword; reserved keyword: Size"),
            Example(
                "a[4294967295] = :s",
                "List index is not within the allowable range; index: [4294967295]"
            ),
            Example(
                "a[99999999999999999999999] = :s",
                "List index is not within the allowable range; index: [99999999999999999999999]"
            ),
            Example(
                "#q = :s",
                """
                An expression attribute name used in the document path is not defined; \
                attribute name: #q
                """
            ),
            Example(
                "a = :q",
                """
                An expression attribute value used in expression is not defined; attribute \
                value: :q
                """
            ),
            Example("foo(a)", "Invalid function name; function: foo"),
            Example("SIZE(a) > :n", "Invalid function name; function: SIZE"),
            Example(
                "if_not_exists(a, :s)",
                "The function is not allowed in a condition expression; function: if_not_exists"
            ),
            Example(
                "size(a)",
                "The function is not allowed to be used this way in an expression; function: size"
            ),
            Example(
                "a = :s AND size(a)",
                "The function is not allowed to be used this way in an expression; function: size"
            ),
            Example(
                "attribute_exists(a) = :true",
                """
                The function is not allowed to be used this way in an expression; function: \
                attribute_exists
                """
            ),
            Example(
                "contains(a, begins_with(b, :s))",
                """
                The function is not allowed to be used this way in an expression; function: \
                begins_with
                """
            ),
            Example(
                "attribute_exists(a, b)",
                """
                Incorrect number of operands for operator or function; operator or function: \
                attribute_exists, number of operands: 2
                """
            ),
            Example(
                "contains(a)",
                """
                Incorrect number of operands for operator or function; operator or function: \
                contains, number of operands: 1
                """
            ),
            Example(
                "attribute_exists(:s)",
                """
                Operator or function requires a document path; operator or function: \
                attribute_exists
                """
            ),
            Example(
                "begins_with(a, :n)",
                """
                Incorrect operand type for operator or function; operator or function: \
                begins_with, operand type: N
                """
            ),
            Example(
                "begins_with(:ss, a)",
                """
                Incorrect operand type for operator or function; operator or function: \
                begins_with, operand type: SS
                """
            ),
            Example(
                "size(:n) > a",
                """
                Incorrect operand type for operator or function; operator or function: size, \
                operand type: N
                """
            ),
            Example(
                "size(size(a)) > :n",
                """
                Incorrect operand type for operator or function; operator or function: size, \
                operand type: N
                """
            ),
            Example(
                "a < :true",
                """
                Incorrect operand type for operator or function; operator or function: <, \
                operand type: BOOL
                """
            ),
            Example(
                "a >= :ss",
                """
                Incorrect operand type for operator or function; operator or function: >=, \
                operand type: SS
                """
            ),
            Example(
                "attribute_type(a, :n)",
                """
                Incorrect operand type for operator or function; operator or function: \
                attribute_type, operand type: N
                """
            ),
            Example(
                "attribute_type(a, b)",
                """
                Incorrect operand type for operator or function; operator or function: \
                attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}
                """
            ),
            Example(
                "attribute_type(a, :badType)",
                """
                Invalid attribute type name found; type: STRING, valid types: \
                {B,NULL,SS,BOOL,L,BS,N,NS,S,M}
                """
            ),
            Example(
                "a.b[1] = #a.#b[1]",
                """
                The first operand must be distinct from the remaining operands for this \
                operator or function; operator: =, first operand: [a, b, [1]]
                """
            ),
            Example(
                "contains(a, a)",
                """
                The first operand must be distinct from the remaining operands for this \
                operator or function; operator: contains, first operand: [a]
                """
            ),
            Example(
                "a BETWEEN :two AND :n",
                """
                The BETWEEN operator requires upper bound to be greater than or equal to lower \
                bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: \
                AttributeValue: {N:1}
                """
            ),
            Example(
                "a BETWEEN :n AND :s",
                """
                The BETWEEN operator requires same data type for lower and upper bounds; lower \
                bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: \
                {S:str}
                """
            ),
        ]
    )
    func meaning(example: Example<String>) throws {
        #expect(try self.message(example.text) == Self.prefix + example.outcome)
    }

    @Test(
        "of several mistakes the most important one is reported",
        arguments: [
            Example("foo(name, :q) AND", #"Syntax error; token: "<EOF>", near: "AND""#),
            Example("((foo(name) ))", "The expression has redundant parentheses;"),
            Example("name = :q AND foo(a)", "Invalid function name; function: foo"),
            Example(
                "a = :q AND name = :s",
                "Attribute name is a reserved keyword; reserved keyword: name"
            ),
            Example(
                "begins_with(a, :n) AND #q = :s",
                """
                Incorrect operand type for operator or function; operator or function: \
                begins_with, operand type: N
                """
            ),
            Example(
                "begins_with(#q, :n)",
                """
                An expression attribute name used in the document path is not defined; \
                attribute name: #q
                """
            ),
        ]
    )
    func precedence(example: Example<String>) throws {
        #expect(try self.message(example.text) == Self.prefix + example.outcome)
    }

    @Test("the message names the parameter the text was given in")
    func label() throws {
        #expect(
            try self.message("name = :s", kind: .filter)
                == """
                Invalid FilterExpression: Attribute name is a reserved keyword; reserved \
                keyword: name
                """
        )
        #expect(
            try self.message("", kind: .filter)
                == "Invalid FilterExpression: The expression can not be empty;"
        )
    }

    @Test(
        "these texts are conditions",
        arguments: [
            "a = :s", "a=:s", "\t(a\n=\r:s) ", "(a) = (:s)", "NOT a = :s", "not NOT a = :s",
            "a = :s and b <> :s Or c < :n", "((a = :s) AND (b = :s))", "a in (:s,:n , b, size(c))",
            "a BETWEEN :n AND :two AND b = :s", "size(a) between :n and size(b)",
            "attribute_exists(a.b[2][3].c)", "attribute_exists((a).b)", "(a)[0].b = :s",
            "#1 = :s", "#dot.#name = :s", "contains(:s, a)", "begins_with(:s, a)",
            "size(:s) > :n", "attribute_type(a.b, :typeS)", "a1_B2 = :s", "andy = notb",
            "a [ 0 ] . b = :s", "IN1 = :s", "(attribute_exists(a))",
        ]
    )
    func accepted(text: String) throws {
        let message = try self.message(text)
        #expect(message.hasPrefix("accepted"), "\(message)")
    }
}

@Suite("Conditions: limits")
struct ConditionLimitTests {
    private func message(_ text: String) throws -> String {
        var substitutions = try samples()
        return refusal { () throws(ExpressionError) in
            try ConditionExpression(parsing: bytes(text), &substitutions)
        }
    }

    @Test("a text of 4096 bytes is parsed, one of 4097 refused")
    func textSize() throws {
        let fits = "a = :s" + String(repeating: " ", count: 4090)
        #expect(try self.message(fits).hasPrefix("accepted"))
        #expect(
            try self.message(fits + " ")
                == """
                Invalid ConditionExpression: Expression size has exceeded the maximum \
                allowed size;
                """
        )
        var substitutions = try samples()
        let scan = refusal { () throws(ExpressionError) in
            try ConditionExpression(
                parsing: bytes(fits + " "),
                kind: .scanFilter,
                &substitutions
            )
        }
        #expect(
            scan.hasSuffix(
                "Invalid FilterExpression: Expression size has exceeded the maximum "
                    + "allowed size; expression size: 4097"
            )
        )
    }

    @Test("300 operators are allowed, and any number more is called 301")
    func operators() throws {
        // n comparisons and n - 1 ORs.
        func text(_ count: Int) -> String {
            Array(repeating: "a=:n", count: count).joined(separator: " OR ")
        }
        #expect(try self.message(text(150)).hasPrefix("accepted"))
        let refusal =
            """
            Invalid ConditionExpression: The expression contains too many operators; operator \
            count: 301
            """
        #expect(try self.message("NOT NOT " + text(150)) == refusal)
        #expect(try self.message("NOT " + text(150)).hasPrefix("accepted"))
        #expect(try self.message(text(400)) == refusal)
    }

    @Test("IN takes 100 operands")
    func membership() throws {
        func text(_ count: Int) -> String {
            "a IN (" + Array(repeating: ":n", count: count).joined(separator: ",") + ")"
        }
        #expect(try self.message(text(100)).hasPrefix("accepted"))
        #expect(
            try self.message(text(101))
                == """
                Invalid ConditionExpression: The IN operator is provided with too many \
                operands; number of operands: 101
                """
        )
    }

    @Test("a path has at most 32 elements")
    func pathDepth() throws {
        func text(_ count: Int) -> String {
            Array(repeating: "a", count: count).joined(separator: ".") + " = :n"
        }
        #expect(try self.message(text(32)).hasPrefix("accepted"))
        #expect(
            try self.message(text(33))
                == """
                Invalid ConditionExpression: The document path has too many nesting levels; \
                nesting levels: 33
                """
        )
    }

    @Test("hostile nesting is refused without exhausting the stack")
    func nesting() throws {
        let open = String(repeating: "(", count: 4000)
        #expect(try self.message(open).hasPrefix("Invalid ConditionExpression: "))
        #expect(try self.message("a = " + open).hasPrefix("Invalid ConditionExpression: "))
        let nots = String(repeating: "NOT ", count: 1000)
        #expect(try self.message(nots + "a=:s").hasPrefix("Invalid ConditionExpression: "))
        let calls = String(repeating: "size(", count: 800)
        #expect(try self.message(calls).hasPrefix("Invalid ConditionExpression: "))
        let right = String(repeating: "a=:n OR(", count: 149)
        #expect(
            try self.message(right + "a=:n" + String(repeating: ")", count: 149))
                .hasPrefix("accepted")
        )
    }
}
