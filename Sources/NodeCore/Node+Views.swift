package import Consensus
package import Primitives
import Tables

/// How one replica stands, for whoever compares replicas of a group with each other.
package struct GroupView: Sendable {
    /// Finds the replica again as long as nothing was stepped.
    package var slot: Int
    package var id: PartitionID
    package var replica: ReplicaID
    package var term: Term
    package var isLeader: Bool
    package var isLeaderReady: Bool
    package var leader: ReplicaID?
    package var commit: LogIndex
    package var applied: LogIndex
    package var base: LogPosition
    package var last: LogPosition
    /// Its contents are on their way in a snapshot.
    package var isInstalling: Bool
    /// How often it was made anew of a snapshot, or of one that was given up.
    package var installs: UInt32
}

/// What simulations look at, and change nothing of.
extension Node {
    /// The replicas here, in slot order.
    package var groupViews: [GroupView] {
        self.groups.indices.compactMap { self.groupView(at: $0) }
    }

    package var slotCount: Int { self.groups.count }

    package func groupView(at slot: Int) -> GroupView? {
        guard let group = self.groups[slot] else { return nil }
        return GroupView(
            slot: slot,
            id: group.id,
            replica: group.raft.id,
            term: group.raft.term,
            isLeader: group.raft.isLeader,
            isLeaderReady: group.raft.leaderReady,
            leader: group.raft.leader,
            commit: group.raft.commitIndex,
            applied: group.raft.appliedIndex,
            base: group.raft.base,
            last: group.raft.last,
            isInstalling: group.incoming != nil,
            installs: group.installs
        )
    }

    /// The term of a log entry, or nil when the log does not show it.
    package func term(at index: LogIndex, slot: Int) -> Term? {
        guard let group = self.groups[slot] else { return nil }
        return group.raft.term(at: index, group.log)
    }

    package func entries(from first: LogIndex, through last: LogIndex, slot: Int) -> [Entry]? {
        guard let group = self.groups[slot] else { return nil }
        return group.raft.entries(from: first, through: last, group.log)
    }

    /// The members of a group, as its replica here knows them.
    package func configuration(slot: Int) -> Configuration? {
        self.groups[slot]?.raft.configuration
    }

    /// Whether this node's copy of the catalog has a table, and has it active.
    package func isActive(_ table: String) -> Bool {
        guard let record = self.catalog.table(named: table) else { return false }
        return self.description(of: record).status == .active
    }

    /// Conflicts on record in the partitions that are led here.
    package var conflictsLed: UInt64 {
        self.groups.reduce(0) { sum, group in
            guard let group, group.raft.isLeader else { return sum }
            return sum + (group.partition?.ledger.entries ?? 0)
        }
    }

    /// True for a leader whose members are all voters of the latest incarnation and hold its log.
    package func isWhole(slot: Int, replicas: Int) -> Bool {
        guard let group = self.groups[slot], group.raft.leaderReady else { return false }
        let configuration = group.raft.configuration
        let statuses = group.raft.peerStatuses
        return configuration.voters.count == replicas
            && !group.raft.isConfigurationPending
            && (configuration.voters + configuration.learners).allSatisfy {
                $0 == self.catalog.current($0.node)
            }
            && statuses.allSatisfy {
                !$0.isDown && !$0.isRestoring && $0.match >= group.raft.commitIndex
            }
    }
}
