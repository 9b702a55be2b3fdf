package import Primitives

/// Sums of a partition's live items, by which replicas and regions are compared.
///
/// The partition's tokens are cut into 64 equal buckets, each the wrapping sum of its items'
/// hashes. A sum does not depend on the order of writes and moves with each of them at the cost of
/// one addition, where a hash tree over the items would have to be rebuilt.
package struct Digest: Equatable, Sendable {
    package static let bucketCount = 64

    package let range: ClosedRange<Token>
    /// Empty while every bucket is zero.
    private var sums: [UInt64] = []
    /// One bit a bucket that changed since the last ``takeDirty()``.
    private var dirty: UInt64 = 0

    package init(range: ClosedRange<Token>) {
        precondition(range.upperBound - range.lowerBound >= UInt64(Self.bucketCount) - 1)
        self.range = range
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.range == rhs.range && lhs.buckets == rhs.buckets
    }

    /// The sums of all buckets.
    package var buckets: [UInt64] {
        self.sums.isEmpty ? [UInt64](repeating: 0, count: Self.bucketCount) : self.sums
    }

    /// One number for the whole partition.
    package var total: UInt64 { self.sums.reduce(0, &+) }

    package func bucket(of token: Token) -> Int {
        precondition(self.range.contains(token), "an item of another partition")
        let offset = token - self.range.lowerBound
        let (high, low) = offset.multipliedFullWidth(by: UInt64(Self.bucketCount))
        let (width, isWhole) = self.width
        return isWhole ? Int(high) : Int(width.dividingFullWidth((high, low)).quotient)
    }

    /// The tokens of a bucket.
    package func tokens(of bucket: Int) -> ClosedRange<Token> {
        precondition((0..<Self.bucketCount).contains(bucket))
        let last =
            bucket + 1 == Self.bucketCount ? self.range.upperBound : self.start(bucket + 1) - 1
        return self.start(bucket)...last
    }

    package mutating func add(_ delta: UInt64, at bucket: Int) {
        guard delta != 0 else { return }
        if self.sums.isEmpty { self.sums = self.buckets }
        self.sums[bucket] &+= delta
        self.dirty |= 1 << UInt64(bucket)
    }

    /// The buckets that changed, which then count as clean.
    mutating func takeDirty() -> [(bucket: Int, sum: UInt64)] {
        var changed: [(bucket: Int, sum: UInt64)] = []
        while self.dirty != 0 {
            let bucket = self.dirty.trailingZeroBitCount
            changed.append((bucket, self.sums[bucket]))
            self.dirty &= self.dirty - 1
        }
        return changed
    }

    mutating func restore(_ sum: UInt64, at bucket: Int) {
        if self.sums.isEmpty { self.sums = self.buckets }
        self.sums[bucket] = sum
    }

    /// The number of tokens; the whole circle has one more than fits.
    private var width: (UInt64, isWhole: Bool) {
        let (width, overflow) =
            (self.range.upperBound - self.range.lowerBound).addingReportingOverflow(1)
        return (width, overflow)
    }

    /// The first token whose bucket is `bucket`: the bucket's share of the width, rounded up.
    private func start(_ bucket: Int) -> Token {
        let (width, isWhole) = self.width
        let count = UInt64(Self.bucketCount)
        if isWhole { return UInt64(bucket) << 58 }
        let (high, low) = width.multipliedFullWidth(by: UInt64(bucket))
        let (quotient, remainder) = count.dividingFullWidth((high, low))
        return self.range.lowerBound + quotient + (remainder > 0 ? 1 : 0)
    }
}
