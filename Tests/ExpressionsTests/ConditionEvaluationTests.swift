import DataModel
import Expressions
import Testing

@Suite("Conditions: what holds")
struct ConditionEvaluationTests {
    private static let item = Item([
        "s": "str", "n": 1, "big": 10, "neg": -3, "b": .binary([1, 2, 3]), "t": true, "z": .null,
        "l": ["x", 7, ["in": "list"]], "m": ["k": "v", "deep": ["er": [1, 2, 3]]],
        "ss": .stringSet([bytes("q"), bytes("p")]),
        "ns": .numberSet([2, 1].map { DecimalNumber($0) }), "bs": .binarySet([[1], [2]]),
        "name": "reserved", "x.y": "dotted", "one": 1, "void1": "", "uml": "\u{E4}b",
    ])

    private func holds(_ text: String, on item: Item? = Self.item) throws -> Bool {
        var substitutions = try samples()
        let condition = try ConditionExpression(parsing: bytes(text), &substitutions)
        return try condition.evaluate(on: item)
    }

    @Test(
        "comparisons",
        arguments: [
            Example("s = :s", true), Example("s = :t", false), Example("s <> :t", true),
            Example("s < :t", true), Example("s <= :s", true), Example("s > :t", false),
            Example("s >= :s", true), Example("n = :n", true), Example("big > :two", true),
            Example("neg < :n", true), Example("n < big", true), Example("big < n", false),
            Example("b > :b", true), Example(":s = s", true), Example(":n < big", true),
            Example("t = :true", true), Example("z = :null", true), Example("m.k <> :s", true),
            Example("ss = :ss", true), Example("ns = :ns", true), Example("bs = :bs", true),
            Example("ss <> :ns", true), Example("l[0] < :t", false), Example("l[1] > :n", true),
            Example("#name = :s", false), Example("#dot > :s", false), Example("#1 = :n", true),
            Example("void1 = :empty", true), Example("void1 < :s", true),
            Example("uml > :s", true), Example("m.deep.er[2] > :two", true),
        ]
    )
    func comparisons(example: Example<Bool>) throws {
        #expect(try self.holds(example.text) == example.outcome)
    }

    @Test(
        "different types and missing attributes are unequal and have no order",
        arguments: [
            Example("s = :n", false), Example("s <> :n", true), Example("s < :n", false),
            Example("s > :n", false), Example("s >= :n", false), Example("n = :s", false),
            Example("nope = :s", false), Example("nope <> :s", true), Example("nope < :s", false),
            Example("nope > :s", false), Example("nope >= :s", false),
            Example("nope = nada", false), Example("nope <> nada", true),
            Example("NOT nope = :s", true), Example("l[3] = :s", false),
            Example("l[0].k = :s", false), Example("m[0] = :s", false), Example("s.k = :s", false),
            Example("m.nope.er = :s", false), Example("nope IN (:s, :n)", false),
            Example("nope BETWEEN :n AND :two", false), Example("t < z", false),
            Example("size(nope) = :n", false), Example("size(n) >= :n", false),
            Example("size(t) <> :n", true), Example("contains(nope, :s)", false),
            Example("begins_with(nope, :s)", false), Example("attribute_type(nope, :typeS)", false),
        ]
    )
    func absence(example: Example<Bool>) throws {
        #expect(try self.holds(example.text) == example.outcome)
    }

    @Test(
        "functions, IN and BETWEEN",
        arguments: [
            Example("attribute_exists(s)", true), Example("attribute_exists(nope)", false),
            Example("attribute_not_exists(nope)", true), Example("attribute_exists(z)", true),
            Example("attribute_exists(m.deep.er[0])", true),
            Example("attribute_not_exists(m.deep.er[3])", true),
            Example("attribute_type(s, :typeS)", true), Example("attribute_type(n, :typeN)", true),
            Example("attribute_type(m, :typeM)", true), Example("attribute_type(s, :typeN)", false),
            Example("begins_with(s, :s)", true), Example("begins_with(#dot, :s)", false),
            Example("begins_with(s, :empty)", true), Example("begins_with(b, :b)", true),
            Example("begins_with(n, :s)", false), Example("begins_with(:t, s)", false),
            Example("contains(s, :empty)", true), Example("contains(:t, s)", false),
            Example("contains(b, :b)", true), Example("contains(l, :l)", false),
            Example("contains(l, l[0])", true), Example("contains(ns, :two)", true),
            Example("contains(ss, :s)", false), Example("contains(ss, :two)", false),
            Example("contains(m, :s)", false), Example("contains(n, :n)", false),
            Example("contains(ns, size(ss))", true), Example("size(s) = size(l)", true),
            Example("size(b) > :two", true), Example("size(m) = :two", true),
            Example("size(ss) = :two", true), Example("size(uml) = :two", true),
            Example("size(:t) > :two", true), Example("size(void1) < :n", true),
            Example("n IN (:s, :n)", true), Example("n IN (:s, :two)", false),
            Example("size(ss) IN (:n, :two)", true), Example("s IN (m.k, s.x, :s)", true),
            Example("n BETWEEN :n AND :two", true), Example("big BETWEEN :n AND :two", false),
            Example("s BETWEEN :s AND :t", true), Example("n BETWEEN neg AND big", true),
            Example("n BETWEEN big AND neg", false), Example("s BETWEEN :n AND :two", false),
            Example("size(s) BETWEEN :n AND big", true),
        ]
    )
    func functions(example: Example<Bool>) throws {
        #expect(try self.holds(example.text) == example.outcome)
    }

    @Test(
        "NOT binds tighter than AND, AND tighter than OR",
        arguments: [
            // T = n = :n, F = n = :two.
            Example("n = :n OR n = :n AND n = :two", true),
            Example("(n = :n OR n = :n) AND n = :two", false),
            Example("NOT n = :two AND n = :two", false),
            Example("NOT (n = :two AND n = :two)", true),
            Example("NOT n = :two OR n = :two", true),
            Example("n = :two AND n = :n OR n = :n", true),
            Example("n = :two AND (n = :n OR n = :n)", false),
            Example("n BETWEEN :n AND :two AND s = :s", true),
            Example("NOT n BETWEEN :n AND :two OR s = :t", false),
            Example("NOT n IN (:two) AND NOT NOT s = :s", true),
        ]
    )
    func precedence(example: Example<Bool>) throws {
        #expect(try self.holds(example.text) == example.outcome)
    }

    @Test("without an item no attribute exists")
    func noItem() throws {
        #expect(try self.holds("attribute_not_exists(s)", on: nil))
        #expect(try !self.holds("attribute_exists(s)", on: nil))
        #expect(try !self.holds("s = :s", on: nil))
        #expect(try self.holds("s <> :s", on: nil))
        #expect(try self.holds(":s = :s AND :n < :two", on: nil))
    }

    @Test("a Query's filter may not name a key attribute, nor any expression look inside one")
    func keys() throws {
        let schema = KeySchema(
            partitionKey: KeyAttribute(name: bytes("pk"), type: .string),
            sortKey: KeyAttribute(name: bytes("sk"), type: .number)
        )
        var substitutions = try samples()
        let filter = try ConditionExpression(
            parsing: bytes("a = :s AND size(sk) > :n"),
            kind: .filter,
            &substitutions
        )
        #expect(
            refusal { () throws(ExpressionError) in try filter.checkQueryFilter(schema: schema) }
                == """
                Filter Expression can only contain non-primary key attributes: Primary key \
                attribute: sk
                """
        )
        let nested = try ConditionExpression(parsing: bytes("pk.a = :s"), &substitutions)
        #expect(
            refusal { () throws(ExpressionError) in try nested.check(schema: schema) }
                == """
                Key attributes must be scalars; list random access '[]' and map lookup '.' \
                are not allowed: Key: pk
                """
        )
        try ConditionExpression(parsing: bytes("pk = :s"), &substitutions).check(schema: schema)
    }
}
