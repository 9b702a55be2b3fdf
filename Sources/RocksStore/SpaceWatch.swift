import Tables

/// Notices a disk that fills up, before RocksDB does.
///
/// Asks the file system after each megabyte of writes, and before each write while space is short.
struct SpaceWatch {
    private static let uncheckedBytesMax = 1 << 20

    private let path: String
    private let bytesMin: Int
    private var uncheckedBytes = SpaceWatch.uncheckedBytesMax

    init(_ path: String, bytesMin: Int) {
        self.path = path
        self.bytesMin = bytesMin
    }

    /// Lets a write of some bytes pass, or throws `noSpace`.
    mutating func admit(_ byteCount: Int) throws(StoreError) {
        self.uncheckedBytes += byteCount
        if self.uncheckedBytes < Self.uncheckedBytesMax { return }
        try self.require(byteCount)
        self.uncheckedBytes = 0
    }

    /// Throws `noSpace` when a write of some bytes would leave too little.
    func require(_ byteCount: Int) throws(StoreError) {
        if self.bytesMin == 0 { return }
        let (free, size) = DataDirectory.space(self.path)
        // A small disk keeps half of itself usable.
        let needed = min(UInt64(self.bytesMin), size / 2) + UInt64(byteCount)
        guard free < needed else { return }
        throw .noSpace(
            "\(self.path): \(free >> 10) KB are free, and writes need \(needed >> 10) KB"
        )
    }
}
