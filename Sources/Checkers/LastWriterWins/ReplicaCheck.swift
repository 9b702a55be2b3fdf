import History

/// Follows every replica through its decisions, key by key.
///
/// Five checks in one pass: stamps that a replica applies grow; nothing older returns after a
/// delete; a decision follows the stamps it compared; equal times go to the higher rank; replicas
/// of one region apply the same at the same place of the log. A node that restarts may repeat its
/// last lines: what it repeats must be what it said before.
struct ReplicaCheck {
    private let file: CaseFile
    private(set) var monotone = CheckResult(.monotoneReplicas)
    private(set) var resurrection = CheckResult(.noResurrection)
    private(set) var decisions = CheckResult(.decisions)
    private(set) var ties = CheckResult(.ties)
    private(set) var agreement = CheckResult(.replicasAgree)
    private var replays = 0

    init(_ file: CaseFile) { self.file = file }

    var results: [CheckResult] {
        [self.monotone, self.resurrection, self.decisions, self.ties, self.agreement]
    }

    mutating func run() {
        for key in 0..<self.file.keyCount {
            let rows = self.file.applied[key]
            guard !rows.isEmpty else { continue }
            self.follow(key, rows)
            self.compare(key, rows)
        }
        self.monotone.figures = [Figure("repeated after restarts", self.replays)]
    }

    /// One replica's past with one key.
    private struct Past {
        var node: NodeName
        var partition: UInt64
        /// Rows of its decisions, by growing sequence.
        var rows: [UInt32] = []
        /// The version it holds: the row that applied it.
        var holds: UInt32?
        /// The greatest stamp that a delete had.
        var deleted: UInt32?
    }

    private mutating func follow(_ key: Int, _ rows: ArraySlice<UInt32>) {
        var pasts: [Past] = []
        var deletes = false
        for row in rows {
            let record = self.file.evidence.applied[Int(row)]
            deletes = deletes || record.isDelete
            self.judgeDecision(row, record)
            var index = pasts.firstIndex {
                $0.node == record.node && $0.partition == record.partition
            }
            if index == nil {
                pasts.append(Past(node: record.node, partition: record.partition))
                index = pasts.count - 1
            }
            self.advance(&pasts[index ?? 0], row, record)
        }
        if deletes { self.resurrection.judged += 1 }
    }

    private mutating func advance(_ past: inout Past, _ row: UInt32, _ record: Applied) {
        self.monotone.judged += 1
        if let last = past.rows.last, record.sequence <= self.applied(last).sequence {
            if let same = self.repeated(past, record) {
                if same { self.replays += 1 }
                if same || record.sequence < self.applied(last).sequence { return }
            }
        }
        past.rows.append(row)
        guard record.decision == .applied else { return }
        if let holds = past.holds, record.stamp <= self.applied(holds).stamp {
            let story = self.story("a replica went back to an older version", [holds, row])
            self.monotone.violate(story)
        }
        if let deleted = past.deleted, !record.isDelete,
            record.stamp < self.applied(deleted).stamp
        {
            let story = self.story("an older version returned after a delete", [deleted, row])
            self.resurrection.violate(story)
        }
        if record.isDelete {
            let known = past.deleted.map { self.applied($0).stamp }
            if known.map({ $0 < record.stamp }) ?? true { past.deleted = row }
        }
        past.holds = row
    }

    /// Whether the replica said so before, at this place; nil if it said nothing there.
    private mutating func repeated(_ past: Past, _ record: Applied) -> Bool? {
        var index = past.rows.count - 1
        var place: UInt32?
        while index >= 0 {
            let known = self.applied(past.rows[index])
            if known.sequence < record.sequence { break }
            if known.sequence == record.sequence {
                if known.stamp == record.stamp, known.decision == record.decision { return true }
                place = past.rows[index]
            }
            index -= 1
        }
        guard let place else { return nil }
        // The same place may hold several changes of one batch, but only while it is the last.
        if let last = past.rows.last, self.applied(last).sequence > record.sequence {
            let story = self.story("a replica repeated its log and it differs", [place], record)
            self.agreement.violate(story)
        }
        return false
    }

    // MARK: Decisions

    private mutating func judgeDecision(_ row: UInt32, _ record: Applied) {
        self.decisions.judged += 1
        guard let against = record.against else { return }
        let right: ApplyDecision =
            record.stamp == against ? .same : record.stamp < against ? .older : .applied
        let isRight = record.decision == right
        if record.stamp.time == against.time, record.stamp.region != against.region {
            self.ties.judged += 1
            if !isRight {
                let story = self.story("equal times, and the lower rank was preferred", [row])
                self.ties.violate(story)
            }
        }
        guard !isRight else { return }
        let story = self.story("the stamps say \"\(right.text)\"", [row])
        self.decisions.violate(story)
    }

    // MARK: Replicas among themselves

    /// Compares what the replicas of a region said about each place of their log.
    private mutating func compare(_ key: Int, _ rows: ArraySlice<UInt32>) {
        let applied = self.file.evidence.applied
        let sorted = rows.filter { applied[Int($0)].decision == .applied }.sorted { left, right in
            let (left, right) = (applied[Int(left)], applied[Int(right)])
            return (left.region, left.partition, left.sequence, left.rank)
                < (right.region, right.partition, right.sequence, right.rank)
        }
        var start = 0
        while start < sorted.count {
            let first = applied[Int(sorted[start])]
            var end = start + 1
            while end < sorted.count, applied[Int(sorted[end])].isAt(first) { end += 1 }
            self.comparePlace(sorted[start..<end])
            start = end
        }
    }

    private mutating func comparePlace(_ rows: ArraySlice<UInt32>) {
        self.agreement.judged += rows.count
        guard let first = rows.first, rows.count > 1 else { return }
        let all = rows.map { self.applied($0) }
        for (row, record) in zip(rows, all) {
            // A place with several changes of one batch: each must be known to be compared.
            let twin = zip(rows, all).first { $0.1.stamp == record.stamp }
            if let twin, twin.1.write != record.write || twin.1.isDelete != record.isDelete {
                let story = self.story(
                    "one place of the log, one stamp, two versions",
                    [twin.0, row]
                )
                self.agreement.violate(story)
                return
            }
        }
        let mine = all.filter { $0.node == all[0].node }.map(\.stamp)
        for (row, record) in zip(rows, all) where !mine.contains(record.stamp) {
            let others = all.filter { $0.node == record.node }.map(\.stamp)
            guard others.contains(where: { !mine.contains($0) }) else { continue }
            let story = self.story(
                "replicas applied different versions at one place",
                [first, row]
            )
            self.agreement.violate(story)
            return
        }
    }

    // MARK: Text

    private func applied(_ row: UInt32) -> Applied { self.file.evidence.applied[Int(row)] }

    private func story(
        _ summary: String,
        _ rows: [UInt32],
        _ last: Applied? = nil
    ) -> Counterexample {
        let records = rows.map { self.applied($0) } + (last.map { [$0] } ?? [])
        let key = records.first.map { self.file.names.display($0.key) } ?? ""
        return Counterexample("\(key): \(summary)", records.map { self.file.text($0) })
    }
}

extension Applied {
    fileprivate func isAt(_ other: Applied) -> Bool {
        self.region == other.region && self.partition == other.partition
            && self.sequence == other.sequence
    }
}
