import Primitives
import Tables
import Testing

@Suite("Memory store")
struct MemoryStoreTests {
    private static func key(_ random: inout SplitMix64) -> [UInt8] {
        (0..<(1 + random.below(3))).map { _ in UInt8(random.below(30)) }
    }

    private func collect(
        _ store: MemoryStore,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        snapshot: SnapshotID? = nil,
        max: Int = .max
    ) throws -> [[UInt8]] {
        var keys: [[UInt8]] = []
        let visit = { (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool in
            keys.append(Array(key) + [255] + Array(value))
            return keys.count < max
        }
        if let snapshot {
            try store.scan(
                snapshot: snapshot,
                .item,
                from: from,
                to: to,
                reverse: reverse,
                visit
            )
        } else {
            try store.scan(.item, from: from, to: to, reverse: reverse, visit)
        }
        return keys
    }

    /// The keys and values of a range as a plain dictionary has them.
    private func expected(
        _ model: [[UInt8]: [UInt8]],
        _ from: [UInt8],
        _ to: [UInt8]?,
        _ reverse: Bool
    ) -> [[UInt8]] {
        let keys = model.keys.filter { key in
            !key.lexicographicallyPrecedes(from)
                && (to.map { key.lexicographicallyPrecedes($0) } ?? true)
        }.sorted { $0.lexicographicallyPrecedes($1) }
        return (reverse ? keys.reversed() : keys).map { $0 + [255] + model[$0]! }
    }

    @Test("puts, deletes, ranges, scans and snapshots agree with a dictionary", arguments: 1...20)
    func model(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let store = MemoryStore()
        var model: [[UInt8]: [UInt8]] = [:]
        var pending = model
        var view: (id: SnapshotID, model: [[UInt8]: [UInt8]])?
        for step in 0..<3_000 {
            switch random.below(20) {
            case 0:
                try store.commit(sync: false)
                model = pending
                #expect(store.pendingBytes == 0)
            case 1 where random.chance(1, outOf: 3):
                store.discardPending()
                pending = model
            case 2 where random.chance(1, outOf: 5):
                let (a, b) = (Self.key(&random), Self.key(&random))
                store.deleteRange(.item, from: a, to: b)
                pending = pending.filter {
                    $0.key.lexicographicallyPrecedes(a) || !$0.key.lexicographicallyPrecedes(b)
                }
            case 3, 4:
                let key = Self.key(&random)
                store.delete(.item, key)
                pending[key] = nil
            case 5 where random.chance(1, outOf: 4):
                if let view { store.closeSnapshot(view.id) }
                view = (store.openSnapshot(), model)
            case 6:
                let (from, to) = (
                    Self.key(&random), random.chance(1, outOf: 4) ? nil : Self.key(&random)
                )
                let reverse = random.chance(1, outOf: 2)
                #expect(
                    try self.collect(store, from: from, to: to, reverse: reverse)
                        == self.expected(model, from, to, reverse),
                    "seed \(seed) step \(step)"
                )
                guard let view else { continue }
                #expect(
                    try self.collect(
                        store,
                        from: from,
                        to: to,
                        reverse: reverse,
                        snapshot: view.id
                    )
                        == self.expected(view.model, from, to, reverse),
                    "seed \(seed) step \(step)"
                )
            default:
                let key = Self.key(&random)
                let value = [UInt8(random.below(200))]
                store.put(.item, key, value)
                pending[key] = value
                #expect(try store.get(.item, key) == model[key])
            }
        }
        try store.commit(sync: false)
        #expect(store.count(.item) == pending.count)
        #expect(try self.collect(store, from: [], to: nil, reverse: false, max: 3).count == 3)
    }

    @Test("a crash loses the pending batch, and what was not synced if the disk is like that")
    func crashes() throws {
        for loses in [false, true] {
            let store = MemoryStore(losesUnsynced: loses)
            store.put(.log, [1], [1])
            try store.commit(sync: true)
            store.put(.log, [2], [2])
            try store.commit(sync: false)
            store.put(.log, [3], [3])
            store.crash()
            try store.commit(sync: true)
            #expect(store.count(.log) == (loses ? 1 : 2))
        }
    }
}
