import Primitives

/// What the table of a seed has beside its items.
extension Swarm {
    /// In two seeds of five indexes, in one of four a time to live; both may come together.
    mutating func table(_ given: Tables, _ duration: Nanoseconds) -> TablePlan {
        var plan = TablePlan()
        guard given != .plain else { return plan }
        let hasIndexes = self.random.chance(2, outOf: 5) || given == .full
        let expires = self.random.chance(1, outOf: 4) || given == .full
        if hasIndexes { self.drawIndexes(duration, into: &plan) }
        if expires {
            plan.timeToLive = .init(
                period: self.spread(200_000_000, 3_000_000_000),
                percent: self.one(of: [10, 20, 40])
            )
        }
        return plan
    }

    private mutating func drawIndexes(_ duration: Nanoseconds, into plan: inout TablePlan) {
        for kind in IndexKind.allCases where self.random.chance(1, outOf: 2) {
            plan.indexes.append(self.index(kind))
        }
        if plan.indexes.isEmpty { plan.indexes.append(self.index(.group)) }
        plan.hasSortKey = plan.hasLocals || self.random.chance(1, outOf: 2)
        if self.random.chance(3, outOf: 4) { plan.backfillRecords = self.spread(1, 16) }
        self.drawChanges(duration, into: &plan)
    }

    private mutating func index(_ kind: IndexKind) -> TablePlan.Index {
        TablePlan.Index(kind, self.one(of: TablePlan.Projection.allCases))
    }

    /// Global indexes that come, go and come again while clients ask.
    private mutating func drawChanges(_ duration: Nanoseconds, into plan: inout TablePlan) {
        for place in plan.indexes.indices where !plan.indexes[place].kind.isLocal {
            var at: Nanoseconds = 0
            if self.random.chance(1, outOf: 2) {
                at = self.random.below(duration * 3 / 4)
                plan.indexes[place].madeAt = at
            }
            guard self.random.chance(1, outOf: 3) else { continue }
            at += self.random.below(duration / 2)
            plan.indexes[place].droppedAt = at
            guard self.random.chance(1, outOf: 2) else { continue }
            var again = self.index(plan.indexes[place].kind)
            again.madeAt = at + self.random.below(duration / 4)
            plan.indexes.append(again)
        }
    }
}
