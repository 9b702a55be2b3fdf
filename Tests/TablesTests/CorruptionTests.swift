import DataModel
import Primitives
import Replication
import Tables
import Testing

@Suite("Bytes from disks and logs")
struct CorruptionTests {
    /// Payloads of every kind of command.
    static func payloads() throws -> [[UInt8]] {
        var source = Rig(region: 1, id: 50, mode: .wall)
        source.wall = 5_000_000
        try source.run(Rig.put("a", 1, 1))
        try source.run(Rig.delete("a", 1))
        try source.run(Rig.put("a", 2, 2))
        var target = Rig(region: 0, id: 60, mode: .wall)
        try target.run(Rig.put("a", 2, 5))
        _ = try target.receive(try #require(try source.batch(after: ReplicationCursor())))
        try target.run(Rig.put("a", 2, 3))
        target.append(target.partition.proposal(moving: RegionID(1), to: ReplicationCursor()))
        try target.settle()
        let (collection, _) = try target.partition.tombstonesToCollect(
            before: .max,
            after: nil,
            target.store
        )
        target.append(try #require(collection))
        return target.log
    }

    @Test("a command cut anywhere is corrupt; a changed byte never traps")
    func commands() throws {
        let payloads = try Self.payloads()
        #expect(Set(payloads.compactMap(\.first)) == [1, 2, 3, 4, 5])
        for payload in payloads where payload.first != 1 {
            for end in payload.indices {
                var rig = Rig(region: 0, id: 60)
                #expect(throws: StoreError.self) {
                    try rig.partition.apply(Array(payload[..<end]), at: 1, rig.store)
                }
            }
        }
        for payload in payloads {
            for place in payload.indices {
                var changed = payload
                changed[place] ^= 0xFF
                var rig = Rig(region: 0, id: 60)
                _ = try? rig.partition.apply(changed, at: 1, rig.store)
                _ = try? CommittedChange(changed)
            }
        }
    }

    @Test("a record survives; its cut header is corrupt")
    func records() throws {
        let vector = VersionVector(Stamp(time: 7, region: RegionID(1)))
            .replaced(by: Stamp(time: 9, region: RegionID(2)))
        let key = Rig.key("a", 1)
        let item = Rig.item("a", 1, 1)
        for version in [vector, VersionVector(vector.stamp)] {
            for image in [item.bytes, nil] {
                let size = image == nil ? 0 : item.size
                let record = ItemRecord(key: key, version: version, image: image, size: size)
                let header = record.bytes.count - (image?.count ?? 0)
                #expect(header == 22 + (version.others.isEmpty ? 0 : 10))
                let decoded = try ItemRecord(record.bytes)
                #expect(decoded == record && decoded.image == image && decoded.hashMatches(key))
                for end in 0..<header {
                    #expect(throws: StoreError.self) { try ItemRecord(Array(record.bytes[..<end])) }
                }
            }
        }
    }

    @Test("a page over a record with a cut header is corrupt, over a tombstone it is empty")
    func pages() throws {
        var rig = Rig()
        try rig.run(Rig.put("a", 1, 1))
        let key = Rig.key("a", 1)
        let place = PartitionKeys.item(PartitionID(1), key)
        let item = Rig.item("a", 1, 1)
        let version = VersionVector(Stamp(time: 7, region: RegionID(1)))
            .replaced(by: Stamp(time: 9, region: RegionID(2)))
        for image in [item.bytes, nil] {
            let size = image == nil ? 0 : item.size
            let record = ItemRecord(key: key, version: version, image: image, size: size)
            rig.store.put(.item, place, record.bytes)
            try rig.store.commit(sync: false)
            let page = try rig.partition.page(RangeRead(tokens: 0...Token.max), rig.store)
            #expect(page.items == (image == nil ? [] : [item]) && page.scannedBytes == size)
            for end in 0..<record.bytes.count - (image?.count ?? 0) {
                rig.store.put(.item, place, Array(record.bytes[..<end]))
                try rig.store.commit(sync: false)
                #expect(throws: ReadError.self) {
                    try rig.partition.page(RangeRead(tokens: 0...Token.max), rig.store)
                }
            }
        }
    }

    @Test("damaged counts are corrupt at the restart")
    func meta() throws {
        var rig = Rig()
        try rig.run(Rig.put("a", 1, 1))
        rig.store.put(.meta, PartitionKeys.prefix(PartitionID(1)) + [1], [1, 2])
        try rig.store.commit(sync: false)
        #expect(throws: StoreError.self) { try rig.restart() }
    }

    @Test("erasing a partition leaves consensus' records and the neighbours")
    func erasing() throws {
        var rig = Rig()
        try rig.run(Rig.put("a", 1, 1))
        let foreign = PartitionKeys.prefix(PartitionID(1)) + [0xF0]
        let neighbour = PartitionKeys.prefix(PartitionID(2)) + [1]
        rig.store.put(.meta, foreign, [1])
        rig.store.put(.meta, neighbour, [1])
        try rig.store.commit(sync: false)
        Partition.erase(PartitionID(1), from: rig.store)
        try rig.store.commit(sync: false)
        #expect(rig.store.count(.item) == 0 && rig.store.count(.meta) == 2)
    }
}
