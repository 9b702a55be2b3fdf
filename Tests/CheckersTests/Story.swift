import Checkers
import History

/// A history told event by event; each event is a millisecond after the one before.
struct Story {
    static let regions = ["us-east-1", "eu-west-1", "ap-northeast-1"]
    private(set) var history: History
    private var time: UInt64 = 0
    private var lastID: UInt64 = 0

    init(host: HistoryHost = .simulation) {
        self.history = History(header: HistoryHeader(host: host, regions: Self.regions))
    }

    mutating func wait(milliseconds: UInt64) { self.time += milliseconds * 1_000_000 }

    private mutating func now() -> UInt64 {
        self.time += 1_000_000
        return self.time
    }

    mutating func key(_ key: String) -> KeyName { self.history.names.key(key, table: "t") }

    mutating func observed(_ text: String?) -> Observed {
        guard let text else { return .nothing }
        return text == "?" ? .unknown : .write(self.history.names.write(text))
    }

    // MARK: Operations: `?` is not known, nil is no item

    @discardableResult mutating func begin(
        _ operation: OperationKind,
        _ write: String? = nil,
        key: String = "k",
        client: UInt32 = 1,
        region: RegionRank = 0,
        condition: WriteCondition = .none,
        strong: Bool = true
    ) -> UInt64 {
        self.lastID += 1
        let invocation = Invocation(
            id: self.lastID,
            client: client,
            region: region,
            operation: operation,
            key: self.key(key),
            write: write.map { self.history.names.write($0) },
            condition: condition,
            isConsistent: operation == .get && strong,
            time: self.now()
        )
        self.history.append(.invoke(invocation))
        return self.lastID
    }

    mutating func wrote(_ id: UInt64, over previous: String? = "?", at stamp: HistoryStamp? = nil) {
        let previous = self.observed(previous)
        self.history.append(
            .ok(Completion(id: id, previous: previous, stamp: stamp, time: self.now()))
        )
    }

    mutating func read(_ id: UInt64, _ write: String?, at stamp: HistoryStamp? = nil) {
        let write = self.observed(write)
        self.history.append(.ok(Completion(id: id, write: write, stamp: stamp, time: self.now())))
    }

    mutating func refused(_ id: UInt64, saw previous: String? = "?") {
        let error = self.history.names.text(Refusal.conditionFailed)
        let previous = self.observed(previous)
        self.history.append(
            .fail(Refusal(id: id, error: error, previous: previous, time: self.now()))
        )
    }

    mutating func failed(_ id: UInt64) {
        let error = self.history.names.text("ValidationException")
        self.history.append(.fail(Refusal(id: id, error: error, time: self.now())))
    }

    mutating func lost(_ id: UInt64) {
        let error = self.history.names.text("time-out")
        self.history.append(.info(Doubt(id: id, error: error, time: self.now())))
    }

    /// A put, begun and ended.
    mutating func put(
        _ write: String,
        key: String = "k",
        client: UInt32 = 1,
        region: RegionRank = 0,
        over previous: String? = "?",
        at stamp: HistoryStamp? = nil
    ) {
        let id = self.begin(.put, write, key: key, client: client, region: region)
        self.wrote(id, over: previous, at: stamp)
    }

    mutating func delete(
        _ write: String,
        client: UInt32 = 1,
        region: RegionRank = 0,
        over previous: String? = "?",
        at stamp: HistoryStamp? = nil
    ) {
        let id = self.begin(.delete, write, client: client, region: region)
        self.wrote(id, over: previous, at: stamp)
    }

    mutating func get(
        _ write: String?,
        key: String = "k",
        client: UInt32 = 1,
        region: RegionRank = 0,
        at stamp: HistoryStamp? = nil,
        strong: Bool = true
    ) {
        let id = self.begin(.get, key: key, client: client, region: region, strong: strong)
        self.read(id, write, at: stamp)
    }

    // MARK: Replicas

    mutating func apply(
        _ write: String?,
        on node: String,
        of region: RegionRank = 0,
        sequence: UInt64,
        at stamp: HistoryStamp,
        isDelete: Bool = false,
        _ decision: ApplyDecision = .applied,
        against: HistoryStamp? = nil
    ) {
        let application = Application(
            node: self.history.names.node(node),
            region: region,
            partition: UInt64(region) + 1,
            sequence: sequence,
            key: self.key("k"),
            write: self.observed(write),
            isDelete: isDelete,
            stamp: stamp,
            decision: decision,
            against: against,
            time: self.now()
        )
        self.history.append(.apply(application))
    }

    mutating func final(
        _ write: String?,
        on node: String,
        of region: RegionRank = 0,
        at stamp: HistoryStamp? = nil,
        isDelete: Bool = false
    ) {
        let state = FinalState(
            node: self.history.names.node(node),
            region: region,
            key: self.key("k"),
            write: self.observed(write),
            stamp: stamp,
            isDelete: isDelete
        )
        self.history.append(.final(state))
    }

    // MARK: Verdicts

    func judged(_ plan: CheckPlan = CheckPlan()) -> CheckReport { Judge.judge(self.history, plan) }

    func verdict(_ check: Check) -> Verdict? {
        self.judged(CheckPlan(checks: [check]))[check]?.verdict
    }
}

extension Verdict {
    var counterexample: Counterexample? {
        switch self {
        case .invalid(let counterexample): counterexample
        case .valid, .unknown: nil
        }
    }

    var isUnknown: Bool {
        switch self {
        case .unknown: true
        case .valid, .invalid: false
        }
    }
}
