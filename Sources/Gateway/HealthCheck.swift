import EventLoop
import Wire

/// Asks a node `GET /` over and over on one connection and tells what the answers mean.
final class HealthCheck {
    private let port: UInt16
    private let loop: EventLoop
    private let limits: GatewayLimits
    private let report: (NodePool.Health) -> Void
    private var tcp: TCPConnection?
    private var parser = ResponseParser()
    private var isConnecting = false
    private var isStopped = false
    /// When the question under way was asked; nil between questions.
    private var askedAt: UInt64?
    private var timer: LoopTimer?

    init(
        _ port: UInt16,
        _ loop: EventLoop,
        _ limits: GatewayLimits,
        _ report: @escaping (NodePool.Health) -> Void
    ) {
        self.port = port
        self.loop = loop
        self.limits = limits
        self.report = report
    }

    func start() { self.ask() }

    func stop() {
        self.isStopped = true
        self.timer?.cancel()
        self.tcp?.abort()
    }

    /// Asks without waiting for the interval.
    func now() {
        guard !self.isStopped, self.askedAt == nil, !self.isConnecting else { return }
        self.timer?.cancel()
        self.ask()
    }

    private func again(after delay: UInt64) {
        guard !self.isStopped else { return }
        self.timer?.cancel()
        self.timer = self.loop.timer(afterNanoseconds: delay) { self.ask() }
    }

    private func ask() {
        guard !self.isStopped else { return }
        if let askedAt = self.askedAt {
            let silence = self.loop.now - askedAt
            if silence >= self.limits.downAfter {
                self.report(.down)
                self.tcp?.abort()
            } else if silence >= self.limits.suspectAfter {
                self.report(.suspect)
            }
            self.again(after: min(self.limits.healthInterval, self.limits.suspectAfter / 2))
            return
        }
        guard let tcp = self.tcp else {
            self.connect()
            return
        }
        self.askedAt = self.loop.now
        tcp.write(HTTPRequestBuilder(method: "GET", target: "/", host: "127.0.0.1").bytes())
        self.again(after: self.limits.healthInterval)
    }

    private func connect() {
        guard !self.isConnecting else { return }
        self.isConnecting = true
        self.loop.connect(port: self.port) { result in
            self.isConnecting = false
            switch result {
            case .success(let tcp):
                self.tcp = tcp
                self.parser = ResponseParser()
                tcp.onRead = { self.received($0) }
                tcp.onClose = { _ in self.closed() }
                if self.isStopped { tcp.abort() } else { self.ask() }
            case .failure:
                self.report(.down)
                self.again(after: self.limits.retryInterval)
            }
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.parser.append(bytes)
        do throws(HTTPError) {
            guard let response = try self.parser.next() else { return }
            self.askedAt = nil
            let isReady = response.status == 200
            // A node that is cut off from its region says 503: others are better, it is better
            // than none, since it still answers eventually consistent reads.
            let isIsolated = response.status == 503
            self.report(isReady ? .healthy : isIsolated ? .suspect : .down)
            self.again(after: isReady ? self.limits.healthInterval : self.limits.retryInterval)
        } catch {
            self.tcp?.abort()
        }
    }

    private func closed() {
        self.tcp = nil
        let wasAsked = self.askedAt != nil
        self.askedAt = nil
        guard !self.isStopped else { return }
        // An end between questions may be an idle time-out; a refused connection tells the rest.
        if wasAsked { self.report(.down) }
        self.again(after: 0)
    }
}
