import Primitives
package import Wire

/// Why a scenario cannot be read.
package struct ScenarioError: Error, Equatable, Sendable {
    package var message: String
    init(_ message: String) { self.message = message }
}

/// Scenarios as JSON, so that a shrunk failure can be kept and replayed.
///
/// Times are nanoseconds. Whatever the file leaves out has the value that a new scenario has.
extension Scenario {
    package static let format: UInt64 = 1

    package var json: JSONValue {
        var top: JSONValue = [
            "type": "scenario", "format": .integer(Self.format), "seed": .string("\(self.seed)"),
            "duration": .integer(self.duration), "patience": .integer(self.patience),
            "logRetained": .integer(self.logRetained), "losesPower": .bool(self.losesPower),
        ]
        top["plan"] = self.plan.json
        top["workload"] = self.workload.json
        top["faults"] = .array(self.faults.map(\.json))
        return top
    }

    package init(json: JSONValue) throws(ScenarioError) {
        guard json["type"]?.string == "scenario" else {
            throw ScenarioError("this is no scenario: it lacks \"type\": \"scenario\"")
        }
        guard json["format"]?.uint64 == Self.format else {
            throw ScenarioError("the scenario's format is not \(Self.format)")
        }
        guard let seed = json["seed"]?.string.flatMap({ UInt64($0) }) else {
            throw ScenarioError("\"seed\" must be a number in quotes")
        }
        guard let plan = json["plan"], let workload = json["workload"] else {
            throw ScenarioError("a scenario needs \"plan\" and \"workload\"")
        }
        let cluster = try ClusterPlan(json: plan)
        self.init(
            seed: seed,
            plan: cluster,
            workload: try WorkloadPlan(json: workload, regions: cluster.regions.count),
            duration: try json.number("duration")
        )
        self.patience = json["patience"]?.uint64 ?? self.patience
        self.logRetained = json["logRetained"]?.uint64 ?? self.logRetained
        self.losesPower = json["losesPower"]?.bool ?? false
        for (index, fault) in (json["faults"]?.array ?? []).enumerated() {
            do throws(ScenarioError) {
                self.faults.append(try PlannedFault(json: fault, cluster))
            } catch {
                throw ScenarioError("fault \(index + 1): \(error.message)")
            }
        }
    }
}

extension JSONValue {
    fileprivate func number(_ name: String) throws(ScenarioError) -> UInt64 {
        guard let value = self[name]?.uint64 else {
            throw ScenarioError("\"\(name)\" must be a number")
        }
        return value
    }

    fileprivate func index(_ name: String, below bound: Int) throws(ScenarioError) -> Int {
        guard let value = self[name]?.int, (0..<bound).contains(value) else {
            throw ScenarioError("\"\(name)\" must be a number below \(bound)")
        }
        return value
    }

    fileprivate func signed(_ name: String) -> Int64 {
        self[name]?.numberText.flatMap { Int64($0) } ?? 0
    }

    fileprivate func numbers(_ name: String) -> [UInt64] {
        (self[name]?.array ?? []).compactMap(\.uint64)
    }
}

// MARK: Cluster

extension LinkSettings {
    fileprivate var json: JSONValue {
        var value: JSONValue = [
            "latency": .integer(self.latency), "jitter": .integer(self.jitter),
            "lossPpm": .integer(self.lossPerMillion),
        ]
        if let bandwidth = self.bandwidth { value["bandwidth"] = .integer(bandwidth) }
        return value
    }

    fileprivate init(json: JSONValue) {
        self.init(
            latency: json["latency"]?.uint64 ?? 0,
            jitter: json["jitter"]?.uint64 ?? 0,
            lossPerMillion: UInt32(clamping: json["lossPpm"]?.uint64 ?? 0),
            bandwidth: json["bandwidth"]?.uint64
        )
    }
}

extension ClusterPlan.ClockSetting {
    fileprivate var json: JSONValue {
        ["offset": .integer(self.offset), "drift": .integer(self.drift)]
    }

    fileprivate init(json: JSONValue) {
        self.init(offset: json.signed("offset"), drift: Int32(clamping: json.signed("drift")))
    }
}

extension ClusterPlan {
    fileprivate var json: JSONValue {
        [
            "name": .string(self.name),
            "regions": .array(
                self.regions.map { ["name": .string($0.name), "nodes": .integer($0.nodes)] }
            ),
            "replicationFactor": .integer(self.replicationFactor),
            "partitionsPerTable": .integer(self.partitionsPerTable),
            "stamps": .string(self.isHybrid ? "hybrid" : "wall"),
            "durability": .string(self.durability.rawValue),
            "streams": .string(self.streams.rawValue),
            "links": .array(self.links.map { row in .array(row.map(\.json)) }),
            "clocks": .array(self.clocks.map(\.json)),
            "clockGrain": .integer(self.clockGrain), "turnMax": .integer(self.turnMax),
            "syncTime": .integer(self.syncTime),
        ]
    }

    fileprivate init(json: JSONValue) throws(ScenarioError) {
        var regions: [Region] = []
        for region in json["regions"]?.array ?? [] {
            guard let name = region["name"]?.string, let nodes = region["nodes"]?.int,
                (1...200).contains(nodes)
            else { throw ScenarioError("each region needs \"name\" and \"nodes\" (1 to 200)") }
            regions.append(Region(name: name, nodes: nodes))
        }
        guard (1...32).contains(regions.count) else {
            throw ScenarioError("a plan needs 1 to 32 \"regions\"")
        }
        self.init(name: json["name"]?.string ?? "scenario", regions: [], nodesPerRegion: 0)
        self.regions = regions
        self.replicationFactor = json["replicationFactor"]?.int ?? self.replicationFactor
        self.partitionsPerTable = json["partitionsPerTable"]?.int ?? self.partitionsPerTable
        self.isHybrid = json["stamps"]?.string != "wall"
        self.durability = json["durability"]?.string.flatMap(Durability.init) ?? .process
        self.streams = json["streams"]?.string.flatMap(Streams.init) ?? .values
        self.links = (json["links"]?.array ?? []).map { row in
            (row.array ?? []).map { LinkSettings(json: $0) }
        }
        self.clocks = (json["clocks"]?.array ?? []).map { ClockSetting(json: $0) }
        self.clockGrain = json["clockGrain"]?.uint64 ?? 1
        self.turnMax = json["turnMax"]?.uint64 ?? 0
        self.syncTime = json["syncTime"]?.uint64 ?? 0
        guard self.links.count == regions.count,
            self.links.allSatisfy({ $0.count == regions.count })
        else { throw ScenarioError("\"links\" needs a row and a column for each region") }
        guard self.clocks.count == self.nodeCount else {
            throw ScenarioError("\"clocks\" needs an entry for each of \(self.nodeCount) nodes")
        }
        guard (1...64).contains(self.partitionsPerTable), (1...9).contains(self.replicationFactor)
        else { throw ScenarioError("partitions are 1 to 64, copies 1 to 9") }
    }
}

// MARK: Workload

extension WorkloadPlan {
    fileprivate var json: JSONValue {
        var value: JSONValue = [
            "rate": .integer(self.rate), "keys": .integer(self.keys),
            "hotPercent": .integer(self.hotPercent),
            "regions": .array(self.regions.map { .integer($0) }),
            "clientsPerRegion": .integer(self.clientsPerRegion), "homes": .bool(self.hasHomes),
            "attempts": .integer(self.attemptsMax), "timeout": .integer(self.timeout),
            "way": .integer(self.wayMax), "padding": .integer(self.padding),
            "skippedKeys": .array(self.skippedKeys.map { .integer($0) }),
            "skippedOperations": .array(self.skippedOperations.map { .integer($0) }),
        ]
        value["mix"] = [
            "put": .integer(self.mix.put), "update": .integer(self.mix.update),
            "conditionalPut": .integer(self.mix.conditionalPut),
            "delete": .integer(self.mix.delete), "strongGet": .integer(self.mix.strongGet),
            "eventualGet": .integer(self.mix.eventualGet),
        ]
        if let most = self.operationsMax { value["operationsMax"] = .integer(most) }
        if self.table != TablePlan() { value["table"] = self.table.json }
        return value
    }

    fileprivate init(json: JSONValue, regions count: Int) throws(ScenarioError) {
        let regions = json.numbers("regions").map { Int(clamping: $0) }
        guard !regions.isEmpty, regions.allSatisfy({ $0 < count }) else {
            throw ScenarioError("the workload's \"regions\" are numbers below \(count)")
        }
        self.init(regions: regions)
        self.rate = json["rate"]?.uint64 ?? self.rate
        self.keys = json["keys"]?.int ?? self.keys
        self.hotPercent = json["hotPercent"]?.uint64 ?? self.hotPercent
        self.clientsPerRegion = json["clientsPerRegion"]?.int ?? self.clientsPerRegion
        self.hasHomes = json["homes"]?.bool ?? false
        self.attemptsMax = json["attempts"]?.int ?? 1
        self.timeout = json["timeout"]?.uint64 ?? self.timeout
        self.wayMax = json["way"]?.uint64 ?? self.wayMax
        self.padding = json["padding"]?.int ?? 0
        self.skippedKeys = json.numbers("skippedKeys").map { Int(clamping: $0) }
        self.skippedOperations = json.numbers("skippedOperations")
        self.operationsMax = json["operationsMax"]?.uint64
        if let table = json["table"] { self.table = try TablePlan(json: table) }
        if let mix = json["mix"] {
            self.mix.put = mix["put"]?.uint64 ?? 0
            self.mix.update = mix["update"]?.uint64 ?? 0
            self.mix.conditionalPut = mix["conditionalPut"]?.uint64 ?? 0
            self.mix.delete = mix["delete"]?.uint64 ?? 0
            self.mix.strongGet = mix["strongGet"]?.uint64 ?? 0
            self.mix.eventualGet = mix["eventualGet"]?.uint64 ?? 0
        }
        guard self.mix.total > 0, self.keys > 0, self.rate > 0, self.clientsPerRegion > 0 else {
            throw ScenarioError("the workload needs a rate, keys, clients and a mix")
        }
    }
}

// MARK: Faults

extension PlannedFault {
    fileprivate var json: JSONValue {
        var value: JSONValue = ["at": .integer(self.at), "lasts": .integer(self.lasts)]
        let put = { (name: String, number: Int) in value[name] = .integer(number) }
        var kind = self.fault.name
        switch self.fault {
        case .crash(let node), .powerLoss(let node), .pause(let node), .diskLoss(let node),
            .fullDisk(let node), .brokenDisk(let node):
            put("node", node)
        case .regionCrash(let region), .regionIsolate(let region), .rejoin(let region):
            put("region", region)
        case .cut(let from, let to), .regionCut(let from, let to), .stall(let from, let to),
            .reset(let from, let to), .regionReset(let from, let to),
            .pauseReplication(let from, let to):
            put("from", from)
            put("to", to)
        case .isolate(let node, let inbound, let outbound):
            put("node", node)
            kind =
                inbound && outbound ? "isolate" : inbound ? "isolate-inbound" : "isolate-outbound"
        case .link(let from, let to, let settings):
            put("from", from)
            put("to", to)
            value["link"] = settings.json
        case .clock(let node, let setting):
            put("node", node)
            value["clock"] = setting.json
        case .clockStep(let node, let by):
            put("node", node)
            value["by"] = .integer(by)
        case .slowDisk(let node, let time):
            put("node", node)
            value["time"] = .integer(time)
        case .bitRot(let node, let space, let place):
            put("node", node)
            put("space", Int(space))
            value["place"] = .integer(place)
        }
        value["fault"] = .string(kind)
        return value
    }

    fileprivate init(json: JSONValue, _ plan: ClusterPlan) throws(ScenarioError) {
        self.init(
            at: try json.number("at"),
            lasts: json["lasts"]?.uint64 ?? 0,
            try Self.fault(json, json["fault"]?.string ?? "", plan)
        )
    }

    private static func fault(
        _ json: JSONValue,
        _ kind: String,
        _ plan: ClusterPlan
    ) throws(ScenarioError) -> Fault {
        let node = { () throws(ScenarioError) in try json.index("node", below: plan.nodeCount) }
        let region = { (name: String) throws(ScenarioError) in
            try json.index(name, below: plan.regions.count)
        }
        let nodes = { () throws(ScenarioError) in
            (
                try json.index("from", below: plan.nodeCount),
                try json.index("to", below: plan.nodeCount)
            )
        }
        switch kind {
        case "crash": return .crash(node: try node())
        case "power": return .powerLoss(node: try node())
        case "pause": return .pause(node: try node())
        case "disk-loss": return .diskLoss(node: try node())
        case "full-disk": return .fullDisk(node: try node())
        case "broken-disk": return .brokenDisk(node: try node())
        case "region-crash": return .regionCrash(region: try region("region"))
        case "region-isolate": return .regionIsolate(region: try region("region"))
        case "rejoin": return .rejoin(region: try region("region"))
        case "isolate": return .isolate(node: try node(), inbound: true, outbound: true)
        case "isolate-inbound": return .isolate(node: try node(), inbound: true, outbound: false)
        case "isolate-outbound": return .isolate(node: try node(), inbound: false, outbound: true)
        case "cut": return .cut(from: try nodes().0, to: try nodes().1)
        case "stall": return .stall(from: try nodes().0, to: try nodes().1)
        case "reset": return .reset(from: try nodes().0, to: try nodes().1)
        case "region-cut": return .regionCut(from: try region("from"), to: try region("to"))
        case "region-reset": return .regionReset(from: try region("from"), to: try region("to"))
        case "pause-replication":
            return .pauseReplication(from: try region("from"), to: try region("to"))
        case "link":
            let link = LinkSettings(json: json["link"] ?? .null)
            return .link(from: try region("from"), to: try region("to"), link)
        case "clock": return .clock(node: try node(), .init(json: json["clock"] ?? .null))
        case "clock-step": return .clockStep(node: try node(), by: json.signed("by"))
        case "slow-disk": return .slowDisk(node: try node(), try json.number("time"))
        case "bit-rot":
            let space = UInt8(clamping: try json.index("space", below: 5))
            return .bitRot(node: try node(), space: space, place: try json.number("place"))
        default: throw ScenarioError("\"\(kind)\" is no fault")
        }
    }
}

extension Fault {
    /// Its name in scenario files.
    fileprivate var name: String {
        switch self {
        case .crash: "crash"
        case .powerLoss: "power"
        case .pause: "pause"
        case .diskLoss: "disk-loss"
        case .regionCrash: "region-crash"
        case .cut: "cut"
        case .isolate: "isolate"
        case .regionCut: "region-cut"
        case .regionIsolate: "region-isolate"
        case .stall: "stall"
        case .reset: "reset"
        case .regionReset: "region-reset"
        case .link: "link"
        case .clock: "clock"
        case .clockStep: "clock-step"
        case .slowDisk: "slow-disk"
        case .fullDisk: "full-disk"
        case .brokenDisk: "broken-disk"
        case .bitRot: "bit-rot"
        case .pauseReplication: "pause-replication"
        case .rejoin: "rejoin"
        }
    }
}
