import DataModel
import EventLoop
import Glibc
import History
import NodeCore
import Wire

/// Where a gateway records, and what the history's first line says.
package struct HistorySettings: Sendable {
    package var file: String
    package var topology: String
    /// By rank, as stamps name them.
    package var regions: [String]

    package init(file: String, topology: String, regions: [String]) {
        self.file = file
        self.topology = topology
        self.regions = regions
    }
}

/// What was recorded of a client's request that is under way.
final class RecordedRequest {
    fileprivate let operations: [RecordedOperation]
    /// The number of the first operation; the others follow.
    fileprivate let firstID: UInt64
    fileprivate let region: Region
    fileprivate let isBatch: Bool
    /// Whether bytes of it may have reached a node.
    var isSent = false

    fileprivate init(
        _ operations: [RecordedOperation],
        _ firstID: UInt64,
        _ region: Region,
        isBatch: Bool
    ) {
        self.operations = operations
        self.firstID = firstID
        self.region = region
        self.isBatch = isBatch
    }
}

/// Writes down every operation on single items that clients send: when it was asked, and what
/// became of it.
///
/// A write is named by the attribute `w` that it sets, or else by its number in the history; then
/// the stamp that it got tells later whose version is read. A write that certainly never took
/// effect fails; one whose answer was lost, or is a server's error, stays open for ever. A node's
/// answer counts although the client has gone meanwhile: it is known.
final class HistoryRecorder {
    private let loop: EventLoop
    private let file: AppendFile
    private let schemas: TableSchemas
    private let answers = AnswerReader()
    private let ranks: [String: RegionRank]
    private var names: HistoryNames
    private var writer: HistoryWriter
    private var unnamed = UnnamedWrites()
    private var flusher: LoopTimer?
    private var nextID: UInt64 = 1
    private var clientCount: UInt32 = 0
    /// Names since `names` was last emptied.
    private var namedCount = 0
    private var hasNotedReuse = false

    /// What a crash of this process can cost, in nanoseconds.
    private static let flushInterval: UInt64 = 250_000_000
    /// Events name at most four things each; nothing refers back to a name once it is written.
    private static let namedMax = 4_096

    init(_ settings: HistorySettings, on loop: EventLoop) throws(LoopError) {
        self.loop = loop
        self.file = try AppendFile(settings.file, emptied: true)
        self.schemas = TableSchemas(on: loop)
        self.names = HistoryNames(regions: settings.regions)
        self.ranks = Dictionary(
            uniqueKeysWithValues: settings.regions.enumerated().map { ($1, RegionRank($0)) }
        )
        self.writer = HistoryWriter(
            header: HistoryHeader(
                host: .gateway,
                topology: settings.topology,
                regions: settings.regions
            )
        )
        self.file.onFailure = {
            let text = "the history ends here, and requests go on: \($0.description)\n"
            _ = Array(text.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        }
        self.pass()
        self.file.flush()
        self.flusher = loop.timer(
            afterNanoseconds: Self.flushInterval,
            everyNanoseconds: Self.flushInterval
        ) { [file] in file.flush() }
    }

    func close() {
        self.flusher?.cancel()
        self.file.close()
    }

    /// For `GET /_atoll/status`.
    var status: JSONValue {
        [
            "file": .string(self.file.path), "operations": .integer(self.nextID - 1),
            "error": self.file.failure.map { .string($0.description) } ?? .null,
        ]
    }

    /// The history's number for a new connection.
    func newClient() -> UInt32 {
        self.clientCount += 1
        return self.clientCount
    }

    // MARK: Requests

    /// Records a request's operations and passes it on, at once or when its tables' keys are known.
    func admit(_ client: ClientConnection, _ operation: Operation?, for region: Region) {
        guard self.file.failure == nil, let operation, !client.isClosed else {
            return client.proceed(for: region)
        }
        switch operation {
        case .createTable(let request): self.schemas.forget(request.table)
        case .deleteTable(let table): self.schemas.forget(table)
        default: break
        }
        let tables = RecordedOperation.tables(of: operation)
        guard let unknown = tables.first(where: { self.schemas.schema($0, region) == nil }) else {
            client.record = self.begin(operation, client, region)
            return client.proceed(for: region)
        }
        self.schemas.find(unknown, region) { finding in
            switch finding {
            case .known: self.admit(client, operation, for: region)
            // The node refuses it, so that there is nothing to record.
            case .absent: client.proceed(for: region)
            case .unreachable:
                client.answer(
                    .unavailable("No node of \(region.name) tells the key of \(unknown).")
                )
            }
        }
    }

    private func begin(
        _ operation: Operation,
        _ client: ClientConnection,
        _ region: Region
    ) -> RecordedRequest? {
        let operations = RecordedOperation.all(in: operation) { self.schemas.schema($0, region) }
        guard !operations.isEmpty, let rank = self.ranks[region.name] else { return nil }
        let firstID = self.nextID
        let now = self.loop.now
        for operation in operations {
            var event = Invocation(
                id: self.nextID,
                client: client.number,
                region: rank,
                operation: operation.kind,
                key: self.names.key(operation.key, table: operation.table),
                write: self.ownName(of: operation, self.nextID),
                isConsistent: operation.isConsistent,
                time: now
            )
            switch operation.condition {
            case .exists(let exists): event.condition = .exists(exists)
            case .previous(let id): event.condition = .previous(self.names.write(id))
            case .text, nil: break
            }
            self.append(.invoke(event))
            self.nextID += 1
        }
        return RecordedRequest(operations, firstID, region, isBatch: operation.isBatch)
    }

    // MARK: Answers

    /// A node has answered.
    func answered(_ request: RecordedRequest, _ response: HTTPResponse, _ bytes: [UInt8]) {
        let outcomes = self.answers.outcomes(
            of: request.operations,
            isBatch: request.isBatch,
            response,
            bytes
        ) { self.schemas.schema($0, request.region) }
        for (offset, outcome) in outcomes.enumerated() {
            let operation = request.operations[offset]
            let id = request.firstID + UInt64(offset)
            if operation.write == nil, operation.kind.isWrite, let stamp = outcome.stamp {
                self.unnamed.insert(stamp, of: operation, id)
            }
            self.record(outcome, of: operation, id)
            if outcome.keepsOldName { self.noteReuse(of: operation) }
        }
    }

    /// No node was asked.
    func refused(_ request: RecordedRequest, _ error: String) {
        for (offset, operation) in request.operations.enumerated() {
            self.record(
                RecordedOutcome(verdict: .refused, error: error),
                of: operation,
                request.firstID + UInt64(offset)
            )
        }
    }

    /// A node was asked, and its answer is lost.
    func lost(_ request: RecordedRequest, _ error: String) {
        for (offset, operation) in request.operations.enumerated() {
            self.record(
                RecordedOutcome(
                    verdict: operation.kind.isWrite ? .unknown : .refused,
                    error: error
                ),
                of: operation,
                request.firstID + UInt64(offset)
            )
        }
    }

    private func record(
        _ outcome: RecordedOutcome,
        of operation: RecordedOperation,
        _ id: UInt64
    ) {
        let now = self.loop.now
        switch outcome.verdict {
        case .done:
            let name = self.ownName(of: operation, id)
            let completion = Completion(
                id: id,
                write: name.map { .write($0) } ?? self.observed(outcome.version, operation),
                previous: self.observed(outcome.previous, operation),
                stamp: outcome.stamp,
                time: now
            )
            self.append(.ok(completion))
        case .refused:
            let refusal = Refusal(
                id: id,
                error: self.names.text(outcome.error),
                previous: self.observed(outcome.previous, operation),
                time: now
            )
            self.append(.fail(refusal))
        case .unknown:
            self.append(.info(Doubt(id: id, error: self.names.text(outcome.error), time: now)))
        }
    }

    // MARK: Names

    /// Nil for a read.
    private func ownName(of operation: RecordedOperation, _ id: UInt64) -> WriteName? {
        guard operation.kind.isWrite else { return nil }
        return self.names.write(operation.write ?? UnnamedWrites.name(id))
    }

    private func observed(
        _ version: RecordedOutcome.Version,
        _ operation: RecordedOperation
    ) -> Observed {
        switch version {
        case .untold: return .unknown
        case .absent: return .nothing
        case .item(let write, let stamp):
            // The stamp first: a write that set no `w` has left an earlier one's.
            if let id = stamp.flatMap({ self.unnamed.id($0, of: operation) }) {
                return .write(self.names.write(UnnamedWrites.name(id)))
            }
            return write.map { .write(self.names.write($0)) } ?? .unknown
        }
    }

    /// Names are only good when each is given once.
    private func noteReuse(of operation: RecordedOperation) {
        guard !self.hasNotedReuse else { return }
        self.hasNotedReuse = true
        let text =
            "an update of \(operation.table)/\(operation.key) left the attribute w as an earlier "
            + "write had set it: a workload that names its writes must name each, or a checker "
            + "takes one for the other"
        self.append(.note(Remark(self.names.text(text), time: self.loop.now)))
    }

    // MARK: Lines

    /// A line for people: a fault, its healing, anything.
    func remark(_ kind: String, _ text: String) -> Bool {
        let remark = Remark(self.names.text(text), time: self.loop.now)
        switch kind {
        case "fault": self.append(.fault(remark))
        case "heal": self.append(.heal(remark))
        case "note": self.append(.note(remark))
        default: return false
        }
        return true
    }

    private func append(_ event: HistoryEvent) {
        self.writer.append(event, self.names)
        self.pass()
        self.namedCount += 1
        if self.namedCount == Self.namedMax {
            self.namedCount = 0
            self.names = HistoryNames(regions: self.names.regions)
        }
    }

    private func pass() {
        let lines = self.writer.take()
        self.file.append { $0.append(contentsOf: lines) }
    }
}

/// The latest writes without a name of their own, by what they wrote and their stamps.
///
/// A stamp alone is unique for its item only: leaders of different partitions may give the same.
private struct UnnamedWrites {
    private struct Version: Hashable {
        var stamp: HistoryStamp
        var table: String
        var key: String
    }

    /// What is forgotten reads as unknown.
    private static let generationMax = 1 << 17

    private var young: [Version: UInt64] = [:]
    private var old: [Version: UInt64] = [:]

    static func name(_ id: UInt64) -> String { "operation-\(id)" }

    func id(_ stamp: HistoryStamp, of operation: RecordedOperation) -> UInt64? {
        let version = Version(stamp: stamp, table: operation.table, key: operation.key)
        return self.young[version] ?? self.old[version]
    }

    mutating func insert(_ stamp: HistoryStamp, of operation: RecordedOperation, _ id: UInt64) {
        if self.young.count == Self.generationMax {
            self.old = self.young
            self.young = [:]
        }
        self.young[Version(stamp: stamp, table: operation.table, key: operation.key)] = id
    }
}

extension Operation {
    fileprivate var isBatch: Bool {
        switch self {
        case .batchGetItem, .batchWriteItem: true
        case .createTable, .describeTable, .listTables, .deleteTable, .updateTable, .putItem,
            .getItem, .updateItem, .deleteItem, .query, .scan, .tableOption, .describeLimits,
            .describeEndpoints:
            false
        }
    }
}
