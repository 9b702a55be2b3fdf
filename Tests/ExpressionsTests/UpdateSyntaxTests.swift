import DataModel
import Expressions
import Testing

@Suite("Updates: what is refused, and how")
struct UpdateSyntaxTests {
    private func message(_ text: String) throws -> String {
        var substitutions = try samples()
        return refusal { () throws(ExpressionError) in
            try UpdateExpression(parsing: bytes(text), &substitutions)
        }
    }

    @Test(
        "DynamoDB's texts",
        arguments: [
            Example("", "The expression can not be empty;"),
            Example("a = :s", #"Syntax error; token: "a", near: "a =""#),
            Example("SET", #"Syntax error; token: "<EOF>", near: "SET""#),
            Example("SET a", #"Syntax error; token: "<EOF>", near: "a""#),
            Example("SET a = :s,", #"Syntax error; token: "<EOF>", near: ",""#),
            Example("SET a = :s b = :s", #"Syntax error; token: "b", near: ":s b =""#),
            Example("SET _123 = :s", #"Syntax error; token: "_", near: "SET _123""#),
            Example("SET a = :n + :n + :n", #"Syntax error; token: "+", near: ":n + :n""#),
            Example("SET a = 1", #"Syntax error; token: "1", near: "= 1""#),
            Example("SET (a) = :s", #"Syntax error; token: "(", near: "SET (a""#),
            Example("ADD a b", #"Syntax error; token: "b", near: "a b""#),
            Example("ADD a = :n", #"Syntax error; token: "=", near: "a = :n""#),
            Example("DELETE a", #"Syntax error; token: "<EOF>", near: "a""#),
            Example("REMOVE :s", #"Syntax error; token: ":s", near: "REMOVE :s""#),
            Example("REMOVE a, SET b = :s", #"Syntax error; token: "SET", near: ", SET b""#),
            Example("SET a = ((:n + :n))", "The expression has redundant parentheses;"),
            Example(
                "SET name = :s",
                "Attribute name is a reserved keyword; reserved keyword: name"
            ),
            Example(
                "SET a = b.status",
                "Attribute name is a reserved keyword; reserved keyword: status"
            ),
            Example("SET a = foo(b, c)", "Invalid function name; function: foo"),
            Example(
                "SET a = size(b)",
                "The function is not allowed in an update expression; function: size"
            ),
            Example(
                "SET a = :s SET b = :s",
                "The \"SET\" section can only be used once in an update expression;"
            ),
            Example(
                "remove a remove b",
                "The \"REMOVE\" section can only be used once in an update expression;"
            ),
            Example(
                "ADD a :n SET c = :n ADD b :n",
                "The \"ADD\" section can only be used once in an update expression;"
            ),
            Example(
                "DELETE a :ss DELETE b :ss",
                "The \"DELETE\" section can only be used once in an update expression;"
            ),
            Example(
                "SET #q = :s",
                """
                An expression attribute name used in the document path is not defined; \
                attribute name: #q
                """
            ),
            Example(
                "SET a = :q",
                """
                An expression attribute value used in expression is not defined; attribute \
                value: :q
                """
            ),
            Example(
                "ADD a :q",
                """
                An expression attribute value used in expression is not defined; attribute \
                value: :q
                """
            ),
            Example(
                "SET a = :s, a.b = :s",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [a], path two: [a, b]
                """
            ),
            Example(
                "SET a = :s REMOVE #a",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [a], path two: [a]
                """
            ),
            Example(
                "SET a.b = :s REMOVE a[1]",
                """
                Two document paths conflict with each other; must remove or rewrite one of \
                these paths; path one: [a, b], path two: [a, [1]]
                """
            ),
            Example(
                "SET a = :s + :n",
                """
                Incorrect operand type for operator or function; operator or function: +, \
                operand type: S
                """
            ),
            Example(
                "SET a = b - :l",
                """
                Incorrect operand type for operator or function; operator or function: -, \
                operand type: L
                """
            ),
            Example(
                "SET a = list_append(b, :s)",
                """
                Incorrect operand type for operator or function; operator or function: \
                list_append, operand type: S
                """
            ),
            Example(
                "SET a = list_append(b)",
                """
                Incorrect number of operands for operator or function; operator or function: \
                list_append, number of operands: 1
                """
            ),
            Example(
                "SET a = if_not_exists(b, c, d)",
                """
                Incorrect number of operands for operator or function; operator or function: \
                if_not_exists, number of operands: 3
                """
            ),
            Example(
                "SET a = if_not_exists(:s, b)",
                "Operator or function requires a document path; operator or function: if_not_exists"
            ),
            Example(
                "ADD a :s",
                """
                Incorrect operand type for operator or function; operator: ADD, operand type: \
                STRING, typeSet: ALLOWED_FOR_ADD_OPERAND
                """
            ),
            Example(
                "ADD a :l",
                """
                Incorrect operand type for operator or function; operator: ADD, operand type: \
                LIST, typeSet: ALLOWED_FOR_ADD_OPERAND
                """
            ),
            Example(
                "DELETE a :n",
                """
                Incorrect operand type for operator or function; operator: DELETE, operand \
                type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND
                """
            ),
            Example(
                "SET name = foo(:q) SET b = :s",
                "Attribute name is a reserved keyword; reserved keyword: name"
            ),
            Example("SET a = foo(:q) SET a = :s", "Invalid function name; function: foo"),
            Example(
                "SET a = :q, a = :s",
                """
                An expression attribute value used in expression is not defined; attribute \
                value: :q
                """
            ),
        ]
    )
    func texts(example: Example<String>) throws {
        #expect(try self.message(example.text) == "Invalid UpdateExpression: " + example.outcome)
    }

    @Test(
        "these texts are updates",
        arguments: [
            "SET a = :s", "set a=:s,b=:n", "SET a = (b)", "SET a = (b + :n)", "SET a = (b) - (:n)",
            "SET a.b[1].c = d[0]", "SET a = if_not_exists(a, :n) + :n",
            "SET a = list_append(if_not_exists(a, :l), :l)", "SET a = :n-:n",
            "REMOVE a, b[0], b[2] ADD c :n DELETE d :ss SET e = :s", "ADD a :n, b :ns, c :bs",
            "SET andy = :s", "SET a = if_not_exists(b.c, (d))",
        ]
    )
    func accepted(text: String) throws {
        let message = try self.message(text)
        #expect(message.hasPrefix("accepted"), "\(message)")
    }

    @Test("key attributes may not be updated")
    func keys() throws {
        let schema = KeySchema(
            partitionKey: KeyAttribute(name: bytes("pk"), type: .string),
            sortKey: KeyAttribute(name: bytes("sk"), type: .number)
        )
        var substitutions = try samples()
        for (text, name) in [
            ("SET a = :s, pk = :s", "pk"), ("REMOVE sk", "sk"), ("ADD sk.x :n", "sk"),
        ] {
            let update = try UpdateExpression(parsing: bytes(text), &substitutions)
            #expect(
                refusal { () throws(ExpressionError) in try update.check(schema: schema) }
                    == """
                    One or more parameter values were invalid: Cannot update attribute \
                    \(name). This attribute is part of the key
                    """
            )
        }
        try UpdateExpression(parsing: bytes("SET a = pk"), &substitutions).check(schema: schema)
    }
}
