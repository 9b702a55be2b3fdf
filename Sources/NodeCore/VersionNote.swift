package import Replication

/// What an answer tells of an item's versions, for whoever keeps a history of operations.
///
/// Answers carry one only when their request asked (``PutItemRequest/tellsVersions`` and its
/// like): then the item that a write replaces is looked at, which otherwise need not be.
package final class VersionNote: Equatable, Sendable {
    /// Of the version that was read, a tombstone's too, or that a write was given; nil when there
    /// was never one, or nothing to change.
    package let stamp: Stamp?
    /// The string attribute `w` of the item read or written.
    package let write: [UInt8]?
    /// Of the item that a write replaced or a condition refused; nil when nothing was there.
    package let previousStamp: Stamp?
    /// The string attribute `w` of that item.
    package let previousWrite: [UInt8]?

    package init(
        stamp: Stamp? = nil,
        write: [UInt8]? = nil,
        previousStamp: Stamp? = nil,
        previousWrite: [UInt8]? = nil
    ) {
        self.stamp = stamp
        self.write = write
        self.previousStamp = previousStamp
        self.previousWrite = previousWrite
    }

    package static func == (lhs: VersionNote, rhs: VersionNote) -> Bool {
        lhs.stamp == rhs.stamp && lhs.write == rhs.write
            && lhs.previousStamp == rhs.previousStamp && lhs.previousWrite == rhs.previousWrite
    }
}

extension Operation {
    /// The same, with an answer that carries a ``VersionNote`` where it can.
    package func tellingVersions() -> Operation {
        switch self {
        case .putItem(var request):
            request.tellsVersions = true
            return .putItem(request)
        case .getItem(var request):
            request.tellsVersions = true
            return .getItem(request)
        case .updateItem(var request):
            request.tellsVersions = true
            return .updateItem(request)
        case .deleteItem(var request):
            request.tellsVersions = true
            return .deleteItem(request)
        case .tableOption, .createTable, .describeTable, .listTables, .deleteTable, .updateTable,
            .query, .scan,
            .batchGetItem, .batchWriteItem, .describeLimits, .describeEndpoints:
            return self
        }
    }
}
