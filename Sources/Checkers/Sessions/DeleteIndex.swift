import History

/// Finds out whether an absence can be explained: by a delete that began before the read ended.
struct DeleteIndex {
    private struct Entry {
        var invoked: UInt32
        /// The greatest stamp of this and all earlier deletes; nil stands for any stamp.
        var greatest: HistoryStamp?
    }

    private let grouping: Grouping
    private let entries: [Entry]

    init(_ file: CaseFile) {
        var keys: [Int] = []
        var entries: [Entry] = []
        var last: KeyName?
        for key in 0..<file.keyCount {
            for row in file.operations[key] {
                let operation = file.evidence.operations[Int(row)]
                guard operation.kind == .delete, operation.mayHaveWritten else { continue }
                // A delete that found nothing changed nothing.
                if operation.outcome == .ok, operation.seen == .nothing { continue }
                var stamp = file.stamp(of: operation)
                if last == operation.key, let before = entries.last {
                    if let known = stamp, let greatest = before.greatest {
                        stamp = max(known, greatest)
                    } else {
                        stamp = nil
                    }
                }
                last = operation.key
                keys.append(key)
                entries.append(Entry(invoked: operation.invoked, greatest: stamp))
            }
        }
        self.entries = entries
        self.grouping = Grouping(rows: keys.count, groups: file.keyCount) { keys[$0] }
    }

    /// Whether a delete with the stamp `bound`, or a greater one, may have come before the read's
    /// end.
    func mayExplain(_ read: Operation, after bound: HistoryStamp) -> Bool {
        guard let entry = self.last(before: read) else { return false }
        return entry.greatest.map { $0 >= bound } ?? true
    }

    /// The greatest stamp that an absent item may stand for; nil when it may be any.
    func freshest(_ read: Operation) -> HistoryStamp? {
        guard let entry = self.last(before: read) else { return HistoryStamp(0, 0) }
        return entry.greatest
    }

    private func last(before read: Operation) -> Entry? {
        let rows = self.grouping[Int(read.key.number)]
        var low = rows.startIndex
        var high = rows.endIndex
        while low < high {
            let middle = (low + high) / 2
            if self.entries[Int(rows[middle])].invoked < read.returned {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low > rows.startIndex ? self.entries[Int(rows[low - 1])] : nil
    }
}
