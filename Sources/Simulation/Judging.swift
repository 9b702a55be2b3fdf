import Checkers
import History
import Primitives

/// Hands the history of a run to the checkers, who know nothing of the cluster.
enum Judging {
    /// What may be asked of a scenario's history.
    ///
    /// With raw wall clocks as stamps a newer write may lose to an older one of a faster clock:
    /// that is what they are for, and only the laws of last-writer-wins themselves are left. A
    /// table of one region keeps no tombstones, so with such clocks an item that is made again may
    /// be older than its deletion was.
    static func checks(for scenario: Scenario) -> [Check] {
        guard !scenario.plan.isHybrid else { return Check.allCases }
        let laws: [Check] = [
            .convergence, .rightWinner, .monotoneReplicas, .noResurrection, .decisions, .ties,
            .replicasAgree, .oneStamp, .conflicts,
        ]
        guard scenario.plan.regions.count > 1 else {
            return laws.filter { $0 != .monotoneReplicas && $0 != .noResurrection }
        }
        return laws
    }

    static func judge(_ report: inout Report, _ scenario: Scenario) {
        guard let history = report.history else { return }
        var plan = CheckPlan(checks: nil)
        plan.stepsMax = 2_000_000
        plan.configurationsMax = 400_000
        let wanted = self.checks(for: scenario)
        for result in Judge.judge(history, plan).results where wanted.contains(result.check) {
            switch result.verdict {
            case .valid: break
            case .invalid(let counterexample):
                report.failures.append(
                    Failure(
                        source: .checker,
                        text: "\(result.check.rawValue): \(counterexample.text)",
                        at: .zero
                    )
                )
            case .unknown(let reason):
                report.doubts.append("\(result.check.rawValue): \(reason)")
            }
        }
    }
}
