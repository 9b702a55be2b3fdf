import DataModel
import Expressions
import Placement
import Primitives
import Tables

/// A table's share of a BatchGetItem with its projection parsed and its keys encoded.
struct BatchGetPlan {
    var projection: ProjectionExpression?
    var keys: [ItemKey]
}

extension Node {
    mutating func beginBatchGet(
        _ request: BatchGetItemRequest,
        _ operation: Operation,
        _ origin: Origin,
        _ retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        do throws(ServiceError) {
            var plans: [BatchGetPlan] = []
            var parts: [BatchGetCoordinator.Part] = []
            for (index, share) in request.tables.enumerated() {
                let projection = try Self.projection(of: share)
                guard let table = self.catalog.table(named: share.table),
                    table.serves(in: self.settings.region)
                else {
                    return self.confirmMissing(operation, origin, retryUntil, clocks, &effects)
                }
                let keys = try Self.distinctKeys(share.keys, table.schema)
                plans.append(BatchGetPlan(projection: projection, keys: keys))
                self.split(keys, of: table, index, into: &parts)
            }
            let batch = BatchGetCoordinator(
                origin: origin,
                request: request,
                plans: plans,
                deadline: retryUntil,
                parts: parts,
                found: plans.map { $0.keys.map { _ in nil } }
            )
            let id = self.coordinators.insert(.batchGet(batch))
            self.advanceBatchGet(id, clocks, &effects)
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    private static func projection(
        of share: BatchGetTable
    ) throws(ServiceError) -> ProjectionExpression? {
        do throws(ExpressionError) {
            var names = try Substitutions(share.bindings)
            let projection = try names.projection(share.projection, share.attributesToGet)
            try names.requireAllUsed()
            return projection
        } catch {
            throw .validation(error.message)
        }
    }

    private static func distinctKeys(
        _ items: [Item],
        _ schema: KeySchema
    ) throws(ServiceError) -> [ItemKey] {
        var keys: [ItemKey] = []
        do throws(KeyError) {
            for item in items { keys.append(try ItemKey(schema, keyAttributes: item)) }
        } catch {
            throw .key(error)
        }
        let sorted = keys.sorted()
        for (left, right) in zip(sorted, sorted.dropFirst()) where left == right {
            throw .validation("Provided list of item keys contains duplicates")
        }
        return keys
    }

    private func split(
        _ keys: [ItemKey],
        of table: TableRecord,
        _ index: Int,
        into parts: inout [BatchGetCoordinator.Part]
    ) {
        let start = parts.count
        for (position, key) in keys.enumerated() {
            guard let partition = self.catalog.map.partition(of: table.id, for: key.token) else {
                continue
            }
            let slot = parts[start...].firstIndex { $0.partition == partition.id }
            if let slot {
                parts[slot].positions.append(position)
                parts[slot].keys.append(key.bytes)
            } else {
                parts.append(
                    .init(
                        table: index,
                        partition: partition.id,
                        positions: [position],
                        keys: [key.bytes]
                    )
                )
            }
        }
    }

    mutating func advanceBatchGet(_ id: UInt64, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard case .batchGet(var batch) = self.coordinators[id] else { return }
        for index in batch.parts.indices where batch.parts[index].state == .stalled {
            let part = batch.parts[index]
            let isConsistent = batch.request.tables[part.table].consistentRead
            guard let partition = self.catalog.map.partition(part.partition),
                batch.deadline > clocks.now
            else {
                batch.parts[index].state = .done
                continue
            }
            if let slot = self.readableSlot(part.partition, isConsistent, clocks) {
                batch.take(self.read(part.keys, slot), index)
            } else if let node = self.workNode(for: partition, isConsistent, clocks) {
                batch.parts[index].state = .waiting
                self.call(
                    node,
                    .read(keys: part.keys, isConsistent: isConsistent),
                    part.partition,
                    coordinator: id,
                    part: index,
                    batch.deadline,
                    &effects
                )
            }
        }
        self.coordinators[id] = .batchGet(batch)
        guard batch.parts.allSatisfy({ $0.state == .done }) else { return }
        self.coordinators.remove(id)
        if batch.parts.allSatisfy({ $0.readCount == 0 }) {
            self.fail(batch.origin, .internalServer, &effects)
        } else {
            self.succeed(batch.origin, .batchGetItem(batch.response()), &effects)
        }
    }

    // MARK: Writes

    mutating func beginBatchWrite(
        _ request: BatchWriteItemRequest,
        _ operation: Operation,
        _ origin: Origin,
        _ retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        do throws(ServiceError) {
            var parts: [BatchWriteCoordinator.Part] = []
            for (index, share) in request.tables.enumerated() {
                guard let table = self.catalog.table(named: share.table),
                    table.serves(in: self.settings.region)
                else {
                    return self.confirmMissing(operation, origin, retryUntil, clocks, &effects)
                }
                try Self.checkIndexKeys(share.writes, of: table)
                try self.split(share.writes, of: table, index, into: &parts)
            }
            let batch = BatchWriteCoordinator(
                origin: origin,
                request: request,
                deadline: retryUntil,
                parts: parts
            )
            let id = self.coordinators.insert(.batchWrite(batch))
            self.advanceBatchWrite(id, clocks, &effects)
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    /// Refuses an item that an index could not take, before anything is written.
    private static func checkIndexKeys(
        _ writes: [BatchWrite],
        of table: TableRecord
    ) throws(ServiceError) {
        let globals = table.options.globals.filter { $0.status != .deleting }
        let definitions = table.options.locals + globals.map(\.definition)
        guard !definitions.isEmpty else { return }
        do throws(IndexKeyFault) {
            for case .put(let item) in writes {
                for definition in definitions { try definition.check(item) }
            }
        } catch {
            throw .indexKey(error, isUpdate: false)
        }
    }

    private func split(
        _ writes: [BatchWrite],
        of table: TableRecord,
        _ index: Int,
        into parts: inout [BatchWriteCoordinator.Part]
    ) throws(ServiceError) {
        var keys: [ItemKey] = []
        for write in writes {
            do throws(KeyError) {
                switch write {
                case .put(let item): keys.append(try ItemKey(table.schema, from: item))
                case .delete(let key):
                    keys.append(try ItemKey(table.schema, keyAttributes: key))
                }
            } catch {
                throw .key(error)
            }
        }
        let sorted = keys.sorted()
        for (left, right) in zip(sorted, sorted.dropFirst()) where left == right {
            throw .validation("Provided list of item keys contains duplicates")
        }
        let start = parts.count
        for (position, key) in keys.enumerated() {
            guard let partition = self.catalog.map.partition(of: table.id, for: key.token) else {
                continue
            }
            let image: [UInt8]?
            switch writes[position] {
            case .put(let item): image = item.bytes
            case .delete: image = nil
            }
            let write = RecordWrite(key: key.bytes, image: image)
            if let slot = parts[start...].firstIndex(where: { $0.partition == partition.id }) {
                parts[slot].positions.append(position)
                parts[slot].writes.append(write)
            } else {
                parts.append(
                    .init(
                        table: index,
                        tableID: table.id,
                        partition: partition.id,
                        partitionKey: table.schema.partitionKey.name,
                        positions: [position],
                        writes: [write]
                    )
                )
            }
        }
    }

    mutating func advanceBatchWrite(_ id: UInt64, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard case .batchWrite(var batch) = self.coordinators[id] else { return }
        for index in batch.parts.indices where batch.parts[index].state == .stalled {
            let part = batch.parts[index]
            guard let partition = self.catalog.map.partition(part.partition),
                batch.deadline > clocks.now
            else {
                batch.parts[index].state = .done
                batch.parts[index].isUnprocessed = true
                continue
            }
            if let slot = self.writableSlot(part.partition, clocks) {
                batch.parts[index].state = .waiting
                // Single-replica groups answer at once, so the state has to be in place before.
                self.coordinators[id] = .batchWrite(batch)
                self.write(
                    part.writes,
                    isCounted: batch.request.isCounted,
                    slot,
                    for: .part(coordinator: id, part: index),
                    clocks,
                    &effects
                )
                guard case .batchWrite(let written) = self.coordinators[id] else { return }
                batch = written
            } else if let node = self.workNode(for: partition, true, clocks) {
                batch.parts[index].state = .waiting
                self.call(
                    node,
                    .write(
                        table: part.tableID,
                        part.writes,
                        isCounted: batch.request.isCounted
                    ),
                    part.partition,
                    coordinator: id,
                    part: index,
                    batch.deadline,
                    &effects
                )
            }
        }
        self.coordinators[id] = .batchWrite(batch)
        guard batch.parts.allSatisfy({ $0.state == .done }) else { return }
        self.coordinators.remove(id)
        if let refusal = batch.refusal {
            self.fail(batch.origin, refusal, &effects)
        } else if batch.parts.allSatisfy(\.isUnprocessed) {
            self.fail(batch.origin, .internalServer, &effects)
        } else {
            self.succeed(batch.origin, .batchWriteItem(batch.response()), &effects)
        }
    }
}

extension BatchGetCoordinator {
    mutating func take(_ result: WorkResult, _ index: Int) {
        switch result {
        case .items(let images):
            for (position, image) in zip(self.parts[index].positions, images) {
                self.found[self.parts[index].table][position] = image
            }
            self.parts[index].readCount = min(images.count, self.parts[index].positions.count)
            self.parts[index].state = .done
        case .notLeader:
            self.parts[index].state = .stalled
        case .page, .written, .failed, .collectionTooLarge:
            self.parts[index].state = .done
        }
    }

    /// The answer; what does not fit into 16 MB, or could not be read, is left to the client.
    func response() -> BatchGetItemResponse {
        var results: [BatchGetResult] = []
        var unprocessed: [BatchGetTable] = []
        var consumed: [ConsumedCapacity] = []
        var bytes = 0
        for (index, share) in self.request.tables.enumerated() {
            var items: [Item] = []
            var left: [Item] = []
            var halfUnits = 0
            let unread = self.parts.filter { $0.table == index }
                .flatMap { $0.positions.dropFirst($0.readCount) }
            for position in self.found[index].indices {
                let found = self.found[index][position].map { Item(trusted: $0) }
                let size = found?.size ?? 0
                if unread.contains(position) || bytes + size > NodeLimits.batchBytes {
                    left.append(share.keys[position])
                    continue
                }
                bytes += size
                halfUnits += Capacity.readHalfUnits(
                    bytes: size,
                    isConsistent: share.consistentRead
                )
                guard let item = found else { continue }
                items.append(self.plans[index].projection?.apply(to: item) ?? item)
            }
            results.append(BatchGetResult(table: share.table, items: items))
            if !left.isEmpty {
                var rest = share
                rest.keys = left
                unprocessed.append(rest)
            }
            if let capacity = Capacity.consumed(
                self.request.returnConsumedCapacity,
                table: share.table,
                halfUnits: halfUnits
            ) {
                consumed.append(capacity)
            }
        }
        return BatchGetItemResponse(
            results: results,
            unprocessed: unprocessed,
            consumed: consumed
        )
    }
}

extension BatchWriteCoordinator {
    mutating func take(_ result: WorkResult, _ index: Int) {
        switch result {
        case .written(let costs):
            self.parts[index].state = .done
            self.parts[index].costs = costs
        case .notLeader:
            self.parts[index].state = .stalled
        case .collectionTooLarge:
            self.parts[index].state = .done
            self.refusal = .collectionTooLarge
        case .items, .page, .failed:
            self.parts[index].state = .done
            self.parts[index].isUnprocessed = true
        }
    }

    func response() -> BatchWriteItemResponse {
        var unprocessed: [BatchWriteTable] = []
        var consumed: [ConsumedCapacity] = []
        var collections: [TableCollections] = []
        for (index, share) in self.request.tables.enumerated() {
            let own = self.parts.filter { $0.table == index }
            let lost = own.filter(\.isUnprocessed).flatMap(\.positions).sorted()
            if !lost.isEmpty {
                unprocessed.append(
                    BatchWriteTable(table: share.table, writes: lost.map { share.writes[$0] })
                )
            }
            let costs = own.flatMap(\.costs)
            if let capacity = Capacity.written(
                self.request.returnConsumedCapacity,
                table: share.table,
                halfUnits: 2 * costs.reduce(0) { $0 + $1.units },
                IndexUnits.summed(costs.flatMap(\.indexes))
            ) {
                consumed.append(capacity)
            }
            let sizes = self.request.returnsCollectionSizes ? self.sizes(of: own, share) : []
            if !sizes.isEmpty {
                collections.append(TableCollections(table: share.table, sizes: sizes))
            }
        }
        return BatchWriteItemResponse(
            unprocessed: unprocessed,
            consumed: consumed,
            collections: collections
        )
    }

    /// The sizes of the item collections that were written, each as its last write left it.
    private func sizes(of parts: [Part], _ share: BatchWriteTable) -> [ItemCollectionSize] {
        var sizes: [ItemCollectionSize] = []
        for part in parts {
            for (position, cost) in zip(part.positions, part.costs) {
                guard let bytes = cost.collection else { continue }
                let item =
                    switch share.writes[position] {
                    case .put(let item): item
                    case .delete(let key): key
                    }
                let size = ItemCollectionSize(
                    key: item.projected([part.partitionKey]),
                    bytes: bytes
                )
                if let known = sizes.firstIndex(where: { $0.key == size.key }) {
                    sizes[known] = size
                } else {
                    sizes.append(size)
                }
            }
        }
        return sizes
    }
}

extension IndexUnits {
    /// One entry for each index, in the order in which they occur first.
    fileprivate static func summed(_ all: [IndexUnits]) -> [IndexUnits] {
        var sums: [IndexUnits] = []
        for units in all {
            if let known = sums.firstIndex(where: { $0.index == units.index }) {
                sums[known].units += units.units
            } else {
                sums.append(units)
            }
        }
        return sums
    }
}
