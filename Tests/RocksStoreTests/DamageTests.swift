import Foundation
import Primitives
import RocksStore
import Tables
import Testing

func checksum(_ text: String) -> UInt32 { CRC32.checksum(Array(text.utf8)) }

@Suite("Damaged and full disks")
struct DamageTests {
    private func fill(_ store: RocksStore, _ count: Int = 100) throws {
        for number in 0..<count {
            store.put(.item, bytes("key \(number)"), [UInt8](repeating: UInt8(number), count: 1000))
            try store.commit(sync: false)
        }
    }

    @Test("a damaged table is corrupt when it is read")
    func table() throws {
        let workspace = Workspace()
        var store: RocksStore? = try workspace.open()
        try self.fill(try #require(store))
        try store?.flush()
        store = nil
        try damage(try workspace.newestFile(".sst"), at: 500)
        let failure = #expect(throws: StoreError.self) {
            let store = try workspace.open()
            for number in 0..<100 { _ = try store.get(.item, bytes("key \(number)")) }
        }
        guard case .corrupt = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(throws: StoreError.self) { try workspace.open().texts(.item) }
    }

    @Test("a write-ahead log that is damaged before its end is refused")
    func logMiddle() throws {
        let workspace = Workspace()
        var store: RocksStore? = try workspace.open()
        try self.fill(try #require(store))
        store = nil
        try damage(try workspace.newestFile(".log"), at: 20_000)
        let failure = #expect(throws: StoreError.self) { try workspace.open() }
        guard case .corrupt(let text) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(text.contains("is damaged") && text.contains("refilled by its peers"), "\(text)")
    }

    @Test(
        "a write-ahead log that was cut loses its last batch and nothing else",
        arguments: [1, 900]
    )
    func logTail(cut: UInt64) throws {
        let workspace = Workspace()
        var store: RocksStore? = try workspace.open()
        try self.fill(try #require(store))
        store = nil
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: workspace.newestFile(".log")))
        try file.truncate(atOffset: try file.seekToEnd() - cut)
        try file.close()
        let again = try workspace.open()
        #expect(try again.get(.item, bytes("key 98")) != nil)
        #expect(try again.get(.item, bytes("key 99")) == nil)
    }

    @Test("a missing table is corrupt")
    func missingTable() throws {
        let workspace = Workspace()
        var store: RocksStore? = try workspace.open()
        try self.fill(try #require(store))
        try store?.flush()
        store = nil
        try FileManager.default.removeItem(atPath: try workspace.newestFile(".sst"))
        let failure = #expect(throws: StoreError.self) {
            _ = try workspace.open().get(.item, bytes("key 1"))
        }
        guard case .corrupt = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test("a full disk keeps the batch, goes on reading, and writes again once there is space")
    func fullDisk() throws {
        guard let disk = SmallDisk(megabytes: 12) else { return }
        let path = disk.path + "/node"
        let store = try RocksStore(path: path, identity: Workspace.identity, create: true)
        let ballast = disk.path + "/ballast"
        try Data(count: 4 << 20).write(to: URL(fileURLWithPath: ballast))
        let value = [UInt8](repeating: 1, count: 64 << 10)
        var written = 0
        var failure: StoreError?
        while failure == nil && written < 1000 {
            store.put(.item, bytes("key \(written)"), value)
            store.put(.log, bytes("entry \(written)"), value)
            do throws(StoreError) {
                try store.commit(sync: true)
                written += 1
            } catch {
                failure = error
            }
        }
        guard case .noSpace = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        let pending = store.pendingBytes
        #expect(pending > 128 << 10)
        #expect(written > 10)
        #expect(try store.get(.item, bytes("key 0")) == value)
        guard case .noSpace = #expect(throws: StoreError.self, performing: { try store.recover() })
        else {
            Issue.record("recovered without space")
            return
        }
        #expect(try store.get(.item, bytes("key 0")) == value)
        #expect(store.pendingBytes == pending)
        // Deleting what was written fits nowhere either; the operator makes room.
        try disk.grow()
        try FileManager.default.removeItem(atPath: ballast)
        try store.recover()
        try store.commit(sync: true)
        #expect(store.pendingBytes == 0)
        for number in 0...written {
            #expect(try store.get(.item, bytes("key \(number)")) == value)
            #expect(try store.get(.log, bytes("entry \(number)")) == value)
        }
        store.put(.item, "more=1")
        try store.commit(sync: true)
        store.close()
        let again = try RocksStore(path: path, identity: Workspace.identity, create: false)
        #expect(try again.get(.item, bytes("more")) == bytes("1"))
        #expect(try again.get(.log, bytes("entry \(written)")) == value)
    }
}

/// A file system of a few megabytes in memory; needs root, so tests that want one skip themselves
/// elsewhere.
final class SmallDisk {
    let path = "/tmp/atoll-disk-\(UUID().uuidString)"
    private let megabytes: Int

    init?(megabytes: Int) {
        self.megabytes = megabytes
        try? FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: true
        )
        guard mount("tmpfs", self.path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            try? FileManager.default.removeItem(atPath: self.path)
            return nil
        }
    }

    deinit {
        umount2(self.path, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// Gives the file system four times its space.
    func grow() throws {
        let status = mount(
            "tmpfs",
            self.path,
            "tmpfs",
            UInt(MS_REMOUNT),
            "size=\(self.megabytes * 4)m"
        )
        if status != 0 { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
}
