package import DataModel
package import Expressions
package import Primitives
package import Replication

/// One write of a client, with its key and expressions parsed and checked against the schema.
package struct WriteRequest: Sendable {
    package enum Action: Sendable {
        case put(Item)
        /// Without an expression, an item that does not exist begins with its key and one that
        /// does stays as it is. `key` are the key attributes.
        case update(UpdateExpression?, key: Item)
        case delete
    }

    package var key: ItemKey
    package var action: Action
    package var condition: ConditionExpression?
    /// The outcome must hold the replaced item; costs a copy of it.
    package var returnsOld: Bool
    /// The outcome must tell what the write takes in indexes.
    package var countsIndexes = false

    package init(
        key: ItemKey,
        action: Action,
        condition: ConditionExpression? = nil,
        returnsOld: Bool = true
    ) {
        self.key = key
        self.action = action
        self.condition = condition
        self.returnsOld = returnsOld
    }

    /// Whether the replaced item's image is looked at.
    fileprivate var needsOld: Bool {
        if self.returnsOld || self.condition != nil { return true }
        if case .update = self.action { return true }
        return false
    }
}

/// Why a write cannot be carried out.
package enum WriteError: Error, Equatable, Sendable {
    /// The condition or update does not fit the item; DynamoDB's text.
    case expression(ExpressionError)
    /// The item would exceed ``ItemLimits/itemBytesMax``.
    case itemTooLarge
    /// An update would nest deeper than ``ItemLimits/nestingMax``.
    case itemTooDeep
    /// A key attribute of an index would have a value that cannot be one.
    case indexKey(IndexKeyFault, isUpdate: Bool)
    /// The items of the partition key would exceed ``TableDescriptor/collectionBytesMax``.
    case collectionTooLarge
    case store(StoreError)
}

/// The item before and after a write; what a client asked to see is cut from these.
package struct WriteOutcome: Equatable, Sendable {
    /// Absent too when the request did not need it.
    package var old: Item?
    package var new: Item?
    /// Sizes as DynamoDB counts them; zero where there is no item.
    package var oldSize = 0
    package var newSize = 0
    /// The stamp that the write was given; nil when there was nothing to change.
    package var stamp: Stamp?
    /// The stamp of the item that was there; nil when there was none.
    package var previousStamp: Stamp?
    /// Bytes of the item collection afterwards; only in tables with local indexes.
    package var collectionBytes: UInt64?
    /// What the write takes in indexes whose entries change, when the request asked.
    package var indexUnits: [IndexUnits] = []
    /// The write is acknowledged and lost: a version with a greater stamp stays (wall stamps).
    package var isLost = false
}

/// What a leader decided about a write.
package enum Evaluated: Equatable, Sendable {
    /// Answer once the proposal is applied.
    case proposal(Proposal, WriteOutcome)
    /// Nothing to do: a delete of an item that does not exist. Answer once `dependsOn` is applied,
    /// if it is given: the decision saw a write that may still be lost.
    case unchanged(WriteOutcome, dependsOn: UInt64?)
    /// The condition failed against `item` with its stamp, if there is one; `dependsOn` as above.
    case conditionFailed(item: Item?, stamp: Stamp?, dependsOn: UInt64?)
}

extension Partition {
    /// Decides a client's write against the latest state.
    ///
    /// Stamps follow one rule, the same as for other regions' changes: a version is stored only if
    /// its stamp is greater than that of the stored one, tombstones included. The clock observes
    /// the replaced version first, so with hybrid stamps a local write always is. With wall stamps
    /// it need not be: the write is then acknowledged, nothing changes, and the ledger says so.
    ///
    /// A delete of an item that does not exist succeeds without a trace, as in DynamoDB, in global
    /// tables too: it has no version to replace, so there is nothing to tell other regions.
    ///
    /// - Throws: what the client is told instead of an answer.
    package func evaluate(
        _ write: WriteRequest,
        clock: inout HybridClock,
        wall: WallTime,
        now: Instant,
        _ store: any Store
    ) throws(WriteError) -> Evaluated {
        precondition(self.isLeading, "only a leader decides")
        precondition(self.range.contains(write.key.token), "a key of another partition")
        let (record, dependsOn) = try self.read(write.key, store)
        let old = write.needsOld ? record?.item : nil
        if case .put(let item) = write.action { try self.checkIndexKeys(item, isUpdate: false) }
        let liveStamp = record.flatMap { $0.isTombstone ? nil : $0.stamp }
        if let condition = write.condition {
            let seen = self.bug == .conditionOnStaleCopy ? self.staleCopy(write.key, store) : old
            guard try Self.holds(condition, on: seen) else {
                return .conditionFailed(item: old, stamp: liveStamp, dependsOn: dependsOn)
            }
        }
        let new = try Self.image(of: write, over: old)
        if case .update(_?, _) = write.action, let new {
            try self.checkIndexKeys(new.item, isUpdate: true)
        }
        var outcome = WriteOutcome(
            old: old,
            new: new?.item,
            oldSize: record?.size ?? 0,
            newSize: new?.size ?? 0,
            previousStamp: liveStamp
        )
        if write.countsIndexes, !self.indexKeyNames.isEmpty {
            outcome.indexUnits = self.indexUnits(write.key, from: record?.item, to: new?.item)
        }
        if new == nil, record?.isTombstone ?? true {
            return .unchanged(outcome, dependsOn: dependsOn)
        }
        if let record { clock.observe(record.stamp) }
        let stamp =
            self.bug == .stampFromWallClock
            ? Stamp(time: wall.nanoseconds, region: self.region) : clock.issue(wall: wall)
        outcome.stamp = stamp
        if let record, stamp <= record.stamp {
            outcome.isLost = true
            let loss = self.loss(write.key, stamp, new?.item, to: record.stamp, now, wall)
            return .proposal(Proposal(payload: Command.localLoss(loss).encoded), outcome)
        }
        let version = record?.version.replaced(by: stamp) ?? VersionVector(stamp)
        return .proposal(
            try self.proposal(write.key, version, new, replacing: record, now, &outcome, store),
            outcome
        )
    }

    /// Decides a put (or, without an image, a delete) that asks nothing: the writes of a batch.
    ///
    /// - Throws: what the client is told instead of an answer.
    package func evaluate(
        put image: Item?,
        at key: ItemKey,
        countsIndexes: Bool = false,
        clock: inout HybridClock,
        wall: WallTime,
        now: Instant,
        _ store: any Store
    ) throws(WriteError) -> Evaluated {
        let action: WriteRequest.Action = image.map { .put($0) } ?? .delete
        var request = WriteRequest(key: key, action: action, returnsOld: false)
        request.countsIndexes = countsIndexes
        return try self.evaluate(
            request,
            clock: &clock,
            wall: wall,
            now: now,
            store
        )
    }

    private func read(
        _ key: ItemKey,
        _ store: any Store
    ) throws(WriteError) -> (record: ItemRecord?, dependsOn: UInt64?) {
        do throws(StoreError) {
            return try self.latest(key, store)
        } catch {
            throw .store(error)
        }
    }

    /// ``Bug/conditionOnStaleCopy``: the item without what was proposed since.
    private func staleCopy(_ key: ItemKey, _ store: any Store) -> Item? {
        (try? self.storedRecord(key, store))??.item
    }

    private static func holds(
        _ condition: ConditionExpression,
        on item: Item?
    ) throws(WriteError) -> Bool {
        do throws(ExpressionError) {
            return try condition.evaluate(on: item)
        } catch {
            throw .expression(error)
        }
    }

    /// The item that a write leaves, and its size; nil for a deletion.
    private static func image(
        of write: WriteRequest,
        over old: Item?
    ) throws(WriteError) -> (item: Item, size: Int)? {
        switch write.action {
        case .delete: return nil
        case .put(let item): return (item, try Self.checkedSize(item))
        case .update(nil, let key):
            let item = old ?? key
            return (item, try Self.checkedSize(item))
        case .update(let update?, let key):
            let item: Item
            do throws(ExpressionError) {
                item = try update.apply(to: old, key: key)
            } catch {
                throw .expression(error)
            }
            // As in DynamoDB, taking away from what does not exist makes nothing.
            if old == nil, update.onlyRemoves { return nil }
            guard item.depth <= ItemLimits.nestingMax else { throw .itemTooDeep }
            return (item, try Self.checkedSize(item))
        }
    }

    private static func checkedSize(_ item: Item) throws(WriteError) -> Int {
        let size = item.size
        guard size <= ItemLimits.itemBytesMax else { throw .itemTooLarge }
        return size
    }

    private func proposal(
        _ key: ItemKey,
        _ version: VersionVector,
        _ new: (item: Item, size: Int)?,
        replacing old: ItemRecord?,
        _ now: Instant,
        _ outcome: inout WriteOutcome,
        _ store: any Store
    ) throws(WriteError) -> Proposal {
        let record = ItemRecord(
            key: key,
            version: version,
            image: new?.item.bytes,
            size: new?.size ?? 0
        )
        let isRemoval =
            new == nil && (!self.descriptor.isGlobal || self.bug == .tombstoneDropped)
        let kept = isRemoval ? nil : record
        let part = try self.checkedIndexPart(key, old, kept, &outcome, store)
        let totals = self.proposedTotals.adding(bytes: WriteCommand.size(key, record))
        let command = WriteCommand(
            key: key,
            isRemoval: isRemoval,
            deltas: Deltas(from: old, to: kept),
            totals: totals,
            committedAt: now,
            record: record,
            index: part
        )
        return Proposal(
            payload: command.encoded,
            changes: [.init(key: key, record: kept)],
            totals: totals,
            collections: Proposal.Collection(key, part).map { [$0] } ?? []
        )
    }

    /// What the write means to the indexes, if its item collection may grow so far.
    private func checkedIndexPart(
        _ key: ItemKey,
        _ old: ItemRecord?,
        _ new: ItemRecord?,
        _ outcome: inout WriteOutcome,
        _ store: any Store
    ) throws(WriteError) -> IndexPart? {
        guard !self.indexKeyNames.isEmpty else { return nil }
        do throws(StoreError) {
            let part = try self.indexPart(key, replacing: old, by: new, store)
            outcome.collectionBytes = part?.collection
            guard let bytes = part?.collection, bytes > self.descriptor.collectionBytesMax,
                try bytes > self.collectionBytes(key.partitionPrefix, store)
            else { return part }
        } catch {
            throw .store(error)
        }
        throw .collectionTooLarge
    }

    private func loss(
        _ key: ItemKey,
        _ stamp: Stamp,
        _ item: Item?,
        to winner: Stamp,
        _ now: Instant,
        _ wall: WallTime
    ) -> ConflictRecord {
        ConflictRecord(
            table: self.descriptor.name,
            key: key.bytes,
            winner: winner,
            loser: stamp,
            relation: .skewInversion,
            decidedBy: self.region,
            decidedAt: now,
            decidedAtWall: wall,
            loserImage: ConflictRecord.kept(item?.bytes)
        )
    }
}
