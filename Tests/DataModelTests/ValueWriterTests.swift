import DataModel
import Primitives
import Testing

@Suite("Writing packed values")
struct ValueWriterTests {
    @Test("the layout is the documented one")
    func layout() throws {
        var writer = ValueWriter()
        writer.beginItem()
        writer.name(utf8("a"))
        writer.number(DecimalNumber(1))
        writer.name(utf8("b"))
        try writer.beginMap()
        writer.name(utf8("x"))
        writer.null()
        writer.name(utf8("y"))
        try writer.beginList()
        writer.bool(true)
        writer.bool(false)
        writer.endList()
        try writer.endMap()
        writer.name(utf8("c"))
        writer.beginSet(.stringSet)
        writer.member(utf8("p"))
        try writer.endSet()
        let item = try writer.endItem()
        #expect(
            item.bytes == [
                3, 1, 0x61, 3, 2, 0xC1, 2,
                1, 0x62, 7, 11, 2, 1, 0x78, 0, 1, 0x79, 6, 3, 2, 2, 1,
                1, 0x63, 8, 3, 1, 1, 0x70,
            ]
        )
        #expect(try Item(validating: item.bytes) == item)
    }

    @Test("entries and members that arrive in any order are stored in one", arguments: 1...20)
    func sorts(count: Int) throws {
        var samples = Samples(seed: UInt64(count))
        let names = (0..<count * 10).map { utf8("name\($0)") }.shuffled(using: &samples.random)
        var writer = ValueWriter()
        writer.beginItem()
        for name in names {
            writer.name(name)
            writer.beginSet(.numberSet)
            for member in (0..<count).shuffled(using: &samples.random) {
                writer.member(DecimalNumber(member - 5))
            }
            try writer.endSet()
        }
        let item = try writer.endItem()
        #expect(try Item(validating: item.bytes).count == names.count)
        #expect(item.entries.map(\.name) == names.sorted(by: ByteOrder.isLess))
        let members = (0..<count).map { DecimalNumber($0 - 5) }
        #expect(item[names[0]]?.unpacked() == .numberSet(members))
    }

    @Test("a name may not occur twice in a map or item")
    func duplicateNames() throws {
        for names in [["a", "a"], ["b", "a", "b"], ["a", "c", "b", "a"]] {
            var writer = ValueWriter()
            writer.beginItem()
            for name in names {
                writer.name(utf8(name))
                writer.null()
            }
            #expect(throws: ValueError.duplicateName(utf8(names[0]))) { try writer.endItem() }
        }
    }

    @Test("a member may not occur twice in a set, in whatever spelling")
    func duplicateMembers() throws {
        var writer = ValueWriter()
        writer.beginSet(.numberSet)
        for spelling in ["1", "2", "1.0"] { writer.member(try number(spelling)) }
        #expect(throws: ValueError.duplicateMember(DecimalNumber(1).packed)) {
            try writer.endSet()
        }
        writer.reset()
        writer.beginSet(.stringSet)
        for member in ["e\u{301}", "\u{e9}"] { writer.member(utf8(member)) }
        try writer.endSet()
        #expect(writer.finishValue().count == 2, "canonically equivalent, but not the same bytes")
    }

    @Test("a set is never empty, while strings, lists and maps may be")
    func empty() throws {
        var writer = ValueWriter()
        writer.beginSet(.binarySet)
        #expect(throws: ValueError.emptySet(.binarySet)) { try writer.endSet() }
        let item = Item(["l": [], "m": [:], "s": "", "b": .binary([])])
        #expect(try Item(validating: item.bytes) == item)
    }

    @Test("31 lists and maps nest, 32 do not")
    func nesting() throws {
        var writer = ValueWriter()
        writer.beginItem()
        writer.name(utf8("a"))
        for level in 0..<31 {
            if level % 2 == 0 {
                try writer.beginList()
            } else {
                try writer.beginMap()
                writer.name(utf8("n"))
            }
        }
        writer.beginSet(.stringSet)
        writer.member(utf8("x"))
        try writer.endSet()
        for level in (0..<31).reversed() {
            if level % 2 == 0 { writer.endList() } else { try writer.endMap() }
        }
        let item = try writer.endItem()
        #expect(item.depth == 31)
        #expect(try Item(validating: item.bytes) == item)

        for _ in 0..<31 { try writer.beginList() }
        #expect(throws: ValueError.nestedTooDeep) { try writer.beginList() }
        #expect(throws: ValueError.nestedTooDeep) { try writer.beginMap() }

        let tooDeep = (0..<32).reduce(AttributeValue.null) { value, _ in .list([value]) }
        #expect(tooDeep.depth == 32)
        #expect(throws: DecodingError.self) {
            try PackedValue(validating: PackedValue(tooDeep).packed)
        }
    }

    @Test(
        "containers longer than their reserved header move their content",
        arguments: [
            126, 127, 128, 129, 300, 16_381, 16_384, 70_000,
        ]
    )
    func longContainers(count: Int) throws {
        let list = AttributeValue.list([AttributeValue](repeating: .null, count: count))
        let value = AttributeValue.map([
            "inner": list, "long": .string([UInt8](repeating: 0x61, count: count)),
        ])
        let packed = PackedValue(.list([value, 1]))
        #expect(packed.unpacked() == .list([value, 1]))
        #expect(try PackedValue(validating: packed.packed) == packed)
    }

    @Test("one writer writes many values")
    func reuse() throws {
        var writer = ValueWriter()
        for index in 0..<3 {
            writer.append(.list([.number(DecimalNumber(index))]))
            #expect(writer.finishValue().unpacked() == .list([.number(DecimalNumber(index))]))
        }
    }
}
