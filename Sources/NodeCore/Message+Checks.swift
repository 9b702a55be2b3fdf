import Consensus
import DataModel
package import Primitives
import Replication
import Tables

/// What no node of the cluster can have said; the text goes on from "a message".
package enum MessageFault: String, Error, Equatable, Sendable {
    case sender = "speaks for another node than its sender"
    case node = "names a node that this topology has not"
    case region = "names a region that this topology has not"
    case range = "asks for an upside-down range"
    case key = "has a key that is too short to be one"
    case stamp = "has a stamp of a far future"
    case unreadable = "holds what cannot be decoded"
}

extension Message {
    /// How far ahead of the receiver's clock a stamp may be.
    ///
    /// Clocks are wrong by weeks at most, even on purpose. A stamp of another age would stay for
    /// ever: no later write could win over it, and hybrid clocks could not count on.
    package static let stampAheadMax: Nanoseconds = .seconds(100 * 366 * 86_400)

    /// What is wrong with the message in this cluster at this time; nil when nothing is.
    ///
    /// Decoding sees only shapes. The core indexes by the nodes and regions that messages name, and
    /// keeps their stamps, so hosts ask here before they pass a message on, and break the stream
    /// of one that is at fault. What a Raft leader proposed is not read again: it was checked where
    /// it came in.
    package func fault(
        from sender: NodeID,
        in layout: ClusterLayout,
        wall: WallTime
    ) -> MessageFault? {
        let ahead = wall.nanoseconds.addingReportingOverflow(Self.stampAheadMax)
        let check = MessageCheck(
            sender: sender,
            layout: layout,
            latest: ahead.overflow ? .max : ahead.partialValue
        )
        do throws(MessageFault) {
            try check.message(self)
            return nil
        } catch {
            return error
        }
    }
}

extension Node {
    /// Does what another node asks, if a node of the cluster can have asked it.
    mutating func receive(
        _ work: PartitionWork,
        _ partition: PartitionID,
        _ origin: WorkOrigin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        if self.fits(work, partition) {
            self.perform(work, on: partition, for: origin, clocks, &effects)
        } else {
            self.workFinished(origin, .failed, clocks, &effects)
        }
    }

    /// Whether writes that another node asks for are ones of this partition: what is proposed here
    /// is taken as it is from then on, by every replica.
    private func fits(_ work: PartitionWork, _ id: PartitionID) -> Bool {
        guard case .write(_, let writes, _) = work, let slot = self.slot(of: id),
            let partition = self.groups[slot]?.partition
        else { return true }
        guard partition.descriptor.entriesOf == nil else { return false }
        return writes.allSatisfy { write in
            guard let key = try? ItemKey(validating: write.key, partition.descriptor.schema),
                partition.range.contains(key.token)
            else { return false }
            guard let image = write.image else { return true }
            guard let item = try? Item(validating: image) else { return false }
            return (try? ItemKey(partition.descriptor.schema, from: item)) == key
        }
    }
}

/// The checks of one message.
private struct MessageCheck {
    let sender: NodeID
    let layout: ClusterLayout
    /// The greatest time of a stamp.
    let latest: UInt64

    func message(_ message: Message) throws(MessageFault) {
        switch message {
        case .raft(_, let from, let to, let raft):
            try self.speaker(from)
            try self.node(to.node)
            if case .append(let append) = raft { try self.members(append.entries) }
        case .snapshotChunk(let chunk):
            try self.speaker(chunk.from)
            try self.node(chunk.to.node)
            try self.records(chunk.records)
        case .snapshotReceived(_, let from, _, _): try self.speaker(from)
        case .operationAnswer(_, .notLeader(let hint)), .workDone(_, .notLeader(let hint)):
            if let hint { try self.node(hint) }
        case .work(_, _, let work): try self.work(work)
        case .workDone(_, .page(_, let next, _)):
            if let next { try self.key(next) }
        case .backfilled(_, _, let destination): try self.region(destination)
        case .replicate(let batch):
            try self.node(batch.sourceNode)
            try self.changes(batch.batch)
        case .replicated(let answer):
            try self.node(answer.leader)
            try self.region(answer.destination)
        case .globalTable(let notice): try self.notice(notice)
        case .globalTableAnswer(.adopted(_, let region, _)): try self.region(region)
        case .greeting, .greetingAcknowledged, .join, .welcome, .operation, .operationAnswer,
            .workDone, .catalogFence, .catalogFenced, .partitionReady, .globalTableAnswer, .probe,
            .probeAnswer, .probeLoad:
            break
        }
    }

    private func speaker(_ replica: ReplicaID) throws(MessageFault) {
        guard replica.node == self.sender else { throw .sender }
    }

    private func node(_ id: NodeID) throws(MessageFault) {
        guard self.layout.contains(id) else { throw .node }
    }

    private func region(_ id: RegionID) throws(MessageFault) {
        guard Int(id.rank) < self.layout.regions.count else { throw .region }
    }

    private func key(_ bytes: [UInt8]) throws(MessageFault) {
        guard bytes.count >= ItemKey.bytesMin else { throw .key }
    }

    private func stamp(_ stamp: Stamp) throws(MessageFault) {
        try self.region(stamp.region)
        guard stamp.time <= self.latest else { throw .stamp }
    }

    private func version(_ version: VersionVector) throws(MessageFault) {
        try self.stamp(version.stamp)
        for other in version.others { try self.stamp(other) }
    }

    private func members(_ entries: [Entry]) throws(MessageFault) {
        for entry in entries where entry.kind == .configuration {
            guard let configuration = try? Configuration(payload: entry.payload) else {
                throw .unreadable
            }
            for member in configuration.voters { try self.node(member.node) }
            for member in configuration.learners { try self.node(member.node) }
        }
    }

    private func records(_ records: [SnapshotChunk.Record]) throws(MessageFault) {
        for record in records where record.space == Space.item.rawValue {
            guard let item = try? ItemRecord(record.value) else { throw .unreadable }
            try self.version(item.version)
        }
    }

    private func work(_ work: PartitionWork) throws(MessageFault) {
        switch work {
        case .read(let keys, _):
            for key in keys { try self.key(key) }
        case .page(let range, _):
            guard range.first <= range.last else { throw .range }
            if let after = range.after { try self.key(after) }
        case .index(let batch):
            for change in batch.changes { try self.stamp(change.stamp) }
        // Only the partition can tell, see ``Node/receive(_:_:_:_:_:)``.
        case .write: break
        }
    }

    private func changes(_ bytes: [UInt8]) throws(MessageFault) {
        var reader = ByteReader(bytes)
        guard let batch = try? ChangeBatch(from: &reader) else { throw .unreadable }
        try self.region(batch.source)
        for change in batch.changes { try self.version(change.version) }
    }

    private func notice(_ notice: GlobalTableNotice) throws(MessageFault) {
        switch notice {
        case .inquiry(_, let from, _): try self.node(from)
        case .state(let from, let region, let bytes):
            try self.node(from)
            try self.region(region)
            var reader = ByteReader(bytes)
            guard let record = try? TableRecord(decoding: &reader) else { throw .unreadable }
            for replica in record.global?.replicas ?? [] {
                try self.region(replica.region)
                try self.region(replica.sponsor)
            }
        }
    }
}
