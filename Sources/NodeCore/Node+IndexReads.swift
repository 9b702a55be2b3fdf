import DataModel
import Expressions
import Placement
import Primitives
import Tables

/// Queries of indexes.
extension Node {
    mutating func routeIndexQuery(
        _ plan: ItemPlan,
        _ name: String,
        of table: TableRecord,
        _ operation: Operation,
        _ origin: Origin,
        _ retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) throws(ServiceError) {
        guard case .query(let query) = plan.action else { return }
        let request = query.request
        let view = try IndexView(named: name, of: table)
        let fetches = try view.fetches(
            request.select,
            query.projection,
            isConsistent: request.consistentRead,
            table.schema
        )
        let bounds = try view.bounds(of: query, table.schema)
        var read = RangeRead(bounds: bounds)
        if let start = request.exclusiveStartKey {
            let after = try view.startKey(start, table.schema)
            guard !ByteOrder.isLess(after.bytes, bounds.from),
                ByteOrder.isLess(after.bytes, bounds.to)
            else {
                throw .startKeyOutsideQuery
            }
            read.after = after
        }
        let home = view.home(of: table)
        guard let partition = self.catalog.map.partition(of: home, for: view.token(bounds.from))
        else { throw .requestedResourceNotFound }
        guard let slot = self.readableSlot(partition.id, request.consistentRead, clocks) else {
            let node = self.workNode(for: partition, request.consistentRead, clocks)
            return self.send(operation, origin, to: node, retryUntil: retryUntil, clocks, &effects)
        }
        read.reverse = !request.scansForward
        read.itemsMax = request.limit ?? .max
        read.bytesMax = NodeLimits.pageBytes
        read.filter = query.filter
        read.projection = query.projection
        read.countsOnly = request.select == .count
        read.fetchesItems = fetches
        if !view.isGlobal { read.space = .index }
        let page = try self.wholePage(read, slot)
        var response = PageResponse(
            items: request.select == .count ? nil : page.items,
            count: page.count,
            scannedCount: page.scannedCount
        )
        if page.end != .exhausted {
            response.lastEvaluatedKey = page.last.map { view.keyItem($0, table.schema) }
        }
        response.consumed = Capacity.consumed(
            plan.capacity,
            table: plan.table,
            view,
            bytes: page.scannedBytes,
            fetchedBlocks: page.fetchedBlocks,
            isConsistent: request.consistentRead
        )
        self.succeed(origin, .page(response), &effects)
    }
}

extension ScanCoordinator {
    /// The storage key of an item or entry that a page ended with.
    func key(of item: Item) -> ItemKey? {
        if let view = self.index { return view.key(of: item, self.schema) }
        return try? ItemKey(self.schema, from: item)
    }

    func startKey(_ item: Item) throws(ServiceError) -> ItemKey {
        if let view = self.index { return try view.startKey(item, self.schema) }
        do throws(KeyError) {
            return try ItemKey(self.schema, keyAttributes: item)
        } catch {
            throw .startKey(error)
        }
    }

    func token(of key: [UInt8]) -> Token {
        self.index?.token(key) ?? ItemKey(trusted: key).token
    }

    func keyItem(_ key: [UInt8]) -> Item {
        let key = ItemKey(trusted: key)
        return self.index?.keyItem(key, self.schema) ?? key.keyItem(self.schema)
    }
}

extension RangeRead {
    /// A page of a scan of a table, of a global index, or of a local one.
    init(_ range: ScanRange) {
        self.init(tokens: range.first...range.last)
        if range.local > 0 {
            self.bounds = KeyBounds(
                from: [range.local] + self.bounds.from,
                to: [range.local] + self.bounds.to
            )
            self.space = .index
        }
        self.fetchesItems = range.fetchesItems
        self.after = range.after.map { ItemKey(trusted: $0) }
        self.itemsMax = range.itemsMax
        self.bytesMax = range.bytesMax
    }
}

extension Capacity {
    /// What a write takes in the table and in indexes.
    static func written(
        _ asked: ReturnConsumedCapacity,
        table: String,
        halfUnits: Int,
        _ indexes: [IndexUnits]
    ) -> ConsumedCapacity? {
        let all = indexes.reduce(halfUnits) { $0 + 2 * $1.units }
        guard var consumed = self.consumed(asked, table: table, halfUnits: all) else { return nil }
        guard asked == .indexes, !indexes.isEmpty else { return consumed }
        consumed.tableHalfUnits = halfUnits
        for index in indexes {
            let share = IndexCapacity(index: index.index, halfUnits: 2 * index.units)
            if index.isLocal {
                consumed.locals.append(share)
            } else {
                consumed.globals.append(share)
            }
        }
        return consumed
    }

    /// What reading an index takes: its entries, and the items that were read for a local one.
    static func consumed(
        _ asked: ReturnConsumedCapacity,
        table: String,
        _ view: IndexView?,
        bytes: Int,
        fetchedBlocks: Int = 0,
        isConsistent: Bool
    ) -> ConsumedCapacity? {
        let halfUnits = self.readHalfUnits(bytes: bytes, isConsistent: isConsistent)
        guard let view else {
            return self.consumed(asked, table: table, halfUnits: halfUnits)
        }
        let fetched = fetchedBlocks * (isConsistent ? 2 : 1)
        guard
            var consumed = self.consumed(asked, table: table, halfUnits: halfUnits + fetched)
        else { return nil }
        guard asked == .indexes else { return consumed }
        consumed.tableHalfUnits = fetched
        let own = IndexCapacity(index: view.definition.name, halfUnits: halfUnits)
        if view.isGlobal { consumed.globals = [own] } else { consumed.locals = [own] }
        return consumed
    }
}
