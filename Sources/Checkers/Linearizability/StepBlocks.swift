import History

/// Which steps must stay together: a write, its readers, the write that replaced it, and so on.
struct StepBlocks {
    /// By step: the step that heads its block, or -1 where it may lie within any block.
    private let heads: [Int32]
    /// By head: the latest call in its block.
    private let begins: [UInt32]
    private let isHead: [Bool]

    init(_ steps: [Step]) {
        var makers: [WriteName: Int32] = [:]
        for (index, step) in steps.enumerated() {
            if let write = step.effect.written { makers[write] = Int32(index) }
        }
        let (unknown, onTheWay): (Int32, Int32) = (-2, -3)
        var heads = [Int32](repeating: unknown, count: steps.count)
        var path: [Int] = []
        for start in steps.indices where heads[start] == unknown {
            // Up to the head, or to a step whose head is known; then all on the way have it.
            path.removeAll(keepingCapacity: true)
            var index = start
            while heads[index] == unknown {
                path.append(index)
                heads[index] = onTheWay
                guard let write = steps[index].requirement.item, let maker = makers[write] else {
                    let isLoose = steps[index].effect == .keep && steps[index].requirement.isBlind
                    heads[index] = isLoose ? -1 : Int32(index)
                    break
                }
                index = Int(maker)
            }
            let head = heads[index] == onTheWay ? Int32(index) : heads[index]
            for index in path { heads[index] = head }
        }
        var begins = [UInt32](repeating: 0, count: steps.count)
        for (index, step) in steps.enumerated() where step.isRequired && heads[index] >= 0 {
            let head = Int(heads[index])
            begins[head] = max(begins[head], step.call)
        }
        self.heads = heads
        self.begins = begins
        self.isHead = steps.indices.map {
            steps[$0].isRequired && steps[$0].effect != .keep && heads[$0] == Int32($0)
        }
    }

    /// The latest call in the block that this step heads; nil if it heads none.
    func begins(head index: Int) -> UInt32? { self.isHead[index] ? self.begins[index] : nil }

    /// Whether a step must come before or after the whole block.
    func isOutside(_ index: Int, head: Int) -> Bool {
        self.heads[index] >= 0 && self.heads[index] != Int32(head)
    }
}
