import Foundation
import RocksStore
import Tables
import Testing

/// The text of the error that a body throws.
private func refusal(_ body: () throws -> Void) -> String {
    do {
        try body()
    } catch {
        return "\(error)"
    }
    return "nothing was thrown"
}

@Suite("Data directories")
struct DirectoryTests {
    @Test("what was committed is there after reopening, what was pending is not")
    func reopen() throws {
        let workspace = Workspace()
        var store: RocksStore? = try workspace.open()
        store?.put(.item, "a=1")
        store?.put(.log, "b=2")
        try store?.commit(sync: false)
        store?.put(.item, "c=3")
        store = nil
        let again = try workspace.open(create: false)
        #expect(try again.texts(.item) == ["a=1"])
        #expect(try again.texts(.log) == ["b=2"])
        #expect(try StoreIdentity.read(from: workspace.path) == Workspace.identity)
    }

    @Test("a directory that does not exist is made only when asked")
    func missing() throws {
        let workspace = Workspace()
        let text = refusal { _ = try workspace.open(create: false) }
        #expect(text.contains("holds no data of cluster test, node us-east-1-a"), "\(text)")
        #expect(!FileManager.default.fileExists(atPath: workspace.path))
        #expect(try StoreIdentity.read(from: workspace.path) == nil)
    }

    @Test("another node's, cluster's or incarnation's directory is refused")
    func foreign() throws {
        let workspace = Workspace()
        _ = try workspace.open()
        for other in [
            StoreIdentity(cluster: "other", node: "us-east-1-a", incarnation: 1),
            StoreIdentity(cluster: "test", node: "us-east-1-b", incarnation: 1),
            StoreIdentity(cluster: "test", node: "us-east-1-a", incarnation: 2),
        ] {
            let text = refusal { _ = try workspace.open(other) }
            #expect(
                text.contains("belongs to \(Workspace.identity), and this is \(other)"),
                "\(text)"
            )
        }
    }

    @Test("a directory with other files is refused and left alone")
    func otherFiles() throws {
        let workspace = Workspace()
        try FileManager.default.createDirectory(
            atPath: workspace.path,
            withIntermediateDirectories: true
        )
        try "hello".write(
            toFile: workspace.path + "/letter.txt",
            atomically: false,
            encoding: .utf8
        )
        let text = refusal { _ = try workspace.open() }
        #expect(text.contains("letter.txt"), "\(text)")
        let names = try FileManager.default.contentsOfDirectory(atPath: workspace.path)
        #expect(names == ["letter.txt"])
    }

    @Test("a newer format is refused by its number alone")
    func newer() throws {
        let workspace = Workspace()
        _ = try workspace.open()
        try "atoll data directory\nformat 9\nsomething else\n".write(
            toFile: workspace.path + "/identity",
            atomically: false,
            encoding: .utf8
        )
        let text = refusal { _ = try workspace.open() }
        #expect(text.contains("format 9") && text.contains("up to 1"), "\(text)")
    }

    @Test("a damaged identity is corrupt, at whatever byte")
    func damagedIdentity() throws {
        let workspace = Workspace()
        _ = try workspace.open()
        let file = workspace.path + "/identity"
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        for offset in whole.indices {
            var bytes = whole
            // Stays a digit when it was one, so that checks of form alone do not catch it.
            bytes[offset] ^= 1
            try bytes.write(to: URL(fileURLWithPath: file))
            let failure = #expect(throws: StoreError.self, "byte \(offset)") {
                try workspace.open()
            }
            guard case .corrupt = failure else {
                Issue.record("byte \(offset): \(String(describing: failure))")
                continue
            }
        }
        try whole.prefix(40).write(to: URL(fileURLWithPath: file))
        #expect(refusal { _ = try workspace.open() }.contains("is damaged"))
        try whole.write(to: URL(fileURLWithPath: file))
        _ = try workspace.open()
    }

    @Test("a directory that lost its database is corrupt, not empty")
    func lostDatabase() throws {
        let workspace = Workspace()
        _ = try workspace.open()
        try FileManager.default.removeItem(atPath: workspace.path + "/db")
        let text = refusal { _ = try workspace.open() }
        #expect(text.contains("corrupt") && text.contains("lost its database"), "\(text)")
    }

    @Test("a directory whose making was interrupted is made again")
    func interrupted() throws {
        let workspace = Workspace()
        _ = try workspace.open()
        let file = workspace.path + "/identity"
        let text = """
            atoll data directory
            format 1
            cluster test
            node us-east-1-a
            incarnation 1
            stage creating

            """
        try (text + "checksum \(checksum(text))\n").write(
            toFile: file,
            atomically: false,
            encoding: .utf8
        )
        try FileManager.default.removeItem(atPath: workspace.path + "/db")
        let store = try workspace.open()
        store.put(.item, "a=1")
        try store.commit(sync: false)
        store.close()
        #expect(try workspace.open(create: false).texts(.item) == ["a=1"])
    }

    @Test("a directory in use is refused")
    func inUse() throws {
        let workspace = Workspace()
        let store = try workspace.open()
        let text = refusal { _ = try workspace.open() }
        #expect(text.contains("is in use by"), "\(text)")
        store.close()
        _ = try workspace.open()
    }

    @Test("a checkpoint opens as a store with what was committed")
    func checkpoint() throws {
        let workspace = Workspace()
        let copy = Workspace()
        let store = try workspace.open()
        store.put(.item, "a=1")
        store.put(.log, "b=2")
        try store.commit(sync: false)
        store.put(.item, "pending=1")
        try store.checkpoint(to: copy.path)
        try store.commit(sync: false)
        let restored = try copy.open(create: false)
        #expect(try restored.texts(.item) == ["a=1"])
        #expect(try restored.texts(.log) == ["b=2"])
        #expect(throws: StoreError.self) { try store.checkpoint(to: copy.path) }
    }

    @Test("memory is counted, and memtables become tables when flushed")
    func memory() throws {
        let workspace = Workspace()
        let store = try workspace.open()
        #expect(store.memoryUsage.total < 10 << 20)
        for number in 0..<1000 {
            store.put(.item, bytes("key \(number)"), [UInt8](repeating: 7, count: 1000))
        }
        try store.commit(sync: false)
        #expect(store.memoryUsage.memtables > 1_000_000)
        #expect(store.diskBytes == 0)
        try store.flush()
        #expect(store.memoryUsage.memtables < 1_000_000)
        #expect(store.diskBytes > 1_000_000)
    }
}
