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

    /// Commits until the disk refuses; returns how many commits it took, and the refusal.
    private func fillUp(_ store: RocksStore) -> (written: Int, failure: StoreError?) {
        let value = [UInt8](repeating: 1, count: 64 << 10)
        for number in 0..<4000 {
            store.put(.item, bytes("key \(number)"), value)
            store.put(.log, bytes("entry \(number)"), value)
            do throws(StoreError) {
                try store.commit(sync: false)
            } catch {
                return (number, error)
            }
        }
        return (4000, nil)
    }

    /// Everything that ``fillUp(_:)`` wrote, the refused batch included.
    private func checkAll(_ store: RocksStore, _ count: Int) throws {
        let value = [UInt8](repeating: 1, count: 64 << 10)
        for number in 0..<count {
            #expect(try store.get(.item, bytes("key \(number)")) == value)
            #expect(try store.get(.log, bytes("entry \(number)")) == value)
        }
    }

    @Test("a disk that fills up refuses writes while there is still space to work with")
    func shortOfSpace() throws {
        guard let disk = SmallDisk(megabytes: 128) else { return }
        let path = disk.path + "/node"
        let store = try RocksStore(path: path, identity: Workspace.identity, create: true)
        let (written, failure) = self.fillUp(store)
        guard case .noSpace(let text) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(text.contains("KB are free"), "\(text)")
        #expect(store.isWritable)
        #expect(written > 100)
        let pending = store.pendingBytes
        let snapshot = store.openSnapshot()
        #expect(throws: StoreError.self) { try store.recover() }
        #expect(throws: StoreError.self) { try store.commit(sync: true) }
        #expect(store.pendingBytes == pending)
        try self.checkAll(store, written)
        try disk.grow()
        try store.recover()
        try store.commit(sync: true)
        try self.checkAll(store, written + 1)
        let key = "entry \(written)"
        #expect(try store.texts(.log, from: key, to: key + "!", snapshot: snapshot).isEmpty)
        #expect(try store.texts(.log, from: key, to: key + "!").count == 1)
        store.closeSnapshot(snapshot)
    }

    @Test("a disk that is full makes the store read-only until there is space again")
    func fullDisk() throws {
        guard let disk = SmallDisk(megabytes: 24) else { return }
        var settings = RocksSettings()
        settings.freeBytesMin = 0
        let path = disk.path + "/node"
        let store = try RocksStore(
            path: path,
            identity: Workspace.identity,
            create: true,
            settings: settings
        )
        let (written, failure) = self.fillUp(store)
        guard case .noSpace = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        let pending = store.pendingBytes
        #expect(!store.isWritable)
        #expect(written > 50)
        guard case .noSpace = #expect(throws: StoreError.self, performing: { try store.recover() })
        else {
            Issue.record("recovered without space")
            return
        }
        #expect(throws: StoreError.self) { try store.commit(sync: true) }
        #expect(store.pendingBytes == pending)
        try self.checkAll(store, written)
        try disk.grow()
        try store.recover()
        try store.commit(sync: true)
        #expect(store.pendingBytes == 0)
        try self.checkAll(store, written + 1)
        store.close()
        let again = try RocksStore(path: path, identity: Workspace.identity, create: false)
        try self.checkAll(again, written + 1)
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
