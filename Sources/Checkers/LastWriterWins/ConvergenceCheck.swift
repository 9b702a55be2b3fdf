import History

/// Judges what replicas hold at the end: that it is the same, that it is the greatest version that
/// any of them was given, and that no region misses an acknowledged write.
///
/// A version of which nobody knows whether it was written may be there or not, but everywhere
/// alike. A region of the table that has no line for a key that others hold has lost it.
struct ConvergenceCheck {
    private let file: CaseFile
    private(set) var convergence = CheckResult(.convergence)
    private(set) var winner = CheckResult(.rightWinner)
    private(set) var lost = CheckResult(.nothingLost)
    /// Live items whose key's greatest version is a delete.
    private(set) var resurrection = CheckResult(.noResurrection)
    private var unstamped = 0
    private var anomalies = 0
    /// By table: the regions that have lines about it.
    private var regions: [[RegionRank]] = []

    init(_ file: CaseFile) {
        self.file = file
        for state in file.evidence.finals {
            let table = Int(file.names.tableNumber(of: state.key))
            while self.regions.count <= table { self.regions.append([]) }
            if !self.regions[table].contains(state.region) {
                self.regions[table].append(state.region)
            }
        }
    }

    var results: [CheckResult] { [self.convergence, self.winner, self.lost, self.resurrection] }

    mutating func run() {
        for key in 0..<self.file.keyCount { self.judge(key) }
        self.lost.figures = [
            Figure("acknowledged without a stamp", self.unstamped)
        ]
        self.winner.figures = [
            Figure("conditions that the final order breaks", self.anomalies)
        ]
    }

    /// A version that was given to somebody.
    private struct Version {
        var stamp: HistoryStamp
        var write: WriteName?
        var isDelete: Bool
        /// Its operation, if the history has it.
        var row: UInt32?
        var isAcknowledged: Bool
    }

    private mutating func judge(_ key: Int) {
        let finals = self.file.finals[key].map { self.file.evidence.finals[Int($0)] }
        let versions = self.versions(of: key)
        self.countAnomalies(versions)
        guard !finals.isEmpty || !versions.isEmpty else { return }
        let table = Int(self.file.names.tableNumber(of: KeyName(UInt32(key))))
        guard table < self.regions.count, !self.regions[table].isEmpty else { return }
        self.convergence.judged += 1
        let absent = self.regions[table].filter { region in
            !finals.contains { $0.region == region }
        }
        let isEqual = self.converges(key, finals, absent)
        let greatest = versions.last
        if isEqual, let greatest, let state = finals.first {
            self.judgeWinner(key, greatest, state, finals)
        }
        self.judgeLosses(key, versions, finals, absent)
    }

    /// All versions with stamps, in the order of their stamps, each once.
    private mutating func versions(of key: Int) -> [Version] {
        var versions: [Version] = []
        for row in self.file.operations[key] {
            let operation = self.file.evidence.operations[Int(row)]
            guard operation.mayHaveWritten else { continue }
            guard let stamp = self.file.stamp(of: operation) else {
                if operation.outcome == .ok { self.unstamped += 1 }
                continue
            }
            versions.append(
                Version(
                    stamp: stamp,
                    write: operation.write,
                    isDelete: operation.kind == .delete,
                    row: row,
                    isAcknowledged: operation.outcome == .ok
                )
            )
        }
        for row in self.file.applied[key] {
            let record = self.file.evidence.applied[Int(row)]
            if let write = record.write.name, self.file.stamp(of: write) == record.stamp,
                self.file.writer(of: write) != nil
            {
                continue
            }
            versions.append(
                Version(
                    stamp: record.stamp,
                    write: record.write.name,
                    isDelete: record.isDelete,
                    row: nil,
                    isAcknowledged: false
                )
            )
        }
        versions.sort { ($0.stamp, $0.row ?? .max) < ($1.stamp, $1.row ?? .max) }
        var unique: [Version] = []
        for version in versions where unique.last?.stamp != version.stamp {
            unique.append(version)
        }
        return unique
    }

    // MARK: Convergence

    private mutating func converges(
        _ key: Int,
        _ finals: [FinalState],
        _ absent: [RegionRank]
    ) -> Bool {
        guard let first = finals.first else { return false }
        var lines: [String] = []
        if let other = finals.first(where: { !self.isSame($0, first) }) {
            lines = [self.file.text(first), self.file.text(other)]
        } else if let region = absent.first, self.isLive(first) {
            let name = self.file.names.display(region: region)
            lines = [self.file.text(first), "no replica of \(name) has it"]
        }
        guard !lines.isEmpty else { return true }
        self.convergence.violate(
            Counterexample("\(self.file.text(key)): replicas end apart", lines)
        )
        return false
    }

    private func isLive(_ state: FinalState) -> Bool {
        !state.isDelete && state.write != .nothing
    }

    private func isSame(_ left: FinalState, _ right: FinalState) -> Bool {
        guard self.isLive(left) == self.isLive(right) else { return false }
        if self.isLive(left), left.write != right.write { return false }
        // Without a tombstone nobody remembers the stamp of a delete.
        guard let mine = left.stamp, let yours = right.stamp else { return true }
        return mine == yours
    }

    // MARK: The winner

    private mutating func judgeWinner(
        _ key: Int,
        _ greatest: Version,
        _ state: FinalState,
        _ finals: [FinalState]
    ) {
        self.winner.judged += 1
        let held = state.stamp ?? state.write.name.flatMap { self.file.stamp(of: $0) }
        let isRight: Bool
        if let held {
            isRight = self.isRight(held, state, greatest)
        } else if self.isLive(state) {
            isRight = state.write.name.map { $0 == greatest.write } ?? true
        } else {
            isRight = greatest.isDelete || !greatest.isAcknowledged && greatest.row != nil
        }
        if finals.contains(where: { $0.isDelete || !self.isLive($0) }) || greatest.isDelete {
            self.resurrection.judged += 1
        }
        guard !isRight else { return }
        let lines = [self.text(greatest), self.file.text(state)]
        let name = self.file.text(key)
        self.winner.violate(
            Counterexample("\(name): all agree, on another than the greatest version", lines)
        )
        if greatest.isDelete, self.isLive(state) {
            self.resurrection.violate(
                Counterexample("\(name): an older version outlived a delete", lines)
            )
        }
    }

    /// The greatest version, or one of a write whose answer and lines carry no stamp.
    private func isRight(
        _ held: HistoryStamp,
        _ state: FinalState,
        _ greatest: Version
    ) -> Bool {
        if held == greatest.stamp {
            guard let write = state.write.name, let winner = greatest.write else { return true }
            return state.isDelete == greatest.isDelete && (write == winner || state.isDelete)
        }
        guard held > greatest.stamp, let write = state.write.name,
            let row = self.file.writer(of: write)
        else { return state.isDelete && held > greatest.stamp }
        let operation = self.file.evidence.operations[Int(row)]
        return operation.mayHaveWritten && self.file.stamp(of: operation) == nil
    }

    // MARK: Losses

    private mutating func judgeLosses(
        _ key: Int,
        _ versions: [Version],
        _ finals: [FinalState],
        _ absent: [RegionRank]
    ) {
        self.lost.judged += versions.count(where: \.isAcknowledged)
        guard let greatest = versions.last(where: \.isAcknowledged) else { return }
        // The greatest acknowledged write decides for all: who has it, or a later one, lost none.
        for state in finals {
            let held = state.stamp ?? state.write.name.flatMap { self.file.stamp(of: $0) }
            if let held, held >= greatest.stamp { continue }
            if held == nil {
                if !self.isLive(state), greatest.isDelete || self.mayBeDeleted(key) { continue }
                if self.isLive(state) { continue }
            }
            self.lose(key, greatest, self.file.text(state))
            return
        }
        guard let region = absent.first, !greatest.isDelete, !self.mayBeDeleted(key) else { return }
        self.lose(key, greatest, "\(self.file.names.display(region: region)) has nothing")
    }

    /// A delete without a known stamp may have been the last write.
    private func mayBeDeleted(_ key: Int) -> Bool {
        self.file.operations[key].contains { row in
            let operation = self.file.evidence.operations[Int(row)]
            return operation.kind == .delete && operation.mayHaveWritten
                && self.file.stamp(of: operation) == nil && operation.seen != .nothing
        }
    }

    private mutating func lose(_ key: Int, _ version: Version, _ state: String) {
        let name = self.file.text(key)
        let lines = [self.text(version), state]
        self.lost.violate(
            Counterexample(
                "\(name): an acknowledged write is neither there nor superseded",
                lines
            )
        )
    }

    private func text(_ version: Version) -> String {
        if let row = version.row {
            return self.file.text(self.file.evidence.operations[Int(row)])
                + (version.isAcknowledged ? "" : ", stamp \(self.file.text(version.stamp))")
        }
        let what = version.write.map { self.file.names.display($0) } ?? "a version"
        return "\(what), stamp \(self.file.text(version.stamp)), was applied"
    }

    // MARK: Conditions

    /// A condition held where it was tried, and in the order of stamps something lies between.
    private mutating func countAnomalies(_ versions: [Version]) {
        for (before, version) in zip(versions, versions.dropFirst()) {
            guard let row = version.row else { continue }
            let operation = self.file.evidence.operations[Int(row)]
            guard operation.outcome == .ok, operation.condition != .none,
                let previous = operation.seen.name, let write = before.write
            else { continue }
            if previous != write { self.anomalies += 1 }
        }
    }
}
