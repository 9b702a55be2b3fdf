import NodeCore
import Primitives
import Tables

/// The process and the disk of one simulated node.
final class Machine {
    /// Boxed, because a node cannot be held in an optional and stepped in place.
    final class Process {
        var node: Node

        init(_ settings: NodeSettings, _ store: MemoryStore, now: Instant) throws(StoreError) {
            self.node = try Node(settings: settings, store: store, now: now)
        }
    }

    let index: Int
    let id: NodeID
    let region: RegionID
    var store = MemoryStore()
    /// Nil while the process is dead.
    var process: Process?
    /// What the identity on disk says; zero for an empty disk.
    var incarnation: UInt32 = 1
    /// Starts of the process so far; steps planned for an earlier one do nothing.
    var life = 0
    var isPaused = false
    /// What arrived since the last turn.
    var inbox: [Event] = []
    var isTurnPlanned = false
    /// Added to the wall clock.
    var skew: Int64 = 0

    init(index: Int, region: RegionID) {
        self.index = index
        self.id = NodeID(UInt16(index))
        self.region = region
    }

    var isAlive: Bool { self.process != nil }
    var runs: Bool { self.isAlive && !self.isPaused }

    /// Seventeen years and a bit after the monotonic clock, as far as this node knows.
    func wall(_ now: Instant) -> WallTime {
        let base = Int64(now.nanoseconds) + 1_700_000_000_000_000_000
        return WallTime(nanoseconds: UInt64(base + self.skew))
    }
}
