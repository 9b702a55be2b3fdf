/// One partition of a table as its leader in one region digests it.
package struct PartitionDigest: Equatable, Sendable {
    package var index: Int
    /// Over the whole partition; equal items give equal digests, whatever their order of arrival.
    package var digest: String
    /// Digests of the partition's slices by key hash, so that a difference is narrowed down without
    /// reading the equal rest.
    package var buckets: [String]
    package var items: UInt64
    package var bytes: UInt64

    package init(index: Int, digest: String, buckets: [String], items: UInt64, bytes: UInt64) {
        self.index = index
        self.digest = digest
        self.buckets = buckets
        self.items = items
        self.bytes = bytes
    }
}

/// What the leaders of one region answered about one table.
package struct RegionDigests: Equatable, Sendable {
    package var region: String
    package var partitions: [PartitionDigest]

    package init(region: String, partitions: [PartitionDigest]) {
        self.region = region
        self.partitions = partitions
    }

    func partition(_ index: Int) -> PartitionDigest? {
        self.partitions.first { $0.index == index }
    }
}

/// A slice of a partition that is not the same everywhere.
package struct BucketID: Hashable, Comparable, Sendable {
    package var partition: Int
    package var bucket: Int

    package init(partition: Int, bucket: Int) {
        self.partition = partition
        self.bucket = bucket
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.partition, lhs.bucket) < (rhs.partition, rhs.bucket)
    }
}

/// Where the regions of a table differ, by digests alone.
package struct DigestComparison: Equatable, Sendable {
    /// Partitions about which no leader of a region answered: nothing can be said about them.
    package var unanswered: [String: [Int]] = [:]
    package var differing: [BucketID] = []
    package var partitions = 0

    package var areEqual: Bool { self.differing.isEmpty && self.unanswered.isEmpty }

    package init(_ regions: [RegionDigests]) {
        let count = regions.flatMap { $0.partitions.map { $0.index + 1 } }.max() ?? 0
        self.partitions = count
        if count == 0 {
            for region in regions { self.unanswered[region.region] = [0] }
        }
        for index in 0..<count {
            var answers: [PartitionDigest] = []
            for region in regions {
                if let partition = region.partition(index) {
                    answers.append(partition)
                } else {
                    self.unanswered[region.region, default: []].append(index)
                }
            }
            guard let first = answers.first, answers.contains(where: { $0.digest != first.digest })
            else { continue }
            let buckets = answers.map(\.buckets.count).max() ?? 0
            for bucket in 0..<buckets {
                let digests = Set(
                    answers.map { bucket < $0.buckets.count ? $0.buckets[bucket] : "" }
                )
                if digests.count > 1 {
                    self.differing.append(BucketID(partition: index, bucket: bucket))
                }
            }
        }
    }
}

/// A key in one region as the drill-down lists it.
package struct KeyState: Equatable, Sendable {
    /// The key's attributes as JSON text.
    package var key: String
    /// "time.region", what last-writer-wins compares.
    package var stamp: String
    package var hash: String

    package init(key: String, stamp: String, hash: String) {
        self.key = key
        self.stamp = stamp
        self.hash = hash
    }
}

/// A key that is not the same in every region.
package struct KeyDifference: Equatable, Sendable {
    package var key: String
    /// In the order of the regions asked; nil where the key is absent.
    package var states: [(region: String, state: KeyState?)]

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.key == rhs.key
            && lhs.states.elementsEqual(rhs.states) {
                $0.region == $1.region && $0.state == $1.state
            }
    }

    /// The keys whose stamp or content is not the same in all regions, by key.
    package static func all(_ regions: [(region: String, keys: [KeyState])]) -> [KeyDifference] {
        var byKey: [String: [String: KeyState]] = [:]
        for region in regions {
            for state in region.keys { byKey[state.key, default: [:]][region.region] = state }
        }
        return byKey.keys.sorted().compactMap { key in
            let states = regions.map { ($0.region, byKey[key]?[$0.region]) }
            guard states.contains(where: { $0.1 != states[0].1 }) else { return nil }
            return KeyDifference(key: key, states: states)
        }
    }
}
