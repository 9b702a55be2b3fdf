import Fleet
import Foundation
import History
import Laboratory
import Testing

/// Files of one test, gone with it.
private final class Folder {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "atoll-check-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: true
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func write(_ name: String, _ lines: [String]) throws -> String {
        let file = "\(self.path)/\(name)"
        let text = lines.map { $0 + "\n" }.joined()
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

private let header =
    #"{"type":"history","format":1,"host":"gateway","regions":["us-east-1","eu-west-1"]}"#

private func put(_ id: Int, _ write: String, _ start: Int, _ end: Int) -> [String] {
    [
        #"{"type":"invoke","id":\#(id),"client":1,"region":"us-east-1","operation":"put","#
            + #""table":"t","key":"k","write":"\#(write)","monotonic":\#(start)}"#,
        #"{"type":"ok","id":\#(id),"stamp":[\#(start),0],"monotonic":\#(end)}"#,
    ]
}

private func get(_ id: Int, _ write: String, _ start: Int, _ end: Int) -> [String] {
    [
        #"{"type":"invoke","id":\#(id),"client":2,"region":"us-east-1","operation":"get","#
            + #""table":"t","key":"k","consistent":true,"monotonic":\#(start)}"#,
        #"{"type":"ok","id":\#(id),"write":"\#(write)","monotonic":\#(end)}"#,
    ]
}

private func status(_ words: String...) throws -> Int32 {
    let parser = ArgumentParser(commands: LaboratoryCommands.all)
    guard case .run(let command) = try parser.parse(["check"] + words) else { return -1 }
    return try CheckCommand.run(command, Console())
}

@Suite("atoll check") struct CheckCommandTests {
    @Test("a good history ends with 0, a wrong one with 1, an unknown one with 2")
    func exitCodes() throws {
        let folder = try Folder()
        let good = try folder.write("good", [header] + put(1, "a", 10, 20) + get(2, "a", 30, 40))
        #expect(try status(good) == 0)
        #expect(try status(good, "--json") == 0)
        #expect(try status(good, "--linearizable", "--sessions") == 0)
        let stale = try folder.write(
            "stale",
            [header] + put(1, "a", 10, 20) + put(2, "b", 30, 40) + get(3, "a", 2_000, 2_010)
        )
        #expect(try status(stale) == 1)
        #expect(try status(stale, "--json") == 1)
        let bare = try folder.write("bare", [header] + get(1, "a", 10, 20))
        #expect(try status(bare, "--linearizable") == 0)
        #expect(try status(bare, "--lww") == 2)
        #expect(try status(try folder.write("empty", [header])) == 2)
    }

    @Test("what cannot be read ends with 2, with the file and the line")
    func unreadable() throws {
        let folder = try Folder()
        #expect(try status(folder.path + "/absent") == 2)
        let broken = try folder.write("broken", [header, #"{"type":"maybe"}"#])
        #expect(try status(broken) == 2)
        let twice = try folder.write(
            "twice",
            [header] + put(1, "a", 1, 2) + put(1, "b", 3, 4).dropFirst()
        )
        #expect(try status(twice) == 2)
    }

    @Test("staleness is an assertion, alone beside all checks or among those named")
    func staleness() throws {
        let folder = try Folder()
        let events = put(1, "a", 10, 20) + put(2, "b", 30, 40)
        let read = get(3, "a", 2_000_000_040, 2_000_000_050)
            .map { $0.replacingOccurrences(of: #""consistent":true,"#, with: "") }
        let file = try folder.write("stale", [header] + events + read)
        #expect(try status(file) == 0)
        #expect(try status(file, "--staleness", "3s") == 0)
        #expect(try status(file, "--staleness", "1999ms") == 1)
        #expect(try status(file, "--linearizable", "--staleness", "1s") == 1)
        #expect(throws: UsageError.self) { try status(file, "--staleness", "soon") }
    }

    @Test("a history's parts are put together by their times")
    func parts() throws {
        let folder = try Folder()
        // The second client's part holds what explains the first one's read.
        let one = try folder.write("one", [header] + get(1, "b", 50, 60))
        let other = try folder.write("other", [header] + put(2, "a", 10, 20) + put(3, "b", 30, 40))
        #expect(try status(one, other, "--linearizable") == 0)
        let late = try folder.write("late", [header] + put(4, "c", 41, 45))
        #expect(try status(one, other, late, "--linearizable") == 1)
        let foreign = try folder.write(
            "foreign",
            [#"{"type":"history","format":1,"host":"gateway","regions":["mars"]}"#]
        )
        #expect(try status(one, foreign) == 2)
    }

    @Test("help shows examples, and any number of files is taken")
    func help() throws {
        let parser = ArgumentParser(commands: LaboratoryCommands.all)
        guard case .help(let path) = try parser.parse(["check", "--help"]) else {
            Issue.record("no help")
            return
        }
        let text = try HelpText(commands: LaboratoryCommands.all, style: .plain).text(for: path)
        #expect(text.contains("atoll check h.jsonl --staleness 1s"))
        guard case .run(let command) = try parser.parse(["check", "a", "b", "c", "d"]) else {
            Issue.record("not understood")
            return
        }
        #expect(command.positionals == ["a", "b", "c", "d"])
    }
}
