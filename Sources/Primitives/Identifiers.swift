/// A region's rank: its position in the topology's list, which also breaks ties between stamps.
package struct RegionID: Hashable, Comparable, Sendable {
    package var rank: UInt8
    package init(_ rank: UInt8) { self.rank = rank }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank < rhs.rank }
}

/// A node's position in the topology's list of all nodes of all regions, from zero.
package struct NodeID: Hashable, Comparable, Sendable {
    package var index: UInt16
    package init(_ index: UInt16) { self.index = index }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.index < rhs.index }
}

/// One incarnation of a node: a node that lost its disk returns with the next incarnation, because
/// the votes and entries that the former one promised are gone.
package struct ReplicaID: Hashable, Comparable, Sendable {
    package var node: NodeID
    package var incarnation: UInt32

    package init(node: NodeID, incarnation: UInt32) {
        self.node = node
        self.incarnation = incarnation
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.node.index, lhs.incarnation) < (rhs.node.index, rhs.incarnation)
    }
}

/// A table of one region; never reused, so a table that is deleted and made again gets another.
package struct TableID: Hashable, Comparable, Sendable {
    package var number: UInt64
    package init(_ number: UInt64) { self.number = number }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// A partition of one table in one region, and so the Raft group that replicates it.
package struct PartitionID: Hashable, Comparable, Sendable {
    package var number: UInt64
    package init(_ number: UInt64) { self.number = number }

    /// The group that holds a region's tables, partition map and node incarnations.
    package static let catalog = PartitionID(0)

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// A request that one host gave to its core; unique per host while the process lives.
package struct RequestID: Hashable, Sendable {
    package var number: UInt64
    package init(_ number: UInt64) { self.number = number }
}

/// A position on the 64-bit hash circle.
package typealias Token = UInt64
