import DataModel
import Primitives
import Replication
import Tables
import Testing

@Suite("Invariants of a partition")
struct InvariantTests {
    @Test("a partition in use is sound, in a turn and between turns") func sound() throws {
        var rig = ApplyRecordTests.recording(0)
        for write in ["a", "b", "c"] {
            _ = try rig.evaluate(ApplyRecordTests.put(write))
            #expect(rig.partition.checkInvariants().isEmpty)
        }
        try rig.apply(max: 2)
        #expect(rig.partition.checkInvariants().isEmpty)
        try rig.commitTurn()
        #expect(rig.partition.checkInvariants().isEmpty)
        rig.partition.resignedLeadership()
        try rig.settle()
        #expect(rig.partition.checkInvariants().isEmpty)
        #expect(try rig.partition.violations(rig.store).isEmpty)
    }

    /// Entries that a leader decided for other contents than these, as after a log that was cut.
    @Test("an older version that replaces a newer one is reported, and so are wrong counts")
    func foreignEntries() throws {
        var source = Rig(region: 1)
        source.wall = 500
        try source.run(ApplyRecordTests.put("old"))
        let batch = try #require(try source.batch(after: ReplicationCursor()))
        var decider = Rig()
        _ = try decider.receive(batch)
        var rig = ApplyRecordTests.recording(0)
        try rig.run(ApplyRecordTests.put("new"))
        try rig.partition.apply(decider.log[0], at: 2, rig.store)
        #expect(!rig.partition.checkInvariants().isEmpty)
        try rig.commitTurn()
        #expect(!(try rig.partition.violations(rig.store)).isEmpty)
    }

    @Test("a cursor on record for what is not applied is reported") func cursors() throws {
        var rig = Rig()
        let cursor = ReplicationCursor(index: 7, totals: ChangeTotals(changes: 3, bytes: 3))
        rig.append(rig.partition.proposal(moving: RegionID(1), to: cursor))
        try rig.settle()
        #expect(!rig.partition.checkInvariants().isEmpty)
    }
}
