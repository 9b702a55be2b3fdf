import Wire

/// The gateway's own endpoints, on the shared port only: `GET /_atoll/status`,
/// `POST /_atoll/endpoint` and `POST /_atoll/remark`.
extension Gateway {
    func control(_ client: ClientConnection) {
        switch (client.method, client.path) {
        case (.get, "/_atoll/status"): self.reply(client, 200, self.status())
        case (.post, "/_atoll/endpoint"):
            // Only a program sends this header; a page in a browser cannot.
            guard client.isControl else {
                self.reply(client, 403, ["error": "POST needs the header x-atoll-control: 1"])
                return
            }
            do throws(GatewayError) {
                let region = try self.setFaults(from: client.body)
                self.reply(client, 200, self.status(of: region))
            } catch {
                self.reply(client, 400, ["error": .string(error.message)])
            }
        case (.post, "/_atoll/remark"):
            guard client.isControl else {
                self.reply(client, 403, ["error": "POST needs the header x-atoll-control: 1"])
                return
            }
            self.remark(client)
        default:
            let known = "known are /_atoll/status, /_atoll/endpoint and /_atoll/remark"
            self.reply(client, 404, ["error": .string(known)])
        }
    }

    /// `{"type": "fault" | "heal" | "note", "text"}`: a line for people in the history.
    private func remark(_ client: ClientConnection) {
        guard let recorder = self.recorder else {
            self.reply(client, 409, ["error": "no history is kept"])
            return
        }
        let json = try? JSONValue(parsing: client.body)
        let type = json?["type"]?.string ?? "note"
        guard let text = json?["text"]?.string, recorder.remark(type, text) else {
            self.reply(client, 400, ["error": "the body must be {\"type\", \"text\"}"])
            return
        }
        self.reply(client, 200, ["ok": true])
    }

    private func reply(_ client: ClientConnection, _ status: Int, _ body: JSONValue) {
        client.answer(status: status, .json, body.serialized())
    }

    /// `{"region", "refuse", "blackhole", "error": name or status or null, "latencyUs"}`, all but
    /// the region optional; replaces what was set before.
    private func setFaults(from body: [UInt8]) throws(GatewayError) -> Region {
        guard let json = try? JSONValue(parsing: body), let name = json["region"]?.string else {
            throw .malformed("the body must be a JSON object with a region")
        }
        var faults = EndpointFaults(
            refuses: json["refuse"]?.bool ?? false,
            swallows: json["blackhole"]?.bool ?? false,
            latency: try self.latency(json["latencyUs"])
        )
        if let error = json["error"], error != .null {
            let text = error.string ?? error.numberText ?? ""
            guard let answer = ErrorAnswer.named(text) else {
                let known = ErrorAnswer.known.map(\.name).joined(separator: ", ")
                throw .malformed("no error \(text); known are \(known), and 500 to 599")
            }
            faults.answer = answer
        }
        try self.setFaults(faults, of: name)
        guard let region = self.regions.first(where: { $0.name == name }) else {
            throw .unknownRegion(name, known: self.regions.map(\.name))
        }
        return region
    }

    /// Nanoseconds; none when it is not there.
    private func latency(_ json: JSONValue?) throws(GatewayError) -> UInt64 {
        guard let json, json != .null else { return 0 }
        let max = self.limits.faultLatencyMax / 1_000
        guard let latency = json.uint64, latency <= max else {
            throw .malformed("latencyUs must be a whole number from 0 to \(max)")
        }
        return latency * 1_000
    }

    private func status() -> JSONValue {
        [
            "port": .integer(self.port), "history": self.recorder?.status ?? .null,
            "regions": .array(self.regions.map { self.status(of: $0) }),
        ]
    }

    private func status(of region: Region) -> JSONValue {
        let nodes = region.nodes.map { node -> JSONValue in
            [
                "node": .string(node.name), "health": .string(node.health.rawValue),
                "connections": .integer(node.connectionCount),
            ]
        }
        return [
            "region": .string(region.name), "port": .integer(region.port),
            "requests": .integer(region.requests), "failures": .integer(region.failures),
            "retries": .integer(region.retries), "refuse": .bool(region.faults.refuses),
            "blackhole": .bool(region.faults.swallows),
            "error": region.faults.answer.map { .string($0.type) } ?? .null,
            "latencyUs": .integer(region.faults.latency / 1_000), "nodes": .array(nodes),
        ]
    }
}
