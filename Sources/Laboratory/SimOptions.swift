import Fleet
import Primitives
import Simulation
import Topology

/// What `atoll sim` was asked for, understood.
struct SimOptions: Sendable {
    enum Mode: Equatable, Sendable {
        case seeds
        case shrink
        case replay(String)
        case zoo
    }

    var mode = Mode.seeds
    var first: UInt64 = 1
    var last: UInt64 = 1
    /// Only every so many of the seeds, for one of several processes.
    var stride: UInt64 = 1
    var jobs = 1
    var given = Swarm.Given()
    var bug: Bug?
    var isTraced = false
    var isJSON = false
    var history: String?
    var keepsGoing = false
    var checksInvariants = true
    var keepsHistory = true
    /// One of the processes of a run with several jobs: prints records, no summary.
    var isWorker = false
    /// The words of the command that jobs and replays repeat.
    var words: [String] = []
    var output: String?

    init(_ command: ParsedCommand) throws(UsageError) {
        try self.readSeeds(command)
        if let name = command.positional(0) {
            self.given.plan = try Self.plan(name)
            self.words.append(name)
        }
        if let text = command.value("--for") {
            self.given.duration = try Self.duration(text)
            self.words += ["--for", text]
        }
        if let text = command.value("--rate") {
            self.given.rate = UInt64(try Self.number(text, "--rate", 1...1_000_000))
            self.words += ["--rate", text]
        }
        if let text = command.value("--reads") {
            self.given.readPercent = UInt64(try Self.number(text, "--reads", 0...100))
            self.words += ["--reads", text]
        }
        if let text = command.value("--shape") {
            guard self.given.plan == nil else {
                throw UsageError("--shape and a topology do not go together", hint: "Give one.")
            }
            self.given.plan = try Self.shape(text)
            self.words += ["--shape", text]
        }
        if let text = command.value("--faults") {
            self.given.faults = try Self.faults(text)
            self.words += ["--faults", text]
        }
        if let text = command.value("--tables") {
            guard let tables = Swarm.Tables(rawValue: text) else {
                throw UsageError(
                    "--tables \(text) is not understood",
                    hint: "plain: items alone; swarm: some with indexes or expiry; full: all."
                )
            }
            self.given.tables = tables
            self.words += ["--tables", text]
        }
        if let name = command.value("--bug") {
            guard let bug = Bug(name: name) else {
                let names = Bug.allCases.map(\.name).joined(separator: ", ")
                throw UsageError("unknown bug \"\(name)\"", hint: "There are: \(names)")
            }
            self.bug = bug
            self.words += ["--bug", name]
        }
        if let text = command.value("--check") {
            try self.readChecks(text)
            self.words += ["--check", text]
        }
        self.isTraced = command.has("--trace")
        self.isJSON = command.has("--json")
        if self.isJSON { self.words.append("--json") }
        self.history = command.value("--history")
        self.keepsGoing = command.has("--keep-going")
        self.isWorker = command.has("--worker")
        self.output = command.value("--output")
        if let text = command.value("--jobs") {
            self.jobs = try Self.number(text, "--jobs", 1...256)
        }
        if let text = command.value("--stride") {
            self.stride = UInt64(try Self.number(text, "--stride", 1...256))
        }
        try self.readMode(command)
    }

    private mutating func readMode(_ command: ParsedCommand) throws(UsageError) {
        if let file = command.value("--replay") { self.mode = .replay(file) }
        if command.has("--shrink") { self.mode = .shrink }
        if command.has("--zoo") { self.mode = .zoo }
        let modes = ["--replay", "--shrink", "--zoo"].filter { command.has($0) }
        guard modes.count <= 1 else {
            throw UsageError(
                modes.joined(separator: " and ") + " do not go together",
                hint: "One run does one of them."
            )
        }
        let isSingle = self.first == self.last
        if self.mode == .shrink, !isSingle {
            throw UsageError(
                "--shrink takes one seed",
                hint: "For example: atoll sim --shrink --seed 17"
            )
        }
        if self.isTraced || self.history != nil, !isSingle {
            throw UsageError(
                "--trace and --history take one seed",
                hint: "For example: atoll sim --seed 17 --trace"
            )
        }
    }

    private mutating func readSeeds(_ command: ParsedCommand) throws(UsageError) {
        if let text = command.value("--seed") {
            guard let seed = UInt64(text) else {
                throw UsageError("--seed \(text) is no seed", hint: "A seed is a whole number.")
            }
            (self.first, self.last) = (seed, seed)
        }
        guard let text = command.value("--seeds") else { return }
        let parts = text.split(separator: ".", omittingEmptySubsequences: true)
        guard parts.count == 2, text.contains(".."), let first = UInt64(parts[0]),
            let last = UInt64(parts[1]), first <= last
        else {
            throw UsageError(
                "--seeds \(text) is no range of seeds",
                hint: "For example: --seeds 1..100"
            )
        }
        guard command.value("--seed") == nil else {
            throw UsageError("--seed and --seeds do not go together", hint: "Give one of them.")
        }
        (self.first, self.last) = (first, last)
    }

    private mutating func readChecks(_ text: String) throws(UsageError) {
        switch text {
        case "all": break
        case "history": self.checksInvariants = false
        case "none":
            self.checksInvariants = false
            self.keepsHistory = false
        default:
            throw UsageError(
                "--check \(text) is not understood",
                hint: "all: invariants and histories; history: no invariants; none: neither."
            )
        }
    }

    private static func number(
        _ text: String,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "\(name) \(text) is not a number from \(range.lowerBound) to \(range.upperBound)",
                hint: "For example: \(name) \(min(range.upperBound, max(range.lowerBound, 2)))"
            )
        }
        return number
    }

    private static func duration(_ text: String) throws(UsageError) -> Nanoseconds {
        do throws(QuantityError) {
            let span = try Quantity.duration(text)
            if span >= .milliseconds(100), span <= .seconds(30 * 24 * 3_600) { return span }
        } catch {}
        throw UsageError(
            "--for \(text) is no duration from 100ms to 720h",
            hint: "For example: --for 10m"
        )
    }

    private static func faults(_ text: String) throws(UsageError) -> Swarm.Faults {
        switch text {
        case "swarm": return .swarm
        case "none": return .none
        default:
            var kinds: [FaultKind] = []
            for word in text.split(separator: ",") {
                guard let kind = FaultKind(rawValue: String(word)) else {
                    let names = FaultKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw UsageError(
                        "unknown fault \"\(word)\"",
                        hint: "swarm, none, or some of: \(names)"
                    )
                }
                kinds.append(kind)
            }
            guard !kinds.isEmpty else {
                throw UsageError("--faults names none", hint: "For example: --faults crash,pause")
            }
            return .kinds(kinds)
        }
    }

    private static func shape(_ text: String) throws(UsageError) -> ClusterPlan {
        let parts = text.split(separator: "x").compactMap { Int($0) }
        let names = ClusterPlan.regionNames
        guard parts.count == 2, (1...names.count).contains(parts[0]), (1...100).contains(parts[1])
        else {
            throw UsageError(
                "--shape \(text) is not understood",
                hint: "For example: --shape 3x3 (at most \(names.count) regions of 100 nodes)"
            )
        }
        let regions = Array(names.prefix(parts[0]))
        return ClusterPlan(name: text, regions: regions, nodesPerRegion: parts[1])
    }

    private static func plan(_ name: String) throws(UsageError) -> ClusterPlan {
        do throws(TopologyError) {
            return ClusterPlan(try Topology.load(nameOrPath: name))
        } catch {
            throw UsageError(error.description, hint: "Check a file: atoll topology check FILE")
        }
    }

    var simulation: SimulationOptions {
        var options = SimulationOptions()
        options.bug = self.bug
        options.checksInvariants = self.checksInvariants
        options.keepsHistory = self.keepsHistory
        return options
    }
}

extension ClusterPlan {
    /// A topology file's cluster, with exactly its links and clocks.
    init(_ topology: Topology) {
        self.init(name: topology.name, regions: [], nodesPerRegion: 0)
        self.regions = topology.regions.map { Region(name: $0.name, nodes: $0.nodes.count) }
        self.replicationFactor = topology.replicationFactor
        self.partitionsPerTable = topology.partitionsPerTable
        self.isHybrid = topology.stamps == .hybrid
        self.durability = topology.durability == .disk ? .disk : .process
        self.syncTime = self.durability == .disk ? .microseconds(500) : 0
        self.links = topology.regions.map { from in
            topology.regions.map { to in
                from.id == to.id
                    ? LinkSettings(latency: topology.zoneLatency)
                    : topology.linkSettings(from: from.id, to: to.id)
            }
        }
        let isBounded = self.links.contains { row in row.contains { $0.bandwidth != nil } }
        if isBounded { self.streams = .bytes }
        self.clocks = topology.nodes.map {
            ClockSetting(offset: $0.clock.offsetNanoseconds, drift: $0.clock.driftPPM)
        }
    }
}
