import Primitives

/// An operation that found nobody to carry it out yet.
struct ParkedOperation {
    var operation: Operation
    var origin: Origin
    var deadline: Instant
}

/// Something asked of another node.
struct Call {
    enum Kind {
        /// An operation handed over; repeated elsewhere only while that cannot apply it twice.
        case operation(Origin, Operation, retryUntil: Instant)
        /// Part of an operation that spans partitions.
        case part(coordinator: UInt64, part: Int)
        case inquiry(Origin, PendingReplica)
        /// How far the catalog is committed; the operation is tried again once that is applied.
        case fence(Origin, Operation, retryUntil: Instant)
        /// Part of a batch for a global index.
        case index(IndexPartOrigin)
    }

    var kind: Kind
    var node: NodeID
    var deadline: Instant
}

extension Node {
    /// Takes in a client's or a peer's operation.
    mutating func begin(
        _ operation: Operation,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        if self.isReplaced { return self.fail(origin, .internalServer, &effects) }
        guard
            self.calls.count + self.parked.count + self.coordinators.count
                < NodeLimits.requestsMax
        else {
            let text = "Too many requests wait in this node"
            return self.fail(origin, ServiceError(.throttling, text), &effects)
        }
        self.route(
            operation,
            origin,
            retryUntil: clocks.now + NodeLimits.requestPatience,
            clocks,
            &effects
        )
    }

    mutating func route(
        _ operation: Operation,
        _ origin: Origin,
        retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch operation {
        case .createTable, .describeTable, .listTables, .deleteTable, .updateTable,
            .tableOption:
            if self.leadsCatalog(now: clocks.now) {
                self.beginTableOperation(operation, origin, clocks, &effects)
            } else {
                self.send(
                    operation,
                    origin,
                    to: self.catalogLeader,
                    retryUntil: retryUntil,
                    clocks,
                    &effects
                )
            }
        case .describeLimits:
            self.succeed(origin, .limits(AccountLimits()), &effects)
        case .describeEndpoints:
            let address = self.settings.endpointAddress
            self.succeed(origin, .endpoints(address: address, cachePeriodMinutes: 1440), &effects)
        case .putItem, .getItem, .updateItem, .deleteItem, .query:
            self.routeItemOperation(
                operation,
                origin,
                retryUntil: retryUntil,
                clocks,
                &effects
            )
        case .scan(let request):
            self.beginScan(request, operation, origin, retryUntil, clocks, &effects)
        case .batchGetItem(let request):
            self.beginBatchGet(request, operation, origin, retryUntil, clocks, &effects)
        case .batchWriteItem(let request):
            self.beginBatchWrite(request, operation, origin, retryUntil, clocks, &effects)
        }
    }

    /// Hands an operation to the node that should carry it out, or keeps it until one is known.
    mutating func send(
        _ operation: Operation,
        _ origin: Origin,
        to node: NodeID?,
        retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch origin {
        case .peer:
            // Handed over once already: the first node decides what to do next.
            effects.append(.answer(origin, .notLeader(hint: node)))
        case .client(let request):
            guard let node, node != self.settings.id, self.isReachable(node, clocks.now)
            else {
                self.park(operation, origin, retryUntil, &effects)
                return
            }
            let call = self.calls.insert(
                Call(
                    kind: .operation(origin, operation, retryUntil: retryUntil),
                    node: node,
                    deadline: clocks.now + NodeLimits.forwardPatience
                )
            )
            effects.append(.handOver(request, to: node, call: call))
        }
    }

    mutating func park(
        _ operation: Operation,
        _ origin: Origin,
        _ deadline: Instant,
        _ effects: inout [Effect]
    ) {
        if case .peer = origin {
            effects.append(.answer(origin, .notLeader(hint: nil)))
        } else {
            self.parked.append(
                ParkedOperation(operation: operation, origin: origin, deadline: deadline)
            )
        }
    }

    /// Tries parked operations again; those whose time is up fail.
    mutating func retryParked(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard !self.parked.isEmpty else { return }
        let waiting = self.parked
        self.parked.removeAll(keepingCapacity: true)
        for entry in waiting {
            if entry.deadline <= clocks.now {
                self.fail(entry.origin, .internalServer, &effects)
            } else {
                self.route(
                    entry.operation,
                    entry.origin,
                    retryUntil: entry.deadline,
                    clocks,
                    &effects
                )
            }
        }
    }

    /// Another node carried out, or refused, what was handed to it.
    mutating func answered(
        _ call: UInt64,
        _ answer: OperationAnswer,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let waiting = self.calls.remove(call),
            case .operation(let origin, let operation, let retryUntil) = waiting.kind
        else { return }
        switch answer {
        case .answered(let status, let fields, let body):
            effects.append(
                .answer(origin, .relayed(status: status, fields: fields, body: body))
            )
        case .notLeader(let hint):
            guard retryUntil > clocks.now else {
                return self.fail(origin, .internalServer, &effects)
            }
            // A hint that differs is followed at once, so that a leader's move costs one hop.
            if let hint, hint != waiting.node, hint != self.settings.id {
                self.send(operation, origin, to: hint, retryUntil: retryUntil, clocks, &effects)
            } else {
                self.park(operation, origin, retryUntil, &effects)
            }
        }
    }

    /// The stream to a node broke, or it fell silent.
    ///
    /// Reads are repeated elsewhere; of writes nobody knows whether they happened, so their clients
    /// hear of an internal error, as from the service.
    mutating func failCalls(to node: NodeID, _ clocks: Clocks, _ effects: inout [Effect]) {
        for id in self.calls.ids(where: { $0.node == node }) { self.giveUp(id, clocks, &effects) }
    }

    mutating func expireCalls(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard self.calls.count > 0, self.ticks % 5 == 0 else { return }
        let liveness = self.liveness
        let overdue = self.calls.ids { call in
            call.deadline <= clocks.now || !liveness.answers(call.node, now: clocks.now)
        }
        for id in overdue { self.giveUp(id, clocks, &effects) }
    }

    private mutating func giveUp(_ id: UInt64, _ clocks: Clocks, _ effects: inout [Effect]) {
        guard let call = self.calls.remove(id) else { return }
        switch call.kind {
        case .operation(let origin, let operation, let retryUntil):
            let isRepeated =
                operation.isRead
                || self.settings.bug == .retryAppliedTwice && operation.isSingleWrite
            if isRepeated, retryUntil > clocks.now {
                self.park(operation, origin, retryUntil, &effects)
            } else {
                self.fail(origin, .internalServer, &effects)
            }
        case .part(let coordinator, let part):
            let isRepeatable = self.coordinators[coordinator]?.isReading == true
            self.partDone(
                coordinator,
                part,
                isRepeatable && call.deadline > clocks.now ? .notLeader(hint: nil) : .failed,
                clocks,
                &effects
            )
        case .index(let part):
            self.indexPartDone(part, .failed, clocks)
        case .inquiry(let origin, _):
            self.fail(origin, .internalServer, &effects)
        case .fence(let origin, let operation, let retryUntil):
            self.park(operation, origin, retryUntil, &effects)
        }
    }

    // MARK: Answers

    func succeed(
        _ origin: Origin,
        _ response: OperationResponse,
        note: VersionNote? = nil,
        _ effects: inout [Effect]
    ) {
        effects.append(.answer(origin, .success(response, note)))
    }

    func fail(_ origin: Origin, _ error: ServiceError, _ effects: inout [Effect]) {
        effects.append(.answer(origin, .failure(error)))
    }

    // MARK: Tables this node does not know

    /// The table is unknown here, or not serving: this copy of the catalog may be behind, so the
    /// catalog's leader is asked before the client is refused.
    mutating func confirmMissing(
        _ operation: Operation,
        _ origin: Origin,
        _ retryUntil: Instant,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        if self.fencedVersion != nil || self.leadsCatalog(now: clocks.now)
            || self.settings.bug == .staleMapAccepted
        {
            return self.fail(origin, .requestedResourceNotFound, &effects)
        }
        guard let leader = self.catalogLeader, leader != self.settings.id,
            self.isReachable(leader, clocks.now)
        else { return self.park(operation, origin, retryUntil, &effects) }
        let call = self.calls.insert(
            Call(
                kind: .fence(origin, operation, retryUntil: retryUntil),
                node: leader,
                deadline: retryUntil
            )
        )
        effects.append(.send(.catalogFence(call: call), to: leader))
    }

    mutating func fence(
        for node: NodeID,
        _ call: UInt64,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        let index = self.leadsCatalog(now: clocks.now) ? self.catalog.version : nil
        effects.append(.send(.catalogFenced(call: call, index: index), to: node))
    }

    mutating func fenced(
        _ call: UInt64,
        _ index: UInt64?,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let waiting = self.calls.remove(call),
            case .fence(let origin, let operation, let retryUntil) = waiting.kind
        else { return }
        guard let index else { return self.park(operation, origin, retryUntil, &effects) }
        guard self.catalog.version < index else {
            self.fencedVersion = index
            defer { self.fencedVersion = nil }
            return self.route(
                operation,
                origin,
                retryUntil: retryUntil,
                clocks,
                &effects
            )
        }
        self.awaitingCatalog.append(
            AwaitingCatalog(
                operation: operation,
                origin: origin,
                version: index,
                deadline: retryUntil
            )
        )
    }

    /// Operations whose fence the local catalog has now reached.
    mutating func catalogAdvanced(_ clocks: Clocks, _ effects: inout [Effect]) {
        guard !self.awaitingCatalog.isEmpty else { return }
        let waiting = self.awaitingCatalog
        self.awaitingCatalog.removeAll(keepingCapacity: true)
        for entry in waiting {
            if entry.version <= self.catalog.version {
                self.fencedVersion = entry.version
                self.route(
                    entry.operation,
                    entry.origin,
                    retryUntil: entry.deadline,
                    clocks,
                    &effects
                )
                self.fencedVersion = nil
            } else if entry.deadline <= clocks.now {
                self.fail(entry.origin, .internalServer, &effects)
            } else {
                self.awaitingCatalog.append(entry)
            }
        }
    }
}

/// An operation on a table that this node's copy of the catalog is too old to know.
struct AwaitingCatalog {
    var operation: Operation
    var origin: Origin
    var version: UInt64
    var deadline: Instant
}

extension Operation {
    fileprivate var isSingleWrite: Bool {
        switch self {
        case .putItem, .updateItem, .deleteItem: true
        case .createTable, .describeTable, .listTables, .deleteTable, .updateTable, .getItem,
            .tableOption, .query, .scan, .batchGetItem, .batchWriteItem, .describeLimits,
            .describeEndpoints:
            false
        }
    }

    /// Carrying it out twice changes nothing.
    var isRead: Bool {
        switch self {
        case .tableOption(let operation): operation.isRead
        case .getItem, .query, .scan, .batchGetItem, .describeTable, .listTables,
            .describeLimits, .describeEndpoints:
            true
        case .createTable, .deleteTable, .updateTable, .putItem, .updateItem, .deleteItem,
            .batchWriteItem:
            false
        }
    }
}
