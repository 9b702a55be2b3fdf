package import EventLoop
package import Wire

/// What a server answered.
package struct HTTPAnswer: Equatable, Sendable {
    package var status: Int
    package var body: [UInt8]
    /// From the begin of the connection to the whole answer, in nanoseconds.
    package var elapsed: UInt64

    package var json: JSONValue? { try? JSONValue(parsing: self.body) }
    package var text: String { String(decoding: self.body, as: UTF8.self) }
}

/// Why there is no answer.
package enum HTTPFailure: Error, Equatable, Sendable {
    /// Nobody listens.
    case refused
    case timedOut
    /// The connection ended before the answer did.
    case closed
    case malformed
    case failed(String)

    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .timedOut: "no answer"
        case .closed: "connection closed"
        case .malformed: "answer is not HTTP"
        case .failed(let reason): reason
        }
    }
}

package typealias HTTPResult = Result<HTTPAnswer, HTTPFailure>

/// Asks processes of this machine, one connection a question, so that a process that hangs with an
/// earlier question cannot hold up a later one.
package final class HTTPClient {
    /// One question.
    package struct Request: Sendable {
        package var port: UInt16
        package var method: String
        package var target: String
        package var body: JSONValue?
        package var timeoutMilliseconds: UInt64

        package init(
            _ method: String,
            _ target: String,
            port: UInt16,
            body: JSONValue? = nil,
            timeoutMilliseconds: UInt64
        ) {
            self.port = port
            self.method = method
            self.target = target
            self.body = body
            self.timeoutMilliseconds = timeoutMilliseconds
        }
    }

    private let loop: EventLoop

    package init(_ loop: EventLoop) { self.loop = loop }

    package func send(_ request: Request) async -> HTTPResult {
        await withCheckedContinuation { continuation in
            Exchange(self.loop, request) { continuation.resume(returning: $0) }.start()
        }
    }

    /// Asks everybody at once; the answers come in the order of the questions.
    package func gather(_ requests: [Request]) async -> [HTTPResult] {
        if requests.isEmpty { return [] }
        return await withCheckedContinuation { continuation in
            var results = [HTTPResult?](repeating: nil, count: requests.count)
            var missing = requests.count
            for (index, request) in requests.enumerated() {
                Exchange(self.loop, request) { result in
                    results[index] = result
                    missing -= 1
                    if missing == 0 { continuation.resume(returning: results.compactMap { $0 }) }
                }.start()
            }
        }
    }
}

/// One question and its answer; reports exactly once.
private final class Exchange {
    private let loop: EventLoop
    private let request: HTTPClient.Request
    private var done: ((HTTPResult) -> Void)?
    private var tcp: TCPConnection?
    private var parser = ResponseParser()
    private var timer: LoopTimer?
    private let startedAt: UInt64

    init(
        _ loop: EventLoop,
        _ request: HTTPClient.Request,
        _ done: @escaping (HTTPResult) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.done = done
        self.startedAt = loop.now
    }

    func start() {
        let limit = self.request.timeoutMilliseconds * 1_000_000
        self.timer = self.loop.timer(afterNanoseconds: limit) { self.finish(.failure(.timedOut)) }
        self.loop.connect(port: self.request.port) { result in
            switch result {
            case .success(let tcp): self.connected(tcp)
            case .failure(let error):
                self.finish(
                    .failure(error.isRefused ? .refused : .failed(error.description))
                )
            }
        }
    }

    private func connected(_ tcp: TCPConnection) {
        guard self.done != nil else {
            tcp.abort()
            return
        }
        self.tcp = tcp
        tcp.onRead = { self.received($0) }
        tcp.onClose = { _ in self.finish(.failure(.closed)) }
        let builder = HTTPRequestBuilder.control(
            self.request.method,
            self.request.target,
            host: "127.0.0.1:\(self.request.port)"
        )
        tcp.write(builder.bytes(body: self.request.body?.serialized() ?? []))
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.parser.append(bytes)
        do throws(HTTPError) {
            guard let response = try self.parser.next() else { return }
            self.finish(
                .success(
                    HTTPAnswer(
                        status: response.status,
                        body: Array(self.parser.bytes[response.body]),
                        elapsed: self.loop.now - self.startedAt
                    )
                )
            )
        } catch {
            self.finish(.failure(.malformed))
        }
    }

    private func finish(_ result: HTTPResult) {
        guard let done = self.done else { return }
        self.done = nil
        self.timer?.cancel()
        self.timer = nil
        self.tcp?.abort()
        done(result)
    }
}
