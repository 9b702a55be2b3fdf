import DataModel
package import Primitives

extension TableRecord {
    /// Stands where records of format 1, which had no options, have the table's id.
    private static let formatMark = UInt64.max
    private static let format: UInt8 = 2

    package func encode(into writer: inout ByteWriter) {
        writer.varint(Self.formatMark)
        writer.u8(Self.format)
        writer.varint(self.id.number)
        writer.string(self.name)
        writer.schema(self.schema)
        self.settings.encode(into: &writer)
        writer.u64(self.createdAt.nanoseconds)
        writer.u8(self.status.rawValue)
        writer.optional(self.global) { $1.encode(into: &$0) }
        self.options.encode(into: &writer)
    }

    package init(decoding reader: inout ByteReader) throws(DecodingError) {
        var id = TableID(try reader.varint())
        let isMarked = id.number == Self.formatMark
        if isMarked {
            guard try reader.u8() == Self.format else { throw DecodingError(offset: reader.offset) }
            id = TableID(try reader.varint())
        }
        let name = try reader.string()
        let schema = try reader.schema()
        let settings = try TableSettings(decoding: &reader)
        let createdAt = WallTime(nanoseconds: try reader.u64())
        guard let status = TableStatus(rawValue: try reader.u8()) else {
            throw DecodingError(offset: reader.offset)
        }
        let global = try reader.bool() ? try GlobalState(decoding: &reader) : nil
        self.init(
            id: id,
            name: name,
            schema: schema,
            settings: settings,
            createdAt: createdAt,
            status: status,
            global: global,
            options: isMarked ? try TableOptions(decoding: &reader) : TableOptions()
        )
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(reserving: 256)
        self.encode(into: &writer)
        return writer.bytes
    }
}

extension TableSettings {
    func encode(into writer: inout ByteWriter) {
        writer.u8(self.billingMode.rawValue)
        writer.optional(self.payPerRequestSince) { $0.u64($1.nanoseconds) }
        writer.varint(self.throughput.readUnits)
        writer.varint(self.throughput.writeUnits)
        writer.optional(self.stream) {
            $0.u8($1.view.rawValue)
            $0.u64($1.enabledAt.nanoseconds)
        }
        writer.optional(self.tableClass) { $0.u8($1.rawValue) }
        writer.bool(self.isDeletionProtected)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        guard let billing = BillingMode(rawValue: try reader.u8()) else {
            throw DecodingError(offset: reader.offset)
        }
        let since = try reader.bool() ? WallTime(nanoseconds: try reader.u64()) : nil
        let throughput = ProvisionedThroughput(
            readUnits: try reader.varint(),
            writeUnits: try reader.varint()
        )
        var stream: StreamDescription?
        if try reader.bool() {
            guard let view = StreamView(rawValue: try reader.u8()) else {
                throw DecodingError(offset: reader.offset)
            }
            stream = StreamDescription(
                view: view,
                enabledAt: WallTime(nanoseconds: try reader.u64())
            )
        }
        var tableClass: TableClass?
        if try reader.bool() {
            tableClass = TableClass(rawValue: try reader.u8())
            guard tableClass != nil else { throw DecodingError(offset: reader.offset) }
        }
        self.init(
            billingMode: billing,
            payPerRequestSince: since,
            throughput: throughput,
            stream: stream,
            tableClass: tableClass,
            isDeletionProtected: try reader.bool()
        )
    }
}

extension GlobalState {
    func encode(into writer: inout ByteWriter) {
        writer.varint(self.generation)
        writer.u8(self.author.rank)
        writer.varint(UInt64(self.replicas.count))
        for replica in self.replicas {
            writer.u8(replica.region.rank)
            writer.u8(replica.status.rawValue)
            writer.u8(replica.sponsor.rank)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(
            generation: try reader.varint(),
            author: RegionID(try reader.u8()),
            replicas: []
        )
        for _ in 0..<(try reader.count()) {
            let region = RegionID(try reader.u8())
            guard let status = ReplicaStatus(rawValue: try reader.u8()) else {
                throw DecodingError(offset: reader.offset)
            }
            self.replicas.append(
                Replica(region: region, status: status, sponsor: RegionID(try reader.u8()))
            )
        }
    }
}

extension ByteWriter {
    mutating func schema(_ schema: KeySchema) {
        self.keyAttribute(schema.partitionKey)
        self.optional(schema.sortKey) { $0.keyAttribute($1) }
    }

    private mutating func keyAttribute(_ attribute: KeyAttribute) {
        self.block(attribute.name)
        switch attribute.type {
        case .string: self.u8(1)
        case .number: self.u8(2)
        case .binary: self.u8(3)
        }
    }
}

extension ByteReader {
    mutating func schema() throws(DecodingError) -> KeySchema {
        let partitionKey = try self.keyAttribute()
        let sortKey = try self.bool() ? try self.keyAttribute() : nil
        return KeySchema(partitionKey: partitionKey, sortKey: sortKey)
    }

    private mutating func keyAttribute() throws(DecodingError) -> KeyAttribute {
        let name = try self.block()
        switch try self.u8() {
        case 1: return KeyAttribute(name: name, type: .string)
        case 2: return KeyAttribute(name: name, type: .number)
        case 3: return KeyAttribute(name: name, type: .binary)
        default: throw DecodingError(offset: self.offset)
        }
    }
}
