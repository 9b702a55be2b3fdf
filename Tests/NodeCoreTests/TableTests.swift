import DataModel
import NodeCore
import Primitives
import Testing

@Suite("Tables and items on a quiet cluster") struct TableTests {
    /// Five nodes, so that some hold no replica of a partition.
    private func plan(_ seed: UInt64) -> ClusterPlan {
        var plan = ClusterPlan(seed: seed)
        plan.nodesPerRegion = 5
        return plan
    }

    @Test("a cluster that starts leads within one and a half seconds") func starts() {
        for seed in Seeds.first(5) {
            let cluster = Cluster(self.plan(seed))
            let took = cluster.run(within: .milliseconds(1_500)) {
                cluster.machines.allSatisfy { $0.process?.node.isReady == true }
            }
            #expect(took != nil, "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }

    @Test("a table serves everywhere 200 ms after it was asked for, at whatever node")
    func createsTables() {
        for seed in Seeds.first(5) {
            let cluster = Cluster(self.plan(seed))
            cluster.run(for: .seconds(2))
            var outcome: Outcome?
            cluster.ask(Requests.create("music"), of: Int(seed % 5)) { outcome = $0 }
            let took = cluster.run(within: .milliseconds(200)) {
                cluster.isActive("music", in: 0)
            }
            #expect(took != nil, "SEED=\(seed)")
            #expect(outcome?.table?.status == .creating)
            let again = cluster.ask(Requests.create("music"), of: Int((seed + 1) % 5))
            #expect(again.error?.kind == .resourceInUse)
            let table = cluster.ask(.describeTable(table: "music"), of: Int((seed + 2) % 5))
            #expect(table.table?.status == .active)
            #expect(cluster.violations == [])
        }
    }

    @Test("many tables at once all become active") func createsManyTables() {
        let cluster = Cluster(self.plan(1))
        cluster.run(for: .seconds(2))
        for number in 0..<20 { cluster.ask(Requests.create("t\(number)"), of: number % 5) { _ in } }
        let took = cluster.run(within: .seconds(5)) {
            (0..<20).allSatisfy { cluster.isActive("t\($0)", in: 0) }
        }
        #expect(took != nil)
        let page = cluster.ask(.listTables(ListTablesRequest(limit: 100)), of: 4)
        guard case .tableNames(let names, nil)? = page.response else {
            Issue.record("no page of names: \(page)")
            return
        }
        #expect(names == (0..<20).map { "t\($0)" }.sorted())
        #expect(cluster.violations == [])
    }

    @Test("every node answers for every item, whoever leads it") func itemsFromAnywhere() {
        for seed in Seeds.first(5) {
            let cluster = Cluster.withTable("music", self.plan(seed))
            for number in 0..<10 {
                let name = "item-\(number)"
                let at = { (offset: Int) in (number + offset) % 5 }
                let put = cluster.ask(
                    Requests.put("music", Requests.item(name, value: 1)),
                    of: at(0)
                )
                #expect(put.isSuccess)
                let get = Requests.get("music", Requests.key(name))
                #expect(cluster.ask(get, of: at(1)).item?.value == 1)
                let add = cluster.ask(Requests.add("music", Requests.key(name)), of: at(2))
                #expect(add.attributes?.value == 2)
                #expect(cluster.ask(get, of: at(3)).item?.value == 2)
                guard number % 2 == 0 else { continue }
                let deleted = cluster.ask(Requests.delete("music", Requests.key(name)), of: at(4))
                #expect(deleted.isSuccess)
                #expect(cluster.ask(get, of: at(0)).item == nil)
            }
            cluster.run(for: .milliseconds(300))
            // Replicas in step answer weak reads alike.
            for machine in 0..<5 {
                let get = Requests.get("music", Requests.key("item-1"), isConsistent: false)
                #expect(cluster.ask(get, of: machine).item?.value == 2, "SEED=\(seed)")
            }
            #expect(cluster.violations == [])
        }
    }

    @Test("items of unknown tables are refused at once, and so are tables being made")
    func unknownTables() {
        let cluster = Cluster(self.plan(3))
        cluster.run(for: .seconds(2))
        for machine in 0..<5 {
            let outcome = cluster.ask(Requests.get("nothing", Requests.key("a")), of: machine)
            #expect(outcome.error == .requestedResourceNotFound)
        }
        #expect(
            cluster.ask(.describeTable(table: "nothing"), of: 2).error == .tableNotFound("nothing")
        )
        #expect(cluster.violations == [])
    }

    @Test("a deleted table is gone at every node, and its name is free") func deletesTables() {
        for seed in Seeds.first(4) {
            let cluster = Cluster.withTable("music", self.plan(seed))
            cluster.insist(Requests.put("music", Requests.item("a", value: 1)), of: 3)
            #expect(cluster.ask(.deleteTable(table: "music"), of: 4).table?.status == .deleting)
            for machine in 0..<5 {
                let outcome = cluster.ask(Requests.get("music", Requests.key("a")), of: machine)
                #expect(outcome.error == .requestedResourceNotFound, "SEED=\(seed)")
            }
            cluster.insist(Requests.create("music"), of: 1)
            #expect(
                cluster.run(within: .seconds(1)) { cluster.isActive("music", in: 0) } != nil
            )
            for machine in 0..<5 {
                let outcome = cluster.ask(Requests.get("music", Requests.key("a")), of: machine)
                #expect(outcome.isSuccess && outcome.item == nil)
            }
            #expect(cluster.violations == [])
        }
    }

    @Test("every write that waits is answered when its table is deleted under it")
    func deletionAnswersWaiters() {
        for seed in Seeds.first(5) {
            let cluster = Cluster.withTable("music", self.plan(seed))
            var answered = 0
            for number in 0..<60 {
                cluster.after(.microseconds(UInt64(number) * 50)) {
                    let item = Requests.item("item-\(number)", value: number)
                    let batch = BatchWriteItemRequest(
                        tables: [BatchWriteTable(table: "music", writes: [.put(item)])]
                    )
                    let operation =
                        number % 2 == 0 ? Requests.put("music", item) : .batchWriteItem(batch)
                    cluster.ask(operation, of: number % 5) { _ in answered += 1 }
                }
            }
            cluster.after(.microseconds(900)) {
                cluster.ask(.deleteTable(table: "music"), of: 0) { _ in }
            }
            cluster.run(for: .seconds(12))
            #expect(answered == 60, "SEED=\(seed)")
            #expect(cluster.violations == [])
        }
    }
}

@Suite("Operations that span partitions") struct SpanTests {
    static let count = 60

    private func filled(_ seed: UInt64) -> Cluster {
        var plan = ClusterPlan(seed: seed)
        plan.nodesPerRegion = 5
        plan.partitionsPerTable = 8
        let cluster = Cluster.withTable("films", plan, schema: Requests.sorted)
        for start in stride(from: 0, to: Self.count, by: 20) {
            let writes = (start..<start + 20).map { number in
                BatchWrite.put(Requests.item("p\(number % 12)", number, value: number))
            }
            let request = BatchWriteItemRequest(
                tables: [BatchWriteTable(table: "films", writes: writes)]
            )
            guard
                case .batchWriteItem(let answer)? =
                    cluster.ask(.batchWriteItem(request), of: start % 5).response
            else {
                Issue.record("SEED=\(seed): a batch failed")
                continue
            }
            #expect(answer.unprocessed.isEmpty)
        }
        return cluster
    }

    /// All pages of a scan, one after the other.
    private func scan(
        _ cluster: Cluster,
        limit: Int?,
        segment: ScanSegment? = nil
    ) -> [Int] {
        var found: [Int] = []
        var request = ScanRequest(table: "films")
        request.limit = limit
        request.segment = segment
        request.consistentRead = true
        for page in 0..<200 {
            guard let answer = cluster.ask(.scan(request), of: page % 5).page else {
                Issue.record("SEED=\(cluster.plan.seed): a page failed")
                return found
            }
            found += (answer.items ?? []).compactMap(\.value)
            request.exclusiveStartKey = answer.lastEvaluatedKey
            if let limit { #expect(answer.scannedCount <= limit) }
            guard answer.lastEvaluatedKey != nil else { return found }
        }
        Issue.record("the scan does not end")
        return found
    }

    @Test("a scan finds each item once, whatever its pages and segments") func scans() {
        for seed in Seeds.first(3) {
            let cluster = self.filled(seed)
            for limit in [nil, 1, 7, 100] {
                let found = self.scan(cluster, limit: limit)
                #expect(found.sorted() == Array(0..<Self.count), "SEED=\(seed), \(limit ?? 0)")
            }
            for total in [1, 3, 8] {
                let found = (0..<total).flatMap { index in
                    self.scan(cluster, limit: 4, segment: ScanSegment(index: index, total: total))
                }
                #expect(found.sorted() == Array(0..<Self.count), "SEED=\(seed), \(total) parts")
            }
            #expect(cluster.violations == [])
        }
    }

    @Test("a query gives one partition key's items in order, in pages") func queries() {
        let cluster = self.filled(1)
        for name in 0..<12 {
            let expected = (0..<Self.count).filter { $0 % 12 == name }
            let whole = cluster.ask(Requests.query("films", "p\(name)"), of: name % 5).page
            #expect((whole?.items ?? []).compactMap(\.value) == expected)
            #expect(whole?.lastEvaluatedKey == nil)
            let part = cluster.ask(Requests.query("films", "p\(name)", limit: 2), of: name % 5).page
            #expect((part?.items ?? []).compactMap(\.value) == Array(expected.prefix(2)))
            #expect(part?.lastEvaluatedKey != nil)
        }
        #expect(cluster.violations == [])
    }

    @Test("a batch reads what is there, and leaves out what is not") func batchReads() {
        for seed in Seeds.first(3) {
            let cluster = self.filled(seed)
            let keys = (0..<Self.count + 5).map { Requests.key("p\($0 % 12)", $0) }
            var share = BatchGetTable(table: "films", keys: keys)
            share.consistentRead = true
            let request = BatchGetItemRequest(tables: [share])
            guard
                case .batchGetItem(let answer)? =
                    cluster.ask(.batchGetItem(request), of: Int(seed % 5)).response
            else {
                Issue.record("SEED=\(seed): the batch failed")
                continue
            }
            #expect(answer.unprocessed.isEmpty)
            #expect(answer.results[0].items.compactMap(\.value) == Array(0..<Self.count))
            #expect(cluster.violations == [])
        }
    }

    @Test("a table of more than a page is scanned in pages of a megabyte") func bigPages() {
        var plan = ClusterPlan(seed: 2)
        plan.partitionsPerTable = 2
        let cluster = Cluster.withTable("films", plan, schema: Requests.sorted)
        for number in 0..<30 {
            let item = Requests.item("p\(number)", number, value: number, padding: 100_000)
            cluster.insist(Requests.put("films", item), of: 0)
        }
        let found = self.scan(cluster, limit: nil)
        #expect(found.sorted() == Array(0..<30))
        #expect(cluster.violations == [])
    }
}
