import Checkers
import History
import Primitives

/// A tiny honest cluster that writes histories, from a seed.
///
/// Regions of two replicas with a log, replication by last writer wins with delays, clients that
/// read and write.
struct MiniCluster {
    struct Settings {
        var regions = 2
        var keys = 3
        var clients = 4
        var operations = 60
        /// Wall clocks stand still for so many operations: stamps of two regions meet.
        var clockStep: UInt64 = 1
        var hasDeletes = true
        var hasDoubts = true
        /// In ten.
        var weakReads = 3
    }

    private struct Version {
        var write: WriteName
        var stamp: HistoryStamp
        var isDelete: Bool
    }

    private struct Region {
        /// By key.
        var items: [Version?]
        var sequence: UInt64 = 0
        /// By source region: what has not arrived, per destination.
        var inbox: [(key: Int, version: Version)] = []
        /// What the second replica has not applied.
        var behind: [Application] = []
        /// What the second replica holds, by key.
        var follower: [Version?]
    }

    private struct Running {
        var id: UInt64
        var client: Int
        var region: Int
        var key: Int
        var kind: OperationKind
        var write: WriteName?
        var condition: WriteCondition
        var isStrong: Bool
        /// The answer, once it took effect.
        var answer: HistoryEvent?
        var isDoubtful: Bool
    }

    private let settings: Settings
    private var chance: SplitMix64
    private(set) var history: History
    private var regions: [Region]
    private var running: [Running?]
    private var time: UInt64 = 1_000
    private var lastID: UInt64 = 0
    private var clocks: [UInt64]
    private let keys: [KeyName]
    private let nodes: [[NodeName]]

    init(seed: UInt64, _ settings: Settings = Settings()) {
        self.settings = settings
        self.chance = SplitMix64(seed: seed)
        let names = (0..<settings.regions).map { "region-\($0)" }
        self.history = History(
            header: HistoryHeader(host: .simulation, seed: "\(seed)", regions: names)
        )
        var keys: [KeyName] = []
        for key in 0..<settings.keys {
            keys.append(self.history.names.key("k\(key)", table: "t"))
        }
        var nodes: [[NodeName]] = []
        for name in names {
            let leader = self.history.names.node(name + "-a")
            nodes.append([leader, self.history.names.node(name + "-b")])
        }
        self.keys = keys
        self.nodes = nodes
        let empty = [Version?](repeating: nil, count: settings.keys)
        let region = Region(items: empty, follower: empty)
        self.regions = [Region](repeating: region, count: settings.regions)
        self.running = [Running?](repeating: nil, count: settings.clients)
        self.clocks = [UInt64](repeating: 0, count: settings.regions)
    }

    static func history(seed: UInt64, _ settings: Settings = Settings()) -> History {
        var cluster = MiniCluster(seed: seed, settings)
        cluster.run()
        return cluster.history
    }

    private mutating func run() {
        while self.lastID < UInt64(self.settings.operations) { self.turn(mayBegin: true) }
        while self.running.contains(where: { $0 != nil }) { self.turn(mayBegin: false) }
        while self.deliver() {}
        for region in self.regions.indices { while self.follow(region) {} }
        self.tellFinals()
    }

    private mutating func tick() -> UInt64 {
        self.time += UInt64(self.chance.below(3)) * 1_000 + 1
        return self.time
    }

    private mutating func turn(mayBegin: Bool) {
        switch self.chance.below(6) {
        case 0: _ = self.deliver()
        case 1: _ = self.follow(self.chance.below(self.regions.count))
        default:
            let client = self.chance.below(self.running.count)
            guard let operation = self.running[client] else {
                if mayBegin { self.begin(client) }
                return
            }
            if let answer = operation.answer {
                self.end(client, operation, answer)
            } else {
                let answer = self.effect(operation)
                self.running[client]?.answer = answer
            }
        }
    }

    // MARK: Clients

    private mutating func begin(_ client: Int) {
        self.lastID += 1
        let region = client % self.regions.count
        let key = self.chance.below(self.keys.count)
        var kind = OperationKind.get
        switch self.chance.below(10) {
        case 0..<4: kind = .put
        case 4: kind = .update
        case 5: kind = self.settings.hasDeletes ? .delete : .put
        default: kind = .get
        }
        var condition = WriteCondition.none
        if kind.isWrite {
            switch self.chance.below(6) {
            case 0: condition = .exists(true)
            case 1: condition = .exists(false)
            case 2:
                guard let item = self.regions[region].items[key], !item.isDelete else { break }
                condition = .previous(item.write)
            default: break
            }
        }
        let operation = Running(
            id: self.lastID,
            client: client,
            region: region,
            key: key,
            kind: kind,
            write: kind.isWrite ? self.history.names.write("w\(self.lastID)") : nil,
            condition: condition,
            isStrong: self.chance.below(10) >= self.settings.weakReads,
            answer: nil,
            isDoubtful: self.settings.hasDoubts && self.chance.oneIn(15)
        )
        self.running[client] = operation
        let invocation = Invocation(
            id: operation.id,
            client: UInt32(client),
            region: RegionRank(region),
            operation: kind,
            key: self.keys[key],
            write: operation.write,
            condition: condition,
            isConsistent: kind == .get && operation.isStrong,
            time: self.tick()
        )
        self.history.append(.invoke(invocation))
    }

    private mutating func end(_ client: Int, _ operation: Running, _ answer: HistoryEvent) {
        self.running[client] = nil
        let now = self.tick()
        let error = self.history.names.text("time-out")
        if operation.isDoubtful {
            return self.history.append(.info(Doubt(id: operation.id, error: error, time: now)))
        }
        switch answer {
        case .ok(var completion):
            completion.time = now
            self.history.append(.ok(completion))
        case .fail(var refusal):
            refusal.time = now
            self.history.append(.fail(refusal))
        case .invoke, .info, .apply, .final, .fault, .heal, .note: break
        }
    }

    /// What happens to the leader's items, and the answer that it will give.
    private mutating func effect(_ operation: Running) -> HistoryEvent {
        let item = self.regions[operation.region].items[operation.key]
        let seen = Self.observed(item)
        if operation.kind == .get {
            let source =
                operation.isStrong ? item : self.regions[operation.region].follower[operation.key]
            let stamp = source.flatMap { $0.isDelete ? nil : $0.stamp }
            return .ok(
                Completion(id: operation.id, write: Self.observed(source), stamp: stamp, time: 0)
            )
        }
        guard Self.holds(operation.condition, seen), let write = operation.write else {
            let error = self.history.names.text(Refusal.conditionFailed)
            return .fail(Refusal(id: operation.id, error: error, previous: seen, time: 0))
        }
        // A delete of nothing leaves no trace.
        if operation.kind == .delete, seen == .nothing {
            return .ok(Completion(id: operation.id, previous: .nothing, time: 0))
        }
        let stamp = self.stamp(operation.region, over: item)
        let version = Version(write: write, stamp: stamp, isDelete: operation.kind == .delete)
        self.apply(version, operation.region, operation.key)
        for other in self.regions.indices where other != operation.region {
            self.regions[other].inbox.append((operation.key, version))
        }
        let name: Observed = operation.kind == .delete ? .unknown : .write(write)
        return .ok(
            Completion(id: operation.id, write: name, previous: seen, stamp: stamp, time: 0)
        )
    }

    private static func observed(_ version: Version?) -> Observed {
        guard let version, !version.isDelete else { return .nothing }
        return .write(version.write)
    }

    private static func holds(_ condition: WriteCondition, _ seen: Observed) -> Bool {
        switch condition {
        case .none: true
        case .previous(let write): seen == .write(write)
        case .exists(let exists): (seen != .nothing) == exists
        }
    }

    private mutating func stamp(_ region: Int, over item: Version?) -> HistoryStamp {
        let wall = self.lastID / self.settings.clockStep * self.settings.clockStep * 10
        let least = max(self.clocks[region], item?.stamp.time ?? 0) + 1
        self.clocks[region] = max(wall, least)
        return HistoryStamp(self.clocks[region], RegionRank(region))
    }

    // MARK: Replicas

    private mutating func apply(_ version: Version, _ region: Int, _ key: Int) {
        let held = self.regions[region].items[key]
        let isNewer = held.map { $0.stamp < version.stamp } ?? true
        self.regions[region].sequence += 1
        let application = Application(
            node: self.nodes[region][0],
            region: RegionRank(region),
            partition: UInt64(region),
            sequence: self.regions[region].sequence,
            key: self.keys[key],
            write: .write(version.write),
            isDelete: version.isDelete,
            stamp: version.stamp,
            decision: isNewer ? .applied : .older,
            against: held?.stamp,
            time: self.tick()
        )
        self.history.append(.apply(application))
        self.regions[region].behind.append(application)
        if isNewer { self.regions[region].items[key] = version }
    }

    /// One change reaches another region; the order between sources is kept.
    private mutating func deliver() -> Bool {
        let waiting = self.regions.indices.filter { !self.regions[$0].inbox.isEmpty }
        guard !waiting.isEmpty else { return false }
        let region = waiting[self.chance.below(waiting.count)]
        let change = self.regions[region].inbox.removeFirst()
        self.apply(change.version, region, change.key)
        return true
    }

    /// The second replica applies one more entry.
    private mutating func follow(_ region: Int) -> Bool {
        guard !self.regions[region].behind.isEmpty else { return false }
        var application = self.regions[region].behind.removeFirst()
        application.node = self.nodes[region][1]
        application.time = self.tick()
        self.history.append(.apply(application))
        guard application.decision == .applied, let write = application.write.name,
            let key = self.keys.firstIndex(of: application.key)
        else { return true }
        self.regions[region].follower[key] = Version(
            write: write,
            stamp: application.stamp,
            isDelete: application.isDelete
        )
        return true
    }

    private mutating func tellFinals() {
        for region in self.regions.indices {
            for (index, items) in [self.regions[region].items, self.regions[region].follower]
                .enumerated()
            {
                for (key, item) in items.enumerated() {
                    let state = FinalState(
                        node: self.nodes[region][index],
                        region: RegionRank(region),
                        key: self.keys[key],
                        write: item.map { .write($0.write) } ?? .nothing,
                        stamp: item?.stamp,
                        isDelete: item?.isDelete ?? false
                    )
                    self.history.append(.final(state))
                }
            }
        }
    }
}

/// Draws of the tests' own; the draws of the simulator may change without theirs.
extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }

    mutating func oneIn(_ odds: Int) -> Bool { self.below(odds) == 0 }
}
