package import DataModel
package import Primitives
package import Replication

/// What one replica did with one version of an item: a line of a history's apply log.
///
/// Kept only for partitions that were told to record. What a version was compared against is
/// looked up where it is applied, so that a leader's wrong decision shows at every replica. Changes
/// that a leader found superseded by what their own writer had seen are in no log, and so in no
/// record.
package struct ApplyRecord: Equatable, Sendable {
    package enum Decision: UInt8, Sendable {
        /// Stored.
        case applied
        /// Refused: a version with a greater stamp stays.
        case older
        /// Refused: it is the version that is stored.
        case same
    }

    package var partition: PartitionID
    package var table: String
    /// The partition's place among those of its table, the same in every region.
    package var position: Int
    /// Of the Raft entry that brought it.
    package var index: UInt64
    /// The item's encoded key.
    package var key: [UInt8]
    /// The version's string attribute `w`, by which workloads tell writes apart.
    package var write: [UInt8]?
    package var isDelete: Bool
    package var stamp: Stamp
    package var decision: Decision
    /// The stamp of the version that was there before, a tombstone's too.
    package var against: Stamp?
}

/// Makes a partition's ``ApplyRecord``s, and watches that no version replaces a newer one.
struct ApplyRecorder: Sendable {
    let position: Int
    /// Hybrid stamps of a partition's own writes rise along its log.
    let isHybrid: Bool
    private var newest = Stamp.zero
    private(set) var records: [ApplyRecord] = []
    private(set) var broken: [String] = []
    /// What was applied in this turn, which the store does not show yet; nil where nothing is left.
    private var turn: [ItemKey: Stamp?] = [:]

    init(position: Int, isHybrid: Bool, newest: Stamp) {
        self.position = position
        self.isHybrid = isHybrid
        self.newest = newest
    }

    mutating func turnCommitted() { self.turn.removeAll(keepingCapacity: true) }

    mutating func takeRecords() -> [ApplyRecord] {
        var taken: [ApplyRecord] = []
        swap(&taken, &self.records)
        return taken
    }

    mutating func record(
        _ command: Command,
        _ partition: Partition,
        at index: UInt64,
        _ store: any Store
    ) {
        switch command {
        case .write(let write):
            let stamp = write.record.stamp
            if self.isHybrid, stamp <= self.newest {
                self.complain("a write of", stamp, "follows one of", self.newest, partition, index)
            }
            self.apply(write.key, write.record, write.isRemoval, partition, index, store)
        case .remoteBatch(let batch):
            for winner in batch.winners {
                self.apply(winner.key, winner.record, false, partition, index, store)
            }
            for conflict in batch.conflicts {
                let isWon = batch.winners.contains {
                    $0.key.bytes == conflict.key && $0.record.stamp == conflict.winner
                }
                if !isWon { self.refuse(conflict, partition, index) }
            }
        case .tombstonesCollected(let keys):
            for key in keys { self.turn[key] = .some(nil) }
        case .localLoss(let conflict):
            self.refuse(conflict, partition, index)
        case .cursorMoved, .indexStarted, .indexMoved, .indexDropped, .indexBatch: break
        }
    }

    private mutating func apply(
        _ key: ItemKey,
        _ record: ItemRecord,
        _ isRemoval: Bool,
        _ partition: Partition,
        _ index: UInt64,
        _ store: any Store
    ) {
        let against: Stamp?
        if let stamp = self.turn[key] {
            against = stamp
        } else {
            against = (try? partition.storedRecord(key, store))??.stamp
        }
        self.newest = max(self.newest, record.stamp)
        self.turn[key] = .some(isRemoval ? nil : record.stamp)
        if let against, record.stamp <= against {
            self.complain(
                "a version of",
                record.stamp,
                "replaces one of",
                against,
                partition,
                index
            )
        }
        self.records.append(
            ApplyRecord(
                partition: partition.id,
                table: partition.descriptor.name,
                position: self.position,
                index: index,
                key: key.bytes,
                write: record.item?.writeID,
                isDelete: record.isTombstone,
                stamp: record.stamp,
                decision: .applied,
                against: against
            )
        )
    }

    private mutating func complain(
        _ what: String,
        _ stamp: Stamp,
        _ does: String,
        _ other: Stamp,
        _ partition: Partition,
        _ index: UInt64
    ) {
        self.broken.append(
            "partition \(partition.id.number), entry \(index): \(what) \(stamp.time)."
                + "\(stamp.region.rank) \(does) \(other.time).\(other.region.rank)"
        )
    }

    private mutating func refuse(
        _ conflict: ConflictRecord,
        _ partition: Partition,
        _ index: UInt64
    ) {
        var record = ApplyRecord(
            partition: partition.id,
            table: partition.descriptor.name,
            position: self.position,
            index: index,
            key: conflict.key,
            write: nil,
            isDelete: false,
            stamp: conflict.loser,
            decision: conflict.loser == conflict.winner ? .same : .older,
            against: conflict.winner
        )
        switch conflict.loserImage {
        case .deletion: record.isDelete = true
        case .item(let image): record.write = Item(trusted: image).writeID
        case .omitted: break
        }
        self.records.append(record)
    }
}

extension Item {
    /// The string attribute `w`, by which workloads tell the writes of a history apart.
    package var writeID: [UInt8]? {
        guard let value = self[Self.writeAttribute], value.type == .string else { return nil }
        return value.string
    }

    private static let writeAttribute = Array("w".utf8)
}

extension Partition {
    /// Keeps an ``ApplyRecord`` of every version that is applied from now on.
    ///
    /// - Parameters:
    ///   - position: the partition's place among those of its table.
    ///   - isHybrid: whether stamps are hybrid, and so rise along the log.
    package mutating func recordApplies(position: Int, isHybrid: Bool) {
        guard self.recorder == nil else { return }
        self.recorder = ApplyRecorder(
            position: position,
            isHybrid: isHybrid,
            newest: self.newest
        )
    }

    /// The records made since the last call, in order.
    package mutating func takeApplied() -> [ApplyRecord] { self.recorder?.takeRecords() ?? [] }
}
