import Consensus
import DataModel
import NodeCore
import Primitives
import Replication
import Tables
import Testing

@Suite("What no node of the cluster can have said") struct MessageCheckTests {
    private static let layout = ClusterLayout(
        regions: ["a", "b"],
        members: (0..<4).map { index in
            .init(
                id: NodeID(UInt16(index)),
                name: "n\(index)",
                region: RegionID(UInt8(index / 2)),
                zone: "z"
            )
        }
    )
    private static let wall = WallTime(nanoseconds: 1_800_000_000_000_000_000)
    private static let group = PartitionID(7)
    private static let key = [UInt8](repeating: 1, count: ItemKey.bytesMin)

    private static func fault(_ message: NodeCore.Message, from sender: UInt16 = 1)
        -> MessageFault?
    {
        message.fault(from: NodeID(sender), in: self.layout, wall: self.wall)
    }

    private static func replica(_ node: UInt16) -> ReplicaID {
        ReplicaID(node: NodeID(node), incarnation: 1)
    }

    private static func answer(leader: UInt16, destination: UInt8) -> NodeCore.Message {
        .replicated(
            ReplicationAnswer(
                epoch: self.group,
                destination: RegionID(destination),
                leader: NodeID(leader),
                outcome: .gap(have: 0)
            )
        )
    }

    private static func batch(
        time: UInt64,
        region: UInt8 = 1,
        others: [Stamp] = [],
        source: UInt16 = 1
    ) throws -> NodeCore.Message {
        let stamp = Stamp(time: time, region: RegionID(region))
        let change = RemoteChange(
            ordinal: 1,
            key: self.key,
            version: try #require(VersionVector(stamp: stamp, others: others)),
            image: nil,
            committedAt: .zero
        )
        var writer = ByteWriter()
        ChangeBatch(source: RegionID(1), epoch: 1, extent: .backfill, changes: [change])
            .encode(into: &writer)
        return .replicate(
            ReplicationBatch(
                table: "t",
                sourceNode: NodeID(source),
                position: 0,
                chunk: 0,
                batch: writer.bytes
            )
        )
    }

    private static func page(_ first: Token, _ last: Token, after: [UInt8]?) -> NodeCore.Message {
        let range = ScanRange(first: first, last: last, after: after, itemsMax: 1, bytesMax: 1)
        return .work(call: 1, self.group, .page(range, isConsistent: false))
    }

    @Test("nodes") func nodes() {
        let far = NodeID(4)
        #expect(Self.fault(.workDone(call: 1, .notLeader(hint: far))) == .node)
        #expect(Self.fault(.workDone(call: 1, .notLeader(hint: NodeID(3)))) == nil)
        #expect(Self.fault(.workDone(call: 1, .notLeader(hint: nil))) == nil)
        #expect(Self.fault(.operationAnswer(call: 1, .notLeader(hint: far))) == .node)
        #expect(Self.fault(Self.answer(leader: 4, destination: 1)) == .node)
        #expect(Self.fault(Self.answer(leader: 3, destination: 2)) == .region)
        #expect(Self.fault(Self.answer(leader: 3, destination: 1)) == nil)
        #expect(Self.fault(.globalTable(.inquiry(call: 1, from: far, table: "t"))) == .node)
        #expect(
            Self.fault(.backfilled(TableID(1), Self.group, destination: RegionID(2))) == .region
        )
        let adopted = GlobalTableAnswer.adopted(table: "t", region: RegionID(9), generation: 1)
        #expect(Self.fault(.globalTableAnswer(adopted)) == .region)
    }

    @Test("replicas speak for themselves, and groups have members of the topology")
    func replicas() {
        func raft(_ from: UInt16, _ to: UInt16, _ voters: [UInt16]) -> NodeCore.Message {
            let entry = Entry(
                term: Term(1),
                index: LogIndex(1),
                kind: .configuration,
                payload: Configuration(voters: voters.map(Self.replica)).payload
            )
            return .raft(
                Self.group,
                from: Self.replica(from),
                to: Self.replica(to),
                .append(
                    .init(
                        term: Term(1),
                        previous: .zero,
                        entries: [entry],
                        commit: .zero,
                        wantsResponse: true
                    )
                )
            )
        }
        #expect(Self.fault(raft(1, 0, [0, 1])) == nil)
        #expect(Self.fault(raft(0, 1, [0, 1])) == .sender)
        #expect(Self.fault(raft(1, 9, [0, 1])) == .node)
        #expect(Self.fault(raft(1, 0, [0, 4])) == .node)
        let received = NodeCore.Message.snapshotReceived(
            Self.group,
            from: Self.replica(2),
            stream: 1,
            sequence: 1
        )
        #expect(Self.fault(received) == .sender && Self.fault(received, from: 2) == nil)
    }

    @Test("ranges and keys") func ranges() {
        #expect(Self.fault(Self.page(2, 1, after: nil)) == .range)
        #expect(Self.fault(Self.page(1, 1, after: nil)) == nil)
        #expect(Self.fault(Self.page(0, .max, after: [1])) == .key)
        #expect(Self.fault(Self.page(0, .max, after: Self.key)) == nil)
        let read = PartitionWork.read(keys: [Self.key, []], isConsistent: true)
        #expect(Self.fault(.work(call: 1, Self.group, read)) == .key)
        let page = WorkResult.page(items: [], next: [1, 2], bytes: 0)
        #expect(Self.fault(.workDone(call: 1, page)) == .key)
    }

    @Test("stamps of a far future, of regions that are none, and batches that are none")
    func stamps() throws {
        let now = Self.wall.nanoseconds
        let latest = now + NodeCore.Message.stampAheadMax
        #expect(Self.fault(try Self.batch(time: latest)) == nil)
        #expect(Self.fault(try Self.batch(time: latest + 1)) == .stamp)
        #expect(Self.fault(try Self.batch(time: .max)) == .stamp)
        #expect(Self.fault(try Self.batch(time: now, region: 2)) == .region)
        #expect(Self.fault(try Self.batch(time: now, source: 4)) == .node)
        let other = Stamp(time: .max, region: RegionID(0))
        #expect(Self.fault(try Self.batch(time: now, others: [other])) == .stamp)
        let index = IndexBatch(
            source: Self.group,
            extent: .backfill,
            changes: [IndexChange(key: Self.key, stamp: other, image: nil)]
        )
        #expect(Self.fault(.work(call: 1, Self.group, .index(index))) == .stamp)
        let empty = ReplicationBatch(
            table: "t",
            sourceNode: NodeID(1),
            position: 0,
            chunk: 0,
            batch: []
        )
        #expect(Self.fault(.replicate(empty)) == .unreadable)
        let late = WallTime(nanoseconds: .max)
        let message = try Self.batch(time: .max)
        #expect(message.fault(from: NodeID(1), in: Self.layout, wall: late) == nil)
    }

    @Test("global tables have replicas in regions of the topology")
    func globalTables() throws {
        for region in [1, 2] as [UInt8] {
            var record = try #require(CatalogSamples.records.first)
            record.global = GlobalState(
                generation: 1,
                author: RegionID(0),
                replicas: [
                    .init(region: RegionID(region), status: .active, sponsor: RegionID(0))
                ]
            )
            let notice = GlobalTableNotice.state(
                from: NodeID(1),
                sender: RegionID(0),
                record: record.encoded
            )
            #expect(Self.fault(.globalTable(notice)) == (region == 1 ? nil : .region))
        }
        let garbled = GlobalTableNotice.state(from: NodeID(1), sender: RegionID(0), record: [1])
        #expect(Self.fault(.globalTable(garbled)) == .unreadable)
    }
}

/// Frames of a running cluster, broken in transit in ways that can still be decoded.
@Suite("Messages that lie") struct LyingMessageTests {
    private struct Sample {
        var from: Int
        var to: Int
        var bytes: [UInt8]
    }

    /// What Raft, snapshots and answers to clients carry is another replica's word: who may speak
    /// is checked, and the rest is trusted within a region.
    private static func isTrusted(_ message: NodeCore.Message) -> Bool {
        switch message {
        case .raft, .snapshotChunk, .operation, .operationAnswer: true
        default: false
        }
    }

    /// Frames of every kind that two regions exchange while clients write, read and scan.
    private static func samples(of cluster: Cluster) -> [[Sample]] {
        var kinds: [UInt8: [Sample]] = [:]
        cluster.filter = { frame in
            guard case .message(let message) = frame.content, !Self.isTrusted(message) else {
                return true
            }
            let bytes = CodecTests.encoded(message)
            if kinds[bytes[0], default: []].count < 40 {
                kinds[bytes[0], default: []].append(
                    Sample(from: frame.from, to: frame.to, bytes: bytes)
                )
            }
            return true
        }
        cluster.spread("t", to: 1..<2)
        var pending = 0
        for index in 0..<60 {
            let machine = index % cluster.machines.count
            let operation: NodeCore.Operation =
                switch index % 4 {
                case 0: Requests.put("t", Requests.item("k\(index)", value: index))
                case 1:
                    .batchWriteItem(
                        BatchWriteItemRequest(
                            tables: [
                                BatchWriteTable(
                                    table: "t",
                                    writes: (0..<10).map { place in
                                        .put(Requests.item("k\(place)", value: index))
                                    }
                                )
                            ]
                        )
                    )
                case 2: .scan(ScanRequest(table: "t"))
                default:
                    .batchGetItem(
                        BatchGetItemRequest(
                            tables: [
                                BatchGetTable(
                                    table: "t",
                                    keys: (0..<10).map { Requests.key("k\($0)") }
                                )
                            ]
                        )
                    )
                }
            pending += 1
            cluster.ask(operation, of: machine) { _ in pending -= 1 }
        }
        _ = cluster.run(within: .seconds(20), until: { pending == 0 })
        cluster.run(for: .seconds(2))
        cluster.filter = nil
        return kinds.sorted { $0.key < $1.key }.map(\.value)
    }

    @Test("a message that passes the checks never ends a node", arguments: [1, 2, 3] as [UInt64])
    func lies(seed: UInt64) throws {
        var plan = ClusterPlan(seed: seed)
        plan.regions = 2
        plan.partitionsPerTable = 2
        let cluster = Cluster.withTable("t", plan)
        let samples = Self.samples(of: cluster)
        #expect(cluster.violations == [])
        #expect(samples.count >= 10, "the traffic has too few kinds of messages")
        var random = SplitMix64(seed: seed)
        var passed = 0
        var refused = 0
        for _ in 0..<6_000 {
            let kind = samples[Int(random.below(UInt64(samples.count)))]
            let sample = kind[Int(random.below(UInt64(kind.count)))]
            var bytes = sample.bytes
            for _ in 0...random.below(2) { CodecTests.mutate(&bytes, &random) }
            guard let message = try? CodecTests.message(bytes), !Self.isTrusted(message) else {
                continue
            }
            let machine = cluster.machines[sample.to]
            let sender = NodeID(UInt16(sample.from))
            let wall = machine.wall(cluster.now)
            guard message.fault(from: sender, in: cluster.layout, wall: wall) == nil else {
                refused += 1
                continue
            }
            passed += 1
            cluster.put(.message(message, from: sender), to: machine)
            cluster.run(for: .microseconds(100))
        }
        cluster.run(for: .seconds(1))
        #expect(passed > 500 && refused > 100, "seed \(seed): \(passed) passed, \(refused) refused")
        for machine in cluster.machines {
            let failure = machine.process?.node.storeFailure
            #expect(machine.isAlive && failure == nil)
        }
    }
}
