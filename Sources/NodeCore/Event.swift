package import Primitives

/// Everything that can happen to a node; the only way in.
package enum Event: Sendable {
    /// A client's operation, or one that another node handed over, decoded by the host.
    case operation(Operation, Origin)
    /// The client is gone: nobody waits for the answer.
    case abandoned(RequestID)
    case message(Message, from: NodeID)
    /// The ordered stream from or to a node was (re)opened; what was under way is lost.
    case connected(NodeID)
    case disconnected(NodeID)
    /// At least every ``NodeTiming/tick``.
    case tick
    /// An operator asks to measure the way to a node.
    case probe(NodeID, id: UInt64)
    case pauseReplication(to: [RegionID])
}

/// Who waits for the outcome of an operation.
package enum Origin: Hashable, Sendable {
    case client(RequestID)
    /// A node of the region that handed the operation over; `call` names it there.
    case peer(NodeID, call: UInt64)
}

/// The outcome of an operation; the host turns it into bytes.
package enum Answer: Sendable {
    /// With a note where the request asked for one.
    case success(OperationResponse, VersionNote?)
    case failure(ServiceError)
    /// Bytes that the node which did the work already made; `fields` are header lines.
    case relayed(status: UInt16, fields: [UInt8], body: [UInt8])
    /// Only to peers: this node does not lead the partition.
    case notLeader(hint: NodeID?)
}

/// What a host does for its node, once the turn's pending writes are durable.
///
/// The contract of a turn: the host passes every event that is ready to
/// ``Node/step(_:now:wall:into:)``, then calls ``Node/endTurn(now:wall:into:)``, then commits the
/// store's pending batch, and only then performs the effects in order and calls
/// ``Node/turnCommitted()``. When the commit fails nothing is sent: the batch is kept and
/// committed again later, and the effects stay queued.
package enum Effect: Sendable {
    case send(Message, to: NodeID)
    case answer(Origin, Answer)
    /// Send the bytes of a client's operation to the node that leads its partition.
    case handOver(RequestID, to: NodeID, call: UInt64)
    /// Write the incarnation into the identity of the data directory, before anything else of it.
    case adoptIncarnation(UInt32)
    /// A probe came back.
    case probed(NodeID, id: UInt64, sentAt: Instant, arrivedAt: Instant, returnedAt: Instant)
}
