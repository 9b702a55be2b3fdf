/// A region's position in the header's list: what stamps break ties by.
package typealias RegionRank = UInt8

/// Nanoseconds of the history's clock: virtual in a simulation, monotonic on a real machine.
package typealias HistoryTime = UInt64

/// One line of a history after its header.
package enum HistoryEvent: Equatable, Sendable {
    /// A client sends a request.
    case invoke(Invocation)
    /// It was told of success.
    case ok(Completion)
    /// It was told that the operation certainly did not happen.
    case fail(Refusal)
    /// It does not know: the operation may take effect at any later time, or never.
    case info(Doubt)
    /// One replica applied, or refused, one version.
    case apply(Application)
    /// What one replica holds at the end, after links were healed and backlogs drained.
    case final(FinalState)
    /// Something was broken on purpose.
    case fault(Remark)
    /// It was mended.
    case heal(Remark)
    /// Anything else worth a line.
    case note(Remark)
}

/// What last-writer-wins compares: greater wins, by time and then by rank.
package struct HistoryStamp: Hashable, Comparable, Sendable {
    package var time: UInt64
    package var region: RegionRank

    package init(_ time: UInt64, _ region: RegionRank) {
        self.time = time
        self.region = region
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.time != rhs.time ? lhs.time < rhs.time : lhs.region < rhs.region
    }
}

/// What somebody saw at a key.
package enum Observed: Hashable, Sendable {
    /// It was not told.
    case unknown
    /// There was no item.
    case nothing
    /// The item that this write made.
    case write(WriteName)

    package var name: WriteName? {
        switch self {
        case .write(let name): name
        case .unknown, .nothing: nil
        }
    }
}

/// What a request does to its key.
package enum OperationKind: UInt8, CaseIterable, Sendable {
    case put, update, delete, get

    package var text: StaticString {
        switch self {
        case .put: "put"
        case .update: "update"
        case .delete: "delete"
        case .get: "get"
        }
    }

    package var isWrite: Bool { self != .get }
}

/// What a write demands of the item it replaces.
package enum WriteCondition: Hashable, Sendable {
    case none
    /// The item is the one that this write made.
    case previous(WriteName)
    case exists(Bool)
}

/// A request as a client sent it.
package struct Invocation: Equatable, Sendable {
    /// Unique in the history.
    package var id: UInt64
    package var time: HistoryTime
    package var client: UInt32
    package var key: KeyName
    /// The write's own unique name; nil for reads.
    package var write: WriteName?
    package var condition: WriteCondition
    package var operation: OperationKind
    /// The region that was asked.
    package var region: RegionRank
    /// A strongly consistent read.
    package var isConsistent: Bool

    package init(
        id: UInt64,
        client: UInt32,
        region: RegionRank,
        operation: OperationKind,
        key: KeyName,
        write: WriteName? = nil,
        condition: WriteCondition = .none,
        isConsistent: Bool = false,
        time: HistoryTime
    ) {
        self.id = id
        self.time = time
        self.client = client
        self.key = key
        self.write = write
        self.condition = condition
        self.operation = operation
        self.region = region
        self.isConsistent = isConsistent
    }
}

/// An operation that succeeded.
package struct Completion: Equatable, Sendable {
    package var id: UInt64
    package var time: HistoryTime
    /// Of the version that was written, or read.
    package var stamp: HistoryStamp?
    /// What a read returned; for a write its own name, or unknown.
    package var write: Observed
    /// What a write replaced.
    package var previous: Observed

    package init(
        id: UInt64,
        write: Observed = .unknown,
        previous: Observed = .unknown,
        stamp: HistoryStamp? = nil,
        time: HistoryTime
    ) {
        self.id = id
        self.time = time
        self.stamp = stamp
        self.write = write
        self.previous = previous
    }
}

/// An operation that certainly did not happen.
package struct Refusal: Equatable, Sendable {
    /// The error by which a write's condition speaks; any other says nothing about the item.
    package static let conditionFailed = "ConditionalCheckFailedException"

    package var id: UInt64
    package var time: HistoryTime
    package var error: TextName
    /// The item that the condition saw, if it was returned.
    package var previous: Observed

    package init(id: UInt64, error: TextName, previous: Observed = .unknown, time: HistoryTime) {
        self.id = id
        self.time = time
        self.error = error
        self.previous = previous
    }
}

/// An operation of which nobody knows whether it happened.
package struct Doubt: Equatable, Sendable {
    package var id: UInt64
    package var time: HistoryTime
    package var error: TextName

    package init(id: UInt64, error: TextName, time: HistoryTime) {
        self.id = id
        self.time = time
        self.error = error
    }
}

/// What a replica did with a version.
package enum ApplyDecision: UInt8, CaseIterable, Sendable {
    /// It replaced what was there.
    case applied
    /// What was there was newer and stays.
    case older
    /// It was there already.
    case same

    package var text: StaticString {
        switch self {
        case .applied: "applied"
        case .older: "older"
        case .same: "same"
        }
    }
}

/// One replica's decision about one version; a replica's lines stand in the order of its decisions.
package struct Application: Equatable, Sendable {
    /// The position in the partition's log; a node that restarts goes on, or repeats.
    package var sequence: UInt64
    package var time: HistoryTime?
    package var stamp: HistoryStamp
    /// The version it was compared with, if there was one and it is known.
    package var against: HistoryStamp?
    package var partition: UInt64
    package var key: KeyName
    /// Unknown when the item carries no name.
    package var write: Observed
    package var node: NodeName
    package var region: RegionRank
    package var isDelete: Bool
    package var decision: ApplyDecision

    package init(
        node: NodeName,
        region: RegionRank,
        partition: UInt64,
        sequence: UInt64,
        key: KeyName,
        write: Observed,
        isDelete: Bool = false,
        stamp: HistoryStamp,
        decision: ApplyDecision,
        against: HistoryStamp? = nil,
        time: HistoryTime? = nil
    ) {
        self.sequence = sequence
        self.time = time
        self.stamp = stamp
        self.against = against
        self.partition = partition
        self.key = key
        self.write = write
        self.node = node
        self.region = region
        self.isDelete = isDelete
        self.decision = decision
    }
}

/// What one replica holds of one key at the end.
///
/// A replica that should hold the key and has neither item nor tombstone says `.nothing` without a
/// stamp: what is not said cannot be compared.
package struct FinalState: Equatable, Sendable {
    package var node: NodeName
    package var region: RegionRank
    package var key: KeyName
    package var write: Observed
    package var stamp: HistoryStamp?
    /// A tombstone.
    package var isDelete: Bool

    package init(
        node: NodeName,
        region: RegionRank,
        key: KeyName,
        write: Observed,
        stamp: HistoryStamp?,
        isDelete: Bool = false
    ) {
        self.node = node
        self.region = region
        self.key = key
        self.write = write
        self.stamp = stamp
        self.isDelete = isDelete
    }
}

/// A line for people.
package struct Remark: Equatable, Sendable {
    package var text: TextName
    package var time: HistoryTime?

    package init(_ text: TextName, time: HistoryTime? = nil) {
        self.text = text
        self.time = time
    }
}

extension OperationKind {
    var bytes: [UInt8] { self.text.bytes }
}

extension ApplyDecision {
    var bytes: [UInt8] { self.text.bytes }
}

extension StaticString {
    fileprivate var bytes: [UInt8] {
        Array(UnsafeBufferPointer(start: self.utf8Start, count: self.utf8CodeUnitCount))
    }
}
