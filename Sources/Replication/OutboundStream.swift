package import Primitives

/// The sending side of one replicator: which changes of a partition to ship to one region next.
///
/// Works like a TCP sender whose segments are batches of changes and whose send buffer is the
/// partition's log: it reads ahead of the acknowledgements as far as its window allows, takes
/// cumulative acknowledgements, and goes back to what was acknowledged when the link is reset, the
/// oldest batch is overdue or the receiver reports a gap. Nothing is dropped while it is paused or
/// the link is cut: the cursor stands still, and the log is kept for it. Sending anything twice is
/// harmless, since the receiver counts ordinals and last-writer-wins is idempotent.
package struct OutboundStream: Equatable, Sendable {
    /// What to read and send next.
    package struct Plan: Equatable, Sendable {
        /// The ordinal that the batch follows.
        package var previous: UInt64
        /// The first log index to read; the last is the committed one.
        package var from: UInt64
        /// Stop reading when the batch has so many bytes.
        package var bytesMax: Int
    }

    /// A batch that was sent and not acknowledged.
    private struct Batch: Equatable, Sendable {
        var cursor: ReplicationCursor
        var bytes: Int
        var sentAt: Instant
    }

    package let limits: Limits
    /// Everything up to here has been acknowledged.
    private(set) package var acknowledged: ReplicationCursor
    /// What the partition has on record; behind ``acknowledged`` by at most the record interval.
    private(set) package var recorded: ReplicationCursor
    /// Everything up to here has been read from the log, and sent if it was a change.
    private(set) package var read: ReplicationCursor
    /// The highest ordinal that the receiver has ever reported.
    private(set) package var received: UInt64 = 0
    /// A mistake to be found; only simulations set it.
    package var bug: Bug?
    /// ``Bug/replicatorSkips``: the next batch is to lose its changes.
    private var skipsNext = false
    /// A paused stream sends nothing and forgets nothing; acknowledgements still count.
    package var isPaused = false
    private var inFlight: [Batch] = []
    private var inFlightBytes = 0
    /// When it was last seen that the receiver got on.
    private var movedAt: Instant = .zero
    private var hasMoved = false
    /// How long nothing may move until it is sent again; doubles until something does.
    private var patience: Nanoseconds
    private var recordedAt: Instant = .zero

    package init(from cursor: ReplicationCursor, limits: Limits = Limits()) {
        self.limits = limits
        self.patience = limits.timeout
        self.acknowledged = cursor
        self.recorded = cursor
        self.read = cursor
    }

    package var inFlightCount: Int { self.inFlight.count }

    /// When ``timeout(now:)`` has something to do.
    package var timeoutAt: Instant? {
        self.inFlight.first.map { max($0.sentAt, self.movedAt) + self.patience }
    }

    // MARK: Sending

    /// The next read, or nil when paused, caught up or at the window's end.
    package func batchToSend(now: Instant, lastCommitted: UInt64) -> Plan? {
        guard !self.isPaused, self.read.index < lastCommitted else { return nil }
        guard self.inFlight.count < self.limits.inFlightMax else { return nil }
        guard self.inFlightBytes < self.limits.inFlightBytesMax else { return nil }
        return Plan(
            previous: self.read.totals.changes,
            from: self.read.index + 1,
            bytesMax: self.limits.batchBytesMax
        )
    }

    /// The planned read ended at `cursor` without any change in it.
    package mutating func skipped(upTo index: UInt64) {
        precondition(index >= self.read.index)
        self.read.index = index
        self.settleIfIdle()
    }

    /// The planned read ended at `cursor` with changes of `bytes` bytes.
    ///
    /// - Returns: whether the batch must be sent; false when the receiver has it all, which happens
    ///   to a new leader whose recorded cursor is old.
    package mutating func willSend(
        upTo cursor: ReplicationCursor,
        bytes: Int,
        now: Instant
    ) -> Bool {
        precondition(cursor.index > self.read.index && cursor.totals > self.read.totals)
        self.read = cursor
        if cursor.totals.changes <= self.received {
            precondition(self.inFlight.isEmpty)
            self.acknowledged = cursor
            return false
        }
        self.noteMove(now: now)
        self.inFlight.append(Batch(cursor: cursor, bytes: bytes, sentAt: now))
        self.inFlightBytes += bytes
        return true
    }

    // MARK: Answers

    /// The receiver has every change up to the ordinal.
    ///
    /// - Returns: whether the cursor moved.
    @discardableResult
    package mutating func acknowledged(upTo ordinal: UInt64) -> Bool {
        if ordinal > self.received {
            self.received = ordinal
            self.hasMoved = true
        }
        var count = 0
        while count < self.inFlight.count, self.inFlight[count].cursor.totals.changes <= ordinal {
            self.acknowledged = self.inFlight[count].cursor
            self.inFlightBytes -= self.inFlight[count].bytes
            count += 1
        }
        self.inFlight.removeFirst(count)
        self.settleIfIdle()
        return count > 0
    }

    /// The receiver misses what follows the ordinal `have`.
    ///
    /// - Returns: false when it misses what it had acknowledged before. It has then lost its state,
    ///   and the caller answers with ``restart(from:)`` at a cursor that the log still reaches, or
    ///   with a backfill.
    package mutating func gapReported(have: UInt64) -> Bool {
        self.acknowledged(upTo: have)
        self.rewind()
        if have < self.acknowledged.totals.changes, self.bug != .cursorBeforeCommit {
            self.received = have
            return false
        }
        return true
    }

    /// The link was lost and made anew: batches may have been lost with it.
    package mutating func linkReset() {
        if self.bug == .replicatorSkips, !self.inFlight.isEmpty { self.skipsNext = true }
        self.rewind()
    }

    /// ``Bug/replicatorSkips``: whether the batch that is about to be sent loses its changes.
    package mutating func takeSkip() -> Bool {
        defer { self.skipsNext = false }
        return self.skipsNext
    }

    /// Goes back to what was acknowledged when nothing was for too long.
    ///
    /// - Returns: whether it did.
    package mutating func timeout(now: Instant) -> Bool {
        self.noteMove(now: now)
        guard let at = self.timeoutAt, at <= now else { return false }
        self.patience = min(2 * self.patience, self.limits.timeoutMax)
        self.rewind()
        return true
    }

    private mutating func noteMove(now: Instant) {
        guard self.hasMoved else { return }
        self.hasMoved = false
        self.movedAt = now
        self.patience = self.limits.timeout
    }

    /// Starts again at a cursor: behind the acknowledged one after the receiver lost its state, or
    /// ahead of it after a backfill.
    package mutating func restart(from cursor: ReplicationCursor) {
        self.acknowledged = cursor
        self.recorded = cursor
        self.received = cursor.totals.changes
        self.rewind()
    }

    private mutating func rewind() {
        self.inFlight.removeAll(keepingCapacity: true)
        self.inFlightBytes = 0
        self.read = self.acknowledged
    }

    /// With nothing in flight, all that was read is settled.
    private mutating func settleIfIdle() {
        guard self.inFlight.isEmpty, self.read.totals.changes <= self.acknowledged.totals.changes
        else { return }
        self.acknowledged.index = max(self.acknowledged.index, self.read.index)
    }

    // MARK: Invariants

    /// What does not hold, in words.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.expect(
            self.recorded.index <= self.acknowledged.index,
            "entry \(self.recorded.index) is on record, \(self.acknowledged.index) acknowledged"
        )
        broken.expect(
            self.acknowledged.index <= self.read.index,
            "entry \(self.acknowledged.index) is acknowledged, \(self.read.index) read"
        )
        broken.expect(
            self.acknowledged.totals.changes <= self.read.totals.changes,
            "more changes are acknowledged than read"
        )
        let bytes = self.inFlight.reduce(0) { $0 + $1.bytes }
        broken.expect(self.inFlightBytes == bytes, "\(bytes) bytes are on their way")
        broken.expect(
            self.inFlight.count <= self.limits.inFlightMax,
            "\(self.inFlight.count) batches are on their way"
        )
        var previous = self.acknowledged
        for batch in self.inFlight {
            broken.expect(
                batch.cursor.index > previous.index && batch.cursor.totals > previous.totals,
                "batches out of order"
            )
            previous = batch.cursor
        }
        broken.expect(previous.index <= self.read.index, "more is on its way than was read")
        return broken.list
    }

    // MARK: Recording

    /// The cursor to put on record now, or nil when the last record is good enough.
    ///
    /// A record is a log entry itself, so a cursor that moved past entries without changes alone
    /// (such as its own records) is not worth one until many could be truncated.
    package func cursorToRecord(now: Instant) -> ReplicationCursor? {
        guard self.acknowledged.index > self.recorded.index else { return nil }
        if self.acknowledged.index - self.recorded.index >= self.limits.recordEntries {
            return self.acknowledged
        }
        guard self.acknowledged.totals > self.recorded.totals else { return nil }
        guard self.recordedAt + self.limits.recordInterval <= now else { return nil }
        return self.acknowledged
    }

    /// The caller proposed the record.
    package mutating func recordProposed(_ cursor: ReplicationCursor, now: Instant) {
        self.recorded = cursor
        self.recordedAt = now
    }
}

extension OutboundStream {
    /// The window.
    package struct Limits: Equatable, Sendable {
        /// One batch; a single larger change still goes.
        package var batchBytesMax = 256 << 10
        package var inFlightBytesMax = 4 << 20
        package var inFlightMax = 512
        /// When nothing is acknowledged for so long, all that is unacknowledged is sent again; the
        /// span doubles up to the maximum until something is, since a link can be that slow.
        package var timeout: Nanoseconds = .seconds(5)
        package var timeoutMax: Nanoseconds = .seconds(160)
        /// How often a moved cursor is worth a log entry.
        package var recordInterval: Nanoseconds = .seconds(1)
        /// Entries without changes are worth a record only when so many could be truncated.
        package var recordEntries: UInt64 = 4_096

        package init() {}
    }
}
