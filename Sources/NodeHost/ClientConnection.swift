import EventLoop
import Wire

/// One client's connection: answers leave in the order of the requests, as pipelining demands.
final class ClientConnection {
    let connection: TCPConnection
    var parser = RequestParser()
    var pace: ClientPace
    /// The place of the next request and of the next answer to leave.
    var nextPlace: UInt64 = 0
    private var nextToSend: UInt64 = 0
    /// Answers that came before their turn.
    private var early: [(place: UInt64, bytes: [UInt8])] = []
    private var earlyBytes = 0
    private var closesAfter: UInt64?
    /// Nothing is read until answers have left.
    var isPaused = false
    /// What follows is not read any more: the last request, or what was none, ends the connection.
    var isLast = false

    init(_ connection: TCPConnection, now: UInt64) {
        self.connection = connection
        self.pace = ClientPace(now: now)
    }

    var waiting: UInt64 { self.nextPlace - self.nextToSend }

    /// Bytes of answers that wait here.
    private var backlog: Int { self.earlyBytes + self.connection.pendingBytes }

    /// Whether another request may be taken before more answers have left.
    func takesMore(_ limits: FrontLimits) -> Bool {
        guard self.waiting < limits.pipelinedMax else { return false }
        guard self.backlog > limits.backlogBytesMax else { return true }
        // What the kernel takes at once need not wait; of the rest `onDrain` will tell.
        self.connection.flush()
        return self.backlog <= limits.backlogBytesMax
    }

    /// Takes the answer of one place; `write` appends it to an outbound buffer.
    func answer(_ place: UInt64, keepsAlive: Bool, _ write: (inout [UInt8]) -> Void) {
        if !keepsAlive { self.closesAfter = place }
        guard place == self.nextToSend else {
            var bytes: [UInt8] = []
            write(&bytes)
            self.earlyBytes += bytes.count
            self.early.append((place, bytes))
            return
        }
        self.connection.append(write)
        self.sent()
        while let index = self.early.firstIndex(where: { $0.place == self.nextToSend }) {
            let bytes = self.early.remove(at: index).bytes
            self.earlyBytes -= bytes.count
            self.connection.write(bytes)
            self.sent()
        }
    }

    private func sent() {
        // The client may still be sending, and shall see the answer all the same.
        if self.closesAfter == self.nextToSend { self.connection.closeGently() }
        self.nextToSend += 1
    }

    // MARK: Patience

    func isOverdue(now: UInt64, _ patience: ClientPatience) -> Bool {
        self.pace.isOverdue(self.parser.pendingBytes, now: now, patience)
    }

    /// Nobody waits for an answer here, and nothing was heard for a while.
    func isSpare(now: UInt64, _ patience: ClientPatience) -> Bool {
        self.waiting == 0 && self.pace.isQuiet(now: now, patience)
    }
}
