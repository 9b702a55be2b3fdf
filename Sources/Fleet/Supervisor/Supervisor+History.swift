import Glibc
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
        do throws(FileError) {
            try Files.write([], to: history)
            for node in self.nodes {
                if let log = self.applyLog(of: node) { try Files.remove(log) }
            }
        } catch {
            throw ClusterError(error.description, hint: "Name another file: --history FILE")
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

    /// Says what was recorded, and whether all of it was.
    func tellHistory() async {
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
        if let error = status["error"]?.string {
            self.say(self.style.red("error: ") + "the history is not whole: \(error)")
            return
        }
        self.say("\(status["operations"]?.int ?? 0) operations in \(history)")
        self.say(self.style.dim("  judge them: atoll check \(history) \(history).*.applies"))
    }
}
