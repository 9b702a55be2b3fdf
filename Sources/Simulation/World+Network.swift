import NodeCore
import Primitives

/// The network between the machines, with the rules of `PeerNetwork`: each directed pair has a
/// stream of its own, and a stream delivers in order or breaks.
extension World {
    static let redial: Nanoseconds = .milliseconds(50)
    /// From a socket to the one it is connected with.
    static let loopback: Nanoseconds = .microseconds(20)
    /// Frames that may wait on one path; beyond that the stream breaks, as a full buffer makes it.
    static let framesMax = 20_000

    func send(_ content: FrameContent, _ from: Int, _ to: Int) {
        let place = self.place(from, to)
        guard self.paths[place].isOpen else { return }
        guard !self.paths[place].isCut else {
            self.paths[place].hasDropped = true
            return
        }
        if self.paths[place].wire != nil { return self.write(content, place) }
        self.arrived(content, place, sentAt: self.now, size: 0)
    }

    /// A whole frame is at its receiver, who holds it for as long as the link says.
    func arrived(_ content: FrameContent, _ place: Int, sentAt: Instant, size: Int) {
        guard self.paths[place].waiting < Self.framesMax else {
            return self.breakStream(place, voidsFrames: true)
        }
        guard let at = self.paths[place].link.delivery(sentAt: sentAt, size: size) else {
            self.paths[place].hasDropped = true
            return
        }
        let frame = Frame(
            at: max(at, self.now + Self.loopback),
            epoch: self.paths[place].epoch,
            content: content
        )
        self.enqueue(frame, place)
    }

    func enqueue(_ frame: Frame, _ place: Int) {
        self.paths[place].frames.append(frame)
        self.counts.frames += 1
        guard !self.paths[place].isPlanned else { return }
        self.paths[place].isPlanned = true
        self.agenda.plan(.frame, place, at: max(frame.at, self.paths[place].stalledUntil))
    }

    /// The first frames of a path are due: those that are go into one turn, as one read of a
    /// socket does.
    func framesDue(_ place: Int) {
        self.paths[place].isPlanned = false
        let machine = self.machines[self.receiver(of: place)]
        let stalled = self.paths[place].stalledUntil
        if stalled > self.now { return self.planFrames(place) }
        while self.paths[place].head < self.paths[place].frames.count {
            let head = self.paths[place].head
            let at = self.paths[place].frames[head].at
            guard at <= self.now else { break }
            // Moved out, not copied.
            var frame = Frame(at: at, epoch: 0, content: .hello)
            swap(&frame, &self.paths[place].frames[head])
            self.paths[place].head += 1
            self.deliver(frame, place, machine)
        }
        self.paths[place].tidy()
        self.planFrames(place)
        if !machine.inbox.isEmpty { self.wake(machine) }
    }

    private func planFrames(_ place: Int) {
        guard !self.paths[place].isPlanned,
            self.paths[place].head < self.paths[place].frames.count
        else { return }
        self.paths[place].isPlanned = true
        let next = self.paths[place].frames[self.paths[place].head].at
        self.agenda.plan(.frame, place, at: max(next, self.paths[place].stalledUntil))
    }

    private func deliver(_ frame: Frame, _ place: Int, _ machine: Machine) {
        guard machine.isAlive, frame.epoch >= self.paths[place].floor else { return }
        let sender = NodeID(UInt16(self.sender(of: place)))
        if case .hello = frame.content {
            guard frame.epoch == self.paths[place].epoch, !machine.isSuspended else { return }
            self.trace.note(self.now, machine.index, .connected, UInt64(place))
            machine.inbox.append(.connected(sender))
            return
        }
        guard !self.paths[place].isCut else {
            self.paths[place].hasDropped = true
            return
        }
        switch frame.content {
        case .hello: break
        case .message(let message): machine.inbox.append(.message(message, from: sender))
        case .operation(let operation, let call):
            machine.inbox.append(.operation(operation, .peer(sender, call: call)))
        case .answer(let answer, let call):
            machine.inbox.append(
                .message(.operationAnswer(call: call, self.shipped(answer)), from: sender)
            )
        case .bytes(let bytes): self.deliver(bytes, place, machine)
        }
    }

    /// What an answer looks like to the node that handed the operation over.
    func shipped(_ answer: Answer) -> OperationAnswer {
        if case .notLeader(let hint) = answer { return .notLeader(hint: hint) }
        return .answered(status: 200, fields: [], body: self.relays.ticket(for: answer))
    }

    // MARK: Connections

    func dialSoon(_ place: Int, _ wait: Nanoseconds) {
        let life = self.machines[self.sender(of: place)].life
        let at = self.now + wait + self.networkRandom.below(.milliseconds(1))
        self.agenda.plan(.dial, place, life, at: at)
    }

    func dial(_ place: Int, life: UInt32) {
        let sender = self.machines[self.sender(of: place)]
        let receiver = self.machines[self.receiver(of: place)]
        guard sender.life == life, sender.isAlive, !sender.isSuspended,
            !self.paths[place].isOpen
        else { return }
        // The kernel accepts for a paused process; a paused process does not dial.
        guard receiver.isAlive, !sender.isPaused else { return self.dialSoon(place, Self.redial) }
        self.trace.note(self.now, sender.index, .dialled, UInt64(receiver.index))
        guard !receiver.isSuspended else {
            // Accepted and closed at once.
            self.put(.connected(receiver.id), to: sender)
            self.put(.disconnected(receiver.id), to: sender)
            return self.dialSoon(place, Self.redial)
        }
        self.paths[place].isOpen = true
        self.paths[place].epoch += 1
        self.paths[place].hasDropped = false
        if let wire = self.paths[place].wire {
            wire.outbound = self.hello(of: sender.index)
            wire.reader = FrameReader(ownHello: self.hello(of: receiver.index))
            self.flushStream(place)
        } else {
            self.hello(place, self.now + Self.loopback)
        }
        // The stream is open by now: what the sender says to this leaves on it.
        self.put(.connected(receiver.id), to: sender)
    }

    /// The hello passes at once, whatever the link does to frames: it goes in front of them.
    func hello(_ place: Int, _ at: Instant) {
        let frame = Frame(at: at, epoch: self.paths[place].epoch, content: .hello)
        guard self.paths[place].waiting > 0 else { return self.enqueue(frame, place) }
        self.paths[place].frames.insert(frame, at: self.paths[place].head)
        self.paths[place].isPlanned = true
        self.agenda.plan(.frame, place, at: max(at, self.paths[place].stalledUntil))
    }

    func hello(of node: Int) -> [UInt8] {
        FrameFormat.hello(from: NodeID(UInt16(node)), clusterKey: 0xA7011)
    }

    /// A connection is gone; the sender hears of it and dials again.
    ///
    /// - Parameters:
    ///   - place: the path.
    ///   - voidsFrames: the receiver closed it, so that what it still holds is void too.
    func breakStream(_ place: Int, voidsFrames: Bool) {
        guard self.paths[place].isOpen else { return }
        self.paths[place].isOpen = false
        if voidsFrames { self.paths[place].floor = self.paths[place].epoch + 1 }
        if let wire = self.paths[place].wire {
            wire.outbound = []
            wire.chunks = []
            wire.head = 0
        }
        let sender = self.machines[self.sender(of: place)]
        guard sender.isAlive else { return }
        let receiver = NodeID(UInt16(self.receiver(of: place)))
        self.trace.note(self.now, sender.index, .broken, UInt64(receiver.index))
        self.put(.disconnected(receiver), to: sender)
        self.dialSoon(place, Self.redial)
    }

    /// The disk refuses: every stream is closed, and none is made until it takes writes again.
    func suspendStreams(of machine: Machine) {
        for other in self.machines.indices where other != machine.index {
            self.breakStream(self.place(machine.index, other), voidsFrames: false)
            self.breakStream(self.place(other, machine.index), voidsFrames: true)
        }
    }

    // MARK: Faults

    func cut(_ place: Int) { self.paths[place].cuts += 1 }

    /// Healing a cut that swallowed something starts the stream anew.
    func heal(_ place: Int) {
        self.paths[place].cuts -= 1
        guard !self.paths[place].isCut, self.paths[place].hasDropped else { return }
        self.paths[place].hasDropped = false
        self.breakStream(place, voidsFrames: true)
    }

    /// The connection is reset: the last of what was on its way may be lost.
    func reset(_ place: Int) {
        let waiting = self.paths[place].waiting
        if waiting > 0, self.paths[place].isOpen {
            let lost = Int(self.networkRandom.below(UInt64(waiting + 1)))
            self.paths[place].frames.removeLast(lost)
        }
        self.breakStream(place, voidsFrames: false)
    }

    func stall(_ place: Int, until instant: Instant) {
        self.paths[place].stalledUntil = max(self.paths[place].stalledUntil, instant)
    }

    func setLink(_ place: Int, _ settings: LinkSettings) {
        self.paths[place].link.settings = settings
    }
}
