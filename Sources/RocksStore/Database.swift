import CRocksDB
import Glibc
import Tables

/// An open RocksDB database and its two column families.
final class Database {
    enum Mode { case create, write, read }

    let isWritable: Bool
    let options: RocksOptions
    let pointer: OpaquePointer
    /// Everything but the log.
    let items: OpaquePointer
    let log: OpaquePointer

    init(_ path: String, _ settings: RocksSettings, _ mode: Mode) throws(StoreError) {
        let options = try RocksOptions(settings, create: mode == .create)
        let directory = "\(path)/db"
        let names = ["default", "log"].map { (name: String) in strdup(name) }
        defer { for name in names { free(name) } }
        var families: [OpaquePointer?] = [nil, nil]
        let opened: OpaquePointer?
        do throws(StoreError) {
            opened = try attempt {
                Self.open(directory, options, names.map { UnsafePointer($0) }, mode, &families, $0)
            }
        } catch {
            throw Self.explained(error, path, directory)
        }
        guard let opened, let items = families[0], let log = families[1] else {
            throw .io("\(directory): RocksDB returned no database")
        }
        Self.lowerCompactionPriority()
        self.isWritable = mode != .read
        self.options = options
        self.pointer = opened
        self.items = items
        self.log = log
    }

    deinit {
        rocksdb_cancel_all_background_work(self.pointer, 1)
        rocksdb_column_family_handle_destroy(self.items)
        rocksdb_column_family_handle_destroy(self.log)
        rocksdb_close(self.pointer)
    }

    func family(_ space: Space) -> OpaquePointer { space == .log ? self.log : self.items }

    /// The sum of an integer property over both families.
    func measure(_ property: String) -> Int {
        var sum: UInt64 = 0
        for family in [self.items, self.log] {
            var value: UInt64 = 0
            if rocksdb_property_int_cf(self.pointer, family, property, &value) == 0 { sum += value }
        }
        return Int(clamping: sum)
    }

    private static func open(
        _ directory: String,
        _ options: RocksOptions,
        _ names: [UnsafePointer<CChar>?],
        _ mode: Mode,
        _ families: inout [OpaquePointer?],
        _ failure: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) -> OpaquePointer? {
        let each: [OpaquePointer?] = [options.items, options.log]
        let all = options.items
        if mode == .read {
            return rocksdb_open_for_read_only_column_families(
                all,
                directory,
                2,
                names,
                each,
                &families,
                0,
                failure
            )
        }
        return rocksdb_open_column_families(all, directory, 2, names, each, &families, failure)
    }

    /// Lets the loop run before compactions when they want the same core.
    private static func lowerCompactionPriority() {
        // The default environment is one object of the process; this frees only our reference to
        // it.
        let environment = rocksdb_create_default_env()
        rocksdb_env_lower_thread_pool_cpu_priority(environment)
        rocksdb_env_destroy(environment)
    }

    /// Says what to do about a directory that RocksDB does not open.
    private static func explained(
        _ error: StoreError,
        _ path: String,
        _ directory: String
    ) -> StoreError {
        switch error {
        case .io(let text) where text.contains("lock"):
            let holder = DataDirectory.lockHolder(directory).map { "process \($0)" }
            return .io(
                "\(path) is in use by \(holder ?? "another process"); stop it, or choose another "
                    + "directory"
            )
        case .corrupt(let text):
            return .corrupt("\(path) is damaged (\(text)); \(advice)")
        case .noSpace(let text):
            return .noSpace("\(path): no space to open the database (\(text))")
        case .io(let text):
            return .io("\(path): \(text)")
        }
    }
}
