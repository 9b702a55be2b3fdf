import Primitives
import Simulation
import Testing
import Wire

@Suite("Scenarios") struct ScenarioTests {
    @Test("a scenario survives its file", arguments: [1, 2, 5, 8, 13, 21, 34, 55] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        var given = Swarm.Given()
        given.duration = .seconds(30)
        given.faults = .kinds(FaultKind.allCases)
        let scenario = Swarm.scenario(seed: seed, given)
        #expect(!scenario.faults.isEmpty)
        let bytes = Array(scenario.json.pretty().utf8)
        let read = try Scenario(json: try JSONValue(parsing: bytes))
        #expect(read == scenario, "seed \(seed)")
    }

    @Test(
        "a file that is no scenario is refused in words",
        arguments: [
            "{}", #"{"type":"scenario","format":2}"#, #"{"type":"scenario","format":1,"seed":17}"#,
            #"{"type":"scenario","format":1,"seed":"17"}"#,
            #"{"type":"scenario","format":1,"seed":"17","plan":{},"workload":{}}"#,
        ]
    )
    func refuses(text: String) throws {
        let json = try JSONValue(parsing: Array(text.utf8))
        let error = #expect(throws: ScenarioError.self) { try Scenario(json: json) }
        #expect(error?.message.isEmpty == false)
    }

    @Test("a swarm leaves out faults in some seeds and has each in others")
    func swarmVaries() {
        var given = Swarm.Given()
        given.duration = .seconds(120)
        var seen: [FaultKind] = []
        var shapes: [Int] = []
        for seed in 1...80 as ClosedRange<UInt64> {
            let scenario = Swarm.scenario(seed: seed, given)
            let kinds = FaultKind.allCases.filter { kind in
                scenario.faults.contains { $0.fault.kind == kind }
            }
            #expect(kinds.count < FaultKind.allCases.count)
            for kind in kinds where !seen.contains(kind) { seen.append(kind) }
            if !shapes.contains(scenario.plan.nodeCount) { shapes.append(scenario.plan.nodeCount) }
        }
        #expect(seen.count == FaultKind.allCases.count)
        #expect(shapes.count > 5)
    }

    @Test("power is lost only where every turn is synced, unless asked for")
    func powerNeedsSync() {
        let given = Swarm.Given()
        for seed in 1...200 as ClosedRange<UInt64> {
            let scenario = Swarm.scenario(seed: seed, given)
            let losesPower = scenario.faults.contains { $0.fault.kind == .power }
            if losesPower { #expect(scenario.plan.durability == .disk, "seed \(seed)") }
        }
    }
}
