import DataModel
import Primitives
import Testing

@Suite("Byte order")
struct ByteOrderTests {
    @Test("comparison equals the standard library's byte by byte", arguments: [1] as [UInt64])
    func compare(seed: UInt64) {
        var samples = Samples(seed: seed)
        for round in 0..<5_000 {
            let left = samples.bytes(max: 24)
            var right = samples.below(2) == 0 ? samples.bytes(max: 24) : left
            if samples.below(2) == 0, !right.isEmpty {
                right[samples.below(right.count)] = UInt8(samples.below(256))
            }
            if samples.below(4) == 0, !right.isEmpty { right.removeLast() }
            let expected: ScalarOrder =
                left == right ? .equal : left.lexicographicallyPrecedes(right) ? .less : .greater
            #expect(ByteOrder.compare(left, right) == expected, "seed \(seed) round \(round)")
        }
    }

    @Test("the successor of a prefix follows everything that has the prefix")
    func successor() {
        #expect(ByteOrder.successor(ofPrefix: [1, 2]) == [1, 3])
        #expect(ByteOrder.successor(ofPrefix: [1, 0xFF, 0xFF]) == [2])
        #expect(ByteOrder.successor(ofPrefix: [0xFF, 0xFF]) == nil)
        #expect(ByteOrder.successor(ofPrefix: []) == nil)
    }
}
