import EventLoop
import Wire

extension EventLoop {
    /// Runs until the condition holds; false when ten seconds did not suffice.
    func run(until condition: @escaping () -> Bool) -> Bool {
        let deadline = self.now + 10_000_000_000
        let timer = self.timer(afterNanoseconds: 0, everyNanoseconds: 1_000_000) {
            if condition() || self.now > deadline { self.stop() }
        }
        self.run()
        timer.cancel()
        return condition()
    }
}

/// A connection of a test: sends bytes, collects answers if they are HTTP, and sees its end.
final class FakeClient {
    private(set) var answers: [(status: Int, body: String)] = []
    private(set) var isClosed = false
    private(set) var tcp: TCPConnection?
    private var queued: [UInt8] = []
    private var parser = ResponseParser()

    init(port: UInt16, on loop: EventLoop) {
        loop.connect(port: port) { result in
            guard case .success(let tcp) = result else {
                self.isClosed = true
                return
            }
            self.tcp = tcp
            tcp.onRead = { self.received($0) }
            tcp.onClose = { _ in self.isClosed = true }
            tcp.write(self.queued)
        }
    }

    func send(_ bytes: [UInt8]) {
        if let tcp = self.tcp { tcp.write(bytes) } else { self.queued += bytes }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        self.parser.append(bytes)
        while let response = try? self.parser.next() {
            let body = String(decoding: self.parser.bytes[response.body], as: UTF8.self)
            self.answers.append((response.status, body))
        }
    }
}
