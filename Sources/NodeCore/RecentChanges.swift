/// A committed log entry kept in memory for the replicators.
struct RecentEntry {
    var index: UInt64
    /// Nil for an entry of consensus' own.
    var payload: [UInt8]?
}

/// What a partition applied lately, without a hole.
///
/// Bounded, since a region can be cut off for as long as it likes: what is no longer here is read
/// back from the log.
struct RecentChanges {
    static let entriesMax = 4_096
    static let bytesMax = 4 << 20

    private var entries: [RecentEntry] = []
    private var bytes = 0

    var first: RecentEntry? { self.entries.first }
    var count: Int { self.entries.count }
    var all: [RecentEntry] { self.entries }

    /// The entries from an index on; nil when they reach not so far back.
    func entries(from index: UInt64) -> ArraySlice<RecentEntry>? {
        guard let first = self.entries.first, first.index <= index else { return nil }
        return self.entries.dropFirst(Int(clamping: index - first.index))
    }

    mutating func append(_ entry: RecentEntry) {
        self.entries.append(entry)
        self.bytes += entry.payload?.count ?? 0
    }

    mutating func removeFirst(_ count: Int) {
        guard count > 0 else { return }
        for entry in self.entries.prefix(count) { self.bytes -= entry.payload?.count ?? 0 }
        self.entries.removeFirst(count)
    }

    /// Drops the oldest entries beyond the limits.
    mutating func trim() {
        guard self.entries.count > Self.entriesMax || self.bytes > Self.bytesMax else { return }
        var count = max(0, self.entries.count - Self.entriesMax)
        var kept = self.bytes
        for entry in self.entries.prefix(count) { kept -= entry.payload?.count ?? 0 }
        while kept > Self.bytesMax {
            kept -= self.entries[count].payload?.count ?? 0
            count += 1
        }
        self.removeFirst(count)
    }

    mutating func removeAll() {
        self.entries.removeAll()
        self.bytes = 0
    }
}
