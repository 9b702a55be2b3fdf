import DataModel
import Primitives
import Replication
import Tables
import Testing

@Suite("Apply records")
struct ApplyRecordTests {
    /// An item that carries a write id, as workloads that keep a history write them.
    static func put(_ write: String) -> WriteRequest {
        var map = Rig.item("a", 1).unpacked()
        map[Array("w".utf8)] = .string(Array(write.utf8))
        return WriteRequest(key: Rig.key("a", 1), action: .put(Item(map)))
    }

    static func recording(_ region: UInt8, mode: HybridClock.Mode = .hybrid) -> Rig {
        var rig = Rig(region: region, mode: mode)
        rig.partition.recordApplies(position: 3, isHybrid: mode == .hybrid)
        return rig
    }

    @Test("a write tells its stamp, its id and what it replaced, in the same turn too")
    func writes() throws {
        var rig = Self.recording(0)
        for write in ["w1", "w2"] { _ = try rig.evaluate(Self.put(write)) }
        _ = try rig.evaluate(Rig.delete("a", 1))
        try rig.settle()
        let records = rig.partition.takeApplied()
        #expect(records.map(\.index) == [1, 2, 3])
        #expect(records.map(\.write) == [Array("w1".utf8), Array("w2".utf8), nil])
        #expect(records.map(\.isDelete) == [false, false, true])
        #expect(records.map(\.decision) == [.applied, .applied, .applied])
        #expect(records.map(\.against) == [nil, records[0].stamp, records[1].stamp])
        #expect(records.allSatisfy { $0.position == 3 && $0.table == "music" })
        #expect(records[0].key == Rig.key("a", 1).bytes)
        #expect(rig.partition.takeApplied().isEmpty)
    }

    @Test("another region's change is applied or refused, against what is stored")
    func remote() throws {
        var source = Self.recording(1)
        var rig = Self.recording(0)
        source.wall = 500
        try source.run(Self.put("old"))
        let batch = try #require(try source.batch(after: ReplicationCursor()))
        try rig.run(Self.put("new"))
        _ = try rig.receive(batch)
        try rig.settle()
        let records = rig.partition.takeApplied()
        #expect(records.map(\.decision) == [.applied, .older])
        #expect(records[1].write == Array("old".utf8))
        #expect(records[1].stamp.region == RegionID(1))
        #expect(records[1].against == records[0].stamp)
    }

    @Test("a partition that is not told to keeps no records")
    func off() throws {
        var rig = Rig()
        try rig.run(Self.put("w1"))
        #expect(rig.partition.takeApplied().isEmpty)
    }

    @Test("a write that loses to a greater wall stamp is on record as refused")
    func losses() throws {
        var source = Self.recording(1, mode: .wall)
        var rig = Self.recording(0, mode: .wall)
        source.wall = 9_000_000
        try source.run(Self.put("ahead"))
        _ = try rig.receive(try #require(try source.batch(after: ReplicationCursor())))
        try rig.run(Self.put("lost"))
        let records = rig.partition.takeApplied()
        #expect(records.map(\.decision) == [.applied, .older])
        #expect(records[1].write == Array("lost".utf8))
        #expect(records[1].against == records[0].stamp)
    }
}
