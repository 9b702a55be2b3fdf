import Primitives
import Replication
import Testing

@Suite("Encodings of replication")
struct CodingTests {
    static let version = VersionVector(Stamp(time: 7, region: RegionID(1)))
        .replaced(by: Stamp(time: 9, region: RegionID(2)))

    static func conflict(_ image: ConflictRecord.Image) -> ConflictRecord {
        ConflictRecord(
            table: "orders",
            key: [1, 2, 3],
            winner: Self.version.stamp,
            loser: Stamp(time: 8, region: RegionID(0)),
            relation: .skewInversion,
            decidedBy: RegionID(1),
            decidedAt: Instant(nanoseconds: 5),
            decidedAtWall: WallTime(nanoseconds: 6),
            loserImage: image
        )
    }

    static func batch(_ extent: ChangeBatch.Extent) -> ChangeBatch {
        ChangeBatch(
            source: RegionID(3),
            epoch: 77,
            extent: extent,
            changes: [
                RemoteChange(
                    ordinal: 4,
                    key: [9, 9],
                    version: Self.version,
                    image: [1],
                    committedAt: Instant(nanoseconds: 10)
                ),
                RemoteChange(
                    ordinal: 5,
                    key: [8],
                    version: VersionVector(Self.version.stamp),
                    image: nil,
                    committedAt: .zero
                ),
            ]
        )
    }

    /// Decodes what was encoded, and nothing that ends earlier.
    func roundTrip<Value: Equatable>(
        _ value: Value,
        _ encode: (inout ByteWriter) -> Void,
        _ decode: (inout ByteReader) throws(DecodingError) -> Value
    ) throws {
        var writer = ByteWriter()
        encode(&writer)
        var reader = ByteReader(writer.bytes)
        #expect(try decode(&reader) == value)
        #expect(reader.isAtEnd)
        for end in writer.bytes.indices {
            var short = ByteReader(writer.bytes, in: 0..<end)
            #expect(throws: DecodingError.self) { try decode(&short) }
        }
    }

    @Test(
        "a ledger entry survives, cut anywhere it is refused",
        arguments: [.deletion, .item([1, 2, 3]), .omitted(size: 9_999)] as [ConflictRecord.Image]
    )
    func conflicts(image: ConflictRecord.Image) throws {
        let record = Self.conflict(image)
        try self.roundTrip(record, { record.encode(into: &$0) }) { (reader) throws(DecodingError) in
            try ConflictRecord(from: &reader)
        }
    }

    @Test(
        "a batch survives, cut anywhere it is refused",
        arguments: [.following(previous: 3, upTo: 5), .backfill, .backfilled(upTo: 12)]
            as [ChangeBatch.Extent]
    )
    func batches(extent: ChangeBatch.Extent) throws {
        let batch = Self.batch(extent)
        try self.roundTrip(batch, { batch.encode(into: &$0) }) { (reader) throws(DecodingError) in
            try ChangeBatch(from: &reader)
        }
    }

    @Test("cursors survive")
    func cursors() throws {
        let cursor = ReplicationCursor(index: 900, totals: ChangeTotals(changes: 5, bytes: 300))
        try self.roundTrip(cursor, { cursor.encode(into: &$0) }) { (reader) throws(DecodingError) in
            try ReplicationCursor(from: &reader)
        }
        var inbound = InboundCursors()
        inbound.advance(source: RegionID(2), epoch: 4, to: 10)
        inbound.advance(source: RegionID(0), epoch: 9, to: 20)
        try self.roundTrip(inbound, { inbound.encode(into: &$0) }) {
            (reader) throws(DecodingError) in
            try InboundCursors(from: &reader)
        }
    }

    @Test("images of losers above 4 KB are left out")
    func imageLimit() {
        let small = [UInt8](repeating: 1, count: 4_096)
        #expect(ConflictRecord.kept(small) == .item(small))
        #expect(ConflictRecord.kept(small + [1]) == .omitted(size: 4_097))
        #expect(ConflictRecord.kept(nil) == .deletion)
    }
}
