import Primitives
import Replication
import Testing

@Suite("Version vectors")
struct VersionVectorTests {
    func stamp(_ time: UInt64, _ region: UInt8) -> Stamp {
        Stamp(time: time, region: RegionID(region))
    }

    @Test("a write has seen the version it replaced and all that had seen")
    func sees() {
        let first = VersionVector(self.stamp(10, 0))
        let second = first.replaced(by: self.stamp(20, 1))
        let third = second.replaced(by: self.stamp(30, 2))
        #expect(third.others == [self.stamp(10, 0), self.stamp(20, 1)])
        #expect(third.contains(self.stamp(10, 0)) && third.contains(self.stamp(20, 1)))
        #expect(!third.contains(self.stamp(21, 1)) && !third.contains(self.stamp(1, 3)))
        #expect(third.dominates(second) && !second.dominates(third))
        #expect(!third.isConcurrent(with: first))
    }

    @Test("writes of two regions on the same version are concurrent")
    func concurrent() {
        let base = VersionVector(self.stamp(10, 0))
        let here = base.replaced(by: self.stamp(20, 0))
        let there = base.replaced(by: self.stamp(21, 1))
        #expect(here.isConcurrent(with: there) && there.isConcurrent(with: here))
        #expect(!here.dominates(there) && !there.dominates(here))
        #expect(here.merging(there) == there.merging(here))
        #expect(here.merging(there).dominates(here) && here.merging(there).dominates(there))
        #expect(here.merging(there).stamp == there.stamp)
    }

    @Test("an item that one region writes carries no vector")
    func singleRegion() {
        var version = VersionVector(self.stamp(1, 2))
        for time in 2...50 as ClosedRange<UInt64> {
            version = version.replaced(by: self.stamp(time, 2))
        }
        #expect(version.others.isEmpty)
    }

    @Test("the vector agrees with the set of writes in a version's past", arguments: 1...20)
    func model(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var versions: [(vector: VersionVector, past: Set<Stamp>)] = []
        // Each region holds one version at a time and takes over greater ones.
        var held: [Int?] = [nil, nil, nil, nil]
        for time in 1...60 as ClosedRange<UInt64> {
            let region = Int(random.below(4))
            if random.chance(1, outOf: 2), let other = held[Int(random.below(4))] {
                let mine = held[region].map { versions[$0].vector.stamp }
                if mine.map({ $0 < versions[other].vector.stamp }) ?? true { held[region] = other }
                continue
            }
            let stamp = self.stamp(time, UInt8(region))
            let old = held[region].map { versions[$0] }
            versions.append(
                (
                    old?.vector.replaced(by: stamp) ?? VersionVector(stamp),
                    (old?.past ?? []).union([stamp])
                )
            )
            held[region] = versions.count - 1
        }
        for (left, past) in versions {
            var writer = ByteWriter()
            left.encodeOthers(into: &writer)
            var reader = ByteReader(writer.bytes)
            #expect(try VersionVector(stamp: left.stamp, othersFrom: &reader) == left)
            for (right, _) in versions where past.contains(right.stamp) {
                #expect(left.contains(right.stamp))
            }
            // A region's later write stands for its earlier ones, even those it lost meanwhile.
            for (right, _) in versions where left.contains(right.stamp) {
                let standsFor = past.contains {
                    $0.region == right.stamp.region && $0.time >= right.stamp.time
                }
                #expect(standsFor)
            }
        }
    }

    @Test("others must be sorted and of other regions")
    func validation() {
        let own = self.stamp(5, 1)
        #expect(VersionVector(stamp: own, others: [self.stamp(1, 1)]) == nil)
        #expect(VersionVector(stamp: own, others: [self.stamp(1, 2), self.stamp(1, 0)]) == nil)
        #expect(VersionVector(stamp: own, others: [self.stamp(1, 0), self.stamp(1, 2)]) != nil)
    }
}
