import NodeCore
import Primitives
import Tables
import Testing

@Suite("Invariants of a node")
struct InvariantTests {
    /// A region of one node, which leads its catalog.
    static func settled(_ store: MemoryStore) throws -> Node {
        let member = ClusterLayout.Member(
            id: NodeID(0),
            name: "alone",
            region: RegionID(0),
            zone: "a"
        )
        let settings = NodeSettings(
            id: NodeID(0),
            incarnation: 1,
            layout: ClusterLayout(regions: ["here"], members: [member]),
            replicationFactor: 1,
            partitionsPerTable: 2,
            stampsAreHybrid: true,
            seed: 1
        )
        var node = try Node(settings: settings, store: store, now: .zero)
        var effects: [Effect] = []
        for turn in 1...200 as ClosedRange<UInt64> {
            let now = Instant(nanoseconds: turn * NodeTiming.tick)
            let wall = WallTime(nanoseconds: now.nanoseconds)
            node.step(.tick, now: now, wall: wall, into: &effects)
            node.endTurn(now: now, wall: wall, into: &effects)
            try store.commit(sync: false)
            node.turnCommitted()
        }
        return node
    }

    @Test("a node that found its catalog is sound") func sound() throws {
        let node = try Self.settled(MemoryStore())
        let isReady = node.isReady
        let broken = node.checkInvariants(sampleDigests: true) + node.checkSample(7)
        #expect(isReady && broken.isEmpty)
    }

    @Test("a vote that is not on disk is reported, and so is a log that is not")
    func disk() throws {
        let group = [UInt8](repeating: 0, count: 8)
        for (space, key) in [(Space.meta, group + [0xF0]), (.log, group + group.dropLast() + [1])] {
            let store = MemoryStore()
            let node = try Self.settled(store)
            #expect(try store.get(space, key) != nil)
            store.delete(space, key)
            try store.commit(sync: false)
            let inMemory = node.checkInvariants()
            let onDisk = node.checkInvariants(sampleDigests: true)
            #expect(inMemory.isEmpty && !onDisk.isEmpty)
        }
    }
}
