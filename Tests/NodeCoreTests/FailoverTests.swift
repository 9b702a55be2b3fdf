import NodeCore
import Primitives
import Testing

@Suite("Failures inside a region") struct FailoverTests {
    /// One partition, so that one node leads all that is looked at.
    private func cluster(_ seed: UInt64, nodes: Int = 3) -> Cluster {
        var plan = ClusterPlan(seed: seed)
        plan.partitionsPerTable = 1
        plan.nodesPerRegion = nodes
        return Cluster.withTable("music", plan)
    }

    private func counters(_ cluster: Cluster) -> CounterClients {
        let clients = CounterClients(
            cluster,
            "music",
            "counter",
            targets: Array(cluster.machines.indices)
        )
        clients.start(writers: 3, readers: 3)
        cluster.run(for: .milliseconds(300))
        return clients
    }

    /// How long no write was acknowledged after now.
    private func gap(_ cluster: Cluster, _ clients: CounterClients) -> Nanoseconds? {
        let count = clients.acknowledged
        // What was under way may still arrive; three more are news.
        return cluster.run(within: .seconds(8)) { clients.acknowledged > count + 3 }
    }

    @Test("the leader crashes: writes go on within 1.2 s, and none is lost")
    func leaderCrash() throws {
        for seed in Seeds.first(5) {
            Seeds.tell("leaderCrash", seed)
            let cluster = self.cluster(seed)
            let clients = self.counters(cluster)
            let leader = try #require(cluster.leader(of: "music", partition: 0))
            cluster.crash(leader)
            let gap = self.gap(cluster, clients)
            #expect(gap ?? .max < .milliseconds(1_200), "SEED=\(seed)")
            cluster.run(for: .seconds(1))
            cluster.start(leader)
            cluster.run(for: .seconds(7))
            clients.stop()
            cluster.run(for: .seconds(1))
            clients.verify()
            #expect(clients.acknowledged > 100 && clients.reads > 100)
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("the leader is paused: nobody reads old data from it when it resumes")
    func leaderPause() throws {
        for seed in Seeds.first(5) {
            Seeds.tell("leaderPause", seed)
            let cluster = self.cluster(seed)
            let clients = self.counters(cluster)
            let leader = try #require(cluster.leader(of: "music", partition: 0))
            cluster.pause(leader)
            let span = 300 + cluster.random.below(3_000)
            cluster.run(for: .milliseconds(span))
            cluster.resume(leader)
            #expect(self.gap(cluster, clients) != nil, "SEED=\(seed)")
            cluster.run(for: .seconds(2))
            clients.stop()
            cluster.run(for: .seconds(1))
            clients.verify()
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("the leader is cut off: the others go on, and it answers nothing old")
    func leaderPartition() throws {
        for seed in Seeds.first(5) {
            Seeds.tell("leaderPartition", seed)
            let cluster = self.cluster(seed)
            let clients = self.counters(cluster)
            let leader = try #require(cluster.leader(of: "music", partition: 0))
            cluster.isolate(leader)
            let others = CounterClients(
                cluster,
                "music",
                "other",
                targets: cluster.machines.indices.filter { $0 != leader }
            )
            others.start(writers: 2, readers: 1)
            #expect(self.gap(cluster, others) ?? .max < .milliseconds(1_500), "SEED=\(seed)")
            cluster.run(for: .seconds(3))
            cluster.healAll()
            #expect(self.gap(cluster, clients) != nil, "SEED=\(seed)")
            cluster.run(for: .seconds(1))
            clients.stop()
            others.stop()
            cluster.run(for: .seconds(9))
            clients.verify()
            others.verify()
            #expect(cluster.waitingCount == 0, "SEED=\(seed)")
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("a follower is paused: it has everything soon after it resumes, though nobody writes")
    func followerPause() throws {
        for seed in Seeds.first(5) {
            Seeds.tell("followerPause", seed)
            let cluster = self.cluster(seed)
            let leader = try #require(cluster.leader(of: "music", partition: 0))
            let follower = (leader + 1) % 3
            cluster.pause(follower)
            cluster.run(for: .milliseconds(100 + cluster.random.below(2_000)))
            for number in 0..<5 {
                let item = Requests.item("item-\(number)", value: number)
                cluster.insist(Requests.put("music", item), of: leader)
            }
            cluster.run(for: .milliseconds(cluster.random.below(1_000)))
            cluster.resume(follower)
            cluster.run(for: .seconds(2))
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("all nodes die at once: what was acknowledged is there after the restart")
    func wholeRestart() {
        for seed in Seeds.first(5) {
            Seeds.tell("wholeRestart", seed)
            let cluster = self.cluster(seed, nodes: 5)
            let clients = self.counters(cluster)
            let deleting = DeletingClients(cluster, "music", targets: Array(0..<5))
            deleting.start(2)
            for _ in 0..<3 {
                cluster.run(for: .milliseconds(200 + cluster.random.below(400)))
                for machine in 0..<5 { cluster.crash(machine) }
                cluster.run(for: .milliseconds(cluster.random.below(500)))
                for machine in 0..<5 { cluster.start(machine) }
                #expect(self.gap(cluster, clients) ?? .max < .seconds(4), "SEED=\(seed)")
            }
            clients.stop()
            deleting.stop()
            cluster.run(for: .seconds(2))
            clients.verify()
            deleting.verify()
            #expect(cluster.agrees(on: "music", regions: 0..<1), "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("links of unequal speed and a leader that pauses: no two nodes answer alone at one time")
    func unequalLinks() throws {
        for seed in Seeds.first(5) {
            Seeds.tell("unequalLinks", seed)
            let cluster = self.cluster(seed)
            for from in 0..<3 {
                for to in 0..<3 where from != to {
                    cluster.delay(from, to, cluster.random.below(.milliseconds(180)))
                }
            }
            let clients = self.counters(cluster)
            for _ in 0..<4 {
                cluster.run(for: .milliseconds(500 + cluster.random.below(500)))
                guard let leader = cluster.leader(of: "music", partition: 0) else { continue }
                cluster.pause(leader)
                cluster.run(for: .milliseconds(650 + cluster.random.below(700)))
                cluster.resume(leader)
                cluster.run(for: .seconds(1))
            }
            clients.stop()
            cluster.run(for: .seconds(9))
            clients.verify()
            #expect(clients.reads > 10)
            #expect(cluster.violations == [])
        }
    }

    @Test("a leader returns while its followers elect: only one answers alone, whatever the delays")
    func leaderReturns() throws {
        for seed in Seeds.first(4, and: [5, 8]) {
            Seeds.tell("leaderReturns", seed)
            let cluster = self.cluster(seed)
            let clients = self.counters(cluster)
            for _ in 0..<6 {
                guard let leader = cluster.leader(of: "music", partition: 0) else {
                    cluster.run(for: .milliseconds(500))
                    continue
                }
                // Word to the leader is slow; the others take their time among themselves.
                let others = (0..<3).filter { $0 != leader }
                for other in others { cluster.delay(other, leader, .milliseconds(170)) }
                let near = .milliseconds(5) + cluster.random.below(.milliseconds(30))
                cluster.delay(others[0], others[1], near)
                cluster.delay(others[1], others[0], near)
                cluster.run(for: .milliseconds(500))
                cluster.pause(leader)
                cluster.run(for: .milliseconds(700) + cluster.random.below(.milliseconds(70)))
                cluster.resume(leader)
                cluster.run(for: .milliseconds(700))
                for from in 0..<3 {
                    for to in 0..<3 { cluster.delay(from, to, cluster.plan.near) }
                }
                cluster.run(for: .milliseconds(300))
            }
            clients.stop()
            cluster.run(for: .seconds(9))
            clients.verify()
            #expect(clients.reads > 10)
            #expect(cluster.violations == [])
        }
    }

    @Test("an operation on a table that nobody knows is answered, even by a node that is alone")
    func unknownTableWithoutCatalog() {
        let cluster = self.cluster(1)
        cluster.isolate(2)
        cluster.run(for: .seconds(2))
        var outcome: Outcome?
        cluster.ask(Requests.get("nothing", Requests.key("a")), of: 2) { outcome = $0 }
        cluster.run(for: .seconds(10))
        #expect(outcome?.error != nil)
        #expect(cluster.violations == [])
    }

    @Test("without a majority every operation is answered, and reads that may be old succeed")
    func withoutMajority() throws {
        for seed in Seeds.first(3) {
            var plan = ClusterPlan(seed: seed)
            plan.partitionsPerTable = 1
            plan.nodesPerRegion = 5
            let cluster = Cluster.withTable("music", plan)
            cluster.insist(Requests.put("music", Requests.item("a", value: 1)), of: 0)
            cluster.run(for: .milliseconds(200))
            let members = (0..<5).filter {
                cluster.machines[$0].process?.node.digests(of: "music")?.isEmpty == false
            }
            for machine in members.dropFirst() { cluster.crash(machine) }
            cluster.run(for: .milliseconds(cluster.random.below(1_500)))
            var share = BatchGetTable(table: "music", keys: [Requests.key("a")])
            let weak = BatchGetItemRequest(tables: [share])
            share.consistentRead = true
            let write = BatchWrite.put(Requests.item("b", value: 2))
            let batch = BatchWriteItemRequest(
                tables: [BatchWriteTable(table: "music", writes: [write])]
            )
            var scan = ScanRequest(table: "music")
            scan.consistentRead = true
            var answers = 0
            var successes = 0
            for machine in 0..<5 where cluster.machines[machine].isAlive {
                for operation in [
                    Requests.put("music", Requests.item("a", value: 2)),
                    Requests.get("music", Requests.key("a")),
                    .batchGetItem(BatchGetItemRequest(tables: [share])),
                    .batchWriteItem(batch), .scan(scan),
                ] {
                    cluster.ask(operation, of: machine) { _ in answers += 1 }
                }
                let get = Requests.get("music", Requests.key("a"), isConsistent: false)
                for operation in [get, .batchGetItem(weak)] {
                    cluster.ask(operation, of: machine) { outcome in
                        answers += 1
                        if outcome.isSuccess { successes += 1 }
                    }
                }
            }
            cluster.run(for: .seconds(9))
            #expect(answers == 21 && successes == 6, "SEED=\(seed)")
            #expect(cluster.waitingCount == 0)
            #expect(cluster.violations == [])
        }
    }

    @Test("what was handed to a node that falls silent is answered before the client gives up")
    func silentLeader() throws {
        for seed in Seeds.first(4) {
            let cluster = self.cluster(seed)
            let leader = try #require(cluster.leader(of: "music", partition: 0))
            cluster.insist(Requests.put("music", Requests.item("a", value: 1)), of: 0)
            cluster.pause(leader)
            var outcome: Outcome?
            let asked = (leader + 1) % 3
            cluster.ask(Requests.get("music", Requests.key("a")), of: asked) { outcome = $0 }
            let took = cluster.run(within: .seconds(3)) { outcome != nil }
            #expect(took != nil, "SEED=\(seed)")
            #expect(outcome?.item?.value == 1, "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }
}
