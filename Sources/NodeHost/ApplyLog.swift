import DataModel
import EventLoop
import History
import NodeCore
import Primitives
import Replication
import Tables
import Topology

/// The lines in which a node tells of every version that its replicas applied or refused, for the
/// checkers of histories.
///
/// A turn's lines are handed to the kernel before the turn is committed: a node that is killed in
/// between applies the same entries again and repeats the lines, and none is missing. The file
/// grows over restarts, behind one header.
final class ApplyLog {
    private let file: AppendFile
    private let header: HistoryHeader
    private var writer: HistoryWriter
    private let node: String
    private let region: RegionRank

    init(
        _ path: String,
        _ topology: Topology,
        _ member: Topology.Node
    ) throws(LoopError) {
        self.file = try AppendFile(path, emptied: false)
        self.header = HistoryHeader(
            host: .gateway,
            topology: topology.name,
            regions: topology.regions.map(\.name)
        )
        self.writer = HistoryWriter(header: self.header)
        self.node = member.name
        self.region = member.region.rank
        if !self.file.isEmpty { _ = self.writer.take() }
        self.file.onFailure = { log("the apply log ends here: \($0.description)") }
        self.flush()
    }

    /// Why no more lines are added.
    var failure: String? { self.file.failure?.description }

    /// Adds the lines of one turn.
    func append(_ records: [ApplyRecord], now: UInt64, _ node: borrowing Node) {
        guard self.file.failure == nil else { return }
        // Nothing refers back to names once a line is written.
        var names = HistoryNames(regions: self.header.regions)
        let nodeName = names.node(self.node)
        for record in records {
            let application = Application(
                node: nodeName,
                region: self.region,
                partition: record.partition.number,
                sequence: record.index,
                key: names.key(
                    Self.keyText(record.key, node.keySchema(of: record.table)),
                    table: record.table
                ),
                write: record.write.map { .write(names.write($0)) } ?? .unknown,
                isDelete: record.isDelete,
                stamp: HistoryStamp(record.stamp),
                decision: ApplyDecision(record.decision),
                against: record.against.map { HistoryStamp($0) },
                time: now
            )
            self.writer.append(.apply(application), names)
        }
        self.flush()
    }

    /// Adds what the node's replicas hold now, as their final states.
    ///
    /// - Throws: what the store answered.
    func appendFinals(_ node: borrowing Node, _ store: any Store) throws(StoreError) {
        for place in node.partitionPlaces {
            try store.scan(
                .item,
                from: PartitionKeys.prefix(place.partition),
                to: PartitionKeys.end(place.partition),
                reverse: false
            ) { key, value in
                guard let record = try? ItemRecord(value) else { return true }
                let bytes = Array(UnsafeRawBufferPointer(rebasing: key[8...]))
                self.append(record, key: bytes, place)
                return self.file.failure == nil
            }
        }
        self.flush()
    }

    private func append(_ record: ItemRecord, key: [UInt8], _ place: PartitionPlace) {
        var names = HistoryNames(regions: self.header.regions)
        let state = FinalState(
            node: names.node(self.node),
            region: self.region,
            key: names.key(Self.keyText(key, place.schema), table: place.table),
            write: record.item?.writeID.map { .write(names.write($0)) } ?? .unknown,
            stamp: HistoryStamp(record.stamp),
            isDelete: record.isTombstone
        )
        self.writer.append(.final(state), names)
        if self.writer.pendingBytes > AppendFile.bytesMax { self.flush() }
    }

    /// As ``ItemKey/text(_:)``; of a table that is gone, the bytes.
    private static func keyText(_ key: [UInt8], _ schema: KeySchema?) -> String {
        let key = ItemKey(trusted: key)
        guard let schema else {
            return key.bytes.map { String($0, radix: 16) }.joined(separator: ".")
        }
        return key.text(schema)
    }

    private func flush() {
        let lines = self.writer.take()
        self.file.append { $0.append(contentsOf: lines) }
        self.file.flush()
    }
}

extension HistoryStamp {
    fileprivate init(_ stamp: Stamp) { self.init(stamp.time, stamp.region.rank) }
}

extension ApplyDecision {
    fileprivate init(_ decision: ApplyRecord.Decision) {
        switch decision {
        case .applied: self = .applied
        case .older: self = .older
        case .same: self = .same
        }
    }
}
