import Consensus
import Primitives

/// One node with one replica: performs effects in the order that ``Effect`` demands.
struct Host: Sendable {
    var replica: Replica
    var disk: Disk
    /// Every entry handed over to be applied since the process began.
    private(set) var applied: [Entry] = []
    /// The effects since the turn began, for tests to look at.
    private(set) var effects: [Effect] = []

    var id: ReplicaID { self.replica.id }

    init(_ id: ReplicaID, _ disk: Disk) {
        self.disk = disk
        self.replica = Replica(
            id: id,
            restored: disk.restored,
            seed: UInt64(id.node.index),
            disk
        )
    }

    /// The process dies, what was not durable is gone, and it starts again.
    mutating func restart() {
        self.disk.loseBatch()
        self = Host(self.id, self.disk)
    }

    mutating func receive(_ message: Message, from peer: ReplicaID, leaseHeld: Bool = false) {
        self.input { $0.message(from: peer, message, leaseHeld: leaseHeld, $1, into: &$2) }
    }

    mutating func tick(_ now: Instant) { self.input { $0.tick(now: now, into: &$2) } }

    @discardableResult
    mutating func propose(_ payload: [UInt8]) throws(ProposalError) -> LogIndex {
        try self.replica.propose(payload)
    }

    mutating func configure(_ configuration: Configuration) throws(ProposalError) {
        var effects: [Effect] = []
        defer { self.perform(effects) }
        _ = try self.replica.proposeConfiguration(configuration, into: &effects)
    }

    mutating func transfer(to target: ReplicaID) throws(ProposalError) {
        var effects: [Effect] = []
        defer { self.perform(effects) }
        try self.replica.transferLeadership(to: target, into: &effects)
    }

    mutating func compact(through index: LogIndex) {
        guard self.replica.compact(through: index, self.disk) else { return }
        self.disk.write(.compact(self.replica.base))
    }

    /// Installs what another host applied; false when it is of no use any more.
    mutating func install(_ snapshot: Snapshot) -> Bool {
        var isInstalled = false
        self.input {
            isInstalled = $0.restoredFromSnapshot(
                at: snapshot.position,
                configuration: snapshot.configuration,
                configurationIndex: snapshot.configurationIndex,
                $1,
                into: &$2
            )
        }
        guard isInstalled else { return false }
        self.disk.write(.reset(snapshot.position))
        self.disk.write(.configuration(snapshot.configuration, snapshot.configurationIndex))
        return true
    }

    mutating func input(_ body: (inout Replica, Disk, inout [Effect]) -> Void) {
        var effects: [Effect] = []
        body(&self.replica, self.disk, &effects)
        let broken = self.replica.checkInvariants()
        precondition(broken.isEmpty, "\(self.replica.id): \(broken)")
        self.perform(effects)
    }

    /// Flushes and commits the batch; returns everything the turn led to, of which the messages may
    /// be sent now.
    mutating func endTurn(_ now: Instant) -> [Effect] {
        var rounds = 0
        repeat {
            self.input { $0.flush(now: now, $1, into: &$2) }
            rounds += 1
        } while self.replica.needsFlush && rounds < 4
        self.disk.commit()
        defer { self.effects = [] }
        return self.effects
    }

    private mutating func perform(_ effects: [Effect]) {
        self.effects += effects
        for effect in effects {
            switch effect {
            case .truncate(let index): self.disk.write(.truncate(index))
            case .append(let entries): self.disk.write(.append(entries))
            case .setVote(let term, let votedFor): self.disk.write(.vote(term, votedFor))
            case .apply(let entries): self.apply(entries)
            case .send, .becameLeader, .becameFollower, .configurationChanged, .snapshotNeeded:
                break
            }
        }
    }

    private mutating func apply(_ entries: [Entry]) {
        for entry in entries {
            precondition(entry.index == self.replica.appliedIndex.next, "applied twice or skipped")
            self.applied.append(entry)
            self.disk.write(.applied(entry.index))
            if entry.kind == .configuration,
                let members = try? Configuration(payload: entry.payload)
            {
                self.disk.write(.configuration(members, entry.index))
            }
            self.replica.applied(through: entry.index)
        }
    }
}

/// The applied state of a host, as far as consensus is concerned.
struct Snapshot: Sendable {
    var position: LogPosition
    var configuration: Configuration
    var configurationIndex: LogIndex

    /// Of a host between turns.
    init?(of host: Host) {
        let restored = host.disk.restored
        let index = restored.applied
        let base = restored.base
        guard let term = index == base.index ? base.term : host.disk.term(at: index) else {
            return nil
        }
        self.position = LogPosition(index: index, term: term)
        self.configuration = restored.configuration
        self.configurationIndex = restored.configurationIndex
    }
}
