package import Placement
package import Primitives

/// What a region knows of itself: its tables, where their partitions live, and which incarnation
/// of each node counts.
///
/// The state machine of the region's catalog group (``PartitionID/catalog``). Every node applies
/// the same commands in the same order, so every node comes to the same tables and partition map.
package struct Catalog: Sendable {
    /// The index of the last command applied.
    package private(set) var version: UInt64 = 0
    /// In the order of creation.
    package internal(set) var tables: [TableRecord] = []
    package private(set) var map = PartitionMap()
    /// The current incarnation of every node of the region, in the order of the nodes.
    package private(set) var replicas: [ReplicaID]

    private let ring: HashRing
    private let partitionsPerTable: Int
    private let replicationFactor: Int
    private var positionByName: [String: Int] = [:]

    package init(ring: HashRing, partitionsPerTable: Int, replicationFactor: Int) {
        self.ring = ring
        self.partitionsPerTable = partitionsPerTable
        self.replicationFactor = replicationFactor
        self.replicas = ring.members.map { ReplicaID(node: $0.node, incarnation: 1) }
            .sorted()
    }

    package func position(named name: String) -> Int? { self.positionByName[name] }

    package func table(named name: String) -> TableRecord? {
        self.positionByName[name].map { self.tables[$0] }
    }

    package func table(_ id: TableID) -> TableRecord? { self.tables.first { $0.id == id } }

    package func partitions(of table: TableID) -> [Placement.Partition] {
        self.map.partitions(of: table) ?? []
    }

    /// Positions of tables that are being made, or that a region is joining.
    package var unsettled: [Int] {
        self.tables.indices.filter { position in
            self.tables[position].status == .creating
                || self.tables[position].global?.replicas.contains { $0.status == .creating }
                    == true
        }
    }

    /// The replica that `node` would hold now.
    package func current(_ node: NodeID) -> ReplicaID {
        self.replicas.first { $0.node == node } ?? ReplicaID(node: node, incarnation: 1)
    }

    /// Each node's share of the ring, in parts per million.
    package var ownership: [(node: NodeID, partsPerMillion: UInt32)] { self.ring.ownership() }

    /// What applying a command changed, for the node to act on.
    package enum Change: Equatable, Sendable {
        case none
        case tableExists
        case noSuchTable
        /// The table was changed since the command was made of it.
        case stale(TableID)
        case created(TableID)
        case deleted(TableRecord, partitions: [PartitionID])
        case updated(TableID)
        case changed(TableID, added: [TableID], dropped: [PartitionID])
        case nodeReplaced(NodeID)
    }

    /// Applies the command at `index`; deterministic, so every node comes to the same catalog.
    package mutating func apply(_ command: CatalogCommand, at index: UInt64) -> Change {
        precondition(index > self.version, "catalog commands apply once and in order")
        self.version = index
        switch command {
        case .createTable(let record):
            return self.create(record, at: index)
        case .deleteTable(let id):
            guard let position = self.position(of: id) else { return .noSuchTable }
            let record = self.tables.remove(at: position)
            var partitions = self.removePartitions(of: id)
            for index in record.options.globals {
                partitions += self.removePartitions(of: index.id)
            }
            self.reindex()
            return .deleted(record, partitions: partitions)
        case .updateTable(let id, let settings, let global, let status):
            guard let position = self.position(of: id) else { return .noSuchTable }
            if let global {
                // What was decided on an older copy changes nothing, and is told so.
                guard global.isNewer(than: self.tables[position].global) else { return .stale(id) }
                self.tables[position].global = global
            }
            if let settings { self.tables[position].settings = settings }
            if let status { self.setStatus(status, of: position) }
            return .updated(id)
        case .changeTable(let id, let changes):
            guard let position = self.position(of: id) else { return .noSuchTable }
            return self.change(changes, of: position, at: index)
        case .registerNode(let replica):
            guard let slot = self.replicas.firstIndex(where: { $0.node == replica.node }),
                self.replicas[slot].incarnation < replica.incarnation
            else { return .none }
            self.replicas[slot] = replica
            _ = self.map.replaceIncarnation(with: replica)
            return .nodeReplaced(replica.node)
        }
    }

    /// A table becomes active with its indexes.
    private mutating func setStatus(_ status: TableStatus, of position: Int) {
        if status == .active, self.tables[position].status == .creating {
            for slot in self.tables[position].options.globals.indices {
                self.tables[position].options.globals[slot].status = .active
            }
        }
        self.tables[position].status = status
    }

    /// What does not hold, in words.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.add(self.map.checkInvariants(), of: "map")
        broken.expect(self.tables.count <= NodeLimits.tablesMax, "\(self.tables.count) tables")
        broken.expect(
            self.positionByName.count == self.tables.count,
            "\(self.positionByName.count) names of \(self.tables.count) tables"
        )
        for (position, table) in self.tables.enumerated() {
            broken.expect(
                self.positionByName[table.name] == position,
                "table \(table.name) is not found"
            )
            broken.expect(table.id.number <= self.version, "table \(table.name) is of the future")
            broken.expect(
                self.map.partitions(of: table.id)?.isEmpty == false,
                "table \(table.name) has no partitions"
            )
            for partition in self.partitions(of: table.id) {
                for replica in partition.replicas {
                    broken.expect(
                        replica == self.current(replica.node),
                        "partition \(partition.id.number) is placed on a former incarnation"
                    )
                }
            }
        }
        for (left, right) in zip(self.replicas, self.replicas.dropFirst()) {
            broken.expect(left.node < right.node, "nodes out of order")
        }
        return broken.list
    }

    private mutating func create(_ record: TableRecord, at index: UInt64) -> Change {
        guard self.positionByName[record.name] == nil else { return .tableExists }
        var record = record
        record.id = TableID(index)
        self.tables.append(record)
        self.positionByName[record.name] = self.tables.count - 1
        self.addPartitions(of: record.id)
        self.placeIndexes(of: self.tables.count - 1, at: index)
        return .created(record.id)
    }

    mutating func addPartitions(of id: TableID) {
        _ = self.map.addTable(
            id,
            partitionCount: self.partitionsPerTable,
            replicaCount: self.replicationFactor,
            ring: self.ring,
            incarnations: self.replicas
        )
    }

    mutating func removePartitions(of id: TableID) -> [PartitionID] {
        self.map.removeTable(id).map(\.id)
    }

    private func position(of id: TableID) -> Int? { self.tables.firstIndex { $0.id == id } }

    private mutating func reindex() {
        self.positionByName.removeAll(keepingCapacity: true)
        for (position, table) in self.tables.enumerated() {
            self.positionByName[table.name] = position
        }
    }
}

extension Catalog {
    /// The whole state, as a store keeps it between replays of the log.
    package var encoded: [UInt8] {
        var writer = ByteWriter(reserving: 1024)
        writer.varint(self.version)
        writer.varint(UInt64(self.tables.count))
        for table in self.tables { table.encode(into: &writer) }
        writer.varint(UInt64(self.replicas.count))
        for replica in self.replicas { writer.replica(replica) }
        self.map.encode(into: &writer)
        return writer.bytes
    }

    /// Takes over a state that ``encoded`` wrote.
    package mutating func restore(_ bytes: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.varint()
        var tables: [TableRecord] = []
        for _ in 0..<(try reader.count()) { tables.append(try TableRecord(decoding: &reader)) }
        var replicas: [ReplicaID] = []
        for _ in 0..<(try reader.count()) { replicas.append(try reader.replica()) }
        self.map = try PartitionMap(from: &reader)
        self.version = version
        self.tables = tables
        self.replicas = replicas
        self.reindex()
    }
}

/// The commands of the catalog's log.
package enum CatalogCommand: Equatable, Sendable {
    /// The table's and partitions' ids follow from the index of the command.
    case createTable(TableRecord)
    case deleteTable(TableID)
    case updateTable(TableID, TableSettings?, GlobalState?, TableStatus?)
    case changeTable(TableID, [TableChange])
    /// A node came back with an empty disk and takes its former places with a new incarnation.
    case registerNode(ReplicaID)

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .createTable(let record):
            writer.u8(1)
            record.encode(into: &writer)
        case .deleteTable(let id):
            writer.u8(3)
            writer.varint(id.number)
        case .updateTable(let id, let settings, let global, let status):
            writer.u8(4)
            writer.varint(id.number)
            writer.optional(settings) { $1.encode(into: &$0) }
            writer.optional(global) { $1.encode(into: &$0) }
            writer.optional(status) { $0.u8($1.rawValue) }
        case .registerNode(let replica):
            writer.u8(5)
            writer.replica(replica)
        case .changeTable(let id, let changes):
            writer.u8(6)
            writer.varint(id.number)
            writer.varint(UInt64(changes.count))
            for change in changes { change.encode(into: &writer) }
        }
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(bytes)
        switch try reader.u8() {
        case 1: self = .createTable(try TableRecord(decoding: &reader))
        case 3: self = .deleteTable(TableID(try reader.varint()))
        case 4:
            let id = TableID(try reader.varint())
            let settings = try reader.bool() ? try TableSettings(decoding: &reader) : nil
            let global = try reader.bool() ? try GlobalState(decoding: &reader) : nil
            var status: TableStatus?
            if try reader.bool() {
                status = TableStatus(rawValue: try reader.u8())
                guard status != nil else { throw DecodingError(offset: reader.offset) }
            }
            self = .updateTable(id, settings, global, status)
        case 5: self = .registerNode(try reader.replica())
        case 6:
            let id = TableID(try reader.varint())
            var changes: [TableChange] = []
            for _ in 0..<(try reader.count()) {
                changes.append(try TableChange(decoding: &reader))
            }
            self = .changeTable(id, changes)
        default: throw DecodingError(offset: 0)
        }
    }
}
