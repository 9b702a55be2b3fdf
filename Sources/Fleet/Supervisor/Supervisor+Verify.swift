import EventLoop
import Topology
import Wire

/// Comparing the regions of tables, by digests first and key by key where those differ.
extension Supervisor {
    /// Keys listed per table; more differences are counted only.
    private static let differencesMax = 50
    /// Slices of a partition that are read key by key per table.
    private static let bucketsMax = 16

    /// Verifies one table or all; waits up to `wait` for empty backlogs and equal regions.
    func verify(table: String?, waitMilliseconds: UInt64) async -> ControlAnswer {
        let deadline = self.loop.now + waitMilliseconds * 1_000_000
        let start = self.loop.now
        while true {
            let tables = await self.tables().filter { table == nil || $0.name == table }
            if let table, tables.isEmpty, self.loop.now >= deadline {
                return .error(404, "there is no table \(table)", hint: "atoll status lists them.")
            }
            let backlog = await self.lag().backlogChanges(of: table)
            var comparisons: [DigestComparison] = []
            for table in tables { comparisons.append(await self.compare(table).comparison) }
            let isDone =
                comparisons.allSatisfy(\.areEqual) && (backlog == 0 || waitMilliseconds == 0)
            if isDone || self.loop.now >= deadline || self.isStopping {
                var reports: [JSONValue] = []
                for table in tables { reports.append(await self.report(table)) }
                let isEqual = reports.allSatisfy { $0["equal"]?.bool == true }
                return ControlAnswer(
                    200,
                    [
                        "equal": .bool(isEqual), "backlogChanges": .integer(backlog),
                        "drained": .bool(backlog == 0),
                        "waitedMs": .integer((self.loop.now - start) / 1_000_000),
                        "tables": .array(reports),
                    ]
                )
            }
            await self.loop.sleep(milliseconds: 100)
        }
    }

    /// A table and the regions that hold it, by what the nodes say.
    struct ReplicatedTable {
        var name: String
        var regions: [String]
    }

    private func tables() async -> [ReplicatedTable] {
        var regions: [String: Set<String>] = [:]
        for (index, answer) in await self.askAll("/_atoll/status").enumerated() {
            for table in answer?["tables"]?.array ?? [] {
                guard let name = table["name"]?.string else { continue }
                let replicas = (table["replicas"]?.array ?? []).compactMap(\.string)
                regions[name, default: []].formUnion(replicas)
                regions[name, default: []].insert(self.nodes[index].region)
            }
        }
        return regions.keys.sorted().map { name in
            let order = self.topology.regions.map(\.name)
            return ReplicatedTable(
                name: name,
                regions: order.filter { regions[name]?.contains($0) ?? false }
            )
        }
    }

    private func compare(
        _ table: ReplicatedTable
    ) async -> (digests: [RegionDigests], comparison: DigestComparison) {
        let target = "/_atoll/digest?table=\(PercentCoding.encoded(table.name))"
        let answers = await self.askAll(target)
        let digests = table.regions.map { region in
            var partitions: [PartitionDigest] = []
            for (index, answer) in answers.enumerated() where self.nodes[index].region == region {
                partitions += (answer?["partitions"]?.array ?? []).compactMap {
                    $0["leader"]?.bool == true ? PartitionDigest(json: $0) : nil
                }
            }
            return RegionDigests(region: region, partitions: partitions)
        }
        return (digests, DigestComparison(digests))
    }

    private func report(_ table: ReplicatedTable) async -> JSONValue {
        let (digests, comparison) = await self.compare(table)
        var differences: [KeyDifference] = []
        for bucket in comparison.differing.prefix(Self.bucketsMax) {
            let keys = await self.keys(of: table, in: bucket)
            differences += KeyDifference.all(keys)
        }
        let regions = digests.map { digest -> JSONValue in
            [
                "region": .string(digest.region),
                "items": .integer(digest.partitions.reduce(0) { $0 + $1.items }),
                "bytes": .integer(digest.partitions.reduce(0) { $0 + $1.bytes }),
            ]
        }
        let unanswered = comparison.unanswered.keys.sorted().map { region -> JSONValue in
            [
                "region": .string(region),
                "partitions": .array(
                    (comparison.unanswered[region] ?? []).map { .integer($0) }
                ),
            ]
        }
        return [
            "table": .string(table.name), "equal": .bool(comparison.areEqual),
            "partitions": .integer(comparison.partitions), "regions": .array(regions),
            "unanswered": .array(unanswered),
            "differingBuckets": .integer(comparison.differing.count),
            "differencesListed": .integer(min(differences.count, Self.differencesMax)),
            "differencesFound": .integer(differences.count),
            "differences": .array(differences.prefix(Self.differencesMax).map(\.json)),
        ]
    }

    /// What each region's leader says about the keys of one slice.
    private func keys(
        of table: ReplicatedTable,
        in bucket: BucketID
    ) async -> [(region: String, keys: [KeyState])] {
        let target =
            "/_atoll/digest?table=\(PercentCoding.encoded(table.name))"
            + "&partition=\(bucket.partition)&bucket=\(bucket.bucket)"
        let answers = await self.askAll(target)
        return table.regions.map { region in
            var keys: [KeyState] = []
            for (index, answer) in answers.enumerated() where self.nodes[index].region == region {
                keys += (answer?["keys"]?.array ?? []).compactMap(KeyState.init(json:))
            }
            return (region, keys)
        }
    }
}

extension PartitionDigest {
    fileprivate init?(json: JSONValue) {
        guard let index = json["index"]?.int, let digest = json["digest"]?.string else {
            return nil
        }
        self.init(
            index: index,
            digest: digest,
            buckets: (json["buckets"]?.array ?? []).compactMap(\.string),
            items: json["items"]?.uint64 ?? 0,
            bytes: json["bytes"]?.uint64 ?? 0
        )
    }
}

extension KeyState {
    fileprivate init?(json: JSONValue) {
        guard let key = json["key"] else { return nil }
        self.init(
            key: String(decoding: key.serialized(), as: UTF8.self),
            stamp: json["stamp"]?.string ?? "",
            hash: json["hash"]?.string ?? ""
        )
    }
}

extension KeyDifference {
    fileprivate var json: JSONValue {
        [
            "key": (try? JSONValue(parsing: Array(self.key.utf8))) ?? .string(self.key),
            "regions": .array(
                self.states.map { region, state in
                    [
                        "region": .string(region),
                        "stamp": state.map { .string($0.stamp) } ?? .null,
                        "hash": state.map { .string($0.hash) } ?? .null,
                    ]
                }
            ),
        ]
    }
}
