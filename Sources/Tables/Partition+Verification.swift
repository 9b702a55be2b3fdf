package import DataModel
import Primitives
package import Replication

/// One live item of a digest bucket, for finding what two replicas disagree about.
package struct DigestEntry: Equatable, Sendable {
    package var key: ItemKey
    package var stamp: Stamp
    package var hash: UInt64
}

extension Partition {
    /// Lists a bucket's live items in key order, in bounded work.
    ///
    /// - Returns: the items, and the key after which to continue, nil at the end.
    /// - Throws: what the store answered.
    package func digestEntries(
        bucket: Int,
        after: ItemKey?,
        recordsMax: Int = 1_024,
        _ store: any Store
    ) throws(StoreError) -> (entries: [DigestEntry], next: ItemKey?) {
        let tokens = self.digest.tokens(of: bucket)
        let bounds = RangeRead(tokens: tokens).bounds
        let from = PartitionKeys.item(self.id, after.map { $0.bytes + [0] } ?? bounds.from)
        var entries: [DigestEntry] = []
        var next: ItemKey?
        var records = 0
        try self.eachRecord(from: from, to: PartitionKeys.item(self.id, bounds.to), store) {
            key,
            record in
            if !record.isTombstone {
                entries.append(DigestEntry(key: key, stamp: record.stamp, hash: record.hash))
            }
            records += 1
            guard records >= recordsMax else { return true }
            next = key
            return false
        }
        return (entries, next)
    }

    /// The ledger's entries after `number`, oldest first.
    ///
    /// - Throws: what the store answered.
    package func conflicts(
        after number: UInt64,
        max: Int,
        _ store: any Store
    ) throws(StoreError) -> [(number: UInt64, record: ConflictRecord)] {
        var found: [(number: UInt64, record: ConflictRecord)] = []
        var failure: StoreError?
        guard max > 0, number < .max else { return [] }
        try store.scan(
            .ledger,
            from: PartitionKeys.ledger(self.id, number + 1),
            to: PartitionKeys.end(self.id),
            reverse: false
        ) { key, value in
            var reader = ByteReader(Array(value))
            do throws(DecodingError) {
                var place = ByteReader(Array(key))
                _ = try place.u64()
                let number = UInt64(bigEndian: try place.u64())
                found.append((number, try ConflictRecord(from: &reader)))
                return found.count < max
            } catch {
                failure = .corrupt("ledger entry at byte \(error.offset)")
                return false
            }
        }
        if let failure { throw failure }
        return found
    }

    /// What does not hold of what is in memory, in words; cheap enough to ask after each step.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.add(self.overlay.checkInvariants(), of: "overlay")
        broken.expect(
            self.settled.index <= self.appliedIndex,
            "the store shows what is not applied"
        )
        broken.expect(self.settled.totals <= self.totals, "the store counts what is not applied")
        if self.isLeading {
            broken.expect(self.totals <= self.proposedTotals, "more is applied than was proposed")
            if let first = self.overlay.first, self.appliedThisTurn.isEmpty {
                broken.expect(first > self.appliedIndex, "the overlay keeps what the store shows")
            }
            for entry in self.inbound.entries {
                let proposed = self.proposedInbound.ordinal(
                    source: entry.source,
                    epoch: entry.epoch
                )
                broken.expect(entry.ordinal <= proposed, "changes that nobody proposed came in")
            }
        } else {
            broken.expect(self.overlay.isEmpty, "an overlay without leadership")
        }
        broken.expect(
            self.ledger.concurrent + self.ledger.skewInversions == self.ledger.entries,
            "the ledger's counts"
        )
        for (_, cursor) in self.outbound where cursor.index != .max {
            broken.expect(
                cursor.index <= self.appliedIndex && cursor.totals <= self.totals,
                "a cursor is on record for what is not applied"
            )
        }
        if let recorder = self.recorder { broken.add(recorder.broken, of: "stamps") }
        return broken.list
    }

    /// Recounts the partition from its stored records and compares.
    ///
    /// Costs a scan of everything: for simulations and tests, after the turn was committed.
    ///
    /// - Returns: what does not hold; empty when all is well.
    /// - Throws: what the store answered.
    package func violations(_ store: any Store) throws(StoreError) -> [String] {
        var recount = Partition(
            id: self.id,
            descriptor: self.descriptor,
            range: self.range,
            region: self.region
        )
        var wrong: [String] = []
        try self.eachRecord(
            from: PartitionKeys.prefix(self.id),
            to: PartitionKeys.end(self.id),
            store
        ) { key, record in
            if !self.range.contains(key.token) { wrong.append("a key of another partition") }
            if !record.hashMatches(key) { wrong.append("a record's hash") }
            wrong += record.version.checkInvariants(isHybrid: false)
            if record.isTombstone {
                recount.tombstoneCount += 1
            } else {
                recount.itemCount += 1
                recount.sizeBytes += UInt64(record.size)
                recount.digest.add(record.hash, at: self.digest.bucket(of: key.token))
                if record.item?.size != record.size { wrong.append("a record's size") }
            }
            return true
        }
        if recount.itemCount != self.itemCount { wrong.append("items \(recount.itemCount)") }
        if recount.sizeBytes != self.sizeBytes { wrong.append("bytes \(recount.sizeBytes)") }
        if recount.tombstoneCount != self.tombstoneCount {
            wrong.append("tombstones \(recount.tombstoneCount)")
        }
        if recount.digest != self.digest { wrong.append("digest") }
        wrong += try self.localIndexViolations(store)
        if self.appliedThisTurn.isEmpty, let index = self.overlay.first, index <= self.appliedIndex
        {
            wrong.append("overlay keeps what the store shows")
        }
        return wrong
    }

    func eachRecord(
        from: [UInt8],
        to: [UInt8],
        _ store: any Store,
        _ body: (ItemKey, ItemRecord) -> Bool
    ) throws(StoreError) {
        var failure: StoreError?
        try store.scan(.item, from: from, to: to, reverse: false) { key, value in
            do throws(StoreError) {
                return body(PartitionKeys.itemKey(key), try ItemRecord(value))
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }
}
