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
            let view = try request.index.map { (name) throws(ServiceError) in
                try IndexView(named: name, of: table)
            }
            let fetches = try view?.fetches(
                request.select,
                plan.projection,
                isConsistent: request.consistentRead,
                table.schema
            )
            let tokens = request.segment?.tokens ?? (first: 0, last: .max)
            var scan = ScanCoordinator(
                origin: origin,
                plan: plan,
                table: view?.home(of: table) ?? table.id,
                schema: table.schema,
                index: view,
                fetchesItems: fetches ?? false,
                first: tokens.first,
                last: tokens.last,
                deadline: retryUntil,
                token: tokens.first
            )
            if let start = request.exclusiveStartKey {
                let key = try scan.startKey(start)
                let token = scan.token(of: key.bytes)
                guard token >= tokens.first, token <= tokens.last else {
                    throw .startKeyOutsideQuery
                }
                scan.after = key.bytes
                scan.token = token
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
                bytesMax: NodeLimits.pageBytes - scan.bytes,
                local: scan.index?.number ?? 0,
                fetchesItems: scan.fetchesItems
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
        if let last = images.last, let key = scan.key(of: Item(trusted: last)) {
            scan.after = key.bytes
        }
        if let next {
            scan.after = next
            scan.token = scan.token(of: next)
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
            response.lastEvaluatedKey = scan.keyItem(after)
        }
        response.consumed = Capacity.consumed(
            request.returnConsumedCapacity,
            table: request.table,
            scan.index,
            bytes: scan.bytes,
            isConsistent: request.consistentRead
        )
        self.succeed(scan.origin, .page(response), &effects)
    }
}
