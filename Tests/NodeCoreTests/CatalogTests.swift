import DataModel
import NodeCore
import Placement
import Primitives
import Testing

/// Tables and commands as a region's catalog meets them.
enum CatalogSamples {
    static let records: [TableRecord] = [
        Self.record("music"),
        Self.record("films", Requests.sorted, .deleting),
        TableRecord(
            id: TableID(1 << 40),
            name: "a.global_table-1",
            schema: Requests.sorted,
            settings: TableSettings(
                billingMode: .payPerRequest,
                payPerRequestSince: WallTime(nanoseconds: 5),
                throughput: ProvisionedThroughput(readUnits: 7, writeUnits: 1 << 50),
                stream: StreamDescription(
                    view: .newAndOldImages,
                    enabledAt: WallTime(nanoseconds: 6)
                ),
                tableClass: .standardInfrequentAccess,
                isDeletionProtected: true
            ),
            createdAt: WallTime(nanoseconds: 7),
            status: .active,
            global: Self.global(3)
        ),
    ]

    static let commands: [CatalogCommand] =
        Self.records.map { .createTable($0) } + [
            .deleteTable(TableID(300)),
            .updateTable(TableID(1), nil, nil, nil),
            .updateTable(TableID(1), nil, nil, .active),
            .updateTable(TableID(1), Self.records[2].settings, Self.global(9), .updating),
            .registerNode(ReplicaID(node: NodeID(4), incarnation: 2)),
        ]

    static func record(
        _ name: String,
        _ schema: KeySchema = Requests.plain,
        _ status: TableStatus = .creating
    ) -> TableRecord {
        TableRecord(
            id: TableID(0),
            name: name,
            schema: schema,
            settings: TableSettings(billingMode: .provisioned, throughput: .none),
            createdAt: WallTime(nanoseconds: 1),
            status: status
        )
    }

    static func global(_ generation: UInt64) -> GlobalState {
        GlobalState(
            generation: generation,
            author: RegionID(1),
            replicas: [
                .init(region: RegionID(0), status: .active, sponsor: RegionID(0)),
                .init(region: RegionID(1), status: .creating, sponsor: RegionID(0)),
            ]
        )
    }

    static func catalog(nodes: Int = 5) -> Catalog {
        let members = (0..<nodes).map { index in
            RingMember(
                node: NodeID(UInt16(index)),
                name: "node-\(index)",
                zone: ["a", "b", "c"][index % 3]
            )
        }
        return Catalog(ring: HashRing(members), partitionsPerTable: 4, replicationFactor: 3)
    }

    /// A command that may or may not find what it is about.
    static func command(_ random: inout SplitMix64, at index: UInt64) -> CatalogCommand {
        switch random.below(8) {
        case 0...2: .createTable(Self.record("table-\(random.below(6))"))
        case 3: .deleteTable(TableID(1 + random.below(index)))
        case 4, 5:
            .updateTable(
                TableID(1 + random.below(index)),
                random.chance(1, outOf: 2) ? Self.records[2].settings : nil,
                random.chance(1, outOf: 2) ? Self.global(random.below(9)) : nil,
                random.chance(1, outOf: 2) ? .active : nil
            )
        default:
            .registerNode(
                ReplicaID(
                    node: NodeID(UInt16(random.below(6))),
                    incarnation: UInt32(random.below(9))
                )
            )
        }
    }
}

@Suite("The catalog is a state machine") struct CatalogTests {
    @Test("the same commands give the same tables, map and bytes, on any node")
    func deterministic() throws {
        for seed in 0..<50 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var one = CatalogSamples.catalog()
            var other = CatalogSamples.catalog()
            for index in 1...60 as ClosedRange<UInt64> {
                let command = CatalogSamples.command(&random, at: index)
                #expect(one.apply(command, at: index) == other.apply(command, at: index))
                if index % 20 == 0 {
                    // The other node restarts from what it stored.
                    var restored = CatalogSamples.catalog()
                    try restored.restore(other.encoded)
                    other = restored
                }
            }
            #expect(one.encoded == other.encoded, "seed \(seed)")
            #expect(one.tables.map(\.name) == other.tables.map(\.name))
            for table in one.tables {
                #expect(other.table(named: table.name) == table)
            }
        }
    }

    @Test("a stored catalog that was cut is an error and changes nothing readable into traps")
    func restoresWholeStatesOnly() {
        var catalog = CatalogSamples.catalog()
        _ = catalog.apply(.createTable(CatalogSamples.records[2]), at: 1)
        let bytes = catalog.encoded
        for length in 0..<bytes.count {
            var restored = CatalogSamples.catalog()
            #expect(throws: DecodingError.self) {
                try restored.restore(Array(bytes[..<length]))
            }
        }
    }

    @Test("a table gets as many partitions as asked, each with replicas in distinct zones")
    func placesPartitions() throws {
        var catalog = CatalogSamples.catalog()
        #expect(
            catalog.apply(.createTable(CatalogSamples.record("music")), at: 7)
                == .created(TableID(7))
        )
        let partitions = catalog.partitions(of: TableID(7))
        #expect(partitions.count == 4)
        #expect(partitions.first?.range.first == 0)
        #expect(partitions.last?.range.last == .max)
        for partition in partitions {
            let zones = Set(partition.replicas.map { $0.node.index % 3 })
            #expect(zones.count == 3)
        }
    }

    @Test("a name is given once, and free again after a deletion") func names() {
        var catalog = CatalogSamples.catalog()
        let create = CatalogCommand.createTable(CatalogSamples.record("music"))
        #expect(catalog.apply(create, at: 1) == .created(TableID(1)))
        let ids = catalog.partitions(of: TableID(1)).map(\.id)
        #expect(catalog.apply(create, at: 2) == .tableExists)
        guard
            case .deleted(let record, let dropped) = catalog.apply(.deleteTable(TableID(1)), at: 3)
        else {
            Issue.record("the table is there")
            return
        }
        #expect(record.name == "music")
        #expect(dropped == ids)
        #expect(catalog.apply(.deleteTable(TableID(1)), at: 4) == .noSuchTable)
        #expect(catalog.apply(create, at: 5) == .created(TableID(5)))
        #expect(Set(catalog.partitions(of: TableID(5)).map(\.id)).isDisjoint(with: ids))
    }

    @Test("a returned node takes its places under its new incarnation, and never an older one")
    func replacesIncarnations() {
        var catalog = CatalogSamples.catalog()
        _ = catalog.apply(.createTable(CatalogSamples.record("music")), at: 1)
        let node = catalog.partitions(of: TableID(1))[0].replicas[0].node
        let next = ReplicaID(node: node, incarnation: 3)
        #expect(catalog.apply(.registerNode(next), at: 2) == .nodeReplaced(node))
        #expect(catalog.current(node) == next)
        for partition in catalog.partitions(of: TableID(1)) {
            for replica in partition.replicas where replica.node == node {
                #expect(replica == next)
            }
        }
        let old = ReplicaID(node: node, incarnation: 2)
        #expect(catalog.apply(.registerNode(old), at: 3) == .none)
        #expect(catalog.current(node) == next)
    }

    @Test("of two states of a global table the one of the higher generation and author counts")
    func globalStates() {
        var catalog = CatalogSamples.catalog()
        _ = catalog.apply(.createTable(CatalogSamples.record("music")), at: 1)
        let newer = CatalogSamples.global(5)
        _ = catalog.apply(.updateTable(TableID(1), nil, newer, nil), at: 2)
        _ = catalog.apply(.updateTable(TableID(1), nil, CatalogSamples.global(4), nil), at: 3)
        #expect(catalog.table(TableID(1))?.global == newer)
        var lower = CatalogSamples.global(5)
        lower.author = RegionID(0)
        _ = catalog.apply(.updateTable(TableID(1), nil, lower, nil), at: 4)
        #expect(catalog.table(TableID(1))?.global == newer)
    }
}
