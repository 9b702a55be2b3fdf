package import Primitives

/// What last-writer-wins compares: a hybrid time and the region that issued it.
///
/// The time is nanoseconds since 1970 of a ``HybridClock``. Equal times of two regions are broken
/// by the rank: the **higher rank wins**. Which way the real service breaks ties is not published;
/// any fixed order converges, and this one is Atoll's documented policy. Within one region stamps
/// of one key never repeat, so two different versions of a key never carry equal stamps.
package struct Stamp: Hashable, Comparable, Sendable {
    package var time: UInt64
    package var region: RegionID

    package init(time: UInt64, region: RegionID) {
        self.time = time
        self.region = region
    }

    /// Below every stamp that a clock issues.
    package static let zero = Stamp(time: 0, region: RegionID(0))

    package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.time != rhs.time ? lhs.time < rhs.time : lhs.region < rhs.region
    }

    /// The bytes of one encoded stamp: the time (8) and the rank (1).
    package static let encodedSize = 9

    package func encode(into writer: inout ByteWriter) {
        writer.u64(self.time)
        writer.u8(self.region.rank)
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        self.time = try reader.u64()
        self.region = RegionID(try reader.u8())
    }
}
