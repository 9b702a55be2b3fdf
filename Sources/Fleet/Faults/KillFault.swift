import EventLoop
import Glibc
import Wire

/// Kills processes with SIGKILL; healing starts them again with the data that they left.
package struct KillFault: Fault {
    package static let kind = "kill"
    package let title: String
    private let nodes: [Int]

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.nodes = try arguments.nodes("target")
        self.title = "kill \(try arguments.text("target"))"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        let alive = self.nodes.filter { fleet.nodes[$0].pid != nil }
        guard !alive.isEmpty else {
            throw FaultError(
                "there is nothing to kill: it does not run",
                hint: "Start it again: atoll fault restart NODE"
            )
        }
        let before = await fleet.liveness(of: alive)
        for index in alive {
            fleet.nodes[index].kills.insert(id)
            await fleet.nodes[index].kill()
        }
        fleet.saveState()
        let after = await fleet.liveness(of: alive)
        return try fleet.compare(alive, before, after, expected: "connection refused") {
            $0 == .failure(.refused)
        }
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        let dead = self.nodes.filter {
            fleet.nodes[$0].kills.remove(id) != nil && fleet.nodes[$0].kills.isEmpty
                && fleet.nodes[$0].pid == nil
        }
        let before = await fleet.liveness(of: dead)
        try await fleet.startAgain(dead)
        let after = await fleet.liveness(of: dead)
        return try fleet.compare(dead, before, after, expected: "answers", Supervisor.isAnswer)
    }
}

/// What the faults on processes share.
extension Supervisor {
    /// Asks nodes for their status, which a stopped process does not answer and a dead one refuses.
    func liveness(of nodes: [Int]) async -> [HTTPResult] {
        await self.http.gather(
            nodes.map { Self.statusRequest(self.nodes[$0].port, timeoutMilliseconds: 400) }
        )
    }

    static func isAnswer(_ result: HTTPResult) -> Bool {
        if case .success = result { true } else { false }
    }

    func compare(
        _ nodes: [Int],
        _ before: [HTTPResult],
        _ after: [HTTPResult],
        expected: String,
        _ isExpected: (HTTPResult) -> Bool
    ) throws(FaultError) -> [Measurement] {
        let measurements = nodes.indices.map { index in
            Measurement(
                self.nodes[nodes[index]].name,
                before: Self.text(before[index]),
                after: Self.text(after[index]),
                expected: expected,
                isAsExpected: isExpected(after[index])
            )
        }
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError("not every node is as it should be", measurements: measurements)
        }
        return measurements
    }

    private static func text(_ result: HTTPResult) -> String {
        switch result {
        case .success(let answer):
            let pid = answer.json?["pid"]?.int.map { "process \($0) " } ?? ""
            return "\(pid)answers in \(Figures.duration(answer.elapsed))"
        case .failure(let failure): return failure.description
        }
    }

    /// Starts dead nodes again, waits until they serve and tells them of the faults in force.
    func startAgain(_ nodes: [Int]) async throws(FaultError) {
        do throws(ClusterError) {
            for index in nodes { try self.startProcess(self.nodes[index]) }
        } catch {
            throw FaultError(error.message, hint: error.hint)
        }
        self.saveState()
        let deadline = self.loop.now + self.options.readyMilliseconds * 1_000_000
        // A node is told of cuts as soon as it answers: it must not talk across them until it is
        // ready.
        var untold = Set(nodes)
        while !nodes.allSatisfy({ self.nodes[$0].condition == .ready }) || !untold.isEmpty {
            for index in untold.sorted() {
                let status = await self.liveness(of: [index])
                if Self.isAnswer(status[0]) {
                    await self.apply(toNodes: [index])
                    untold.remove(index)
                }
            }
            await self.refreshReadiness()
            if let dead = nodes.first(where: { self.nodes[$0].condition == .dead }) {
                throw FaultError(
                    "\(self.nodes[dead].name) ended while it started",
                    hint: "Its log: \(self.directory.nodeLog(self.nodes[dead].name))"
                )
            }
            guard self.loop.now < deadline, !self.isStopping else {
                throw FaultError("not ready in time", hint: "\"atoll status\" shows how it goes.")
            }
            await self.loop.sleep(milliseconds: 20)
        }
        self.saveState()
        for index in nodes where !self.nodes[index].pauses.isEmpty {
            self.nodes[index].signal(SIGSTOP)
        }
    }
}
