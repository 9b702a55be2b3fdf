import NodeCore
import Primitives
import Testing

/// Random faults, one after the other; each ends after a while.
final class Nemesis {
    let cluster: Cluster
    let machines: Range<Int>
    private var random: SplitMix64
    private var isRunning = true
    /// Machines that are down or will be; a majority always stays.
    private var victims = 0
    private(set) var faults = 0

    init(_ cluster: Cluster, _ machines: Range<Int>) {
        self.cluster = cluster
        self.machines = machines
        self.random = SplitMix64(seed: cluster.plan.seed ^ 0xBAD)
    }

    func start() { self.next() }

    func stop() {
        self.isRunning = false
        self.cluster.healAll()
        for machine in self.machines {
            for other in self.machines {
                self.cluster.delay(machine, other, self.cluster.plan.near)
            }
            self.cluster.resume(machine)
            if !self.cluster.machines[machine].isAlive { self.cluster.start(machine) }
        }
    }

    private func any() -> Int {
        self.machines.lowerBound + Int(self.random.below(UInt64(self.machines.count)))
    }

    private func next() {
        self.cluster.after(.milliseconds(50) + self.random.below(.milliseconds(900))) {
            guard self.isRunning else { return }
            self.fault()
            self.next()
        }
    }

    private func fault() {
        let one = self.any()
        let span = Nanoseconds.milliseconds(20) + self.random.below(.milliseconds(2_000))
        self.faults += 1
        switch self.random.below(6) {
        case 0:
            self.cluster.crash(one)
            self.later(span) {
                if !self.cluster.machines[one].isAlive { self.cluster.start(one) }
            }
        case 1:
            self.cluster.pause(one)
            self.later(span) { self.cluster.resume(one) }
        case 2:
            self.cluster.isolate(one)
            self.later(span) { self.cluster.healAll() }
        case 3:
            let other = self.any()
            guard one != other else { return }
            self.cluster.cut(one, other)
            self.later(span) { self.cluster.heal(one, other) }
        case 4:
            let other = self.any()
            guard one != other else { return }
            self.cluster.delay(one, other, self.random.below(.milliseconds(250)))
            self.later(span) { self.cluster.delay(one, other, self.cluster.plan.near) }
        default:
            let other = self.any()
            guard one != other else { return }
            self.cluster.reset(one, other)
        }
    }

    private func later(_ span: Nanoseconds, _ end: @escaping () -> Void) {
        self.cluster.after(span) { if self.isRunning { end() } }
    }
}

@Suite("Chaos inside a region") struct ChaosTests {
    @Test(
        "any faults: strong reads never go back, nothing acknowledged is lost, and it heals",
        arguments: 0..<2
    )
    func survives(part: UInt64) {
        for seed in Seeds.first(4, and: [170]) where seed % 2 == part {
            Seeds.tell("chaos", seed)
            var plan = ClusterPlan(seed: seed)
            plan.partitionsPerTable = 2
            plan.nodesPerRegion = seed % 4 == 3 ? 5 : 3
            plan.replicationFactor = seed % 8 == 3 ? 5 : 3
            let cluster = Cluster.withTable("music", plan)
            let all = Array(cluster.machines.indices)
            let clients = CounterClients(cluster, "music", "counter", targets: all)
            let deleting = DeletingClients(cluster, "music", targets: all)
            clients.start(writers: 3, readers: 4)
            deleting.start(2)
            let nemesis = Nemesis(cluster, 0..<plan.nodesPerRegion)
            nemesis.start()
            cluster.run(for: .seconds(15))
            nemesis.stop()
            let count = clients.acknowledged
            let healed = cluster.run(within: .seconds(6)) { clients.acknowledged > count + 3 }
            #expect(healed != nil, "SEED=\(seed)")
            clients.stop()
            deleting.stop()
            cluster.run(for: .seconds(10))
            clients.verify()
            deleting.verify()
            #expect(cluster.waitingCount == 0, "SEED=\(seed)")
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("the same seed gives the same effects") func deterministic() {
        for seed in Seeds.first(5) {
            let traces = (0..<2).map { _ in
                let plan = ClusterPlan(seed: seed)
                let cluster = Cluster(plan)
                cluster.trace = 0
                cluster.insist(Requests.create("music"), of: 0)
                let clients = CounterClients(cluster, "music", "counter", targets: [0, 1, 2])
                clients.start(writers: 2, readers: 2)
                let nemesis = Nemesis(cluster, 0..<3)
                nemesis.start()
                cluster.run(for: .seconds(8))
                return (cluster.trace, cluster.random.next(), clients.acknowledged)
            }
            #expect(traces[0].0 == traces[1].0, "SEED=\(seed)")
            #expect(traces[0].1 == traces[1].1)
            #expect(traces[0].2 == traces[1].2)
            #expect(traces[0].2 > 0)
        }
    }
}
