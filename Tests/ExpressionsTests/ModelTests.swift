import DataModel
import Expressions
import Primitives
import Testing

/// A condition as a tree, which prints itself with no more parentheses than it needs.
private indirect enum Tree {
    case leaf(Bool)
    case not(Tree)
    case and(Tree, Tree)
    case or(Tree, Tree)

    static func random(_ random: inout SplitMix64, depth: Int) -> Tree {
        guard depth > 0, random.chance(4, outOf: 5) else {
            return .leaf(random.chance(1, outOf: 2))
        }
        switch random.below(3) {
        case 0: return .not(.random(&random, depth: depth - 1))
        case 1:
            let left = Tree.random(&random, depth: depth - 1)
            return .and(left, .random(&random, depth: depth - 1))
        default:
            let left = Tree.random(&random, depth: depth - 1)
            return .or(left, .random(&random, depth: depth - 1))
        }
    }

    var holds: Bool {
        switch self {
        case .leaf(let value): value
        case .not(let inner): !inner.holds
        case .and(let left, let right): left.holds && right.holds
        case .or(let left, let right): left.holds || right.holds
        }
    }

    /// 0 for OR, 1 for AND, 2 for NOT, 3 for comparisons.
    private var strength: Int {
        switch self {
        case .leaf: 3
        case .not: 2
        case .and: 1
        case .or: 0
        }
    }

    private func text(in strength: Int, _ random: inout SplitMix64) -> String {
        let bare: String
        switch self {
        case .leaf(let value):
            let forms =
                value
                ? ["one = :n", "attribute_exists(one)", "one BETWEEN :n AND :two", "one IN (:n)"]
                : [
                    "one <> :n", "attribute_exists(a)", "one BETWEEN :two AND :two",
                    "one IN (:two)",
                ]
            bare = forms[Int(random.below(4))]
        case .not(let inner): bare = "NOT " + inner.text(in: 2, &random)
        case .and(let left, let right):
            let first = left.text(in: 1, &random)
            bare = first + " AND " + right.text(in: 2, &random)
        case .or(let left, let right):
            let first = left.text(in: 0, &random)
            bare = first + " OR " + right.text(in: 1, &random)
        }
        return self.strength < strength ? "(" + bare + ")" : bare
    }

    func text(_ random: inout SplitMix64) -> String { self.text(in: 0, &random) }
}

@Suite("Against models")
struct ModelTests {
    @Test("random conditions mean what the trees they were printed from mean", arguments: 1...500)
    func conditions(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let tree = Tree.random(&random, depth: 5)
        let text = tree.text(&random)
        var substitutions = try samples()
        let condition = try ConditionExpression(parsing: bytes(text), &substitutions)
        let holds = try condition.evaluate(on: Item(["one": 1]))
        #expect(holds == tree.holds, "seed \(seed): \(text)")
    }

    @Test("list positions in an update are those before it", arguments: 1...500)
    func listPositions(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let count = Int(random.below(8))
        let original = (0..<count).map { AttributeValue.number(DecimalNumber($0)) }
        var kept: [AttributeValue?] = original
        var appended: [AttributeValue] = []
        var sets: [String] = []
        var removals: [String] = []
        var values: [(key: [UInt8], value: AttributeValue)] = []
        for index in 0..<12 where random.chance(1, outOf: 2) {
            if random.chance(1, outOf: 2) {
                let value = AttributeValue.number(DecimalNumber(100 + index))
                values.append((bytes(":v\(index)"), value))
                sets.append("l[\(index)] = :v\(index)")
                if index < count { kept[index] = value } else { appended.append(value) }
            } else {
                removals.append("l[\(index)]")
                if index < count { kept[index] = nil }
            }
        }
        var sections: [String] = []
        if random.chance(1, outOf: 2) {
            sets.reverse()
            removals.reverse()
        }
        if !sets.isEmpty { sections.append("SET " + sets.joined(separator: ", ")) }
        if !removals.isEmpty { sections.append("REMOVE " + removals.joined(separator: ", ")) }
        if sections.isEmpty { return }
        let text = sections.joined(separator: " ")

        var substitutions = try Substitutions(names: nil, values: values.isEmpty ? nil : values)
        let update = try UpdateExpression(parsing: bytes(text), &substitutions)
        let item = try update.apply(to: Item(["l": .list(original)]), key: Item())
        #expect(
            item.unpacked() == ["l": .list(kept.compactMap(\.self) + appended)],
            "seed \(seed): \(text) of \(count)"
        )
    }

    @Test("an update of many attributes equals the same updates one by one", arguments: 1...300)
    func manyAttributes(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let names = (0..<10).map { "p\($0)" }
        var item = Item(["p2": 1, "p5": "five", "p8": [1], "q": "last", "a": "first"])
        let original = item
        var sets: [String] = []
        var removals: [String] = []
        var substitutions = try samples()
        for name in names where random.chance(1, outOf: 2) {
            let text: String
            if random.chance(1, outOf: 2) {
                sets.append("\(name) = :m")
                text = "SET \(name) = :m"
            } else {
                removals.append(name)
                text = "REMOVE \(name)"
            }
            let update = try UpdateExpression(parsing: bytes(text), &substitutions)
            item = try update.apply(to: item, key: Item())
        }
        if sets.isEmpty && removals.isEmpty { return }
        let text =
            (sets.isEmpty ? "" : "SET " + sets.reversed().joined(separator: ", "))
            + (removals.isEmpty ? "" : " REMOVE " + removals.reversed().joined(separator: ", "))
        let update = try UpdateExpression(parsing: bytes(text), &substitutions)
        #expect(try update.apply(to: original, key: Item()) == item, "seed \(seed): \(text)")
    }
}
