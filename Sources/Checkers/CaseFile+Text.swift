import History

/// How evidence reads in counterexamples.
extension CaseFile {
    /// `+1.234567 s` after the first event.
    func text(time: HistoryTime) -> String {
        guard time != .max else { return "open" }
        let micros = (time - min(time, self.evidence.startsAt)) / 1_000
        let digits = String(micros % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - digits.utf8.count)
        return "+\(micros / 1_000_000).\(zeros)\(digits) s"
    }

    func text(_ observed: Observed) -> String {
        switch observed {
        case .unknown: "something not told"
        case .nothing: "no item"
        case .write(let write): self.names.display(write)
        }
    }

    func text(_ stamp: HistoryStamp?) -> String {
        guard let stamp else { return "no stamp" }
        return "\(stamp.time) \(self.names.display(region: stamp.region))"
    }

    /// Who asked for what, when, and what the answer was.
    func text(_ operation: Operation) -> String {
        let span =
            "[\(self.text(time: operation.invokedAt)) … "
            + "\(self.text(time: operation.returnedAt))]"
        let who = "\(self.names.display(region: operation.region)) client \(operation.client)"
        return "\(span) \(who): \(self.request(operation)) → \(self.answer(operation))"
    }

    private func request(_ operation: Operation) -> String {
        var text = operation.isConsistent && operation.kind == .get ? "strong get" : ""
        if text.isEmpty { text = "\(operation.kind.text)" }
        if let write = operation.write { text += " \(self.names.display(write))" }
        switch operation.condition {
        case .none: break
        case .previous(let write): text += " if it is \(self.names.display(write))"
        case .exists(true): text += " if it exists"
        case .exists(false): text += " if it does not exist"
        }
        return text
    }

    private func answer(_ operation: Operation) -> String {
        let stamp = operation.stamp.map { ", stamp \(self.text($0))" } ?? ""
        switch operation.outcome {
        case .ok where operation.kind == .get: return self.text(operation.seen) + stamp
        case .ok:
            let replaced =
                operation.seen == .unknown ? "" : ", replaced \(self.text(operation.seen))"
            return "ok\(replaced)\(stamp)"
        case .conditionFailed:
            let saw = operation.seen == .unknown ? "" : ", saw \(self.text(operation.seen))"
            return "condition failed\(saw)"
        case .failed: return "failed"
        case .open: return "unknown"
        }
    }

    func text(_ record: Applied) -> String {
        let version =
            record.isDelete ? "delete \(self.text(record.write))" : self.text(record.write)
        let against = record.against.map { " against \(self.text($0))" } ?? ""
        return "\(self.names.display(record.node)) partition \(record.partition) sequence "
            + "\(record.sequence): \(version), stamp \(self.text(record.stamp)), "
            + "\(record.decision.text)\(against)"
    }

    func text(_ state: FinalState) -> String {
        let what = state.isDelete ? "deleted" : self.text(state.write)
        let stamp = state.stamp.map { ", stamp \(self.text($0))" } ?? ""
        return "\(self.names.display(state.node)) ends with \(what)\(stamp)"
    }

    func text(_ key: Int) -> String { self.names.display(KeyName(UInt32(key))) }
}
