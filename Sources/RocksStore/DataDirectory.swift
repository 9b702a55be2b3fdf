import Glibc
import Tables

/// The few file operations that a store needs beside RocksDB's own.
enum DataDirectory {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a directory and those above it.
    static func make(_ path: String) throws(StoreError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            if mkdir(made, 0o755) != 0 && errno != EEXIST {
                throw StoreError(errno: errno, "make directory \(made)")
            }
        }
    }

    /// The names in a directory, sorted; empty when there is none.
    static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func read(_ path: String) throws(StoreError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw StoreError(errno: errno, "open \(path)") }
        defer { Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { throw StoreError(errno: errno, "read \(path)") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces a file so that a crash leaves the old or the new content, never a mixture.
    static func replace(_ path: String, _ bytes: [UInt8]) throws(StoreError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw StoreError(errno: errno, "write \(temporary)") }
        let written = write(descriptor, bytes, bytes.count)
        let failure = written < 0 || fsync(descriptor) != 0 ? errno : 0
        Glibc.close(descriptor)
        if failure != 0 { throw StoreError(errno: failure, "write \(temporary)") }
        if written < bytes.count { throw StoreError(errno: ENOSPC, "write \(temporary)") }
        if rename(temporary, path) != 0 { throw StoreError(errno: errno, "rename to \(path)") }
        self.syncDirectory(of: path)
    }

    /// Bytes that this user may still write to the file system of a path, and its size.
    static func space(_ path: String) -> (free: UInt64, size: UInt64) {
        var state = statvfs()
        guard statvfs(path, &state) == 0 else { return (0, 0) }
        let unit = UInt64(state.f_frsize)
        return (UInt64(state.f_bavail) * unit, UInt64(state.f_blocks) * unit)
    }

    /// The process that holds RocksDB's lock on a directory, if the kernel tells.
    static func lockHolder(_ path: String) -> Int32? {
        let descriptor = open(path + "/LOCK", O_RDWR | O_CLOEXEC)
        if descriptor < 0 { return nil }
        defer { Glibc.close(descriptor) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else {
            return nil
        }
        return lock.l_pid
    }

    /// A rename is durable only once its directory is.
    private static func syncDirectory(of path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let descriptor = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { return }
        fsync(descriptor)
        Glibc.close(descriptor)
    }
}

func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }

func isSpaceError(_ code: Int32) -> Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }
