package import EventLoop
package import NodeCore
package import Primitives

/// The streams between this node and all others: frames in, frames out, and the links' delays.
///
/// Each node dials every other node once and sends on that stream only; what it receives comes on
/// the streams that others dialled. So each directed link has its own stream, and a one-way cut
/// stops one direction only. A stream either delivers in order or breaks: whenever a frame had to
/// be dropped, the stream is closed afterwards, and both sides' cores learn of the new one. What no
/// node of this cluster says closes it at once.
package final class PeerNetwork {
    /// Frames' bytes that may wait in memory for delayed delivery, over all links.
    static let delayedBytesMax = 256 << 20
    /// Bytes that may wait to be sent on one stream.
    static let outboundBytesMax = 64 << 20
    static let redial: Nanoseconds = .milliseconds(50)
    /// All processes of a machine read one monotonic clock: no frame is sent later than it comes.
    static let clockSlack: Nanoseconds = .seconds(1)
    /// Reasons to close a stream that are told, each once.
    static let reportsMax = 64

    private let loop: EventLoop
    private let selfID: NodeID
    private let hello: [UInt8]
    private let ports: [UInt16]
    private let names: [String]
    private let fault: (Message, NodeID) -> MessageFault?
    private let deliver: (Message, NodeID, Instant) -> Void
    private let changed: (Event) -> Void
    private let report: (String) -> Void
    private var reported: Set<String> = []
    private var outgoing: [Outgoing]
    private var incoming: [InboundStream] = []
    private var links: [Link]
    private var delayed = DelayQueue()
    private var alarm: LoopAlarm?
    private var listener: TCPListener?
    private var isSuspended = false

    /// One dialled stream.
    private struct Outgoing {
        var connection: TCPConnection?
        var isDialling = false
        var isCut = false
        var hasDropped = false
    }

    /// - Parameters:
    ///   - loop: the node's loop.
    ///   - selfID: this node.
    ///   - clusterKey: must be equal on both ends of a stream: nodes of different clusters on one
    ///     machine refuse each other.
    ///   - ports: the peer port of every node, by its id.
    ///   - names: what every node is called, by its id.
    ///   - links: the inbound link from every node, by its id.
    ///   - fault: says what is wrong with a message of a sender, nil when nothing is.
    ///   - deliver: takes a message, its sender and the instant at which it is delivered.
    ///   - changed: takes `connected` and `disconnected`.
    ///   - report: takes a line for people.
    package init(
        loop: EventLoop,
        selfID: NodeID,
        clusterKey: UInt64,
        ports: [UInt16],
        names: [String],
        links: [LinkSettings],
        fault: @escaping (Message, NodeID) -> MessageFault?,
        deliver: @escaping (Message, NodeID, Instant) -> Void,
        changed: @escaping (Event) -> Void,
        report: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.selfID = selfID
        self.ports = ports
        self.names = names
        self.fault = fault
        self.deliver = deliver
        self.changed = changed
        self.report = report
        self.outgoing = ports.map { _ in Outgoing() }
        self.links = links.enumerated().map { index, settings in
            Link(settings, seed: UInt64(selfID.index) << 32 | UInt64(index))
        }
        self.hello = FrameFormat.hello(from: selfID, clusterKey: clusterKey)
    }

    /// The port that is listened on, once it is.
    package var port: UInt16? { self.listener?.port }

    package func start() throws(LoopError) {
        self.alarm = try self.loop.alarm { [unowned self] in self.deliverDue() }
        self.listener = try self.loop.listen(port: self.ports[Int(self.selfID.index)]) {
            [unowned self] connection in
            self.accept(connection)
        }
        for index in self.ports.indices where index != Int(self.selfID.index) {
            self.dial(NodeID(UInt16(index)))
        }
    }

    var now: Instant { Instant(nanoseconds: self.loop.now) }

    // MARK: Sending

    func isConnected(to node: NodeID) -> Bool {
        self.outgoing[Int(node.index)].connection != nil
    }

    /// Queues a frame; without a stream it is dropped, as the core expects of a broken one.
    package func send(_ message: Message, to node: NodeID, sentAt: Instant) {
        let slot = Int(node.index)
        guard let connection = self.outgoing[slot].connection else { return }
        guard !self.outgoing[slot].isCut else {
            self.outgoing[slot].hasDropped = true
            return
        }
        guard connection.pendingBytes < Self.outboundBytesMax else {
            connection.abort()
            return
        }
        connection.append { FrameFormat.append(message, sentAt: sentAt, to: &$0) }
    }

    private func dial(_ node: NodeID) {
        let slot = Int(node.index)
        let isFree = self.outgoing[slot].connection == nil && !self.outgoing[slot].isDialling
        guard isFree, !self.isSuspended else { return }
        self.outgoing[slot].isDialling = true
        self.loop.connect(port: self.ports[slot]) { [unowned self] result in
            self.outgoing[slot].isDialling = false
            switch result {
            case .success(let connection) where self.isSuspended: connection.abort()
            case .success(let connection): self.dialled(connection, node)
            case .failure: self.dialLater(node)
            }
        }
    }

    private func dialled(_ connection: TCPConnection, _ node: NodeID) {
        let slot = Int(node.index)
        self.outgoing[slot].connection = connection
        self.outgoing[slot].hasDropped = false
        connection.onRead = { _ in }
        connection.onClose = { [unowned self] _ in
            self.outgoing[slot].connection = nil
            self.changed(.disconnected(node))
            self.dialLater(node)
        }
        connection.write(self.hello)
        self.changed(.connected(node))
    }

    private func dialLater(_ node: NodeID) {
        _ = self.loop.timer(afterNanoseconds: Self.redial) { [unowned self] in self.dial(node) }
    }

    // MARK: Receiving

    private func accept(_ connection: TCPConnection) {
        guard !self.isSuspended else { return connection.abort() }
        let stream = InboundStream(connection: connection, hello: self.hello)
        self.incoming.append(stream)
        connection.onRead = { [unowned self, unowned stream] bytes in
            self.read(bytes, from: stream)
        }
        connection.onClose = { [unowned self, unowned stream] _ in
            self.incoming.removeAll { $0 === stream }
        }
    }

    private func read(_ bytes: UnsafeRawBufferPointer, from stream: InboundStream) {
        guard !stream.isClosed else { return }
        stream.append(bytes)
        do throws(FrameError) {
            while let frame = try stream.next() {
                if stream.announce() { self.announced(stream) }
                guard !stream.isClosed else { return }
                self.received(frame, from: stream)
            }
            if stream.announce() { self.announced(stream) }
        } catch {
            switch error {
            case .foreign: self.refuse(stream, "it is not of this cluster")
            case .badLength(let length): self.refuse(stream, "a frame is \(length) bytes long")
            }
        }
    }

    /// The sender is known: it takes the place of its older streams, of which nothing is delivered
    /// any more, not even what waits for its time.
    private func announced(_ stream: InboundStream) {
        guard let sender = stream.sender, Int(sender.index) < self.ports.count else {
            return self.refuse(
                stream,
                "its sender is none of the \(self.ports.count) nodes of this topology"
            )
        }
        guard sender != self.selfID else {
            return self.refuse(stream, "its sender calls itself by this node's name")
        }
        for other in self.incoming where other !== stream && other.sender == sender {
            self.close(other)
        }
        self.changed(.connected(sender))
    }

    private func received(_ frame: ReceivedFrame, from stream: InboundStream) {
        guard let sender = stream.sender, !stream.isClosed else { return }
        let now = self.now
        guard frame.sentAt <= now + Self.clockSlack else {
            return self.refuse(stream, "a frame was sent in the future")
        }
        let slot = Int(sender.index)
        let size = frame.bytes.count
        guard let at = self.links[slot].delivery(sentAt: frame.sentAt, size: size) else {
            stream.hasDropped = true
            return
        }
        guard at > now else {
            self.deliver(frame.bytes, sender, now, stream)
            return
        }
        guard self.delayed.bytes + size <= Self.delayedBytesMax else { return self.close(stream) }
        self.delayed.insert(.init(at: at, stream: stream, bytes: frame.bytes))
        self.wake(at: at)
    }

    private func deliver(
        _ bytes: [UInt8],
        _ sender: NodeID,
        _ now: Instant,
        _ stream: InboundStream
    ) {
        let message: Message
        do throws(DecodingError) {
            message = try Message(decoding: bytes, in: 0..<bytes.count)
        } catch {
            return self.refuse(stream, "a message cannot be decoded")
        }
        if let fault = self.fault(message, sender) {
            return self.refuse(stream, "a message \(fault.rawValue)")
        }
        self.deliver(message, sender, now)
    }

    /// Nothing of the stream is delivered any more.
    private func close(_ stream: InboundStream) {
        stream.isClosed = true
        stream.connection.abort()
    }

    /// Closes a stream for what came on it, and says so: its sender dials again and again.
    private func refuse(_ stream: InboundStream, _ reason: String) {
        self.close(stream)
        let sender = stream.sender.map { sender in
            let index = Int(sender.index)
            return index < self.names.count ? self.names[index] : "a node of number \(index)"
        }
        let text = "closed a stream from \(sender ?? "a stranger"): \(reason)"
        guard self.reported.count < Self.reportsMax, self.reported.insert(text).inserted else {
            return
        }
        self.report(text)
    }

    private func wake(at instant: Instant) {
        guard let alarm = self.alarm else { return }
        if let deadline = alarm.deadline, deadline <= instant.nanoseconds { return }
        alarm.arm(at: instant.nanoseconds)
    }

    private func deliverDue() {
        let now = self.now
        while let frame = self.delayed.popDue(now: now) {
            guard let sender = frame.stream.sender, !frame.stream.isClosed else { continue }
            if self.links[Int(sender.index)].settings.isCut {
                frame.stream.hasDropped = true
            } else {
                self.deliver(frame.bytes, sender, now, frame.stream)
            }
        }
        if let next = self.delayed.nextAt { self.wake(at: next) }
    }

    // MARK: A disk that refuses

    /// Closes every stream and keeps away from peers: a node that cannot write promises nothing.
    func suspend() {
        self.isSuspended = true
        for stream in self.incoming { self.close(stream) }
        for slot in self.outgoing.indices { self.outgoing[slot].connection?.abort() }
    }

    func resume() {
        self.isSuspended = false
        for index in self.ports.indices where index != Int(self.selfID.index) {
            self.dial(NodeID(UInt16(index)))
        }
    }

    // MARK: Faults

    /// Changes what the link from `node` does; healing a cut starts its stream anew.
    func setLink(from node: NodeID, _ settings: LinkSettings) {
        let slot = Int(node.index)
        let wasCut = self.links[slot].settings.isCut
        self.links[slot].settings = settings
        guard wasCut, !settings.isCut else { return }
        for stream in self.incoming where stream.sender == node && stream.hasDropped {
            self.close(stream)
        }
    }

    /// Stops sending to exactly these nodes.
    func setOutboundCut(_ nodes: [NodeID]) {
        for slot in self.outgoing.indices {
            let isCut = nodes.contains(NodeID(UInt16(slot)))
            let wasCut = self.outgoing[slot].isCut
            self.outgoing[slot].isCut = isCut
            if wasCut, !isCut, self.outgoing[slot].hasDropped {
                self.outgoing[slot].connection?.abort()
            }
        }
    }
}
