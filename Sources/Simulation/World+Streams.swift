import NodeCore
import Primitives

/// Frames as bytes: written at the end of a turn, read in pieces of any size, cut by the reader
/// that the real host uses.
extension World {
    /// Bytes that may wait in one connection; beyond that it breaks.
    static let bytesMax = 64 << 20

    func write(_ content: FrameContent, _ place: Int) {
        guard let wire = self.paths[place].wire else { return }
        guard let message = self.message(of: content) else { return }
        FrameFormat.append(message, sentAt: self.now, to: &wire.outbound)
    }

    /// Operations and answers travel as messages whose bytes name what they stand for.
    private func message(of content: FrameContent) -> Message? {
        switch content {
        case .hello, .bytes: return nil
        case .message(let message): return message
        case .operation(let operation, let call):
            return .operation(call: call, request: self.relays.ticket(of: operation))
        case .answer(let answer, let call):
            return .operationAnswer(call: call, self.shipped(answer))
        }
    }

    func flushStreams(of machine: Machine) {
        for to in self.machines.indices where to != machine.index {
            let place = self.place(machine.index, to)
            if self.paths[place].wire?.outbound.isEmpty == false { self.flushStream(place) }
        }
    }

    /// Puts what was written on its way, in one piece or in several.
    func flushStream(_ place: Int) {
        guard let wire = self.paths[place].wire, self.paths[place].isOpen else { return }
        var rest = wire.outbound[...]
        var at = max(self.now + Self.loopback, wire.chunks.last?.at ?? .zero)
        while !rest.isEmpty {
            var size = rest.count
            if self.networkRandom.chance(1, outOf: 4) {
                size = 1 + Int(self.networkRandom.below(UInt64(rest.count)))
            }
            // Often in the same instant as the piece before, so that reads merge.
            if self.networkRandom.chance(1, outOf: 3) {
                at = at + self.networkRandom.below(.microseconds(100))
            }
            wire.chunks.append(.init(at: at, bytes: Array(rest.prefix(size))))
            rest = rest.dropFirst(size)
        }
        wire.outbound.removeAll(keepingCapacity: true)
        self.planChunks(place, wire)
    }

    private func planChunks(_ place: Int, _ wire: ByteStream) {
        guard !wire.isPlanned, wire.head < wire.chunks.count else { return }
        wire.isPlanned = true
        let at = max(wire.chunks[wire.head].at, self.paths[place].stalledUntil)
        self.agenda.plan(.chunk, place, at: at)
    }

    func chunksDue(_ place: Int) {
        guard let wire = self.paths[place].wire else { return }
        wire.isPlanned = false
        let receiver = self.machines[self.receiver(of: place)]
        // A paused process does not read; the kernel keeps the bytes.
        guard self.paths[place].stalledUntil <= self.now, !receiver.isPaused else {
            let at = max(self.paths[place].stalledUntil, self.now + .milliseconds(5))
            wire.isPlanned = true
            return self.agenda.plan(.chunk, place, at: at)
        }
        while wire.head < wire.chunks.count, wire.chunks[wire.head].at <= self.now {
            let chunk = wire.chunks[wire.head].bytes
            wire.head += 1
            chunk.withUnsafeBytes { wire.reader.append($0) }
        }
        if wire.head == wire.chunks.count {
            wire.chunks.removeAll(keepingCapacity: true)
            wire.head = 0
        }
        if receiver.isAlive, self.paths[place].isOpen { self.read(place, wire) }
        self.planChunks(place, wire)
    }

    private func read(_ place: Int, _ wire: ByteStream) {
        let wasKnown = wire.reader.sender != nil
        do throws(FrameError) {
            while let frame = try wire.reader.next() {
                if !wasKnown { self.announce(place, wire) }
                self.arrived(
                    .bytes(frame.bytes),
                    place,
                    sentAt: frame.sentAt,
                    size: frame.bytes.count
                )
            }
            if !wasKnown { self.announce(place, wire) }
        } catch {
            self.breakStream(place, voidsFrames: true)
        }
    }

    private func announce(_ place: Int, _ wire: ByteStream) {
        guard wire.reader.sender != nil, wire.announcedEpoch < self.paths[place].epoch else {
            return
        }
        wire.announcedEpoch = self.paths[place].epoch
        self.hello(place, self.now)
    }

    /// A frame's time has come: its bytes become a message again.
    func deliver(_ bytes: [UInt8], _ place: Int, _ machine: Machine) {
        let sender = NodeID(UInt16(self.sender(of: place)))
        do throws(DecodingError) {
            let message = try Message(decoding: bytes, in: 0..<bytes.count)
            if case .operation(let call, let request) = message {
                guard let operation = self.relays.operation(request) else { return }
                machine.inbox.append(.operation(operation, .peer(sender, call: call)))
            } else {
                machine.inbox.append(.message(message, from: sender))
            }
        } catch {
            self.counts.undecodable += 1
            self.breakStream(place, voidsFrames: true)
        }
    }
}
