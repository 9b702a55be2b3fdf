package import Primitives

/// What a version of an item has seen: per region, the newest write in its past.
///
/// Last-writer-wins alone cannot say whether the loser was ever visible to the winner's writer. The
/// vector can (Parker et al., *Detection of Mutual Inconsistency*, 1983): two versions are
/// **concurrent** when neither vector contains the other's stamp. A local write's vector is that of
/// the version it replaced plus its own stamp; a remote winner brings its own. The version's own
/// stamp is the greatest entry and is kept apart, so an item that only one region writes carries
/// nothing more than its stamp.
package struct VersionVector: Hashable, Sendable {
    /// The version's own stamp.
    package let stamp: Stamp
    /// Other regions' newest writes in the version's past, by rank; never the stamp's own region.
    package let others: [Stamp]

    /// A version that replaced nothing.
    package init(_ stamp: Stamp) {
        self.stamp = stamp
        self.others = []
    }

    package init?(stamp: Stamp, others: [Stamp]) {
        var previous: RegionID?
        for other in others {
            if other.region == stamp.region { return nil }
            if let previous, previous >= other.region { return nil }
            previous = other.region
        }
        self.stamp = stamp
        self.others = others
    }

    private init(_ stamp: Stamp, sorted others: [Stamp]) {
        self.stamp = stamp
        self.others = others
    }

    /// The newest write of `region` in this version's past, itself included.
    package func time(of region: RegionID) -> UInt64? {
        if region == self.stamp.region { return self.stamp.time }
        for other in self.others where other.region == region { return other.time }
        return nil
    }

    /// Whether the write with this stamp is this version or lies in its past.
    package func contains(_ stamp: Stamp) -> Bool {
        guard let time = self.time(of: stamp.region) else { return false }
        return time >= stamp.time
    }

    /// Whether everything that `other` has seen lies in this version's past.
    package func dominates(_ other: VersionVector) -> Bool {
        self.contains(other.stamp) && other.others.allSatisfy { self.contains($0) }
    }

    /// Whether neither version had seen the other.
    package func isConcurrent(with other: VersionVector) -> Bool {
        !self.contains(other.stamp) && !other.contains(self.stamp)
    }

    /// The vector of a write that replaces this version.
    package func replaced(by stamp: Stamp) -> VersionVector {
        if self.others.isEmpty && self.stamp.region == stamp.region { return VersionVector(stamp) }
        var others = self.others.filter { $0.region != stamp.region }
        if self.stamp.region != stamp.region {
            let place = others.firstIndex { $0.region > self.stamp.region } ?? others.endIndex
            others.insert(self.stamp, at: place)
        }
        return VersionVector(stamp, sorted: others)
    }

    /// The union of two pasts under the greater of the two stamps.
    package func merging(_ other: VersionVector) -> VersionVector {
        var entries: [Stamp] = []
        for entry in [self.stamp] + self.others + [other.stamp] + other.others {
            if let index = entries.firstIndex(where: { $0.region == entry.region }) {
                entries[index].time = max(entries[index].time, entry.time)
            } else {
                entries.append(entry)
            }
        }
        entries.sort { $0.region < $1.region }
        let newest = entries.max()!
        return VersionVector(newest, sorted: entries.filter { $0.region != newest.region })
    }

    /// What does not hold, in words.
    ///
    /// With hybrid stamps a version's own stamp exceeds all that it has seen.
    package func checkInvariants(isHybrid: Bool) -> [String] {
        var broken = BrokenInvariants()
        var previous: RegionID?
        for other in self.others {
            broken.expect(other.region != self.stamp.region, "a version has seen its own region")
            if let previous { broken.expect(previous < other.region, "entries out of order") }
            if isHybrid {
                broken.expect(other < self.stamp, "a version of \(self.stamp) has seen \(other)")
            }
            previous = other.region
        }
        return broken.list
    }

    /// Writes what the stamp does not tell; nothing when ``others`` is empty (the caller's flag).
    package func encodeOthers(into writer: inout ByteWriter) {
        writer.u8(UInt8(self.others.count))
        for other in self.others { other.encode(into: &writer) }
    }

    /// Reads what ``encodeOthers(into:)`` wrote.
    package init(stamp: Stamp, othersFrom reader: inout ByteReader) throws(DecodingError) {
        let count = try reader.u8()
        var others: [Stamp] = []
        for _ in 0..<count { others.append(try Stamp(from: &reader)) }
        guard let vector = VersionVector(stamp: stamp, others: others) else {
            throw DecodingError(offset: reader.offset)
        }
        self = vector
    }
}
