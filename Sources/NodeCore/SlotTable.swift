import Primitives

/// Things under way, found by a number that is not used again soon; walked in slot order, so the
/// same inputs give the same order.
///
/// Insertion, look-up and removal are O(1). The number is generation × 2³² + slot, so that an
/// answer to something long gone finds nothing.
package struct SlotTable<Element> {
    private var slots: [(generation: UInt64, element: Element?)] = []
    private var free: [Int] = []
    package private(set) var count = 0

    package init() {}

    package mutating func insert(_ element: Element) -> UInt64 {
        self.count += 1
        if let slot = self.free.popLast() {
            self.slots[slot].element = element
            return self.slots[slot].generation << 32 | UInt64(slot)
        }
        self.slots.append((1, element))
        return 1 << 32 | UInt64(self.slots.count - 1)
    }

    package func contains(_ id: UInt64) -> Bool { self.slot(of: id) != nil }

    package subscript(id: UInt64) -> Element? {
        get { self.slot(of: id).flatMap { self.slots[$0].element } }
        set {
            guard let slot = self.slot(of: id) else { return }
            precondition(newValue != nil, "remove with remove(_:)")
            self.slots[slot].element = newValue
        }
    }

    @discardableResult package mutating func remove(_ id: UInt64) -> Element? {
        guard let slot = self.slot(of: id) else { return nil }
        defer {
            self.slots[slot] = (self.slots[slot].generation + 1, nil)
            self.free.append(slot)
            self.count -= 1
        }
        return self.slots[slot].element
    }

    /// Numbers of all elements that match, in slot order.
    package func ids(where matches: (Element) -> Bool) -> [UInt64] {
        var found: [UInt64] = []
        for (slot, entry) in self.slots.enumerated() {
            if let element = entry.element, matches(element) {
                found.append(entry.generation << 32 | UInt64(slot))
            }
        }
        return found
    }

    /// What does not hold, in words.
    package func checkInvariants() -> [String] {
        var broken = BrokenInvariants()
        let used = self.slots.count { $0.element != nil }
        broken.expect(used == self.count, "\(self.count) things in \(used) slots")
        broken.expect(used + self.free.count == self.slots.count, "slots that nobody can find")
        for slot in self.free {
            broken.expect(self.slots[slot].element == nil, "slot \(slot) is free and taken")
        }
        return broken.list
    }

    private func slot(of id: UInt64) -> Int? {
        let slot = Int(id & 0xFFFF_FFFF)
        guard slot < self.slots.count, self.slots[slot].generation == id >> 32,
            self.slots[slot].element != nil
        else { return nil }
        return slot
    }
}
