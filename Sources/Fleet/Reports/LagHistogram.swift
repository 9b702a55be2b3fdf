import Primitives
package import Wire

/// Counts of lags in the nodes' log-linear buckets, merged over the nodes of a region.
///
/// Percentiles of a region can only come from merged counts: percentiles of nodes do not add up.
package struct LagHistogram: Equatable, Sendable {
    /// Sorted by bucket.
    package private(set) var counts: [(bucket: Int, count: UInt64)] = []
    package private(set) var total: UInt64 = 0

    package init() {}

    /// `[[bucket, count], …]`, sorted or not; pairs that are not two whole numbers are left out.
    package init(json: JSONValue) {
        for pair in json.array ?? [] {
            guard let pair = pair.array, pair.count == 2, let bucket = pair[0].int, bucket >= 0,
                let count = pair[1].uint64
            else { continue }
            self.add(count, at: bucket)
        }
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.counts.elementsEqual(rhs.counts) { $0 == $1 }
    }

    package mutating func add(_ count: UInt64, at bucket: Int) {
        self.total += count
        var low = 0
        var high = self.counts.count
        while low < high {
            let middle = (low + high) / 2
            if self.counts[middle].bucket < bucket { low = middle + 1 } else { high = middle }
        }
        if low < self.counts.count, self.counts[low].bucket == bucket {
            self.counts[low].count += count
        } else {
            self.counts.insert((bucket, count), at: low)
        }
    }

    package mutating func merge(_ other: LagHistogram) {
        for (bucket, count) in other.counts { self.add(count, at: bucket) }
    }

    /// The least value, in nanoseconds, that so many thousandths of all do not exceed; nil when
    /// empty.
    package func quantile(perMille: UInt64) -> UInt64? {
        guard self.total > 0 else { return nil }
        let rank = max(1, (self.total * perMille + 999) / 1_000)
        var seen: UInt64 = 0
        for (bucket, count) in self.counts {
            seen += count
            if seen >= rank { return LogLinearBuckets.middle(of: bucket) }
        }
        return self.counts.last.map { LogLinearBuckets.middle(of: $0.bucket) }
    }
}
