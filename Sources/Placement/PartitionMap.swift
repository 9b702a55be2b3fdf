package import Primitives

/// Where every partition of every table of one region lives.
///
/// The region's catalog group holds the one authoritative map; nodes keep copies. Each change
/// raises `version`, so that a node which routed by an old copy can be told that it is stale. Ids
/// of partitions are handed out here and never used twice, because an id names a Raft group and its
/// data on disk.
///
/// Two rules spread the work. The ring places a partition at the hash of its table and range, not
/// at its range, or the n-th partitions of all tables would share nodes. And among a partition's
/// replicas that one is the preferred leader whose node leads the fewest partitions of the region
/// so far, so that leaders stay even however few partitions there are.
package struct PartitionMap: Equatable, Sendable {
    /// Where a partition stands in `tables`.
    struct Position: Equatable, Sendable {
        var id: PartitionID
        var table: Int
        var partition: Int
    }

    package internal(set) var version: UInt64
    /// Sorted by table.
    package internal(set) var tables: [TablePartitions]
    /// The number of the next partition to be made; 0 is the catalog's own.
    package internal(set) var nextPartition: PartitionID
    /// Sorted by partition; follows from `tables`.
    var positions: [Position]

    /// A map without tables.
    package init() {
        self.version = 0
        self.tables = []
        self.nextPartition = PartitionID(PartitionID.catalog.number + 1)
        self.positions = []
    }

    // MARK: Queries

    package func partitions(of table: TableID) -> [Partition]? {
        self.index(of: table).map { self.tables[$0].partitions }
    }

    /// The partition of `table` that holds `token`, or nil when the map does not know the table.
    package func partition(of table: TableID, for token: Token) -> Partition? {
        guard let index = self.index(of: table) else { return nil }
        return self.tables[index].partition(for: token)
    }

    package func partition(_ id: PartitionID) -> Partition? {
        guard let position = self.position(of: id) else { return nil }
        return self.tables[position.table].partitions[position.partition]
    }

    package func table(of id: PartitionID) -> TableID? {
        self.position(of: id).map { self.tables[$0.table].table }
    }

    package var partitionCount: Int { self.positions.count }

    /// How many partitions `node` is the preferred leader of.
    package func leaderCount(of node: NodeID) -> Int {
        self.count { $0.preferredLeader.node == node }
    }

    /// How many partitions `node` holds a replica of.
    package func replicaCount(of node: NodeID) -> Int { self.count { $0.isReplicated(on: node) } }

    /// The token at which the ring places a partition.
    package static func placementToken(table: TableID, range: TokenRange) -> Token {
        var writer = ByteWriter(reserving: 16)
        writer.u64(table.number)
        writer.u64(range.first)
        return XXHash64.hash(writer.bytes)
    }

    // MARK: Changes

    /// Adds a table of `partitionCount` even partitions with `replicaCount` replicas each (fewer
    /// when the ring has fewer nodes).
    ///
    /// `incarnations` names the present incarnation of every member of `ring`. The same map, ring
    /// and arguments give the same result on every node.
    ///
    /// - Returns: the new partitions, in token order.
    package mutating func addTable(
        _ table: TableID,
        partitionCount: Int,
        replicaCount: Int,
        ring: HashRing,
        incarnations: [ReplicaID]
    ) -> [Partition] {
        precondition(!ring.members.isEmpty, "a ring without nodes")
        precondition(replicaCount >= 1 && replicaCount <= PlacementLimits.replicasMax)
        let slot = self.insertionIndex(of: table)
        precondition(slot == self.tables.count || self.tables[slot].table != table)
        var leaders = ring.members.map { self.leaderCount(of: $0.node) }
        var partitions: [Partition] = []
        for range in TokenRange.splitEvenly(partitionCount) {
            let token = Self.placementToken(table: table, range: range)
            let nodes = ring.replicas(for: token, count: replicaCount)
            let turned = Self.turnedToIdlest(nodes, ring: ring, leaders: &leaders)
            let replicas = turned.map { node in Self.replica(on: node, in: incarnations) }
            partitions.append(
                Partition(id: self.nextPartition, range: range, replicas: replicas)
            )
            self.nextPartition.number += 1
        }
        self.tables.insert(TablePartitions(table: table, partitions: partitions), at: slot)
        self.finishChange()
        return partitions
    }

    /// Removes a table and returns what its partitions were; none when it is unknown.
    package mutating func removeTable(_ table: TableID) -> [Partition] {
        guard let index = self.index(of: table) else { return [] }
        let removed = self.tables.remove(at: index)
        self.finishChange()
        return removed.partitions
    }

    /// Replaces the replicas of one partition, the first being the preferred leader.
    ///
    /// - Returns: false when the partition is unknown, and then nothing has changed.
    package mutating func setReplicas(of id: PartitionID, to replicas: [ReplicaID]) -> Bool {
        precondition(Self.areReplicas(replicas))
        guard let position = self.position(of: id) else { return false }
        self.tables[position.table].partitions[position.partition].replicas = replicas
        self.finishChange()
        return true
    }

    /// Puts a node's new incarnation where its former ones were: a node that lost its disk takes
    /// the same places again.
    ///
    /// - Returns: the partitions that changed, sorted.
    package mutating func replaceIncarnation(with replica: ReplicaID) -> [PartitionID] {
        var changed: [PartitionID] = []
        for position in self.positions {
            let replicas = self.tables[position.table].partitions[position.partition].replicas
            guard
                let slot = replicas.firstIndex(where: {
                    $0.node == replica.node && $0.incarnation < replica.incarnation
                })
            else { continue }
            self.tables[position.table].partitions[position.partition].replicas[slot] = replica
            changed.append(position.id)
        }
        if !changed.isEmpty { self.finishChange() }
        return changed
    }

    // MARK: Inside

    /// Turns the ring order so that the node with the fewest leaders comes first, and counts it.
    private static func turnedToIdlest(
        _ nodes: [NodeID],
        ring: HashRing,
        leaders: inout [Int]
    ) -> [NodeID] {
        var best = 0
        var bestMember = 0
        for (index, node) in nodes.enumerated() {
            guard let member = ring.members.firstIndex(where: { $0.node == node }) else { continue }
            if index == 0 || leaders[member] < leaders[bestMember] {
                best = index
                bestMember = member
            }
        }
        leaders[bestMember] += 1
        return Array(nodes[best...] + nodes[..<best])
    }

    private static func replica(on node: NodeID, in incarnations: [ReplicaID]) -> ReplicaID {
        guard let replica = incarnations.first(where: { $0.node == node }) else {
            preconditionFailure("a member of the ring without an incarnation")
        }
        return replica
    }

    /// One to `replicasMax` replicas on distinct nodes.
    static func areReplicas(_ replicas: [ReplicaID]) -> Bool {
        guard !replicas.isEmpty, replicas.count <= PlacementLimits.replicasMax else { return false }
        for (index, replica) in replicas.enumerated()
        where replicas[..<index].contains(where: { $0.node == replica.node }) { return false }
        return true
    }

    private mutating func finishChange() {
        self.version += 1
        self.rebuildPositions()
    }

    mutating func rebuildPositions() {
        var positions: [Position] = []
        for (index, table) in self.tables.enumerated() {
            for (number, partition) in table.partitions.enumerated() {
                positions.append(Position(id: partition.id, table: index, partition: number))
            }
        }
        positions.sort { $0.id < $1.id }
        self.positions = positions
    }

    private func count(where matches: (Partition) -> Bool) -> Int {
        self.tables.reduce(0) { $0 + $1.partitions.count(where: matches) }
    }

    private func index(of table: TableID) -> Int? {
        let slot = self.insertionIndex(of: table)
        return slot < self.tables.count && self.tables[slot].table == table ? slot : nil
    }

    private func insertionIndex(of table: TableID) -> Int {
        var low = 0
        var high = self.tables.count
        while low < high {
            let middle = (low + high) / 2
            if self.tables[middle].table < table { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func position(of id: PartitionID) -> Position? {
        var low = 0
        var high = self.positions.count
        while low < high {
            let middle = (low + high) / 2
            if self.positions[middle].id < id { low = middle + 1 } else { high = middle }
        }
        guard low < self.positions.count, self.positions[low].id == id else { return nil }
        return self.positions[low]
    }
}
