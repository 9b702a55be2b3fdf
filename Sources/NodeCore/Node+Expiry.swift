import Consensus
package import DataModel
package import Primitives
package import Replication
import Tables

/// An item that a sweep decided to delete, for whoever keeps a history.
package struct SweepRecord: Equatable, Sendable {
    package var partition: PartitionID
    package var key: ItemKey
    /// Of the deletion.
    package var stamp: Stamp
    /// The version that was found expired, by the attribute `w`.
    package var write: [UInt8]?
    /// The second by which it has expired: `grace` earlier where another region wrote last.
    package var second: Int
    package var grace: Int
}

/// Where a partition's search for expired items stands.
struct ExpirySweep {
    var after: ItemKey?
    var nextAt: Instant = .zero
}

/// Time to live: leaders go through their partitions once a period and delete what has expired.
extension Node {
    /// Partitions that one call goes on with.
    private static let expirySlotsMax = 32

    mutating func sweepExpired(_ clocks: Clocks) {
        guard self.ticks % 5 == 0, self.catalog.hasTimesToLive else { return }
        var count = 0
        for slot in self.groups.indices where count < Self.expirySlotsMax {
            guard let group = self.groups[slot], group.raft.leaderReady,
                group.expiry.nextAt <= clocks.now, let table = self.table(of: group),
                table.serves(in: self.settings.region),
                let timeToLive = table.options.timeToLive,
                timeToLive.status == .enabled
            else { continue }
            count += 1
            self.expire(slot, timeToLive.attribute, clocks)
        }
    }

    /// One slice of one partition.
    private mutating func expire(_ slot: Int, _ attribute: [UInt8], _ clocks: Clocks) {
        let group = self.groups[slot]!
        guard let partition = group.partition else { return }
        let grace = 2 * self.settings.expiryPeriod / 1_000_000_000 + 30
        let expiry = Expiry(
            attribute: attribute,
            now: Int(clocks.wall.nanoseconds / 1_000_000_000),
            grace: Int(grace)
        )
        do throws(StoreError) {
            let found = try partition.expiredKeys(expiry, after: group.expiry.after, self.store)
            for key in found.keys {
                guard self.delete(key, expiry, Int(grace), slot, clocks) else { return }
            }
            self.groups[slot]!.expiry.after = found.next
            if found.next == nil {
                self.groups[slot]!.expiry.nextAt = clocks.now + self.settings.expiryPeriod
            }
        } catch {
            self.storeFailure = error
        }
    }

    /// What sweeps decided since the last call; to be asked for before the turn's effects are
    /// performed, so that nobody has seen any of it.
    package mutating func takeSwept() -> [SweepRecord] {
        var taken: [SweepRecord] = []
        swap(&taken, &self.swept)
        return taken
    }

    /// - Returns: false when no more can be proposed now.
    private mutating func delete(
        _ key: ItemKey,
        _ expiry: Expiry,
        _ grace: Int,
        _ slot: Int,
        _ clocks: Clocks
    ) -> Bool {
        do throws(WriteError) {
            let deletion = try self.groups[slot]!.partition!.evaluate(
                expired: key,
                expiry,
                clock: &self.clock,
                wall: clocks.wall,
                now: clocks.now,
                self.store
            )
            guard let deletion else { return true }
            guard (try? self.propose(deletion.proposal, slot)) != nil else { return false }
            guard self.settings.recordsSweeps else { return true }
            self.swept.append(
                SweepRecord(
                    partition: self.groups[slot]!.id,
                    key: key,
                    stamp: deletion.stamp,
                    write: deletion.item?.writeID,
                    second: Int(clocks.wall.nanoseconds / 1_000_000_000),
                    grace: grace
                )
            )
            return true
        } catch {
            return false
        }
    }
}

extension Catalog {
    /// Whether items of any table expire.
    var hasTimesToLive: Bool {
        self.tables.contains { $0.options.timeToLive?.status == .enabled }
    }
}
