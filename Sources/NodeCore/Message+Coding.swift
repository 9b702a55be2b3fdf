import Consensus
package import Primitives

/// Frames' payloads: one kind byte, then the fields in order of declaration.
extension Message {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .greeting(let sentAt, let boot):
            writer.u8(1)
            writer.u64(sentAt.nanoseconds)
            writer.u64(boot)
        case .greetingAcknowledged(let sentAt):
            writer.u8(2)
            writer.u64(sentAt.nanoseconds)
        case .raft(let group, let from, let to, let message):
            writer.u8(3)
            writer.partition(group)
            writer.replica(from)
            writer.replica(to)
            message.encode(into: &writer)
        case .join(let boot):
            writer.u8(4)
            writer.u64(boot)
        case .welcome(let incarnation, let boot):
            writer.u8(5)
            writer.u32(incarnation)
            writer.u64(boot)
        case .snapshotChunk(let chunk):
            writer.u8(6)
            chunk.encode(into: &writer)
        case .snapshotReceived(let group, let from, let stream, let sequence):
            writer.u8(7)
            writer.partition(group)
            writer.replica(from)
            writer.varint(stream)
            writer.varint(sequence)
        case .operation, .operationAnswer, .work, .workDone, .catalogFence, .catalogFenced:
            self.encodeWork(into: &writer)
        case .partitionReady, .backfilled, .replicate, .replicated, .globalTable,
            .globalTableAnswer, .probe, .probeAnswer, .probeLoad:
            self.encodeReplication(into: &writer)
        }
    }

    private func encodeWork(into writer: inout ByteWriter) {
        switch self {
        case .operation(let call, let request):
            writer.u8(8)
            writer.varint(call)
            writer.block(request)
        case .operationAnswer(let call, let answer):
            writer.u8(9)
            writer.varint(call)
            answer.encode(into: &writer)
        case .work(let call, let partition, let work):
            writer.u8(10)
            writer.varint(call)
            writer.partition(partition)
            work.encode(into: &writer)
        case .workDone(let call, let result):
            writer.u8(11)
            writer.varint(call)
            result.encode(into: &writer)
        case .catalogFence(let call):
            writer.u8(12)
            writer.varint(call)
        case .catalogFenced(let call, let index):
            writer.u8(13)
            writer.varint(call)
            writer.optional(index) { $0.varint($1) }
        default:
            preconditionFailure("not a message about work")
        }
    }

    private func encodeReplication(into writer: inout ByteWriter) {
        switch self {
        case .partitionReady(let table, let partition):
            writer.u8(14)
            writer.varint(table.number)
            writer.partition(partition)
        case .backfilled(let table, let partition, let destination):
            writer.u8(15)
            writer.varint(table.number)
            writer.partition(partition)
            writer.u8(destination.rank)
        case .replicate(let batch):
            writer.u8(16)
            batch.encode(into: &writer)
        case .replicated(let answer):
            writer.u8(17)
            answer.encode(into: &writer)
        case .globalTable(let notice):
            writer.u8(18)
            notice.encode(into: &writer)
        case .globalTableAnswer(let answer):
            writer.u8(19)
            answer.encode(into: &writer)
        case .probe(let id, let sentAt):
            writer.u8(20)
            writer.u64(id)
            writer.u64(sentAt.nanoseconds)
        case .probeAnswer(let id, let sentAt, let arrivedAt):
            writer.u8(21)
            writer.u64(id)
            writer.u64(sentAt.nanoseconds)
            writer.u64(arrivedAt.nanoseconds)
        case .probeLoad(let id, let sentAt, let padding):
            writer.u8(22)
            writer.u64(id)
            writer.u64(sentAt.nanoseconds)
            writer.block(padding)
        default:
            preconditionFailure("not a message between regions")
        }
    }

    /// Reads one message; trailing bytes are an error, because a frame holds exactly one.
    package init(decoding bytes: [UInt8], in range: Range<Int>) throws(DecodingError) {
        var reader = ByteReader(bytes, in: range)
        let kind = try reader.u8()
        switch kind {
        case 1:
            let sentAt = Instant(nanoseconds: try reader.u64())
            self = .greeting(sentAt: sentAt, boot: try reader.u64())
        case 2: self = .greetingAcknowledged(sentAt: Instant(nanoseconds: try reader.u64()))
        case 3:
            let group = try reader.partition()
            let from = try reader.replica()
            let to = try reader.replica()
            self = .raft(group, from: from, to: to, try Consensus.Message(decoding: &reader))
        case 4: self = .join(boot: try reader.u64())
        case 5: self = .welcome(incarnation: try reader.u32(), boot: try reader.u64())
        case 6: self = .snapshotChunk(try SnapshotChunk(decoding: &reader))
        case 7:
            self = .snapshotReceived(
                try reader.partition(),
                from: try reader.replica(),
                stream: try reader.varint(),
                sequence: try reader.varint()
            )
        case 8...13: try self.init(decodingWork: kind, &reader)
        case 14...22: try self.init(decodingReplication: kind, &reader)
        default: throw DecodingError(offset: range.lowerBound)
        }
        guard reader.isAtEnd else { throw DecodingError(offset: reader.offset) }
    }

    private init(decodingWork kind: UInt8, _ reader: inout ByteReader) throws(DecodingError) {
        let call = try reader.varint()
        switch kind {
        case 8: self = .operation(call: call, request: try reader.block())
        case 9: self = .operationAnswer(call: call, try OperationAnswer(decoding: &reader))
        case 10:
            let partition = try reader.partition()
            self = .work(call: call, partition, try PartitionWork(decoding: &reader))
        case 11: self = .workDone(call: call, try WorkResult(decoding: &reader))
        case 12: self = .catalogFence(call: call)
        default:
            let index = try reader.bool() ? try reader.varint() : nil
            self = .catalogFenced(call: call, index: index)
        }
    }

    private init(decodingReplication kind: UInt8, _ reader: inout ByteReader)
        throws(DecodingError)
    {
        switch kind {
        case 14: self = .partitionReady(TableID(try reader.varint()), try reader.partition())
        case 15:
            self = .backfilled(
                TableID(try reader.varint()),
                try reader.partition(),
                destination: RegionID(try reader.u8())
            )
        case 16: self = .replicate(try ReplicationBatch(decoding: &reader))
        case 17: self = .replicated(try ReplicationAnswer(decoding: &reader))
        case 18: self = .globalTable(try GlobalTableNotice(decoding: &reader))
        case 19: self = .globalTableAnswer(try GlobalTableAnswer(decoding: &reader))
        case 20:
            self = .probe(
                id: try reader.u64(),
                sentAt: Instant(nanoseconds: try reader.u64())
            )
        case 21:
            self = .probeAnswer(
                id: try reader.u64(),
                sentAt: Instant(nanoseconds: try reader.u64()),
                arrivedAt: Instant(nanoseconds: try reader.u64())
            )
        default:
            self = .probeLoad(
                id: try reader.u64(),
                sentAt: Instant(nanoseconds: try reader.u64()),
                padding: try reader.block()
            )
        }
    }
}

extension ByteWriter {
    package mutating func partition(_ id: PartitionID) { self.varint(id.number) }

    package mutating func replica(_ id: ReplicaID) {
        self.u16(id.node.index)
        self.u32(id.incarnation)
    }

    package mutating func optional<Value>(
        _ value: Value?,
        _ write: (inout ByteWriter, Value) -> Void
    ) {
        self.bool(value != nil)
        if let value { write(&self, value) }
    }
}

extension ByteReader {
    package mutating func partition() throws(DecodingError) -> PartitionID {
        PartitionID(try self.varint())
    }

    package mutating func replica() throws(DecodingError) -> ReplicaID {
        let node = NodeID(try self.u16())
        return ReplicaID(node: node, incarnation: try self.u32())
    }

    package mutating func optionalBlock() throws(DecodingError) -> [UInt8]? {
        try self.bool() ? try self.block() : nil
    }

    package mutating func optionalVarint() throws(DecodingError) -> UInt64? {
        try self.bool() ? try self.varint() : nil
    }

    package mutating func optionalNode() throws(DecodingError) -> NodeID? {
        try self.bool() ? NodeID(try self.u16()) : nil
    }
}
