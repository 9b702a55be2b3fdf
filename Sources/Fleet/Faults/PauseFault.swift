import Glibc

/// Stops processes with SIGSTOP: they keep their connections and answer nothing, as in a long
/// collection of garbage or a frozen virtual machine.
package struct PauseFault: Fault {
    package static let kind = "pause"
    package let title: String
    private let nodes: [Int]

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.nodes = try arguments.nodes("target")
        self.title = "pause \(try arguments.text("target"))"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        let alive = self.nodes.filter { fleet.nodes[$0].pid != nil }
        guard !alive.isEmpty else {
            throw FaultError(
                "there is nothing to pause: it does not run",
                hint: "Start it again: atoll fault restart NODE"
            )
        }
        let before = await fleet.liveness(of: alive)
        for index in alive {
            fleet.nodes[index].pauses.insert(id)
            fleet.nodes[index].signal(SIGSTOP)
        }
        let after = await fleet.liveness(of: alive)
        return try fleet.compare(alive, before, after, expected: "no answer") {
            $0 == .failure(.timedOut)
        }
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        let held = self.nodes.filter { fleet.nodes[$0].pauses.contains(id) }
        let before = await fleet.liveness(of: held)
        for index in held { fleet.nodes[index].pauses.remove(id) }
        let freed = held.filter { fleet.nodes[$0].answers }
        for index in freed { fleet.nodes[index].signal(SIGCONT) }
        // What changed while they could not listen.
        await fleet.apply(toNodes: Set(freed))
        let after = await fleet.liveness(of: held)
        return try fleet.compare(
            freed,
            held.indices.filter { freed.contains(held[$0]) }.map { before[$0] },
            held.indices.filter { freed.contains(held[$0]) }.map { after[$0] },
            expected: "answers",
            Supervisor.isAnswer
        )
    }
}
