import History

/// Judges each key of each region as a register.
///
/// Operations of one region are judged together. A key that several regions write is judged where
/// apply lines tell when the others' writes landed; elsewhere it is counted as not judged.
struct LinearizabilityCheck {
    private let file: CaseFile
    private let plan: CheckPlan
    private var builder: RegisterBuilder
    private var result = CheckResult(.linearizability)
    private var chained = 0
    private var searched = 0
    private var foreign = 0
    private var undecided = 0
    private var operations = 0
    private var firstUnknown: String?

    init(_ file: CaseFile, _ plan: CheckPlan) {
        self.file = file
        self.plan = plan
        self.builder = RegisterBuilder(file)
    }

    mutating func run() -> CheckResult {
        var rows: [UInt32] = []
        for key in 0..<self.file.keyCount {
            let (regions, writers) = self.regions(of: key)
            for region in regions {
                rows.removeAll(keepingCapacity: true)
                for row in self.file.operations[key]
                where self.file.evidence.operations[Int(row)].region == region {
                    rows.append(row)
                }
                self.judge(key, region, rows, isForeign: writers.contains { $0 != region })
            }
        }
        self.result.judged = self.chained + self.searched
        self.result.figures = [
            Figure("operations", self.operations),
            Figure("by chains", self.chained),
            Figure("by search", self.searched),
            Figure("not judged, written elsewhere", self.foreign),
            Figure("undecided", self.undecided),
        ]
        if let firstUnknown, self.result.verdict.isValid {
            self.result.verdict = .unknown(firstUnknown)
        }
        return self.result
    }

    /// The regions that were asked about a key, and those that may have written it.
    private func regions(of key: Int) -> (asked: [RegionRank], wrote: [RegionRank]) {
        var asked: [RegionRank] = []
        var wrote: [RegionRank] = []
        for row in self.file.operations[key] {
            let operation = self.file.evidence.operations[Int(row)]
            if !asked.contains(operation.region) { asked.append(operation.region) }
            if operation.mayHaveWritten, !wrote.contains(operation.region) {
                wrote.append(operation.region)
            }
        }
        for row in self.file.applied[key] {
            let region = self.file.evidence.applied[Int(row)].stamp.region
            if !wrote.contains(region) { wrote.append(region) }
        }
        return (asked.sorted(), wrote)
    }

    private mutating func judge(
        _ key: Int,
        _ region: RegionRank,
        _ rows: [UInt32],
        isForeign: Bool
    ) {
        do throws(RegisterProblem) {
            try self.builder.build(key: key, region: region, rows, isForeign: isForeign)
        } catch {
            switch error {
            case .foreign: self.foreign += 1
            case .unknown(let why): self.undecide(key, region, why)
            case .contradiction(let counterexample):
                self.chained += 1
                self.operations += rows.count
                self.violate(key, region, counterexample)
            }
            return
        }
        guard !self.builder.register.steps.isEmpty else { return }
        self.operations += rows.count
        var chains = ChainCheck(self.file, self.builder)
        switch chains.run() {
        case .valid: self.chained += 1
        case .invalid(let counterexample):
            self.chained += 1
            self.violate(key, region, counterexample)
        case .open: self.search(key, region)
        }
    }

    private mutating func search(_ key: Int, _ region: RegionRank) {
        let steps = self.builder.register.steps
        var search = OrderSearch(steps)
        let answer = search.run(
            stepsMax: self.plan.stepsMax,
            configurationsMax: self.plan.configurationsMax
        )
        switch answer {
        case .valid: self.searched += 1
        case .unknown(let why): self.undecide(key, region, why)
        case .invalid:
            self.searched += 1
            // Counterexamples are costly here, and one is enough.
            guard !self.result.verdict.isInvalid else {
                self.result.violations += 1
                return
            }
            var shrinking = Shrinking(steps, self.plan)
            shrinking.run()
            var lines = shrinking.steps.map { self.file.text($0) }
            if shrinking.isCut { lines.insert("(earlier operations do not matter)", at: 0) }
            self.violate(
                key,
                region,
                Counterexample("these operations fit no order that real time allows", lines)
            )
        }
    }

    private mutating func undecide(_ key: Int, _ region: RegionRank, _ why: String) {
        self.undecided += 1
        if self.firstUnknown == nil {
            self.firstUnknown =
                "\(self.file.text(key)) in \(self.file.names.display(region: region)): \(why)"
        }
    }

    private mutating func violate(
        _ key: Int,
        _ region: RegionRank,
        _ counterexample: Counterexample
    ) {
        let place = "\(self.file.text(key)) in \(self.file.names.display(region: region))"
        self.result.violate(
            Counterexample("\(place): \(counterexample.summary)", counterexample.lines)
        )
    }
}
