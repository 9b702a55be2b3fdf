import DataModel
import NodeCore
import Primitives
import Testing

@Suite("Global indexes of a cluster") struct IndexUpkeepTests {
    private static let group = KeyAttribute(name: Array("g".utf8), type: .string)

    private static func index(_ name: String) -> IndexRecord {
        IndexRecord(
            definition: IndexDefinition(
                name: name,
                keys: IndexKeys(partition: [self.group], sort: []),
                projection: .all
            )
        )
    }

    private func create(_ table: String) -> NodeCore.Operation {
        var request = CreateTableRequest(table: table, schema: Requests.plain)
        request.billingMode = .payPerRequest
        request.globals = [Self.index("first")]
        return .createTable(request)
    }

    private func put(_ random: inout SplitMix64) -> NodeCore.Operation {
        let name = "item-\(random.below(40))"
        guard random.below(5) > 0 else { return Requests.delete("music", Requests.key(name)) }
        var item = Requests.item(name, value: Int(random.below(1_000)))
        if random.below(5) > 0 {
            let group = AttributeValue.string(Array("g\(random.below(4))".utf8))
            item = item.setting(Self.group.name, group)
        }
        return Requests.put("music", item)
    }

    /// What each index of a region holds, and what the items say, summed over its leaders.
    private func sums(_ cluster: Cluster, _ region: UInt8) -> [String: IndexDigest] {
        var sums: [String: IndexDigest] = [:]
        for machine in cluster.machines where machine.region == RegionID(region) {
            guard let digests = try? machine.process?.node.indexDigests() else { continue }
            for digest in digests {
                guard var sum = sums[digest.index] else {
                    sums[digest.index] = digest
                    continue
                }
                sum.wantedCount += digest.wantedCount
                sum.wantedSum &+= digest.wantedSum
                sum.foundCount += digest.foundCount
                sum.foundSum &+= digest.foundSum
                sum.led += digest.led
                sum.drained += digest.drained
                sums[digest.index] = sum
            }
        }
        return sums
    }

    /// Whether every index of a region holds what the items say, and nothing is under way.
    private func isInStep(_ cluster: Cluster, _ region: UInt8) -> Bool {
        let sums = self.sums(cluster, region)
        return !sums.isEmpty
            && sums.values.allSatisfy { sum in
                sum.isDrained && sum.led == cluster.plan.partitionsPerTable
                    && sum.wantedCount == sum.foundCount && sum.wantedSum == sum.foundSum
            }
    }

    @Test("indexes are what the items say, whatever fails meanwhile") func chaos() {
        for seed in Seeds.first(6) {
            Seeds.tell("index chaos", seed)
            var plan = ClusterPlan(seed: seed)
            plan.partitionsPerTable = 3
            let cluster = Cluster(plan)
            cluster.run(for: .seconds(2))
            cluster.insist(self.create("music"), of: 0)
            #expect(
                cluster.run(within: .seconds(3)) { cluster.isActive("music", in: 0) } != nil,
                "SEED=\(seed)"
            )
            let nemesis = Nemesis(cluster, 0..<3)
            nemesis.start()
            var random = SplitMix64(seed: seed)
            for round in 0..<300 {
                cluster.ask(self.put(&random), of: Int(random.below(3))) { _ in }
                cluster.run(for: .milliseconds(40))
                guard round == 100 || round == 200 else { continue }
                var update = UpdateTableRequest(table: "music")
                update.indexUpdates =
                    round == 100 ? [.create(Self.index("second"))] : [.delete("second")]
                cluster.ask(.updateTable(update), of: Int(random.below(3))) { _ in }
            }
            nemesis.stop()
            let took = cluster.run(within: .seconds(20)) { self.isInStep(cluster, 0) }
            #expect(took != nil, "SEED=\(seed): \(self.sums(cluster, 0).values)")
            #expect(cluster.violations == [], "SEED=\(seed)")
        }
    }

    @Test("each region of a global table keeps its own index") func regions() {
        var plan = ClusterPlan(seed: 3)
        plan.regions = 2
        plan.partitionsPerTable = 2
        let cluster = Cluster(plan)
        cluster.run(for: .seconds(2))
        cluster.insist(self.create("music"), of: 0)
        cluster.run(for: .seconds(1))
        var random = SplitMix64(seed: 3)
        for _ in 0..<30 { _ = cluster.ask(self.put(&random), of: 0) }
        cluster.spread("music", to: 1..<2)
        for round in 0..<60 {
            _ = cluster.ask(self.put(&random), of: round % 2 == 0 ? 0 : plan.nodesPerRegion)
        }
        let took = cluster.run(within: .seconds(10)) {
            cluster.agrees(on: "music", regions: 0..<2) && self.isInStep(cluster, 0)
                && self.isInStep(cluster, 1)
        }
        #expect(took != nil)
        #expect(cluster.violations == [])
    }
}
