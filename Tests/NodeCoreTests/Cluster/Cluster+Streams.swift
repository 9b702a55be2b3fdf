import NodeCore
import Primitives

/// The network between the machines.
extension Cluster {
    static let redial: Nanoseconds = .milliseconds(50)

    func place(_ from: Int, _ to: Int) -> Int { from * self.machines.count + to }
    func stream(_ from: Int, _ to: Int) -> Stream { self.streams[self.place(from, to)] }

    func send(_ content: Frame.Content, _ from: Int, _ to: Int) {
        let place = self.place(from, to)
        guard self.streams[place].isOpen else { return }
        let frame = Frame(
            from: from,
            to: to,
            epoch: self.streams[place].epoch,
            content: content
        )
        guard !self.streams[place].isCut else {
            self.streams[place].hasDropped = true
            return
        }
        if let filter = self.filter, !filter(frame) {
            return self.reset(from, to)
        }
        let delay = self.streams[place].latency + self.random.below(self.streams[place].jitter + 1)
        let at = max(self.streams[place].lastAt, self.now + delay)
        self.streams[place].lastAt = at
        self.agenda.plan(.frame(frame), at: at)
    }

    func arrive(_ frame: Frame) {
        let place = self.place(frame.from, frame.to)
        let machine = self.machines[frame.to]
        guard machine.isAlive else { return }
        let sender = NodeID(UInt16(frame.from))
        if case .hello = frame.content {
            guard frame.epoch == self.streams[place].epoch else { return }
            self.streams[place].floor = frame.epoch
            self.put(.connected(sender), to: machine)
            return
        }
        guard frame.epoch >= self.streams[place].floor else { return }
        guard !self.streams[place].isCut else {
            self.streams[place].hasDropped = true
            return
        }
        switch frame.content {
        case .hello: break
        case .message(let message):
            let wall = machine.wall(self.now)
            if let fault = message.fault(from: sender, in: self.layout, wall: wall) {
                self.complain("node \(frame.from) sends what \(fault.rawValue)")
            }
            self.put(.message(self.recoded(message), from: sender), to: machine)
        case .operation(let operation, let call):
            self.put(.operation(operation, .peer(sender, call: call)), to: machine)
        }
    }

    /// Through bytes and back, as between processes.
    private func recoded(_ message: Message) -> Message {
        var writer = ByteWriter()
        message.encode(into: &writer)
        do throws(DecodingError) {
            return try Message(decoding: writer.bytes, in: 0..<writer.bytes.count)
        } catch {
            self.complain("cannot be decoded again: \(message)")
            return message
        }
    }

    // MARK: Connections

    func dialSoon(_ from: Int, _ to: Int, _ wait: Nanoseconds) {
        let life = self.machines[from].life
        let at = self.now + wait + self.random.below(.milliseconds(2))
        self.agenda.plan(.dial(from: from, to: to, life: life), at: at)
    }

    func dial(_ from: Int, _ to: Int) {
        let place = self.place(from, to)
        guard self.machines[from].isAlive, !self.streams[place].isOpen else { return }
        // The kernel accepts for a paused process; a paused process does not dial.
        guard self.machines[to].isAlive, !self.machines[from].isPaused else {
            return self.dialSoon(from, to, Self.redial)
        }
        self.streams[place].isOpen = true
        self.streams[place].hasDropped = false
        self.put(.connected(NodeID(UInt16(to))), to: self.machines[from])
        let hello = Frame(
            from: from,
            to: to,
            epoch: self.streams[place].epoch,
            content: .hello
        )
        let at = self.now + .microseconds(100)
        self.streams[place].lastAt = max(self.streams[place].lastAt, at)
        self.agenda.plan(.frame(hello), at: at)
    }

    /// The connection is gone; the sender hears of it and dials again.
    func breakStream(_ from: Int, _ to: Int) {
        let place = self.place(from, to)
        guard self.streams[place].isOpen else { return }
        self.streams[place].isOpen = false
        self.streams[place].epoch += 1
        self.streams[place].lastAt = self.now
        guard self.machines[from].isAlive else { return }
        self.put(.disconnected(NodeID(UInt16(to))), to: self.machines[from])
        self.dialSoon(from, to, Self.redial)
    }

    /// The receiver closes a stream of which it dropped frames: the rest of them is void too.
    func reset(_ from: Int, _ to: Int) {
        self.breakStream(from, to)
        let place = self.place(from, to)
        self.streams[place].floor = self.streams[place].epoch
    }

    // MARK: Faults

    /// Frames from one machine to another vanish until healed.
    func cut(_ from: Int, _ to: Int) { self.streams[self.place(from, to)].isCut = true }

    func heal(_ from: Int, _ to: Int) {
        let place = self.place(from, to)
        guard self.streams[place].isCut else { return }
        self.streams[place].isCut = false
        if self.streams[place].hasDropped { self.reset(from, to) }
    }

    /// Both ways between two sets of machines.
    func cut(_ left: some Sequence<Int>, from right: some Sequence<Int>) {
        let right = Array(right)
        for one in left {
            for other in right where one != other {
                self.cut(one, other)
                self.cut(other, one)
            }
        }
    }

    func isolate(_ index: Int) {
        self.cut([index], from: self.machines.indices.filter { $0 != index })
    }

    func healAll() {
        for from in self.machines.indices {
            for to in self.machines.indices where from != to { self.heal(from, to) }
        }
    }

    func delay(_ from: Int, _ to: Int, _ latency: Nanoseconds) {
        self.streams[self.place(from, to)].latency = latency
    }
}
