import Primitives

/// A replica's view of its log: where it begins and ends, and the tail that is still needed soon.
///
/// The tail in memory holds what storage may not show yet (it was appended in this turn) and what
/// is about to be sent or applied. Everything before it is read through ``LogStorage``. An idle
/// replica's tail is empty, which is what makes thousands of them cheap.
struct Log: Sendable {
    /// The entry before the first available one; known because a snapshot or compaction said so.
    private(set) var base: LogPosition
    private(set) var last: LogPosition
    /// Contiguous and ending at `last`, or empty.
    private(set) var tail: [Entry] = []
    private(set) var tailBytes = 0
    /// The last entry that was handed to the host to be made durable.
    private(set) var flushed: LogIndex
    /// The last entry that a read from storage certainly shows.
    private var visible: LogIndex
    /// Durable entries from here on are void and must be deleted before the next append.
    private var truncatedFrom: LogIndex?

    init(base: LogPosition, last: LogPosition) {
        precondition(base.index <= last.index)
        precondition(base.term <= last.term)
        self.base = base
        self.last = last
        self.flushed = last.index
        self.visible = last.index
    }

    var tailFirst: LogIndex { LogIndex(self.last.index.value + 1 - UInt64(self.tail.count)) }

    // MARK: Reading

    /// The term of an entry, or nil when the log no longer (or not yet) has it within reach.
    func term(at index: LogIndex, _ storage: some LogStorage) -> Term? {
        if index == self.last.index { return self.last.term }
        if index == self.base.index { return self.base.term }
        guard index > self.base.index, index < self.last.index else { return nil }
        if index >= self.tailFirst { return self.tail[self.offset(of: index)].term }
        return storage.term(at: index)
    }

    func position(at index: LogIndex, _ storage: some LogStorage) -> LogPosition? {
        self.term(at: index, storage).map { LogPosition(index: index, term: $0) }
    }

    /// Entries from `from` on, none after `through`, at least one and otherwise within the limits;
    /// nil when storage does not show them.
    func entries(
        _ from: LogIndex,
        through: LogIndex,
        bytesMax: Int,
        countMax: Int,
        _ storage: some LogStorage
    ) -> [Entry]? {
        precondition(from > self.base.index)
        precondition(from <= through && through <= self.last.index)
        if from < self.tailFirst {
            let until = min(through, self.tailFirst.previous, from.advanced(by: countMax - 1))
            guard let entries = storage.entries(from, through: until, bytesMax: bytesMax),
                let first = entries.first
            else { return nil }
            precondition(first.index == from, "storage returned another entry")
            precondition(entries.count <= until.next.distance(from: from))
            return entries
        }
        let start = self.offset(of: from)
        let limit = min(self.offset(of: through), start + min(countMax, self.tail.count) - 1)
        var end = start
        var bytes = self.tail[start].size
        while end < limit, bytes + self.tail[end + 1].size <= bytesMax {
            end += 1
            bytes += self.tail[end].size
        }
        return Array(self.tail[start...end])
    }

    private func offset(of index: LogIndex) -> Int {
        index.distance(from: self.tailFirst)
    }

    // MARK: Growing

    mutating func append(_ entry: Entry) {
        precondition(entry.index == self.last.index.next)
        precondition(entry.term >= self.last.term)
        self.tail.append(entry)
        self.tailBytes += entry.size
        self.last = entry.position
    }

    /// Drops the entries from `index` on, because a leader has others there; `previous` is the
    /// entry that stays last.
    mutating func truncate(from index: LogIndex, previous: LogPosition) {
        precondition(previous.index.next == index)
        precondition(index > self.base.index && index <= self.last.index)
        if index <= self.tailFirst {
            self.tail.removeAll()
            self.tailBytes = 0
        } else {
            let kept = self.offset(of: index)
            for entry in self.tail[kept...] { self.tailBytes -= entry.size }
            self.tail.removeSubrange(kept...)
        }
        self.last = previous
        if index <= self.flushed {
            self.truncatedFrom = min(self.truncatedFrom ?? index, index)
            self.flushed = previous.index
            self.visible = min(self.visible, previous.index)
        }
    }

    /// Hands everything appended since the last time to the host.
    mutating func flush(into effects: inout [Effect]) {
        guard self.flushed < self.last.index else { return }
        if let index = self.truncatedFrom {
            effects.append(.truncate(from: index))
            self.truncatedFrom = nil
        }
        let start = self.offset(of: self.flushed.next)
        effects.append(.append(start == 0 ? self.tail : Array(self.tail[start...])))
        self.flushed = self.last.index
    }

    // MARK: Shrinking

    /// A new turn has begun, so the host has made durable what it was handed before.
    mutating func turnBegan() { self.visible = self.flushed }

    /// Forgets the tail up to `index`, as far as storage shows it.
    mutating func trim(through index: LogIndex) {
        let end = min(index, self.visible)
        guard end >= self.tailFirst else { return }
        let count = min(self.tail.count, end.next.distance(from: self.tailFirst))
        for entry in self.tail[..<count] { self.tailBytes -= entry.size }
        if count == self.tail.count {
            let keeps = self.tail.capacity <= ConsensusLimits.cacheCapacityIdleMax
            self.tail.removeAll(keepingCapacity: keeps)
        } else {
            self.tail.removeSubrange(..<count)
        }
    }

    /// Entries through `position` are gone from storage.
    mutating func compact(through position: LogPosition) {
        precondition(position.index > self.base.index && position.index <= self.last.index)
        self.base = position
        let kept = position.index.next
        guard self.tailFirst < kept else { return }
        let count = kept.distance(from: self.tailFirst)
        for entry in self.tail[..<count] { self.tailBytes -= entry.size }
        self.tail.removeSubrange(..<count)
    }

    /// Starts again, empty, after a snapshot; the host deletes the durable log itself.
    mutating func reset(to position: LogPosition) { self = Log(base: position, last: position) }

    // MARK: Invariants

    /// What does not hold of what is in memory; see ``Replica/checkInvariants()``.
    func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        broken.expect(self.base.index <= self.last.index, "the log ends before it begins")
        broken.expect(self.base.term <= self.last.term, "the log's last term is below its base's")
        broken.expect(self.visible <= self.flushed, "storage shows what it was not given")
        broken.expect(self.flushed <= self.last.index, "more was flushed than the log holds")
        broken.expect(self.tailFirst > self.base.index, "the tail reaches below the base")
        broken.expect(self.tailFirst <= self.flushed.next, "entries were dropped unflushed")
        let bytes = self.tail.reduce(0) { $0 + $1.size }
        broken.expect(self.tailBytes == bytes, "the tail's bytes are \(bytes)")
        if self.truncatedFrom != nil {
            broken.expect(self.flushed < self.last.index, "a truncation without an append")
        }
        var previous: LogPosition?
        for entry in self.tail {
            if let previous {
                broken.expect(entry.index == previous.index.next, "the tail has a gap")
                broken.expect(entry.term >= previous.term, "a term in the tail is below another")
            }
            previous = entry.position
        }
        if let previous { broken.expect(previous == self.last, "the tail ends elsewhere") }
        return broken.list
    }

    /// What does not hold of the last `countMax` durable entries: contiguous, of rising terms, none
    /// above the log's own.
    func checkDurable(countMax: Int, _ storage: some LogStorage) -> [String] {
        var broken = BrokenInvariants()
        guard self.truncatedFrom == nil, self.visible > self.base.index else { return [] }
        let count = min(countMax, self.visible.distance(from: self.base.index))
        let first = LogIndex(self.visible.value + 1 - UInt64(count))
        let stored = storage.entries(first, through: self.visible, bytesMax: .max) ?? []
        broken.expect(stored.count == count, "storage shows \(stored.count) of \(count) entries")
        var previous: LogPosition?
        for entry in stored {
            if let previous {
                broken.expect(entry.index == previous.index.next, "storage has a gap")
                broken.expect(entry.term >= previous.term, "terms fall at \(entry.index.value)")
            }
            previous = entry.position
        }
        guard let previous else { return broken.list }
        let term = self.term(at: self.visible, storage)
        broken.expect(previous.term == term, "storage has another entry \(previous.index.value)")
        return broken.list
    }
}
