import Fleet
import Primitives
import Simulation

/// `atoll sim --zoo`: every seeded bug, what caught it, and how many seeds that took.
enum SimZoo {
    static let seedsMax: UInt64 = 300

    static func run(_ options: SimOptions, _ console: Console) -> Int32 {
        var given = options.given
        if !options.words.contains("--for") { given.duration = .seconds(20) }
        let last = options.last > options.first ? options.last : options.first + self.seedsMax - 1
        let bugs = options.bug.map { [$0] } ?? Bug.allCases
        var missed = 0
        for bug in bugs {
            let began = processorSeconds()
            let finding = Zoo.find(bug, seeds: options.first...last, given)
            let took = processorSeconds() - began
            let seeds = finding.seed.map { "seed \($0)" } ?? "NOT FOUND"
            console.print(
                SimOutcome.left(bug.name, 28) + SimOutcome.left(seeds, 11)
                    + SimOutcome.right("\(finding.seedsTried) tried", 10)
                    + SimOutcome.right(SimOutcome.decimal(took, 1) + " s", 9)
                    + "  " + finding.catcher + "\n"
            )
            if finding.seed == nil { missed += 1 }
        }
        console.print("\(bugs.count - missed) of \(bugs.count) bugs found\n")
        return missed == 0 ? ExitCode.done : ExitCode.failed
    }
}
