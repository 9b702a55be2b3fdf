import DataModel
import NodeCore
import Primitives
import Tables

/// Requests of the tests' clients, and what they read out of the answers.
enum Requests {
    static let plain = KeySchema(partitionKey: KeyAttribute(name: Array("p".utf8), type: .string))
    static let sorted = KeySchema(
        partitionKey: KeyAttribute(name: Array("p".utf8), type: .string),
        sortKey: KeyAttribute(name: Array("s".utf8), type: .number)
    )

    static func key(_ name: String, _ sort: Int? = nil) -> Item {
        var map = AttributeMap()
        map[Array("p".utf8)] = .string(Array(name.utf8))
        if let sort { map[Array("s".utf8)] = .number(DecimalNumber(sort)) }
        return Item(map)
    }

    static func item(_ name: String, _ sort: Int? = nil, value: Int, padding: Int = 0) -> Item {
        var item = self.key(name, sort).setting(Array("v".utf8), .number(DecimalNumber(value)))
        if padding > 0 {
            let bytes = [UInt8](repeating: 0x61, count: padding)
            item = item.setting(Array("w".utf8), .string(bytes))
        }
        return item
    }

    static func create(_ table: String, _ schema: KeySchema = Self.plain) -> Operation {
        .createTable(CreateTableRequest(table: table, schema: schema))
    }

    static func put(_ table: String, _ item: Item) -> Operation {
        .putItem(PutItemRequest(table: table, item: item))
    }

    static func get(_ table: String, _ key: Item, isConsistent: Bool = true) -> Operation {
        var request = GetItemRequest(table: table, key: key)
        request.consistentRead = isConsistent
        return .getItem(request)
    }

    static func delete(_ table: String, _ key: Item) -> Operation {
        .deleteItem(DeleteItemRequest(table: table, key: key))
    }

    /// Counts `v` up by one; with `least`, only if it is at least that.
    static func add(_ table: String, _ key: Item, least: Int? = nil) -> Operation {
        var request = UpdateItemRequest(table: table, key: key)
        request.update = Array("ADD v :one".utf8)
        var values = [
            ValueBinding(placeholder: Array(":one".utf8), value: .number(DecimalNumber(1)))
        ]
        if let least {
            request.condition = Array("v >= :least".utf8)
            values.append(
                ValueBinding(
                    placeholder: Array(":least".utf8),
                    value: .number(DecimalNumber(least))
                )
            )
        }
        request.bindings = ExpressionBindings(values: values)
        request.returnValues = .updatedNew
        return .updateItem(request)
    }

    static func query(_ table: String, _ name: String, limit: Int? = nil) -> Operation {
        var request = QueryRequest(table: table, keyCondition: Array("p = :p".utf8))
        request.bindings = ExpressionBindings(
            values: [
                ValueBinding(placeholder: Array(":p".utf8), value: .string(Array(name.utf8)))
            ]
        )
        request.limit = limit
        request.consistentRead = true
        return .query(request)
    }

    static func addReplica(_ table: String, _ region: Int) -> Operation {
        var request = UpdateTableRequest(table: table)
        request.replicas = [.create(region: "region-\(region)")]
        return .updateTable(request)
    }

    static func removeReplica(_ table: String, _ region: Int) -> Operation {
        var request = UpdateTableRequest(table: table)
        request.replicas = [.delete(region: "region-\(region)")]
        return .updateTable(request)
    }
}

extension Item {
    /// The attribute `v`.
    var value: Int? {
        guard case .number(let number)? = self[Array("v".utf8)]?.unpacked() else { return nil }
        return number.int
    }

    /// The attribute `p`.
    var name: String? {
        guard case .string(let bytes)? = self[Array("p".utf8)]?.unpacked() else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

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

    /// The sums of every partition of a table as each machine of a region holds them.
    func digests(of table: String, in region: Int) -> [[UInt64]] {
        self.machines.filter { Int($0.region.rank) == region && $0.isAlive }.map { machine in
            (machine.process?.node.digests(of: table) ?? []).map(\.total)
        }
    }

    /// All replicas of a table in all of its regions hold the same.
    func agrees(on table: String, regions: Range<Int>) -> Bool {
        var first: [UInt64]?
        for region in regions {
            for sums in self.digests(of: table, in: region) {
                if sums != first ?? sums { return false }
                first = sums
            }
        }
        return first?.isEmpty == false
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
