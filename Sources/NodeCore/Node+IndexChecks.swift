import Consensus
import DataModel
import Placement
package import Primitives
package import Tables

/// What the partitions that one node leads ought to have made of an index, and what it holds.
///
/// Summed over the nodes of a region the two are equal once everything is in: every entry follows
/// from one item, and every item with the index's key has an entry.
package struct IndexDigest: Equatable, Sendable {
    package var table: String
    package var index: String
    /// From the items of partitions of the table that are led here.
    package var wantedCount: UInt64 = 0
    package var wantedSum: UInt64 = 0
    /// From partitions of the index that are led here.
    package var foundCount: UInt64 = 0
    package var foundSum: UInt64 = 0
    /// Partitions of the table led here that have nothing under way, and all that are led here.
    package var drained = 0
    package var led = 0

    package var isDrained: Bool { self.drained == self.led }
}

/// A replica here of a partition of a global index.
package struct IndexPlace: Sendable {
    package var partition: PartitionID
    package var table: String
    package var index: String
    package var isLeader: Bool
}

extension Node {
    /// The global indexes of a table by this node's copy of the catalog; nil for an unknown table.
    package func indexRecords(of table: String) -> [IndexRecord]? {
        self.catalog.table(named: table)?.options.globals
    }

    /// The partitions of global indexes with a replica here.
    package var indexPlaces: [IndexPlace] {
        self.catalog.tables.flatMap { table in
            table.options.globals.flatMap { index in
                self.catalog.partitions(of: index.id).compactMap { partition in
                    guard let slot = self.slot(of: partition.id), let group = self.groups[slot],
                        group.partition != nil
                    else { return nil }
                    return IndexPlace(
                        partition: partition.id,
                        table: table.name,
                        index: index.name,
                        isLeader: group.raft.leaderReady
                    )
                }
            }
        }
    }

    /// How a partition that is led here feeds an index, in words.
    package func indexStreamTexts(slot: Int) -> [String] {
        guard let group = self.groups[slot] else { return [] }
        return group.indexStreams.map { stream in
            let phase =
                switch stream.phase {
                case .backfilling: "is backfilled"
                case .closing, .closed: "is about to follow"
                case .following: "follows"
                }
            return "\(stream.definition.name) \(phase) from \(stream.start), read \(stream.read)"
                + (stream.flight == nil ? "" : ", a batch under way")
        }
    }

    /// The digests of all global indexes, as far as this node leads; costs a scan of its items, for
    /// checks.
    ///
    /// - Throws: what the store answered.
    package func indexDigests() throws(StoreError) -> [IndexDigest] {
        var found: [IndexDigest] = []
        for table in self.catalog.tables {
            for index in table.options.globals {
                var digest = IndexDigest(table: table.name, index: index.name)
                for partition in self.catalog.partitions(of: table.id) {
                    guard let group = self.leading(partition.id), let local = group.partition else {
                        continue
                    }
                    let wanted = try local.expectedEntries(of: index.definition, self.store)
                    digest.wantedCount += wanted.count
                    digest.wantedSum &+= wanted.sum
                    digest.led += 1
                    let stream = group.indexStreams.first { $0.id == index.id }
                    let applied = group.raft.appliedIndex.value
                    if let stream, stream.phase == .following, stream.flight == nil,
                        stream.read == applied
                    {
                        digest.drained += 1
                    }
                }
                for partition in self.catalog.partitions(of: index.id) {
                    guard let local = self.leading(partition.id)?.partition else { continue }
                    digest.foundCount += local.itemCount
                    digest.foundSum &+= local.digest.total
                }
                found.append(digest)
            }
        }
        return found
    }

    private func leading(_ id: PartitionID) -> Group? {
        guard let slot = self.slot(of: id), let group = self.groups[slot],
            group.raft.leaderReady
        else { return nil }
        return group
    }

    /// What does not hold of the streams to indexes, in words; cheap.
    func indexInvariants() -> [String] {
        var broken = BrokenInvariants()
        for group in self.groups {
            guard let group, !group.indexStreams.isEmpty else { continue }
            let place = "partition \(group.id.number)"
            broken.expect(group.raft.isLeader, "\(place) feeds indexes without leading")
            for stream in group.indexStreams {
                let applied = group.raft.appliedIndex.value
                broken.expect(stream.read <= applied, "\(place) has sent what is not applied")
                broken.expect(
                    stream.recorded <= stream.read || stream.phase != .following,
                    "\(place) has on record what is not in"
                )
                guard let flight = stream.flight else { continue }
                broken.expect(
                    flight.parts.contains { $0.state != .done },
                    "\(place) waits for a batch that is in"
                )
            }
        }
        return broken.list
    }
}
