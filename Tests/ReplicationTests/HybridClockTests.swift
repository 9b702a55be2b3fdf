import Primitives
import Replication
import Testing

@Suite("Hybrid clock (Kulkarni et al. 2014, scalar form)")
struct HybridClockTests {
    let region = RegionID(1)

    @Test("a hybrid stamp follows the wall clock and never repeats while it stands or goes back")
    func monotonic() {
        var clock = HybridClock(mode: .hybrid, region: self.region)
        let times = [100, 100, 99, 5, 200, 200].map {
            clock.issue(wall: WallTime(nanoseconds: $0)).time
        }
        #expect(times == [100, 101, 102, 103, 200, 201])
    }

    @Test("a hybrid stamp exceeds every stamp observed, and observing never moves it back")
    func observes() {
        var clock = HybridClock(mode: .hybrid, region: self.region)
        clock.observe(Stamp(time: 5_000, region: RegionID(2)))
        clock.observe(Stamp(time: 10, region: RegionID(0)))
        let stamp = clock.issue(wall: WallTime(nanoseconds: 100))
        #expect(stamp == Stamp(time: 5_001, region: self.region))
    }

    @Test("a stamp that no clock shows moves no clock")
    func beyond() {
        var clock = HybridClock(mode: .hybrid, region: self.region)
        clock.observe(Stamp(time: .max, region: RegionID(2)))
        clock.observe(Stamp(time: 1 << 63, region: RegionID(2)))
        #expect(clock.issue(wall: WallTime(nanoseconds: 5)).time == 5)
        #expect(clock.checkInvariants().isEmpty)
    }

    @Test("a wall stamp ignores what it observed but is strictly increasing per issuer")
    func wall() {
        var clock = HybridClock(mode: .wall, region: self.region)
        clock.observe(Stamp(time: 5_000, region: RegionID(2)))
        let times = [100, 100, 300].map { clock.issue(wall: WallTime(nanoseconds: $0)).time }
        #expect(times == [100, 101, 300])
    }

    @Test("the stamp exceeds the greatest physical time in its past by at most the events since")
    func boundedDrift() {
        var random = SplitMix64(seed: 7)
        var clocks = (0..<3).map { HybridClock(mode: .hybrid, region: RegionID(UInt8($0))) }
        var physical: UInt64 = 1_000
        var greatest: UInt64 = 0
        for event in 1...5_000 as ClosedRange<UInt64> {
            physical += random.below(3)
            let issuer = Int(random.below(3))
            let skewed = physical - random.below(500)
            greatest = max(greatest, skewed)
            let stamp = clocks[issuer].issue(wall: WallTime(nanoseconds: skewed))
            #expect(stamp.time >= skewed && stamp.time <= greatest + event)
            clocks[Int(random.below(3))].observe(stamp)
        }
    }

    @Test("equal times are won by the higher rank")
    func ties() {
        #expect(Stamp(time: 9, region: RegionID(1)) < Stamp(time: 9, region: RegionID(2)))
        #expect(Stamp(time: 9, region: RegionID(2)) < Stamp(time: 10, region: RegionID(0)))
    }
}
