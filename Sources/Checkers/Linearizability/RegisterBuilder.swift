import History

/// Turns operations on one key in one region into the steps of a register.
///
/// Writes of other regions that landed here are steps, too: their replicas' apply lines are the
/// evidence of when (between the write's invocation and the first line) and after what.
struct RegisterBuilder {
    private let file: CaseFile
    /// By write: its step in the register being built, or `none`.
    private(set) var slots: [UInt32]
    private(set) var register = Register(key: 0, region: 0)

    init(_ file: CaseFile) {
        self.file = file
        self.slots = [UInt32](repeating: CaseFile.none, count: file.names.writeCount)
    }

    func slot(of write: WriteName) -> Int? {
        let slot = self.slots[Int(write.number)]
        return slot == CaseFile.none ? nil : Int(slot)
    }

    /// The next register; forgets the former.
    mutating func build(
        key: Int,
        region: RegionRank,
        _ rows: [UInt32],
        isForeign: Bool
    ) throws(RegisterProblem) {
        for step in self.register.steps { self.place(step, CaseFile.none) }
        self.register = Register(key: key, region: region)
        for row in rows { try self.add(row) }
        if isForeign { try self.addLandings() }
        try self.resolve()
        self.dropIdleOptions()
    }

    private mutating func place(_ step: Step, _ slot: UInt32) {
        if let write = step.effect.written { self.slots[Int(write.number)] = slot }
    }

    private mutating func append(_ step: Step) {
        self.place(step, UInt32(self.register.steps.count))
        self.register.steps.append(step)
    }

    // MARK: Operations

    private mutating func add(_ row: UInt32) throws(RegisterProblem) {
        let operation = self.file.evidence.operations[Int(row)]
        if let write = operation.write, self.file.isShared(write) {
            throw .unknown("two operations write \(self.file.names.display(write))")
        }
        guard operation.outcome != .failed else { return }
        if operation.kind == .get {
            guard operation.outcome == .ok, operation.isConsistent else { return }
        }
        let requirement = try self.requirement(of: operation)
        var effect = RegisterEffect.keep
        if let write = operation.write, operation.outcome != .conditionFailed {
            effect = operation.kind == .delete ? .clear : .set(write)
        }
        if effect == .keep, requirement == .any { return }
        self.append(
            Step(
                call: operation.invoked,
                end: operation.returned,
                requirement: requirement,
                effect: effect,
                source: .operation(row),
                isRequired: operation.outcome != .open
            )
        )
    }

    private func requirement(of operation: Operation) throws(RegisterProblem) -> Requirement {
        let seen: Requirement? =
            switch operation.seen {
            case .unknown: nil
            case .nothing: .nothing
            case .write(let write): .item(write)
            }
        let isRefused = operation.outcome == .conditionFailed
        let holds: Bool?
        let blind: Requirement
        switch (operation.condition, operation.seen) {
        case (.none, _):
            return seen ?? .any
        case (.previous(let write), let seen):
            holds = seen == .unknown ? nil : seen == .write(write)
            blind = isRefused ? .not(write) : .item(write)
        case (.exists(let exists), let seen):
            holds = seen == .unknown ? nil : (seen != .nothing) == exists
            blind = exists != isRefused ? .exists : .nothing
        }
        if let holds, holds == isRefused {
            let what = isRefused ? "failed on what fulfils it" : "held on what does not fulfil it"
            throw .contradiction(
                Counterexample("a condition \(what)", [self.file.text(operation)])
            )
        }
        return seen ?? blind
    }

    // MARK: Writes of other regions

    private mutating func addLandings() throws(RegisterProblem) {
        let region = self.register.region
        let applied = self.file.evidence.applied
        let rows = self.file.applied[self.register.key].filter {
            applied[Int($0)].region == region && applied[Int($0)].decision == .applied
        }
        guard !rows.isEmpty, self.file.evidence.hasRanks else { throw .foreign }
        // The region's log: each entry once, as the first replica saw it.
        let log = rows.sorted { left, right in
            let (left, right) = (applied[Int(left)], applied[Int(right)])
            return (left.partition, left.sequence, left.rank)
                < (right.partition, right.sequence, right.rank)
        }
        var before: Applied?
        for row in log {
            let record = applied[Int(row)]
            if let before, before.partition == record.partition, before.stamp == record.stamp {
                continue
            }
            let isNext = before?.partition == record.partition
            if record.stamp.region != region {
                try self.land(row, record, after: isNext ? before : nil)
            }
            before = record
        }
    }

    private mutating func land(
        _ row: UInt32,
        _ record: Applied,
        after before: Applied?
    ) throws(RegisterProblem) {
        var effect = RegisterEffect.clear
        if !record.isDelete {
            guard let write = record.write.name else { throw .foreign }
            guard self.slot(of: write) == nil else { return }
            effect = .set(write)
        }
        var requirement = Requirement.any
        if let before {
            if before.isDelete {
                requirement = .nothing
            } else if let write = before.write.name {
                requirement = .item(write)
            }
        }
        let writer = record.write.name.flatMap { self.file.writer(of: $0) }
        self.append(
            Step(
                call: writer.map { self.file.evidence.operations[Int($0)].invoked } ?? 0,
                end: record.rank,
                requirement: requirement,
                effect: effect,
                source: .landing(row),
                isRequired: true
            )
        )
    }

    // MARK: What was observed

    /// Finds the maker of everything observed, which happened before its observer ended.
    private mutating func resolve() throws(RegisterProblem) {
        var pending = self.register.steps.indices.filter { self.register.steps[$0].isRequired }
        while let index = pending.popLast() {
            let step = self.register.steps[index]
            guard let write = step.requirement.item else { continue }
            guard let maker = self.slot(of: write) else {
                try self.explain(write, observedBy: step)
                continue
            }
            guard self.register.steps[maker].source.isOpen(self.file),
                self.register.steps[maker].end > step.end
            else { continue }
            self.register.steps[maker].end = step.end
            self.register.steps[maker].isRequired = true
            pending.append(maker)
        }
    }

    /// Something was observed that no step made.
    private mutating func explain(
        _ write: WriteName,
        observedBy step: Step
    ) throws(RegisterProblem) {
        let name = self.file.names.display(write)
        guard let row = self.file.writer(of: write) else {
            guard self.file.evidence.allowsEarlierItems else {
                throw self.contradiction("\(name) was observed and never written", [step])
            }
            let isFirst = !self.register.steps.contains { $0.source.isEarlier }
            guard isFirst else {
                throw .unknown("several items were written by nobody in this history")
            }
            self.append(
                Step(
                    call: 0,
                    end: 0,
                    requirement: .any,
                    effect: .set(write),
                    source: .earlier(write),
                    isRequired: true
                )
            )
            return
        }
        let maker = self.file.evidence.operations[Int(row)]
        let lines = [self.file.text(maker), self.file.text(step)]
        if Int(maker.key.number) != self.register.key {
            throw .contradiction(Counterexample("\(name) was written to another key", lines))
        }
        if maker.outcome == .failed || maker.outcome == .conditionFailed {
            throw .contradiction(Counterexample("\(name) was observed, and had failed", lines))
        }
        if maker.kind == .delete {
            throw .contradiction(Counterexample("a delete was observed as an item", lines))
        }
        throw .foreign
    }

    private func contradiction(_ summary: String, _ steps: [Step]) -> RegisterProblem {
        .contradiction(Counterexample(summary, steps.map { self.file.text($0) }))
    }

    /// A write that may have happened and was never observed helps nobody, unless something demands
    /// merely that an item be there or be another; a delete may always explain an absence.
    private mutating func dropIdleOptions() {
        let steps = self.register.steps
        guard !steps.contains(where: { $0.requirement.isExclusion }) else { return }
        let hasBlind = self.register.hasBlindRequirements
        var isKept = steps.map { step in
            if step.isRequired || step.effect == .clear { return true }
            return hasBlind && (step.requirement == .any || step.requirement == .nothing)
        }
        // A delete that may have happened may have demanded what such a write made.
        var pending = steps.indices.filter { isKept[$0] && !steps[$0].isRequired }
        while let index = pending.popLast() {
            guard let write = steps[index].requirement.item, let maker = self.slot(of: write),
                !isKept[maker]
            else { continue }
            isKept[maker] = true
            pending.append(maker)
        }
        guard isKept.contains(false) else { return }
        let kept = zip(steps, isKept).filter(\.1).map(\.0)
        for step in steps { self.place(step, CaseFile.none) }
        self.register.steps = []
        for step in kept { self.append(step) }
    }
}

extension Step.Source {
    func isOpen(_ file: CaseFile) -> Bool {
        switch self {
        case .operation(let row): file.evidence.operations[Int(row)].outcome == .open
        case .landing, .earlier: false
        }
    }

    var isEarlier: Bool {
        switch self {
        case .earlier: true
        case .operation, .landing: false
        }
    }
}

extension CaseFile {
    func text(_ step: Step) -> String {
        switch step.source {
        case .operation(let row): return self.text(self.evidence.operations[Int(row)])
        case .landing(let row): return "lands: " + self.text(self.evidence.applied[Int(row)])
        case .earlier(let write):
            return "\(self.names.display(write)) was there before the history began"
        }
    }
}
