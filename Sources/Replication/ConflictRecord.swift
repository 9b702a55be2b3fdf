package import Primitives

/// One entry of the conflict ledger: an acknowledged write that last-writer-wins discarded.
///
/// The real service never tells who lost; Atoll keeps the loser so that an experiment can name it.
package struct ConflictRecord: Equatable, Sendable {
    /// How the loser stood to the winner.
    package enum Relation: UInt8, Sendable {
        /// Neither writer had seen the other's write: a true conflict.
        case concurrent = 0
        /// The loser's writer had seen the winner, and yet a skewed clock gave the newer write the
        /// smaller stamp. Possible with wall stamps only.
        case skewInversion = 1
    }

    /// What the loser would have stored.
    package enum Image: Equatable, Sendable {
        case deletion
        case item([UInt8])
        /// An image above ``imageBytesMax``; its size is all that is kept.
        case omitted(size: Int)
    }

    /// Larger images of losers are not kept.
    package static let imageBytesMax = 4_096

    package var table: String
    /// The item's encoded key.
    package var key: [UInt8]
    package var winner: Stamp
    package var loser: Stamp
    package var relation: Relation
    /// Where the decision was taken; every region that sees both versions takes the same one.
    package var decidedBy: RegionID
    package var decidedAt: Instant
    package var decidedAtWall: WallTime
    package var loserImage: Image

    package init(
        table: String,
        key: [UInt8],
        winner: Stamp,
        loser: Stamp,
        relation: Relation,
        decidedBy: RegionID,
        decidedAt: Instant,
        decidedAtWall: WallTime,
        loserImage: Image
    ) {
        self.table = table
        self.key = key
        self.winner = winner
        self.loser = loser
        self.relation = relation
        self.decidedBy = decidedBy
        self.decidedAt = decidedAt
        self.decidedAtWall = decidedAtWall
        self.loserImage = loserImage
    }

    /// The image kept for a loser; nil stands for a deletion.
    package static func kept(_ image: [UInt8]?) -> Image {
        guard let image else { return .deletion }
        return image.count <= self.imageBytesMax ? .item(image) : .omitted(size: image.count)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.string(self.table)
        writer.block(self.key)
        self.winner.encode(into: &writer)
        self.loser.encode(into: &writer)
        writer.u8(self.relation.rawValue)
        writer.u8(self.decidedBy.rank)
        writer.u64(self.decidedAt.nanoseconds)
        writer.u64(self.decidedAtWall.nanoseconds)
        switch self.loserImage {
        case .deletion: writer.u8(0)
        case .item(let bytes):
            writer.u8(1)
            writer.block(bytes)
        case .omitted(let size):
            writer.u8(2)
            writer.varint(UInt64(size))
        }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.table = try reader.string()
        self.key = try reader.block()
        self.winner = try Stamp(from: &reader)
        self.loser = try Stamp(from: &reader)
        guard let relation = Relation(rawValue: try reader.u8()) else {
            throw DecodingError(offset: reader.offset - 1)
        }
        self.relation = relation
        self.decidedBy = RegionID(try reader.u8())
        self.decidedAt = Instant(nanoseconds: try reader.u64())
        self.decidedAtWall = WallTime(nanoseconds: try reader.u64())
        switch try reader.u8() {
        case 0: self.loserImage = .deletion
        case 1: self.loserImage = .item(try reader.block())
        case 2:
            let size = try reader.varint()
            guard size <= 1 << 32 else { throw DecodingError(offset: reader.offset) }
            self.loserImage = .omitted(size: Int(size))
        default: throw DecodingError(offset: reader.offset - 1)
        }
    }
}
