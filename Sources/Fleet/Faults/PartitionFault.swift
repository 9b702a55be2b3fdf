import Primitives

/// Cuts the links between two groups of nodes, both ways or one.
package struct PartitionFault: Fault {
    package static let kind = "partition"
    package let title: String
    private let links: [DirectedLink: LinkSettings]

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.links = try arguments.links(.cut)
        self.title = "partition \(try arguments.sidesText())"
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        try await fleet.inject(id, links: self.links)
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        try await fleet.heal(id, links: Array(self.links.keys))
    }
}
