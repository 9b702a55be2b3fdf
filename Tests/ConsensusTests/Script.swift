import Foundation
import Testing

/// A golden transcript: commands, each followed by `----` and the output it must print.
///
/// Lines that begin with `#` and blank lines between commands are prose. After an intended change
/// run `REWRITE=1 swift test --filter ConsensusTests` and commit the difference only if you can
/// explain every line of it.
struct Script: CustomTestStringConvertible, Sendable {
    struct Command: Sendable {
        var name: String
        /// Words without `=`.
        var words: [String]
        /// Words of the form `name=value`.
        var options: [String: String]

        init(_ line: Substring) {
            let words = line.split(separator: " ").map(String.init)
            self.name = words[0]
            self.words = words.dropFirst().filter { !$0.contains("=") }
            self.options = [:]
            for word in words.dropFirst() where word.contains("=") {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                self.options[parts[0]] = parts.count > 1 ? parts[1] : ""
            }
        }

        func number(_ position: Int) -> Int { Int(self.words[position])! }
    }

    var url: URL
    var text: String

    var testDescription: String { self.url.deletingPathExtension().lastPathComponent }

    static func all(beside file: String) throws -> [Script] {
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
            .appendingPathComponent("Scripts")
        let urls = try FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: nil
        )
        return try urls.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
            .map { Script(url: $0, text: try String(contentsOf: $0, encoding: .utf8)) }
    }

    /// The script with each command's output replaced by what `run` returns for it.
    func replayed(_ run: (Command) -> String) -> String {
        var lines: [String] = []
        var isOutput = false
        for line in self.text.split(separator: "\n", omittingEmptySubsequences: false) {
            if isOutput {
                guard line.isEmpty else { continue }
                isOutput = false
            }
            if line == "----" { continue }
            lines.append(String(line))
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            lines.append("----")
            lines.append(run(Command(line)))
            isOutput = true
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    func check(_ actual: String) throws {
        if ProcessInfo.processInfo.environment["REWRITE"] != nil {
            try actual.write(to: self.url, atomically: true, encoding: .utf8)
            return
        }
        #expect(actual == self.text, "run again with REWRITE=1 and read the difference")
    }
}
