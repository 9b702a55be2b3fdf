/// Searches for a linear order of a register's steps, within a budget.
///
/// Wing & Gong's search (*Testing and Verifying Concurrent Objects*, JPDC 17, 1993) over a list of
/// calls and ends, with Lowe's caching (*Testing for Linearizability*, 2017): a configuration (which
/// steps were taken, and the state) is tried once. Configurations are remembered by 128-bit hashes,
/// updated with each step, instead of bit sets. Steps that nobody knows to have happened have no
/// end in the list and may be left out.
struct OrderSearch {
    enum Answer: Equatable {
        case valid
        case invalid
        case unknown(String)
    }

    private let steps: [Step]
    /// A doubly linked list: call of step i at 2i + 1, end at 2i + 2, head at 0; -1 ends.
    private var next: [Int32]
    private var previous: [Int32]
    /// Deletes that may have happened are alike: each is tried only after the one before it.
    private var forerunner: [Int32]
    private var isTaken: [Bool]
    private var required = 0

    init(_ steps: [Step]) {
        self.steps = steps
        self.next = [Int32](repeating: -1, count: steps.count * 2 + 1)
        self.previous = self.next
        self.forerunner = [Int32](repeating: -1, count: steps.count)
        self.isTaken = [Bool](repeating: false, count: steps.count)
        var events: [(rank: UInt32, node: Int32)] = []
        events.reserveCapacity(steps.count * 2)
        var lastDelete: Int32 = -1
        let byCall = steps.indices.sorted { (steps[$0].call, $0) < (steps[$1].call, $1) }
        for index in byCall {
            let step = steps[index]
            events.append((step.call, Int32(index * 2 + 1)))
            if step.isRequired {
                events.append((step.end, Int32(index * 2 + 2)))
                self.required += 1
            } else if step.effect == .clear, step.requirement == .any {
                self.forerunner[index] = lastDelete
                lastDelete = Int32(index)
            }
        }
        // At one rank calls come first: such steps are concurrent.
        events.sort { ($0.rank, 1 - $0.node & 1, $0.node) < ($1.rank, 1 - $1.node & 1, $1.node) }
        var last: Int32 = 0
        for event in events {
            self.next[Int(last)] = event.node
            self.previous[Int(event.node)] = last
            last = event.node
        }
    }

    mutating func run(
        from start: RegisterState = .nothing,
        stepsMax: Int,
        configurationsMax: Int
    ) -> Answer {
        var state = start
        var seen = ConfigurationSet()
        var hash = ConfigurationHash()
        var stack: [(step: Int32, state: RegisterState)] = []
        var node = self.next[0]
        var tried = 0
        while self.required > 0 {
            tried += 1
            guard tried <= stepsMax else { return .unknown("no order after \(stepsMax) steps") }
            if node > 0, node & 1 == 1 {
                let index = Int(node >> 1)
                if self.mayTake(index, state), let after = state.after(self.steps[index]) {
                    let with = hash.toggled(index)
                    if seen.insert(with, after) {
                        guard seen.count <= configurationsMax else {
                            return .unknown("no order among \(configurationsMax) configurations")
                        }
                        stack.append((Int32(index), state))
                        state = after
                        hash = with
                        self.take(index)
                        node = self.next[0]
                        continue
                    }
                }
                node = self.next[Int(node)]
            } else {
                // An end that nothing before it explains: the last choice was wrong.
                guard let choice = stack.popLast() else { return .invalid }
                state = choice.state
                hash = hash.toggled(Int(choice.step))
                self.putBack(Int(choice.step))
                node = self.next[Int(choice.step) * 2 + 1]
            }
        }
        return .valid
    }

    private func mayTake(_ index: Int, _ state: RegisterState) -> Bool {
        if self.steps[index].isRequired { return true }
        if self.steps[index].effect == .clear, state == .nothing { return false }
        let forerunner = self.forerunner[index]
        return forerunner < 0 || self.isTaken[Int(forerunner)]
    }

    private mutating func take(_ index: Int) {
        self.isTaken[index] = true
        self.unlink(index * 2 + 1)
        guard self.steps[index].isRequired else { return }
        self.unlink(index * 2 + 2)
        self.required -= 1
    }

    private mutating func putBack(_ index: Int) {
        self.isTaken[index] = false
        if self.steps[index].isRequired {
            self.relink(index * 2 + 2)
            self.required += 1
        }
        self.relink(index * 2 + 1)
    }

    private mutating func unlink(_ node: Int) {
        let (before, after) = (self.previous[node], self.next[node])
        self.next[Int(before)] = after
        if after >= 0 { self.previous[Int(after)] = before }
    }

    private mutating func relink(_ node: Int) {
        let (before, after) = (self.previous[node], self.next[node])
        self.next[Int(before)] = Int32(node)
        if after >= 0 { self.previous[Int(after)] = Int32(node) }
    }
}

/// Which steps were taken, as two independent sums of per-step random words (Zobrist hashing).
struct ConfigurationHash: Equatable {
    private(set) var low: UInt64 = 0
    private(set) var high: UInt64 = 0

    func toggled(_ index: Int) -> ConfigurationHash {
        var hash = self
        hash.low ^= Self.mixed(UInt64(index) &+ 0x51_7C_C1_B7_27_22_0A_95)
        hash.high ^= Self.mixed(UInt64(index) &+ 0xA0_76_1D_64_78_BD_64_2F)
        return hash
    }

    static func mixed(_ word: UInt64) -> UInt64 {
        var mixed = word &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Configurations tried, by open addressing.
private struct ConfigurationSet {
    private var slots = [(low: UInt64, high: UInt64)](repeating: (0, 0), count: 256)
    private(set) var count = 0

    /// Whether it is new.
    mutating func insert(_ hash: ConfigurationHash, _ state: RegisterState) -> Bool {
        let low = hash.low ^ ConfigurationHash.mixed(state.bits &+ 0x6A09_E667_F3BC_C908)
        // Never zero, which marks a free slot.
        let high = (hash.high ^ ConfigurationHash.mixed(state.bits &+ 0xBB67_AE85_84CA_A73B)) | 1
        guard self.place(low, high) else { return false }
        self.count += 1
        if self.count * 2 > self.slots.count { self.grow() }
        return true
    }

    private mutating func place(_ low: UInt64, _ high: UInt64) -> Bool {
        let mask = self.slots.count - 1
        var slot = Int(truncatingIfNeeded: low) & mask
        while self.slots[slot].high != 0 {
            if self.slots[slot] == (low, high) { return false }
            slot = (slot + 1) & mask
        }
        self.slots[slot] = (low, high)
        return true
    }

    private mutating func grow() {
        let old = self.slots
        self.slots = [(low: UInt64, high: UInt64)](repeating: (0, 0), count: old.count * 2)
        for slot in old where slot.high != 0 { _ = self.place(slot.low, slot.high) }
    }
}
