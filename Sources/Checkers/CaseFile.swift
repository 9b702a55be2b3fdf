import History

/// Row numbers by group, the order within a group kept: two flat arrays.
struct Grouping {
    private var starts: [UInt32]
    private var rows: [UInt32]

    /// Files rows by what `group` says of each, which must be below `groups`.
    init(rows count: Int, groups: Int, group: (Int) -> Int) {
        var starts = [UInt32](repeating: 0, count: groups + 1)
        for row in 0..<count { starts[group(row) + 1] += 1 }
        for index in 1..<max(1, starts.count) { starts[index] += starts[index - 1] }
        var next = starts
        var rows = [UInt32](repeating: 0, count: count)
        for row in 0..<count {
            let group = group(row)
            rows[Int(next[group])] = UInt32(row)
            next[group] += 1
        }
        self.starts = starts
        self.rows = rows
    }

    subscript(group: Int) -> ArraySlice<UInt32> {
        self.rows[Int(self.starts[group])..<Int(self.starts[group + 1])]
    }
}

/// Evidence filed by key and by write, made once for all checks.
struct CaseFile {
    let evidence: Evidence
    let names: HistoryNames
    /// Rows of `evidence.operations`, in the order of their invocation.
    let operations: Grouping
    /// Rows of `evidence.applied`, in the order seen.
    let applied: Grouping
    /// Rows of `evidence.finals`.
    let finals: Grouping
    /// By write: the row of its operation, or `none`.
    private var writers: [UInt32]
    /// By write: the stamp that it was first seen with.
    private var stamps: [HistoryStamp?]
    /// Writes of which two operations claim to be the maker.
    private var isShared: [Bool]
    private(set) var sharedCount = 0

    static let none: UInt32 = .max

    var keyCount: Int { self.names.keyCount }

    init(_ evidence: Evidence, _ names: HistoryNames) {
        var evidence = evidence
        evidence.order()
        evidence.nameVersions()
        self.evidence = evidence
        self.names = names
        let keys = names.keyCount
        let operations = evidence.operations
        self.operations = Grouping(rows: operations.count, groups: keys) {
            Int(operations[$0].key.number)
        }
        let applied = evidence.applied
        self.applied = Grouping(rows: applied.count, groups: keys) {
            Int(applied[$0].key.number)
        }
        let finals = evidence.finals
        self.finals = Grouping(rows: finals.count, groups: keys) {
            Int(finals[$0].key.number)
        }
        self.writers = [UInt32](repeating: Self.none, count: names.writeCount)
        self.stamps = [HistoryStamp?](repeating: nil, count: names.writeCount)
        self.isShared = [Bool](repeating: false, count: names.writeCount)
        for (row, operation) in operations.enumerated() {
            guard let write = operation.write else { continue }
            let index = Int(write.number)
            if self.writers[index] != Self.none {
                self.isShared[index] = true
                self.sharedCount += 1
            } else {
                self.writers[index] = UInt32(row)
            }
            if let stamp = operation.stamp { self.stamps[index] = stamp }
        }
        for record in applied {
            guard let write = record.write.name, self.stamps[Int(write.number)] == nil else {
                continue
            }
            self.stamps[Int(write.number)] = record.stamp
        }
    }

    /// The operation that made a version; nil if the history has none.
    func writer(of write: WriteName) -> UInt32? {
        let row = self.writers[Int(write.number)]
        return row == Self.none ? nil : row
    }

    func stamp(of write: WriteName) -> HistoryStamp? { self.stamps[Int(write.number)] }

    func isShared(_ write: WriteName) -> Bool { self.isShared[Int(write.number)] }

    /// The stamp of a write operation, from its answer or from a replica.
    func stamp(of operation: Operation) -> HistoryStamp? {
        operation.stamp ?? operation.write.flatMap { self.stamp(of: $0) }
    }
}
