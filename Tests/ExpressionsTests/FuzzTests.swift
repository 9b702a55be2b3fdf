import DataModel
import Expressions
import Primitives
import Testing

@Suite("Hostile bytes")
struct FuzzTests {
    private static let seeds = [
        "a = :s AND NOT (b <> :n OR size(c.d[0]) BETWEEN :n AND :two) AND a IN (:s, :n, b)",
        "attribute_exists(a) OR attribute_not_exists(#a.b) AND attribute_type(a, :typeS)",
        "begins_with(a, :s) AND contains(l, :n) OR ((a) = (:s))", "pk = :s AND sk > :n",
        "pk = :s AND begins_with(sk, :s)", "pk = :s and sk between :n and :two", "pk = :s",
        "b.c[1].d, #a, #dot.e, l[0], l[2], m.x", "a",
        "SET a = :s, b.c = if_not_exists(b.d, :n) + :n, l[1] = :l REMOVE m.x, l[0], l[2]",
        "ADD n :n, ss :ss DELETE ns :ns SET l = list_append(l, :l), m.y = (n) - (:two)",
        "SET m.x = m.y, #a = (n + :n)", "REMOVE l[0], l[1], l[9]",
    ].map(bytes)

    private static let fragments = [
        "AND", "OR", "NOT", "IN (", "BETWEEN", "SET ", "REMOVE ", "ADD ", "DELETE ", "(", ")", "((",
        "))", ",", ".", "[", "]", "[0]", "[99999999999]", "=", "<>", "<=", ">=", "+", "-", ":s",
        ":n",
        ":q", "#a", "#q", "#", ":", "size(", "name", "\u{E9}", "\u{0}", " ", "\n", "a", "l[1]",
        "m.x",
        "list_append(", "if_not_exists(", "begins_with(a, :s)",
    ].map(bytes)

    private static let item = Item([
        "a": "str", "n": 1, "l": [1, "x", ["k": 2]], "m": ["x": 1, "y": 2], "b": ["c": 1, "d": 2],
        "ss": .stringSet([bytes("p"), bytes("q")]),
        "ns": .numberSet([1, 2].map { DecimalNumber($0) }),
    ])

    private static let schema = KeySchema(
        partitionKey: KeyAttribute(name: bytes("pk"), type: .string),
        sortKey: KeyAttribute(name: bytes("sk"), type: .number)
    )

    private static func pick(_ choices: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
        choices[Int(random.below(UInt64(choices.count)))]
    }

    private static func mutated(_ random: inout SplitMix64) -> [UInt8] {
        var text = self.pick(self.seeds, &random)
        for _ in 0...random.below(5) {
            let position = Int(random.below(UInt64(text.count + 1)))
            let end = min(text.count, position + Int(random.below(20)))
            switch random.below(6) {
            case 0 where position < text.count:
                text[position] = UInt8(truncatingIfNeeded: random.next())
            case 1 where position < text.count: text.remove(at: position)
            case 2:
                text.insert(contentsOf: self.pick(self.fragments, &random), at: position)
            case 3: text.insert(contentsOf: Array(text[position..<end]), at: position)
            case 4: text.removeSubrange(position..<end)
            default:
                let other = self.pick(self.seeds, &random)
                let cut = Int(random.below(UInt64(other.count + 1)))
                text = Array(text[..<position]) + other[cut...]
            }
        }
        return text
    }

    /// Parses a text as all four kinds and, where it is accepted, evaluates it.
    ///
    /// Returns how many kinds accepted it.
    private static func exercise(_ text: [UInt8], _ substitutions: Substitutions) throws -> Int {
        var accepted = 0
        var bindings = substitutions
        if let condition = try? ConditionExpression(parsing: text, &bindings) {
            accepted += 1
            _ = try condition.evaluate(on: self.item)
            _ = try condition.evaluate(on: nil)
        }
        if let condition = try? KeyConditionExpression(parsing: text, &bindings) {
            if let range = try? condition.resolved(schema: self.schema) {
                accepted += 1
                _ = try range.bounds(schema: self.schema)
            }
        }
        if let projection = try? ProjectionExpression(parsing: text, &bindings) {
            accepted += 1
            _ = try Item(validating: projection.apply(to: self.item).bytes)
        }
        if let update = try? UpdateExpression(parsing: text, &bindings) {
            accepted += 1
            if let item = try? update.apply(to: self.item, key: Item()) {
                _ = try Item(validating: item.bytes)
                _ = try Item(validating: update.updatedAttributes(of: item).bytes)
            }
            _ = try? update.apply(to: nil, key: Item(["pk": "k"]))
        }
        return accepted
    }

    @Test(
        "100,000 mutated texts neither trap nor hang, and results stay canonical",
        arguments: [0xA70_11 as UInt64]
    )
    func mutations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let substitutions = try samples()
        var accepted = 0
        for _ in 0..<100_000 {
            accepted += try Self.exercise(Self.mutated(&random), substitutions)
        }
        // Mutations that are all refused would test the error paths only.
        #expect(accepted > 5_000, "seed \(seed): \(accepted) accepted")
    }

    @Test("every beginning of every seed text is handled", arguments: seeds.indices)
    func prefixes(index: Int) throws {
        let substitutions = try samples()
        let seed = Self.seeds[index]
        for end in seed.indices { _ = try Self.exercise(Array(seed[..<end]), substitutions) }
        #expect(try Self.exercise(seed, substitutions) > 0)
    }

    @Test("texts of one repeated fragment are handled", arguments: fragments.indices)
    func repetitions(index: Int) throws {
        let substitutions = try samples()
        let fragment = Self.fragments[index]
        let text = Array(repeating: fragment, count: 4096 / fragment.count).flatMap(\.self)
        _ = try Self.exercise(text, substitutions)
        #expect(text.count <= ExpressionLimits.textBytesMax)
    }
}
