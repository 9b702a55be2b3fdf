import EventLoop
import Wire

/// Asks a running supervisor one thing and waits for the answer.
struct ControlClient {
    let cluster: ClusterState

    /// - Throws: ``ClusterError`` with what the supervisor said, or why it said nothing.
    func ask(
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil,
        timeoutMilliseconds: Int = 60_000
    ) throws(ClusterError) -> JSONValue {
        let answer = try self.send(method, target, body, timeoutMilliseconds: timeoutMilliseconds)
        guard answer.status == 200 else { throw Self.error(answer.json, answer.status) }
        return answer.json
    }

    /// As ``ask(_:_:_:timeoutMilliseconds:)``, for answers whose body matters whatever their
    /// status.
    func send(
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil,
        timeoutMilliseconds: Int = 60_000
    ) throws(ClusterError) -> (status: Int, json: JSONValue) {
        let port = self.cluster.controlPort
        let request = HTTPRequestBuilder.control(method, target, host: "127.0.0.1:\(port)")
            .bytes(body: body?.serialized() ?? [])
        do throws(LoopError) {
            let socket = try BlockingSocket(port: port, timeoutMilliseconds: 2_000)
            try socket.send(request, timeoutMilliseconds: 2_000)
            var parser = ResponseParser()
            while true {
                let bytes = try socket.receive(timeoutMilliseconds: timeoutMilliseconds)
                guard !bytes.isEmpty else { break }
                parser.append(bytes)
                guard let response = try? parser.next() else { continue }
                guard let json = try? JSONValue(parsing: parser.bytes, in: response.body) else {
                    break
                }
                return (response.status, json)
            }
        } catch {
            throw ClusterError(
                "the supervisor of \(self.cluster.name) (process \(self.cluster.pid)) does not "
                    + "answer: \(error.description)",
                hint: "Look at it: kill -0 \(self.cluster.pid); or start anew: atoll up"
            )
        }
        throw ClusterError(
            "the supervisor of \(self.cluster.name) ended the connection without an answer",
            hint: "See whether it still runs: atoll status"
        )
    }

    static func error(_ json: JSONValue, _ status: Int) -> ClusterError {
        ClusterError(
            json["error"]?.string ?? "the supervisor answered \(status)",
            hint: json["hint"]?.string ?? ""
        )
    }
}
