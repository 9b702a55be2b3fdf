import CRocksDB
package import Tables

/// A node's log, votes and items in one RocksDB database.
///
/// Two column families, because their lives differ: log entries are written once, read in order and
/// soon removed in ranges, while items stay and are read by key. They share one write-ahead log, so
/// the batch of a turn is atomic across both. Belongs to one thread.
package final class RocksStore: Store {
    package let path: String
    package let identity: StoreIdentity
    let settings: RocksSettings
    /// `nil` when closed, also by trouble that not even reading survived.
    private(set) var database: Database?
    /// Why the database is closed or read-only.
    private var failure = StoreError.io("the store is closed")
    private var space: SpaceWatch
    private var batch = PendingBatch()
    private let syncedWrites: OpaquePointer
    private let plainWrites: OpaquePointer
    let pointReads: OpaquePointer
    var snapshots: [(id: SnapshotID, view: OpaquePointer)] = []
    var snapshotsOpened: UInt64 = 0

    /// Opens a node's data directory; nobody else may have it open.
    ///
    /// - Parameters:
    ///   - path: the directory; made when `create` allows.
    ///   - identity: whose data it must be.
    ///   - create: whether an empty or missing directory becomes a new store.
    ///   - settings: memory and file limits; by default those of the identity's node.
    /// - Throws: a message that says what was found and what to do: `io` for a directory that is
    ///   foreign, newer or in use, `corrupt` for a damaged one, `noSpace`.
    package init(
        path: String,
        identity: StoreIdentity,
        create: Bool,
        settings: RocksSettings? = nil
    ) throws(StoreError) {
        let settings = settings ?? .staggered(identity.node)
        let mayCreate = try IdentityRecord.admit(path, identity, create: create)
        guard let synced = rocksdb_writeoptions_create(),
            let plain = rocksdb_writeoptions_create(), let reads = rocksdb_readoptions_create()
        else { throw .io("RocksDB made no options") }
        rocksdb_writeoptions_set_sync(synced, 1)
        self.path = path
        self.identity = identity
        self.settings = settings
        self.syncedWrites = synced
        self.plainWrites = plain
        self.pointReads = reads
        self.space = SpaceWatch(path, bytesMin: settings.freeBytesMin)
        self.database = try Database(path, settings, mayCreate ? .create : .write)
        if mayCreate { try IdentityRecord(identity: identity, stage: .ready).write(path) }
    }

    deinit {
        self.close()
        rocksdb_writeoptions_destroy(self.syncedWrites)
        rocksdb_writeoptions_destroy(self.plainWrites)
        rocksdb_readoptions_destroy(self.pointReads)
    }

    /// Closes the database; later calls throw.
    package func close() {
        self.releaseSnapshots()
        self.database = nil
    }

    func opened() throws(StoreError) -> Database {
        guard let database = self.database else { throw self.failure }
        return database
    }

    /// Whether commits can succeed without ``recover()``.
    package var isWritable: Bool { self.database?.isWritable ?? false }

    private func writable() throws(StoreError) -> Database {
        guard let database = self.database, database.isWritable else { throw self.failure }
        return database
    }

    // MARK: The pending batch

    package var pendingBytes: Int { self.batch.byteCount }

    package func put(_ space: Space, _ key: [UInt8], _ value: [UInt8]) {
        self.batch.put(space, key, value)
    }

    package func delete(_ space: Space, _ key: [UInt8]) { self.batch.delete(space, key) }

    package func deleteRange(_ space: Space, from: [UInt8], to: [UInt8]) {
        self.batch.deleteRange(space, from, to)
    }

    /// Writes the pending batch atomically; with `sync`, it survives a power cut, without, a crash
    /// of the process.
    ///
    /// On failure the batch is kept, and the same call may be repeated after ``recover()``. While
    /// the disk has less space than the settings ask for, commits fail before RocksDB notices;
    /// when RocksDB itself failed, the database is read-only until recovered.
    package func commit(sync: Bool) throws(StoreError) {
        if self.batch.isEmpty { return }
        let database = try self.writable()
        try self.space.admit(self.batch.byteCount)
        let options = sync ? self.syncedWrites : self.plainWrites
        let batch = self.batch.copied()
        defer { rocksdb_writebatch_destroy(batch) }
        do throws(StoreError) {
            try attempt { rocksdb_write(database.pointer, options, batch, $0) }
        } catch {
            self.failure = error
            self.reopen(.read)
            throw error
        }
        self.batch.clear()
    }

    /// Drops the pending batch: what a crash before the commit does.
    package func discardPending() { self.batch.clear() }

    // MARK: Trouble and care

    /// Makes the store writable again after a failed commit, once there is room; the batch stays.
    ///
    /// Reads go on meanwhile. When RocksDB had failed, the database is reopened, and open snapshots
    /// have ended.
    package func recover() throws(StoreError) {
        try self.space.require(self.pendingBytes)
        if self.isWritable { return }
        self.reopen(.write)
        _ = try self.writable()
    }

    /// Replaces the database by a newly opened one, or by a readable one when there is no other.
    ///
    /// A failed write leaves RocksDB with a log file that it must not touch again, and a thread
    /// that waits for space and then does (with assertions compiled in, as Debian does, that aborts
    /// the process): so the failed database is closed at once.
    private func reopen(_ mode: Database.Mode) {
        self.close()
        do throws(StoreError) {
            self.database = try Database(self.path, self.settings, mode)
        } catch {
            self.failure = error
            if mode == .write { self.database = try? Database(self.path, self.settings, .read) }
        }
    }

    /// Copies the committed state to a new directory by hard links (same file system): a backup
    /// that opens as a store.
    package func checkpoint(to path: String) throws(StoreError) {
        let database = try self.opened()
        guard !DataDirectory.exists(path) else { throw .io("\(path) exists already") }
        try DataDirectory.make(path)
        let checkpoint = try attempt { rocksdb_checkpoint_object_create(database.pointer, $0) }
        defer { rocksdb_checkpoint_object_destroy(checkpoint) }
        try attempt { rocksdb_checkpoint_create(checkpoint, "\(path)/db", 0, $0) }
        try IdentityRecord(identity: self.identity, stage: .ready).write(path)
    }

    /// Writes the memtables to tables, which empties the write-ahead log.
    package func flush() throws(StoreError) {
        let database = try self.opened()
        let options = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        try attempt { rocksdb_flush_cf(database.pointer, options, database.items, $0) }
        try attempt { rocksdb_flush_cf(database.pointer, options, database.log, $0) }
    }

    /// What RocksDB holds in memory, in bytes.
    package var memoryUsage: StoreMemory {
        guard let database = self.database else { return StoreMemory() }
        return StoreMemory(
            memtables: database.measure("rocksdb.cur-size-all-mem-tables"),
            blockCache: rocksdb_cache_get_usage(database.options.cache),
            tableReaders: database.measure("rocksdb.estimate-table-readers-mem")
        )
    }

    /// Gives memory that was freed back to the system; takes milliseconds, so only a node that has
    /// become idle asks.
    ///
    /// Flushed memtables and evicted blocks otherwise stay with the allocator: about 25 MB after a
    /// burst of writes.
    package func trimMemory() { atoll_trim_memory() }

    /// Bytes of tables on disk, without the write-ahead log.
    package var diskBytes: Int { self.database?.measure("rocksdb.total-sst-files-size") ?? 0 }
}

/// What a store holds in memory, in bytes.
package struct StoreMemory: Equatable, Sendable {
    package var memtables = 0
    package var blockCache = 0
    /// Indexes and filters outside the block cache.
    package var tableReaders = 0
    package var total: Int { self.memtables + self.blockCache + self.tableReaders }
}
