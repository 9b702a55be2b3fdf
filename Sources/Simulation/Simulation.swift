import History
import NodeCore
package import Primitives

/// Everything that one run is made of: the same scenario gives the same run, event by event.
package struct Scenario: Equatable, Sendable {
    package var seed: UInt64
    package var plan: ClusterPlan
    package var workload: WorkloadPlan
    package var faults: [PlannedFault] = []
    /// How long clients ask while things break.
    package var duration: Nanoseconds
    /// How long the cluster has, once the faults are frozen, to serve and to agree.
    package var patience: Nanoseconds = .seconds(60)
    /// Entries that logs keep for followers that lag; small, so that snapshots happen.
    package var logRetained: UInt64 = NodeLimits.logRetained
    /// Whether power may be lost with what was not synced.
    package var losesPower = false

    package init(seed: UInt64, plan: ClusterPlan, workload: WorkloadPlan, duration: Nanoseconds) {
        self.seed = seed
        self.plan = plan
        self.workload = workload
        self.duration = duration
    }
}

/// How a run is watched; none of it changes what happens.
package struct SimulationOptions: Sendable {
    /// A mistake of the core to be found.
    package var bug: Bug?
    /// Looks at invariants after every turn; several times slower.
    package var checksInvariants = false
    /// Keeps the history of operations and of what replicas applied.
    package var keepsHistory = true
    /// Takes a line for every event.
    package var trace: (@Sendable (TraceLine) -> Void)?

    package init() {}
}
