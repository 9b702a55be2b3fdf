import Fleet
import Primitives
import Simulation
import Wire

/// `atoll sim --shrink`: the smallest scenario found that fails like a seed does.
enum SimShrink {
    static func run(_ options: SimOptions, _ console: Console) -> Int32 {
        let scenario = Swarm.scenario(seed: options.first, options.given)
        let shrinker = Shrinker(scenario, options.simulation) { console.print($0 + "\n") }
        guard var shrinker else {
            console.print("seed \(options.first) does not fail; there is nothing to shrink\n")
            return SimVerdict.good.exitCode
        }
        console.print("seed \(options.first): \(shrinker.size)\n")
        if let failure = shrinker.report.failures.first {
            console.print("  \(failure.source.rawValue): \(failure.text)\n")
        }
        shrinker.shrink()
        let base = options.output ?? "seed-\(options.first)"
        let file = base.hasSuffix(".json") ? base : base + ".json"
        var json = shrinker.scenario.json
        if let bug = options.bug { json["bug"] = .string(bug.name) }
        if let failure = shrinker.report.failures.first { json["failure"] = .string(failure.text) }
        if let error = writeFile(Array((json.pretty() + "\n").utf8), to: file) {
            console.error("cannot write \(file): \(error)")
            return SimVerdict.wrong.exitCode
        }
        self.draw(shrinker.scenario, options, console)
        console.print("\nshrunk to \(shrinker.size)\n  replay: atoll sim --replay \(file)\n")
        return SimVerdict.wrong.exitCode
    }

    private static func draw(_ scenario: Scenario, _ options: SimOptions, _ console: Console) {
        let recorder = SpaceTimeRecorder(names: scenario.plan.nodeNames)
        var simulation = options.simulation
        simulation.trace = recorder.sink
        let report = Simulator.run(scenario, simulation)
        console.print("\n" + recorder.rendered().joined(separator: "\n") + "\n")
        for failure in report.failures.prefix(1) {
            console.print("\n  \(failure.source.rawValue): \(failure.text)\n")
        }
    }
}

/// Keeps what a diagram draws; everything happens on one thread.
private final class SpaceTimeRecorder: @unchecked Sendable {
    // Safe because a simulation calls its trace only on the thread that runs it.
    private var diagram: SpaceTime

    init(names: [String]) { self.diagram = SpaceTime(names: names) }

    var sink: @Sendable (TraceLine) -> Void { { [self] line in self.diagram.take(line) } }

    func rendered() -> [String] { self.diagram.rendered() }
}
