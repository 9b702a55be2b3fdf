package import Primitives

extension PartitionMap {
    /// The first byte of every encoded map; another one means another version of Atoll wrote it.
    private static let format: UInt8 = 1

    /// Appends the map: format, version, next id, then tables with their partitions.
    ///
    /// A partition's first token is not written: it follows from the partition before it.
    package func encode(into writer: inout ByteWriter) {
        writer.u8(Self.format)
        writer.varint(self.version)
        writer.varint(self.nextPartition.number)
        writer.varint(UInt64(self.tables.count))
        for table in self.tables {
            writer.u64(table.table.number)
            writer.varint(UInt64(table.partitions.count))
            for partition in table.partitions {
                writer.varint(partition.id.number)
                writer.u64(partition.range.last)
                writer.u8(UInt8(partition.replicas.count))
                for replica in partition.replicas {
                    writer.u16(replica.node.index)
                    writer.u32(replica.incarnation)
                }
            }
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(reserving: 32 + 40 * self.partitionCount)
        self.encode(into: &writer)
        return writer.bytes
    }

    /// Reads what ``encode(into:)`` wrote; refuses anything that breaks a rule of the map.
    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.init()
        guard try reader.u8() == Self.format else { throw DecodingError(offset: reader.offset - 1) }
        self.version = try reader.varint()
        self.nextPartition = PartitionID(try reader.varint())
        try Self.require(self.version < .max / 2 && self.nextPartition.number < .max / 2, reader)
        try Self.require(self.nextPartition > .catalog, reader)
        let count = try reader.count()
        for _ in 0..<count {
            let table = try Self.table(from: &reader)
            if let last = self.tables.last {
                try Self.require(last.table < table.table, reader)
            }
            self.tables.append(table)
        }
        self.rebuildPositions()
        for (left, right) in zip(self.positions, self.positions.dropFirst()) {
            try Self.require(left.id < right.id, reader)
        }
        if let first = self.positions.first, let last = self.positions.last {
            try Self.require(first.id > .catalog && last.id < self.nextPartition, reader)
        }
    }

    private static func table(
        from reader: inout ByteReader
    ) throws(DecodingError) -> TablePartitions {
        let table = TableID(try reader.u64())
        let count = try reader.count()
        try Self.require(count >= 1 && count <= PlacementLimits.partitionsPerTableMax, reader)
        var partitions: [Partition] = []
        var first: Token = 0
        for index in 0..<count {
            let id = PartitionID(try reader.varint())
            let last = try reader.u64()
            try Self.require(first <= last && (last == .max) == (index == count - 1), reader)
            let replicas = try Self.replicas(from: &reader)
            partitions.append(
                Partition(
                    id: id,
                    range: TokenRange(first: first, last: last),
                    replicas: replicas
                )
            )
            first = last &+ 1
        }
        return TablePartitions(table: table, partitions: partitions)
    }

    private static func replicas(
        from reader: inout ByteReader
    ) throws(DecodingError) -> [ReplicaID] {
        let count = Int(try reader.u8())
        try Self.require(count <= PlacementLimits.replicasMax, reader)
        var replicas: [ReplicaID] = []
        for _ in 0..<count {
            let node = NodeID(try reader.u16())
            replicas.append(ReplicaID(node: node, incarnation: try reader.u32()))
        }
        try Self.require(Self.areReplicas(replicas), reader)
        return replicas
    }

    private static func require(_ holds: Bool, _ reader: ByteReader) throws(DecodingError) {
        guard holds else { throw DecodingError(offset: reader.offset) }
    }

    /// Which rules of the map do not hold, in words.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        for (left, right) in zip(self.tables, self.tables.dropFirst()) {
            broken.expect(left.table < right.table, "tables are out of order")
        }
        for table in self.tables {
            broken.expect(
                table.coversTokenSpace,
                "the partitions of table \(table.table.number) leave tokens out"
            )
            for partition in table.partitions {
                let name = "partition \(partition.id.number)"
                broken.expect(Self.areReplicas(partition.replicas), "\(name) has other replicas")
                broken.expect(
                    partition.id > .catalog && partition.id < self.nextPartition,
                    "\(name) was not handed out"
                )
                broken.expect(self.partition(partition.id) == partition, "\(name) is not found")
            }
        }
        return broken.list
    }
}
