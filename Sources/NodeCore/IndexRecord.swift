package import DataModel
package import Primitives

/// `IndexStatus`.
package enum IndexStatus: UInt8, Equatable, Sendable, CaseIterable {
    case creating, updating, deleting, active
}

/// `OnDemandThroughput`: the most a table or index may take; nil for no bound.
package struct OnDemandThroughput: Equatable, Sendable {
    package var readUnitsMax: Int?
    package var writeUnitsMax: Int?

    package init(readUnitsMax: Int? = nil, writeUnitsMax: Int? = nil) {
        self.readUnitsMax = readUnitsMax
        self.writeUnitsMax = writeUnitsMax
    }
}

/// `WarmThroughput`: what a table or index takes at once.
package struct WarmThroughput: Equatable, Sendable {
    package var readUnits: UInt64
    package var writeUnits: UInt64

    package init(readUnits: UInt64, writeUnits: UInt64) {
        self.readUnits = readUnits
        self.writeUnits = writeUnits
    }
}

/// A global secondary index, as the catalog keeps it.
package struct IndexRecord: Equatable, Sendable {
    /// Under which the partition map knows its partitions; of the region, never used again.
    package var id: TableID
    package var definition: IndexDefinition
    package var status: IndexStatus
    /// Added to a table that was there: what the table holds is backfilled.
    package var isAdded: Bool
    package var throughput: ProvisionedThroughput
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?

    package init(
        definition: IndexDefinition,
        throughput: ProvisionedThroughput = .none,
        onDemand: OnDemandThroughput? = nil,
        warm: WarmThroughput? = nil
    ) {
        self.id = TableID(0)
        self.definition = definition
        self.status = .creating
        self.isAdded = false
        self.throughput = throughput
        self.onDemand = onDemand
        self.warm = warm
    }

    package var name: String { self.definition.name }

    /// Whether queries may read it.
    package var serves: Bool { self.status == .active || self.status == .updating }

    /// The id of the index that the command at `version` makes as its `ordinal`th, from one; table
    /// ids are versions alone.
    static func id(at version: UInt64, ordinal: Int) -> TableID {
        TableID(UInt64(ordinal) << 48 | version)
    }
}

extension TableID {
    /// The version of the catalog that made the table or index.
    var version: UInt64 { self.number & (1 << 48 - 1) }
}

extension IndexRecord {
    func encode(into writer: inout ByteWriter) {
        writer.varint(self.id.number)
        self.definition.encode(into: &writer)
        writer.u8(self.status.rawValue)
        writer.bool(self.isAdded)
        self.throughput.encode(into: &writer)
        writer.optional(self.onDemand) { $1.encode(into: &$0) }
        writer.optional(self.warm) { $1.encode(into: &$0) }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        let id = TableID(try reader.varint())
        self.init(definition: try IndexDefinition(from: &reader))
        self.id = id
        guard let status = IndexStatus(rawValue: try reader.u8()) else {
            throw DecodingError(offset: reader.offset)
        }
        self.status = status
        self.isAdded = try reader.bool()
        self.throughput = try ProvisionedThroughput(decoding: &reader)
        self.onDemand = try reader.bool() ? try OnDemandThroughput(decoding: &reader) : nil
        self.warm = try reader.bool() ? try WarmThroughput(decoding: &reader) : nil
    }
}

extension ProvisionedThroughput {
    func encode(into writer: inout ByteWriter) {
        writer.varint(self.readUnits)
        writer.varint(self.writeUnits)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(readUnits: try reader.varint(), writeUnits: try reader.varint())
    }
}

extension OnDemandThroughput {
    func encode(into writer: inout ByteWriter) {
        for bound in [self.readUnitsMax, self.writeUnitsMax] {
            writer.optional(bound) { $0.varint(UInt64(max(0, $1))) }
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init()
        if let bound = try reader.optionalVarint() { self.readUnitsMax = Int(clamping: bound) }
        if let bound = try reader.optionalVarint() { self.writeUnitsMax = Int(clamping: bound) }
    }
}

extension WarmThroughput {
    func encode(into writer: inout ByteWriter) {
        writer.varint(self.readUnits)
        writer.varint(self.writeUnits)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(readUnits: try reader.varint(), writeUnits: try reader.varint())
    }
}
