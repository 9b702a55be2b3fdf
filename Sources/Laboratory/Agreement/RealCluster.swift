import EventLoop
import Experiments
import Fleet
import Glibc
import Primitives
import Topology
import Wire

/// A running cluster as scenarios see it: items through the regions' endpoints, everything else
/// through the control API.
final class RealCluster: Cluster {
    private let topology: Topology
    private let process: ClusterProcess
    private let state: ClusterState
    let regions: [String]
    /// A keep-alive connection to each region's endpoint.
    private var connections: [String: BlockingConnection] = [:]
    private var faultNames: [String] = []

    private static let patienceMilliseconds = 5_000

    /// Returns once the cluster serves.
    init(
        _ topology: Topology,
        _ name: String,
        _ process: ClusterProcess,
        log: String
    ) throws(ExperimentError) {
        self.topology = topology
        self.process = process
        self.regions = topology.regions.map(\.name)
        let directory = ClusterDirectory(cluster: name)
        while true {
            if let state = ClusterState.read(from: directory), state.phase == .ready {
                self.state = state
                return
            }
            guard process.isRunning else {
                let text = String(decoding: Files.tail(log, limit: 2_000), as: UTF8.self)
                throw ExperimentError("the cluster did not start:\n\(text)")
            }
            process.wait(nanoseconds: 20_000_000)
        }
    }

    func stop() { self.process.stop(patience: 20_000_000_000) }

    // MARK: Time

    var now: Nanoseconds { self.process.now }

    func advance(by span: Nanoseconds) { self.process.wait(nanoseconds: span) }

    func delay(from source: String, to destination: String) -> Nanoseconds {
        guard let from = self.topology.region(named: source)?.nodes.first,
            let to = self.topology.region(named: destination)?.nodes.first
        else { preconditionFailure("no region \(source) or \(destination)") }
        return self.topology.linkSettings(from: from, to: to).latency
    }

    func nodes(in region: String) -> [String] {
        self.state.nodes.filter { $0.region == region }.map(\.name)
    }

    // MARK: Tables

    func createTable(_ table: String, in region: String) throws(ExperimentError) {
        try self.insist(
            "CreateTable",
            [
                "TableName": .string(table), "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [["AttributeName": "pk", "KeyType": "HASH"]],
                "AttributeDefinitions": [["AttributeName": "pk", "AttributeType": "S"]],
            ],
            in: region
        )
        try self.wait("\(table) in \(region)") { () throws(ExperimentError) in
            guard self.status(of: table, in: region) == "ACTIVE" else { return false }
            let leaders = try self.leaders(of: table, in: region)
            return leaders.count == self.topology.partitionsPerTable
        }
    }

    func addReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError) {
        try self.insist(
            "UpdateTable",
            [
                "TableName": .string(table),
                "ReplicaUpdates": [["Create": ["RegionName": .string(other)]]],
            ],
            in: region
        )
    }

    func hasReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError) -> Bool {
        guard let there = self.describe(table, in: region),
            there["TableStatus"]?.string == "ACTIVE",
            let here = self.describe(table, in: other), here["TableStatus"]?.string == "ACTIVE"
        else { return false }
        return [(there, other), (here, other)].allSatisfy { description, region in
            (description["Replicas"]?.array ?? []).contains {
                $0["RegionName"]?.string == region && $0["ReplicaStatus"]?.string == "ACTIVE"
            }
        }
    }

    private func describe(_ table: String, in region: String) -> JSONValue? {
        let answer = self.ask("DescribeTable", ["TableName": .string(table)], in: region)
        return answer?.status == 200 ? answer?.json["Table"] : nil
    }

    private func status(of table: String, in region: String) -> String? {
        self.describe(table, in: region)?["TableStatus"]?.string
    }

    private func insist(
        _ operation: String,
        _ body: JSONValue,
        in region: String
    ) throws(ExperimentError) {
        var last = "no answer"
        for _ in 0..<200 {
            if let answer = self.ask(operation, body, in: region) {
                if answer.status == 200 { return }
                last = Self.errorName(answer.json)
                if last == "ResourceInUseException" { return }
            }
            self.advance(by: 50_000_000)
        }
        throw ExperimentError("\(region) refuses \(operation) again and again: \(last)")
    }

    private func wait(
        _ what: String,
        _ holds: () throws(ExperimentError) -> Bool
    ) throws(ExperimentError) {
        let deadline = self.now + 60_000_000_000
        while try !holds() {
            guard self.now < deadline else { throw ExperimentError("\(what) did not come") }
            self.advance(by: 10_000_000)
        }
    }

    // MARK: Items

    func put(_ write: String, at key: String, of table: String, in region: String) -> Reply {
        let item: JSONValue = ["pk": ["S": .string(key)], "w": ["S": .string(write)]]
        let body: JSONValue = ["TableName": .string(table), "Item": item]
        return self.reply(self.ask("PutItem", body, in: region)) { _ in write }
    }

    func get(
        _ key: String,
        of table: String,
        in region: String,
        isConsistent: Bool
    ) -> Reply {
        let body: JSONValue = [
            "TableName": .string(table), "Key": ["pk": ["S": .string(key)]],
            "ConsistentRead": .bool(isConsistent),
        ]
        return self.reply(self.ask("GetItem", body, in: region)) {
            $0["Item"]?["w"]?["S"]?.string
        }
    }

    private func reply(
        _ answer: (status: Int, json: JSONValue)?,
        _ write: (JSONValue) -> String?
    ) -> Reply {
        guard let answer else { return .unknown("no answer") }
        switch answer.status {
        case 200: return .done(write(answer.json))
        case 400..<500: return .refused(Self.errorName(answer.json))
        default: return .unknown(Self.errorName(answer.json))
        }
    }

    private static func errorName(_ json: JSONValue) -> String {
        let type = json["__type"]?.string ?? "?"
        return type.split(separator: "#").last.map(String.init) ?? type
    }

    /// One request, sent once; nil when no answer came.
    private func ask(
        _ operation: String,
        _ body: JSONValue,
        in region: String
    ) -> (status: Int, json: JSONValue)? {
        guard let port = self.state.regions.first(where: { $0.name == region })?.port else {
            preconditionFailure("no region \(region)")
        }
        let bytes = HTTPRequestBuilder.dynamoDB(operation, host: "127.0.0.1:\(port)")
            .bytes(body: body.serialized())
        do throws(LoopError) {
            let connection: BlockingConnection
            if let open = self.connections[region] {
                connection = open
            } else {
                connection = try BlockingConnection(port: port)
                self.connections[region] = connection
            }
            return try connection.exchange(bytes, Self.patienceMilliseconds)
        } catch {
            self.connections[region] = nil
            return nil
        }
    }

    // MARK: Faults and views

    func begin(_ fault: ClusterFault) throws(ExperimentError) -> FaultNumber {
        let json: JSONValue
        switch fault {
        case .kill(let node): json = ["kind": "kill", "target": .string(node)]
        case .isolate(let region):
            json = ["kind": "partition", "a": .string(region), "b": "rest"]
        case .clock(let region, let offset):
            json = [
                "kind": "clock", "target": .string(region), "offsetNs": .integer(offset),
            ]
        case .pauseReplication(let from, let to):
            json = [
                "kind": "pause-replication", "a": .string(from), "b": .string(to),
                "oneWay": true,
            ]
        }
        let answer = try self.insist("/v1/faults", json)
        guard let name = answer["id"]?.string else {
            throw ExperimentError("the fault has no id: \(answer.pretty())")
        }
        self.faultNames.append(name)
        return FaultNumber(self.faultNames.count - 1)
    }

    func heal(_ fault: FaultNumber) throws(ExperimentError) {
        _ = try self.insist("/v1/heal", ["id": .string(self.faultNames[fault.number])])
    }

    /// The supervisor measures what a fault or its healing did, and on a machine that is too busy
    /// for the measurement it refuses: then it is asked again.
    private func insist(_ target: String, _ body: JSONValue) throws(ExperimentError) -> JSONValue {
        for _ in 0..<2 {
            if let answer = try? self.control("POST", target, body) { return answer }
            self.advance(by: 200_000_000)
        }
        return try self.control("POST", target, body)
    }

    func leaders(of table: String, in region: String) throws(ExperimentError) -> [Int: String] {
        var leaders: [Int: String] = [:]
        var ids: Set<Int> = []
        let status = try self.control("GET", "/v1/status")
        for entry in status["regions"]?.array ?? [] where entry["name"]?.string == region {
            for node in entry["nodes"]?.array ?? [] {
                let tables = node["report"]?["tables"]?.array ?? []
                let mine = tables.first { $0["name"]?.string == table }
                for partition in mine?["partitions"]?.array ?? [] {
                    guard let id = partition["id"]?.int else { continue }
                    ids.insert(id)
                    if partition["role"]?.string == "leader" { leaders[id] = node["name"]?.string }
                }
            }
        }
        // Positions follow the order in which partitions were made.
        var byPosition: [Int: String] = [:]
        for (position, id) in ids.sorted().enumerated() { byPosition[position] = leaders[id] }
        return byPosition
    }

    func backlog(of table: String) throws(ExperimentError) -> UInt64 {
        // One entry for each window; the backlog is the same in all.
        var routes: [String: UInt64] = [:]
        for entry in try self.control("GET", "/v1/lag")["lag"]?.array ?? []
        where entry["table"]?.string == table {
            let ends = [entry["source"], entry["destination"]].map { $0?.string ?? "" }
            routes[ends.joined(separator: " ")] = entry["backlogChanges"]?.uint64 ?? 0
        }
        return routes.values.reduce(0, +)
    }

    func agrees(on table: String, in regions: [String]) throws(ExperimentError) -> Bool {
        let report = try self.control("GET", "/v1/verify?waitMs=0&table=\(table)")
        return report["equal"]?.bool == true
    }

    func conflicts(of table: String) throws(ExperimentError) -> Int {
        let report = try self.control("GET", "/v1/conflicts?limit=10000")
        return (report["conflicts"]?.array ?? []).count { $0["table"]?.string == table }
    }

    private func control(
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil
    ) throws(ExperimentError) -> JSONValue {
        let port = self.state.controlPort
        let request = HTTPRequestBuilder.control(method, target, host: "127.0.0.1:\(port)")
        do throws(LoopError) {
            let connection = try BlockingConnection(port: port)
            let bytes = request.bytes(body: body?.serialized() ?? [])
            let answer = try connection.exchange(bytes, 120_000)
            guard answer.status == 200 else {
                let error = answer.json["error"]?.string ?? "status \(answer.status)"
                throw LoopError(code: 0, description: "\(target): \(error)")
            }
            return answer.json
        } catch {
            throw ExperimentError(error.description)
        }
    }
}

/// One connection on which one question at a time is asked.
final class BlockingConnection {
    private let socket: BlockingSocket
    private var parser = ResponseParser()

    init(port: UInt16) throws(LoopError) {
        self.socket = try BlockingSocket(port: port, timeoutMilliseconds: 2_000)
    }

    /// - Throws: when no answer came in time, or none that can be read; the connection is of no
    ///   use afterwards.
    func exchange(
        _ request: [UInt8],
        _ timeoutMilliseconds: Int
    ) throws(LoopError) -> (status: Int, json: JSONValue) {
        try self.socket.send(request, timeoutMilliseconds: timeoutMilliseconds)
        while true {
            let bytes = try self.socket.receive(timeoutMilliseconds: timeoutMilliseconds)
            guard !bytes.isEmpty else {
                throw LoopError(code: 0, description: "the connection ended without an answer")
            }
            self.parser.append(bytes)
            do throws(HTTPError) {
                guard let response = try self.parser.next() else { continue }
                let body = try? JSONValue(parsing: self.parser.bytes, in: response.body)
                return (response.status, body ?? .null)
            } catch {
                throw LoopError(code: 0, description: "the answer is not HTTP")
            }
        }
    }
}
