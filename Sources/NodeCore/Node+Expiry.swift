import Consensus
import DataModel
import Primitives
import Replication
import Tables

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
                guard self.delete(key, expiry, slot, clocks) else { return }
            }
            self.groups[slot]!.expiry.after = found.next
            if found.next == nil {
                self.groups[slot]!.expiry.nextAt = clocks.now + self.settings.expiryPeriod
            }
        } catch {
            self.storeFailure = error
        }
    }

    /// - Returns: false when no more can be proposed now.
    private mutating func delete(
        _ key: ItemKey,
        _ expiry: Expiry,
        _ slot: Int,
        _ clocks: Clocks
    ) -> Bool {
        do throws(WriteError) {
            let proposal = try self.groups[slot]!.partition!.evaluate(
                expired: key,
                expiry,
                clock: &self.clock,
                wall: clocks.wall,
                now: clocks.now,
                self.store
            )
            guard let proposal else { return true }
            return (try? self.propose(proposal, slot)) != nil
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
