import Primitives
import Simulation
import Testing

/// Seeds that once showed a mistake of the core, whole: what is drawn may change with time, and
/// then they are seeds like others.
@Suite("Seeds that were wrong once") struct FoundSeedTests {
    struct Found: CustomTestStringConvertible, Sendable {
        var seed: UInt64
        var seconds: UInt64
        var mistake: String
        /// Found before tables had indexes and expiry: drawn as it was then.
        var isPlain = true
        var testDescription: String { "seed \(self.seed): \(self.mistake)" }
    }

    static let found = [
        Found(seed: 131, seconds: 20, mistake: "what a region had already stayed a backlog"),
        Found(
            seed: 167,
            seconds: 20,
            mistake: "a node that lost its disk at its start had no name"
        ),
        Found(
            seed: 457,
            seconds: 20,
            mistake: "a region was never given its items, since one of them could not be read"
        ),
        Found(
            seed: 1888,
            seconds: 20,
            mistake: "a snapshot given up erased what its receiver had acknowledged",
            isPlain: false
        ),
        Found(seed: 4063, seconds: 15, mistake: "who waited at a replaced node was never answered"),
        Found(seed: 4156, seconds: 15, mistake: "a log that cannot be read was taken for short"),
        Found(seed: 4217, seconds: 15, mistake: "entries were written over a snapshot"),
    ]

    @Test("it is good now", arguments: Self.found)
    func isGood(_ found: Found) {
        var given = Swarm.Given()
        given.duration = .seconds(found.seconds)
        if found.isPlain { given.tables = .plain }
        var options = SimulationOptions()
        options.checksInvariants = true
        let report = Simulator.run(Swarm.scenario(seed: found.seed, given), options)
        #expect(report.failures.isEmpty, "seed \(found.seed): \(report.failures)")
    }
    /// A wrong run must not be shrunk into another one that is wrong for another reason.
    @Test("failures are told apart by what is said, not by where")
    func signatures() {
        func signature(_ text: String) -> String {
            Failure(source: .liveness, text: text, at: .zero).signature
        }
        let late = "writes are not in all of these regions within 60s"
        #expect(signature("us-east-1, eu-west-1: \(late)") == signature("us-east-1: \(late)"))
        #expect(signature("us-east-1: \(late)") != signature("us-east-1: requests fail"))
    }
}
