import RocksStore
import Tables
import Testing

/// What every store must do, whatever it is made of: run on RocksDB, and on the in-memory form.
struct StoreConformance<Subject: Store> {
    let store: Subject
    let commit: () throws -> Void

    func run() throws {
        try self.seesOnlyCommitted()
        try self.scans()
        try self.keepsSpacesApart()
        try self.deletesRanges()
        try self.ordersWithinABatch()
        try self.isolatesSnapshots()
        try self.survivesNestedScans()
        try self.takesAnyBytes()
    }

    private func empty() throws {
        for space in Space.allCases {
            self.store.deleteRange(space, from: [], to: [UInt8](repeating: 0xFF, count: 40))
        }
        try self.commit()
    }

    private func seesOnlyCommitted() throws {
        self.store.put(.item, "a=1")
        #expect(self.store.pendingBytes > 0)
        #expect(try self.store.get(.item, bytes("a")) == nil)
        #expect(try self.store.texts(.item) == [])
        try self.commit()
        #expect(self.store.pendingBytes == 0)
        #expect(try self.store.get(.item, bytes("a")) == bytes("1"))
        self.store.delete(.item, bytes("a"))
        #expect(try self.store.texts(.item) == ["a=1"])
        try self.commit()
        #expect(try self.store.get(.item, bytes("a")) == nil)
        #expect(try self.store.get(.item, []) == nil)
    }

    private func scans() throws {
        try self.empty()
        self.store.put(.item, "a=1", "b=2", "bb=3", "c=4", "d=")
        try self.commit()
        let store = self.store
        #expect(try store.texts(.item) == ["a=1", "b=2", "bb=3", "c=4", "d="])
        #expect(try store.texts(.item, reverse: true) == ["d=", "c=4", "bb=3", "b=2", "a=1"])
        #expect(try store.texts(.item, from: "b", to: "c") == ["b=2", "bb=3"])
        #expect(try store.texts(.item, from: "b", to: "c", reverse: true) == ["bb=3", "b=2"])
        #expect(try store.texts(.item, from: "ba", limit: 1) == ["bb=3"])
        #expect(try store.texts(.item, to: "bc", reverse: true, limit: 2) == ["bb=3", "b=2"])
        #expect(try store.texts(.item, from: "e") == [])
        #expect(try store.texts(.item, from: "c", to: "b") == [])
        #expect(try store.texts(.item, from: "b", to: "b", reverse: true) == [])
    }

    private func keepsSpacesApart() throws {
        try self.empty()
        self.store.put(.meta, "k=meta")
        self.store.put(.log, "k=log")
        self.store.put(.item, "k=item")
        self.store.put(.ledger, "k=ledger")
        try self.commit()
        for (space, name) in zip(Space.allCases, ["meta", "log", "item", "ledger"]) {
            #expect(try self.store.texts(space) == ["k=\(name)"])
            #expect(try self.store.texts(space, reverse: true) == ["k=\(name)"])
            #expect(try self.store.get(space, bytes("k")) == bytes(name))
        }
        self.store.delete(.log, bytes("k"))
        self.store.deleteRange(.meta, from: bytes("k"), to: bytes("l"))
        try self.commit()
        #expect(try self.store.texts(.log) == [])
        #expect(try self.store.texts(.meta) == [])
        #expect(try self.store.texts(.item) == ["k=item"])
    }

    private func deletesRanges() throws {
        for space in [Space.log, .item] {
            try self.empty()
            self.store.put(space, "a=1", "b=2", "c=3", "d=4")
            try self.commit()
            self.store.deleteRange(space, from: bytes("b"), to: bytes("d"))
            try self.commit()
            #expect(try self.store.texts(space) == ["a=1", "d=4"])
            #expect(try self.store.get(space, bytes("b")) == nil)
            self.store.deleteRange(space, from: bytes("z"), to: bytes("a"))
            self.store.deleteRange(space, from: bytes("a"), to: bytes("a"))
            self.store.put(space, "c=5")
            try self.commit()
            #expect(try self.store.texts(space) == ["a=1", "c=5", "d=4"])
        }
    }

    private func ordersWithinABatch() throws {
        try self.empty()
        self.store.put(.item, "a=1", "b=1")
        self.store.put(.item, "a=2")
        self.store.deleteRange(.item, from: bytes("b"), to: bytes("c"))
        self.store.put(.item, "bb=2")
        self.store.put(.item, "c=1")
        self.store.delete(.item, bytes("c"))
        try self.commit()
        #expect(try self.store.texts(.item) == ["a=2", "bb=2"])
    }

    private func isolatesSnapshots() throws {
        try self.empty()
        self.store.put(.item, "a=1", "b=1")
        try self.commit()
        self.store.put(.item, "c=1")
        let before = self.store.openSnapshot()
        self.store.put(.item, "a=2")
        self.store.deleteRange(.item, from: bytes("b"), to: bytes("c"))
        try self.commit()
        let after = self.store.openSnapshot()
        self.store.put(.item, "d=1")
        try self.commit()
        #expect(before != after)
        #expect(try self.store.texts(.item, snapshot: before) == ["a=1", "b=1"])
        #expect(try self.store.texts(.item, reverse: true, snapshot: before) == ["b=1", "a=1"])
        #expect(try self.store.texts(.item, from: "b", to: "c", snapshot: before) == ["b=1"])
        #expect(try self.store.texts(.item, snapshot: after) == ["a=2", "c=1"])
        #expect(try self.store.texts(.item) == ["a=2", "c=1", "d=1"])
        self.store.closeSnapshot(before)
        #expect(try self.store.texts(.item, snapshot: after) == ["a=2", "c=1"])
        self.store.closeSnapshot(after)
    }

    private func survivesNestedScans() throws {
        try self.empty()
        self.store.put(.item, "a=1", "b=2", "c=3")
        self.store.put(.log, "x=1", "y=2")
        try self.commit()
        var seen: [String] = []
        try self.store.scan(.item, from: bytes("a"), to: bytes("c"), reverse: false) { key, _ in
            let inner = (try? self.store.texts(.log, from: "y")) ?? ["failed"]
            seen.append(String(decoding: key, as: UTF8.self) + inner.joined())
            return true
        }
        #expect(seen == ["ay=2", "by=2"])
    }

    private func takesAnyBytes() throws {
        try self.empty()
        let keys: [[UInt8]] = [
            [], [0], [0, 0], [0x7F], [0x80], [0xFF], [0xFF, 0xFF], [0xFF, 0xFF, 1],
        ]
        let value = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for key in keys { self.store.put(.item, key, value) }
        try self.commit()
        var found: [[UInt8]] = []
        try self.store.scan(.item, from: [], to: nil, reverse: false) { key, bytes in
            found.append(Array(key))
            return bytes.elementsEqual(value)
        }
        #expect(found == keys)
        #expect(try self.store.get(.item, []) == value)
        #expect(try self.store.get(.item, [0xFF, 0xFF, 1]) == value)
        try self.empty()
    }
}

@Suite("Every store")
struct ConformanceTests {
    @Test("RocksDB's does what every store must")
    func rocks() throws {
        let workspace = Workspace()
        let store = try workspace.open()
        try StoreConformance(store: store) { try store.commit(sync: false) }.run()
    }

    @Test("the one in memory does the same")
    func memory() throws {
        let store = MemoryStore()
        try StoreConformance(store: store) { try store.commit(sync: true) }.run()
    }

    @Test("RocksDB's does it from tables on disk as well")
    func rocksFlushed() throws {
        let workspace = Workspace()
        let store = try workspace.open()
        try StoreConformance(store: store) {
            try store.commit(sync: true)
            try store.flush()
        }.run()
    }
}
