import NodeCore
import Primitives
import Tables

/// The process, the disk and the clock of one simulated node.
final class Machine {
    /// Boxed: a node cannot be copied, and a dead process has none.
    final class Process {
        @exclusivity(unchecked) var loop: NodeLoop
        /// Where a node without an incarnation keeps what it will forget.
        private(set) var store: any Store

        init(_ settings: NodeSettings, _ store: any Store, now: Instant) throws(StoreError) {
            self.store = store
            self.loop = NodeLoop(try Node(settings: settings, store: store, now: now))
        }

        /// Goes on as another node, on a disk of its own.
        func replace(
            _ settings: NodeSettings,
            _ store: any Store,
            now: Instant
        ) throws(StoreError) {
            self.loop.replace(try Node(settings: settings, store: store, now: now))
            self.store = store
        }
    }

    let index: Int
    let id: NodeID
    let region: RegionID
    @exclusivity(unchecked) var disk: Disk
    @exclusivity(unchecked) var clock: WallClock
    /// Nil while the process is dead.
    @exclusivity(unchecked) var process: Process?
    /// What the identity on the disk says; zero for an empty disk.
    @exclusivity(unchecked) var incarnation: UInt32 = 1
    /// Starts of the process so far; entries planned for an earlier one do nothing.
    @exclusivity(unchecked) var life: UInt32 = 0
    /// Reasons why the process is down; it is started when none is left.
    @exclusivity(unchecked) var downReasons = 0
    @exclusivity(unchecked) var pauses = 0
    /// A turn waits for its sync; nothing else happens in the process meanwhile.
    @exclusivity(unchecked) var isSyncing = false
    /// What arrived since the last turn.
    @exclusivity(unchecked) var inbox: [Event] = []
    @exclusivity(unchecked) var isTurnPlanned = false
    @exclusivity(unchecked) var busyUntil: Instant = .zero
    /// What each sync takes in addition, while the disk is slow.
    @exclusivity(unchecked) var slowness: Nanoseconds = 0
    /// The turn's commit failed; streams are closed until one succeeds.
    @exclusivity(unchecked) var isSuspended = false
    /// Clients' requests that wait here, oldest first.
    @exclusivity(unchecked) var requests: [UInt64] = []
    /// The gateway of the region does not send requests here.
    @exclusivity(unchecked) var isAvoided = false
    /// When the gateway last saw it answer.
    @exclusivity(unchecked) var pausedSince: Instant?
    /// Its store could not be read: an operator has to replace the disk.
    @exclusivity(unchecked) var hasFailed = false

    init(index: Int, region: RegionID, disk: Disk, clock: WallClock) {
        self.index = index
        self.id = NodeID(UInt16(index))
        self.region = region
        self.disk = disk
        self.clock = clock
    }

    var isAlive: Bool { self.process != nil }
    var isPaused: Bool { self.pauses > 0 }
    /// The process is there and its loop turns.
    var turns: Bool { self.process != nil && self.pauses == 0 && !self.isSyncing }
}
