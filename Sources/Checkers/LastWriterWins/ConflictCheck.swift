import History

/// Counts and lists what last-writer-wins costs: none of it is wrong, all of it is worth knowing.
///
/// Every version gets a vector clock of what its region had decided about before it: by region, how
/// many of that region's versions of the key. Two versions that had not seen each other are a
/// **true conflict**, and the loser an acknowledged write that silently went. A version that had
/// seen another and still loses to it by its stamp is a **skew inversion**: the clock that made the
/// earlier one was ahead.
struct ConflictCheck {
    private let file: CaseFile
    private var result = CheckResult(.conflicts)
    private var conflicts = 0
    private var inversions = 0
    private var unplaced = 0
    private let width: Int

    init(_ file: CaseFile) {
        self.file = file
        self.width = file.names.regions.count
    }

    mutating func run() -> CheckResult {
        for key in 0..<self.file.keyCount { self.judge(key) }
        self.result.figures = [
            Figure("true conflicts", self.conflicts),
            Figure("skew inversions", self.inversions),
            Figure("of unknown origin", self.unplaced),
        ]
        return self.result
    }

    private struct Version {
        var stamp: HistoryStamp
        var write: Observed
        /// What was seen, itself included.
        var clock: [UInt32]

        func hasSeen(_ other: Version) -> Bool {
            let region = Int(other.stamp.region)
            return self.clock[region] >= other.clock[region]
        }
    }

    /// What one region knows of a key.
    private struct Place {
        var clock: [UInt32]
        var holds: Int?
        /// Versions it has decided about.
        var known: Set<Int> = []
    }

    private mutating func judge(_ key: Int) {
        let rows = self.file.applied[key]
        guard let first = rows.first else { return }
        let region = self.file.evidence.applied[Int(first)].region
        self.result.judged += 1
        let isLocal = rows.allSatisfy {
            let record = self.file.evidence.applied[Int($0)]
            return record.region == region && record.stamp.region == region
                && record.decision == .applied
        }
        if isLocal { return }
        var versions: [Version] = []
        var byStamp: [HistoryStamp: Int] = [:]
        var counted: Set<[Int]> = []
        let fresh = Place(clock: [UInt32](repeating: 0, count: self.width))
        var places = [Place](repeating: fresh, count: self.width)
        for row in rows {
            let record = self.file.evidence.applied[Int(row)]
            let here = Int(record.region)
            var version = byStamp[record.stamp]
            if version == nil, record.stamp.region == record.region {
                places[here].clock[here] += 1
                version = versions.count
                byStamp[record.stamp] = versions.count
                versions.append(
                    Version(
                        stamp: record.stamp,
                        write: record.write,
                        clock: places[here].clock
                    )
                )
            }
            guard let version else {
                self.unplaced += 1
                continue
            }
            guard places[here].known.insert(version).inserted else { continue }
            if let holds = places[here].holds {
                self.compare(key, version, holds, versions, &counted)
                if versions[holds].stamp < versions[version].stamp {
                    places[here].holds = version
                }
            } else {
                places[here].holds = version
            }
            for index in 0..<self.width {
                places[here].clock[index] =
                    max(places[here].clock[index], versions[version].clock[index])
            }
        }
    }

    private mutating func compare(
        _ key: Int,
        _ one: Int,
        _ other: Int,
        _ versions: [Version],
        _ counted: inout Set<[Int]>
    ) {
        let isOneLater = versions[one].stamp > versions[other].stamp
        let (winner, loser) =
            isOneLater
            ? (versions[one], versions[other])
            : (versions[other], versions[one])
        let isConflict = !winner.hasSeen(loser) && !loser.hasSeen(winner)
        guard isConflict || loser.hasSeen(winner) else { return }
        guard counted.insert([min(one, other), max(one, other)]).inserted else { return }
        let name = self.file.text(key)
        let text =
            "\(self.file.text(loser.write)) (\(self.file.text(loser.stamp))) lost to "
            + "\(self.file.text(winner.write)) (\(self.file.text(winner.stamp)))"
        if isConflict {
            self.conflicts += 1
            self.result.list("\(name): \(text), neither had seen the other")
        } else {
            self.inversions += 1
            self.result.list("\(name): \(text), which it had seen: skew")
        }
    }
}
