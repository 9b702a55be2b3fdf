import CRocksDB
package import Tables

extension RocksStore {
    package func get(_ space: Space, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        let database = try self.opened()
        let family = database.family(space)
        let slice = try withStoredKey(space, key) { (stored) throws(StoreError) in
            try attempt {
                rocksdb_get_pinned_cf(
                    database.pointer,
                    self.pointReads,
                    family,
                    stored.baseAddress,
                    stored.count,
                    $0
                )
            }
        }
        guard let slice else { return nil }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var length = 0
        let bytes = rocksdb_pinnableslice_value(slice, &length)
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: length))
    }

    package func scan(
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        try self.scan(view: nil, space, from: from, to: to, reverse: reverse, visit)
    }

    // MARK: Snapshots

    package func openSnapshot() -> SnapshotID {
        self.snapshotsOpened += 1
        let id = SnapshotID(self.snapshotsOpened)
        // A closed store has nothing to look at; the snapshot's scans will say why.
        if let database = self.database, let view = rocksdb_create_snapshot(database.pointer) {
            self.snapshots.append((id, view))
        }
        return id
    }

    package func closeSnapshot(_ snapshot: SnapshotID) {
        guard let index = self.snapshots.firstIndex(where: { $0.id == snapshot }) else { return }
        let view = self.snapshots.remove(at: index).view
        if let database = self.database { rocksdb_release_snapshot(database.pointer, view) }
    }

    package func scan(
        snapshot: SnapshotID,
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        guard let view = self.snapshots.first(where: { $0.id == snapshot })?.view else {
            throw .io("the snapshot ended when the store was reopened")
        }
        try self.scan(view: view, space, from: from, to: to, reverse: reverse, visit)
    }

    func releaseSnapshots() {
        for snapshot in self.snapshots { self.closeSnapshot(snapshot.id) }
    }

    // MARK: Iteration

    private func scan(
        view: OpaquePointer?,
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        let database = try self.opened()
        let lower = [space.rawValue] + from
        let upper = to.map { [space.rawValue] + $0 } ?? [space.rawValue + 1]
        guard lower.lexicographicallyPrecedes(upper) else { return }
        // Options of its own, since a visitor may scan as well and RocksDB keeps pointers to the
        // bounds.
        let options = rocksdb_readoptions_create()
        defer { rocksdb_readoptions_destroy(options) }
        if let view {
            rocksdb_readoptions_set_snapshot(options, view)
            // A long walk over everything must not push what clients read out of the cache.
            rocksdb_readoptions_set_fill_cache(options, 0)
        }
        try lower.withUnsafeChars { (lower) throws(StoreError) in
            try upper.withUnsafeChars { (upper) throws(StoreError) in
                rocksdb_readoptions_set_iterate_lower_bound(options, lower.baseAddress, lower.count)
                rocksdb_readoptions_set_iterate_upper_bound(options, upper.baseAddress, upper.count)
                let iterator = rocksdb_create_iterator_cf(
                    database.pointer,
                    options,
                    database.family(space)
                )
                defer { rocksdb_iter_destroy(iterator) }
                if reverse {
                    rocksdb_iter_seek_to_last(iterator)
                } else {
                    rocksdb_iter_seek(iterator, lower.baseAddress, lower.count)
                }
                walk(iterator, reverse: reverse, visit)
                try attempt { rocksdb_iter_get_error(iterator, $0) }
            }
        }
    }
}

private func walk(
    _ iterator: OpaquePointer?,
    reverse: Bool,
    _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
) {
    while rocksdb_iter_valid(iterator) != 0 {
        var keyLength = 0
        var valueLength = 0
        let key = rocksdb_iter_key(iterator, &keyLength)
        let value = rocksdb_iter_value(iterator, &valueLength)
        // Without the space's byte.
        let goesOn = visit(
            UnsafeRawBufferPointer(start: key.map { $0 + 1 }, count: keyLength - 1),
            UnsafeRawBufferPointer(start: value, count: valueLength)
        )
        if !goesOn { return }
        if reverse { rocksdb_iter_prev(iterator) } else { rocksdb_iter_next(iterator) }
    }
}

/// Calls `body` with the key as RocksDB stores it: the space's byte, then the key.
private func withStoredKey<Value>(
    _ space: Space,
    _ key: [UInt8],
    _ body: (UnsafeBufferPointer<CChar>) throws(StoreError) -> Value
) throws(StoreError) -> Value {
    var result: Result<Value, StoreError>?
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: key.count + 1) { stored in
        stored[0] = CChar(bitPattern: space.rawValue)
        key.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(stored)[1...])
                .copyMemory(from: bytes)
        }
        do throws(StoreError) {
            result = .success(try body(UnsafeBufferPointer(stored)))
        } catch {
            result = .failure(error)
        }
    }
    guard let result else { preconditionFailure("the body was not called") }
    return try result.get()
}

extension [UInt8] {
    fileprivate func withUnsafeChars<Value>(
        _ body: (UnsafeBufferPointer<CChar>) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try self.withUnsafeBufferPointer { (bytes) throws(StoreError) in
            try bytes.withMemoryRebound(to: CChar.self) { (chars) throws(StoreError) in
                try body(chars)
            }
        }
    }
}
