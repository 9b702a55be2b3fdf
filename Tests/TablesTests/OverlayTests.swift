import Primitives
import Replication
import Tables
import Testing

@Suite("What a leader proposed and the store does not show yet")
struct OverlayTests {
    @Test("a condition sees the proposed write; its failure waits for that write")
    func seesProposed() throws {
        var rig = Rig()
        let stamp = try rig.evaluate(Rig.put("a", 1, 1)).outcome?.stamp
        #expect(stamp != nil)
        var second = Rig.put("a", 1, 2)
        second.condition = try Rig.condition("attribute_not_exists(p)")
        let failed = try rig.evaluate(second)
        let item = Rig.item("a", 1, 1)
        #expect(failed == .conditionFailed(item: item, stamp: stamp, dependsOn: 1))
        #expect(
            try rig.partition.get(Rig.key("a", 1), rig.store) == nil,
            "reads see what is applied"
        )
        try rig.apply()
        #expect(try rig.evaluate(second).dependsOn == nil, "applied, though not in the store")
        try rig.commitTurn()
        #expect(try rig.evaluate(second).dependsOn == nil)
        #expect(try rig.partition.get(Rig.key("a", 1), rig.store) == Rig.item("a", 1, 1))
    }

    @Test("deleting what a proposed delete removes waits for it")
    func deleteTwice() throws {
        var rig = Rig(isGlobal: false)
        try rig.run(Rig.put("a", 1, 1))
        _ = try rig.evaluate(Rig.delete("a", 1))
        #expect(try rig.evaluate(Rig.delete("a", 1)).dependsOn == 2)
        try rig.settle()
        let third = try rig.evaluate(Rig.delete("a", 1))
        #expect(third.outcome?.old == nil && third.dependsOn == nil && rig.log.count == 2)
    }

    @Test("an older proposal's departure does not take a newer one of the key with it")
    func newerStays() throws {
        var rig = Rig()
        _ = try rig.evaluate(Rig.put("a", 1, 1))
        _ = try rig.evaluate(Rig.put("a", 1, 2))
        try rig.apply(max: 1)
        try rig.commitTurn()
        #expect(try rig.evaluate(Rig.delete("a", 1)).outcome?.old == Rig.item("a", 1, 2))
    }

    @Test("resigning forgets proposals")
    func resigning() throws {
        var rig = Rig()
        _ = try rig.evaluate(Rig.put("a", 1, 1))
        rig.partition.resignedLeadership()
        rig.log = []
        rig.partition.becameLeader()
        #expect(try rig.evaluate(Rig.put("a", 1, 2)).outcome?.old == nil)
        try rig.settle()
        #expect(rig.partition.totals.changes == 1)
    }

    @Test("a leader sees what it applied as a follower earlier in the same turn")
    func sameTurn() throws {
        var leader = Rig()
        _ = try leader.evaluate(Rig.put("a", 1, 1))
        var follower = Rig()
        follower.partition.resignedLeadership()
        follower.log = leader.log
        try follower.apply()
        follower.partition.becameLeader()
        #expect(try follower.evaluate(Rig.delete("a", 1)).outcome?.old == Rig.item("a", 1, 1))
        try follower.settle()
        #expect(follower.partition.itemCount == 0)
        #expect(try follower.partition.violations(follower.store) == [])
    }

    @Test("a failed store commit keeps everything for the next")
    func failedCommit() throws {
        var rig = Rig()
        _ = try rig.evaluate(Rig.put("a", 1, 1))
        try rig.apply()
        rig.store.commitFailure = .noSpace("full")
        #expect(throws: StoreError.noSpace("full")) { try rig.commitTurn() }
        #expect(try rig.evaluate(Rig.put("a", 1, 2)).outcome?.old == Rig.item("a", 1, 1))
        rig.store.commitFailure = nil
        try rig.settle()
        #expect(try rig.partition.get(Rig.key("a", 1), rig.store) == Rig.item("a", 1, 2))
        #expect(try rig.partition.violations(rig.store) == [])
    }

    @Test("what the store shows moves with its commits, not with what is applied")
    func settled() throws {
        var rig = Rig()
        try rig.run(Rig.put("a", 1, 1))
        _ = try rig.evaluate(Rig.put("a", 2, 1))
        try rig.apply()
        #expect(rig.partition.appliedIndex == 2 && rig.partition.settled.index == 1)
        #expect(rig.partition.settled.totals.changes == 1)
        try rig.restart()
        #expect(rig.partition.settled.index == 1, "the second was applied again, not committed")
        try rig.commitTurn()
        #expect(rig.partition.settled.index == 2 && rig.partition.settled.totals.changes == 2)
    }
}
