import Consensus
package import Primitives
import Replication
package import Tables

/// One node of the cluster: a pure state machine over a ``Store``.
///
/// The same inputs give the same effects on any host. It routes operations to partitions, hosts a
/// Raft replica of the region's catalog and of each partition placed on it, ships committed changes
/// to other regions, and applies theirs. See ``Effect`` for the contract of a turn.
package struct Node: ~Copyable {
    package let settings: NodeSettings
    let store: any Store
    /// This node's incarnation; nil while a node that lost its disk waits for a new one.
    var identity: ReplicaID?
    var catalog: Catalog
    var liveness: Liveness
    /// Tells this start of the process from others.
    let boot: UInt64
    var clock: HybridClock
    var random: SplitMix64

    /// The Raft groups with a replica here; empty slots are reused.
    var groups: [Group?] = []
    var slotByGroup: [PartitionID: Int] = [:]
    /// Slots with something to flush at the end of the turn, each once.
    var dirty: [Int] = []
    /// Those that a round at the end of the turn takes; kept for its memory.
    private var flushing: [Int] = []
    var freeSlots = 0
    /// Reused for consensus' effects.
    var outputs: [Consensus.Effect] = []
    /// Slots that have more to apply than one turn takes.
    var unfinished: [Int] = []
    /// Slots whose replica wants ticks.
    var restless: [Int] = []

    /// Operations that found no leader, oldest first.
    var parked: [ParkedOperation] = []
    /// What was asked of other nodes and not yet answered.
    var calls = SlotTable<Call>()
    /// Operations that span partitions.
    var coordinators = SlotTable<Coordinator>()
    var outgoingSnapshots = SlotTable<OutgoingSnapshot>()
    var pausedDestinations: [RegionID] = []
    var lagMeters = LagMeters()
    var remoteLeaders: [RemotePartition: NodeID] = [:]
    var connectedNodes: [Bool]

    var ticks: UInt64 = 0
    var reconcileAt: Instant = .zero
    var membersAt: Instant = .zero
    /// Regions that have taken over a table's global state of a generation.
    var adopted: [String: [AdoptedGeneration]] = [:]
    /// Partitions of tables in creation that reported a leader, kept by the catalog's leader.
    var readyPartitions: [TableID: [PartitionID]] = [:]
    /// Destinations that partitions reported as backfilled, kept by the catalog's leader.
    var backfilledPartitions: [TableID: [BackfilledPartition]] = [:]
    /// Numbers the batches to indexes.
    var indexSequence: UInt64 = 0
    var indexMeters = IndexMeters()
    /// Since when a table or index has been in a state that passes, at the catalog's leader.
    var passingSince: [Passing: Instant] = [:]
    /// Operations that wait for this node's copy of the catalog.
    var awaitingCatalog: [AwaitingCatalog] = []
    /// Set while an operation is routed whose fence this copy has reached.
    var fencedVersion: UInt64?
    /// Catalog commands applied since the whole catalog was written.
    var catalogCommands = 0
    /// The version of the catalog that the store holds whole.
    var catalogStateVersion: UInt64 = 0
    /// Incarnations that this leader of the catalog has proposed, latest last.
    var welcomedNodes: [WelcomedNode] = []
    /// Votes asked for in groups that this copy of the catalog does not name yet.
    var early: [EarlyMessage] = []
    /// Groups whose snapshot is complete, to be read back once the turn is committed.
    var installed: [PartitionID] = []
    /// The catalog was replaced by a snapshot, and the partitions here do not know it yet.
    var catalogJumped = false
    /// Slots that applied something since the last commit.
    var committing: [Int] = []
    /// What partitions applied since the host asked last, if they record it.
    var applied: [ApplyRecord] = []
    /// What sweeps deleted since the host asked last, if that is recorded.
    var swept: [SweepRecord] = []
    /// A store that can no longer be read; the host stops the node.
    package internal(set) var storeFailure: StoreError?

    /// Restores the node from its store; an empty store of incarnation 1 starts a new region.
    package init(settings: NodeSettings, store: any Store, now: Instant) throws(StoreError) {
        let layout = settings.layout
        let others = layout.nodes(in: settings.region).filter { $0 != settings.id }
        self.settings = settings
        self.store = store
        self.liveness = Liveness(peers: others, now: now)
        self.clock = HybridClock(
            mode: settings.stampsAreHybrid ? .hybrid : .wall,
            region: settings.region
        )
        self.random = SplitMix64(seed: settings.seed)
        self.boot = max(1, now.nanoseconds)
        self.connectedNodes = layout.members.map { _ in false }
        self.catalog = Self.emptyCatalog(settings)
        if settings.incarnation > 0 {
            self.identity = ReplicaID(node: settings.id, incarnation: settings.incarnation)
            try self.restoreGroups(now: now)
        }
    }

    /// Takes in one event; see ``Effect`` for what the host does with the effects.
    package mutating func step(
        _ event: Event,
        now: Instant,
        wall: WallTime,
        into effects: inout [Effect]
    ) {
        let clocks = Clocks(now: now, wall: wall)
        self.followCatalog(clocks, &effects)
        switch event {
        case .operation(let operation, let origin):
            self.begin(operation, origin, clocks, &effects)
        case .abandoned:
            break
        case .message(let message, let sender):
            self.receive(message, from: sender, clocks, &effects)
        case .connected(let node):
            self.streamOpened(node, clocks, &effects)
        case .disconnected(let node):
            self.streamClosed(node, clocks, &effects)
        case .tick:
            self.tick(clocks, &effects)
        case .probe(let node, let id):
            effects.append(.send(.probe(id: id, sentAt: now), to: node))
        case .pauseReplication(let regions):
            self.pauseReplication(to: regions)
        }
    }

    /// Ends a loop turn: sends what collected, and puts all that must be durable into the store's
    /// pending batch.
    package mutating func endTurn(now: Instant, wall: WallTime, into effects: inout [Effect]) {
        let clocks = Clocks(now: now, wall: wall)
        // Flushing can apply entries of single-replica groups, which can make other slots dirty.
        while !self.dirty.isEmpty {
            swap(&self.dirty, &self.flushing)
            for place in self.flushing.indices {
                let slot = self.flushing[place]
                self.flush(slot, clocks, &effects)
                if let failure = self.groups[slot]?.log.failure { self.storeFailure = failure }
            }
            self.flushing.removeAll(keepingCapacity: true)
        }
    }

    /// The turn's pending batch is durable: what was applied in it can be read from the store.
    package mutating func turnCommitted() {
        for slot in self.committing { self.groups[slot]?.partition?.turnCommitted() }
        self.committing.removeAll(keepingCapacity: true)
        self.finishInstalling()
    }
}

/// Both clocks of an event.
struct Clocks {
    var now: Instant
    var wall: WallTime
}

/// A partition of a table in another region, as replication addresses it.
struct RemotePartition: Hashable {
    var partition: PartitionID
    var region: RegionID
}

struct AdoptedGeneration: Equatable {
    var region: RegionID
    var generation: UInt64
}

struct BackfilledPartition: Equatable {
    var partition: PartitionID
    var destination: RegionID
}

/// An incarnation, and the start of the process that it was given to.
struct WelcomedNode {
    var replica: ReplicaID
    var boot: UInt64
}
