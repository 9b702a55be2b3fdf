import History

/// Searches for a linear order of a register's steps, within a budget.
///
/// Wing & Gong's search (*Testing and Verifying Concurrent Objects*, JPDC 17, 1993) over a list of
/// calls and ends, with Lowe's caching (*Testing for Linearizability*, 2017): a configuration
/// (which steps were taken, and the state) is tried once. Configurations are remembered by 128-bit
/// hashes, updated with each step, instead of bit sets. Steps that nobody knows to have happened
/// have no end in the list and may be left out.
struct OrderSearch {
    enum Answer: Equatable {
        case valid
        case invalid
        case unknown(String)
    }

    /// A choice and where to go on when it proves wrong.
    private struct Choice {
        var step: Int32
        var state: RegisterState
        /// The end that nothing in the list explained, for options; zero for the list's own.
        var blocked: Int32 = 0
        /// Which kind of option comes next.
        var alternative = 0
        /// It changed nothing, so nothing else need be tried in its place.
        var isIdle = false
    }

    private let steps: [Step]
    /// A doubly linked list: call of step i at 2i + 1, end at 2i + 2, head at 0; -1 ends.
    private var next: [Int32]
    private var previous: [Int32]
    private var required = 0
    /// Deletes that may have happened, by their calls: alike, so each is tried after the former.
    private var deletes: [Int32] = []
    private var deletesTaken = 0
    /// Those that demanded a certain item, by that item and their calls.
    private var itemDeletes: [WriteName: [Int32]] = [:]
    /// Puts that may have happened and that nobody saw, by their calls: alike, too.
    ///
    /// They can only explain that some item was there, or that a certain one was not.
    private var puts: [Int32] = []
    private var putsTaken = 0
    private let isPut: [Bool]
    private let hasExclusions: Bool
    /// Steps that, where they change nothing, never will do more.
    private let mayIdle: [Bool]
    private let blocks: StepBlocks
    private var isTaken: [Bool]

    init(_ steps: [Step]) {
        self.steps = steps
        self.next = [Int32](repeating: -1, count: steps.count * 2 + 1)
        self.previous = self.next
        self.isTaken = [Bool](repeating: false, count: steps.count)
        let named = Set(steps.compactMap { $0.requirement.item })
        let hasExclusions = steps.contains { $0.requirement.isExclusion }
        self.isPut = steps.map { step in
            // Without exclusions such a put helps only where there is no item.
            let fits =
                step.requirement == .any || step.requirement == .nothing && !hasExclusions
            guard !step.isRequired, fits else { return false }
            return step.effect.written.map { !named.contains($0) } ?? false
        }
        self.mayIdle = steps.map {
            $0.isRequired
                && ($0.effect == .keep || $0.requirement == .nothing && $0.effect == .clear)
        }
        self.blocks = StepBlocks(steps)
        self.hasExclusions = hasExclusions
        var events: [(rank: UInt32, node: Int32)] = []
        events.reserveCapacity(steps.count * 2)
        let byCall = steps.indices.sorted { (steps[$0].call, $0) < (steps[$1].call, $1) }
        for index in byCall {
            let step = steps[index]
            if !step.isRequired, step.effect == .clear {
                self.addOption(index)
                continue
            }
            if self.isPut[index] {
                self.puts.append(Int32(index))
                continue
            }
            events.append((step.call, Int32(index * 2 + 1)))
            guard step.isRequired else { continue }
            events.append((step.end, Int32(index * 2 + 2)))
            self.required += 1
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

    private mutating func addOption(_ index: Int) {
        switch self.steps[index].requirement {
        case .any, .exists: self.deletes.append(Int32(index))
        case .item(let write): self.itemDeletes[write, default: []].append(Int32(index))
        // Such a delete changes nothing, or is refused.
        case .nothing, .not: break
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
        var stack: [Choice] = []
        var tried = 0
        self.takeIdle(state, &hash, &stack, &tried)
        var node = self.next[0]
        var alternative = 0
        while self.required > 0 {
            tried += 1
            guard tried <= stepsMax else { return .unknown("no order after \(stepsMax) steps") }
            var choice: Choice?
            if node & 1 == 1 {
                if self.mayBegin(node) { choice = Choice(step: node >> 1, state: state) }
            } else {
                choice = self.option(state, blocked: node, alternative)
            }
            if let choice, let after = state.after(self.steps[Int(choice.step)]) {
                let with = hash.toggled(Int(choice.step))
                if seen.insert(with, after) {
                    guard seen.count <= configurationsMax else {
                        return .unknown("no order among \(configurationsMax) configurations")
                    }
                    stack.append(choice)
                    state = after
                    hash = with
                    self.take(Int(choice.step))
                    self.takeIdle(state, &hash, &stack, &tried)
                    (node, alternative) = (self.next[0], 0)
                    continue
                }
            }
            if node & 1 == 1 {
                node = self.next[Int(node)]
            } else if let choice {
                alternative = choice.alternative
            } else {
                // An end that nothing before it explains: the last choice was wrong.
                guard let wrong = self.undo(&hash, &stack) else { return .invalid }
                state = wrong.state
                node = wrong.blocked > 0 ? wrong.blocked : self.next[Int(wrong.step) * 2 + 1]
                alternative = wrong.alternative
            }
        }
        return .valid
    }

    /// Whether a block's first step leaves room for the rest of the block: what is not of the block
    /// comes after all of it, and so must not end before all of it has begun.
    private func mayBegin(_ node: Int32) -> Bool {
        let index = Int(node >> 1)
        guard let begins = self.blocks.begins(head: index) else { return true }
        var other = self.next[Int(node)]
        var hops = 0
        while other >= 0, hops < 256 {
            hops += 1
            if other & 1 == 0 {
                let step = Int(other - 2) >> 1
                guard self.steps[step].end < begins else { return true }
                if self.blocks.isOutside(step, head: index) { return false }
            }
            other = self.next[Int(other)]
        }
        return true
    }

    /// Takes all steps that may come now and change nothing, such as reads of what is there.
    ///
    /// That is never wrong: in any order in which one comes later, it may come now instead.
    private mutating func takeIdle(
        _ state: RegisterState,
        _ hash: inout ConfigurationHash,
        _ stack: inout [Choice],
        _ tried: inout Int
    ) {
        var node = self.next[0]
        while node >= 0, node & 1 == 1 {
            tried += 1
            let index = Int(node >> 1)
            let following = self.next[Int(node)]
            if self.mayIdle[index], state.after(self.steps[index]) == state {
                stack.append(Choice(step: Int32(index), state: state, isIdle: true))
                hash = hash.toggled(index)
                self.take(index)
                // The end may have been what blocked others: the list is read on behind it.
                node = following == Int32(index * 2 + 2) ? self.next[0] : following
            } else {
                node = following
            }
        }
    }

    /// Takes back the last choice, and all that needed none after it.
    private mutating func undo(
        _ hash: inout ConfigurationHash,
        _ stack: inout [Choice]
    ) -> Choice? {
        while let choice = stack.popLast() {
            hash = hash.toggled(Int(choice.step))
            self.putBack(Int(choice.step))
            if !choice.isIdle { return choice }
        }
        return nil
    }

    /// A delete that may have happened by the time the search is blocked.
    private func option(
        _ state: RegisterState,
        blocked node: Int32,
        _ alternative: Int
    ) -> Choice? {
        let end = self.steps[Int(node - 2) >> 1].end
        var choice = Choice(step: -1, state: state, blocked: node)
        let mayDelete = state != .nothing
        if alternative == 0, mayDelete, self.deletesTaken < self.deletes.count {
            choice.step = self.deletes[self.deletesTaken]
            choice.alternative = 1
            if self.steps[Int(choice.step)].call <= end { return choice }
        }
        if alternative <= 1, mayDelete, let item = state.item,
            let found = self.itemDeletes[item]?.first(where: { !self.isTaken[Int($0)] }),
            self.steps[Int(found)].call <= end
        {
            choice.step = found
            choice.alternative = 2
            return choice
        }
        guard alternative <= 2, !mayDelete || self.hasExclusions,
            self.putsTaken < self.puts.count
        else { return nil }
        choice.step = self.puts[self.putsTaken]
        choice.alternative = 3
        return self.steps[Int(choice.step)].call <= end ? choice : nil
    }

    private func isOption(_ index: Int) -> Bool {
        self.isPut[index] || !self.steps[index].isRequired && self.steps[index].effect == .clear
    }

    /// Counts what is taken in turn.
    private mutating func count(_ index: Int, _ change: Int) {
        if self.isPut[index] {
            self.putsTaken += change
        } else if self.steps[index].requirement.item == nil {
            self.deletesTaken += change
        }
    }

    private mutating func take(_ index: Int) {
        self.isTaken[index] = true
        if self.isOption(index) {
            self.count(index, 1)
            return
        }
        self.unlink(index * 2 + 1)
        guard self.steps[index].isRequired else { return }
        self.unlink(index * 2 + 2)
        self.required -= 1
    }

    private mutating func putBack(_ index: Int) {
        self.isTaken[index] = false
        if self.isOption(index) {
            self.count(index, -1)
            return
        }
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
