import Foundation
import Primitives
import Simulation
import Testing

/// The same seed gives the same run: twice in one process, and in two processes.
@Suite("Determinism") struct DeterminismTests {
    /// Seeds that every change is tested with; among them, all kinds of streams and disks.
    static let seeds: [UInt64] = [1, 3, 4, 7, 10, 16, 24]

    static func scenario(_ seed: UInt64) -> Scenario {
        var given = Swarm.Given()
        given.duration = .seconds(6)
        return Swarm.scenario(seed: seed, given)
    }

    /// Runs a seed and keeps the hash at every event.
    static func recorded(_ seed: UInt64) -> (report: Report, lines: [TraceLine]) {
        let recorder = Recorder()
        var options = SimulationOptions()
        options.trace = recorder.sink
        let report = Simulator.run(self.scenario(seed), options)
        return (report, recorder.lines)
    }

    @Test("a seed run twice has the same trace", arguments: seeds)
    func sameTwice(seed: UInt64) {
        let first = Self.recorded(seed)
        let second = Self.recorded(seed)
        #expect(
            first.report.traceHash == second.report.traceHash,
            "seed \(seed): \(Self.divergence(first.lines, second.lines))"
        )
        #expect(first.report.unseed == second.report.unseed)
        #expect(first.lines.count == second.lines.count)
        #expect(first.report.failures.isEmpty, "seed \(seed): \(first.report.failures)")
    }

    @Test("watching a run does not change it", arguments: seeds.prefix(3))
    func watchingChangesNothing(seed: UInt64) {
        var options = SimulationOptions()
        let plain = Simulator.run(Self.scenario(seed), options)
        options.checksInvariants = true
        let checked = Simulator.run(Self.scenario(seed), options)
        #expect(plain.traceHash == checked.traceHash, "seed \(seed)")
    }

    @Test("two seeds have different traces") func seedsDiffer() {
        let options = SimulationOptions()
        let hashes = Self.seeds.prefix(3).map {
            Simulator.run(Self.scenario($0), options).traceHash
        }
        #expect(Set(hashes).count == hashes.count)
    }

    @Test("a divergence is told by its first event") func divergenceIsTold() {
        let lines = Self.recorded(3).lines
        var other = lines
        other[100].hash ^= 1
        #expect(Self.divergence(lines, other).contains("event \(lines[100].sequence)"))
        #expect(Self.divergence(lines, lines).contains("no event"))
    }

    /// Where two runs parted.
    static func divergence(_ one: [TraceLine], _ other: [TraceLine]) -> String {
        for (left, right) in zip(one, other) where left.hash != right.hash {
            return
                "event \(left.sequence) differs:\n  \(left.rendered([]))\n  \(right.rendered([]))"
        }
        guard one.count != other.count else { return "no event differs" }
        let longer = one.count > other.count ? one : other
        return "one run ends before: " + longer[min(one.count, other.count)].rendered([])
    }
}

/// Keeps the lines of a trace.
final class Recorder: @unchecked Sendable {
    // Safe because a simulation calls its trace only on the thread that runs it.
    private(set) var lines: [TraceLine] = []

    var sink: @Sendable (TraceLine) -> Void { { [self] line in self.lines.append(line) } }
}
