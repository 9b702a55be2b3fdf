import DataModel
import NodeCore
import Primitives
package import Simulation

/// Runs experiments on simulated clusters, each with a seed of its own drawn from the first.
package final class SimulatedHost: ClusterHost {
    package let name = "simulation"
    private let plan: ClusterPlan
    private var random: SplitMix64

    /// - Parameters:
    ///   - plan: the cluster; its stamps are as each experiment asks.
    ///   - seed: of all the clusters that it starts.
    package init(_ plan: ClusterPlan, seed: UInt64) {
        self.plan = plan
        self.random = SplitMix64(seed: seed)
    }

    package func start(_ setting: ClusterSetting) throws(ExperimentError) -> any Cluster {
        var plan = self.plan
        plan.isHybrid = setting.isHybrid
        return SimulatedCluster(plan, seed: self.random.next())
    }

    package func stop(_ cluster: any Cluster) {}
}

/// A simulated cluster as scenarios see it.
final class SimulatedCluster: Cluster {
    private let steered: SteeredCluster
    private let plan: ClusterPlan
    let regions: [String]
    private static let patience: Nanoseconds = .seconds(5)
    private static let keyName = Array("pk".utf8)
    private static let writeName = Array("w".utf8)

    init(_ plan: ClusterPlan, seed: UInt64) {
        self.plan = plan
        self.regions = plan.regions.map(\.name)
        self.steered = SteeredCluster(plan, seed: seed)
    }

    var now: Nanoseconds { self.steered.now }

    func advance(by span: Nanoseconds) { self.steered.advance(by: span) }

    private func rank(_ region: String) -> Int {
        guard let rank = self.regions.firstIndex(of: region) else {
            preconditionFailure("no region \(region)")
        }
        return rank
    }

    func delay(from source: String, to destination: String) -> Nanoseconds {
        self.plan.links[self.rank(source)][self.rank(destination)].latency
    }

    func nodes(in region: String) -> [String] {
        let rank = RegionID(UInt8(self.rank(region)))
        return self.plan.layout.members.filter { $0.region == rank }.map(\.name)
    }

    private func node(_ name: String) throws(ExperimentError) -> Int {
        guard let member = self.plan.layout.members.first(where: { $0.name == name }) else {
            throw ExperimentError("no node \(name)")
        }
        return Int(member.id.index)
    }

    // MARK: Tables

    func createTable(_ table: String, in region: String) throws(ExperimentError) {
        let schema = KeySchema(
            partitionKey: KeyAttribute(name: Self.keyName, type: .string)
        )
        let request = CreateTableRequest(table: table, schema: schema)
        try self.insist(.createTable(request), in: region)
        let rank = self.rank(region)
        try self.wait("\(table) in \(region)") {
            self.steered.isActive(table, in: rank)
                && self.steered.leaders(of: table, in: rank).count == self.plan.partitionsPerTable
        }
    }

    func addReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError) {
        var request = UpdateTableRequest(table: table)
        request.replicas = [.create(region: other)]
        try self.insist(.updateTable(request), in: region)
    }

    func hasReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError) -> Bool {
        let rank = self.rank(other)
        return self.steered.isActive(table, in: self.rank(region))
            && self.steered.isActive(table, in: rank)
            && self.steered.leaders(of: table, in: rank).count == self.plan.partitionsPerTable
    }

    private func insist(
        _ operation: NodeCore.Operation,
        in region: String
    ) throws(ExperimentError) {
        var last = ""
        for _ in 0..<200 {
            let reply = self.steered.ask(
                operation,
                in: self.rank(region),
                patience: Self.patience
            )
            if case .answered(.success) = reply { return }
            if case .answered(.failure(let error)) = reply {
                if error.kind == .resourceInUse { return }
                last = error.message
            }
            self.advance(by: .milliseconds(50))
        }
        throw ExperimentError("\(region) refuses again and again: \(last)")
    }

    private func wait(_ what: String, _ holds: () -> Bool) throws(ExperimentError) {
        let deadline = self.now + .seconds(60)
        while !holds() {
            guard self.now < deadline else { throw ExperimentError("\(what) did not come") }
            self.advance(by: .milliseconds(5))
        }
    }

    // MARK: Items

    func put(_ write: String, at key: String, of table: String, in region: String) -> Reply {
        var map = AttributeMap()
        map[Self.keyName] = .string(Array(key.utf8))
        map[Self.writeName] = .string(Array(write.utf8))
        let request = PutItemRequest(table: table, item: Item(map))
        return self.ask(.putItem(request), in: region) { _ in .done(write) }
    }

    func get(
        _ key: String,
        of table: String,
        in region: String,
        isConsistent: Bool
    ) -> Reply {
        var map = AttributeMap()
        map[Self.keyName] = .string(Array(key.utf8))
        var request = GetItemRequest(table: table, key: Item(map))
        request.consistentRead = isConsistent
        return self.ask(.getItem(request), in: region) { response in
            guard case .getItem(let read) = response else { return .unknown("no answer to a read") }
            return .done(
                read.item?[Self.writeName]?.string.map { String(decoding: $0, as: UTF8.self) }
            )
        }
    }

    private func ask(
        _ operation: NodeCore.Operation,
        in region: String,
        _ success: (OperationResponse) -> Reply
    ) -> Reply {
        switch self.steered.ask(operation, in: self.rank(region), patience: Self.patience) {
        case .answered(.success(let response, _)): return success(response)
        case .answered(.failure(let error)):
            let isServers = error.kind == .internalServer || error.kind == .serviceUnavailable
            return isServers ? .unknown("\(error.kind)") : .refused("\(error.kind)")
        case .answered(.relayed), .answered(.notLeader): return .unknown("no answer")
        case .lost: return .unknown("the node was lost")
        case .timedOut: return .unknown("timed out")
        case .unavailable: return .refused("no node answers")
        }
    }

    // MARK: Faults

    func begin(_ fault: ClusterFault) throws(ExperimentError) -> FaultNumber {
        FaultNumber(self.add(try self.faults(for: fault)))
    }

    private var begun: [[Int]] = []

    private func add(_ faults: [Fault]) -> Int {
        self.begun.append(faults.map { self.steered.begin($0) })
        return self.begun.count - 1
    }

    private func faults(for fault: ClusterFault) throws(ExperimentError) -> [Fault] {
        switch fault {
        case .kill(let node): return [.crash(node: try self.node(node))]
        case .isolate(let region): return [.regionIsolate(region: self.rank(region))]
        case .clock(let region, let offset):
            var faults: [Fault] = []
            for name in self.nodes(in: region) {
                faults.append(
                    .clock(node: try self.node(name), ClusterPlan.ClockSetting(offset: offset))
                )
            }
            return faults
        case .pauseReplication(let from, let to):
            return [.pauseReplication(from: self.rank(from), to: self.rank(to))]
        }
    }

    func heal(_ fault: FaultNumber) throws(ExperimentError) {
        for number in self.begun[fault.number] { self.steered.heal(number) }
    }

    // MARK: Views

    func leaders(of table: String, in region: String) throws(ExperimentError) -> [Int: String] {
        self.steered.leaders(of: table, in: self.rank(region))
    }

    /// A cluster of experiments has one table with several regions at a time.
    func backlog(of table: String) throws(ExperimentError) -> UInt64 { self.steered.backlog }

    func agrees(on table: String, in regions: [String]) throws(ExperimentError) -> Bool {
        self.steered.agrees(on: table, in: regions.map { self.rank($0) })
    }

    func conflicts(of table: String) throws(ExperimentError) -> Int {
        Int(self.steered.conflicts)
    }
}
