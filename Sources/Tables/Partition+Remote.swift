import DataModel
package import Primitives
package import Replication

/// What a leader decided about another region's batch.
package enum RemoteEvaluated: Equatable, Sendable {
    /// All of it is in; acknowledge `have`.
    case duplicate(have: UInt64)
    /// Changes after `have` are missing before it.
    case gap(have: UInt64)
    /// Acknowledge the batch's last ordinal once the proposal is applied.
    case proposal(Proposal, RemoteCounts)
    /// A key or item of the batch is not one of this table.
    case malformed
}

/// How a batch's changes fared.
package struct RemoteCounts: Equatable, Sendable {
    package var won = 0
    /// The stored version was newer or the same, and had seen the change or is it.
    package var superseded = 0
    /// Changes whose arrival decided a conflict, whoever won.
    package var conflicts = 0
    /// Only the changes up to this ordinal fit into one command; what follows is to be sent again.
    package var cutAt: UInt64?
}

extension Partition {
    /// Decides a batch of another region's changes against the latest state.
    ///
    /// A change wins if its stamp is greater than the stored one. If neither version had seen the
    /// other, the loser goes into the ledger, on whichever side it is. A batch that overlaps what
    /// came in before is decided as a whole, since deciding twice changes nothing. The answers'
    /// `have` counts applied changes only: what is merely proposed may still be lost.
    ///
    /// The clock observes the winners' stamps.
    ///
    /// - Throws: what the store answered.
    package func evaluate(
        _ batch: ChangeBatch,
        clock: inout HybridClock,
        wall: WallTime,
        now: Instant,
        _ store: any Store
    ) throws(StoreError) -> RemoteEvaluated {
        precondition(self.isLeading, "only a leader decides")
        let have = self.inbound.ordinal(source: batch.source, epoch: batch.epoch)
        var ordinal: UInt64 = 0
        switch batch.extent {
        case .following(let previous, let upTo):
            let verdict = self.proposedInbound.verdict(
                source: batch.source,
                epoch: batch.epoch,
                previous: previous,
                upTo: upTo
            )
            switch verdict {
            case .duplicate: return .duplicate(have: have)
            case .gap where self.bug != .gapIgnored: return .gap(have: have)
            case .gap, .inOrder: ordinal = upTo
            }
        case .backfill: break
        case .backfilled(let upTo): ordinal = upTo
        }
        var decision = RemoteDecision(
            command: RemoteCommand(
                source: batch.source,
                epoch: batch.epoch,
                ordinal: ordinal,
                winners: [],
                conflicts: [],
                committedAt: []
            ),
            isBackfill: batch.extent.isBackfill,
            decidedAt: now,
            decidedAtWall: wall
        )
        guard try self.decide(batch, &decision, clock: &clock, store) else { return .malformed }
        ordinal = decision.command.ordinal
        let moved =
            ordinal > 0
            ? InboundCursors.Entry(source: batch.source, epoch: batch.epoch, ordinal: ordinal) : nil
        let changes = decision.command.winners.map {
            Proposal.Change(key: $0.key, record: $0.record)
        }
        let collections = decision.command.winners.compactMap {
            Proposal.Collection($0.key, $0.index)
        }
        return .proposal(
            Proposal(
                payload: decision.command.encoded,
                changes: changes,
                inbound: moved,
                collections: collections
            ),
            decision.counts
        )
    }

    /// Decides the changes that one command can hold; false when one of them is malformed.
    private func decide(
        _ batch: ChangeBatch,
        _ decision: inout RemoteDecision,
        clock: inout HybridClock,
        _ store: any Store
    ) throws(StoreError) -> Bool {
        let decided =
            batch.extent.isBackfill
            ? 0 : self.proposedInbound.ordinal(source: batch.source, epoch: batch.epoch)
        for change in batch.changes {
            guard batch.extent.isBackfill || change.ordinal > decided else {
                decision.counts.superseded += 1
                continue
            }
            guard let key = try? ItemKey(validating: change.key, self.descriptor.schema),
                self.range.contains(key.token),
                batch.extent.isBackfill || change.version.stamp.region == batch.source
            else { return false }
            guard try self.decide(change, key, &decision, store) else { return false }
            clock.observe(change.version.stamp)
            if change.committedAt > .zero {
                decision.command.committedAt.append(change.committedAt)
            }
            guard decision.isFull, change.ordinal > 0, change.ordinal < decision.command.ordinal
            else { continue }
            decision.command.ordinal = change.ordinal
            decision.counts.cutAt = change.ordinal
            break
        }
        return true
    }

    /// Last writer wins: the greater stamp.
    private func loses(_ stamp: Stamp, to stored: Stamp, _ decision: RemoteDecision) -> Bool {
        if self.bug == .tieByArrival { return stamp.time < stored.time || stamp == stored }
        if self.bug == .backfillOverwrites, decision.isBackfill { return stamp == stored }
        return stamp <= stored
    }

    /// Decides one change; false when its item is not one of this table.
    private func decide(
        _ change: RemoteChange,
        _ key: ItemKey,
        _ decision: inout RemoteDecision,
        _ store: any Store
    ) throws(StoreError) -> Bool {
        var stored = decision.latest(key)
        if stored == nil { stored = try self.latest(key, store).record }
        if let stored, self.loses(change.version.stamp, to: stored.stamp, decision) {
            if change.version.isConcurrent(with: stored.version) {
                decision.enter(
                    key,
                    loser: change.version.stamp,
                    change.image,
                    winner: stored.stamp,
                    self
                )
            } else {
                decision.counts.superseded += 1
            }
            return true
        }
        var size = 0
        if let image = change.image {
            guard let item = try? Item(validating: image),
                (try? ItemKey(self.descriptor.schema, from: item)) == key
            else { return false }
            size = item.size
        }
        if let stored, change.version.isConcurrent(with: stored.version) {
            decision.enter(
                key,
                loser: stored.stamp,
                stored.image,
                winner: change.version.stamp,
                self
            )
        }
        let record = ItemRecord(key: key, version: change.version, image: change.image, size: size)
        decision.counts.won += 1
        let part = try self.indexPart(
            key,
            replacing: stored,
            by: record,
            pending: decision.collections,
            store
        )
        decision.win(key, record, over: stored, part)
        return true
    }
}

extension ChangeBatch.Extent {
    fileprivate var isBackfill: Bool {
        switch self {
        case .following: false
        case .backfill, .backfilled: true
        }
    }
}

/// A batch while it is being decided.
private struct RemoteDecision {
    var command: RemoteCommand
    let isBackfill: Bool
    var decidedAt: Instant
    var decidedAtWall: WallTime
    var counts = RemoteCounts()
    /// What the command holds by now, but for the parts of fixed size: losers' images and former
    /// index keys can make it many times the batch.
    private var bytes = 0
    private var lossBytes = 0
    /// Sizes of item collections after the batch's changes so far.
    private(set) var collections: [[UInt8]: UInt64] = [:]
    private var decided: [ItemKey: ItemRecord] = [:]

    init(
        command: RemoteCommand,
        isBackfill: Bool,
        decidedAt: Instant,
        decidedAtWall: WallTime
    ) {
        self.command = command
        self.isBackfill = isBackfill
        self.decidedAt = decidedAt
        self.decidedAtWall = decidedAtWall
    }

    /// Losers' images in one command.
    private static let lossBytesMax = 1 << 20
    /// Beyond this the rest of the batch waits for the next command; well below what one may have,
    /// since a single item can be large.
    private static let bytesMax = 4 << 20

    var isFull: Bool { self.bytes > Self.bytesMax }

    /// What an earlier change of the same batch left.
    func latest(_ key: ItemKey) -> ItemRecord? { self.decided[key] }

    mutating func win(
        _ key: ItemKey,
        _ record: ItemRecord,
        over old: ItemRecord?,
        _ part: IndexPart?
    ) {
        self.decided[key] = record
        self.bytes += key.bytes.count + (record.image?.count ?? 0)
        self.bytes += part?.former?.bytes.count ?? 0
        if let bytes = part?.collection { self.collections[key.partitionPrefix] = bytes }
        self.command.winners.append(
            .init(key: key, deltas: Deltas(from: old, to: record), record: record, index: part)
        )
    }

    mutating func enter(
        _ key: ItemKey,
        loser: Stamp,
        _ image: [UInt8]?,
        winner: Stamp,
        _ partition: Partition
    ) {
        self.counts.conflicts += 1
        var kept = ConflictRecord.kept(image)
        if case .item(let image) = kept {
            // The ledger can do without images; replication cannot do without the command.
            if self.lossBytes + image.count > Self.lossBytesMax {
                kept = .omitted(size: image.count)
            } else {
                self.lossBytes += image.count
            }
        }
        self.bytes += key.bytes.count + partition.descriptor.name.utf8.count
        self.command.conflicts.append(
            ConflictRecord(
                table: partition.descriptor.name,
                key: key.bytes,
                winner: winner,
                loser: loser,
                relation: .concurrent,
                decidedBy: partition.region,
                decidedAt: self.decidedAt,
                decidedAtWall: self.decidedAtWall,
                loserImage: kept
            )
        )
    }
}
