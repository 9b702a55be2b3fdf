import DataModel
import Expressions
import Placement
import Primitives
import Tables

extension Node {
    mutating func beginScan(
        _ request: ScanRequest,
        _ operation: Operation,
        _ origin: Origin,
        _ retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        do throws(ServiceError) {
            let plan = try ScanPlan(request)
            guard let table = self.catalog.table(named: request.table),
                table.serves(in: self.settings.region)
            else {
                return self.confirmMissing(operation, origin, retryUntil, clocks, &effects)
            }
            if let index = request.index { throw .noIndex(index) }
            let tokens = request.segment?.tokens ?? (first: 0, last: .max)
            var scan = ScanCoordinator(
                origin: origin,
                plan: plan,
                table: table.id,
                schema: table.schema,
                first: tokens.first,
                last: tokens.last,
                deadline: retryUntil,
                token: tokens.first
            )
            if let start = request.exclusiveStartKey {
                let key: ItemKey
                do throws(KeyError) {
                    key = try ItemKey(table.schema, keyAttributes: start)
                } catch {
                    throw .startKey(error)
                }
                guard key.token >= tokens.first, key.token <= tokens.last else {
                    throw .validation(
                        "The provided starting key is outside query boundaries based on provided "
                            + "conditions"
                    )
                }
                scan.after = key.bytes
                scan.token = key.token
            }
            let id = self.coordinators.insert(.scan(scan))
            self.advanceScan(id, clocks, &effects)
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    /// Reads pages until the answer is full, or another node has to be waited for.
    mutating func advanceScan(_ id: UInt64, _ clocks: Clocks, _ effects: inout [Effect]) {
        while case .scan(var scan) = self.coordinators[id] {
            scan.isStalled = false
            let limit = scan.plan.request.limit ?? .max
            guard !scan.isDone, !scan.isFull, scan.scannedCount < limit,
                scan.bytes < NodeLimits.pageBytes
            else {
                return self.finishScan(id, scan, &effects)
            }
            guard
                let partition = self.catalog.map.partition(of: scan.table, for: scan.token)
            else {
                self.coordinators.remove(id)
                return self.fail(scan.origin, .requestedResourceNotFound, &effects)
            }
            let range = ScanRange(
                first: scan.token,
                last: min(scan.last, partition.range.last),
                after: scan.after,
                itemsMax: limit - scan.scannedCount,
                bytesMax: NodeLimits.pageBytes - scan.bytes
            )
            let isConsistent = scan.plan.request.consistentRead
            guard let slot = self.readableSlot(partition.id, isConsistent, clocks) else {
                if let node = self.workNode(for: partition, isConsistent, clocks) {
                    self.coordinators[id] = .scan(scan)
                    return self.call(
                        node,
                        .page(range, isConsistent: isConsistent),
                        partition.id,
                        coordinator: id,
                        part: 0,
                        scan.deadline,
                        &effects
                    )
                }
                scan.isStalled = true
                self.coordinators[id] = .scan(scan)
                return
            }
            let result = self.page(range, slot)
            guard self.take(result, into: &scan, partition.range.last) else {
                self.coordinators.remove(id)
                return self.fail(scan.origin, .internalServer, &effects)
            }
            self.coordinators[id] = .scan(scan)
        }
    }

    /// Adds a page to a scan; false when the partition could not deliver it.
    func take(
        _ result: WorkResult,
        into scan: inout ScanCoordinator,
        _ partitionLast: Token
    ) -> Bool {
        guard case .page(let images, let next, let bytes) = result else { return false }
        for image in images {
            let item = Item(trusted: image)
            scan.scannedCount += 1
            guard (try? scan.plan.filter?.evaluate(on: item)) ?? true else { continue }
            scan.count += 1
            if scan.plan.request.select != .count {
                scan.items.append(scan.plan.projection?.apply(to: item) ?? item)
            }
        }
        scan.bytes += bytes
        if let last = images.last,
            let key = try? ItemKey(scan.schema, from: Item(trusted: last))
        {
            scan.after = key.bytes
        }
        if let next {
            scan.after = next
            scan.token = ItemKey(trusted: next).token
            scan.isFull = true
        } else if partitionLast >= scan.last {
            scan.isDone = true
        } else {
            scan.token = partitionLast + 1
        }
        return true
    }

    private mutating func finishScan(
        _ id: UInt64,
        _ scan: ScanCoordinator,
        _ effects: inout [Effect]
    ) {
        self.coordinators.remove(id)
        let request = scan.plan.request
        var response = PageResponse(
            items: request.select == .count ? nil : scan.items,
            count: scan.count,
            scannedCount: scan.scannedCount
        )
        let isAtLimit = request.limit.map { scan.scannedCount >= $0 } ?? false
        if !scan.isDone || isAtLimit, let after = scan.after, scan.scannedCount > 0 {
            response.lastEvaluatedKey = ItemKey(trusted: after).keyItem(scan.schema)
        }
        response.consumed = Capacity.consumed(
            request.returnConsumedCapacity,
            table: request.table,
            halfUnits: Capacity.readHalfUnits(
                bytes: scan.bytes,
                isConsistent: request.consistentRead
            )
        )
        self.succeed(scan.origin, .page(response), &effects)
    }
}
