import DataModel
import Primitives
import Replication
import Tables
import Testing

@Suite("Digests")
struct DigestTests {
    static let ranges: [ClosedRange<Token>] = [
        0...Token.max, 0...(Token.max / 4), (Token.max / 4 + 1)...(Token.max / 2),
        (Token.max / 3 * 2 + 1)...Token.max, 7...70, 5...1_000_003,
    ]

    @Test("buckets cut the range without gap or overlap", arguments: ranges)
    func buckets(range: ClosedRange<Token>) {
        let digest = Digest(range: range)
        var next: Token? = range.lowerBound
        for bucket in 0..<Digest.bucketCount {
            let tokens = digest.tokens(of: bucket)
            #expect(tokens.lowerBound == next)
            #expect(digest.bucket(of: tokens.lowerBound) == bucket)
            #expect(digest.bucket(of: tokens.upperBound) == bucket)
            next = tokens.upperBound == .max ? nil : tokens.upperBound + 1
        }
        #expect(next == (range.upperBound == .max ? nil : range.upperBound + 1))
    }

    @Test("a bucket's listing sums to the bucket, in bounded steps")
    func listing() throws {
        var rig = Rig()
        for index in 0..<300 { _ = try rig.evaluate(Rig.put("k\(index)", 1, index)) }
        for index in 0..<50 { _ = try rig.evaluate(Rig.delete("k\(index)", 1)) }
        try rig.settle()
        var total = 0
        for bucket in 0..<Digest.bucketCount {
            var sum: UInt64 = 0
            var after: ItemKey?
            repeat {
                let (entries, next) = try rig.partition.digestEntries(
                    bucket: bucket,
                    after: after,
                    recordsMax: 2,
                    rig.store
                )
                #expect(entries.count <= 2)
                for entry in entries { sum &+= entry.hash }
                total += entries.count
                after = next
            } while after != nil
            #expect(sum == rig.partition.digest.buckets[bucket])
        }
        #expect(total == 250)
    }

    @Test("key, stamp and image all move the hash")
    func hash() {
        let stamp = Stamp(time: 5, region: RegionID(1))
        let base = ItemRecord.hash([1, 2], stamp, [3])
        #expect(base != ItemRecord.hash([1, 3], stamp, [3]))
        #expect(base != ItemRecord.hash([1, 2], stamp, [4]))
        #expect(base != ItemRecord.hash([1, 2], Stamp(time: 6, region: RegionID(1)), [3]))
        #expect(base != ItemRecord.hash([1, 2], Stamp(time: 5, region: RegionID(2)), [3]))
    }
}
