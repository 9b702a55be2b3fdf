import DataModel
import Primitives

/// What a leader has proposed and the store does not show yet.
///
/// A store shows a write only after the host committed the turn in which it was applied, so an
/// entry stays from the proposal until then. Only lookups go through the dictionary; the order of
/// departure is the queue's.
struct Overlay: Equatable {
    struct Entry: Equatable {
        /// The log index that brings it.
        var index: UInt64
        /// Nil: nothing is left of the item.
        var record: ItemRecord?
    }

    private struct Departure: Equatable {
        var index: UInt64
        var key: ItemKey
    }

    private var entries: [ItemKey: Entry] = [:]
    private var departures: [Departure] = []

    var isEmpty: Bool { self.entries.isEmpty }
    /// The lowest index that is waited for.
    var first: UInt64? { self.departures.first?.index }

    subscript(key: ItemKey) -> Entry? { self.entries.isEmpty ? nil : self.entries[key] }

    mutating func insert(_ key: ItemKey, _ record: ItemRecord?, at index: UInt64) {
        precondition(
            self.departures.last.map { $0.index <= index } ?? true,
            "proposals are in order"
        )
        self.entries[key] = Entry(index: index, record: record)
        self.departures.append(Departure(index: index, key: key))
    }

    /// Drops everything up to the index, which the store now shows.
    mutating func settle(through index: UInt64) {
        var count = 0
        while count < self.departures.count, self.departures[count].index <= index {
            let departure = self.departures[count]
            if self.entries[departure.key]?.index == departure.index {
                self.entries[departure.key] = nil
            }
            count += 1
        }
        self.departures.removeFirst(count)
    }

    /// What does not hold, in words.
    func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        for (left, right) in zip(self.departures, self.departures.dropFirst()) {
            broken.expect(left.index <= right.index, "departures out of order")
        }
        var last: [ItemKey: UInt64] = [:]
        for departure in self.departures { last[departure.key] = departure.index }
        broken.expect(last.count == self.entries.count, "entries that never leave")
        for departure in self.departures where last[departure.key] == departure.index {
            broken.expect(
                self.entries[departure.key]?.index == departure.index,
                "an entry of another index"
            )
        }
        return broken.list
    }

    mutating func removeAll() {
        self.entries.removeAll()
        self.departures.removeAll()
    }
}
