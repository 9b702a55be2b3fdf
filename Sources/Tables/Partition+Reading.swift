package import DataModel
package import Expressions
package import Primitives

/// One page of a query or scan: where, how much, and what of it is wanted.
package struct RangeRead: Sendable {
    /// The keys; a scan's token range or a query's partition key and sort-key bounds.
    package var bounds: KeyBounds
    package var reverse = false
    /// Exclusive start: the key that an earlier page ended with.
    package var after: ItemKey?
    /// DynamoDB's `Limit`: items looked at, before the filter.
    package var itemsMax = Int.max
    /// The page ends with the item that brings the sizes of items looked at to this.
    package var bytesMax = 1 << 20
    /// Records, tombstones included, that one call may touch.
    package var recordsMax = 4_096
    package var filter: ConditionExpression?
    package var projection: ProjectionExpression?
    /// Only the counts are wanted.
    package var countsOnly = false
    /// ``Space/index`` for entries of a local index.
    package var space = Space.item
    /// Read the items that entries of a local index belong to, for what is not projected.
    package var fetchesItems = false

    package init(bounds: KeyBounds) { self.bounds = bounds }

    /// All keys with a token of the range: a segment of a parallel scan.
    package init(tokens: ClosedRange<Token>) {
        self.init(
            bounds: KeyBounds(
                from: ItemKey.lowerBound(of: tokens.lowerBound),
                to: tokens.upperBound == .max
                    ? [UInt8](repeating: 0xFF, count: 9)
                    : ItemKey.lowerBound(of: tokens.upperBound + 1)
            )
        )
    }
}

/// What a ``RangeRead`` found.
package struct Page: Equatable, Sendable {
    /// Why the page ends where it does.
    package enum End: Equatable, Sendable {
        /// There is nothing behind it.
        case exhausted
        /// `itemsMax` or `bytesMax`: the client is told to come again after ``Page/last``.
        case limit
        /// `recordsMax`: the caller comes again after ``Page/last`` to fill the page.
        case slice
    }

    package var items: [Item] = []
    /// Items that passed the filter.
    package var count = 0
    /// Items looked at.
    package var scannedCount = 0
    /// The sizes of the items looked at.
    package var scannedBytes = 0
    /// Read units of four KB each that fetching items of local entries took.
    package var fetchedBlocks = 0
    /// The last key looked at, tombstones' included; nil at the end.
    package var last: ItemKey?
    package var end = End.exhausted
}

/// Why a page cannot be read.
package enum ReadError: Error, Equatable, Sendable {
    case expression(ExpressionError)
    case store(StoreError)
}

extension Partition {
    /// The item as of what is applied and committed, or nil.
    ///
    /// - Throws: what the store answered.
    package func get(_ key: ItemKey, _ store: any Store) throws(StoreError) -> Item? {
        try self.storedRecord(key, store)?.item
    }

    /// The stored version of an item: a tombstone, too.
    ///
    /// - Throws: what the store answered.
    package func storedRecord(
        _ key: ItemKey,
        _ store: any Store
    ) throws(StoreError) -> ItemRecord? {
        guard let value = try store.get(.item, PartitionKeys.item(self.id, key)) else {
            return nil
        }
        return try ItemRecord(value)
    }

    /// Reads a page, in bounded work.
    ///
    /// - Throws: what the store or the filter answered.
    package func page(_ read: RangeRead, _ store: any Store) throws(ReadError) -> Page {
        var reader = PageReader(read, self.id, self.descriptor.schema, store)
        let (from, to) = reader.storedBounds(self.id)
        guard ByteOrder.isLess(from, to), read.itemsMax > 0 else { return Page() }
        do throws(StoreError) {
            try store.scan(read.space, from: from, to: to, reverse: read.reverse) { key, value in
                reader.visit(key, value)
            }
        } catch {
            throw .store(error)
        }
        if let failure = reader.failure { throw failure }
        return reader.page
    }
}

/// A page while it is being read.
private struct PageReader {
    let read: RangeRead
    var page = Page()
    var failure: ReadError?
    private var records = 0
    private let id: PartitionID
    private let schema: KeySchema
    private let store: any Store

    init(_ read: RangeRead, _ id: PartitionID, _ schema: KeySchema, _ store: any Store) {
        self.read = read
        self.id = id
        self.schema = schema
        self.store = store
    }

    func storedBounds(_ id: PartitionID) -> (from: [UInt8], to: [UInt8]) {
        var from = PartitionKeys.item(id, self.read.bounds.from)
        var to = PartitionKeys.item(id, self.read.bounds.to)
        if let after = self.read.after {
            let key = PartitionKeys.item(id, after)
            if self.read.reverse {
                if ByteOrder.isLess(key, to) { to = key }
            } else if !ByteOrder.isLess(key, from) {
                from = key + [0]
            }
        }
        return (from, to)
    }

    mutating func visit(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        do throws(ReadError) {
            try self.take(value)
        } catch {
            self.failure = error
            return false
        }
        self.records += 1
        if self.page.scannedCount >= self.read.itemsMax
            || self.page.scannedBytes >= self.read.bytesMax
        {
            self.page.end = .limit
        } else if self.records >= self.read.recordsMax {
            self.page.end = .slice
        } else {
            return true
        }
        self.page.last = PartitionKeys.itemKey(key)
        return false
    }

    private mutating func take(_ value: UnsafeRawBufferPointer) throws(ReadError) {
        var item: Item
        let size: Int
        do throws(StoreError) {
            guard let found = try ItemRecord.item(of: value) else { return }
            (item, size) = found
        } catch {
            throw .store(error)
        }
        if self.read.fetchesItems { item = try self.fetched(item) }
        self.page.scannedCount += 1
        self.page.scannedBytes += size
        if let filter = self.read.filter {
            do throws(ExpressionError) {
                guard try filter.evaluate(on: item) else { return }
            } catch {
                throw .expression(error)
            }
        }
        self.page.count += 1
        guard !self.read.countsOnly else { return }
        self.page.items.append(self.read.projection?.apply(to: item) ?? item)
    }

    /// The item that an entry of a local index belongs to.
    private mutating func fetched(_ entry: Item) throws(ReadError) -> Item {
        guard let key = try? ItemKey(self.schema, from: entry) else {
            throw .store(.corrupt("an entry of a local index without the item's key"))
        }
        do throws(StoreError) {
            guard let value = try self.store.get(.item, PartitionKeys.item(self.id, key)) else {
                throw StoreError.corrupt("an entry of a local index without an item")
            }
            let record = try ItemRecord(value)
            self.page.fetchedBlocks += max(1, (record.size + 4_095) / 4_096)
            return record.item ?? entry
        } catch {
            throw .store(error)
        }
    }
}
