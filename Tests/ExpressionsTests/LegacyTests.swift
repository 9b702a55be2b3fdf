import DataModel
import Expressions
import Testing

private func strings(_ texts: String...) -> [AttributeValue] {
    texts.map { .string(bytes($0)) }
}

private func condition(
    _ name: String,
    _ comparison: LegacyOperator,
    _ values: [AttributeValue]
) -> LegacyCondition {
    LegacyCondition(attribute: bytes(name), comparison: comparison, values: values)
}

/// A legacy condition and whether it holds for the sample item.
struct LegacyExample: Sendable, CustomTestStringConvertible {
    var condition: LegacyCondition
    var holds: Bool

    init(_ condition: LegacyCondition, _ holds: Bool) {
        self.condition = condition
        self.holds = holds
    }

    var testDescription: String {
        let name = String(decoding: self.condition.attribute, as: UTF8.self)
        return "\(name) \(self.condition.comparison.name) \(self.condition.values)"
    }
}

@Suite("Legacy conditions: one engine with expressions")
struct LegacyConditionTests {
    static let item = Item([
        "s": "hello", "n": 5, "b": .binary([1, 2, 3]), "ss": .stringSet([bytes("a"), bytes("b")]),
        "ns": .numberSet([DecimalNumber(2), DecimalNumber(4)]), "l": ["x", 7], "m": ["k": "v"],
        "t": true, "z": .null,
    ])

    static let examples: [LegacyExample] = [
        LegacyExample(condition("n", .equal, [5]), true),
        LegacyExample(condition("n", .equal, [6]), false),
        LegacyExample(condition("n", .equal, strings("5")), false),
        LegacyExample(condition("gone", .equal, [5]), false),
        LegacyExample(condition("l", .equal, [["x", 7]]), true),
        LegacyExample(condition("m", .equal, [["k": "v"]]), true),
        LegacyExample(condition("t", .equal, [true]), true),
        LegacyExample(condition("n", .notEqual, [6]), true),
        LegacyExample(condition("n", .notEqual, [5]), false),
        LegacyExample(condition("gone", .notEqual, [5]), true),
        LegacyExample(condition("n", .less, [6]), true),
        LegacyExample(condition("n", .less, [5]), false),
        LegacyExample(condition("n", .lessOrEqual, [5]), true),
        LegacyExample(condition("n", .greater, [5]), false),
        LegacyExample(condition("n", .greaterOrEqual, [5]), true),
        LegacyExample(condition("s", .less, [6]), false),
        LegacyExample(condition("z", .notNull, []), true),
        LegacyExample(condition("gone", .notNull, []), false),
        LegacyExample(condition("gone", .null, []), true),
        LegacyExample(condition("z", .null, []), false),
        LegacyExample(condition("s", .contains, strings("ell")), true),
        LegacyExample(condition("s", .contains, strings("dog")), false),
        LegacyExample(condition("ns", .contains, [4]), true),
        LegacyExample(condition("l", .contains, [7]), true),
        LegacyExample(condition("b", .contains, [.binary([2, 3])]), true),
        LegacyExample(condition("s", .notContains, strings("dog")), true),
        LegacyExample(condition("s", .notContains, strings("ell")), false),
        LegacyExample(condition("s", .notContains, [1]), true),
        LegacyExample(condition("ns", .notContains, [1]), true),
        // Neither CONTAINS nor NOT_CONTAINS holds for what is missing.
        LegacyExample(condition("gone", .contains, [1]), false),
        LegacyExample(condition("gone", .notContains, [1]), false),
        LegacyExample(condition("s", .beginsWith, strings("hell")), true),
        LegacyExample(condition("n", .beginsWith, strings("5")), false),
        LegacyExample(condition("b", .beginsWith, [.binary([1])]), true),
        LegacyExample(condition("n", .isIn, [1, 5, 9]), true),
        LegacyExample(condition("n", .isIn, [1, 9]), false),
        LegacyExample(condition("ns", .isIn, [2, 4]), false),
        LegacyExample(condition("gone", .isIn, [1]), false),
        LegacyExample(condition("n", .between, [5, 6]), true),
        LegacyExample(condition("n", .between, [1, 4]), false),
        LegacyExample(condition("s", .between, strings("a", "z")), true),
        LegacyExample(condition("s", .between, [1, 9]), false),
    ]

    @Test("each operator", arguments: examples)
    func operators(example: LegacyExample) throws {
        try example.condition.check()
        let tree = try #require(ConditionExpression(LegacyConditions([example.condition])))
        #expect(try tree.evaluate(on: Self.item) == example.holds)
    }

    @Test("AND needs all, OR needs one, however many there are", arguments: [1, 2, 3, 7, 500])
    func joining(count: Int) throws {
        let yes = condition("n", .equal, [5])
        let no = condition("n", .equal, [6])
        for mixed in 0..<2 {
            let some = (0..<count).map { $0 == count / 2 ? (mixed == 0 ? no : yes) : yes }
            let all = try #require(ConditionExpression(LegacyConditions(some)))
            #expect(try all.evaluate(on: Self.item) == (mixed == 1))
            let none = (0..<count).map { $0 == count / 2 ? (mixed == 0 ? no : yes) : no }
            let any = try #require(
                ConditionExpression(LegacyConditions(none, isDisjunction: true))
            )
            #expect(try any.evaluate(on: Self.item) == (mixed == 1))
        }
    }

    @Test("as many conditions as are allowed become a tree that can be evaluated")
    func weight() throws {
        let values = (0..<(LegacyConditions.weightMax - 1)).map {
            AttributeValue.number(DecimalNumber($0))
        }
        let long = try #require(
            ConditionExpression(LegacyConditions([condition("n", .isIn, values)]))
        )
        #expect(try long.evaluate(on: Self.item))
        let many = (0..<LegacyConditions.weightMax / 2).map {
            condition("a\($0)", .notContains, [1])
        }
        let wide = try #require(ConditionExpression(LegacyConditions(many, isDisjunction: true)))
        #expect(try !wide.evaluate(on: Self.item))
        #expect(ConditionExpression(LegacyConditions([])) == nil)
    }

    static let refused: [(LegacyCondition, String)] = [
        (
            condition("a", .equal, []),
            "One or more parameter values were invalid: Invalid number of argument(s) for the EQ "
                + "ComparisonOperator"
        ),
        (
            condition("a", .null, [1]),
            "One or more parameter values were invalid: Invalid number of argument(s) for the NULL "
                + "ComparisonOperator"
        ),
        (
            condition("a", .between, [1]),
            "One or more parameter values were invalid: Invalid number of argument(s) for the "
                + "BETWEEN ComparisonOperator"
        ),
        (
            condition("a", .isIn, [1, "x"]),
            "One or more parameter values were invalid: AttributeValues inside AttributeValueList "
                + "must be of same type"
        ),
        (
            condition("a", .less, [true]),
            "One or more parameter values were invalid: ComparisonOperator LT is not valid for "
                + "BOOL AttributeValue type"
        ),
        (
            condition("a", .beginsWith, [1]),
            "One or more parameter values were invalid: ComparisonOperator BEGINS_WITH is not "
                + "valid for N AttributeValue type"
        ),
        (
            condition("a", .contains, [[1]]),
            "One or more parameter values were invalid: ComparisonOperator CONTAINS is not valid "
                + "for L AttributeValue type"
        ),
        (
            condition("a", .between, [2, 1]),
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
                + "upper bound"
        ),
    ]

    @Test("values that an operator does not take", arguments: refused)
    func refuses(condition: LegacyCondition, message: String) {
        #expect(refusal { () throws(ExpressionError) in try condition.check() } == message)
    }
}

@Suite("Legacy updates: one engine with expressions")
struct LegacyUpdateTests {
    private func apply(_ updates: [LegacyUpdate], to item: Item?) throws -> Item {
        for update in updates { try update.check() }
        let update = try #require(UpdateExpression(updates))
        return try update.apply(to: item, key: Item(["k": 1]))
    }

    private func entry(
        _ name: String,
        _ action: LegacyUpdate.Action,
        _ value: AttributeValue?
    ) -> LegacyUpdate {
        LegacyUpdate(attribute: bytes(name), action: action, value: value)
    }

    @Test("PUT, DELETE and ADD do what the expressions do")
    func actions() throws {
        let old = Item([
            "k": 1, "n": 10, "ss": .stringSet([bytes("a"), bytes("b")]), "l": [1], "gone": "x",
        ])
        let new = try self.apply(
            [
                self.entry("p", .put, ["a": 1]), self.entry("n", .add, 5),
                self.entry("ss", .delete, .stringSet([bytes("b"), bytes("c")])),
                self.entry("l", .add, [2, 3]), self.entry("fresh", .add, [9]),
                self.entry("gone", .delete, nil),
                self.entry("ns", .add, .numberSet([DecimalNumber(1)])),
            ],
            to: old
        )
        #expect(
            new.unpacked()
                == [
                    "k": 1, "p": ["a": 1], "n": 15, "ss": .stringSet([bytes("a")]),
                    "l": [1, 2, 3], "fresh": [9], "ns": .numberSet([DecimalNumber(1)]),
                ]
        )
        let made = try self.apply([self.entry("n", .add, 5)], to: nil)
        #expect(made.unpacked() == ["k": 1, "n": 5])
    }

    @Test("a type that does not fit has its own words")
    func mismatch() throws {
        for update in [
            self.entry("s", .add, 1), self.entry("s", .add, [1]),
            self.entry("s", .delete, .stringSet([bytes("a")])),
        ] {
            let update = try #require(UpdateExpression([update]))
            let message = refusal { () throws(ExpressionError) in
                try update.apply(to: Item(["s": "text"]), key: Item())
            }
            #expect(message == "Type mismatch for attribute to update")
        }
    }

    @Test("what an action does not go with")
    func refuses() {
        func message(_ update: LegacyUpdate) -> String {
            refusal { () throws(ExpressionError) in try update.check() }
        }
        let invalid = "One or more parameter values were invalid: "
        #expect(
            message(self.entry("a", .put, nil)) == invalid
                + "Only DELETE action is allowed when no attribute value is specified"
        )
        #expect(
            message(self.entry("a", .delete, "x")) == invalid
                + "DELETE action with value is not supported for the type S"
        )
        #expect(
            message(self.entry("a", .add, "x")) == invalid
                + "ADD action is not supported for the type S"
        )
        #expect(UpdateExpression([]) == nil)
    }

    @Test("only what takes away makes no item")
    func onlyRemoves() throws {
        #expect(UpdateExpression([self.entry("a", .delete, nil)])?.onlyRemoves == true)
        #expect(UpdateExpression([self.entry("a", .put, 1)])?.onlyRemoves == false)
        var substitutions = try samples()
        let mixed = try UpdateExpression(
            parsing: bytes("REMOVE a DELETE b :ss SET c = :n"),
            &substitutions
        )
        #expect(!mixed.onlyRemoves)
        let removes = try UpdateExpression(parsing: bytes("REMOVE a DELETE b :ss"), &substitutions)
        #expect(removes.onlyRemoves)
    }
}

@Suite("AttributesToGet and KeyConditions")
struct LegacyReadTests {
    static let schema = KeySchema(
        partitionKey: KeyAttribute(name: bytes("p"), type: .string),
        sortKey: KeyAttribute(name: bytes("s"), type: .number)
    )

    @Test("attributes are whole, and those that are missing leave no trace")
    func attributes() {
        let projection = ProjectionExpression(attributes: [bytes("b"), bytes("a.x"), bytes("c")])
        let item = Item(["a": ["x": 1], "a.x": 2, "b": [1, 2], "d": 4])
        #expect(projection.apply(to: item).unpacked() == ["a.x": 2, "b": [1, 2]])
    }

    private func resolve(_ conditions: [LegacyCondition]) -> String {
        refusal { () throws(ExpressionError) in
            try KeyConditionExpression(conditions).resolved(schema: Self.schema)
        }
    }

    @Test("a key's conditions become the bounds that a text gives")
    func bounds() throws {
        let equal = condition("p", .equal, ["x"])
        let range = try KeyConditionExpression([condition("s", .between, [1, 2]), equal])
            .resolved(schema: Self.schema)
        #expect(range == KeyRange(partition: "x", sort: .between(1, 2)))
        let whole = try KeyConditionExpression([equal]).resolved(schema: Self.schema)
        #expect(whole == KeyRange(partition: "x", sort: .all))
    }

    @Test("what is no key condition")
    func refuses() {
        let equal = condition("p", .equal, ["x"])
        #expect(
            self.resolve([equal, condition("s", .notEqual, [1])])
                == "Attempted conditional constraint is not an indexable operation"
        )
        #expect(
            self.resolve([condition("p", .less, ["x"])]) == "Query key condition not supported"
        )
        #expect(
            self.resolve([condition("s", .equal, [1])])
                == "Query condition missed key schema element: p"
        )
        #expect(
            self.resolve([equal, condition("other", .equal, [1])])
                == "Query condition missed key schema element: s"
        )
        #expect(
            self.resolve([condition("p", .equal, [1])])
                == "One or more parameter values were invalid: Condition parameter type does not "
                + "match schema type"
        )
    }
}
