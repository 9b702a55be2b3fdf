import History

/// Judges a register by what its writes replaced: linear but for one sort.
///
/// A write that names what it replaced follows it directly, and reads stay with what they saw. So
/// steps form blocks that nothing may interrupt, whose inner order is known. A block must finish
/// before another if one of its steps ended before a step of the other began; two blocks that must
/// both be first exclude each other, and pairs suffice (Gibbons & Korach, *Testing Shared
/// Memories*, SIAM J. Comput. 26(4), 1997, §4: zones of clusters, here of chains of clusters).
/// The order found is replayed, so that "valid" is always certified by a witness.
struct ChainCheck {
    enum Answer {
        case valid
        case invalid(Counterexample)
        /// Neither a witness nor a contradiction: search.
        case open
    }

    private let file: CaseFile
    private let builder: RegisterBuilder
    private let steps: [Step]
    /// By step: the write that replaced it, and its readers as a list.
    private var successors: [Int32]
    private var firstReaders: [Int32]
    private var nextReaders: [Int32]
    /// Steps in an order that chains and zones suggest, and the number of each block.
    private var blocks: [Block] = []
    /// The steps of all blocks, end to end.
    private var order: [Int32] = []

    private struct Block {
        var range: Range<Int>
        /// The step that ended first, and the one that began last.
        var first: Int32
        var last: Int32
        /// When they did.
        var ends: UInt32
        var begins: UInt32

        /// A refusal that tells only what was not there: it may lie within any block.
        var isFloating = false

        var isForward: Bool { self.ends < self.begins }
    }

    init(_ file: CaseFile, _ builder: RegisterBuilder) {
        self.file = file
        self.builder = builder
        self.steps = builder.register.steps
        self.successors = [Int32](repeating: -1, count: self.steps.count)
        self.firstReaders = self.successors
        self.nextReaders = self.successors
    }

    mutating func run() -> Answer {
        if let problem = self.link() ?? self.makeBlocks() ?? self.overlap() {
            return .invalid(problem)
        }
        return self.replay() ? .valid : .open
    }

    // MARK: Chains

    /// Ties each step to what it saw; two writes that replaced the same are a lost update.
    private mutating func link() -> Counterexample? {
        for index in self.steps.indices.reversed() where self.steps[index].isRequired {
            guard let write = self.steps[index].requirement.item,
                let maker = self.builder.slot(of: write)
            else { continue }
            if self.steps[index].effect == .keep {
                self.nextReaders[index] = self.firstReaders[maker]
                self.firstReaders[maker] = Int32(index)
            } else if self.successors[maker] < 0 {
                self.successors[maker] = Int32(index)
            } else {
                let name = self.file.names.display(write)
                return self.story(
                    "lost update: two writes replaced \(name)",
                    [Int32(maker), Int32(index), self.successors[maker]]
                )
            }
        }
        return nil
    }

    /// Walks each chain from its head; within a block every step must be able to follow those
    /// before it.
    private mutating func makeBlocks() -> Counterexample? {
        var placed = 0
        for index in self.steps.indices where self.steps[index].isRequired {
            if self.steps[index].requirement.item != nil { continue }
            if let problem = self.makeBlock(from: index) { return problem }
        }
        placed = self.order.count
        guard placed < self.steps.count(where: \.isRequired) else { return nil }
        // Chains without a head: every write of them replaced another of them.
        var isPlaced = [Bool](repeating: false, count: self.steps.count)
        for index in self.order { isPlaced[Int(index)] = true }
        let start = self.steps.indices.first {
            self.steps[$0].isRequired && !isPlaced[$0] && self.successors[$0] >= 0
        }
        var circle: [Int32] = []
        var next = Int32(start ?? 0)
        while !circle.contains(next), next >= 0, circle.count < 16 {
            circle.append(next)
            next = self.successors[Int(next)]
        }
        return self.story("writes replaced one another in a circle", circle)
    }

    private mutating func makeBlock(from head: Int) -> Counterexample? {
        let start = self.order.count
        var writer = Int32(head)
        /// The latest beginning among the steps before this one, and whose it is.
        var begun: (rank: UInt32, step: Int32) = (0, -1)
        while writer >= 0 {
            if let problem = self.place(writer, &begun) { return problem }
            var reader = self.firstReaders[Int(writer)]
            let group = begun
            while reader >= 0 {
                var own = group
                if let problem = self.place(reader, &own) { return problem }
                if own.rank > begun.rank { begun = own }
                reader = self.nextReaders[Int(reader)]
            }
            writer = self.successors[Int(writer)]
        }
        self.close(start)
        return nil
    }

    /// Appends a step to the block being made.
    private mutating func place(
        _ index: Int32,
        _ begun: inout (rank: UInt32, step: Int32)
    ) -> Counterexample? {
        let step = self.steps[Int(index)]
        if step.end < begun.rank {
            return self.outOfOrder(early: begun.step, late: index)
        }
        if step.call > begun.rank { begun = (step.call, index) }
        self.order.append(index)
        return nil
    }

    private mutating func close(_ start: Int) {
        var block = Block(
            range: start..<self.order.count,
            first: self.order[start],
            last: self.order[start],
            ends: .max,
            begins: 0
        )
        for index in self.order[start...] {
            let step = self.steps[Int(index)]
            if step.end < block.ends { (block.ends, block.first) = (step.end, index) }
            if step.call >= block.begins { (block.begins, block.last) = (step.call, index) }
        }
        let head = self.steps[Int(self.order[start])]
        block.isFloating = head.effect == .keep && head.requirement.isBlind
        self.blocks.append(block)
    }

    /// What was replaced comes before what replaced it, and yet the latter was over first.
    private func outOfOrder(early: Int32, late: Int32) -> Counterexample {
        let (before, after) = (self.steps[Int(early)], self.steps[Int(late)])
        let maker = self.version(of: early)
        var lines = [maker, early, late]
        let summary: String
        if before.effect == .keep {
            summary =
                "stale read: it began after \(self.name(of: late)) had replaced what it saw"
            lines += self.chain(from: maker, to: self.version(of: late))
        } else if after.effect == .keep {
            summary = "a read saw \(self.name(of: early)) before that began"
        } else {
            summary = "\(self.name(of: late)) replaced a write that began after it had ended"
            lines += self.chain(from: maker, to: self.version(of: late))
        }
        return self.story(summary, lines)
    }

    // MARK: Zones

    /// Two blocks each of which has a step that ended before a step of the other began.
    private func overlap() -> Counterexample? {
        let forward = self.blocks.indices.filter { self.blocks[$0].isForward }
            .sorted { self.blocks[$0].ends < self.blocks[$1].ends }
        for (left, right) in zip(forward, forward.dropFirst())
        where self.blocks[right].ends < self.blocks[left].begins {
            return self.conflict(self.blocks[left], self.blocks[right])
        }
        for block in self.blocks where !block.isForward && !block.isFloating {
            // The last forward block that was sure to have begun before this one's end.
            var low = 0
            var high = forward.count
            while low < high {
                let middle = (low + high) / 2
                if self.blocks[forward[middle]].ends < block.begins {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            guard low > 0 else { continue }
            let other = self.blocks[forward[low - 1]]
            if block.ends < other.begins { return self.conflict(other, block) }
        }
        return nil
    }

    private func conflict(_ left: Block, _ right: Block) -> Counterexample {
        let steps = [left.first, right.last, right.first, left.last]
        let (one, other) = (self.name(of: left.first), self.name(of: right.first))
        return self.story(
            "\(one) came before \(other), and \(other) before \(one): what each read or replaced "
                + "leaves no room between",
            steps + steps.map { self.version(of: $0) }
                + self.chain(from: self.version(of: left.first), to: self.version(of: left.last))
                + self.chain(from: self.version(of: right.first), to: self.version(of: right.last))
        )
    }

    // MARK: The witness

    /// Whether the suggested order is a linear order: the states fit, and real time.
    private func replay() -> Bool {
        let sorted = self.blocks.indices.sorted { left, right in
            let (left, right) = (self.blocks[left], self.blocks[right])
            let (mine, yours) = (min(left.ends, left.begins), min(right.ends, right.begins))
            if mine != yours { return mine < yours }
            return !left.isForward && right.isForward
        }
        var state = RegisterState.nothing
        var begun: UInt32 = 0
        for block in sorted {
            var index = self.blocks[block].range.lowerBound
            while index < self.blocks[block].range.upperBound {
                // Readers of one version in the order of their calls: any order has one state.
                let writer = self.steps[Int(self.order[index])]
                guard writer.end >= begun, let next = state.after(writer) else { return false }
                state = next
                begun = max(begun, writer.call)
                let group = begun
                index += 1
                while index < self.blocks[block].range.upperBound {
                    let reader = self.steps[Int(self.order[index])]
                    guard reader.effect == .keep else { break }
                    guard reader.end >= group, state.after(reader) != nil else { return false }
                    begun = max(begun, reader.call)
                    index += 1
                }
            }
        }
        return true
    }

    // MARK: Text

    /// The step whose version this step saw or made.
    private func version(of index: Int32) -> Int32 {
        guard self.steps[Int(index)].effect == .keep,
            let write = self.steps[Int(index)].requirement.item,
            let maker = self.builder.slot(of: write)
        else { return index }
        return Int32(maker)
    }

    private func name(of index: Int32) -> String {
        let maker = self.version(of: index)
        switch self.steps[Int(maker)].effect {
        case .set(let write): return self.file.names.display(write)
        case .clear: return "the delete"
        case .keep: return "the state without an item"
        }
    }

    /// The writes between two of one chain, without the ends; nothing if there are many.
    private func chain(from start: Int32, to end: Int32) -> [Int32] {
        var found: [Int32] = []
        var next = start
        while next >= 0, next != end, found.count < 4 {
            found.append(next)
            next = self.successors[Int(next)]
        }
        return next == end ? found : []
    }

    private func story(_ summary: String, _ steps: [Int32]) -> Counterexample {
        let unique = Set(steps).filter { $0 >= 0 }
            .sorted { (self.steps[Int($0)].call, $0) < (self.steps[Int($1)].call, $1) }
        return Counterexample(summary, unique.map { self.file.text(self.steps[Int($0)]) })
    }
}
