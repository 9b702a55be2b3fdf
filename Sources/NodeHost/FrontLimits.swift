package import Wire

/// Bounds of a node's own DynamoDB port.
///
/// The size of one request is bounded by the HTTP parser, that of one answer by the core.
package struct FrontLimits: Sendable {
    package var connectionsMax = 4_096
    /// Requests of one connection that may wait at once; beyond it the connection is not read.
    package var pipelinedMax: UInt64 = 32
    /// Bytes of answers that may wait for earlier answers or for a slow client before the next
    /// request of the connection is taken.
    package var backlogBytesMax = 1 << 20
    package var patience = ClientPatience()

    package init() {}
}
