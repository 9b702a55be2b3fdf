import History

/// Finds few steps of a register that cannot be ordered by themselves.
///
/// Only cuts that keep the proof are made: if the whole could be ordered, what remains could be,
/// too. A prefix in time (what had not ended by then may be left out); a suffix in time from a
/// state nobody knows; single reads; writes that nothing left depends on.
struct Shrinking {
    var steps: [Step]
    let stepsMax: Int
    let configurationsMax: Int
    private var start = RegisterState.nothing

    init(_ steps: [Step], _ plan: CheckPlan) {
        self.steps = steps
        self.stepsMax = min(plan.stepsMax, 2_000_000)
        self.configurationsMax = min(plan.configurationsMax, 200_000)
    }

    /// Whether the beginning was cut off.
    var isCut: Bool { self.start == .anything }

    mutating func run() {
        self.cutEnd()
        self.cutBeginning()
        if self.steps.count <= 256 { while self.dropOne() {} }
        self.steps.sort { $0.call < $1.call }
    }

    private func isWrong(_ steps: [Step], from start: RegisterState) -> Bool {
        var search = OrderSearch(steps)
        let answer = search.run(
            from: start,
            stepsMax: self.stepsMax,
            configurationsMax: self.configurationsMax
        )
        return answer == .invalid
    }

    /// The shortest prefix in time that is wrong, by bisection: a prefix of a good one is good.
    private mutating func cutEnd() {
        let ends = self.steps.filter(\.isRequired).map(\.end).sorted()
        var low = 0
        var high = ends.count - 1
        while low < high {
            let middle = (low + high) / 2
            if self.isWrong(Self.prefix(self.steps, until: ends[middle]), from: self.start) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        guard low < ends.count else { return }
        let prefix = Self.prefix(self.steps, until: ends[low])
        if self.isWrong(prefix, from: self.start) { self.steps = prefix }
    }

    private static func prefix(_ steps: [Step], until time: UInt32) -> [Step] {
        steps.compactMap { step in
            if step.end <= time { return step }
            guard step.call < time, step.effect != .keep else { return nil }
            var open = step
            open.isRequired = false
            open.end = .max
            return open
        }
    }

    /// The shortest suffix, of doubling lengths, that is wrong whatever was there before it.
    private mutating func cutBeginning() {
        let calls = self.steps.map(\.call).sorted()
        var length = 2
        while length < calls.count {
            let suffix = Self.suffix(self.steps, from: calls[calls.count - length])
            if self.isWrong(suffix, from: .anything) {
                self.steps = suffix
                self.start = .anything
                return
            }
            length *= 2
        }
    }

    private static func suffix(_ steps: [Step], from time: UInt32) -> [Step] {
        steps.compactMap { step in
            if step.call >= time { return step }
            guard step.end >= time, step.effect != .keep else { return nil }
            var open = step
            open.isRequired = false
            open.requirement = .any
            return open
        }
    }

    /// Whether one more could go.
    private mutating func dropOne() -> Bool {
        for index in self.steps.indices where self.mayDrop(index) {
            var rest = self.steps
            rest.remove(at: index)
            if self.isWrong(rest, from: self.start) {
                self.steps = rest
                return true
            }
        }
        return false
    }

    /// Whether an order of all would be one of the rest, too.
    private func mayDrop(_ index: Int) -> Bool {
        let others = { (holds: (Requirement) -> Bool) in
            self.steps.indices.contains { $0 != index && holds(self.steps[$0].requirement) }
        }
        switch self.steps[index].effect {
        case .keep: return true
        case .clear: return !others { $0 == .nothing }
        case .set(let write): return !others { $0 == .item(write) || $0.isBlind }
        }
    }
}
