import Testing
import Topology

private func parse(_ text: String) throws(YAMLError) -> YAMLNode? {
    try YAMLParser.document(in: Array(text.utf8))
}

@Suite("YAML")
struct YAMLParserTests {
    @Test("every value knows its line")
    func lines() throws {
        let root = try #require(try parse("# head\na: 1\nb:\n  - x\n  - {c: 'two words'}\n"))
        #expect(root.line == 2)
        guard case .mapping(let entries) = root.content else {
            Issue.record("a mapping was written")
            return
        }
        #expect(entries.map(\.key) == ["a", "b"])
        #expect(entries.map(\.line) == [2, 3])
        #expect(entries[0].value == YAMLNode(line: 2, content: .scalar("1")))
        let inner = YAMLEntry(
            key: "c",
            line: 5,
            value: YAMLNode(line: 5, content: .scalar("two words"))
        )
        #expect(
            entries[1].value.content
                == .sequence([
                    YAMLNode(line: 4, content: .scalar("x")),
                    YAMLNode(line: 5, content: .mapping([inner])),
                ])
        )
    }

    @Test("nothing but blanks and comments is no document", arguments: ["", "\n\n", "# a\n"])
    func nothing(text: String) throws {
        #expect(try parse(text) == nil)
    }

    @Test(
        "what is not read is refused where it stands",
        arguments: [
            ("a: &x 1\n", 1, 4, "an anchor"), ("a: &x 1\nb: *x\n", 1, 4, "an anchor"),
            ("b: *x\n", 1, 4, "an alias"), ("a: !!int 1\n", 1, 4, "a tag"),
            ("a: 1\n---\nb: 2\n", 2, 1, "a second YAML document"),
            ("[a]: 1\n", 1, 1, "a key that is a list"), ("a: [1, 2\n", 2, 1, "not YAML"),
            ("a:\n\t- b\n", 2, 1, "not YAML"), ("a: 'x\n", 2, 1, "not YAML"),
            ("a: b: c\n", 1, 5, "not YAML"), ("ok: 1\nx: \u{1}\n", 2, 4, "not text"),
        ]
    )
    func refused(text: String, line: Int, column: Int, message: String) {
        do throws(YAMLError) {
            _ = try parse(text)
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.line == line, "\(error)")
            #expect(error.column == column, "\(error)")
            #expect(error.message.hasPrefix(message), "\(error)")
        }
    }

    @Test("depth, count and size are bounded")
    func bounds() {
        let depth = TopologyLimits.depthMax
        let deepest = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(throws: Never.self) { try parse(deepest) }
        for text in [
            "[" + deepest + "]", String(repeating: "[", count: 900_000),
            String(repeating: "{a: ", count: 200_000), String(repeating: "- ", count: 500_000),
            "a: " + String(repeating: "&a [*a, ", count: 100_000),
            "[" + String(repeating: "1,", count: TopologyLimits.yamlNodesMax) + "]",
            String(repeating: " ", count: TopologyLimits.fileBytesMax + 1),
        ] {
            #expect(throws: YAMLError.self) { try parse(text) }
        }
    }

    @Test("bytes that are no UTF-8 have a line and column")
    func invalidText() {
        let error = #expect(throws: YAMLError.self) {
            try YAMLParser.document(in: Array("a: 1\nbc: ".utf8) + [0xFF, 0x0A])
        }
        #expect(error?.line == 2)
        #expect(error?.column == 5)
    }
}
