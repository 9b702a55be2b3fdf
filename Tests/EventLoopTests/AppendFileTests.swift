import EventLoop
import Foundation
import Testing

@Suite("A file that only grows") struct AppendFileTests {
    private static func path() -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("append-\(UUID().uuidString)").path
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
    }

    private static func add(_ text: String, to file: AppendFile) {
        file.append { $0.append(contentsOf: text.utf8) }
    }

    @Test("lines reach the file when they are flushed, or when many wait")
    func flushes() throws {
        let path = Self.path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try AppendFile(path, emptied: true)
        #expect(file.isEmpty)
        Self.add("one\n", to: file)
        #expect(try Self.text(path).isEmpty)
        file.flush()
        #expect(try Self.text(path) == "one\n")
        let long = String(repeating: "x", count: AppendFile.bytesMax)
        Self.add(long, to: file)
        #expect(try Self.text(path) == "one\n" + long)
        Self.add("\nlast\n", to: file)
        file.close()
        #expect(try Self.text(path).hasSuffix("\nlast\n"))
        Self.add("too late\n", to: file)
        #expect(try !Self.text(path).contains("late"))
    }

    @Test(
        "half a line, whose writer was killed, goes when the file is opened again",
        arguments: [
            ("", "", true), ("a\nb\n", "a\nb\n", false), ("a\nhal", "a\n", false),
            ("half", "", true), (String(repeating: "x", count: 9_000), "", true),
            ("a\n" + String(repeating: "x", count: 9_000), "a\n", false),
        ]
    )
    func halfLine(before: String, after: String, isEmpty: Bool) throws {
        let path = Self.path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try before.write(toFile: path, atomically: false, encoding: .utf8)
        let file = try AppendFile(path, emptied: false)
        #expect(file.isEmpty == isEmpty)
        Self.add("next\n", to: file)
        file.close()
        #expect(try Self.text(path) == after + "next\n")
    }

    @Test("a full disk is told once, and nothing is taken afterwards") func full() throws {
        let file = try AppendFile("/dev/full", emptied: false)
        var told: [LoopError] = []
        file.onFailure = { told.append($0) }
        for _ in 0..<3 {
            Self.add("line\n", to: file)
            file.flush()
        }
        #expect(told.count == 1)
        #expect(told.first?.description.contains("/dev/full") == true)
        #expect(file.failure == told.first)
    }

    @Test("a file in no directory is refused") func nowhere() {
        #expect(throws: LoopError.self) { try AppendFile("/no/such/place", emptied: true) }
    }
}
