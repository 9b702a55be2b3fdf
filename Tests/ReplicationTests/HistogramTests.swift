import Primitives
import Replication
import Testing

@Suite("Histogram")
struct HistogramTests {
    /// Values of all magnitudes.
    static func values(_ seed: UInt64, count: Int) -> [UInt64] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in random.next() >> random.below(63) }
    }

    @Test("every quantile is within one per cent of the exact one", arguments: 1...20)
    func error(seed: UInt64) {
        let values = Self.values(seed, count: 3_000)
        var histogram = Histogram()
        for value in values { histogram.record(value) }
        let sorted = values.sorted()
        for perMille in [1, 10, 250, 500, 900, 990, 999, 1_000] as [UInt64] {
            let rank = max(1, (UInt64(values.count) * perMille + 999) / 1_000)
            let exact = sorted[Int(rank) - 1]
            let found = histogram.quantile(perMille: perMille)
            let difference = found > exact ? found - exact : exact - found
            #expect(difference <= exact / 100, "seed \(seed), \(perMille): \(found) for \(exact)")
        }
        #expect(histogram.max == sorted.last && histogram.min == sorted.first)
    }

    @Test("a constant is measured exactly", arguments: [0, 1, 127, 128, 69_600_000, UInt64.max])
    func constant(value: UInt64) {
        var histogram = Histogram()
        for _ in 0..<10 { histogram.record(value) }
        for perMille in [1, 500, 999, 1_000] as [UInt64] {
            #expect(histogram.quantile(perMille: perMille) == value)
        }
    }

    @Test(
        "merged parts equal the whole, in any order, and so does what was decoded",
        arguments: 1...10
    )
    func merging(seed: UInt64) throws {
        let values = Self.values(seed, count: 90)
        var whole = Histogram()
        var parts = [Histogram](repeating: Histogram(), count: 3)
        for (index, value) in values.enumerated() {
            whole.record(value)
            parts[index % 3].record(value)
        }
        var forwards = Histogram()
        var backwards = Histogram()
        for part in parts { forwards.merge(part) }
        for part in parts.reversed() { backwards.merge(part) }
        #expect(forwards == whole && backwards == whole)
        var writer = ByteWriter()
        whole.encode(into: &writer)
        var reader = ByteReader(writer.bytes)
        #expect(try Histogram(from: &reader) == whole)
        #expect(reader.isAtEnd)
        for end in writer.bytes.indices {
            var short = ByteReader(writer.bytes, in: 0..<end)
            #expect(throws: DecodingError.self) { try Histogram(from: &short) }
        }
    }

    @Test("an empty histogram answers zero and takes one byte")
    func empty() throws {
        let histogram = Histogram()
        #expect(histogram.quantile(perMille: 500) == 0 && histogram.mean == 0)
        var writer = ByteWriter()
        histogram.encode(into: &writer)
        #expect(writer.bytes == [0])
    }
}
