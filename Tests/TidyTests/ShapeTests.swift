import Foundation
import Testing

/// The shape of the sources: sizes that stay readable, and nothing unfinished.
@Suite("Shape") struct ShapeTests {
    static let fileLinesMax = 600
    static let functionLinesMax = 70
    static let lineColumnsMax = 100

    static let files: [SourceTree.File] = {
        let sources = (try? SourceTree.files(below: "Sources", ending: ".swift")) ?? []
        let tests = (try? SourceTree.files(below: "Tests", ending: ".swift")) ?? []
        return sources + tests
    }()

    @Test("the tree was found") func findsFiles() {
        #expect(Self.files.count > 50)
    }

    @Test("a file has at most 600 lines") func filesAreShort() {
        for file in Self.files where file.lines.count > Self.fileLinesMax + 1 {
            Issue.record("\(file.path) has \(file.lines.count) lines: which idea leaves?")
        }
    }

    @Test("a line has at most 100 columns") func linesAreShort() {
        for file in Self.files {
            for (index, line) in file.lines.enumerated() where line.count > Self.lineColumnsMax {
                Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
    }

    @Test("a function has at most 70 lines") func functionsAreShort() {
        for file in Self.files {
            for (start, count) in Self.functions(of: file) where count > Self.functionLinesMax {
                Issue.record("\(file.path):\(start) is a function of \(count) lines")
            }
        }
    }

    @Test("nothing is marked as unfinished") func nothingUnfinished() {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK"]
        for file in Self.files {
            for (index, line) in file.lines.enumerated() {
                for word in words where line.contains("// \(word)") {
                    Issue.record("\(file.path):\(index + 1) says \(word)")
                }
            }
        }
    }

    @Test("no test sleeps and none is switched off") func testsWaitOnConditions() {
        let words = [
            "Task." + "sleep", "Thread." + "sleep", "u" + "sleep(", "XCT" + "Skip",
            "." + "disabled(", "withKnown" + "Issue",
        ]
        for file in Self.files where file.path.hasPrefix("Tests/") {
            for (index, line) in file.lines.enumerated() {
                for word in words where line.contains(word) {
                    Issue.record("\(file.path):\(index + 1) uses \(word)")
                }
            }
        }
    }

    @Test("one top title a Markdown file, and no dead link to a file")
    func markdownIsSound() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: SourceTree.root.appendingPathComponent("docs").path
        )
        let pages = ["README.md"] + names.filter { $0.hasSuffix(".md") }.map { "docs/" + $0 }
        for page in pages {
            let url = SourceTree.root.appendingPathComponent(page)
            let text = try String(contentsOf: url, encoding: .utf8)
            var inCode = false
            var titles = 0
            for line in text.components(separatedBy: "\n") {
                if line.hasPrefix("```") { inCode.toggle() }
                if !inCode, line.hasPrefix("# ") { titles += 1 }
            }
            #expect(titles == 1, "\(page) has \(titles) top titles")
            for target in Self.links(in: text) {
                let linked = url.deletingLastPathComponent().appendingPathComponent(target)
                #expect(
                    FileManager.default.fileExists(atPath: linked.path),
                    "\(page) links to \(target), which is not there"
                )
            }
        }
    }

    /// Relative link targets without their fragments.
    static func links(in text: String) -> [String] {
        text.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/).map { String($0.1) }
            .filter { !$0.contains("://") }
    }

    /// Starting lines and lengths of the functions of a formatted file: a function ends at the
    /// first line that closes at its own indentation.
    static func functions(of file: SourceTree.File) -> [(Int, Int)] {
        var found: [(Int, Int)] = []
        for (index, line) in file.lines.enumerated() {
            let code = line.drop { $0 == " " }
            let isFunction = code.contains(/^([a-z@()_]+ )*(func |init[?(<])/)
            guard isFunction, !code.hasPrefix("//"), !code.hasPrefix("/"), !code.contains("\"")
            else { continue }
            let indent = String(line.prefix(line.count - code.count))
            let head = file.lines[index...].prefix(12)
                .prefix { !$0.isEmpty && !$0.hasSuffix("}") }
            guard let open = head.firstIndex(where: { $0.hasSuffix("{") }),
                let end = file.lines[open...].firstIndex(of: indent + "}")
            else { continue }
            found.append((index + 1, end - index + 1))
        }
        return found
    }
}
