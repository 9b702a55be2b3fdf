package import History

/// Runs the checks of a plan over a history.
package enum Judge {
    /// Judges a whole history; without a plan, by all that its contents allow.
    package static func judge(_ history: History, _ plan: CheckPlan = CheckPlan()) -> CheckReport {
        do throws(EvidenceError) {
            return self.judge(try Evidence(history), history.names, plan)
        } catch {
            let check = plan.checks?.first ?? .linearizability
            var result = CheckResult(check)
            result.verdict = .unknown(error.message)
            return CheckReport(results: [result])
        }
    }

    package static func judge(
        _ evidence: Evidence,
        _ names: HistoryNames,
        _ plan: CheckPlan = CheckPlan()
    ) -> CheckReport {
        let file = CaseFile(evidence, names)
        let wanted = plan.checks ?? Check.allCases
        let has = { (group: Check.Group) in wanted.contains { $0.group == group } }
        var results: [CheckResult] = []
        if has(.linearizable) {
            var check = LinearizabilityCheck(file, plan)
            results.append(check.run())
        }
        if has(.lww) { results += self.lastWriterWins(file) }
        if has(.sessions) {
            var check = SessionCheck(file, plan)
            results += check.run()
        }
        if has(.staleness) {
            var check = StalenessCheck(file, plan)
            results.append(check.run())
        }
        return self.report(results, wanted, isExplicit: plan.checks != nil)
    }

    private static func lastWriterWins(_ file: CaseFile) -> [CheckResult] {
        var convergence = ConvergenceCheck(file)
        convergence.run()
        var replicas = ReplicaCheck(file)
        replicas.run()
        var stamps = StampCheck(file)
        var conflicts = ConflictCheck(file)
        return convergence.results + replicas.results + [stamps.run(), conflicts.run()]
    }

    /// Results in the order of the registry; two parts of one check become one.
    private static func report(
        _ parts: [CheckResult],
        _ wanted: [Check],
        isExplicit: Bool
    ) -> CheckReport {
        var results: [CheckResult] = []
        for check in Check.allCases where wanted.contains(check) {
            var result = CheckResult(check)
            for part in parts where part.check == check {
                result.verdict = result.verdict.combined(with: part.verdict)
                // Two parts look at the same subjects.
                result.judged = max(result.judged, part.judged)
                result.violations += part.violations
                result.figures += part.figures
                result.listed += part.listed
            }
            if result.judged == 0, result.verdict.isValid {
                // Of a group that was asked for, something must have been judged.
                let hasOthers = parts.contains {
                    wanted.contains($0.check) && $0.check.group == check.group && $0.judged > 0
                }
                guard isExplicit, !hasOthers else { continue }
                result.verdict = .unknown("the history holds nothing that this check can judge")
            }
            results.append(result)
        }
        return CheckReport(results: results)
    }
}
