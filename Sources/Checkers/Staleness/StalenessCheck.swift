import History

/// Measures how far reads lag behind: in time, and in versions.
///
/// A read is stale by the time since the first acknowledgement, before the read began, of a write
/// that is newer than what it returned; and by the number of such writes. (Golab, Li & Shah,
/// *Analyzing Consistency Properties for Fun and Profit*, PODC 2011; with stamps it is a sweep.)
/// Writes of all regions count, so between regions this is the replication lag that readers see.
struct StalenessCheck {
    private let file: CaseFile
    private let limit: UInt64?
    private let deletes: DeleteIndex
    private var result = CheckResult(.staleness)
    private var strong = Series()
    private var eventual = Series()
    private var skipped = 0
    private var worst: (span: UInt64, read: UInt32, write: UInt32)?

    private struct Series {
        var spans: [UInt64] = []
        var versions: [UInt64] = []
        var stale = 0

        mutating func add(_ span: UInt64, _ versions: Int) {
            self.spans.append(span)
            self.versions.append(UInt64(versions))
            if versions > 0 { self.stale += 1 }
        }

        func figures(_ name: String) -> [Figure] {
            guard !self.spans.isEmpty else { return [] }
            let spans = self.spans.sorted()
            let versions = self.versions.sorted()
            let at = { (sorted: [UInt64], share: Int) in
                sorted[min(sorted.count - 1, (sorted.count * share + 99) / 100 - 1)]
            }
            return [
                Figure("\(name) reads", spans.count),
                Figure("\(name) stale", self.stale),
                Figure("\(name) p50", nanoseconds: at(spans, 50)),
                Figure("\(name) p90", nanoseconds: at(spans, 90)),
                Figure("\(name) p99", nanoseconds: at(spans, 99)),
                Figure("\(name) max", nanoseconds: at(spans, 100)),
                Figure("\(name) versions p50", Int(at(versions, 50))),
                Figure("\(name) versions p90", Int(at(versions, 90))),
                Figure("\(name) versions p99", Int(at(versions, 99))),
                Figure("\(name) versions max", Int(at(versions, 100))),
            ]
        }
    }

    init(_ file: CaseFile, _ plan: CheckPlan) {
        self.file = file
        self.limit = plan.stalenessMax
        self.deletes = DeleteIndex(file)
    }

    mutating func run() -> CheckResult {
        for key in 0..<self.file.keyCount { self.sweep(key) }
        self.result.judged = self.strong.spans.count + self.eventual.spans.count
        self.result.figures = self.strong.figures("strong") + self.eventual.figures("eventual")
        if self.skipped > 0 {
            self.result.figures.append(Figure("reads of unknown versions", self.skipped))
        }
        return self.result
    }

    /// Acknowledgements and the beginnings of reads, in order.
    private mutating func sweep(_ key: Int) {
        let operations = self.file.evidence.operations
        var moments: [(rank: UInt32, row: UInt32, isRead: Bool)] = []
        var stamps: [HistoryStamp] = []
        var hasReads = false
        for row in self.file.operations[key] {
            let operation = operations[Int(row)]
            guard operation.outcome == .ok else { continue }
            if operation.kind == .get {
                hasReads = true
                moments.append((operation.invoked, row, true))
            } else if let stamp = self.file.stamp(of: operation) {
                moments.append((operation.returned, row, false))
                stamps.append(stamp)
            }
        }
        guard hasReads else { return }
        moments.sort { $0.rank < $1.rank }
        stamps.sort()
        var newer = NewerWrites(count: stamps.count)
        for moment in moments {
            let operation = operations[Int(moment.row)]
            if moment.isRead {
                self.measure(moment.row, operation, stamps, newer)
            } else if let stamp = self.file.stamp(of: operation) {
                newer.add(moment.row, at: Self.position(of: stamp, in: stamps))
            }
        }
    }

    /// How many stamps are below this one.
    private static func position(of stamp: HistoryStamp, in stamps: [HistoryStamp]) -> Int {
        var low = 0
        var high = stamps.count
        while low < high {
            let middle = (low + high) / 2
            if stamps[middle] < stamp { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func measure(
        _ row: UInt32,
        _ read: Operation,
        _ stamps: [HistoryStamp],
        _ newer: NewerWrites
    ) {
        var position = stamps.count
        if let stamp = read.stamp ?? read.seen.name.flatMap({ self.file.stamp(of: $0) }) {
            position = Self.position(of: stamp, in: stamps)
            while position < stamps.count, stamps[position] == stamp { position += 1 }
        } else if read.seen == .nothing {
            if let freshest = self.deletes.freshest(read) {
                position = Self.position(of: freshest, in: stamps)
                while position < stamps.count, stamps[position] == freshest { position += 1 }
            }
        } else {
            self.skipped += 1
            return
        }
        let (count, first) = newer.from(position)
        var span: UInt64 = 0
        if count > 0 {
            let acknowledged = self.file.evidence.operations[Int(first)].returnedAt
            span = max(1, read.invokedAt - min(read.invokedAt, acknowledged))
            self.assert(row, span, first)
        }
        if read.isConsistent {
            self.strong.add(span, count)
        } else {
            self.eventual.add(span, count)
        }
    }

    /// The stalest read is the counterexample.
    private mutating func assert(_ row: UInt32, _ span: UInt64, _ write: UInt32) {
        guard let limit = self.limit, span > limit else { return }
        self.result.violations += 1
        if let worst = self.worst, worst.span >= span { return }
        self.worst = (span, row, write)
        let read = self.file.evidence.operations[Int(row)]
        let micros = span / 1_000
        self.result.verdict = .invalid(
            Counterexample(
                "\(self.file.names.display(read.key)): a read is \(micros) µs behind",
                [
                    self.file.text(self.file.evidence.operations[Int(write)]),
                    self.file.text(read),
                ]
            )
        )
    }
}

/// Acknowledged writes by the order of their stamps: how many are newer, and which was first.
///
/// Two Fenwick trees over positions from the end, so that a suffix is a prefix.
private struct NewerWrites {
    private var counts: [Int32]
    /// Rows in the order in which they were added: the least is the first acknowledged.
    private var firsts: [UInt32]
    private var added: [UInt32] = []

    init(count: Int) {
        self.counts = [Int32](repeating: 0, count: count + 1)
        self.firsts = [UInt32](repeating: .max, count: count + 1)
    }

    mutating func add(_ row: UInt32, at position: Int) {
        let order = UInt32(self.added.count)
        self.added.append(row)
        var index = self.counts.count - 1 - position
        while index < self.counts.count {
            self.counts[index] += 1
            self.firsts[index] = min(self.firsts[index], order)
            index += index & -index
        }
    }

    /// Of the writes at this position and above.
    func from(_ position: Int) -> (count: Int, first: UInt32) {
        var count = 0
        var first = UInt32.max
        var index = self.counts.count - 1 - position
        while index > 0 {
            count += Int(self.counts[index])
            first = min(first, self.firsts[index])
            index -= index & -index
        }
        return (count, first == .max ? 0 : self.added[Int(first)])
    }
}
