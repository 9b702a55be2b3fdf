import DataModel
import NodeCore
import Primitives
import Replication
import Tables

/// What an operator does to the table while clients ask, beside its regions.
extension Run {
    private var table: TablePlan { self.scenario.workload.table }

    /// Time since clients began, as the plan counts it.
    private var elapsed: Nanoseconds {
        self.phase == .setup ? 0 : self.world.now.since(self.clientsBegan)
    }

    // MARK: Setup

    func makeTable() {
        var request = CreateTableRequest(table: RequestForms.table, schema: self.table.schema)
        request.billingMode = self.table.isPlain ? .provisioned : .payPerRequest
        request.locals = self.table.indexes.filter(\.kind.isLocal).map(\.definition)
        request.globals = self.table.globals(at: 0).map { IndexRecord(definition: $0.definition) }
        self.insist(.createTable(request), 0)
        let isMade = self.wait(.seconds(30)) { self.world.isActive(RequestForms.table, 0) }
        guard isMade else { return self.fail(.liveness, "the table is not made") }
        guard self.table.timeToLive != nil else { return }
        let expiry = TableOptionOperation.updateTimeToLive(
            table: RequestForms.table,
            attribute: TablePlan.Names.expiry,
            isEnabled: true
        )
        self.insist(.tableOption(expiry), 0)
    }

    /// Plans the changes of indexes, from when clients begin.
    func planIndexChanges() {
        let times = self.table.indexes.flatMap { [$0.madeAt, $0.droppedAt] }.compactMap { $0 }
        for time in Set(times).sorted() {
            self.world.agenda.plan(.milestone, 0, Self.indexMilestone, at: self.clientsBegan + time)
        }
    }

    /// The `b` of a milestone that looks at the indexes.
    static let indexMilestone: UInt32 = 2

    // MARK: Indexes

    /// One step towards the indexes that the plan wants now: in a global table each region follows
    /// the others, and whoever asks again and again finds out when all of them have.
    func changeIndexes() {
        guard !self.isChangingIndexes else { return }
        let wanted = self.table.globals(at: self.elapsed)
        var orders: [(machine: Machine, update: IndexUpdate)] = []
        // Who is not there may have missed it.
        var isSettled = self.world.machines.allSatisfy(\.isAlive)
        for machine in self.world.machines where machine.isAlive {
            let table = RequestForms.table
            guard let records = machine.process!.loop.node.indexRecords(of: table) else {
                isSettled = false
                continue
            }
            if records.contains(where: { $0.status != .active }) { isSettled = false }
            for index in wanted where !records.contains(where: { $0.name == index.kind.rawValue }) {
                orders.append((machine, .create(IndexRecord(definition: index.definition))))
            }
            for record in records where record.status != .deleting {
                let isWanted = wanted.contains { $0.kind.rawValue == record.name }
                if !isWanted { orders.append((machine, .delete(record.name))) }
            }
        }
        guard !orders.isEmpty else {
            if !isSettled { self.changeIndexesLater() }
            return
        }
        self.isChangingIndexes = true
        let order = orders[Int(self.random.below(UInt64(orders.count)))]
        var request = UpdateTableRequest(table: RequestForms.table)
        request.indexUpdates = [order.update]
        self.clients.administer(.updateTable(request), at: order.machine) { [unowned self] _ in
            self.isChangingIndexes = false
            self.changeIndexesLater()
        }
    }

    private func changeIndexesLater() {
        self.world.agenda.plan(
            .milestone,
            0,
            Self.indexMilestone,
            at: self.world.now + .milliseconds(300)
        )
    }

    // MARK: Checks

    /// Every active index of the regions holds what follows from the items, within a bound of time.
    func checkIndexes(in regions: [Int]) {
        guard !self.table.indexes.isEmpty else { return }
        var fault: String?
        let isGood = self.wait(self.scenario.patience, every: .milliseconds(200)) {
            fault = self.indexFault(in: regions)
            return fault == nil
        }
        guard !isGood, let fault else { return }
        self.fail(.index, "\(fault), \(self.scenario.patience.seconds) after the faults ended")
    }

    func indexFault(in regions: [Int]) -> String? {
        for region in regions {
            for machine in self.world.machines(in: region) {
                let fault = self.world.localIndexFault(self.table, self.clients.forms, on: machine)
                if let fault { return fault }
            }
            let fault = self.world.globalIndexFault(self.table, self.clients.forms, region)
            if let fault { return fault }
        }
        return nil
    }

    /// What is wrong with the table beside its items, once everything was healed.
    func tableFault(in regions: [Int]) -> String? {
        guard !self.table.isPlain else { return nil }
        for region in regions {
            let hasIndexes = self.world.hasIndexes(
                self.table,
                at: self.elapsed,
                RequestForms.table,
                region
            )
            guard !hasIndexes else { continue }
            return "\(self.world.plan.regions[region].name) has not the indexes that were asked for"
        }
        return self.indexFault(in: regions)
            ?? self.world.overdueItem(self.table, self.clients.forms)
    }

    /// Looked at after some turns: local indexes are never behind.
    func sampleLocalIndexes(_ machine: Machine) {
        guard self.table.hasLocals, !machine.isSyncing else { return }
        let fault = self.world.localIndexFault(self.table, self.clients.forms, on: machine)
        if let fault { self.fail(.index, fault) }
    }
}

/// What sweeps of expired items decided, and what became of it.
struct SweepWatch {
    private struct Version: Hashable {
        var key: [UInt8]
        var stamp: Stamp
    }

    private struct Sweep {
        var record: SweepRecord
        /// Its operation in the history; nil once it is known to have happened.
        var open: UInt64?
    }

    /// The numbers of the writes that made the versions seen so far.
    private var writes: [Version: UInt64] = [:]
    private var sweeps: [Version: Sweep] = [:]

    mutating func decided(_ record: SweepRecord, operation: UInt64) {
        let version = Version(key: record.key.bytes, stamp: record.stamp)
        self.sweeps[version] = Sweep(record: record, open: operation)
    }

    /// Takes a line of an apply log.
    ///
    /// - Returns: the operation that is over with it, and what is wrong with it.
    mutating func applied(
        _ record: ApplyRecord,
        in region: RegionID,
        _ expiries: [UInt64: Int]
    ) -> (operation: UInt64?, fault: String?) {
        let version = Version(key: record.key, stamp: record.stamp)
        if let write = record.write.flatMap(Self.number) { self.writes[version] = write }
        guard record.isDelete, var sweep = self.sweeps[version] else { return (nil, nil) }
        let operation = sweep.open
        sweep.open = nil
        self.sweeps[version] = sweep
        guard record.stamp.region == region, record.decision == .applied,
            let against = record.against,
            let write = self.writes[Version(key: record.key, stamp: against)]
        else { return (operation, nil) }
        let grace = against.region == region ? 0 : sweep.record.grace
        let latest = sweep.record.second - grace
        guard let expiry = expiries[write] else {
            return (operation, "time to live removed w\(write), which does not expire")
        }
        guard expiry > latest else { return (operation, nil) }
        return (operation, "time to live removed w\(write) \(expiry - latest) s too early")
    }

    /// `w17` as 17.
    private static func number(_ write: [UInt8]) -> UInt64? {
        UInt64(String(decoding: write.dropFirst(), as: UTF8.self))
    }
}
