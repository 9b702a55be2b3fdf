import CRocksDB
import Primitives
import Tables

/// Memory and file limits of one node's database; the defaults suit thirty nodes on a laptop.
package struct RocksSettings: Equatable, Sendable {
    /// Blocks, indexes and filters of all tables.
    package var blockCacheBytes = 32 << 20
    /// One memtable of the items; each of the two column families writes one and may flush others.
    package var memtableBytes = 8 << 20
    /// One memtable of the log.
    package var logMemtableBytes = 8 << 20
    /// All memtables together; more makes RocksDB flush the largest.
    package var memtablesBytesMax = 24 << 20
    /// More makes RocksDB flush whatever keeps the oldest log alive; bounds recovery time too.
    package var walBytesMax = 64 << 20
    package var openFilesMax = 256
    /// Commits are refused while the file system has less (and less than half of its size); zero
    /// never refuses.
    ///
    /// RocksDB needs room to flush, to compact and to reopen, and fails less gracefully.
    package var freeBytesMin = 64 << 20

    package init() {}

    /// Settings of one of many nodes on a machine: memtables differ in size by up to a quarter, so
    /// that nodes with the same load do not all flush at the same moment and take each other's
    /// processors.
    package static func staggered(_ node: String) -> RocksSettings {
        var settings = RocksSettings()
        let hash = XXHash64.hash(Array(node.utf8))
        let spread = { (bits: UInt64) in 0.75 + 0.5 * Double(bits & 0xFFFF) / 65_536 }
        settings.memtableBytes = Int(Double(settings.memtableBytes) * spread(hash))
        settings.logMemtableBytes = Int(Double(settings.logMemtableBytes) * spread(hash >> 32))
        return settings
    }
}

/// Builds RocksDB's option objects; both column families share one block cache.
final class RocksOptions {
    let items: OpaquePointer
    let log: OpaquePointer
    let cache: OpaquePointer

    init(_ settings: RocksSettings, create: Bool) throws(StoreError) {
        let cacheOptions = rocksdb_lru_cache_options_create()
        rocksdb_lru_cache_options_set_capacity(cacheOptions, settings.blockCacheBytes)
        // One thread reads: shards would only split a small capacity.
        rocksdb_lru_cache_options_set_num_shard_bits(cacheOptions, 0)
        guard let cache = rocksdb_cache_create_lru_opts(cacheOptions) else {
            throw .io("RocksDB made no cache")
        }
        rocksdb_lru_cache_options_destroy(cacheOptions)
        self.cache = cache
        let database = Self.database(settings)
        self.items = try Self.options(
            database + Self.items(settings),
            cache,
            filterBits: 10,
            create: create
        )
        self.log = try Self.options(
            database + Self.family(memtableBytes: settings.logMemtableBytes),
            cache,
            filterBits: nil,
            create: create
        )
    }

    deinit {
        rocksdb_options_destroy(self.items)
        rocksdb_options_destroy(self.log)
        rocksdb_cache_destroy(self.cache)
    }

    /// Options of the whole database, as RocksDB's option strings.
    private static func database(_ settings: RocksSettings) -> [String] {
        [
            "max_open_files=\(settings.openFilesMax)",
            "max_background_jobs=2",
            "db_write_buffer_size=\(settings.memtablesBytesMax)",
            "max_total_wal_size=\(settings.walBytesMax)",
            // A torn tail was never acknowledged; damage before it must not pass silently, as it
            // would with the default (point in time).
            "wal_recovery_mode=kTolerateCorruptedTailRecords",
            // One writer thread: its batches need no grouping, yielding or concurrent inserts.
            "allow_concurrent_memtable_write=false",
            "enable_write_thread_adaptive_yield=false",
            // Deletes of obsolete files belong to the background, not to the loop.
            "avoid_unnecessary_blocking_io=true",
            "max_manifest_file_size=4194304",
            "bytes_per_sync=1048576",
            "keep_log_file_num=2",
            // Only what opening prints: on a full disk RocksDB's own text log fails as well, and
            // the next line aborts the process (with assertions compiled in, as in Debian's).
            "info_log_level=FATAL_LEVEL",
            "stats_dump_period_sec=0",
            "stats_persist_period_sec=0",
            "skip_stats_update_on_db_open=true",
            "max_file_opening_threads=1",
        ]
    }

    /// Options of a column family.
    ///
    /// Stall limits are far out: a stalled write would stop the loop, and with it every partition.
    private static func family(memtableBytes: Int) -> [String] {
        [
            "compression=kNoCompression",
            "write_buffer_size=\(memtableBytes)",
            "max_write_buffer_number=6",
            "level0_file_num_compaction_trigger=4",
            "level0_slowdown_writes_trigger=40",
            "level0_stop_writes_trigger=80",
            "target_file_size_base=\(2 * memtableBytes)",
            "max_bytes_for_level_base=\(8 * memtableBytes)",
            "level_compaction_dynamic_level_bytes=true",
        ]
    }

    /// Items are read by key, and a conditional write reads a key that often does not exist.
    private static func items(_ settings: RocksSettings) -> [String] {
        self.family(memtableBytes: settings.memtableBytes) + [
            "memtable_whole_key_filtering=true",
            "memtable_prefix_bloom_size_ratio=0.03",
        ]
    }

    private static func options(
        _ settings: [String],
        _ cache: OpaquePointer,
        filterBits: Double?,
        create: Bool
    ) throws(StoreError) -> OpaquePointer {
        let base = rocksdb_options_create()
        defer { rocksdb_options_destroy(base) }
        rocksdb_options_set_create_if_missing(base, create ? 1 : 0)
        rocksdb_options_set_create_missing_column_families(base, create ? 1 : 0)
        guard let options = rocksdb_options_create() else { throw .io("RocksDB made no options") }
        do {
            try attempt {
                rocksdb_get_options_from_string(
                    base,
                    settings.joined(separator: ";"),
                    options,
                    $0
                )
            }
        } catch {
            rocksdb_options_destroy(options)
            throw error
        }
        let tables = rocksdb_block_based_options_create()
        rocksdb_block_based_options_set_block_cache(tables, cache)
        rocksdb_block_based_options_set_block_size(tables, 8 * 1024)
        rocksdb_block_based_options_set_format_version(tables, 5)
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, 1)
        rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(tables, 1)
        rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(tables, 1)
        if let filterBits {
            rocksdb_block_based_options_set_filter_policy(
                tables,
                rocksdb_filterpolicy_create_bloom_full(filterBits)
            )
            // A hash inside each block spares point reads the binary search.
            rocksdb_block_based_options_set_data_block_index_type(tables, 1)
            rocksdb_block_based_options_set_data_block_hash_ratio(tables, 0.75)
        }
        rocksdb_options_set_block_based_table_factory(options, tables)
        rocksdb_block_based_options_destroy(tables)
        return options
    }
}
