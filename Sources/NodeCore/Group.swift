import Consensus
import Primitives
import Replication
import Tables

/// One Raft group with a replica on this node: the region's catalog, or a partition of a table.
///
/// A class, because it is large and looked at often: to read a part of a struct in an array copies
/// the whole of it. Only its node refers to it, and only within its own methods, so that accesses
/// need no check while the program runs.
final class Group {
    let id: PartitionID
    @exclusivity(unchecked) var raft: Replica
    let log: StoredLog
    /// Nil for the catalog.
    @exclusivity(unchecked) var partition: Tables.Partition?
    /// The table's name and the partition's position in it, for replication between regions.
    @exclusivity(unchecked) var table: TableID?

    /// Answers that wait for a log index to be applied, in the order of the indexes.
    @exclusivity(unchecked) var waiters: [Waiter] = []
    /// One for each other region of the table, while this replica leads.
    @exclusivity(unchecked) var destinations: [Destination] = []
    /// One for each global index of the table, while this replica leads.
    @exclusivity(unchecked) var indexStreams: [IndexStream] = []
    /// Changes applied lately, so that replicators seldom read the log back from the store.
    @exclusivity(unchecked) var recentChanges = RecentChanges()
    /// The snapshot that this replica is receiving.
    @exclusivity(unchecked) var incoming: IncomingSnapshot?

    @exclusivity(unchecked) var sweep = TombstoneSweep()
    @exclusivity(unchecked) var expiry = ExpirySweep()

    /// It has led in some term since the node started.
    @exclusivity(unchecked) var hasLed = false
    @exclusivity(unchecked) var isDirty = false
    @exclusivity(unchecked) var isRestless = false
    /// The leader of `followedTerm`, for telling it when this replica turns to a later term.
    @exclusivity(unchecked) var followed: ReplicaID?
    @exclusivity(unchecked) var followedTerm: Term = .zero
    /// Snapshots that were installed here, or begun and given up: each makes the replica anew.
    @exclusivity(unchecked) var installs: UInt32 = 0
    /// From this index on the length of the log is looked at again.
    @exclusivity(unchecked) var compactAt: UInt64 = 0

    init(id: PartitionID, raft: Replica, log: StoredLog) {
        self.id = id
        self.raft = raft
        self.log = log
    }

    /// ``Replica/leaderReady``, without a copy of the replica.
    var leaderReady: Bool {
        guard let readyAt = self.raft.readyAt else { return false }
        return self.raft.appliedIndex >= readyAt
    }

    /// The group's members other than this replica, learners included.
    var others: [ReplicaID] {
        let configuration = self.raft.configuration
        return (configuration.voters + configuration.learners).filter { $0 != self.raft.id }
    }

    func member(on node: NodeID) -> ReplicaID? { self.others.first { $0.node == node } }
}

/// Something that waits for a log index to be applied here.
struct Waiter {
    enum Outcome {
        /// The operation's answer is already known.
        case answer(Origin, OperationResponse, VersionNote?)
        /// A condition failed on a state that is not committed yet.
        case refusal(Origin, ServiceError)
        /// Part of a batch.
        case work(WorkOrigin, [WriteCost])
        /// Changes of another region.
        case replication(to: NodeID, ReplicationAnswer)
        /// A change of the catalog.
        case catalog(CatalogWaiter)
    }

    var index: LogIndex
    var outcome: Outcome
    /// The answer rests on what was read here, not on an entry of its own: it is only true if this
    /// replica still leads alone when it is given.
    var needsLease = false
}

/// Who waits for a change of the catalog.
enum CatalogWaiter {
    case tableOperation(Origin, String)
    /// The answer once the change is applied.
    case tableOption(Origin, TableOptionResponse)
    case internalChange
}

/// The entries of one group as the store holds them.
///
/// Consensus is told that an entry is not there, whatever the reason; that the store failed is kept
/// for the node, which must not go on with a log that it cannot read.
final class StoredLog: LogStorage {
    private let store: any Store
    private let group: PartitionID
    @exclusivity(unchecked) private(set) var failure: StoreError?

    init(_ store: any Store, _ group: PartitionID) {
        self.store = store
        self.group = group
    }

    func entries(_ from: LogIndex, through: LogIndex, bytesMax: Int) -> [Entry]? {
        var found: [Entry] = []
        var bytes = 0
        var expected = from
        let end = GroupKeys.entry(self.group, through.next)
        let start = GroupKeys.entry(self.group, from)
        do throws(StoreError) {
            try self.store.scan(.log, from: start, to: end, reverse: false) { key, value in
                guard let entry = EntryRecord.decode(key, value), entry.index == expected else {
                    return false
                }
                expected = expected.next
                bytes += entry.payload.count
                found.append(entry)
                return bytes < bytesMax
            }
        } catch {
            self.failure = error
            return nil
        }
        return found.isEmpty ? nil : found
    }

    func term(at index: LogIndex) -> Term? {
        do throws(StoreError) {
            return EntryRecord.term(try self.store.get(.log, GroupKeys.entry(self.group, index)))
        } catch {
            self.failure = error
            return nil
        }
    }
}

/// Where a group's own records lie in the store, beside those of its partition.
enum GroupKeys {
    /// Kinds of records in ``Space/meta`` behind the group's id.
    enum Kind: UInt8 {
        case vote = 0xF0
        case base = 0xF1
        case configuration = 0xF2
        /// A snapshot is being installed; what is there is of no use.
        case installing = 0xF3
        case catalogState = 0xF4
        case catalogApplied = 0xF5
    }

    static func prefix(_ group: PartitionID) -> [UInt8] { Self.bigEndian(group.number) }

    /// The first bytes behind everything of the group.
    static func end(_ group: PartitionID) -> [UInt8] { Self.bigEndian(group.number + 1) }

    static func meta(_ group: PartitionID, _ kind: Kind) -> [UInt8] {
        self.prefix(group) + [kind.rawValue]
    }

    static func entry(_ group: PartitionID, _ index: LogIndex) -> [UInt8] {
        withUnsafeBytes(of: (group.number.bigEndian, index.value.bigEndian)) { Array($0) }
    }

    static func bigEndian(_ number: UInt64) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    static func number(_ key: UnsafeRawBufferPointer, at offset: Int) -> UInt64? {
        guard key.count >= offset + 8 else { return nil }
        return UInt64(
            bigEndian: key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        )
    }
}

/// A log entry's value in the store: term u64, kind u8, payload.
enum EntryRecord {
    static func encode(_ entry: Entry) -> [UInt8] {
        var writer = ByteWriter(reserving: entry.payload.count + 9)
        writer.u64(entry.term.value)
        writer.u8(entry.kind.rawValue)
        writer.raw(entry.payload)
        return writer.bytes
    }

    static func decode(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Entry? {
        guard let index = GroupKeys.number(key, at: 8), value.count >= 9,
            let kind = Entry.Kind(rawValue: value[8])
        else { return nil }
        let term = UInt64(littleEndian: value.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        return Entry(
            term: Term(term),
            index: LogIndex(index),
            kind: kind,
            payload: Array(UnsafeRawBufferPointer(rebasing: value[9...]))
        )
    }

    static func term(_ value: [UInt8]?) -> Term? {
        guard let value, value.count >= 9 else { return nil }
        return value.withUnsafeBytes {
            Term(UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)))
        }
    }
}
