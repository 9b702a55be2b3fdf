import Consensus
import DataModel
import Expressions
import Placement
import Primitives
import Replication
import Tables

/// Operations on the items of one partition: finding the replica that may answer, and answering.
extension Node {
    mutating func routeItemOperation(
        _ operation: Operation,
        _ origin: Origin,
        retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        do throws(ServiceError) {
            let plan = try ItemPlan(operation)
            guard let position = self.catalog.position(named: plan.table),
                self.catalog.tables[position].serves(in: self.settings.region)
            else { return self.confirmMissing(operation, origin, retryUntil, clocks, &effects) }
            if case .query(let query) = plan.action, let index = query.request.index {
                return try self.routeIndexQuery(
                    plan,
                    index,
                    of: self.catalog.tables[position],
                    operation,
                    origin,
                    retryUntil,
                    clocks,
                    &effects
                )
            }
            let target = try ItemTarget(plan, self.catalog.tables[position].schema)
            let id = self.catalog.tables[position].id
            guard let partition = self.catalog.map.partition(of: id, for: target.token) else {
                return self.confirmMissing(operation, origin, retryUntil, clocks, &effects)
            }
            let needsLeader = plan.needsLeader
            let slot =
                plan.isRead
                ? self.readableSlot(partition.id, needsLeader, clocks)
                : self.writableSlot(partition.id, clocks)
            guard let slot else {
                let node = self.workNode(for: partition, needsLeader, clocks)
                return self.send(
                    operation,
                    origin,
                    to: node,
                    retryUntil: retryUntil,
                    clocks,
                    &effects
                )
            }
            guard try self.carryOut(plan, target, slot, origin, clocks, &effects) else {
                // Once there is a lease, or another leader, it can be decided.
                return self.send(
                    operation,
                    origin,
                    to: nil,
                    retryUntil: retryUntil,
                    clocks,
                    &effects
                )
            }
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    /// - Returns: false when the replica in `slot` cannot tell whether what it holds is the latest.
    private mutating func carryOut(
        _ plan: ItemPlan,
        _ target: ItemTarget,
        _ slot: Int,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) throws(ServiceError) -> Bool {
        switch (target, plan.action) {
        case (.keys(let bounds, let schema), _):
            try self.answerQuery(plan, bounds, schema, slot, origin, &effects)
        case (.item(let key), .get(let isConsistent, let projection)):
            try self.answerGet(plan, key, isConsistent, projection, slot, origin, &effects)
        case (.item(let key), _):
            return try self.write(plan, key, slot, origin, clocks, &effects)
        }
        return true
    }

    // MARK: Reads

    private mutating func answerGet(
        _ plan: ItemPlan,
        _ key: ItemKey,
        _ isConsistent: Bool,
        _ projection: ProjectionExpression?,
        _ slot: Int,
        _ origin: Origin,
        _ effects: inout [Effect]
    ) throws(ServiceError) {
        let record: ItemRecord?
        do throws(StoreError) {
            record = try self.groups[slot]!.partition!.storedRecord(key, self.store)
        } catch {
            throw self.unreadable(error)
        }
        let item = record?.item
        let halfUnits = Capacity.readHalfUnits(
            bytes: plan.capacity == .none ? 0 : item?.size ?? 0,
            isConsistent: isConsistent
        )
        let consumed = Capacity.consumed(plan.capacity, table: plan.table, halfUnits: halfUnits)
        var shown = item
        if let projection, let item { shown = projection.apply(to: item) }
        let response = OperationResponse.getItem(GetItemResponse(item: shown, consumed: consumed))
        let note =
            plan.tellsVersions ? VersionNote(stamp: record?.stamp, write: item?.writeID) : nil
        self.succeed(origin, response, note: note, &effects)
    }

    private mutating func answerQuery(
        _ plan: ItemPlan,
        _ bounds: KeyBounds,
        _ schema: KeySchema,
        _ slot: Int,
        _ origin: Origin,
        _ effects: inout [Effect]
    ) throws(ServiceError) {
        guard case .query(let query) = plan.action else { return }
        let request = query.request
        var after: ItemKey?
        if let start = request.exclusiveStartKey {
            do throws(KeyError) {
                after = try ItemKey(schema, keyAttributes: start)
            } catch {
                throw .startKey(error)
            }
        }
        var read = RangeRead(bounds: bounds)
        read.after = after
        read.reverse = !request.scansForward
        read.itemsMax = request.limit ?? .max
        read.bytesMax = NodeLimits.pageBytes
        read.filter = query.filter
        read.projection = query.projection
        read.countsOnly = request.select == .count
        let page = try self.wholePage(read, slot)
        var response = PageResponse(
            items: request.select == .count ? nil : page.items,
            count: page.count,
            scannedCount: page.scannedCount
        )
        response.lastEvaluatedKey = page.end == .exhausted ? nil : page.last?.keyItem(schema)
        response.consumed = Capacity.consumed(
            plan.capacity,
            table: plan.table,
            halfUnits: Capacity.readHalfUnits(
                bytes: page.scannedBytes,
                isConsistent: request.consistentRead
            )
        )
        self.succeed(origin, .page(response), &effects)
    }

    /// One page of a scan over a range of tokens, unfiltered.
    mutating func page(_ range: ScanRange, _ slot: Int) -> WorkResult {
        guard let partition = self.groups[slot]?.partition else { return .failed }
        let read = RangeRead(range)
        guard partition.range.contains(range.first), let page = try? self.wholePage(read, slot)
        else { return .failed }
        return .page(
            items: page.items.map(\.bytes),
            next: page.end == .exhausted ? nil : page.last?.bytes,
            bytes: page.scannedBytes
        )
    }

    /// Reads slices until the page is full or there is nothing left; a page that consists of
    /// tombstones ends after so many slices all the same, and its key leads on.
    mutating func wholePage(_ read: RangeRead, _ slot: Int) throws(ServiceError) -> Page {
        var read = read
        var whole: Page?
        for _ in 0..<Self.slicesMax {
            let page: Page
            do throws(ReadError) {
                page = try self.groups[slot]!.partition!.page(read, self.store)
            } catch {
                switch error {
                case .expression(let error): throw .validation(error.message)
                case .store(let error): throw self.unreadable(error)
                }
            }
            whole = whole?.followed(by: page) ?? page
            guard page.end == .slice else { break }
            read.after = page.last
            read.itemsMax -= page.scannedCount
            read.bytesMax -= page.scannedBytes
        }
        guard let whole else { preconditionFailure("a page has at least one slice") }
        return whole
    }

    private static let slicesMax = 8

    /// The answer when the store cannot be read.
    ///
    /// The node ends with this turn, so that a copy that can be read leads.
    mutating func unreadable(_ error: StoreError) -> ServiceError {
        self.storeFailure = error
        return .internalServer
    }

    // MARK: Writes

    /// Decides a write.
    ///
    /// Most become a log entry, which commits only if this replica leads. What is decided without
    /// one (a failed condition, a delete of nothing, an error) is as good as a strong read, and
    /// held to the same: the replica must lead under a lease.
    ///
    /// - Returns: false when it does not, and nothing was answered.
    private mutating func write(
        _ plan: ItemPlan,
        _ key: ItemKey,
        _ slot: Int,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) throws(ServiceError) -> Bool {
        let isAlone = self.leadsUnderLease(slot, now: clocks.now)
        let decision: Evaluated
        do throws(WriteError) {
            decision = try self.groups[slot]!.partition!.evaluate(
                WriteRequest(plan, key),
                clock: &self.clock,
                wall: clocks.wall,
                now: clocks.now,
                self.store
            )
        } catch {
            if case .store(let error) = error { throw self.unreadable(error) }
            guard isAlone else { return false }
            throw ServiceError(error)
        }
        switch decision {
        case .proposal(let proposal, let outcome):
            let index = try self.propose(proposal, slot)
            let response = self.response(to: plan, outcome)
            let note = plan.note(of: outcome)
            if self.settings.bug == .acknowledgedBeforeCommit {
                self.succeed(origin, response, note: note, &effects)
                return true
            }
            self.groups[slot]!.waiters.append(
                Waiter(index: index, outcome: .answer(origin, response, note))
            )
        case .unchanged(let outcome, let dependsOn):
            guard isAlone else { return false }
            let response = self.response(to: plan, outcome)
            let note = plan.note(of: outcome)
            if let dependsOn {
                self.wait(for: dependsOn, .answer(origin, response, note), slot)
            } else {
                self.succeed(origin, response, note: note, &effects)
            }
        case .conditionFailed(let item, let stamp, let dependsOn):
            guard isAlone else { return false }
            var error = ServiceError.conditionFailed(
                item: plan.returnsItemOnConditionFailure ? item : nil
            )
            if plan.tellsVersions {
                error.note = VersionNote(previousStamp: stamp, previousWrite: item?.writeID)
            }
            guard let dependsOn else { throw error }
            self.wait(for: dependsOn, .refusal(origin, error), slot)
        }
        return true
    }

    /// Answers once an earlier entry is applied: the decision rests on it.
    private mutating func wait(for index: UInt64, _ outcome: Waiter.Outcome, _ slot: Int) {
        let waiter = Waiter(index: LogIndex(index), outcome: outcome, needsLease: true)
        let place = self.groups[slot]!.waiters.firstIndex { $0.index > waiter.index }
        self.groups[slot]!.waiters.insert(
            waiter,
            at: place ?? self.groups[slot]!.waiters.endIndex
        )
    }

    private func response(to plan: ItemPlan, _ outcome: WriteOutcome) -> OperationResponse {
        let attributes: Item?
        switch plan.returnValues {
        case .none: attributes = nil
        case .allOld: attributes = outcome.old
        case .allNew: attributes = outcome.new
        case .updatedOld: attributes = outcome.old.flatMap { plan.updatedPart(of: $0) }
        case .updatedNew: attributes = outcome.new.flatMap { plan.updatedPart(of: $0) }
        }
        let bytes =
            plan.capacity == .none
            ? 0 : max(outcome.oldSize, outcome.newSize)
        return .itemChanged(
            ItemChangedResponse(
                attributes: attributes,
                consumed: Capacity.written(
                    plan.capacity,
                    table: plan.table,
                    halfUnits: Capacity.writeHalfUnits(bytes: bytes),
                    outcome.indexUnits
                ),
                collection: self.collectionSize(plan, outcome)
            )
        )
    }

    private func collectionSize(
        _ plan: ItemPlan,
        _ outcome: WriteOutcome
    ) -> ItemCollectionSize? {
        guard plan.returnsCollectionSize, let bytes = outcome.collectionBytes,
            let table = self.catalog.table(named: plan.table)
        else { return nil }
        let key = plan.key.projected([table.schema.partitionKey.name])
        return ItemCollectionSize(key: key, bytes: bytes)
    }

    /// Proposes a partition's command and lets the partition know where it stands.
    mutating func propose(_ proposal: Proposal, _ slot: Int) throws(ServiceError) -> LogIndex {
        do throws(ProposalError) {
            let index = try self.groups[slot]!.raft.propose(proposal.payload)
            self.groups[slot]!.partition!.proposed(proposal, at: index.value)
            self.markDirty(slot)
            return index
        } catch {
            switch error {
            case .backlogFull:
                throw ServiceError(
                    .throttling,
                    "Too many writes wait to be replicated; try again"
                )
            case .payloadTooLarge, .notLeader, .transferring, .configurationPending,
                .configurationInvalid, .learnerBehind, .notVoter:
                throw .internalServer
            }
        }
    }

    /// The writes of a batch that fall to one partition; one answer when all are applied.
    mutating func write(
        _ writes: [RecordWrite],
        isCounted: Bool,
        _ slot: Int,
        for origin: WorkOrigin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let isAlone = self.leadsUnderLease(slot, now: clocks.now)
        var last: LogIndex?
        var dependsOn: UInt64?
        var costs: [WriteCost] = []
        for write in writes {
            do throws(ServiceError) {
                let decision: Evaluated
                do throws(WriteError) {
                    decision = try self.groups[slot]!.partition!.evaluate(
                        put: write.image.map { Item(trusted: $0) },
                        at: ItemKey(trusted: write.key),
                        countsIndexes: isCounted,
                        clock: &self.clock,
                        wall: clocks.wall,
                        now: clocks.now,
                        self.store
                    )
                } catch {
                    if case .store(let error) = error { throw self.unreadable(error) }
                    throw ServiceError(error)
                }
                switch decision {
                case .proposal(let proposal, let outcome):
                    last = try self.propose(proposal, slot)
                    if isCounted { costs.append(WriteCost(outcome)) }
                case .unchanged(let outcome, let index):
                    if isCounted { costs.append(WriteCost(outcome)) }
                    if let index { dependsOn = max(dependsOn ?? 0, index) }
                case .conditionFailed: preconditionFailure("a batch has no conditions")
                }
            } catch {
                let isTooLarge = error.kind == .itemCollectionSizeLimitExceeded
                return self.workFinished(
                    origin,
                    isTooLarge ? .collectionTooLarge : .failed,
                    clocks,
                    &effects
                )
            }
        }
        if let last {
            // When an entry of the batch commits, what it found unchanged was the latest.
            self.groups[slot]!.waiters.append(Waiter(index: last, outcome: .work(origin, costs)))
        } else if !isAlone {
            self.workFinished(origin, .notLeader(hint: nil), clocks, &effects)
        } else if let dependsOn {
            self.wait(for: dependsOn, .work(origin, costs), slot)
        } else {
            self.workFinished(origin, .written(costs), clocks, &effects)
        }
    }
}

extension WriteCost {
    init(_ outcome: WriteOutcome) {
        let bytes = max(outcome.oldSize, outcome.newSize)
        self.init(
            units: Capacity.writeHalfUnits(bytes: bytes) / 2,
            indexes: outcome.indexUnits,
            collection: outcome.collectionBytes
        )
    }
}

extension WriteRequest {
    init(_ plan: ItemPlan, _ key: ItemKey) {
        let action: Action
        switch plan.action {
        case .put(let item): action = .put(item)
        case .update(let update): action = .update(update, key: plan.key)
        case .delete: action = .delete
        case .get, .query: preconditionFailure("a read is no write")
        }
        self.init(
            key: key,
            action: action,
            condition: plan.condition,
            returnsOld: plan.returnValues == .allOld || plan.returnValues == .updatedOld
                || plan.tellsVersions
        )
        self.countsIndexes = plan.capacity != .none
    }
}

extension ItemPlan {
    /// What `UPDATED_OLD` and `UPDATED_NEW` show of an item; nil when it has none of it.
    func updatedPart(of item: Item) -> Item? {
        guard case .update(let update?) = self.action else { return nil }
        let part = update.updatedAttributes(of: item)
        return part.isEmpty ? nil : part
    }
}

extension ItemPlan {
    /// What the answer to a write tells of versions, if it was asked.
    fileprivate func note(of outcome: WriteOutcome) -> VersionNote? {
        guard self.tellsVersions else { return nil }
        return VersionNote(
            stamp: outcome.stamp,
            write: outcome.new?.writeID,
            previousStamp: outcome.previousStamp,
            previousWrite: outcome.old?.writeID
        )
    }
}

extension ServiceError {
    init(_ error: WriteError) {
        switch error {
        case .expression(let error): self = .validation(error.message)
        case .itemTooLarge:
            self = .validation("Item size to update has exceeded the maximum allowed size")
        case .itemTooDeep:
            self = .validation("Nesting Levels have exceeded supported limits")
        case .indexKey(let fault, let isUpdate): self = .indexKey(fault, isUpdate: isUpdate)
        case .collectionTooLarge: self = .collectionTooLarge
        case .store: self = .internalServer
        }
    }
}

extension Page {
    /// This slice and the one behind it as one page.
    fileprivate func followed(by next: Page) -> Page {
        var whole = next
        whole.items = self.items + next.items
        whole.count += self.count
        whole.scannedCount += self.scannedCount
        whole.scannedBytes += self.scannedBytes
        return whole
    }
}
