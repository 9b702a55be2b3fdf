import EventLoop
import Topology
import Wire

/// Recording: a history by the gateway, and an apply log beside it by each node.
extension Supervisor {
    /// `FILE.<node>.applies`.
    func applyLog(of node: NodeProcess) -> String? {
        self.options.history.map { "\($0).\(node.name).applies" }
    }

    /// Makes the history's file, so that a wrong name is told before anything runs, and removes the
    /// apply logs of an earlier recording: nodes only add to theirs.
    func prepareHistory() throws(ClusterError) {
        guard let history = self.options.history else { return }
        let hint = "Name another file: --history FILE"
        do throws(LoopError) {
            try AppendFile(history, emptied: true).close()
        } catch {
            throw ClusterError(error.description, hint: hint)
        }
        do throws(FileError) {
            for node in self.nodes {
                if let log = self.applyLog(of: node) { try Files.remove(log) }
            }
        } catch {
            throw ClusterError(error.description, hint: hint)
        }
    }

    /// Puts a line for people into the history.
    func remark(_ type: String, _ text: String) async {
        guard self.options.history != nil else { return }
        let answer = await self.http.send(
            HTTPClient.Request(
                "POST",
                "/_atoll/remark",
                port: self.ports.gateway,
                body: ["type": .string(type), "text": .string(text)],
                timeoutMilliseconds: 1_000
            )
        )
        if case .failure(let error) = answer {
            self.note(self.style.yellow("warning: ") + "the history lacks \"\(text)\": \(error)")
        }
    }

    /// Closes the history: no more requests, the final states if there are any, and a word about
    /// what was recorded.
    func endHistory() async {
        guard self.options.history != nil, self.phase == .ready else { return }
        await self.refuseRequests()
        if let reason = await self.whyUnsettled() {
            let text = "without final states: \(reason)"
            self.say("the history ends " + text)
            await self.remark("note", text)
        } else {
            let alive = self.nodes.filter(\.answers)
            _ = await self.http.gather(
                alive.map {
                    HTTPClient.Request(
                        "POST",
                        "/_atoll/finals",
                        port: $0.port,
                        body: ["all": true],
                        timeoutMilliseconds: 10_000
                    )
                }
            )
        }
        await self.tellHistory()
    }

    /// What the clients still ask would make the final states differ.
    private func refuseRequests() async {
        for region in self.topology.regions {
            _ = await self.http.send(
                HTTPClient.Request(
                    "POST",
                    "/_atoll/endpoint",
                    port: self.ports.gateway,
                    body: ["region": .string(region.name), "refuse": true],
                    timeoutMilliseconds: 1_000
                )
            )
        }
    }

    private static let settleNanoseconds: UInt64 = 3_000_000_000

    /// Why replicas need not hold the same by now; nil when all changes have arrived everywhere.
    private func whyUnsettled() async -> String? {
        let deadline = self.loop.now + Self.settleNanoseconds
        while true {
            let report = await self.verify(table: nil, waitMilliseconds: 1).body
            var reason: String?
            if report["drained"]?.bool != true {
                reason = "\(report["backlogChanges"]?.int ?? 0) changes are on their way"
            } else if report["equal"]?.bool != true {
                reason = "the regions differ"
            } else if await !self.replicasAreLevel() {
                reason = "replicas of a region differ"
            }
            guard let reason else { return nil }
            if self.loop.now > deadline { return reason }
            await self.loop.sleep(milliseconds: 50)
        }
    }

    /// Whether the replicas of each partition have applied equally much.
    private func replicasAreLevel() async -> Bool {
        var applied: [String: Int] = [:]
        for (index, answer) in await self.askAll("/_atoll/status").enumerated() {
            for table in answer?["tables"]?.array ?? [] {
                for partition in table["partitions"]?.array ?? [] {
                    guard let id = partition["id"]?.int, let count = partition["applied"]?.int
                    else { continue }
                    let place = "\(self.nodes[index].region)/\(id)"
                    guard applied.updateValue(count, forKey: place) ?? count == count else {
                        return false
                    }
                }
            }
        }
        return true
    }

    /// Says what was recorded, and whether all of it was.
    private func tellHistory() async {
        guard let history = self.options.history else { return }
        let answer = await self.http.send(
            Self.statusRequest(self.ports.gateway, timeoutMilliseconds: 1_000)
        )
        guard case .success(let answer) = answer, let status = answer.json?["history"] else {
            self.say(
                self.style.yellow("warning: ") + "the gateway is gone; \(history) may lack its end"
            )
            return
        }
        var errors = [status["error"]?.string].compactMap { $0 }
        for answer in await self.askAll("/_atoll/status") {
            if let error = answer?["applyLogError"]?.string { errors.append(error) }
        }
        for error in errors {
            self.say(self.style.red("error: ") + "the history is not whole: \(error)")
        }
        guard errors.isEmpty else { return }
        self.say("\(status["operations"]?.int ?? 0) operations in \(history)")
        self.say(self.style.dim("  judge them: atoll check \(history) \(history).*.applies"))
    }
}
