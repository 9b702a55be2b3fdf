/// Every bound of this target, in one place.
package enum PlacementLimits {
    /// Points of each node on its region's ring.
    ///
    /// The share of a node deviates from the mean by about one part in the root of this number: 6 %
    /// at 256.
    package static let tokensPerNode = 256
    /// Points that a caller may ask for.
    package static let tokensPerNodeMax = 4_096
    /// Nodes of one ring.
    package static let membersMax = 256
    /// Partitions that one table may be split into.
    package static let partitionsPerTableMax = 1_024
    /// Replicas of one partition.
    package static let replicasMax = 7
}
