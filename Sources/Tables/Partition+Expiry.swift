package import DataModel
package import Primitives
package import Replication

/// When items expire: `TimeToLiveSpecification` and the second it is.
package struct Expiry: Sendable {
    /// Values further back are taken for a mistake and let be (DG/TTL: five years).
    private static let ageMax = 5 * 366 * 86_400

    package let attribute: [UInt8]
    private let latest: DecimalNumber
    private let earliest: DecimalNumber
    /// Of items that another region wrote last: that region comes first.
    private let latestOfOthers: DecimalNumber

    /// What is due at a second since 1970, and `grace` seconds later where another region wrote
    /// last.
    package init(attribute: [UInt8], now: Int, grace: Int) {
        self.attribute = attribute
        self.latest = DecimalNumber(now)
        self.latestOfOthers = DecimalNumber(now - grace)
        self.earliest = DecimalNumber(now - Self.ageMax)
    }

    func isDue(_ record: ItemRecord, in region: RegionID) -> Bool {
        guard let value = record.item?[self.attribute], value.type == .number,
            case .number(let second) = value.unpacked()
        else { return false }
        let latest = record.stamp.region == region ? self.latest : self.latestOfOthers
        return second <= latest && second >= self.earliest
    }
}

/// The deletion of an item that has expired, decided.
package struct ExpiredDeletion: Equatable, Sendable {
    package var proposal: Proposal
    package var stamp: Stamp
    /// The item that was found expired.
    package var item: Item?
}

extension Partition {
    /// Looks for stored items that have expired, in bounded work.
    ///
    /// - Returns: their keys, and where to continue, nil at the end.
    /// - Throws: what the store answered.
    package func expiredKeys(
        _ expiry: Expiry,
        after: ItemKey?,
        recordsMax: Int = 256,
        _ store: any Store
    ) throws(StoreError) -> (keys: [ItemKey], next: ItemKey?) {
        var keys: [ItemKey] = []
        var next: ItemKey?
        var records = 0
        let from =
            after.map { PartitionKeys.item(self.id, $0) + [0] }
            ?? PartitionKeys.prefix(self.id)
        try self.eachRecord(from: from, to: PartitionKeys.end(self.id), store) { key, record in
            records += 1
            if expiry.isDue(record, in: self.region) { keys.append(key) }
            guard records >= recordsMax else { return true }
            next = key
            return false
        }
        return (keys, next)
    }

    /// Decides the deletion of an item that was found expired, if its latest version still is.
    ///
    /// - Throws: what the store answered.
    package func evaluate(
        expired key: ItemKey,
        _ expiry: Expiry,
        clock: inout HybridClock,
        wall: WallTime,
        now: Instant,
        _ store: any Store
    ) throws(WriteError) -> ExpiredDeletion? {
        let latest: ItemRecord?
        do throws(StoreError) {
            latest =
                self.bug == .expiryOfRenewed
                ? try self.storedRecord(key, store) : try self.latest(key, store).record
        } catch {
            throw .store(error)
        }
        guard let latest, expiry.isDue(latest, in: self.region) else { return nil }
        let decided = try self.evaluate(
            WriteRequest(key: key, action: .delete, returnsOld: false),
            clock: &clock,
            wall: wall,
            now: now,
            store
        )
        guard case .proposal(let proposal, let outcome) = decided, let stamp = outcome.stamp else {
            return nil
        }
        return ExpiredDeletion(proposal: proposal, stamp: stamp, item: latest.item)
    }
}
