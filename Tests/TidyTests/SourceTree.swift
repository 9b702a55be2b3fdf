import Foundation

/// The package's own files, as the tidy tests read them.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Swift targets below `Sources`; system libraries hold no Swift.
    static let targets: [String] = {
        let folder = root.appendingPathComponent("Sources")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { name in
            let inside =
                (try? FileManager.default.subpathsOfDirectory(
                    atPath: folder.appendingPathComponent(name).path
                )) ?? []
            return inside.contains { $0.hasSuffix(".swift") }
        }.sorted()
    }()

    struct File {
        var path: String
        var lines: [String]

        var imports: [String] {
            self.lines.compactMap { line in
                let words = line.split(separator: " ")
                guard let at = words.firstIndex(of: "import"), at <= 1, words.count > at + 1,
                    !line.hasPrefix(" ")
                else { return nil }
                return String(words[at + 1])
            }
        }

        /// Lines with their numbers, without comments and string literals.
        var codeLines: [(Int, String)] {
            self.lines.enumerated().compactMap { index, line in
                let code = line.trimmingCharacters(in: .whitespaces)
                guard !code.hasPrefix("//") else { return nil }
                let bare = code.replacingOccurrences(
                    of: #""[^"]*""#,
                    with: "\"\"",
                    options: .regularExpression
                )
                return (index + 1, bare)
            }
        }
    }

    static func swiftFiles(of target: String) throws -> [File] {
        try self.files(below: "Sources/\(target)", ending: ".swift")
    }

    static func files(below folder: String, ending: String) throws -> [File] {
        let base = self.root.appendingPathComponent(folder)
        let names = try FileManager.default.subpathsOfDirectory(atPath: base.path)
        return try names.filter { $0.hasSuffix(ending) }.sorted().map { name in
            let text = try String(
                contentsOf: base.appendingPathComponent(name),
                encoding: .utf8
            )
            return File(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
        }
    }
}
