package import Primitives

/// A node and the turn of its host's loop: the one shape that every host gives its loop.
///
/// A turn is: ``take(_:now:wall:)`` for every event that is ready, ``endTurn(now:wall:)``, one
/// commit of the store by the host, then ``committed(into:)`` and the effects, in order. When the
/// commit fails the host calls ``commitFailed()``: the turn is stalled, nothing is taken in and
/// nothing leaves until a later commit succeeds. See ``Effect`` for why.
package struct NodeLoop: ~Copyable {
    package var node: Node
    /// What the turn wants done, in order.
    private var effects: [Effect] = []
    /// A turn waits for its commit.
    package private(set) var isStalled = false
    /// Streams that opened or broke during the stall, the last of each node: no one says so again.
    private var missed: [Event] = []

    package init(_ node: consuming Node) { self.node = node }

    /// Passes one event to the node.
    ///
    /// - Returns: false when a stalled turn keeps events out: nothing can be promised. Clients are
    ///   to be told so; everything else comes again by itself.
    package mutating func take(_ event: Event, now: Instant, wall: WallTime) -> Bool {
        if self.isStalled {
            switch event {
            // An operator's order takes nothing from the disk, and does not come again.
            case .pauseReplication: break
            case .connected(let node), .disconnected(let node):
                self.missed.removeAll { $0.streamEnd == node }
                self.missed.append(event)
                return true
            default: return false
            }
        } else if !self.missed.isEmpty {
            for event in self.missed {
                self.node.step(event, now: now, wall: wall, into: &self.effects)
            }
            self.missed.removeAll()
        }
        self.node.step(event, now: now, wall: wall, into: &self.effects)
        return true
    }

    /// Adds what the host itself has to say in this turn, behind what is there.
    package mutating func add(_ effect: Effect) { self.effects.append(effect) }

    /// Ends the turn; the host commits the store's pending batch next, unless the turn is stalled.
    package mutating func endTurn(now: Instant, wall: WallTime) {
        guard !self.isStalled else { return }
        self.node.endTurn(now: now, wall: wall, into: &self.effects)
    }

    /// The turn's batch is as durable as it will be: hands over what is to be done now.
    ///
    /// - Parameter performed: empty; what it held room for is used for the next turn.
    package mutating func committed(into performed: inout [Effect]) {
        self.isStalled = false
        self.node.turnCommitted()
        swap(&self.effects, &performed)
        self.effects.removeAll(keepingCapacity: true)
    }

    /// The disk did not take the turn, which is kept to be committed later.
    ///
    /// - Returns: the clients that were about to be answered; they are told of an error now.
    package mutating func commitFailed() -> [RequestID] {
        self.isStalled = true
        var refused: [RequestID] = []
        self.effects.removeAll { effect in
            guard case .answer(.client(let id), _) = effect else { return false }
            refused.append(id)
            return true
        }
        return refused
    }

    /// Goes on with another node, as one that was given a new incarnation does.
    package mutating func replace(_ node: consuming Node) { self.node = node }
}

extension Event {
    /// The node whose stream opened or broke.
    fileprivate var streamEnd: NodeID? {
        switch self {
        case .connected(let node), .disconnected(let node): node
        default: nil
        }
    }
}
