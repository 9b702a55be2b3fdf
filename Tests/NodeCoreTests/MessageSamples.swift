import Consensus
import NodeCore
import Primitives
import Tables

/// One message of every kind, and the shapes that its fields can take.
enum MessageSamples {
    static let replica = ReplicaID(node: NodeID(2), incarnation: 7)
    static let other = ReplicaID(node: NodeID(300), incarnation: .max)
    static let group = PartitionID(1 << 40)
    static let bytes: [UInt8] = Array(0...200)

    static let all: [NodeCore.Message] =
        Self.region + Self.work + Self.replication

    static let region: [NodeCore.Message] = [
        .greeting(sentAt: Instant(nanoseconds: 1 << 60), boot: 9),
        .greetingAcknowledged(sentAt: .zero),
        .raft(
            Self.group,
            from: Self.replica,
            to: Self.other,
            .append(
                .init(
                    term: Term(3),
                    previous: LogPosition(index: LogIndex(4), term: Term(2)),
                    entries: [
                        Entry(
                            term: Term(3),
                            index: LogIndex(5),
                            kind: .command,
                            payload: Self.bytes
                        )
                    ],
                    commit: LogIndex(4),
                    wantsResponse: true
                )
            )
        ),
        .raft(.catalog, from: Self.other, to: Self.replica, .resigned(Term(1))),
        .join(boot: 1 << 40),
        .welcome(incarnation: .max, boot: 9),
        .snapshotChunk(
            SnapshotChunk(
                group: Self.group,
                from: Self.replica,
                to: Self.other,
                term: 5,
                base: LogPosition(index: LogIndex(1 << 20), term: Term(4)),
                stream: 1 << 33,
                sequence: 2,
                isLast: true,
                records: [
                    .init(space: 1, key: [1], value: []), .init(space: 4, key: [], value: [2, 3]),
                ]
            )
        ),
        .snapshotReceived(Self.group, from: Self.replica, stream: 4, sequence: 1 << 20),
    ]

    static let work: [NodeCore.Message] = [
        .operation(call: 1 << 32, request: Self.bytes),
        .operationAnswer(call: 7, .answered(status: 200, fields: [1], body: Self.bytes)),
        .operationAnswer(call: 7, .notLeader(hint: nil)),
        .operationAnswer(call: 7, .notLeader(hint: NodeID(9))),
        .work(call: 1, Self.group, .read(keys: [[1, 2], []], isConsistent: true)),
        .work(
            call: 1,
            Self.group,
            .write(
                table: TableID(8),
                [RecordWrite(key: [1], image: nil), RecordWrite(key: [2], image: [0])],
                isCounted: true
            )
        ),
        .work(
            call: 1,
            Self.group,
            .page(
                ScanRange(first: 0, last: .max, after: [9], itemsMax: .max, bytesMax: 1),
                isConsistent: false
            )
        ),
        .workDone(call: 2, .items([nil, [], [1]])),
        .workDone(call: 2, .page(items: [[1], [2]], next: [3], bytes: 1 << 20)),
        .workDone(call: 2, .page(items: [], next: nil, bytes: 0)),
        .workDone(call: 2, .written([])),
        .workDone(call: 2, .written([Self.cost, WriteCost(units: 1)])),
        .workDone(call: 2, .collectionTooLarge),
        .workDone(call: 2, .notLeader(hint: NodeID(1))),
        .workDone(call: 2, .failed),
        .catalogFence(call: 3),
        .catalogFenced(call: 3, index: nil),
        .catalogFenced(call: 3, index: 1 << 50),
    ]

    private static let cost = WriteCost(
        units: 400,
        indexes: [
            IndexUnits(index: "by-genre", isLocal: false, units: 2),
            IndexUnits(index: "by-year", isLocal: true, units: 1),
        ],
        collection: 1 << 40
    )

    static let replication: [NodeCore.Message] = [
        .partitionReady(TableID(4), Self.group),
        .backfilled(TableID(4), Self.group, destination: RegionID(2)),
        .replicate(
            ReplicationBatch(
                table: "music",
                sourceNode: NodeID(3),
                position: 15,
                chunk: 2,
                batch: Self.bytes,
                isRelayed: true
            )
        ),
        .replicated(Self.answer(.applied(upTo: 1 << 30))),
        .replicated(Self.answer(.appliedChunk(3))),
        .replicated(Self.answer(.gap(have: 0))),
        .globalTable(.inquiry(call: 1, from: NodeID(2), table: "music")),
        .globalTable(.state(from: NodeID(2), sender: RegionID(1), record: Self.bytes)),
        .globalTableAnswer(.inquired(call: 1, exists: true)),
        .globalTableAnswer(.adopted(table: "music", region: RegionID(1), generation: 9)),
        .probe(id: 5, sentAt: Instant(nanoseconds: 6)),
        .probeLoad(id: 1 << 50, sentAt: Instant(nanoseconds: 6), padding: Self.bytes),
        .probeAnswer(
            id: 5,
            sentAt: Instant(nanoseconds: 6),
            arrivedAt: Instant(nanoseconds: 7)
        ),
    ]

    private static func answer(_ outcome: ReplicationAnswer.Outcome) -> ReplicationAnswer {
        ReplicationAnswer(
            epoch: Self.group,
            destination: RegionID(1),
            leader: NodeID(4),
            outcome: outcome
        )
    }
}
