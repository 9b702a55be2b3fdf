import DataModel
import Expressions
import Testing

@Suite("Projections")
struct ProjectionTests {
    private static let item: AttributeMap = [
        "a": 1, "b": "two", "l": [0, 1, [2, ["k": "v", "j": "w"]], 3],
        "m": ["x": 1, "y": ["z": [1, 2, 3], "q": true], "w": .null], "name": "n", "zz": [],
    ]

    private func projected(_ text: String) throws(ExpressionError) -> AttributeMap {
        guard var substitutions = try? samples() else { throw ExpressionError("samples") }
        let projection = try ProjectionExpression(parsing: bytes(text), &substitutions)
        return projection.apply(to: Item(Self.item)).unpacked()
    }

    @Test(
        "paths select attributes, entries and elements",
        arguments: [
            Example("a", ["a": 1]), Example("b, a", ["a": 1, "b": "two"]),
            Example("#name", ["name": "n"]), Example("nope", [:]),
            Example("nope.a, a[0], b.c", [:]),
            Example("l[1]", ["l": [1]]), Example("l[3], l[0]", ["l": [0, 3]]),
            Example("l[9], l[3]", ["l": [3]]), Example("l[2][1].k", ["l": [[["k": "v"]]]]),
            Example("l[2][1].k, l[2][0]", ["l": [[2, ["k": "v"]]]]),
            Example("m.x, m.y.q", ["m": ["x": 1, "y": ["q": true]]]),
            Example("m.y.z[2], m.y.z[0]", ["m": ["y": ["z": [1, 3]]]]),
            Example("m.nope", [:]), Example("m.y", ["m": ["y": ["z": [1, 2, 3], "q": true]]]),
            Example("m.w,zz", ["m": ["w": .null], "zz": []]), Example("zz[0]", [:]),
            Example("a, l[0], zz, nope, m.x", ["a": 1, "l": [0], "m": ["x": 1], "zz": []]),
        ] as [Example<AttributeMap>]
    )
    func selection(example: Example<AttributeMap>) throws {
        #expect(try self.projected(example.text) == example.outcome)
    }

    @Test(
        "what is no projection is refused",
        arguments: [
            Example("", "The expression can not be empty;"),
            Example("a b", #"Syntax error; token: "b", near: "a b""#),
            Example("a,", #"Syntax error; token: "<EOF>", near: ",""#),
            Example("a.", #"Syntax error; token: "<EOF>", near: ".""#),
            Example("!!!", #"Syntax error; token: "!", near: "!!""#),
            Example(":s", #"Syntax error; token: ":s", near: ":s""#),
            Example("a[-1]", #"Syntax error; token: "-", near: "[-1""#),
            Example("a, name", "Attribute name is a reserved keyword; reserved keyword: name"),
            Example("and", "Attribute name is a reserved keyword; reserved keyword: and"),
            Example(
                "#q, a",
                """
                An expression attribute name used in the document path is not defined; \
                attribute name: #q
                """
            ),
            Example(
                "a, a",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [a], path two: [a]
                """
            ),
            Example(
                "m, b, m.x[1]",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [m], path two: [m, x, [1]]
                """
            ),
            Example(
                "m.x.y, m.x",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [m, x, y], path two: [m, x]
                """
            ),
            Example(
                "m.x, m[1]",
                """
                Two document paths conflict with each other; must remove or rewrite one of \
                these paths; path one: [m, x], path two: [m, [1]]
                """
            ),
            Example(
                "#a, b, a",
                """
                Two document paths overlap with each other; must remove or rewrite one of these \
                paths; path one: [a], path two: [a]
                """
            ),
        ]
    )
    func refused(example: Example<String>) {
        #expect(
            refusal { () throws(ExpressionError) in try self.projected(example.text) }
                == "Invalid ProjectionExpression: " + example.outcome
        )
    }

    @Test("among many paths an overlap and a conflict are found too")
    func manyPaths() throws {
        let many = (0..<200).map { "p\($0)" }.joined(separator: ",")
        #expect(throws: Never.self) { try self.projected(many) }
        #expect(
            refusal { () throws(ExpressionError) in try self.projected(many + ",p7.x") }
                == """
                Invalid ProjectionExpression: Two document paths overlap with each other; \
                must remove or rewrite one of these paths; path one: [p7], path two: [p7, \
                x]
                """
        )
        #expect(
            refusal { () throws(ExpressionError) in try self.projected("q.a," + many + ",q[0]") }
                == """
                Invalid ProjectionExpression: Two document paths conflict with each other; \
                must remove or rewrite one of these paths; path one: [q, a], path two: [q, \
                [0]]
                """
        )
    }

    @Test("no path leads into a key attribute")
    func keys() throws {
        let schema = KeySchema(partitionKey: KeyAttribute(name: bytes("pk"), type: .string))
        var substitutions = try samples()
        let projection = try ProjectionExpression(parsing: bytes("a, pk.x"), &substitutions)
        #expect(
            refusal { () throws(ExpressionError) in try projection.check(schema: schema) }
                == """
                Key attributes must be scalars; list random access '[]' and map lookup '.' \
                are not allowed: Key: pk
                """
        )
    }
}
