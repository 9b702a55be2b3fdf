package import Primitives

/// Running totals of a partition's local-origin changes.
///
/// `changes` numbers them from one: the ordinal of a change is the total that includes it. Streams
/// between regions count in ordinals and not in log indexes, because the log also holds entries
/// that are nobody's change (remote batches, cursor moves), and skipping those must not look like
/// a gap.
package struct ChangeTotals: Hashable, Comparable, Sendable {
    package var changes: UInt64
    package var bytes: UInt64

    package init(changes: UInt64 = 0, bytes: UInt64 = 0) {
        self.changes = changes
        self.bytes = bytes
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.changes < rhs.changes }

    /// The totals after one more change of `bytes` bytes.
    package func adding(bytes: Int) -> ChangeTotals {
        ChangeTotals(changes: self.changes + 1, bytes: self.bytes + UInt64(bytes))
    }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(self.changes)
        writer.varint(self.bytes)
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.changes = try reader.varint()
        self.bytes = try reader.varint()
    }
}

/// How far a replicator has been acknowledged by one destination.
package struct ReplicationCursor: Hashable, Sendable {
    /// Every local-origin change at or below this log index has been acknowledged; the log may be
    /// truncated up to here as far as this destination goes.
    package var index: UInt64
    /// The totals up to ``index``.
    package var totals: ChangeTotals

    package init(index: UInt64 = 0, totals: ChangeTotals = ChangeTotals()) {
        self.index = index
        self.totals = totals
    }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(self.index)
        self.totals.encode(into: &writer)
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.index = try reader.varint()
        self.totals = try ChangeTotals(from: &reader)
    }
}

/// How much of other regions' streams a partition has taken in: per source partition, the ordinal
/// of the last change.
///
/// The source partition's number is the stream's epoch. It is never reused, so a table that was
/// deleted and made again at the source starts a new stream and not in the middle of the old one.
package struct InboundCursors: Equatable, Sendable {
    /// One source partition's stream.
    package struct Entry: Equatable, Sendable {
        package var source: RegionID
        package var epoch: UInt64
        package var ordinal: UInt64

        package init(source: RegionID, epoch: UInt64, ordinal: UInt64) {
            self.source = source
            self.epoch = epoch
            self.ordinal = ordinal
        }
    }

    /// What to do with a batch that arrives.
    package enum Verdict: Equatable, Sendable {
        /// It continues the stream, or overlaps its end.
        case inOrder
        /// Everything in it has been taken in.
        case duplicate
        /// Changes after `have` are missing before it.
        case gap(have: UInt64)
    }

    /// Streams remembered per source region; the lowest epoch is forgotten first, and a forgotten
    /// stream that still lives is sent again from its start, which changes nothing.
    package static let epochsMax = 64

    /// By source, then epoch.
    private(set) package var entries: [Entry] = []

    package init() {}

    package func ordinal(source: RegionID, epoch: UInt64) -> UInt64 {
        for entry in self.entries where entry.source == source && entry.epoch == epoch {
            return entry.ordinal
        }
        return 0
    }

    /// Judges the batch of the changes `previous + 1 ... upTo`.
    package func verdict(
        source: RegionID,
        epoch: UInt64,
        previous: UInt64,
        upTo: UInt64
    ) -> Verdict {
        let have = self.ordinal(source: source, epoch: epoch)
        if upTo <= have { return .duplicate }
        return previous <= have ? .inOrder : .gap(have: have)
    }

    /// Records that the stream has been taken in up to `ordinal`; never moves backwards.
    package mutating func advance(source: RegionID, epoch: UInt64, to ordinal: UInt64) {
        let place =
            self.entries.firstIndex { ($0.source, $0.epoch) >= (source, epoch) }
            ?? self.entries.endIndex
        if place < self.entries.endIndex, self.entries[place].source == source,
            self.entries[place].epoch == epoch
        {
            self.entries[place].ordinal = max(self.entries[place].ordinal, ordinal)
            return
        }
        self.entries.insert(Entry(source: source, epoch: epoch, ordinal: ordinal), at: place)
        let first = self.entries.firstIndex { $0.source == source }!
        let count = self.entries[first...].prefix { $0.source == source }.count
        if count > Self.epochsMax { self.entries.remove(at: first) }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(self.entries.count))
        for entry in self.entries {
            writer.u8(entry.source.rank)
            writer.varint(entry.epoch)
            writer.varint(entry.ordinal)
        }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        for _ in 0..<(try reader.count()) {
            let source = RegionID(try reader.u8())
            let epoch = try reader.varint()
            let ordinal = try reader.varint()
            if let last = self.entries.last, (last.source, last.epoch) >= (source, epoch) {
                throw DecodingError(offset: reader.offset)
            }
            self.entries.append(Entry(source: source, epoch: epoch, ordinal: ordinal))
        }
    }
}
