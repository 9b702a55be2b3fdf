import Experiments
import Primitives
import Simulation
import Testing

@Suite("Experiments on simulated clusters") struct ExperimentTests {
    /// The regions and delays of `three-regions`, roughly.
    static let plan: ClusterPlan = {
        var plan = ClusterPlan(
            name: "three",
            regions: ["us-east-1", "eu-west-1", "ap-northeast-1"],
            nodesPerRegion: 3
        )
        let delays: [[Nanoseconds]] = [[0, 35, 75], [35, 0, 105], [75, 105, 0]]
        for from in 0..<3 {
            for to in 0..<3 where from != to {
                plan.links[from][to].latency = .milliseconds(delays[from][to])
            }
        }
        return plan
    }()

    @Test("every fact holds and every figure is within its limit", arguments: Experiment.all)
    func holds(experiment: Experiment) throws {
        for seed in [1, 2, 3] as [UInt64] {
            let outcome = try experiment.outcome(on: SimulatedHost(Self.plan, seed: seed))
            #expect(!outcome.verdicts.isEmpty)
            let agreement = Agreement([outcome])
            let bad = agreement.rows.filter { !$0.isGood }
            #expect(bad.isEmpty, "seed \(seed): \(bad)")
        }
    }

    @Test("the same seed gives the same outcome, to the nanosecond")
    func repeats() throws {
        let outcomes = try (0..<2).map { _ in
            try #require(Experiment.named("leader-kill"))
                .outcome(on: SimulatedHost(Self.plan, seed: 7))
        }
        #expect(outcomes[0] == outcomes[1])
    }
}

@Suite("Hosts agree when facts hold on both and figures are near") struct AgreementTests {
    private static func outcome(
        _ host: String,
        holds: Bool = true,
        lag: UInt64 = 100
    ) -> Outcome {
        var outcome = Outcome(experiment: "made", host: host)
        outcome.verdicts = [Verdict(fact: "nothing is lost", holds: holds)]
        outcome.figures = [
            Figure(name: "lag", unit: .time, value: lag, tolerance: 50, limit: 200)
        ]
        return outcome
    }

    @Test func agree() {
        #expect(Agreement([Self.outcome("a"), Self.outcome("b", lag: 150)]).isGood)
    }

    @Test("a fact that fails anywhere, a difference beyond the tolerance, a value beyond its limit")
    func disagree() {
        #expect(!Agreement([Self.outcome("a"), Self.outcome("b", holds: false)]).isGood)
        #expect(!Agreement([Self.outcome("a", holds: false)]).isGood)
        #expect(!Agreement([Self.outcome("a"), Self.outcome("b", lag: 151)]).isGood)
        #expect(!Agreement([Self.outcome("a", lag: 201)]).isGood)
    }

    @Test("what one host does not show is no agreement") func missing() {
        var bare = Self.outcome("b")
        bare.figures = []
        #expect(!Agreement([Self.outcome("a"), bare]).isGood)
        bare.verdicts = []
        #expect(!Agreement([Self.outcome("a"), bare]).isGood)
    }
}
