import NodeCore
import Primitives
import Testing

@Suite("A replica that is being made") struct ReplicaCreationTests {
    private static let count = 40

    /// Two regions far apart; the table is in the first, with items that take several exchanges.
    private func cluster(_ seed: UInt64) -> Cluster {
        var plan = ClusterPlan(seed: seed)
        plan.regions = 2
        plan.partitionsPerTable = 2
        plan.far = .milliseconds(80)
        let cluster = Cluster.withTable("music", plan)
        for number in 0..<Self.count {
            let item = Requests.item("item-\(number)", value: number, padding: 60_000)
            cluster.insist(Requests.put("music", item), of: 0)
        }
        return cluster
    }

    @Test("it answers for no item before it has them all, and for each of them then")
    func servesOnceWhole() {
        for seed in Seeds.first(3) {
            let cluster = self.cluster(seed)
            cluster.insist(Requests.addReplica("music", 1), of: 0)
            #expect(cluster.ask(.describeTable(table: "music"), of: 0).table?.status == .updating)
            var refusals = 0
            let took = cluster.run(within: .seconds(20)) {
                guard !cluster.isActive("music", in: 1) else { return true }
                let table = cluster.ask(.describeTable(table: "music"), of: 3)
                guard let status = table.table?.status else { return false }
                let read = cluster.ask(Requests.get("music", Requests.key("item-1")), of: 4)
                let write = cluster.ask(
                    Requests.put("music", Requests.item("new", value: refusals)),
                    of: 5
                )
                guard status == .creating, !cluster.isActive("music", in: 1) else { return false }
                #expect(read.error == .requestedResourceNotFound || read.item?.value == 1)
                if read.error == .requestedResourceNotFound { refusals += 1 }
                #expect(write.error == .requestedResourceNotFound || read.item?.value == 1)
                return false
            }
            #expect(took != nil, "SEED=\(seed)")
            #expect(refusals > 0, "SEED=\(seed)")
            for number in 0..<Self.count {
                let get = Requests.get("music", Requests.key("item-\(number)"))
                let found = cluster.ask(get, of: 3 + number % 3)
                #expect(found.item?.value == number, "SEED=\(seed)")
            }
            #expect(cluster.violations == [])
        }
    }
}
