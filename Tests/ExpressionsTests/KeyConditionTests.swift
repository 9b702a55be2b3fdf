import DataModel
import Expressions
import Testing

@Suite("Key conditions")
struct KeyConditionTests {
    private static let pair = KeySchema(
        partitionKey: KeyAttribute(name: bytes("pk"), type: .string),
        sortKey: KeyAttribute(name: bytes("sk"), type: .number)
    )
    private static let texts = KeySchema(
        partitionKey: KeyAttribute(name: bytes("pk"), type: .string),
        sortKey: KeyAttribute(name: bytes("sk"), type: .string)
    )
    private static let single = KeySchema(
        partitionKey: KeyAttribute(name: bytes("pk"), type: .string)
    )

    private func range(
        _ text: String,
        _ schema: KeySchema
    ) throws(ExpressionError) -> KeyRange {
        guard var substitutions = try? samples() else { throw ExpressionError("samples") }
        let condition = try KeyConditionExpression(parsing: bytes(text), &substitutions)
        return try condition.resolved(schema: schema)
    }

    @Test(
        "every form of sort-key condition",
        arguments: [
            Example("pk = :s", .all), Example(":s = pk", .all),
            Example("pk = :s AND sk = :n", .equal(1)), Example("sk = :n AND pk = :s", .equal(1)),
            Example("(pk = :s) AND (sk < :n)", .less(1)),
            Example("pk = :s AND sk <= :n", .lessOrEqual(1)),
            Example("pk = :s AND sk > :n", .greater(1)),
            Example("pk = :s AND sk >= :n", .greaterOrEqual(1)),
            Example("pk = :s AND :n < sk", .greater(1)),
            Example("pk = :s AND :n >= sk", .lessOrEqual(1)),
            Example("pk = :s and sk between :n and :two", .between(1, 2)),
        ] as [Example<SortKeyBounds>]
    )
    func forms(example: Example<SortKeyBounds>) throws {
        #expect(
            try self.range(example.text, Self.pair)
                == KeyRange(partition: "str", sort: example.outcome)
        )
    }

    @Test("begins_with takes a prefix of a string sort key")
    func prefix() throws {
        #expect(
            try self.range("pk = :s AND begins_with(sk, :t)", Self.texts)
                == KeyRange(partition: "str", sort: .beginsWith("tower"))
        )
    }

    @Test("the range of storage keys holds the keys that fit, and no others")
    func bounds() throws {
        let range = try self.range("pk = :s AND sk BETWEEN :n AND :two", Self.pair)
        let bounds = try range.bounds(schema: Self.pair)
        for (partition, sort, fits) in [
            ("str", 0, false), ("str", 1, true), ("str", 2, true), ("str", 3, false),
            ("tsr", 1, false), ("st", 2, false),
        ] {
            let item = Item(["pk": .string(bytes(partition)), "sk": .number(DecimalNumber(sort))])
            let key = try ItemKey(Self.pair, from: item).bytes
            let isInside =
                !ByteOrder.isLess(key, bounds.from) && ByteOrder.isLess(key, bounds.to)
            #expect(isInside == fits, "\(partition) \(sort)")
        }
    }

    @Test(
        "what is no key condition is refused",
        arguments: [
            Example(
                "a > b and size(b) > c or a > c",
                "Invalid operator used in KeyConditionExpression: OR"
            ),
            Example("a in (b, size(c), d)", "Invalid operator used in KeyConditionExpression: IN"),
            Example(
                "attribute_exists(a)",
                "Invalid operator used in KeyConditionExpression: attribute_exists"
            ),
            Example(
                "attribute_not_exists(a)",
                "Invalid operator used in KeyConditionExpression: attribute_not_exists"
            ),
            Example(
                "attribute_type(a, :typeS)",
                "Invalid operator used in KeyConditionExpression: attribute_type"
            ),
            Example(
                "contains(a.d, b)",
                "Invalid operator used in KeyConditionExpression: contains"
            ),
            Example("not a > b", "Invalid operator used in KeyConditionExpression: NOT"),
            Example("a <> b", "Invalid operator used in KeyConditionExpression: <>"),
            Example(
                ":s between size(b) and size(a) and b > :t",
                """
                Invalid condition in KeyConditionExpression: BETWEEN operator must have the key \
                attribute as its first operand
                """
            ),
            Example(
                "begins_with(:s, b) and a > :t",
                """
                Invalid condition in KeyConditionExpression: begins_with operator must have the \
                key attribute as its first operand
                """
            ),
            Example(
                "size(b) > a AND a.b > b AND b > c",
                "KeyConditionExpressions cannot contain nested operations"
            ),
            Example("a > size(b.d)", "KeyConditionExpressions cannot contain nested operations"),
            Example(
                "a between size(b) and size(a)",
                "KeyConditionExpressions cannot contain nested operations"
            ),
            Example(
                "b > a.b",
                """
                Invalid condition in KeyConditionExpression: Multiple attribute names used in \
                one condition
                """
            ),
            Example(
                "b between c[1] and d",
                """
                Invalid condition in KeyConditionExpression: Multiple attribute names used in \
                one condition
                """
            ),
            Example(
                "a between b and size(a)",
                """
                Invalid condition in KeyConditionExpression: Multiple attribute names used in \
                one condition
                """
            ),
            Example(
                "begins_with(a, b)",
                """
                Invalid condition in KeyConditionExpression: Multiple attribute names used in \
                one condition
                """
            ),
            Example(
                "b.d > a AND c.d > e.f",
                "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on "
                    + "nested attributes"
            ),
            Example(
                "b[0] > a",
                "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on "
                    + "nested attributes"
            ),
            Example(
                ":s > :t AND a < :t",
                "Invalid condition in KeyConditionExpression: No key attribute specified"
            ),
            Example(
                "b > :n AND b < :n and c = :n and d = :n",
                "KeyConditionExpressions must only contain one condition per key"
            ),
            Example(
                "(a > :n and b > :n) and (b > :n and c > :n)",
                "KeyConditionExpressions must only contain one condition per key"
            ),
            Example("a = :n and b = :n and c = :n", "Conditions can be of length 1 or 2 only"),
            Example("pk > :s", "Query key condition not supported"),
            Example("begins_with(pk, :s)", "Query key condition not supported"),
            Example("sk = :n", "Query condition missed key schema element: pk"),
            Example("pk = :s AND a = :n", "Query condition missed key schema element: sk"),
            Example(
                "pk = :n",
                """
                One or more parameter values were invalid: Condition parameter type does not \
                match schema type
                """
            ),
            Example(
                "pk = :s AND sk = :t",
                """
                One or more parameter values were invalid: Condition parameter type does not \
                match schema type
                """
            ),
            Example(
                "pk = :empty",
                """
                One or more parameter values are not valid. The AttributeValue for a key \
                attribute cannot contain an empty string value. Key: pk
                """
            ),
            Example(
                "pk = 4",
                #"Invalid KeyConditionExpression: Syntax error; token: "4", near: "= 4""#
            ),
            Example(
                "pk = :s AND begins_with(sk, :n)",
                """
                Invalid KeyConditionExpression: Incorrect operand type for operator or \
                function; operator or function: begins_with, operand type: N
                """
            ),
            Example("", "Invalid KeyConditionExpression: The expression can not be empty;"),
            Example(
                "a between :two and :n",
                """
                Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be \
                greater than or equal to lower bound; lower bound operand: AttributeValue: \
                {N:2}, upper bound operand: AttributeValue: {N:1}
                """
            ),
        ]
    )
    func refused(example: Example<String>) {
        #expect(
            refusal { () throws(ExpressionError) in try self.range(example.text, Self.pair) }
                == example.outcome
        )
    }

    @Test("a table without a sort key takes no second condition")
    func noSortKey() {
        #expect(
            refusal { () throws(ExpressionError) in
                try self.range("pk = :s AND sk = :n", Self.single)
            } == "Query key condition not supported"
        )
    }
}
