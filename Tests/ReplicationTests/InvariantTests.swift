import Primitives
import Replication
import Testing

@Suite("Invariants of replication")
struct InvariantTests {
    static func cursor(_ index: UInt64, _ changes: UInt64) -> ReplicationCursor {
        ReplicationCursor(index: index, totals: ChangeTotals(changes: changes, bytes: changes))
    }

    @Test("a cursor on record ahead of the acknowledgements is reported")
    func cursors() {
        var stream = OutboundStream(from: Self.cursor(3, 1))
        _ = stream.willSend(upTo: Self.cursor(5, 2), bytes: 10, now: .zero)
        #expect(stream.checkInvariants().isEmpty)
        stream.recordProposed(Self.cursor(5, 2), now: .zero)
        #expect(!stream.checkInvariants().isEmpty)
        _ = stream.acknowledged(upTo: 2)
        #expect(stream.checkInvariants().isEmpty)
    }

    @Test("a clock that was pushed out of its range is reported") func clock() {
        var clock = HybridClock(mode: .hybrid, region: RegionID(0))
        _ = clock.issue(wall: WallTime(nanoseconds: 1))
        #expect(clock.checkInvariants().isEmpty)
        _ = clock.issue(wall: WallTime(nanoseconds: 1 << 63))
        #expect(!clock.checkInvariants().isEmpty)
    }

    @Test("a hybrid version below what it has seen is reported") func vectors() throws {
        let stamp = Stamp(time: 5, region: RegionID(0))
        let newer = Stamp(time: 9, region: RegionID(1))
        let vector = try #require(VersionVector(stamp: stamp, others: [newer]))
        #expect(vector.checkInvariants(isHybrid: false).isEmpty)
        #expect(!vector.checkInvariants(isHybrid: true).isEmpty)
    }

    @Test("a meter in use is sound throughout") func meter() {
        var meter = BacklogMeter(from: ChangeTotals())
        for change in 1...2_000 as ClosedRange<UInt64> {
            let at = Instant(nanoseconds: change)
            meter.committed(ChangeTotals(changes: change, bytes: change), at: at)
            if change % 3 == 0 { meter.acknowledged(ChangeTotals(changes: change / 2)) }
            #expect(meter.checkInvariants().isEmpty)
        }
        meter.acknowledged(ChangeTotals(changes: 2_000, bytes: 2_000))
        #expect(meter.checkInvariants().isEmpty)
    }
}
