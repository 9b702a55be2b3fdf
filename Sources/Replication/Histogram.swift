package import Primitives

/// Counts of durations in log-linear buckets: at most 1 % relative error from 1 ns to 584 years.
///
/// The array covers only the ``LogLinearBuckets`` between the lowest and highest used, so that a
/// histogram of delays that lie close together costs little. Least and greatest value are kept
/// exactly, and quantiles never leave them: a constant is measured exactly.
package struct Histogram: Equatable, Sendable {
    private(set) package var count: UInt64 = 0
    private(set) package var min: Nanoseconds = .max
    private(set) package var max: Nanoseconds = 0
    /// For means and Little's law; saturates.
    private(set) package var sum: UInt64 = 0
    /// The bucket of `counts[0]`.
    private var first = 0
    private var counts: [UInt32] = []

    package init() {}

    package var isEmpty: Bool { self.count == 0 }

    /// The mean, or zero when empty.
    package var mean: Nanoseconds { self.count == 0 ? 0 : self.sum / self.count }

    package mutating func record(_ value: Nanoseconds) {
        self.add(1, at: LogLinearBuckets.bucket(of: value))
        self.min = Swift.min(self.min, value)
        self.max = Swift.max(self.max, value)
        self.count += 1
        let (sum, overflow) = self.sum.addingReportingOverflow(value)
        self.sum = overflow ? .max : sum
    }

    package mutating func merge(_ other: Histogram) {
        guard other.count > 0 else { return }
        self.cover(other.first)
        self.cover(other.first + other.counts.count - 1)
        for (offset, count) in other.counts.enumerated() where count > 0 {
            self.add(count, at: other.first + offset)
        }
        self.min = Swift.min(self.min, other.min)
        self.max = Swift.max(self.max, other.max)
        self.count += other.count
        let (sum, overflow) = self.sum.addingReportingOverflow(other.sum)
        self.sum = overflow ? .max : sum
    }

    /// The least recorded value that so many thousandths of all values do not exceed, as far as
    /// buckets tell; zero when empty.
    package func quantile(perMille: UInt64) -> Nanoseconds {
        precondition(perMille <= 1_000)
        guard self.count > 0 else { return 0 }
        let (product, overflow) = self.count.multipliedReportingOverflow(by: perMille)
        let share = overflow ? self.count / 1_000 * perMille : (product + 999) / 1_000
        let rank = Swift.max(1, share)
        if rank >= self.count { return self.max }
        var seen: UInt64 = 0
        for (offset, count) in self.counts.enumerated() {
            seen += UInt64(count)
            if seen >= rank {
                let middle = LogLinearBuckets.middle(of: self.first + offset)
                return Swift.min(Swift.max(middle, self.min), self.max)
            }
        }
        return self.max
    }

    // MARK: Buckets

    private mutating func add(_ count: UInt32, at bucket: Int) {
        self.cover(bucket)
        let (total, overflow) = self.counts[bucket - self.first].addingReportingOverflow(count)
        self.counts[bucket - self.first] = overflow ? .max : total
    }

    private mutating func cover(_ bucket: Int) {
        if self.counts.isEmpty {
            self.first = bucket
            self.counts = [0]
        } else if bucket < self.first {
            let missing = self.first - bucket
            self.counts.insert(contentsOf: repeatElement(0, count: missing), at: 0)
            self.first = bucket
        } else if bucket >= self.first + self.counts.count {
            let missing = bucket - self.first - self.counts.count + 1
            self.counts.append(contentsOf: repeatElement(0, count: missing))
        }
    }

    /// The buckets that are not empty, by number, for merging elsewhere.
    package var filled: [(bucket: Int, count: UInt64)] {
        self.counts.enumerated().compactMap { offset, count in
            count > 0 ? (self.first + offset, UInt64(count)) : nil
        }
    }

    // MARK: Encoding

    /// Writes the buckets that are not empty, each as the distance from the one before and a count.
    package func encode(into writer: inout ByteWriter) {
        writer.varint(self.count)
        guard self.count > 0 else { return }
        writer.varint(self.min)
        writer.varint(self.max)
        writer.varint(self.sum)
        writer.varint(UInt64(self.counts.count { $0 > 0 }))
        var previous = 0
        for (offset, count) in self.counts.enumerated() where count > 0 {
            writer.varint(UInt64(self.first + offset - previous))
            writer.varint(UInt64(count))
            previous = self.first + offset
        }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        let total = try reader.varint()
        guard total > 0 else { return }
        let min = try reader.varint()
        let max = try reader.varint()
        let sum = try reader.varint()
        var bucket: UInt64 = 0
        for index in 0..<(try reader.count()) {
            let distance = try reader.varint()
            let count = try reader.varint()
            guard distance <= UInt64(LogLinearBuckets.last) - bucket, index == 0 || distance > 0,
                let count = UInt32(exactly: count), count > 0
            else { throw DecodingError(offset: reader.offset) }
            bucket += distance
            self.add(count, at: Int(bucket))
        }
        guard min <= max, !self.counts.isEmpty else { throw DecodingError(offset: reader.offset) }
        self.count = total
        self.min = min
        self.max = max
        self.sum = sum
    }
}
