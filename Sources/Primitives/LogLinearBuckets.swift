/// The numbers of log-linear buckets, as HdrHistogram has them.
///
/// Below 128 every value has its bucket; above, each power of two is cut into 64 equal buckets. A
/// bucket stands for its middle, which is off by at most 1/128 of any value in it.
package enum LogLinearBuckets {
    private static let halfBits = 6
    private static let half = 1 << halfBits

    /// The bucket of the greatest value.
    package static let last = LogLinearBuckets.bucket(of: .max)

    package static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(2 * self.half) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - self.halfBits
        return (shift + 1) * self.half + Int(value >> UInt64(shift)) - self.half
    }

    /// The middle of a bucket's values; one beyond ``last`` counts as that.
    package static func middle(of bucket: Int) -> UInt64 {
        guard bucket >= 2 * self.half else { return UInt64(bucket) }
        let bucket = min(bucket, self.last)
        let shift = UInt64(bucket / self.half - 1)
        let low = UInt64(bucket % self.half + self.half) << shift
        return low + (1 << shift) / 2
    }
}
