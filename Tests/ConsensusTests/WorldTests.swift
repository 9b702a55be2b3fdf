import Consensus
import Foundation
import Primitives
import Testing

/// Replay one seed with `SEED=n swift test --filter WorldTests`; run more with `SEEDS=n`.
@Suite("Any faults, any order: Raft Figure 3 holds, and it heals") struct WorldTests {
    static let seeds: Range<UInt64> = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SEED"].flatMap(UInt64.init) { return seed..<seed + 1 }
        #if DEBUG
            let usual: UInt64 = 200  // A debug build takes twenty times as long.
        #else
            let usual: UInt64 = 1_000
        #endif
        return 0..<(environment["SEEDS"].flatMap(UInt64.init) ?? usual)
    }()

    /// In a few parts, so that they run beside each other.
    @Test(arguments: 0..<4)
    func survives(part: Int) {
        for seed in Self.seeds where seed % 4 == part {
            var trial = Trial(seed: seed)
            trial.run()
            let violations = trial.world.ledger.violations + trial.failures
            #expect(violations.isEmpty, "SEED=\(seed): \(violations.prefix(3)) \(trial.summary)")
        }
    }

    @Test("the same seed gives the same history") func deterministic() {
        for seed in Self.seeds.prefix(8) {
            var one = Trial(seed: seed)
            var other = Trial(seed: seed)
            one.run()
            other.run()
            #expect(one.world.ledger.committed == other.world.ledger.committed)
            #expect(one.world.random.next() == other.world.random.next())
        }
    }

    @Test("chaos reaches what it is for: elections, truncations, snapshots, memberships")
    func reachesRarePaths() {
        var marks = Trial.Marks()
        for seed in Self.seeds.prefix(60) {
            var trial = Trial(seed: seed)
            trial.run()
            marks.add(trial.marks)
        }
        guard Self.seeds.count >= 60 else { return }
        #expect(marks.elections > 60)
        #expect(marks.truncations > 0)
        #expect(marks.snapshots > 0)
        #expect(marks.configurations > 0)
        #expect(marks.transfers > 0)
        #expect(marks.leaseRounds > 0)
    }
}

/// One seed: a world, chaos for a while, then healing, after which it must make progress.
struct Trial {
    /// How often something rare happened.
    struct Marks {
        var elections = 0
        var truncations = 0
        var snapshots = 0
        var configurations = 0
        var transfers = 0
        var leaseRounds = 0

        mutating func add(_ other: Marks) {
            self.elections += other.elections
            self.truncations += other.truncations
            self.snapshots += other.snapshots
            self.configurations += other.configurations
            self.transfers += other.transfers
            self.leaseRounds += other.leaseRounds
        }
    }

    static let chaosRounds = 120
    static let healingRoundsMax = 400

    let seed: UInt64
    /// Rounds in sixteen with proposals; few leave logs level, which makes anyone electable.
    let proposalRate: UInt64
    var world: World
    var marks = Marks()
    var failures: [String] = []
    private var random: SplitMix64
    private var proposals = 0

    init(seed: UInt64) {
        self.seed = seed
        self.random = SplitMix64(seed: seed &* 0x9E37_79B9)
        let voters = seed % 2 == 0 ? 3 : 5
        let transport: World.Transport = seed / 2 % 2 == 0 ? .streams : .datagrams
        let learners = Int(self.random.below(2))
        self.proposalRate = [1, 4, 16][Int(self.random.below(3))]
        self.world = World(voters: voters, learners: learners, transport: transport, seed: seed)
        self.world.lossPerMillion = self.random.below(3) * 50_000
        self.world.delayMax = 1 + self.random.below(4)
    }

    var summary: String {
        self.world.nodes.map { node in
            let replica = node.host.replica
            return "\(replica.id.node.index)\(node.isUp ? "" : "(down)"): t\(replica.term.value)"
                + " \(replica.isLeader ? "leads" : "-> \(Describe.id(replica.leader))")"
                + " last \(Describe.position(replica.last)) commit \(replica.commitIndex.value)"
                + " \(Describe.members(replica.configuration))"
        }.joined(separator: "; ")
    }

    mutating func run() {
        let first = Int(self.random.below(3))
        let now = self.world.now
        self.world.nodes[first].host.input { $0.campaign(now: now, into: &$2) }
        self.world.endTurn(first)
        for _ in 0..<Self.chaosRounds {
            self.disturb()
            if self.random.chance(self.proposalRate, outOf: 16) { self.propose() }
            self.world.runRound()
            self.observe()
        }
        self.heal()
    }

    private mutating func observe() {
        self.marks.elections = self.world.ledger.elections
        self.marks.truncations = self.world.ledger.truncations
        self.marks.snapshots = self.world.ledger.snapshots
        if self.world.nodes.indices.contains(where: { self.world.holdsLease($0) }) {
            self.marks.leaseRounds += 1
        }
    }

    // MARK: Chaos

    private mutating func disturb() {
        let number = Int(self.random.below(UInt64(self.world.nodes.count)))
        switch self.random.below(60) {
        case 0, 1: self.world.crash(number)
        case 2...5: self.world.restart(number)
        case 6: self.world.cut = [number]
        case 7: self.world.cut = [number, (number + 1) % self.world.nodes.count]
        case 8, 9: self.world.cut = []
        case 10: self.compact(number)
        case 11, 12: self.transfer()
        case 13...15: self.changeMembers(number)
        case 16: self.cutLeaderOff()
        default: break
        }
    }

    private var leader: Int? {
        self.world.nodes.indices.last {
            self.world.nodes[$0].isUp && self.world.nodes[$0].host.replica.isLeader
        }
    }

    private mutating func cutLeaderOff() {
        if let leader = self.leader { self.world.cut = [leader] }
    }

    private mutating func compact(_ number: Int) {
        guard self.world.nodes[number].isUp else { return }
        let applied = self.world.nodes[number].host.replica.appliedIndex
        self.world.nodes[number].host.compact(through: applied)
    }

    private mutating func transfer() {
        guard let leader = self.leader else { return }
        let target = World.id(Int(self.random.below(UInt64(self.world.nodes.count))))
        guard (try? self.world.nodes[leader].host.transfer(to: target)) != nil else { return }
        self.marks.transfers += 1
    }

    /// Makes a learner of a voter or removes it, or promotes or adds a learner.
    private mutating func changeMembers(_ number: Int) {
        guard let leader = self.leader else { return }
        var members = self.world.nodes[leader].host.replica.configuration
        let id = World.id(number)
        if let voter = members.voters.firstIndex(of: id) {
            guard members.voters.count > 2 else { return }
            members.voters.remove(at: voter)
            if self.random.chance(1, outOf: 2) { members.learners.append(id) }
        } else if let learner = members.learners.firstIndex(of: id) {
            members.learners.remove(at: learner)
            members.voters.append(id)
        } else {
            members.learners.append(id)
        }
        guard (try? self.world.nodes[leader].host.configure(members)) != nil else { return }
        self.marks.configurations += 1
    }

    /// Offers commands to whoever believes to lead, also to two at once.
    private mutating func propose() {
        for number in self.world.nodes.indices where self.world.nodes[number].isUp {
            guard self.world.nodes[number].host.replica.isLeader else { continue }
            for _ in 0..<self.random.below(3) {
                self.proposals += 1
                _ = try? self.world.nodes[number].host.propose(
                    withUnsafeBytes(of: self.proposals) { Array($0) }
                )
            }
        }
    }

    // MARK: Healing

    /// Every node is up and every link whole: within a bounded time one leader commits a new
    /// command and every member applies it; then all fall silent.
    private mutating func heal() {
        self.world.heal()
        var goal: LogIndex?
        for round in 0..<Self.healingRoundsMax {
            self.world.runRound()
            self.observe()
            guard round > 40 else { continue }
            if let index = goal, self.isReached(index) { break }
            guard round % 60 == 41, let leader = self.newestLeader else { continue }
            goal = try? self.world.nodes[leader].host.propose(Array("healed".utf8))
        }
        guard let index = goal, self.isReached(index) else {
            self.failures.append("no progress after healing")
            return
        }
        for _ in 0..<80 { self.world.runRound() }
        let restless = self.members.filter { self.world.nodes[$0].host.replica.needsTick }
        if !restless.isEmpty { self.failures.append("nodes \(restless) do not fall silent") }
    }

    private var newestLeader: Int? {
        self.world.nodes.indices.filter { self.world.nodes[$0].host.replica.isLeader }
            .max { self.world.nodes[$0].host.replica.term < self.world.nodes[$1].host.replica.term }
    }

    /// Those whom the newest leader counts as members.
    private var members: [Int] {
        guard let leader = self.newestLeader else { return [] }
        let configuration = self.world.nodes[leader].host.replica.configuration
        return self.world.nodes.indices.filter { configuration.contains(World.id($0)) }
    }

    private func isReached(_ index: LogIndex) -> Bool {
        let members = self.members
        return !members.isEmpty
            && members.allSatisfy { self.world.nodes[$0].host.replica.appliedIndex >= index }
            && self.world.ledger.committed[Int(index.value) - 1].payload == Array("healed".utf8)
    }
}
