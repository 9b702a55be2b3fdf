import Consensus
import Placement
package import Primitives
import Tables

/// What a node tells of itself; a copy, for reports.
package struct NodeStatus: Sendable {
    package struct Peer: Sendable {
        package var node: NodeID
        package var isConnected: Bool
        package var silence: Nanoseconds
    }

    package struct Partition: Sendable {
        package var id: PartitionID
        package var leader: NodeID?
        package var role: String
        package var term: UInt64
        package var commit: UInt64
        package var applied: UInt64
        package var items: Int
        package var bytes: Int
        package var members: [ReplicaID]
    }

    package struct Table: Sendable {
        package var name: String
        package var status: String
        package var replicas: [RegionID]
        package var partitions: [Partition]
    }

    package var incarnation: UInt32
    package var isReady: Bool
    package var catalogLeader: NodeID?
    package var catalogTerm: UInt64
    package var paused: [RegionID]
    package var peers: [Peer]
    package var groups: Int
    package var leading: Int
    package var tables: [Table]
    package var ring: [(node: NodeID, partsPerMillion: UInt32)]
}

extension Node {
    /// True while this node is cut off from the majority of its region.
    package func isIsolated(now: Instant) -> Bool { self.liveness.isIsolated(now: now) }

    package func status(now: Instant) -> NodeStatus {
        var groups = 0
        var leading = 0
        for group in self.groups {
            guard let group else { continue }
            groups += 1
            if group.raft.isLeader { leading += 1 }
        }
        return NodeStatus(
            incarnation: self.identity?.incarnation ?? 0,
            isReady: self.isReady,
            catalogLeader: self.catalogLeader,
            catalogTerm: self.catalogSlot.flatMap { self.groups[$0]?.raft.term.value } ?? 0,
            paused: self.pausedDestinations,
            peers: self.liveness.peers.map { peer in
                .init(
                    node: peer.node,
                    isConnected: peer.isConnected,
                    silence: now.since(peer.heardAt)
                )
            },
            groups: groups,
            leading: leading,
            tables: self.catalog.tables.map { table in
                .init(
                    name: table.name,
                    status: Self.name(self.description(of: table).status),
                    replicas: table.global?.replicas.map(\.region) ?? [self.settings.region],
                    partitions: self.catalog.partitions(of: table.id).map { partition in
                        self.status(of: partition.id)
                    }
                )
            },
            ring: self.catalog.ownership
        )
    }

    private func status(of id: PartitionID) -> NodeStatus.Partition {
        guard let slot = self.slot(of: id), let group = self.groups[slot] else {
            return .init(
                id: id,
                leader: nil,
                role: "none",
                term: 0,
                commit: 0,
                applied: 0,
                items: 0,
                bytes: 0,
                members: self.catalog.map.partition(id)?.replicas ?? []
            )
        }
        let role: String
        if group.incoming != nil {
            role = "installing"
        } else if group.raft.isLeader {
            role = "leader"
        } else if !group.raft.isVoter {
            role = "learner"
        } else {
            role = group.raft.leader == nil ? "candidate" : "follower"
        }
        let configuration = group.raft.configuration
        return .init(
            id: id,
            leader: group.raft.leader?.node,
            role: role,
            term: group.raft.term.value,
            commit: group.raft.commitIndex.value,
            applied: group.raft.appliedIndex.value,
            items: Int(group.partition?.itemCount ?? 0),
            bytes: Int(group.partition?.sizeBytes ?? 0),
            members: configuration.voters + configuration.learners
        )
    }

    private static func name(_ status: TableStatus) -> String {
        switch status {
        case .creating: "CREATING"
        case .updating: "UPDATING"
        case .deleting: "DELETING"
        case .active: "ACTIVE"
        }
    }
}
