import History

/// A write is one version: whoever speaks of it gives it the same stamp.
///
/// Two stamps mean that something was done twice, such as a request that was tried again, or that a
/// stamp was lost on its way.
struct StampCheck {
    private let file: CaseFile
    private var result = CheckResult(.oneStamp)
    /// By write: whether it was seen with a stamp.
    private var isSeen: [Bool]

    init(_ file: CaseFile) {
        self.file = file
        self.isSeen = [Bool](repeating: false, count: file.names.writeCount)
    }

    mutating func run() -> CheckResult {
        for operation in self.file.evidence.operations {
            guard let stamp = operation.stamp else { continue }
            let write = operation.kind.isWrite ? operation.write : operation.seen.name
            guard let write, operation.outcome == .ok else { continue }
            self.see(write, stamp) { $0.text(operation) }
        }
        for record in self.file.evidence.applied {
            guard let write = record.write.name else { continue }
            self.see(write, record.stamp) { $0.text(record) }
        }
        for state in self.file.evidence.finals {
            guard let write = state.write.name, let stamp = state.stamp else { continue }
            self.see(write, stamp) { $0.text(state) }
        }
        return self.result
    }

    private mutating func see(
        _ write: WriteName,
        _ stamp: HistoryStamp,
        _ text: (CaseFile) -> String
    ) {
        if !self.isSeen[Int(write.number)] {
            self.isSeen[Int(write.number)] = true
            self.result.judged += 1
        }
        guard let known = self.file.stamp(of: write), known != stamp,
            !self.file.isShared(write)
        else { return }
        let name = self.file.names.display(write)
        let summary =
            "\(name) has two stamps: \(self.file.text(known)) and \(self.file.text(stamp))"
        let lines = self.witnesses(of: write) + [text(self.file)]
        self.result.violate(Counterexample(summary, lines))
    }

    private func witnesses(of write: WriteName) -> [String] {
        guard let row = self.file.writer(of: write) else { return [] }
        return [self.file.text(self.file.evidence.operations[Int(row)])]
    }
}
