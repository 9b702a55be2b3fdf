import Consensus
package import DataModel
import Placement
package import Primitives
package import Replication
package import Tables

/// The lag of one table from one region, as measured at this node.
package struct InboundLag: Sendable {
    package var table: String
    package var source: RegionID
    package var windowSeconds: Int
    package var histogram: Histogram
}

/// What one table has committed here and one region has not acknowledged.
package struct OutboundLag: Sendable {
    package var table: String
    package var destination: RegionID
    package var backlogChanges: UInt64
    package var backlogBytes: UInt64
    package var watermarkAge: Nanoseconds
}

/// The digest of one partition, at its leader.
package struct PartitionDigest: Sendable {
    package var position: Int
    package var isLeader: Bool
    package var total: UInt64
    package var buckets: [UInt64]
    package var items: UInt64
    package var bytes: UInt64
}

/// One item as a digest bucket counts it.
package struct DigestKey: Sendable {
    package var key: Item
    package var stamp: Stamp
    package var hash: UInt64
}

/// A conflict with the key in the form clients know.
package struct LedgerEntry: Sendable {
    package var record: ConflictRecord
    package var key: Item
}

/// Copies of what a node knows, for operators.
extension Node {
    /// The groups that a replica here leads, the catalog among them.
    package var groupsLed: [PartitionID] {
        self.groups.compactMap { group in group?.raft.isLeader == true ? group?.id : nil }
    }

    /// True while this node may answer strong reads of the group without asking anybody.
    package func answersAlone(for group: PartitionID, now: Instant) -> Bool {
        self.slot(of: group).map { self.leadsUnderLease($0, now: now) } ?? false
    }

    package func inboundLag(lastSeconds seconds: Int, now: Instant) -> [InboundLag] {
        self.lagMeters.entries.map { entry in
            InboundLag(
                table: entry.table,
                source: entry.source,
                windowSeconds: seconds,
                histogram: entry.meter.byCommit.window(seconds: seconds, now: now)
            )
        }
    }

    package func outboundLag(now: Instant) -> [OutboundLag] {
        var found: [OutboundLag] = []
        for group in self.groups {
            guard let group, let table = self.table(of: group) else { continue }
            for destination in group.destinations {
                let backlog = destination.backlog
                let place = found.firstIndex {
                    $0.table == table.name && $0.destination == destination.region
                }
                guard let place else {
                    found.append(
                        OutboundLag(
                            table: table.name,
                            destination: destination.region,
                            backlogChanges: backlog.backlogChanges,
                            backlogBytes: backlog.backlogBytes,
                            watermarkAge: backlog.watermarkAge(now: now)
                        )
                    )
                    continue
                }
                found[place].backlogChanges += backlog.backlogChanges
                found[place].backlogBytes += backlog.backlogBytes
                found[place].watermarkAge = max(
                    found[place].watermarkAge,
                    backlog.watermarkAge(now: now)
                )
            }
        }
        return found
    }

    /// The digests of a table's partitions that have a replica here; nil for an unknown table.
    package func digests(of name: String) -> [PartitionDigest]? {
        guard let table = self.catalog.table(named: name) else { return nil }
        var found: [PartitionDigest] = []
        for (position, partition) in self.catalog.partitions(of: table.id).enumerated() {
            guard let slot = self.slot(of: partition.id), let group = self.groups[slot],
                let local = group.partition
            else { continue }
            found.append(
                PartitionDigest(
                    position: position,
                    isLeader: group.raft.leaderReady,
                    total: local.digest.total,
                    buckets: local.digest.buckets,
                    items: local.itemCount,
                    bytes: local.sizeBytes
                )
            )
        }
        return found
    }
}

extension Node {
    /// The items of one digest bucket; nil when the partition is unknown or not here.
    package func digestKeys(
        of name: String,
        position: Int,
        bucket: Int
    ) throws(StoreError) -> [DigestKey]? {
        guard let table = self.catalog.table(named: name), bucket >= 0,
            bucket < Digest.bucketCount
        else { return nil }
        let partitions = self.catalog.partitions(of: table.id)
        guard partitions.indices.contains(position),
            let slot = self.slot(of: partitions[position].id),
            let partition = self.groups[slot]?.partition
        else { return nil }
        var found: [DigestKey] = []
        var after: ItemKey?
        repeat {
            let slice = try partition.digestEntries(bucket: bucket, after: after, self.store)
            found += slice.entries.map { entry in
                DigestKey(
                    key: entry.key.keyItem(table.schema),
                    stamp: entry.stamp,
                    hash: entry.hash
                )
            }
            after = slice.next
        } while after != nil && found.count < NodeLimits.digestKeysMax
        return found
    }

    /// The conflicts that partitions led here decided, newest last.
    package func conflicts(max limit: Int) throws(StoreError) -> [LedgerEntry] {
        var found: [LedgerEntry] = []
        for group in self.groups {
            guard let group, group.raft.leaderReady, let partition = group.partition else {
                continue
            }
            let kept = min(partition.ledger.entries, UInt64(limit))
            let entries = try partition.conflicts(
                after: partition.ledger.entries - kept,
                max: limit,
                self.store
            )
            found += entries.map { entry in
                LedgerEntry(
                    record: entry.record,
                    key: ItemKey(trusted: entry.record.key).keyItem(partition.descriptor.schema)
                )
            }
        }
        return found
    }
}
