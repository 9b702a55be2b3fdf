import EventLoop
import Wire

/// The control API: what the commands, the dashboard and scripts ask.
extension Supervisor {
    func answer(_ request: ControlRequest) async -> ControlAnswer {
        switch (request.method, request.path) {
        case (.get, "/"), (.get, "/v1"): return ControlAnswer(200, self.index)
        case (.get, "/v1/status"): return ControlAnswer(200, await self.status())
        case (.get, "/v1/lag"): return ControlAnswer(200, await self.lag().json)
        case (.get, "/v1/lag/indexes"): return ControlAnswer(200, await self.indexLag().json)
        case (.get, "/v1/conflicts"):
            let limit = request.value("limit").flatMap { Int($0) } ?? 50
            return ControlAnswer(200, await self.conflicts(limit: max(1, min(limit, 100_000))))
        case (.get, "/v1/faults"): return ControlAnswer(200, self.faultList)
        case (.get, "/v1/verify"):
            let wait = request.value("waitMs").flatMap { UInt64($0) } ?? 0
            return await self.verify(
                table: request.value("table"),
                waitMilliseconds: min(wait, 3_600_000)
            )
        case (.post, _), (.delete, _):
            // Only a program sends this header; a page in a browser cannot.
            guard request.isControl else {
                return .error(403, "\(request.path) needs the header x-atoll-control: 1")
            }
            return await self.change(request)
        default: return .error(404, "there is no \(request.path)", hint: "GET /v1 lists all.")
        }
    }

    private var index: JSONValue {
        [
            "GET": [
                "/v1/status", "/v1/lag", "/v1/lag/indexes", "/v1/conflicts?limit=N", "/v1/faults",
                "/v1/verify?table=T&waitMs=N",
            ],
            "POST": ["/v1/faults", "/v1/heal", "/v1/shutdown"],
            "DELETE": ["/v1/faults/ID", "/v1/faults"],
        ]
    }

    private var faultList: JSONValue {
        let now = self.loop.now
        return ["faults": .array(self.faults.map { $0.json(now: now) })]
    }

    private func change(_ request: ControlRequest) async -> ControlAnswer {
        let body = (try? JSONValue(parsing: request.body)) ?? .null
        switch (request.method, request.path) {
        case (.post, "/v1/faults"):
            guard body.members != nil else {
                return .error(400, "the body must be a JSON object with a kind")
            }
            do throws(FaultError) {
                return ControlAnswer(200, try await self.inject(body))
            } catch {
                var answer = ControlAnswer.error(409, error.message, hint: error.hint)
                answer.body["measurements"] = .array(error.measurements.map(\.json))
                return answer
            }
        case (.post, "/v1/heal"):
            guard let id = body["id"]?.string else { return await self.healAll() }
            return await self.heal(id: id)
        case (.delete, "/v1/faults"): return await self.healAll()
        case (.delete, let path) where path.hasPrefix("/v1/faults/"):
            return await self.heal(id: String(path.dropFirst("/v1/faults/".count)))
        case (.post, "/v1/shutdown"):
            // Answered before the port closes.
            self.loop.timer(afterNanoseconds: 10_000_000) {
                if !self.isStopping { self.requestStop() }
            }
            return ControlAnswer(200, ["stopping": true])
        default: return .error(404, "there is no \(request.path)", hint: "GET /v1 lists all.")
        }
    }

    private func heal(id: String) async -> ControlAnswer {
        guard let fault = self.faults.first(where: { $0.name == id }) else {
            let names = self.faults.map(\.name)
            return .error(
                404,
                "no fault \(id) is in force",
                hint: names.isEmpty ? "None is." : "In force are \(names.joined(separator: ", "))."
            )
        }
        let results = await self.heal([fault])
        let isHealed = !self.faults.contains { $0 === fault }
        return ControlAnswer(
            isHealed ? 200 : 409,
            ["healed": .array(results), "left": .array([])]
        )
    }

    private func healAll() async -> ControlAnswer {
        let results = await self.heal(self.faults)
        let left = await self.leftovers()
        return ControlAnswer(
            left.isEmpty && self.faults.isEmpty ? 200 : 409,
            ["healed": .array(results), "left": .array(left.map { .string($0) })]
        )
    }
}
