import History

/// A history of few operations on one key, and the truth about it: every order is tried.
///
/// Values: 0 is no item, `i + 1` is what operation i wrote.
struct SmallHistory {
    enum Condition: Hashable {
        case exists(Bool)
        case isWrite(Int)

        func holds(_ state: Int) -> Bool {
            switch self {
            case .exists(let exists): (state != 0) == exists
            case .isWrite(let index): state == index + 1
            }
        }
    }

    enum Kind: Hashable {
        case get(Int)
        case put(over: Int?)
        case delete(over: Int?)
        case putIf(Condition, over: Int?)
        case refused(Condition, saw: Int?)
        case openPut, openDelete, failedPut
        /// Of what an operation wrote.
        case openDeleteIf(Int)

        var isOpen: Bool {
            switch self {
            case .openPut, .openDelete, .openDeleteIf: true
            case .get, .put, .delete, .putIf, .refused, .failedPut: false
            }
        }
    }

    var kinds: [Kind]
    /// Calls and ends in their order: operation i begins at its first occurrence.
    var events: [Int]

    // MARK: The truth

    /// Whether some order of the operations explains what was seen.
    func isLinearizable() -> Bool {
        var calls = [Int](repeating: -1, count: self.kinds.count)
        var ends = calls
        for (time, index) in self.events.enumerated() {
            if calls[index] < 0 { calls[index] = time } else { ends[index] = time }
        }
        for (index, kind) in self.kinds.enumerated() where kind.isOpen {
            ends[index] = .max
        }
        var taken = [Bool](repeating: false, count: self.kinds.count)
        return self.extends(0, &taken, calls, ends)
    }

    private func extends(_ state: Int, _ taken: inout [Bool], _ calls: [Int], _ ends: [Int]) -> Bool
    {
        var isDone = true
        for (index, kind) in self.kinds.enumerated() where !taken[index] {
            if kind == .failedPut { continue }
            if ends[index] != .max { isDone = false }
        }
        if isDone { return true }
        for (index, kind) in self.kinds.enumerated() where !taken[index] && kind != .failedPut {
            // Nothing that is left may have ended before this began.
            let isFirst = self.kinds.indices.allSatisfy {
                taken[$0] || self.kinds[$0] == .failedPut || ends[$0] >= calls[index]
            }
            guard isFirst, let after = self.after(index, state) else { continue }
            taken[index] = true
            if self.extends(after, &taken, calls, ends) { return true }
            taken[index] = false
        }
        return false
    }

    private func after(_ index: Int, _ state: Int) -> Int? {
        switch self.kinds[index] {
        case .get(let value): value == state ? state : nil
        case .put(let over): over == nil || over == state ? index + 1 : nil
        case .delete(let over): over == nil || over == state ? 0 : nil
        case .putIf(let condition, let over):
            condition.holds(state) && (over == nil || over == state) ? index + 1 : nil
        case .refused(let condition, let saw):
            !condition.holds(state) && (saw == nil || saw == state) ? state : nil
        case .openPut: index + 1
        case .openDelete: 0
        case .openDeleteIf(let index): state == index + 1 ? 0 : nil
        case .failedPut: nil
        }
    }

    // MARK: As a history

    /// Tells this history about a key of its own.
    func tell(_ story: inout Story, key: String) {
        var ids = [UInt64?](repeating: nil, count: self.kinds.count)
        for index in self.events {
            if let id = ids[index] {
                self.end(&story, key, index, id)
            } else {
                ids[index] = self.begin(&story, key, index)
            }
        }
    }

    private func name(_ key: String, _ value: Int?) -> String? {
        guard let value else { return "?" }
        return value == 0 ? nil : "\(key)/\(value)"
    }

    private func begin(_ story: inout Story, _ key: String, _ index: Int) -> UInt64 {
        let own = self.name(key, index + 1)
        let client = UInt32(index)
        switch self.kinds[index] {
        case .get: return story.begin(.get, key: key, client: client)
        case .put, .openPut, .failedPut: return story.begin(.put, own, key: key, client: client)
        case .delete, .openDelete: return story.begin(.delete, own, key: key, client: client)
        case .openDeleteIf(let other):
            guard case .write(let write) = story.observed(self.name(key, other + 1)) else {
                return 0
            }
            return story.begin(
                .delete,
                own,
                key: key,
                client: client,
                condition: .previous(write)
            )
        case .putIf(let condition, _), .refused(let condition, _):
            let demand: WriteCondition
            switch condition {
            case .exists(let exists): demand = .exists(exists)
            case .isWrite(let other):
                guard case .write(let write) = story.observed(self.name(key, other + 1)) else {
                    return 0
                }
                demand = .previous(write)
            }
            return story.begin(.put, own, key: key, client: client, condition: demand)
        }
    }

    private func end(_ story: inout Story, _ key: String, _ index: Int, _ id: UInt64) {
        switch self.kinds[index] {
        case .get(let value): story.read(id, self.name(key, value))
        case .put(let over), .delete(let over), .putIf(_, let over):
            story.wrote(id, over: self.name(key, over))
        case .refused(_, let saw): story.refused(id, saw: self.name(key, saw))
        case .openPut, .openDelete, .openDeleteIf: story.lost(id)
        case .failedPut: story.failed(id)
        }
    }
}

/// Every way in which operations may overlap, and every choice of what they are.
enum Enumeration {
    /// All orders of calls and ends of `count` operations, numbered by their calls, of which at
    /// most `overlap` run at a time.
    static func interleavings(_ count: Int, overlap: Int = .max) -> [[Int]] {
        var found: [[Int]] = []
        var events: [Int] = []
        func extend(_ begun: Int, _ running: [Int]) {
            if begun == count, running.isEmpty {
                found.append(events)
                return
            }
            if begun < count, running.count < overlap {
                events.append(begun)
                extend(begun + 1, running + [begun])
                events.removeLast()
            }
            for index in running {
                events.append(index)
                extend(begun, running.filter { $0 != index })
                events.removeLast()
            }
        }
        extend(0, [])
        return found
    }

    /// Every choice of one kind for each of `count` operations.
    static func choices(
        _ count: Int,
        _ kinds: (_ index: Int) -> [SmallHistory.Kind],
        _ visit: ([SmallHistory.Kind]) -> Void
    ) {
        let options = (0..<count).map(kinds)
        var chosen: [SmallHistory.Kind] = []
        func extend(_ index: Int) {
            if index == count { return visit(chosen) }
            for kind in options[index] {
                chosen.append(kind)
                extend(index + 1)
                chosen.removeLast()
            }
        }
        extend(0)
    }

    /// Whether something saw what nothing writes: plainly wrong, and most of all choices.
    static func hasPhantom(_ kinds: [SmallHistory.Kind]) -> Bool {
        kinds.contains { kind in
            switch kind {
            case .get(let value), .put(over: .some(let value)), .delete(over: .some(let value)):
                guard value > 0 else { return false }
                switch kinds[value - 1] {
                case .put, .putIf, .openPut: return false
                case .get, .delete, .refused, .openDelete, .openDeleteIf, .failedPut: return true
                }
            case .put, .delete, .putIf, .refused, .openPut, .openDelete, .openDeleteIf, .failedPut:
                return false
            }
        }
    }

    /// Puts, and reads of any value.
    static func register(_ count: Int) -> (Int) -> [SmallHistory.Kind] {
        { index in
            [.put(over: nil)] + (0...count).filter { $0 != index + 1 }.map { .get($0) }
        }
    }

    /// Puts and deletes that tell what they replaced, and reads.
    static func chains(_ count: Int) -> (Int) -> [SmallHistory.Kind] {
        { index in
            let values = (0...count).filter { $0 != index + 1 }
            return values.map { .put(over: $0) } + values.map { .get($0) }
                + values.map { .delete(over: $0) }
        }
    }

    /// Everything that a history can say.
    static func everything(_ count: Int) -> (Int) -> [SmallHistory.Kind] {
        { index in
            let values = (0...count).filter { $0 != index + 1 }
            let over: [Int?] = [nil] + values
            let others = (0..<count).filter { $0 != index }
            let conditions: [SmallHistory.Condition] =
                [.exists(true), .exists(false)] + others.map { .isWrite($0) }
            var kinds: [SmallHistory.Kind] = [.openPut, .openDelete, .failedPut]
            kinds += others.map { .openDeleteIf($0) }
            kinds += values.map { .get($0) }
            kinds += over.map { .put(over: $0) }
            kinds += over.map { .delete(over: $0) }
            kinds += conditions.map { .putIf($0, over: nil) }
            kinds += conditions.map { .refused($0, saw: nil) }
            kinds += values.flatMap { value in
                [.putIf(.exists(true), over: value), .refused(.exists(true), saw: value)]
            }
            return kinds
        }
    }
}
