import History

/// The four session guarantees, per client and key, by stamps (Terry, Demers, Petersen, Spreitzer,
/// Theimer & Welch, *Session Guarantees for Weakly Consistent Replicated Data*, PDIS 1994).
///
/// A session is judged where DynamoDB promises it: strongly consistent reads, and writes, in the
/// region of what came before. What fails elsewhere is counted; in a strict plan it is wrong, too.
/// A read that shows not the client's own last value but one with a greater stamp is a value that
/// was overwritten: counted apart, never wrong.
struct SessionCheck {
    private let file: CaseFile
    private let isStrict: Bool
    private var results: [CheckResult]
    /// By guarantee: violations where nothing was promised.
    private var unpromised = [0, 0, 0, 0]
    private var overwritten = 0
    private var undecided = 0
    private var deletes: DeleteIndex

    private enum Guarantee: Int, CaseIterable {
        case readYourWrites, monotonicReads, monotonicWrites, writesFollowReads

        var check: Check {
            switch self {
            case .readYourWrites: .readYourWrites
            case .monotonicReads: .monotonicReads
            case .monotonicWrites: .monotonicWrites
            case .writesFollowReads: .writesFollowReads
            }
        }

        var complaint: String {
            switch self {
            case .readYourWrites: "a read shows less than the client's own write"
            case .monotonicReads: "a read shows less than the client's earlier read"
            case .monotonicWrites: "a later write loses to the client's own earlier one"
            case .writesFollowReads: "a write loses to what the client had read before"
            }
        }
    }

    /// The greatest stamp so far, and the operation that had it.
    private struct Bound {
        var stamp: HistoryStamp
        var row: UInt32
    }

    /// What a client did to a key, in one region or in all.
    private struct Past {
        var written: Bound?
        var read: Bound?
        /// The client's last acknowledged write.
        var last: UInt32?
    }

    private struct Place: Hashable {
        var key: KeyName
        /// 256 for all regions.
        var region: UInt16
    }

    init(_ file: CaseFile, _ plan: CheckPlan) {
        self.file = file
        self.isStrict = plan.isStrict
        self.results = Guarantee.allCases.map { CheckResult($0.check) }
        self.deletes = DeleteIndex(file)
    }

    mutating func run() -> [CheckResult] {
        let operations = self.file.evidence.operations
        // Clients get small numbers in the order of their appearance.
        var numbers: [UInt32: Int] = [:]
        var clients: [Int] = []
        for operation in operations {
            let number = numbers[operation.client] ?? numbers.count
            numbers[operation.client] = number
            clients.append(number)
        }
        let byClient = Grouping(rows: operations.count, groups: numbers.count) { clients[$0] }
        for client in 0..<numbers.count { self.follow(byClient[client]) }
        for guarantee in Guarantee.allCases {
            self.results[guarantee.rawValue].figures = [
                Figure("where nothing is promised", self.unpromised[guarantee.rawValue])
            ]
        }
        self.results[Guarantee.readYourWrites.rawValue].figures += [
            Figure("own value overwritten by others", self.overwritten),
            Figure("reads of unknown versions", self.undecided),
        ]
        return self.results
    }

    /// One client's operations, by the order of their beginnings and ends.
    private mutating func follow(_ rows: ArraySlice<UInt32>) {
        let operations = self.file.evidence.operations
        var moments: [(rank: UInt32, row: UInt32)] = []
        for row in rows {
            let operation = operations[Int(row)]
            guard operation.returned != .max, operation.outcome != .failed else { continue }
            moments.append((operation.invoked, row))
            moments.append((operation.returned, row))
        }
        moments.sort { $0.rank < $1.rank }
        var pasts: [Place: Past] = [:]
        // What the client knew when it began an operation that has not ended.
        var before: [UInt32: (here: Past, anywhere: Past)] = [:]
        for moment in moments {
            let operation = operations[Int(moment.row)]
            let here = Place(key: operation.key, region: UInt16(operation.region))
            let anywhere = Place(key: operation.key, region: 256)
            if moment.rank == operation.invoked {
                before[moment.row] = (pasts[here] ?? Past(), pasts[anywhere] ?? Past())
            } else if let known = before.removeValue(forKey: moment.row) {
                self.judge(moment.row, operation, known.here, known.anywhere)
                self.learn(moment.row, operation, &pasts[here, default: Past()])
                self.learn(moment.row, operation, &pasts[anywhere, default: Past()])
            }
        }
    }

    /// The stamp of what an operation saw.
    private func seenStamp(_ operation: Operation) -> HistoryStamp? {
        if operation.kind == .get, let stamp = operation.stamp { return stamp }
        return operation.seen.name.flatMap { self.file.stamp(of: $0) }
    }

    private func learn(_ row: UInt32, _ operation: Operation, _ past: inout Past) {
        if let stamp = self.seenStamp(operation), past.read.map({ $0.stamp < stamp }) ?? true {
            past.read = Bound(stamp: stamp, row: row)
        }
        guard operation.kind.isWrite, operation.outcome == .ok else { return }
        past.last = row
        guard let stamp = self.file.stamp(of: operation) else { return }
        if past.written.map({ $0.stamp < stamp }) ?? true {
            past.written = Bound(stamp: stamp, row: row)
        }
    }

    // MARK: Judging

    private mutating func judge(
        _ row: UInt32,
        _ operation: Operation,
        _ here: Past,
        _ anywhere: Past
    ) {
        if operation.kind == .get || operation.outcome == .conditionFailed {
            guard operation.seen != .unknown else { return }
            let isStrong = operation.kind != .get || operation.isConsistent
            self.judgeRead(.readYourWrites, row, here.written, anywhere.written, isStrong)
            self.judgeRead(.monotonicReads, row, here.read, anywhere.read, isStrong)
            self.compareValue(operation, anywhere)
        } else if operation.outcome == .ok, let stamp = self.file.stamp(of: operation) {
            let pairs: [(Guarantee, Bound?, Bound?)] = [
                (.monotonicWrites, here.written, anywhere.written),
                (.writesFollowReads, here.read, anywhere.read),
            ]
            for (guarantee, here, anywhere) in pairs {
                self.results[guarantee.rawValue].judged += 1
                if let here, stamp <= here.stamp {
                    self.violate(guarantee, row, here)
                } else if let anywhere, stamp <= anywhere.stamp {
                    self.excuse(guarantee, row, anywhere)
                }
            }
        }
    }

    private mutating func judgeRead(
        _ guarantee: Guarantee,
        _ row: UInt32,
        _ here: Bound?,
        _ anywhere: Bound?,
        _ isStrong: Bool
    ) {
        self.results[guarantee.rawValue].judged += 1
        if isStrong, let here, self.isBehind(row, here) {
            self.violate(guarantee, row, here)
        } else if let anywhere, self.isBehind(row, anywhere) {
            self.excuse(guarantee, row, anywhere)
        }
    }

    /// Whether a read shows less than a bound.
    private mutating func isBehind(_ row: UInt32, _ bound: Bound) -> Bool {
        let operation = self.file.evidence.operations[Int(row)]
        if let stamp = self.seenStamp(operation) { return stamp < bound.stamp }
        guard operation.seen == .nothing else {
            self.undecided += 1
            return false
        }
        // An absence is explained by any delete that may come after the bound.
        return !self.deletes.mayExplain(operation, after: bound.stamp)
    }

    private mutating func compareValue(_ operation: Operation, _ past: Past) {
        guard let last = past.last else { return }
        let own = self.file.evidence.operations[Int(last)]
        let isOwn: Bool =
            switch operation.seen {
            case .write(let write): own.write == write && own.kind != .delete
            case .nothing: own.kind == .delete
            case .unknown: true
            }
        guard !isOwn, let seen = self.seenStamp(operation), let mine = self.file.stamp(of: own)
        else { return }
        if seen > mine { self.overwritten += 1 }
    }

    private mutating func excuse(_ guarantee: Guarantee, _ row: UInt32, _ bound: Bound) {
        if self.isStrict {
            self.violate(guarantee, row, bound)
        } else {
            self.unpromised[guarantee.rawValue] += 1
        }
    }

    private mutating func violate(_ guarantee: Guarantee, _ row: UInt32, _ bound: Bound) {
        let file = self.file
        let operation = file.evidence.operations[Int(row)]
        let seen = self.seenStamp(operation) ?? operation.stamp
        self.results[guarantee.rawValue].violate(
            Counterexample(
                "\(file.names.display(operation.key)): \(guarantee.complaint)",
                [
                    file.text(file.evidence.operations[Int(bound.row)])
                        + " — stamp \(file.text(bound.stamp))",
                    file.text(operation)
                        + " — stamp \(file.text(seen))",
                ]
            )
        )
    }
}
