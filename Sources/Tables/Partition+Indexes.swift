package import DataModel
package import Primitives
import Replication

/// Indexes of a table, in the partitions of the table: deciding and applying.
extension Partition {
    /// The attributes that key any index; empty in tables without indexes, whose writes then do
    /// nothing of what follows.
    static func indexKeyNames(
        _ locals: [IndexDefinition],
        _ globals: [MaintainedIndex]
    ) -> [[UInt8]] {
        let definitions = locals + globals.map(\.definition)
        guard !definitions.isEmpty else { return [] }
        var names: [[UInt8]] = []
        for attribute in definitions.flatMap(\.keys.attributes)
        where !names.contains(attribute.name) {
            names.append(attribute.name)
        }
        return names
    }

    mutating func refreshIndexKeyNames() {
        self.indexKeyNames = Self.indexKeyNames(
            self.descriptor.locals,
            self.isLeading ? self.proposedIndexes : self.indexes
        )
    }

    // MARK: Deciding

    /// Refuses an item that an index could not take.
    func checkIndexKeys(_ item: Item, isUpdate: Bool) throws(WriteError) {
        guard !self.indexKeyNames.isEmpty else { return }
        do throws(IndexKeyFault) {
            for local in self.descriptor.locals { try local.check(item) }
            for index in self.proposedIndexes { try index.definition.check(item) }
        } catch {
            throw .indexKey(error, isUpdate: isUpdate)
        }
    }

    /// What a change means to the indexes; nil in tables without.
    ///
    /// Earlier changes of the same batch leave the `pending` sizes of item collections.
    ///
    /// - Throws: what the store answered.
    func indexPart(
        _ key: ItemKey,
        replacing old: ItemRecord?,
        by new: ItemRecord?,
        pending: [[UInt8]: UInt64] = [:],
        _ store: any Store
    ) throws(StoreError) -> IndexPart? {
        guard !self.indexKeyNames.isEmpty else { return nil }
        let former = old?.item
        var part = IndexPart(former: former.map { $0.projected(self.indexKeyNames) })
        guard !self.descriptor.locals.isEmpty else { return part }
        let present = new?.item
        var delta = (new?.size ?? 0) - (old?.size ?? 0)
        for (position, local) in self.descriptor.locals.enumerated() {
            let before = self.localEntry(local, position, former, key)
            let after = self.localEntry(local, position, present, key)
            let change = IndexPart.LocalDelta(
                items: (after == nil ? 0 : 1) - (before == nil ? 0 : 1),
                bytes: (after?.image.size ?? 0) - (before?.image.size ?? 0)
            )
            delta += change.bytes
            part.locals.append(change)
        }
        let prefix = key.partitionPrefix
        var size = pending[prefix]
        if size == nil { size = try self.collectionBytes(prefix, store) }
        part.collection = UInt64(max(0, Int(clamping: size ?? 0) + delta))
        return part
    }

    /// The bytes of a partition key's items and local entries, as of the latest state.
    package func collectionBytes(
        _ prefix: [UInt8],
        _ store: any Store
    ) throws(StoreError) -> UInt64 {
        if let pending = self.collections[prefix] { return pending }
        let key = PartitionKeys.collection(self.id, prefix)
        guard let value = try store.get(.index, key) else { return 0 }
        var reader = ByteReader(value)
        do throws(DecodingError) {
            return try reader.u64()
        } catch {
            throw .corrupt("the size of an item collection")
        }
    }

    /// Write units of each index whose entry a change makes, removes, moves or rewrites.
    func indexUnits(_ key: ItemKey, from old: Item?, to new: Item?) -> [IndexUnits] {
        var found: [IndexUnits] = []
        let add = { (index: IndexDefinition, isLocal: Bool, before: Entry?, after: Entry?) in
            let units = Self.units(before, after)
            if units > 0 {
                found.append(IndexUnits(index: index.name, isLocal: isLocal, units: units))
            }
        }
        for (position, local) in self.descriptor.locals.enumerated() {
            let before = self.localEntry(local, position, old, key)
            add(local, true, before, self.localEntry(local, position, new, key))
        }
        for index in self.proposedIndexes {
            let entry = { (item: Item?) -> Entry? in
                guard let item, let place = index.definition.globalKey(of: item, at: key) else {
                    return nil
                }
                return (place.bytes, index.definition.image(of: item, self.descriptor.schema))
            }
            add(index.definition, false, entry(old), entry(new))
        }
        return found
    }

    private typealias Entry = (key: [UInt8], image: Item)

    /// One for each KB; an entry that moves is removed and made.
    private static func units(_ before: Entry?, _ after: Entry?) -> Int {
        let units = { (entry: Entry?) in entry.map { max(1, ($0.image.size + 1_023) / 1_024) } ?? 0
        }
        guard let before, let after, before.key == after.key else {
            return units(before) + units(after)
        }
        return before.image == after.image ? 0 : max(units(before), units(after))
    }

    private func localEntry(
        _ index: IndexDefinition,
        _ position: Int,
        _ item: Item?,
        _ key: ItemKey
    ) -> (key: [UInt8], image: Item)? {
        guard let item, let entry = index.localKey(UInt8(position + 1), of: item, at: key)
        else { return nil }
        return (entry, index.image(of: item, self.descriptor.schema))
    }

    // MARK: Applying

    mutating func applyIndexes(
        _ key: ItemKey,
        _ record: ItemRecord?,
        _ part: IndexPart?,
        _ store: any Store
    ) throws(StoreError) {
        guard let part, !self.descriptor.locals.isEmpty else { return }
        guard part.locals.count == self.descriptor.locals.count else {
            throw .corrupt("a write of a table with other local indexes")
        }
        let item = record?.item
        for (position, local) in self.descriptor.locals.enumerated() {
            let number = UInt8(position + 1)
            let former = part.former.flatMap { local.localKey(number, of: $0, at: key) }
            let entry = self.localEntry(local, position, item, key)
            if let former, former != entry?.key, self.bug != .localEntryLeft || entry == nil {
                store.delete(.index, PartitionKeys.item(self.id, former))
            }
            if let entry, let record {
                let stored = ItemRecord(
                    key: ItemKey(trusted: entry.key),
                    version: VersionVector(record.stamp),
                    image: entry.image.bytes,
                    size: entry.image.size
                )
                store.put(.index, PartitionKeys.item(self.id, entry.key), stored.bytes)
            }
            let delta = part.locals[position]
            try Self.move(&self.localCounts[position].items, by: delta.items)
            try Self.move(&self.localCounts[position].bytes, by: delta.bytes)
        }
        self.dirty.insert(.locals)
        guard let bytes = part.collection else { return }
        let place = PartitionKeys.collection(self.id, key.partitionPrefix)
        if bytes == 0 {
            store.delete(.index, place)
        } else {
            var writer = ByteWriter(reserving: 8)
            writer.u64(bytes)
            store.put(.index, place, writer.bytes)
        }
    }

    mutating func startIndex(_ id: TableID, _ definition: IndexDefinition, at index: UInt64) {
        guard !self.indexes.contains(where: { $0.id == id }) else { return }
        let isEmpty = self.itemCount == 0
        let started = MaintainedIndex(
            id: id,
            definition: definition,
            start: index,
            isBackfilled: isEmpty
        )
        self.indexes.append(started)
        self.dirty.insert(.indexes)
        if !self.proposedIndexes.contains(where: { $0.id == id }) {
            self.proposedIndexes.append(started)
        }
        self.refreshIndexKeyNames()
    }

    mutating func moveIndex(_ id: TableID, to index: UInt64) {
        guard let place = self.indexes.firstIndex(where: { $0.id == id }) else { return }
        self.indexes[place].cursor = max(self.indexes[place].cursor, index)
        self.indexes[place].isBackfilled = true
        self.dirty.insert(.indexes)
    }

    mutating func dropIndex(_ id: TableID) {
        self.indexes.removeAll { $0.id == id }
        self.proposedIndexes.removeAll { $0.id == id }
        self.dirty.insert(.indexes)
        self.refreshIndexKeyNames()
    }

    // MARK: Commands

    /// The command from which on the partition keeps up an index.
    package func proposal(starting id: TableID, _ definition: IndexDefinition) -> Proposal {
        let started = MaintainedIndex(id: id, definition: definition, start: 0, isBackfilled: false)
        return Proposal(
            payload: Command.indexStarted(id, definition).encoded,
            startedIndex: started
        )
    }

    /// The command that records how far an index is, and so that it is backfilled.
    package func proposal(movingIndex id: TableID, to index: UInt64) -> Proposal {
        Proposal(payload: Command.indexMoved(id, upTo: index).encoded)
    }

    package func proposal(droppingIndex id: TableID) -> Proposal {
        Proposal(payload: Command.indexDropped(id).encoded, droppedIndex: id)
    }

    /// Whether the index is kept up, or is about to be.
    package func maintains(_ id: TableID) -> Bool {
        self.proposedIndexes.contains { $0.id == id }
    }
}

/// The next part of what was there when an index was made.
package struct IndexBackfill: Equatable, Sendable {
    package var changes: [IndexChange] = []
    /// Where the next part continues; nil when this is the last.
    package var next: ItemKey?
}

extension Partition {
    /// Reads the next part of the stored items as entries of an index, in bounded work.
    ///
    /// Reads what is committed now: the caller makes sure that the store shows
    /// ``MaintainedIndex/start``, so that what changes behind the reader is in the log after it.
    ///
    /// - Throws: what the store answered.
    package func indexBackfill(
        _ definition: IndexDefinition,
        after: ItemKey?,
        bytesMax: Int,
        recordsMax: Int = 512,
        _ store: any Store
    ) throws(StoreError) -> IndexBackfill {
        var part = IndexBackfill()
        var bytes = 0
        var records = 0
        let from =
            after.map { PartitionKeys.item(self.id, $0) + [0] }
            ?? PartitionKeys.prefix(self.id)
        try self.eachRecord(from: from, to: PartitionKeys.end(self.id), store) { key, record in
            records += 1
            if let item = record.item, let entry = definition.globalKey(of: item, at: key) {
                let change = IndexChange(
                    key: entry.bytes,
                    stamp: record.stamp,
                    image: definition.image(of: item, self.descriptor.schema).bytes
                )
                bytes += change.size
                part.changes.append(change)
            }
            guard bytes >= bytesMax || records >= recordsMax else { return true }
            part.next = key
            return false
        }
        return part
    }

    /// What the stored items ought to have made of an index: the number of entries, and the sum of
    /// their hashes, as the digests of the index's partitions show it once all is in.
    ///
    /// Costs a scan: for checks.
    package func expectedEntries(
        of definition: IndexDefinition,
        _ store: any Store
    ) throws(StoreError) -> (count: UInt64, sum: UInt64) {
        var count: UInt64 = 0
        var sum: UInt64 = 0
        try self.eachRecord(
            from: PartitionKeys.prefix(self.id),
            to: PartitionKeys.end(self.id),
            store
        ) { key, record in
            if let item = record.item, let entry = definition.globalKey(of: item, at: key) {
                let image = definition.image(of: item, self.descriptor.schema).bytes
                count += 1
                sum &+= ItemRecord.hash(entry.bytes, record.stamp, image)
            }
            return true
        }
        return (count, sum)
    }

    /// Compares every local entry with the items, and counts and collection sizes with both.
    ///
    /// Costs a scan of everything; after the turn was committed.
    ///
    /// - Returns: what does not hold; empty when all is well.
    package func localIndexViolations(_ store: any Store) throws(StoreError) -> [String] {
        guard !self.descriptor.locals.isEmpty else { return [] }
        var wanted: [[UInt8]: UInt64] = [:]
        var sizes: [[UInt8]: UInt64] = [:]
        var counts = self.descriptor.locals.map { _ in LocalIndexCounts() }
        let from = PartitionKeys.prefix(self.id)
        let end = PartitionKeys.end(self.id)
        try self.eachRecord(from: from, to: end, store) { key, record in
            guard let item = record.item else { return true }
            var bytes = UInt64(record.size)
            for (position, local) in self.descriptor.locals.enumerated() {
                guard let entry = self.localEntry(local, position, item, key) else { continue }
                wanted[entry.key] = ItemRecord.hash(entry.key, record.stamp, entry.image.bytes)
                counts[position].items += 1
                counts[position].bytes += UInt64(entry.image.size)
                bytes += UInt64(entry.image.size)
            }
            sizes[key.partitionPrefix, default: 0] += bytes
            return true
        }
        var wrong: [String] = []
        var failure: StoreError?
        try store.scan(.index, from: from, to: end, reverse: false) { key, value in
            let place = Array(UnsafeRawBufferPointer(rebasing: key[8...]))
            if place[0] == 0 {
                var reader = ByteReader(Array(value))
                let bytes = try? reader.u64()
                if sizes.removeValue(forKey: Array(place[1...])) != bytes {
                    wrong.append("the size of an item collection")
                }
                return true
            }
            do throws(StoreError) {
                let record = try ItemRecord(value)
                if wanted.removeValue(forKey: place) != record.hash {
                    wrong.append("an entry of local index \(place[0])")
                }
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        if !wanted.isEmpty { wrong.append("\(wanted.count) missing local entries") }
        if !sizes.isEmpty { wrong.append("\(sizes.count) missing collection sizes") }
        if counts != self.localCounts { wrong.append("counts of local indexes") }
        return wrong
    }
}
