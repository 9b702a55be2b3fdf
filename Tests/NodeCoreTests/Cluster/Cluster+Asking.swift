import DataModel
import NodeCore
import Primitives
import Tables

extension Outcome {
    var response: OperationResponse? {
        guard case .answered(.success(let response, _)) = self else { return nil }
        return response
    }

    var error: ServiceError? {
        guard case .answered(.failure(let error)) = self else { return nil }
        return error
    }

    var isSuccess: Bool { self.response != nil }

    /// The item that a GetItem found.
    var item: Item? {
        guard case .getItem(let answer)? = self.response else { return nil }
        return answer.item
    }

    /// What a write returned.
    var attributes: Item? {
        guard case .itemChanged(let answer)? = self.response else { return nil }
        return answer.attributes
    }

    var page: PageResponse? {
        guard case .page(let page)? = self.response else { return nil }
        return page
    }

    var table: TableDescription? {
        switch self.response {
        case .table(let table), .tableChanged(let table): table
        default: nil
        }
    }
}

extension Cluster {
    /// Asks and waits for the outcome.
    func ask(_ operation: Operation, of machine: Int) -> Outcome {
        var outcome: Outcome?
        self.ask(operation, of: machine) { outcome = $0 }
        guard self.run(within: .seconds(30), until: { outcome != nil }) != nil, let outcome else {
            self.complain("no answer to \(operation)")
            return .lost
        }
        return outcome
    }

    /// Repeats an operation until it succeeds, as a client's SDK does.
    @discardableResult
    func insist(_ operation: Operation, of machine: Int) -> Outcome {
        var last = Outcome.lost
        for _ in 0..<40 {
            last = self.ask(operation, of: machine)
            if last.isSuccess { return last }
            self.run(for: .milliseconds(100))
        }
        self.complain("refused again and again: \(operation): \(last)")
        return last
    }

    func status(of table: String, at machine: Int) -> NodeStatus.Table? {
        self.machines[machine].process?.node.status(now: self.now).tables
            .first { $0.name == table }
    }

    func isActive(_ table: String, at machine: Int) -> Bool {
        self.status(of: table, at: machine)?.status == "ACTIVE"
    }

    /// Every live machine of a region knows the table as active.
    func isActive(_ table: String, in region: Int) -> Bool {
        self.machines.filter { Int($0.region.rank) == region && $0.isAlive }.allSatisfy {
            self.isActive(table, at: $0.index)
        }
    }

    /// A cluster that leads, with a table that serves in region 0.
    static func withTable(
        _ table: String,
        _ plan: ClusterPlan,
        schema: KeySchema = Requests.plain
    ) -> Cluster {
        let cluster = Cluster(plan)
        cluster.insist(Requests.create(table, schema), of: 0)
        if cluster.run(within: .seconds(5), until: { cluster.isActive(table, in: 0) }) == nil {
            cluster.complain("the table is not active")
        }
        return cluster
    }

    /// Puts the table into the other regions too.
    func spread(_ table: String, to regions: Range<Int>) {
        for region in regions {
            self.insist(Requests.addReplica(table, region), of: 0)
            let isThere = self.run(within: .seconds(20)) {
                self.isActive(table, in: 0) && self.isActive(table, in: region)
            }
            if isThere == nil { self.complain("\(table) is not active in region \(region)") }
        }
    }

    /// The machine that leads the partition of a key, if one does.
    func leader(of table: String, partition: Int, region: Int = 0) -> Int? {
        for machine in self.machines where Int(machine.region.rank) == region && machine.isAlive {
            let digests = machine.process?.node.digests(of: table) ?? []
            if digests.contains(where: { $0.position == partition && $0.isLeader }) {
                return machine.index
            }
        }
        return nil
    }

    /// All replicas of a table in all of its regions hold the same.
    func agrees(on table: String, regions: Range<Int>) -> Bool {
        var sums: [Int: [UInt64]] = [:]
        for machine in self.machines
        where regions.contains(Int(machine.region.rank)) && machine.isAlive {
            for digest in machine.process?.node.digests(of: table) ?? [] {
                if digest.buckets != sums[digest.position] ?? digest.buckets { return false }
                sums[digest.position] = digest.buckets
            }
        }
        return sums.count == self.plan.partitionsPerTable
    }

    /// Conflicts on record in a region.
    func conflicts(in region: Int) -> [LedgerEntry] {
        var found: [LedgerEntry] = []
        for machine in self.machines where Int(machine.region.rank) == region {
            do throws(StoreError) {
                found += try machine.process?.node.conflicts(max: 10_000) ?? []
            } catch {
                self.complain("the ledger of node \(machine.index): \(error)")
            }
        }
        return found
    }
}
