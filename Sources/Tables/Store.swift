/// A family of keys in a node's store; its raw value is the first byte of every stored key.
package enum Space: UInt8, CaseIterable, Sendable {
    /// Partitions' counters, cursors and digests, and what consensus keeps beside its log.
    case meta = 1
    /// Entries of the partitions' logs; alone in a column family of its own.
    case log = 2
    /// Items and tombstones.
    case item = 3
    /// Writes that lost to a later stamp.
    case ledger = 4
    /// Entries of local indexes, and the sizes of item collections.
    case index = 5
}

/// What storage can fail with; the node decides whether to retry, reject or stop.
package enum StoreError: Error, Equatable, Sendable {
    case io(String)
    case corrupt(String)
    case noSpace(String)
}

/// An open, consistent view of everything that was committed when it was opened.
package struct SnapshotID: Hashable, Sendable {
    package var number: UInt64
    package init(_ number: UInt64) { self.number = number }
}

/// Where a node keeps everything that must outlive its process.
///
/// Writes collect in one pending batch, which the host commits once per loop turn, so that a turn
/// costs one write (and at most one sync) however many partitions moved. Reads and scans see only
/// what was committed: whoever needs its own pending writes keeps them in memory until then. Within
/// the batch the order of calls holds: a later put wins over an earlier deletion of its range.
package protocol Store: AnyObject {
    /// The committed value of a key, or nil.
    func get(_ space: Space, _ key: [UInt8]) throws(StoreError) -> [UInt8]?

    /// Visits the committed keys in `from..<to` in ascending order, or descending when `reverse`.
    ///
    /// - Parameters:
    ///   - space: the family of keys.
    ///   - from: the lowest key visited.
    ///   - to: above the highest key visited; nil for the end of the space.
    ///   - reverse: from the highest key down.
    ///   - visit: takes key (without the space byte) and value, valid inside the call only; returns
    ///     false to stop.
    /// - Throws: what the disk answered.
    func scan(
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError)

    /// Adds to the pending batch: the value of a key.
    func put(_ space: Space, _ key: [UInt8], _ value: [UInt8])

    /// Adds to the pending batch: the removal of a key.
    func delete(_ space: Space, _ key: [UInt8])

    /// Adds to the pending batch: the removal of every key in `from..<to`.
    func deleteRange(_ space: Space, from: [UInt8], to: [UInt8])

    /// Opens a view of what is committed now; costs resources until closed.
    func openSnapshot() -> SnapshotID

    func closeSnapshot(_ snapshot: SnapshotID)

    /// As ``scan(_:from:to:reverse:_:)``, in an open snapshot.
    func scan(
        snapshot: SnapshotID,
        _ space: Space,
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError)

    /// The size of the batch that waits for the host's commit.
    var pendingBytes: Int { get }
}
