package import History

/// How an operation ended for its client.
package enum Outcome: UInt8, Sendable {
    case ok
    /// It did not happen, because its condition did not hold.
    case conditionFailed
    /// It did not happen.
    case failed
    /// Nobody knows; it may still happen.
    case open
}

/// A request with what its client was told.
package struct Operation: Sendable {
    package var id: UInt64
    package var invokedAt: HistoryTime
    /// The end of time while the operation is open.
    package var returnedAt: HistoryTime = .max
    package var stamp: HistoryStamp?
    package var client: UInt32
    /// Positions in the order of events: `a.returned < b.invoked` if a was over before b began.
    package var invoked: UInt32
    package var returned: UInt32 = .max
    package var key: KeyName
    package var write: WriteName?
    /// What a read returned, a write replaced, or a condition saw.
    package var seen: Observed = .unknown
    package var condition: WriteCondition
    package var kind: OperationKind
    package var region: RegionRank
    package var isConsistent: Bool
    package var outcome: Outcome = .open

    /// A write that happened, or may have.
    var mayHaveWritten: Bool {
        self.kind.isWrite && (self.outcome == .ok || self.outcome == .open)
    }
}

/// A replica's decision with its place in the order of events.
package struct Applied: Sendable {
    package var sequence: UInt64
    package var partition: UInt64
    package var stamp: HistoryStamp
    package var against: HistoryStamp?
    /// The end of time when it is not known.
    package var time: HistoryTime
    package var rank: UInt32
    package var key: KeyName
    package var write: Observed
    package var node: NodeName
    package var region: RegionRank
    package var isDelete: Bool
    package var decision: ApplyDecision
}

/// Why events do not make a history.
package struct EvidenceError: Error, Equatable, Sendable {
    package var message: String
}

/// Events matched and filed, as the checkers read them.
///
/// Takes events one at a time, so that a file need not be in memory twice.
package struct Evidence: Sendable {
    package private(set) var operations: [Operation] = []
    package private(set) var applied: [Applied] = []
    package private(set) var finals: [FinalState] = []
    /// The time of the first event; texts count from it.
    package private(set) var startsAt: HistoryTime = 0
    /// Items may have been there before the history began: nobody was watching.
    let allowsEarlierItems: Bool
    private var open: [UInt64: UInt32] = [:]
    private var events: UInt32 = 0
    private var latest: HistoryTime = 0
    private var isOrdered = true
    private var conditionFailed: TextName?

    package init(host: HistoryHost) { self.allowsEarlierItems = host == .gateway }

    /// - Throws: that an answer has no question, or that two requests share an id.
    package init(_ history: History) throws(EvidenceError) {
        self.init(host: history.header.host)
        for event in history.events { try self.add(event, history.names) }
    }

    package mutating func add(
        _ event: HistoryEvent,
        _ names: HistoryNames
    ) throws(EvidenceError) {
        guard self.events < .max - 1 else { throw EvidenceError(message: "too many events") }
        switch event {
        case .invoke(let invocation):
            self.tick(invocation.time)
            try self.invoke(invocation)
        case .ok(let completion):
            self.tick(completion.time)
            let index = try self.close(completion.id, at: completion.time)
            self.operations[index].outcome = .ok
            self.operations[index].stamp = completion.stamp
            self.operations[index].seen =
                self.operations[index].kind.isWrite ? completion.previous : completion.write
        case .fail(let refusal):
            self.tick(refusal.time)
            let index = try self.close(refusal.id, at: refusal.time)
            let isCondition = self.isConditionFailed(refusal.error, names)
            self.operations[index].outcome = isCondition ? .conditionFailed : .failed
            self.operations[index].seen = refusal.previous
        case .info(let doubt):
            self.tick(doubt.time)
            guard self.open.removeValue(forKey: doubt.id) != nil else {
                throw self.notOpen(doubt.id)
            }
        case .apply(let application):
            if let time = application.time { self.tick(time) } else { self.events += 1 }
            self.applied.append(Applied(application, rank: self.events))
        case .final(let state): self.finals.append(state)
        case .fault, .heal, .note: break
        }
    }

    private mutating func tick(_ time: HistoryTime) {
        if self.events == 0 { self.startsAt = time }
        self.events += 1
        if time < self.latest { self.isOrdered = false }
        self.latest = max(self.latest, time)
        self.startsAt = min(self.startsAt, time)
    }

    private mutating func invoke(_ invocation: Invocation) throws(EvidenceError) {
        let index = UInt32(self.operations.count)
        guard self.open.updateValue(index, forKey: invocation.id) == nil else {
            throw EvidenceError(message: "operation \(invocation.id) is invoked twice")
        }
        self.operations.append(
            Operation(
                id: invocation.id,
                invokedAt: invocation.time,
                client: invocation.client,
                invoked: self.events,
                key: invocation.key,
                write: invocation.write,
                condition: invocation.condition,
                kind: invocation.operation,
                region: invocation.region,
                isConsistent: invocation.isConsistent
            )
        )
    }

    private mutating func close(
        _ id: UInt64,
        at time: HistoryTime
    ) throws(EvidenceError) -> Int {
        guard let index = self.open.removeValue(forKey: id) else { throw self.notOpen(id) }
        self.operations[Int(index)].returnedAt = time
        self.operations[Int(index)].returned = self.events
        return Int(index)
    }

    private func notOpen(_ id: UInt64) -> EvidenceError {
        EvidenceError(message: "operation \(id) ends and is not open")
    }

    /// The error's text is compared once.
    private mutating func isConditionFailed(_ error: TextName, _ names: HistoryNames) -> Bool {
        if let known = self.conditionFailed { return known == error }
        let isIt = names.bytes(of: error).elementsEqual(Refusal.conditionFailed.utf8)
        if isIt { self.conditionFailed = error }
        return isIt
    }

    /// Orders events by time when they did not come so, as from several files; equal times stay
    /// as they came.
    mutating func order() {
        guard !self.isOrdered else { return }
        self.isOrdered = true
        var moments: [Moment] = []
        moments.reserveCapacity(self.operations.count * 2 + self.applied.count)
        for (index, operation) in self.operations.enumerated() {
            moments.append(Moment(operation.invokedAt, operation.invoked, index, .invoked))
            guard operation.returned != .max else { continue }
            moments.append(Moment(operation.returnedAt, operation.returned, index, .returned))
        }
        for (index, record) in self.applied.enumerated() {
            self.hasRanks = self.hasRanks && record.time != .max
            moments.append(Moment(record.time, record.rank, index, .applied))
        }
        moments.sort { ($0.time, $0.rank) < ($1.time, $1.rank) }
        for (rank, moment) in moments.enumerated() {
            let rank = UInt32(rank) + 1
            switch moment.kind {
            case .invoked: self.operations[moment.index].invoked = rank
            case .returned: self.operations[moment.index].returned = rank
            case .applied: self.applied[moment.index].rank = rank
            }
        }
        self.operations.sort { $0.invoked < $1.invoked }
        self.applied.sort { $0.rank < $1.rank }
    }

    private struct Moment {
        enum Kind { case invoked, returned, applied }

        var time: HistoryTime
        var rank: UInt32
        var index: Int
        var kind: Kind

        init(_ time: HistoryTime, _ rank: UInt32, _ index: Int, _ kind: Kind) {
            self.time = time
            self.rank = rank
            self.index = index
            self.kind = kind
        }
    }

    /// Names versions that a replica could not name by the operations that have their stamps.
    ///
    /// A gateway's clients need not name their writes, and an update may leave an older name in the
    /// item: there stamps decide.
    mutating func nameVersions() {
        let isLoose = self.allowsEarlierItems
        let isNeeded =
            isLoose || self.applied.contains { $0.write == .unknown }
            || self.finals.contains { $0.write == .unknown }
        guard isNeeded else { return }
        var makers: [Version: WriteName] = [:]
        for operation in self.operations {
            guard let write = operation.write, let stamp = operation.stamp else { continue }
            makers[Version(key: operation.key, stamp: stamp)] = write
        }
        for (index, record) in self.applied.enumerated()
        where isLoose || record.write == .unknown {
            let version = Version(key: record.key, stamp: record.stamp)
            guard let write = makers[version] else { continue }
            self.applied[index].write = .write(write)
        }
        for (index, state) in self.finals.enumerated() where isLoose || state.write == .unknown {
            guard let stamp = state.stamp,
                let write = makers[Version(key: state.key, stamp: stamp)]
            else { continue }
            self.finals[index].write = .write(write)
        }
    }

    private struct Version: Hashable {
        var key: KeyName
        var stamp: HistoryStamp
    }

    /// Whether decisions have a place among the operations.
    private(set) var hasRanks = true
}

extension Applied {
    init(_ application: Application, rank: UInt32) {
        self.init(
            sequence: application.sequence,
            partition: application.partition,
            stamp: application.stamp,
            against: application.against,
            time: application.time ?? .max,
            rank: rank,
            key: application.key,
            write: application.write,
            node: application.node,
            region: application.region,
            isDelete: application.isDelete,
            decision: application.decision
        )
    }
}
