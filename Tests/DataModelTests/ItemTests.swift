import DataModel
import Primitives
import Testing

@Suite("Packed values and items")
struct ItemTests {
    @Test("unpacking gives back what was packed", arguments: [1, 2, 3, 4] as [UInt64])
    func roundTrips(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        for round in 0..<1_000 {
            let map = samples.map()
            let item = Item(map)
            #expect(item.unpacked() == map, "seed \(seed) round \(round)")
            #expect(item.count == map.count)
            #expect(try Item(validating: item.bytes) == item, "seed \(seed) round \(round)")
            for entry in map.entries {
                let value = try #require(item[entry.name])
                #expect(value.unpacked() == entry.value)
                #expect(value == PackedValue(entry.value))
                #expect(value.type == entry.value.type)
                #expect(value.depth == entry.value.depth)
                #expect(try PackedValue(validating: value.packed) == value)
            }
        }
    }

    @Test("editing an item equals editing its tree", arguments: [5, 6] as [UInt64])
    func edits(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        var map = AttributeMap()
        var item = Item()
        for round in 0..<2_000 {
            let name = utf8("n\(samples.below(300))")
            if samples.below(3) == 0 {
                map[name] = nil
                item.remove(name)
            } else {
                let value = samples.value(depth: 1)
                map[name] = value
                item.set(name, value)
            }
            if round % 16 == 0 { #expect(item == Item(map), "seed \(seed) round \(round)") }
        }
        #expect(item == Item(map))
        #expect(try Item(validating: item.bytes) == item)
        let wanted = (0..<600).map { _ in utf8("n\(samples.below(320))") }
        let kept = AttributeMap(map.entries.filter { wanted.contains($0.name) })
        #expect(item.projected(wanted) == Item(kept))
        #expect(kept.count > 127, "the count must need two bytes for the test to mean anything")
    }

    @Test("equal values have equal bytes in whatever order they were made")
    func canonical() {
        let left = Item(["b": .stringSet([utf8("y"), utf8("x")]), "a": 1])
        let right = Item(["a": 1, "b": .stringSet([utf8("x"), utf8("y"), utf8("x")])])
        #expect(left.bytes == right.bytes)
        #expect(
            AttributeValue.numberSet([DecimalNumber(2), DecimalNumber(1)])
                == .numberSet([DecimalNumber(1), DecimalNumber(2)])
        )
        #expect(AttributeValue.stringSet([[1]]) != .binarySet([[1]]))
        #expect(AttributeValue.string([1]) != .binary([1]))
    }

    @Test("members of lists, maps and sets are reached by index, name and iteration")
    func children() {
        let value = PackedValue(["list": ["a", 2, [true]], "set": .stringSet([utf8("q")]), "n": 5])
        #expect(value.count == 3)
        #expect(value[utf8("list")]?[1]?.number == DecimalNumber(2))
        #expect(value[utf8("list")]?[2]?[0]?.bool == true)
        #expect(value[utf8("list")]?[3] == nil)
        #expect(value[utf8("list")]?[-1] == nil)
        #expect(value[utf8("list")]?[utf8("a")] == nil)
        #expect(value[utf8("m")] == nil)
        #expect(value[utf8("n")]?[0] == nil)
        #expect(value.entries.map { text($0.name) } == ["list", "n", "set"])
        #expect(value.entries.first(where: { $0.isNamed(utf8("n")) })?.value.number?.int == 5)
        #expect(value[utf8("list")]?.elements.map(\.type) == [.string, .number, .list])
        let set = value[utf8("set")]
        #expect(set?.members.map { set?.bytes[$0].first } == [0x71])
        #expect(value.elements.first(where: { _ in true }) == nil)
        #expect(PackedValue("text").string == utf8("text"))
        #expect(PackedValue("text").binary == nil)
        #expect(PackedValue(.binary([1, 2])).binary == [1, 2])
        #expect(PackedValue(false).bool == false)
        #expect(PackedValue(.null).bool == nil)
    }

    @Test("scalars of one type compare by number or by bytes, others do not")
    func ordering() throws {
        let pairs: [(AttributeValue, AttributeValue, ScalarOrder?)] = [
            (2, 10, .less), (-2, -10, .greater), (1, .number(try number("1.0")), .equal),
            ("2", "10", .greater), ("a", "ab", .less), ("Z", "a", .less), ("é", "z", .greater),
            ("e\u{301}", "\u{e9}", .less), ("😀", "\u{FFFD}", .greater), ("", "", .equal),
            (.binary([0x80]), .binary([0x7F, 0xFF]), .greater), (1, "1", nil), (true, false, nil),
            (.null, .null, nil), ([1], [2], nil), ("a", .binary([0x61]), nil),
        ]
        for (left, right, expected) in pairs {
            #expect(left.order(against: right) == expected, "\(left) \(right)")
            #expect(PackedValue(left).order(against: PackedValue(right)) == expected)
        }
    }

    @Test("prefixes, substrings and members are found")
    func searching() throws {
        #expect(PackedValue("abc").hasPrefix(PackedValue("ab")))
        #expect(PackedValue("abc").hasPrefix(PackedValue("")))
        #expect(!PackedValue("ab").hasPrefix(PackedValue("abc")))
        #expect(!PackedValue("ab").hasPrefix(PackedValue(.binary(utf8("ab")))))
        #expect(!PackedValue(11).hasPrefix(PackedValue(1)))
        #expect(PackedValue("xaab").contains(PackedValue("aab")))
        #expect(PackedValue("x").contains(PackedValue("")))
        #expect(!PackedValue("xaac").contains(PackedValue("aab")))
        let numbers = PackedValue(.numberSet([DecimalNumber(1), DecimalNumber(20)]))
        #expect(numbers.contains(PackedValue(.number(try number("2e1")))))
        #expect(!numbers.contains(PackedValue(2)))
        #expect(!numbers.contains(PackedValue("1")))
        #expect(PackedValue([1, ["a"]]).contains(PackedValue(["a"])))
        #expect(!PackedValue([1]).contains(PackedValue("1")))
        #expect(!PackedValue(["k": 1]).contains(PackedValue("k")))
    }

    @Test("size() is bytes of text and members of collections")
    func expressionSize() {
        #expect(PackedValue("é𝄞.").size == 4)
        #expect(PackedValue(.binary([1, 2, 3])).size == 3)
        #expect(PackedValue([1, 2]).size == 2)
        #expect(PackedValue(["a": 1]).size == 1)
        #expect(PackedValue(.stringSet([[1], [2], [3]])).size == 3)
    }

    @Test(
        "an item counts the bytes that DynamoDB documents",
        arguments: [
            ([:], 0), (["pk": "a"], 3), (["é": "é"], 4), (["b": .binary([1, 2, 3])], 4),
            (["t": true], 2), (["z": .null], 2), (["n": 0], 2), (["n": 1], 3), (["n": 12], 3),
            (["n": 123], 4), (["n": -1], 4), (["n": 100], 3), (["n": 1_000_000_000_000], 3),
            (["l": []], 4), (["m": [:]], 4), (["l": [1, "ab"]], 1 + 3 + 1 + 2 + 1 + 2),
            (["m": ["ab": "c"]], 1 + 3 + 1 + 2 + 1),
            (["m": ["l": [["x": .null]]]], 1 + 3 + 1 + 1 + 3 + 1 + 3 + 1 + 1 + 1),
            (["s": .stringSet([[1], [2, 3]])], 1 + 3),
            (["s": .numberSet([DecimalNumber(1), DecimalNumber(-123)])], 1 + 2 + 4),
        ] as [(AttributeMap, Int)]
    )
    func itemSize(_ map: AttributeMap, _ expected: Int) {
        #expect(Item(map).size == expected)
    }

    @Test("a number counts 1 byte, 1 for two aligned digits and 1 for a minus sign")
    func numberSize() throws {
        for (text, expected) in [
            ("0", 1), ("1", 2), ("12", 2), ("1.2", 3), ("123", 3), ("1234", 3), ("12345", 4),
            ("0.1", 2), ("0.01", 2), ("0.123", 3), ("-1", 3), (DecimalNumberTests.nines, 20),
            ("-0." + DecimalNumberTests.nines, 21),
            ("1." + DecimalNumberTests.nines.dropFirst(), 21),
        ] {
            let value = PackedValue(.number(try number(text)))
            #expect(value.storedSize == expected, "\(text)")
        }
    }

    @Test("type codes are DynamoDB's and convert both ways")
    func codes() {
        let codes = AttributeType.allCases.map(\.code)
        #expect(codes == ["NULL", "BOOL", "N", "S", "B", "L", "M", "SS", "NS", "BS"])
        for type in AttributeType.allCases { #expect(AttributeType(code: utf8(type.code)) == type) }
        #expect(AttributeType(code: utf8("X")) == nil)
    }
}
