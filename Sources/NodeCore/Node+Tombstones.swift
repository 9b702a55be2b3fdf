import Consensus
import DataModel
import Primitives
import Replication
import Tables

/// Where a partition's search for old tombstones stands.
struct TombstoneSweep {
    var after: ItemKey?
    var nextAt: Instant = .zero
}

extension Node {
    /// How often a partition's tombstones are gone through; each pass goes in slices.
    static let sweepInterval: Nanoseconds = .seconds(600)

    /// Drops tombstones that no late write can contradict any more: old ones, while every region of
    /// the table has all that was committed here.
    mutating func sweepTombstones(_ clocks: Clocks) {
        guard clocks.wall.nanoseconds > NodeTiming.tombstoneAge else { return }
        let before = clocks.wall.nanoseconds - NodeTiming.tombstoneAge
        for slot in self.groups.indices
        where (self.groups[slot]?.partition?.tombstoneCount ?? 0) > 0 {
            guard let group = self.groups[slot], group.raft.leaderReady,
                let partition = group.partition, partition.tombstoneCount > 0,
                group.sweep.nextAt <= clocks.now,
                group.destinations.allSatisfy({
                    $0.backfill == nil && $0.backlog.backlogChanges == 0
                })
            else { continue }
            do throws(StoreError) {
                let found = try partition.tombstonesToCollect(
                    before: before,
                    after: group.sweep.after,
                    self.store
                )
                if let proposal = found.proposal {
                    guard (try? self.propose(proposal, slot)) != nil else { continue }
                }
                self.groups[slot]!.sweep.after = found.next
                if found.next == nil {
                    self.groups[slot]!.sweep.nextAt = clocks.now + Self.sweepInterval
                }
            } catch {
                self.storeFailure = error
            }
        }
    }
}
