package import Primitives

/// A cluster under experiment, simulated or real: everything that a scenario may do to it and see
/// of it.
///
/// Calls block until they are done, on the host's own clock; between them time passes only on a
/// real host. Regions, nodes and partitions go by the same names and numbers on both. An item is a
/// key and the name of the write that made it.
package protocol Cluster: AnyObject {
    /// By rank.
    var regions: [String] { get }
    /// Nanoseconds since some moment before the first call.
    var now: Nanoseconds { get }
    /// How long a message takes from one region to another, as the topology says.
    func delay(from source: String, to destination: String) -> Nanoseconds
    func nodes(in region: String) -> [String]

    /// Makes a table in a region and returns once it is active there.
    func createTable(_ table: String, in region: String) throws(ExperimentError)
    /// Begins to add a replica of a table.
    func addReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError)
    /// Whether both regions call the table, with the replica, active.
    func hasReplica(
        of table: String,
        from region: String,
        in other: String
    ) throws(ExperimentError) -> Bool

    /// Writes an item once, through a region's endpoint.
    func put(_ write: String, at key: String, of table: String, in region: String) -> Reply
    /// Reads an item once; a reply with no write when there is no item.
    func get(_ key: String, of table: String, in region: String, isConsistent: Bool) -> Reply

    func begin(_ fault: ClusterFault) throws(ExperimentError) -> FaultNumber
    func heal(_ fault: FaultNumber) throws(ExperimentError)

    /// The node that leads each partition of a table, by the partition's position.
    func leaders(of table: String, in region: String) throws(ExperimentError) -> [Int: String]
    /// Changes of a table that some region has not acknowledged.
    func backlog(of table: String) throws(ExperimentError) -> UInt64
    /// Whether the table's regions hold the same, item by item.
    func agrees(on table: String, in regions: [String]) throws(ExperimentError) -> Bool
    /// Writes of a table that lost to another region's write, over all regions.
    func conflicts(of table: String) throws(ExperimentError) -> Int

    /// Lets so much time pass.
    func advance(by span: Nanoseconds)
}

/// What a client was told.
package enum Reply: Equatable, Sendable {
    /// A write was acknowledged; or a read found the item of this write, nil for no item.
    case done(String?)
    /// Certainly without effect.
    case refused(String)
    /// Nobody knows, for a write: it may still take effect.
    case unknown(String)

    package var isDone: Bool {
        if case .done = self { true } else { false }
    }

    /// What a read found; nil for nothing and for no answer.
    package var write: String? {
        if case .done(let write) = self { write } else { nil }
    }
}

/// What scenarios break; each kind exists on both hosts.
package enum ClusterFault: Equatable, Sendable {
    /// The process dies at once and starts again when healed.
    case kill(node: String)
    /// A region and all others do not hear each other.
    case isolate(region: String)
    /// The wall clocks of a region's nodes are off by so many nanoseconds.
    case clock(region: String, offset: Int64)
    /// A region sends its changes to another no more.
    case pauseReplication(from: String, to: String)
}

/// A fault that was begun.
package struct FaultNumber: Equatable, Sendable {
    package var number: Int
    package init(_ number: Int) { self.number = number }
}

/// What a scenario asks for before it begins.
package struct ClusterSetting: Equatable, Sendable {
    /// False: stamps are raw wall clock times.
    package var isHybrid: Bool

    package init(isHybrid: Bool = true) { self.isHybrid = isHybrid }
}

/// Makes clusters of one host, each fresh.
package protocol ClusterHost: AnyObject {
    /// `simulation` or `real`.
    var name: String { get }
    func start(_ setting: ClusterSetting) throws(ExperimentError) -> any Cluster
    /// Ends a cluster that it made.
    func stop(_ cluster: any Cluster)
}

/// The experiment cannot go on; nothing is said about the cluster.
package struct ExperimentError: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}
