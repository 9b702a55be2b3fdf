import Consensus
import Primitives
import Tables

extension OperationAnswer {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .answered(let status, let fields, let body):
            writer.u8(1)
            writer.u16(status)
            writer.block(fields)
            writer.block(body)
        case .notLeader(let hint):
            writer.u8(2)
            writer.optional(hint) { $0.u16($1.index) }
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1:
            self = .answered(
                status: try reader.u16(),
                fields: try reader.block(),
                body: try reader.block()
            )
        case 2: self = .notLeader(hint: try reader.optionalNode())
        default: throw DecodingError(offset: reader.offset)
        }
    }
}

extension SnapshotChunk {
    func encode(into writer: inout ByteWriter) {
        writer.partition(self.group)
        writer.replica(self.from)
        writer.replica(self.to)
        writer.varint(self.term)
        writer.varint(self.base.index.value)
        writer.varint(self.base.term.value)
        writer.varint(self.stream)
        writer.varint(self.sequence)
        writer.bool(self.isLast)
        writer.varint(UInt64(self.records.count))
        for record in self.records {
            writer.u8(record.space)
            writer.block(record.key)
            writer.block(record.value)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(
            group: try reader.partition(),
            from: try reader.replica(),
            to: try reader.replica(),
            term: try reader.varint(),
            base: LogPosition(
                index: LogIndex(try reader.varint()),
                term: Term(try reader.varint())
            ),
            stream: try reader.varint(),
            sequence: try reader.varint(),
            isLast: try reader.bool(),
            records: []
        )
        for _ in 0..<(try reader.count()) {
            self.records.append(
                Record(
                    space: try reader.u8(),
                    key: try reader.block(),
                    value: try reader.block()
                )
            )
        }
    }
}

extension PartitionWork {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .read(let keys, let isConsistent):
            writer.u8(1)
            writer.bool(isConsistent)
            writer.varint(UInt64(keys.count))
            for key in keys { writer.block(key) }
        case .write(let table, let writes, let isCounted):
            writer.u8(2)
            writer.varint(table.number)
            writer.bool(isCounted)
            writer.varint(UInt64(writes.count))
            for write in writes {
                writer.block(write.key)
                writer.optional(write.image) { $0.block($1) }
            }
        case .page(let range, let isConsistent):
            writer.u8(3)
            writer.bool(isConsistent)
            range.encode(into: &writer)
        case .index(let batch):
            writer.u8(4)
            batch.encode(into: &writer)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1:
            let isConsistent = try reader.bool()
            var keys: [[UInt8]] = []
            for _ in 0..<(try reader.count()) { keys.append(try reader.block()) }
            self = .read(keys: keys, isConsistent: isConsistent)
        case 2:
            let table = TableID(try reader.varint())
            let isCounted = try reader.bool()
            var writes: [RecordWrite] = []
            for _ in 0..<(try reader.count()) {
                writes.append(
                    RecordWrite(key: try reader.block(), image: try reader.optionalBlock())
                )
            }
            self = .write(table: table, writes, isCounted: isCounted)
        case 3:
            let isConsistent = try reader.bool()
            self = .page(try ScanRange(decoding: &reader), isConsistent: isConsistent)
        case 4: self = .index(try IndexBatch(from: &reader))
        default: throw DecodingError(offset: reader.offset)
        }
    }
}

extension ScanRange {
    func encode(into writer: inout ByteWriter) {
        writer.u64(self.first)
        writer.u64(self.last)
        writer.optional(self.after) { $0.block($1) }
        writer.varint(UInt64(self.itemsMax))
        writer.varint(UInt64(self.bytesMax))
        writer.u8(self.local)
        writer.bool(self.fetchesItems)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        let first = try reader.u64()
        let last = try reader.u64()
        let after = try reader.optionalBlock()
        let items = Int(clamping: try reader.varint())
        let bytes = Int(clamping: try reader.varint())
        self.init(
            first: first,
            last: last,
            after: after,
            itemsMax: items,
            bytesMax: bytes,
            local: try reader.u8(),
            fetchesItems: try reader.bool()
        )
    }
}

extension WorkResult {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .items(let items):
            writer.u8(1)
            writer.varint(UInt64(items.count))
            for item in items { writer.optional(item) { $0.block($1) } }
        case .page(let items, let next, let bytes):
            writer.u8(2)
            writer.varint(UInt64(items.count))
            for item in items { writer.block(item) }
            writer.optional(next) { $0.block($1) }
            writer.varint(UInt64(bytes))
        case .written(let costs):
            writer.u8(3)
            writer.varint(UInt64(costs.count))
            for cost in costs { cost.encode(into: &writer) }
        case .notLeader(let hint):
            writer.u8(4)
            writer.optional(hint) { $0.u16($1.index) }
        case .failed: writer.u8(5)
        case .collectionTooLarge: writer.u8(6)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1:
            var items: [[UInt8]?] = []
            for _ in 0..<(try reader.count()) { items.append(try reader.optionalBlock()) }
            self = .items(items)
        case 2:
            var items: [[UInt8]] = []
            for _ in 0..<(try reader.count()) { items.append(try reader.block()) }
            let next = try reader.optionalBlock()
            self = .page(items: items, next: next, bytes: Int(clamping: try reader.varint()))
        case 3:
            var costs: [WriteCost] = []
            for _ in 0..<(try reader.count()) { costs.append(try WriteCost(decoding: &reader)) }
            self = .written(costs)
        case 4: self = .notLeader(hint: try reader.optionalNode())
        case 5: self = .failed
        case 6: self = .collectionTooLarge
        default: throw DecodingError(offset: reader.offset)
        }
    }
}

extension WriteCost {
    func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(self.units))
        writer.optional(self.collection) { $0.varint($1) }
        writer.varint(UInt64(self.indexes.count))
        for index in self.indexes {
            writer.string(index.index)
            writer.bool(index.isLocal)
            writer.varint(UInt64(index.units))
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(units: Int(clamping: try reader.varint()))
        if try reader.bool() { self.collection = try reader.varint() }
        for _ in 0..<(try reader.count()) {
            self.indexes.append(
                IndexUnits(
                    index: try reader.string(),
                    isLocal: try reader.bool(),
                    units: Int(clamping: try reader.varint())
                )
            )
        }
    }
}

extension ReplicationBatch {
    func encode(into writer: inout ByteWriter) {
        writer.string(self.table)
        writer.u16(self.sourceNode.index)
        writer.u16(self.position)
        writer.varint(self.chunk)
        writer.block(self.batch)
        writer.bool(self.isRelayed)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(
            table: try reader.string(),
            sourceNode: NodeID(try reader.u16()),
            position: try reader.u16(),
            chunk: try reader.varint(),
            batch: try reader.block(),
            isRelayed: try reader.bool()
        )
    }
}

extension ReplicationAnswer {
    func encode(into writer: inout ByteWriter) {
        writer.partition(self.epoch)
        writer.u8(self.destination.rank)
        writer.u16(self.leader.index)
        switch self.outcome {
        case .applied(let ordinal):
            writer.u8(1)
            writer.varint(ordinal)
        case .appliedChunk(let chunk):
            writer.u8(2)
            writer.varint(chunk)
        case .gap(let have):
            writer.u8(3)
            writer.varint(have)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        let epoch = try reader.partition()
        let destination = RegionID(try reader.u8())
        let leader = NodeID(try reader.u16())
        let kind = try reader.u8()
        let value = try reader.varint()
        let outcome: Outcome
        switch kind {
        case 1: outcome = .applied(upTo: value)
        case 2: outcome = .appliedChunk(value)
        case 3: outcome = .gap(have: value)
        default: throw DecodingError(offset: reader.offset)
        }
        self.init(epoch: epoch, destination: destination, leader: leader, outcome: outcome)
    }
}

extension GlobalTableNotice {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .inquiry(let call, let from, let table):
            writer.u8(1)
            writer.varint(call)
            writer.u16(from.index)
            writer.string(table)
        case .state(let from, let sender, let record):
            writer.u8(2)
            writer.u16(from.index)
            writer.u8(sender.rank)
            writer.block(record)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1:
            self = .inquiry(
                call: try reader.varint(),
                from: NodeID(try reader.u16()),
                table: try reader.string()
            )
        case 2:
            self = .state(
                from: NodeID(try reader.u16()),
                sender: RegionID(try reader.u8()),
                record: try reader.block()
            )
        default: throw DecodingError(offset: reader.offset)
        }
    }
}

extension GlobalTableAnswer {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .inquired(let call, let exists):
            writer.u8(1)
            writer.varint(call)
            writer.bool(exists)
        case .adopted(let table, let region, let generation):
            writer.u8(2)
            writer.string(table)
            writer.u8(region.rank)
            writer.varint(generation)
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1: self = .inquired(call: try reader.varint(), exists: try reader.bool())
        case 2:
            self = .adopted(
                table: try reader.string(),
                region: RegionID(try reader.u8()),
                generation: try reader.varint()
            )
        default: throw DecodingError(offset: reader.offset)
        }
    }
}
