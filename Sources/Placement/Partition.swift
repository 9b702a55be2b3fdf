package import Primitives

/// An inclusive range of tokens; inclusive because the whole circle does not fit a half-open one.
package struct TokenRange: Hashable, Sendable {
    package var first: Token
    package var last: Token

    package init(first: Token, last: Token) {
        precondition(first <= last)
        self.first = first
        self.last = last
    }

    package static let whole = TokenRange(first: 0, last: .max)

    package func contains(_ token: Token) -> Bool { self.first <= token && token <= self.last }

    /// Cuts the token space into `count` ranges whose sizes differ by at most one token.
    package static func splitEvenly(_ count: Int) -> [TokenRange] {
        precondition(count >= 1 && count <= PlacementLimits.partitionsPerTableMax)
        var ranges: [TokenRange] = []
        ranges.reserveCapacity(count)
        for index in 0..<count {
            let last =
                index == count - 1 ? Token.max : Self.boundary(index + 1, of: count) - 1
            ranges.append(TokenRange(first: Self.boundary(index, of: count), last: last))
        }
        return ranges
    }

    /// `index · 2⁶⁴ / count`, rounded down, for `index` below `count`.
    private static func boundary(_ index: Int, of count: Int) -> Token {
        guard index > 0 else { return 0 }
        return UInt64(count).dividingFullWidth((high: UInt64(index), low: 0)).quotient
    }
}

/// A range of one table's tokens and the nodes that replicate it.
package struct Partition: Hashable, Sendable {
    package var id: PartitionID
    package var range: TokenRange
    /// In ring order, turned so that the preferred leader comes first; nodes are distinct.
    package var replicas: [ReplicaID]

    package init(id: PartitionID, range: TokenRange, replicas: [ReplicaID]) {
        self.id = id
        self.range = range
        self.replicas = replicas
    }

    package var preferredLeader: ReplicaID { self.replicas[0] }

    package func isReplicated(on node: NodeID) -> Bool {
        self.replicas.contains { $0.node == node }
    }
}

/// The partitions of one table; they cover the whole token space in order, without gaps.
package struct TablePartitions: Hashable, Sendable {
    package let table: TableID
    package internal(set) var partitions: [Partition]

    init(table: TableID, partitions: [Partition]) {
        self.table = table
        self.partitions = partitions
    }

    /// The position of the partition that holds `token`.
    package func index(for token: Token) -> Int {
        var low = 0
        var high = self.partitions.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            let startsLater = token < self.partitions[middle].range.first
            if startsLater { high = middle - 1 } else { low = middle }
        }
        return low
    }

    package func partition(for token: Token) -> Partition {
        self.partitions[self.index(for: token)]
    }

    /// Whether the ranges are what a table's ranges must be.
    var coversTokenSpace: Bool {
        guard self.partitions.first?.range.first == 0, self.partitions.last?.range.last == .max
        else { return false }
        for (left, right) in zip(self.partitions, self.partitions.dropFirst())
        where left.range.last == .max || left.range.last + 1 != right.range.first { return false }
        return true
    }
}
