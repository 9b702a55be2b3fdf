import History
import NodeCore
import Primitives
import Replication
import Tables

/// The clients of every region, the gateway they go through, and what they were told.
///
/// An open loop: operations come at their rate, whatever became of those before. Each region has so
/// many clients that ask one thing at a time; when all are waiting, an operation is dropped and
/// counted, as a client program with a bounded pool does. The gateway sends a request to the
/// region's nodes in turn, leaves out those that do not answer its checks, and never sends a
/// request twice.
final class Clients {
    private struct Client {
        var number: UInt32
        var isBusy = false
    }

    /// A request under way.
    struct Pending {
        var id: UInt64
        var client: Int
        var drawn: DrawnOperation
        var attempt: Int
        /// What the condition demands.
        var previous: WriteName?
        var operation: NodeCore.Operation
        /// The node that has it; nil while it is on its way.
        var machine: Int?
    }

    struct Counts {
        var asked: UInt64 = 0
        var succeeded: UInt64 = 0
        var refused: UInt64 = 0
        var unknown: UInt64 = 0
        var conditionsFailed: UInt64 = 0
        var dropped: UInt64 = 0
    }

    let world: World
    let plan: WorkloadPlan
    let forms: RequestForms
    private var source: WorkloadSource
    private var random: SplitMix64
    private var clients: [[Client]]
    private var pending: [UInt64: Pending] = [:]
    /// Requests by deadline: all have the same patience, so the oldest is due first.
    private var deadlines: [(at: Instant, id: UInt64)] = []
    private var deadlineHead = 0
    private var nextRequest: UInt64 = 1
    private var turnOfNode: [Int]
    private let nodesOfRegion: [[Int]]
    /// What each region's clients saw last of a key.
    private var seen: [[WriteName?]]
    private var setup: [UInt64: (Answer) -> Void] = [:]
    private(set) var counts = Counts()
    /// What was asked and answered, unless nobody wants to know.
    var history: History?
    private let keyNames: [KeyName]
    private(set) var isAsking = false
    /// Something no client may ever be told.
    private(set) var outrages: [String] = []
    /// When each region last served a write, for liveness.
    private(set) var servedAt: [Instant]
    /// The second at which what a write leaves expires, by the write's number.
    private(set) var expiries: [UInt64: Int] = [:]

    init(_ world: World, _ plan: WorkloadPlan, seed: UInt64, history: consuming History?) {
        self.world = world
        self.plan = plan
        self.forms = RequestForms(keys: plan.keys, padding: plan.padding, plan.table)
        self.source = WorkloadSource(plan, seed: seed)
        self.random = SplitMix64(seed: seed ^ 0x6A7E_3A7E)
        let regions = world.plan.regions.count
        var number: UInt32 = 0
        self.clients = (0..<regions).map { _ in
            (0..<plan.clientsPerRegion).map { _ in
                number += 1
                return Client(number: number)
            }
        }
        self.turnOfNode = [Int](repeating: 0, count: regions)
        self.nodesOfRegion = (0..<regions).map { region in
            world.regionOfNode.indices.filter { world.regionOfNode[$0] == region }
        }
        self.seen = (0..<regions).map { _ in [WriteName?](repeating: nil, count: plan.keys) }
        self.servedAt = [Instant](repeating: .zero, count: regions)
        var history = history
        self.keyNames = (0..<plan.keys).map { key in
            history?.names.key("k\(key)", table: RequestForms.table) ?? KeyName(UInt32(key))
        }
        self.history = history
    }

    func keyName(_ number: Int) -> KeyName { self.keyNames[number] }

    // MARK: Asking

    func start() {
        self.isAsking = true
        self.planArrival()
    }

    func stop() { self.isAsking = false }

    var drawnCount: UInt64 { self.source.count }

    private func planArrival() {
        guard self.isAsking, !self.source.isExhausted else { return }
        self.world.agenda.plan(.arrival, 0, at: self.world.now + self.source.pause())
    }

    /// The time for the next operation of the open loop has come.
    func arrival() {
        guard self.isAsking else { return }
        if let drawn = self.source.next() {
            let free = self.clients[drawn.region].firstIndex { !$0.isBusy }
            if let free {
                self.clients[drawn.region][free].isBusy = true
                self.ask(drawn, client: free, attempt: 1)
            } else {
                self.counts.dropped += 1
            }
        }
        self.planArrival()
    }

    private func ask(_ drawn: DrawnOperation, client: Int, attempt: Int) {
        let id = self.nextRequest
        self.nextRequest += 1
        self.counts.asked += 1
        let pending = self.request(drawn, id: id, client: client, attempt: attempt)
        self.pending[id] = pending
        self.world.trace.note(
            self.world.now,
            drawn.region,
            .asked,
            id,
            text: "\(id) \(drawn.kind) k\(drawn.key) by client "
                + "\(self.clients[drawn.region][client].number)"
        )
        let deadline = self.world.now + self.plan.timeout
        if self.deadlineHead == self.deadlines.count {
            self.world.agenda.plan(.deadline, 0, at: deadline)
        }
        self.deadlines.append((deadline, id))
        let way = self.plan.wayMax > 0 ? self.random.below(self.plan.wayMax) : 0
        guard way > 0 else { return self.dispatch(id) }
        self.world.agenda.plan(.request, Int(id & 0xFFFF_FFFF), at: self.world.now + way)
    }

    private func request(
        _ drawn: DrawnOperation,
        id: UInt64,
        client: Int,
        attempt: Int
    ) -> Pending {
        let write = Array("w\(id)".utf8)
        var condition = WriteCondition.none
        var previous: WriteName?
        let operation: NodeCore.Operation
        let attributes = self.attributes(drawn, id)
        switch drawn.kind {
        case .put: operation = .putItem(self.forms.put(drawn.key, write, attributes))
        case .update: operation = .updateItem(self.forms.update(drawn.key, write, attributes))
        case .conditionalPut:
            previous = drawn.wantsAbsence ? nil : self.seen[drawn.region][drawn.key]
            condition = previous.map { .previous($0) } ?? .exists(false)
            let text = previous.map { self.text(of: $0) }
            operation = .putItem(self.forms.put(drawn.key, write, attributes, replacing: text))
        case .delete: operation = .deleteItem(self.forms.delete(drawn.key))
        case .strongGet: operation = .getItem(self.forms.get(drawn.key, isConsistent: true))
        case .eventualGet: operation = .getItem(self.forms.get(drawn.key, isConsistent: false))
        }
        if self.history != nil {
            let isRead = drawn.kind == .strongGet || drawn.kind == .eventualGet
            let name = isRead ? nil : self.history!.names.write(write)
            self.history!.append(
                .invoke(
                    Invocation(
                        id: id,
                        client: self.clients[drawn.region][client].number,
                        region: RegionRank(drawn.region),
                        operation: drawn.kind.historyKind,
                        key: self.keyNames[drawn.key],
                        write: name,
                        condition: condition,
                        isConsistent: drawn.kind == .strongGet,
                        time: self.world.now.nanoseconds
                    )
                )
            )
        }
        return Pending(
            id: id,
            client: client,
            drawn: drawn,
            attempt: attempt,
            previous: previous,
            operation: self.history == nil ? operation : operation.tellingVersions(),
            machine: nil
        )
    }

    /// What a write sets for indexes and the time to live.
    private func attributes(_ drawn: DrawnOperation, _ id: UInt64) -> WriteAttributes {
        let attributes = WriteAttributes(
            self.plan.table,
            write: id,
            isUpdate: drawn.kind == .update,
            second: Int((WallClock.epoch + self.world.now.nanoseconds) / 1_000_000_000)
        )
        if let expiry = attributes.expiry { self.expiries[id] = expiry }
        return attributes
    }

    private func text(of write: WriteName) -> [UInt8] {
        self.history?.names.bytes(of: write) ?? Array("w\(write.number)".utf8)
    }

    // MARK: Gateway

    /// A request arrives at the gateway of its region, which picks a node.
    func dispatch(_ number: UInt64) {
        // Agenda entries carry 32 bits.
        guard let pending = self.pending[number] else { return }
        let region = pending.drawn.region
        let nodes = self.nodesOfRegion[region]
        var spare: Int?
        for _ in nodes {
            self.turnOfNode[region] = (self.turnOfNode[region] + 1) % nodes.count
            let machine = self.world.machines[nodes[self.turnOfNode[region]]]
            // A refused connection tells at once.
            guard machine.isAlive else { continue }
            if machine.isAvoided {
                if spare == nil { spare = machine.index }
                continue
            }
            return self.hand(number, to: machine)
        }
        guard let spare else { return self.finish(number, .refused("ServiceUnavailable")) }
        self.hand(number, to: self.world.machines[spare])
    }

    private func hand(_ number: UInt64, to machine: Machine) {
        self.pending[number]!.machine = machine.index
        machine.requests.append(number)
        let operation = self.pending[number]!.operation
        self.world.put(.operation(operation, .client(RequestID(number))), to: machine)
    }

    /// The gateway's checks: a node that has not answered for a while, or that says that it is cut
    /// off, comes last.
    func checkHealth() {
        for machine in self.world.machines {
            var isAvoided = false
            if let since = machine.pausedSince {
                isAvoided = self.world.now.since(since) > .milliseconds(600)
            } else if let process = machine.process, !machine.isSyncing {
                isAvoided = process.loop.node.isIsolated(now: self.world.now)
            }
            machine.isAvoided = isAvoided
        }
    }

    func operation(of id: RequestID) -> NodeCore.Operation? { self.pending[id.number]?.operation }

    /// The process that had requests died: nobody knows what became of them.
    func lost(_ machine: Machine) {
        let requests = machine.requests
        machine.requests = []
        for number in requests {
            if let done = self.setup.removeValue(forKey: number) {
                done(.failure(.internalServer))
            } else {
                self.finish(number, .unknown("ConnectionLost"))
            }
        }
    }

    // MARK: Outcomes

    private enum Outcome {
        case success(OperationResponse, VersionNote?)
        case conditionFailed(VersionNote?)
        case refused(String)
        case unknown(String)
    }

    func answered(_ id: RequestID, by machine: Machine, _ answer: Answer) {
        let number = id.number
        if let place = machine.requests.firstIndex(of: number) {
            machine.requests.remove(at: place)
        }
        if let done = self.setup.removeValue(forKey: number) { return done(answer) }
        switch answer {
        case .success(let response, let note): self.finish(number, .success(response, note))
        case .failure(let error): self.finish(number, self.outcome(of: error))
        case .relayed, .notLeader: self.finish(number, .unknown("InternalServerError"))
        }
    }

    private func outcome(of error: ServiceError) -> Outcome {
        switch error.kind {
        case .conditionalCheckFailed: return .conditionFailed(error.note)
        case .internalServer: return .unknown("InternalServerError")
        case .throttling: return .refused("ThrottlingException")
        case .resourceNotFound:
            self.outrage("an active table is refused: \(error.message)")
            return .refused("ResourceNotFoundException")
        case .validation, .resourceInUse, .serialization, .unknownOperation,
            .provisionedThroughputExceeded, .limitExceeded, .requestLimitExceeded,
            .itemCollectionSizeLimitExceeded, .policyNotFound, .transactionConflict,
            .replicatedWriteConflict,
            .accessDenied, .unrecognizedClient, .missingAuthenticationToken,
            .incompleteSignature, .serviceUnavailable:
            self.outrage("a sound request is refused: \(error.kind): \(error.message)")
            return .refused("\(error.kind)")
        }
    }

    private func outrage(_ text: String) {
        if self.outrages.count < 10 { self.outrages.append(text) }
    }

    /// A time-out, looked at in the order of the requests.
    func deadlineDue() {
        while self.deadlineHead < self.deadlines.count {
            let next = self.deadlines[self.deadlineHead]
            if self.pending[next.id] == nil {
                self.deadlineHead += 1
            } else if next.at <= self.world.now {
                self.deadlineHead += 1
                self.finish(next.id, .unknown("Timeout"))
            } else {
                break
            }
        }
        if self.deadlineHead == self.deadlines.count {
            self.deadlines.removeAll(keepingCapacity: true)
            self.deadlineHead = 0
        } else {
            self.world.agenda.plan(.deadline, 0, at: self.deadlines[self.deadlineHead].at)
        }
    }

    private func finish(_ number: UInt64, _ outcome: Outcome) {
        guard let pending = self.pending.removeValue(forKey: number) else { return }
        let now = self.world.now
        self.world.trace.note(
            now,
            pending.drawn.region,
            .answered,
            number,
            text: "\(number) \(outcome)"
        )
        var mayRetry = false
        switch outcome {
        case .success(let response, let note):
            self.counts.succeeded += 1
            self.servedAt[pending.drawn.region] = now
            self.succeeded(pending, response, note)
        case .conditionFailed(let note):
            self.counts.conditionsFailed += 1
            self.refused(pending, Refusal.conditionFailed, note)
        case .refused(let error):
            self.counts.refused += 1
            mayRetry = true
            self.refused(pending, error, nil)
        case .unknown(let error):
            self.counts.unknown += 1
            mayRetry = true
            guard self.history != nil else { break }
            let text = self.history!.names.text(error)
            self.history!.append(.info(Doubt(id: number, error: text, time: now.nanoseconds)))
        }
        self.release(pending, mayRetry: mayRetry)
    }

    /// The client is free, or tries again as an SDK does: after a pause that doubles.
    private func release(_ pending: Pending, mayRetry: Bool) {
        guard mayRetry, pending.attempt < self.plan.attemptsMax, self.isAsking else {
            self.clients[pending.drawn.region][pending.client].isBusy = false
            return
        }
        let pause = Nanoseconds.milliseconds(50) << UInt64(pending.attempt - 1)
        self.retries.append(pending)
        let at = self.world.now + 1 + self.random.below(pause)
        self.world.agenda.plan(.retry, Int(pending.id & 0xFFFF_FFFF), at: at)
    }

    private var retries: [Pending] = []

    func retryDue(_ number: UInt64) {
        guard let place = self.retries.firstIndex(where: { $0.id == number }) else { return }
        let pending = self.retries.remove(at: place)
        self.ask(pending.drawn, client: pending.client, attempt: pending.attempt + 1)
    }

    var waitingCount: Int { self.pending.count + self.retries.count }

    /// Whatever still waits stays open for ever.
    func abandonAll() {
        self.isAsking = false
        self.retries = []
        let waiting = self.pending.keys.sorted()
        for number in waiting { self.finish(number, .unknown("Abandoned")) }
    }

    /// A number for something that is no client's request and stands in the history.
    func takeNumber() -> UInt64 {
        self.nextRequest += 1
        return self.nextRequest - 1
    }

    func unseed() -> UInt64 { self.source.unseed() ^ self.random.next() }

    // MARK: History

    private func succeeded(
        _ pending: Pending,
        _ response: OperationResponse,
        _ note: VersionNote?
    ) {
        guard self.history != nil else { return }
        let isRead = pending.drawn.kind == .strongGet || pending.drawn.kind == .eventualGet
        var completion = Completion(id: pending.id, time: self.world.now.nanoseconds)
        completion.stamp = note?.stamp.map { HistoryStamp($0.time, $0.region.rank) }
        if isRead {
            if case .getItem(let answer) = response {
                completion.write = self.observed(answer.item?.writeID)
            }
        } else {
            let own = self.history!.names.write(Array("w\(pending.id)".utf8))
            completion.write = .write(own)
            completion.previous = note.map { self.observed($0.previousWrite) } ?? .unknown
        }
        if let name = completion.write.name {
            self.seen[pending.drawn.region][pending.drawn.key] =
                pending.drawn.kind == .delete ? nil : name
        }
        self.history!.append(.ok(completion))
    }

    private func refused(_ pending: Pending, _ error: String, _ note: VersionNote?) {
        guard self.history != nil else { return }
        let text = self.history!.names.text(error)
        var refusal = Refusal(id: pending.id, error: text, time: self.world.now.nanoseconds)
        if let note {
            refusal.previous = self.observed(note.previousWrite)
            self.seen[pending.drawn.region][pending.drawn.key] = refusal.previous.name
        }
        self.history!.append(.fail(refusal))
    }

    func observed(_ write: [UInt8]?) -> Observed {
        guard let write else { return .nothing }
        return .write(self.history!.names.write(write))
    }

    // MARK: Operators

    /// Asks on behalf of whoever sets the cluster up; `done` hears the answer once.
    func administer(
        _ operation: NodeCore.Operation,
        at machine: Machine,
        _ done: @escaping (Answer) -> Void
    ) {
        guard machine.isAlive else { return done(.failure(.internalServer)) }
        let number = self.nextRequest
        self.nextRequest += 1
        self.setup[number] = done
        machine.requests.append(number)
        self.administered[number] = operation
        self.world.put(.operation(operation, .client(RequestID(number))), to: machine)
    }

    private var administered: [UInt64: NodeCore.Operation] = [:]

    func administeredOperation(_ id: RequestID) -> NodeCore.Operation? {
        self.administered[id.number]
    }
}

extension DrawnOperation.Kind {
    var historyKind: OperationKind {
        switch self {
        case .put, .conditionalPut: .put
        case .update: .update
        case .delete: .delete
        case .strongGet, .eventualGet: .get
        }
    }
}
