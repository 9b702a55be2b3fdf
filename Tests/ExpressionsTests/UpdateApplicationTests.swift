import DataModel
import Expressions
import Testing

@Suite("Updates: what they do")
struct UpdateApplicationTests {
    private static let base: AttributeMap = [
        "pk": "key", "n": 10, "s": "str", "l": [0, 1, 2, 3, 4], "m": ["x": 1, "nest": ["y": 2]],
        "ss": .stringSet(["p", "q", "r"].map(bytes)),
        "ns": .numberSet([1, 2, 3].map { DecimalNumber($0) }), "bs": .binarySet([[1], [3]]),
        "ll": [[0, 1], ["k": [5, 6, 7]]],
    ]

    private static func values() -> [(key: [UInt8], value: AttributeValue)] {
        [
            (bytes(":n"), 1), (bytes(":half"), .number(DecimalNumber(5))), (bytes(":s"), "new"),
            (bytes(":l"), ["x", "y"]), (bytes(":m"), ["k": "v"]),
            (bytes(":ss"), .stringSet(["q", "z"].map(bytes))),
            (bytes(":pqr"), .stringSet(["r", "q", "p"].map(bytes))),
            (bytes(":ns"), .numberSet([3, 4].map { DecimalNumber($0) })),
            (bytes(":bs"), .binarySet([[3], [2]])), (bytes(":null"), .null),
        ]
    }

    private func update(_ text: String) throws(ExpressionError) -> UpdateExpression {
        var substitutions = try Substitutions(names: nil, values: Self.values())
        return try UpdateExpression(parsing: bytes(text), &substitutions)
    }

    /// The attributes that differ from the base; a missing one is shown as nil.
    private func changes(_ text: String) throws -> [String: AttributeValue?] {
        let item = Item(Self.base)
        let result = try self.update(text).apply(to: item, key: Item(["pk": "key"]))
        let validated = try Item(validating: result.bytes)
        let map = validated.unpacked()
        var changes: [String: AttributeValue?] = [:]
        for entry in map.entries where Self.base[entry.name] != entry.value {
            changes[String(decoding: entry.name, as: UTF8.self)] = .some(entry.value)
        }
        for entry in Self.base.entries where map[entry.name] == nil {
            changes.updateValue(nil, forKey: String(decoding: entry.name, as: UTF8.self))
        }
        return changes
    }

    @Test(
        "SET",
        arguments: [
            Example("SET a = :s", ["a": "new"]), Example("SET s = :null", ["s": .null]),
            Example("SET a = n, b = s", ["a": 10, "b": "str"]),
            Example("SET n = n + :n", ["n": 11]), Example("SET n = n - :half", ["n": 5]),
            Example("SET n = :n - n", ["n": -9]), Example("SET a = n + n", ["a": 20]),
            Example("SET n = s, s = n", ["n": "str", "s": 10]),
            Example("SET a = if_not_exists(a, :n), b = if_not_exists(n, :s)", ["a": 1, "b": 10]),
            Example("SET c1 = if_not_exists(c1, :n) + :half", ["c1": 6]),
            Example("SET a = list_append(l, :l)", ["a": [0, 1, 2, 3, 4, "x", "y"]]),
            Example("SET l = list_append(:l, l)", ["l": ["x", "y", 0, 1, 2, 3, 4]]),
            Example("SET a = list_append(if_not_exists(a, :l), :l)", ["a": ["x", "y", "x", "y"]]),
            Example("SET m.x = :s", ["m": ["x": "new", "nest": ["y": 2]]]),
            Example("SET m.nest.z = n", ["m": ["x": 1, "nest": ["y": 2, "z": 10]]]),
            Example("SET l[1] = :s", ["l": [0, "new", 2, 3, 4]]),
            Example("SET l[9] = :s", ["l": [0, 1, 2, 3, 4, "new"]]),
            Example("SET l[9] = :s, l[7] = :n, l[8] = n", ["l": [0, 1, 2, 3, 4, 1, 10, "new"]]),
            Example("SET l[0] = l[4], l[4] = l[0]", ["l": [4, 1, 2, 3, 0]]),
            Example(
                "SET ll[1].k[3] = :n, ll[0][0] = :s",
                ["ll": [["new", 1], ["k": [5, 6, 7, 1]]]]
            ),
            Example("SET a = ll[1].k", ["a": [5, 6, 7]]),
            Example(
                "SET aa = :n, bb = :n, cc = :n, pz = :n, zz = :n, n = :s",
                ["aa": 1, "bb": 1, "cc": 1, "pz": 1, "zz": 1, "n": "new"]
            ),
        ] as [Example<[String: AttributeValue?]>]
    )
    func set(example: Example<[String: AttributeValue?]>) throws {
        #expect(try self.changes(example.text) == example.outcome)
    }

    @Test(
        "REMOVE",
        arguments: [
            Example("REMOVE s", ["s": nil]), Example("REMOVE nope", [:]),
            Example("REMOVE s, n, m, l", ["s": nil, "n": nil, "m": nil, "l": nil]),
            Example("REMOVE m.x", ["m": ["nest": ["y": 2]]]), Example("REMOVE m.nope", [:]),
            Example("REMOVE l[1]", ["l": [0, 2, 3, 4]]),
            Example("REMOVE l[0], l[2], l[4]", ["l": [1, 3]]), Example("REMOVE l[5]", [:]),
            Example("REMOVE l[4], l[3], l[2], l[1], l[0]", ["l": []]),
            Example("REMOVE l[7] SET l[5] = :s, l[6] = :n", ["l": [0, 1, 2, 3, 4, "new", 1]]),
            Example("REMOVE l[0] SET l[9] = :s, l[1] = :n", ["l": [1, 2, 3, 4, "new"]]),
            Example("REMOVE ll[0] SET ll[1].k[0] = :n", ["ll": [["k": [1, 6, 7]]]]),
            Example("REMOVE ll[0][0], ll[1].k[0], ll[1].k[2]", ["ll": [[1], ["k": [6]]]]),
        ] as [Example<[String: AttributeValue?]>]
    )
    func remove(example: Example<[String: AttributeValue?]>) throws {
        #expect(try self.changes(example.text) == example.outcome)
    }

    @Test(
        "ADD and DELETE",
        arguments: [
            Example("ADD n :n", ["n": 11]), Example("ADD a :n", ["a": 1]),
            Example("ADD m.x :half", ["m": ["x": 6, "nest": ["y": 2]]]),
            Example(
                "ADD l[2] :n, m.c :n",
                ["l": [0, 1, 3, 3, 4], "m": ["c": 1, "x": 1, "nest": ["y": 2]]]
            ),
            Example("ADD ss :ss", ["ss": .stringSet(["p", "q", "r", "z"].map(bytes))]),
            Example("ADD ns :ns", ["ns": .numberSet([1, 2, 3, 4].map { DecimalNumber($0) })]),
            Example("ADD bs :bs", ["bs": .binarySet([[1], [2], [3]])]),
            Example("ADD a :ss", ["a": .stringSet(["q", "z"].map(bytes))]),
            Example("DELETE ss :ss", ["ss": .stringSet(["p", "r"].map(bytes))]),
            Example("DELETE ns :ns", ["ns": .numberSet([1, 2].map { DecimalNumber($0) })]),
            Example("DELETE bs :bs", ["bs": .binarySet([[1]])]),
            Example("DELETE ss :pqr", ["ss": nil]), Example("DELETE nope :ss", [:]),
            Example(
                "ADD n :n DELETE ss :ss REMOVE s SET a = n",
                ["n": 11, "ss": .stringSet(["p", "r"].map(bytes)), "s": nil, "a": 10]
            ),
        ] as [Example<[String: AttributeValue?]>]
    )
    func addAndDelete(example: Example<[String: AttributeValue?]>) throws {
        #expect(try self.changes(example.text) == example.outcome)
    }

    private static let incorrectType =
        "An operand in the update expression has an incorrect data type"
    private static let missing =
        "The provided expression refers to an attribute that does not exist in the item"
    private static let invalidPath =
        "The document path provided in the update expression is invalid for update"

    @Test(
        "updates that do not fit the item are refused",
        arguments: [
            Example("SET a = nope", Self.missing), Example("SET a = m.nope", Self.missing),
            Example("SET a = l[5]", Self.missing), Example("SET a = nope + :n", Self.missing),
            Example("SET a = if_not_exists(nope, nada)", Self.missing),
            Example("SET a = s + :n", Self.incorrectType),
            Example("SET a = n - ss", Self.incorrectType),
            Example("SET a = list_append(s, :l)", Self.incorrectType),
            Example("SET nope.x = :s", Self.invalidPath),
            Example("SET nope[0] = :s", Self.invalidPath),
            Example("SET s.x = :s", Self.invalidPath), Example("SET l.x = :s", Self.invalidPath),
            Example("SET m[0] = :s", Self.invalidPath),
            Example("SET m.nope.x = :s", Self.invalidPath),
            Example("SET l[7][0] = :s", Self.invalidPath),
            Example("REMOVE nope.x", Self.invalidPath), Example("REMOVE l[9].x", Self.invalidPath),
            Example("ADD nope.x :n", Self.invalidPath),
            Example("DELETE nope.x :ss", Self.invalidPath),
            Example("ADD s :n", Self.incorrectType), Example("ADD n :ss", Self.incorrectType),
            Example("ADD ss :ns", Self.incorrectType), Example("ADD l :n", Self.incorrectType),
            Example("DELETE ss :ns", Self.incorrectType),
            Example("DELETE n :ss", Self.incorrectType),
        ]
    )
    func refused(example: Example<String>) throws {
        let update = try self.update(example.text)
        #expect(
            refusal { () throws(ExpressionError) in
                try update.apply(to: Item(Self.base), key: Item(["pk": "key"]))
            } == example.outcome
        )
    }

    @Test("an item that does not exist begins with its key")
    func upsert() throws {
        let key = Item(["pk": "key"])
        #expect(
            try self.update("SET a = :s ADD c :n REMOVE x").apply(to: nil, key: key).unpacked()
                == ["pk": "key", "a": "new", "c": 1]
        )
        #expect(try self.update("REMOVE x").apply(to: nil, key: key) == key)
        #expect(
            try self.update("SET a = pk").apply(to: nil, key: key).unpacked()
                == ["pk": "key", "a": "key"]
        )
    }

    @Test("UPDATED_OLD and UPDATED_NEW hold what the paths lead to before and after")
    func returnValues() throws {
        let update = try self.update(
            "SET n = n + :n, m.nest.y = :s, l[1] = :s, nu = :n REMOVE s, m.x, ll[1].k[0] ADD c :n"
        )
        let old = Item(Self.base)
        let new = try update.apply(to: old, key: Item(["pk": "key"]))
        #expect(
            update.updatedAttributes(of: old).unpacked()
                == [
                    "n": 10, "m": ["nest": ["y": 2], "x": 1], "l": [1], "s": "str",
                    "ll": [["k": [5]]],
                ]
        )
        #expect(
            update.updatedAttributes(of: new).unpacked()
                == [
                    "n": 11, "m": ["nest": ["y": "new"]], "l": ["new"], "nu": 1, "c": 1,
                    "ll": [["k": [6]]],
                ]
        )
        #expect(
            update.attributes.map { String(decoding: $0, as: UTF8.self) }
                == ["c", "l", "ll", "m", "n", "nu", "s"]
        )
    }

    @Test("sums that leave the range of numbers are refused")
    func overflow() throws {
        let huge = try DecimalNumber(text: "9.9999999999999999999999999999999999999E125")
        var substitutions = try Substitutions(
            names: nil,
            values: [(bytes(":h"), .number(huge)), (bytes(":n"), 1)]
        )
        let update = try UpdateExpression(parsing: bytes("SET a = a + :h"), &substitutions)
        #expect(
            refusal { () throws(ExpressionError) in
                try update.apply(to: Item(["a": .number(huge)]), key: Item())
            } == NumberError.overflow.message
        )
        let digits = try UpdateExpression(parsing: bytes("ADD a :n"), &substitutions)
        let tiny = try DecimalNumber(text: "1E-100")
        #expect(
            refusal { () throws(ExpressionError) in
                try digits.apply(to: Item(["a": .number(tiny)]), key: Item())
            } == NumberError.tooManyDigits.message
        )
    }

    @Test("items may not grow beyond 400 KB, nor nest deeper than level 32")
    func growth() throws {
        let large = AttributeValue.string(Array(repeating: 0x61, count: 300 * 1024))
        var deep: AttributeValue = 1
        for _ in 0..<31 { deep = ["d": deep] }
        var substitutions = try Substitutions(
            names: nil,
            values: [(bytes(":large"), large), (bytes(":deep"), deep)]
        )
        let update = try UpdateExpression(parsing: bytes("SET b = :large"), &substitutions)
        let item = try update.apply(to: nil, key: Item())
        #expect(
            refusal { () throws(ExpressionError) in
                try update.apply(to: Item(["a": large]), key: Item())
            } == "Item size to update has exceeded the maximum allowed size"
        )
        #expect(try update.apply(to: item, key: Item()) == item)
        let nested = try UpdateExpression(parsing: bytes("SET m.a = :deep"), &substitutions)
        #expect(
            refusal { () throws(ExpressionError) in
                try nested.apply(to: Item(["m": [:]]), key: Item())
            } == "Nesting Levels have exceeded supported limits"
        )
    }
}
