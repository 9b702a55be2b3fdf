import DataModel
import Primitives

/// An operation that spans partitions, while its parts are under way.
enum Coordinator {
    case scan(ScanCoordinator)
    case batchGet(BatchGetCoordinator)
    case batchWrite(BatchWriteCoordinator)

    /// Carrying out a part twice changes nothing.
    var isReading: Bool {
        switch self {
        case .scan, .batchGet: true
        case .batchWrite: false
        }
    }

    var isStalled: Bool {
        switch self {
        case .scan(let scan): scan.isStalled
        case .batchGet(let batch): batch.parts.contains { $0.state == .stalled }
        case .batchWrite(let batch): batch.parts.contains { $0.state == .stalled }
        }
    }
}

/// Walks the partitions of a table in token order until the page is full.
struct ScanCoordinator {
    let origin: Origin
    let plan: ScanPlan
    let table: TableID
    let schema: KeySchema
    /// Nil: the table itself.
    let index: IndexView?
    let fetchesItems: Bool
    /// The tokens of the segment, both ends included.
    let first: Token
    let last: Token
    let deadline: Instant
    /// Storage key of the last item read.
    var after: [UInt8]?
    /// Where to go on when no item was read yet, or the partition is done.
    var token: Token
    var items: [Item] = []
    var count = 0
    var scannedCount = 0
    /// Bytes of the items read, before the filter.
    var bytes = 0
    /// A page came back full: whatever the sum of bytes, nothing more fits.
    var isFull = false
    /// The last partition of the segment is read to its end.
    var isDone = false
    /// No leader was found; tried again on the next tick.
    var isStalled = false
}

/// What a part of a batch is doing.
enum PartState: Equatable {
    case waiting
    case stalled
    case done
}

/// Reads keys of several tables and partitions.
struct BatchGetCoordinator {
    struct Part {
        var table: Int
        var partition: PartitionID
        /// Positions among the table's keys.
        var positions: [Int]
        var keys: [[UInt8]]
        var state: PartState = .stalled
        /// The positions that were read, from the first.
        var readCount = 0
    }

    let origin: Origin
    let request: BatchGetItemRequest
    let plans: [BatchGetPlan]
    let deadline: Instant
    var parts: [Part]
    /// Packed items by table and position.
    var found: [[[UInt8]?]]
}

/// Writes items of several tables and partitions.
struct BatchWriteCoordinator {
    struct Part {
        var table: Int
        var tableID: TableID
        var partition: PartitionID
        /// The attribute that is the table's partition key.
        var partitionKey: [UInt8]
        var positions: [Int]
        var writes: [RecordWrite]
        var state: PartState = .stalled
        var isUnprocessed = false
        /// Of each write, when the request asked.
        var costs: [WriteCost] = []
    }

    let origin: Origin
    let request: BatchWriteItemRequest
    let deadline: Instant
    var parts: [Part]
    /// What the client is told once all parts are done, if one was refused.
    var refusal: ServiceError?
}

/// Who waits for a partition's work.
enum WorkOrigin {
    case part(coordinator: UInt64, part: Int)
    case peer(NodeID, call: UInt64)
    /// The leader of a partition of the index's table, on this node.
    case index(IndexPartOrigin)
}
