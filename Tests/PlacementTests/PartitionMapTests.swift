import Placement
import Primitives
import Testing

private func incarnations(of ring: HashRing) -> [ReplicaID] {
    ring.members.map { ReplicaID(node: $0.node, incarnation: 1) }
}

extension PartitionMap {
    @discardableResult
    fileprivate mutating func add(
        _ number: UInt64,
        partitions: Int = 4,
        replicas: Int = 3,
        on ring: HashRing
    ) -> [Partition] {
        self.addTable(
            TableID(number),
            partitionCount: partitions,
            replicaCount: replicas,
            ring: ring,
            incarnations: incarnations(of: ring)
        )
    }
}

@Suite("partition map")
struct PartitionMapTests {
    @Test("an even split covers the circle in ranges that differ by one token at most")
    func evenSplit() {
        for count in [1, 2, 3, 4, 5, 7, 16, 100, 1_000, 1_024] {
            let ranges = TokenRange.splitEvenly(count)
            #expect(ranges.count == count)
            #expect(ranges[0].first == 0)
            #expect(ranges[count - 1].last == .max)
            for (left, right) in zip(ranges, ranges.dropFirst()) {
                #expect(left.last + 1 == right.first)
            }
            let sizes = ranges.map { $0.last - $0.first }
            #expect(sizes.max()! - sizes.min()! <= 1)
        }
        #expect(TokenRange.splitEvenly(4)[1].first == 1 << 62)
    }

    @Test("a token is found where a walk over all ranges finds it", arguments: 1..<40)
    func lookup(count: Int) throws {
        let ring = HashRing(members(5, zones: 3))
        var map = PartitionMap()
        map.add(9, on: ring)
        let added = map.add(3, partitions: count, on: ring)
        var random = SplitMix64(seed: UInt64(count))
        var tokens: [Token] = [0, .max] + added.flatMap { [$0.range.first, $0.range.last] }
        tokens += (0..<200).map { _ in random.next() }
        for token in tokens {
            let found = try #require(map.partition(of: TableID(3), for: token))
            #expect(found == added.first { $0.range.contains(token) })
        }
        #expect(map.partition(of: TableID(4), for: 0) == nil)
    }

    @Test("ids are never handed out twice")
    func idsAreFresh() {
        let ring = HashRing(members(3, zones: 3))
        var map = PartitionMap()
        let first = map.add(1, on: ring)
        #expect(first.map(\.id.number) == [1, 2, 3, 4])
        let removed = map.removeTable(TableID(1))
        #expect(removed.count == 4)
        #expect(map.partition(PartitionID(1)) == nil)
        let second = map.add(1, on: ring)
        #expect(second.map(\.id.number) == [5, 6, 7, 8])
        #expect(map.table(of: PartitionID(6)) == TableID(1))
        let none = map.removeTable(TableID(77))
        #expect(none == [])
        #expect(map.checkInvariants().isEmpty)
    }

    @Test("every change raises the version, and what changes nothing does not")
    func versions() {
        let ring = HashRing(members(3, zones: 3))
        var map = PartitionMap()
        #expect(map.version == 0)
        map.add(1, on: ring)
        #expect(map.version == 1)
        let stranger = map.replaceIncarnation(with: ReplicaID(node: NodeID(9), incarnation: 2))
        let present = map.replaceIncarnation(with: ReplicaID(node: NodeID(0), incarnation: 1))
        #expect(stranger == [] && present == [])
        let lone = [ReplicaID(node: NodeID(0), incarnation: 1)]
        let isKnown = map.setReplicas(of: PartitionID(99), to: lone)
        #expect(!isKnown)
        _ = map.removeTable(TableID(5))
        #expect(map.version == 1)
        _ = map.removeTable(TableID(1))
        #expect(map.version == 2)
    }

    @Test(
        "leaders spread over the nodes to within one",
        arguments: [(3, 4, 1), (3, 4, 10), (3, 1, 100), (4, 4, 25), (5, 3, 40)]
    )
    func leadersSpread(nodes: Int, partitions: Int, tables: UInt64) {
        let ring = HashRing(members(nodes, zones: 3))
        var map = PartitionMap()
        for table in 1...tables { map.add(table, partitions: partitions, on: ring) }
        let counts = ring.members.map { map.leaderCount(of: $0.node) }
        #expect(counts.reduce(0, +) == partitions * Int(tables))
        // Where every node holds everything the spread is perfect; else the ring's choice limits
        // it.
        let slack = nodes == 3 ? 1 : max(2, counts.reduce(0, +) / nodes / 4)
        #expect(counts.max()! - counts.min()! <= slack, "\(counts)")
    }

    @Test("replicas spread over more nodes than a partition has")
    func replicasSpread() {
        let ring = HashRing(members(9, zones: 3))
        var map = PartitionMap()
        for table in 1...100 { map.add(UInt64(table), on: ring) }
        let counts = ring.members.map { map.replicaCount(of: $0.node) }
        #expect(counts.reduce(0, +) == 1_200)
        #expect(counts.allSatisfy { abs($0 - 133) < 60 }, "\(counts)")
    }

    @Test("replicas are the ring's, turned to the preferred leader")
    func followsRing() {
        let ring = HashRing(members(7, zones: 3))
        var map = PartitionMap()
        for table in 1...20 {
            for partition in map.add(UInt64(table), on: ring) {
                let token = PartitionMap.placementToken(
                    table: TableID(UInt64(table)),
                    range: partition.range
                )
                var expected = ring.replicas(for: token, count: 3)
                let nodes = partition.replicas.map(\.node)
                while expected[0] != nodes[0] { expected.append(expected.removeFirst()) }
                #expect(expected == nodes)
            }
        }
    }

    @Test("a node that returns empty takes its places again")
    func incarnation() throws {
        let ring = HashRing(members(4, zones: 4))
        var map = PartitionMap()
        for table in 1...5 { map.add(UInt64(table), on: ring) }
        let before = map
        let returned = ReplicaID(node: NodeID(2), incarnation: 2)
        let changed = map.replaceIncarnation(with: returned)
        #expect(changed.count == before.replicaCount(of: NodeID(2)))
        #expect(changed == changed.sorted())
        for id in changed {
            let old = try #require(before.partition(id))
            let new = try #require(map.partition(id))
            #expect(new.replicas.map(\.node) == old.replicas.map(\.node))
            #expect(new.replicas.contains(returned))
        }
        #expect(map.checkInvariants().isEmpty)
    }

    @Test("a map is what it was after encoding")
    func roundTrip() throws {
        let ring = HashRing(members(6, zones: 3))
        var map = PartitionMap()
        for table in [5, 2, 9, 1] as [UInt64] { map.add(table, partitions: Int(table), on: ring) }
        _ = map.removeTable(TableID(9))
        let lone = [ReplicaID(node: NodeID(3), incarnation: 7)]
        let isKnown = map.setReplicas(of: PartitionID(2), to: lone)
        #expect(isKnown)
        var reader = ByteReader(map.encoded)
        let decoded = try PartitionMap(from: &reader)
        #expect(decoded == map)
        #expect(reader.isAtEnd)
        #expect(decoded.partition(PartitionID(2))?.replicas.count == 1)
        var empty = ByteReader(PartitionMap().encoded)
        #expect(try PartitionMap(from: &empty) == PartitionMap())
    }

    @Test("a truncated map is refused at every length")
    func truncated() {
        let ring = HashRing(members(3, zones: 3))
        var map = PartitionMap()
        map.add(1, on: ring)
        let bytes = map.encoded
        for length in 0..<bytes.count {
            #expect(throws: DecodingError.self) {
                var reader = ByteReader(Array(bytes[..<length]))
                _ = try PartitionMap(from: &reader)
            }
        }
    }

    @Test("damaged bytes are refused or give a map whose rules hold", arguments: 0..<20)
    func damaged(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let ring = HashRing(members(5, zones: 3))
        var map = PartitionMap()
        for table in 1...3 { map.add(UInt64(table), on: ring) }
        let bytes = map.encoded
        var accepted = 0
        for _ in 0..<500 {
            var copy = bytes
            for _ in 0...random.below(3) {
                copy[Int(random.below(UInt64(copy.count)))] = UInt8(
                    truncatingIfNeeded: random.next()
                )
            }
            var reader = ByteReader(copy)
            guard let decoded = try? PartitionMap(from: &reader) else { continue }
            #expect(decoded.checkInvariants().isEmpty)
            accepted += 1
        }
        #expect(accepted < 500)
    }
}
