package import Primitives

/// A node's place in its region: who it is, and with whom it fails.
package struct RingMember: Hashable, Sendable {
    package var node: NodeID
    /// The bytes of the name alone decide where the node's tokens lie, so that it keeps its place
    /// when others come and go, or when the topology numbers nodes otherwise.
    package var name: String
    /// Nodes of equal zone share a failure domain; the name means nothing outside the region.
    package var zone: String

    package init(node: NodeID, name: String, zone: String) {
        self.node = node
        self.name = name
        self.zone = zone
    }
}

/// The hash circle of one region's nodes: which nodes keep the replicas of what lies at a token.
///
/// Each node owns many points of the circle (virtual nodes), derived from its name only. What lies
/// at a token belongs to the first nodes found clockwise, each in a zone of its own while zones
/// last. A node that joins or leaves therefore moves about 1/N of what the ring places, and no
/// more. The mechanism is that of Dynamo (SOSP 2007, section 4.2, strategy 1) with zones; the real
/// service places partitions otherwise.
package struct HashRing: Equatable, Sendable {
    /// One point of the circle.
    private struct Point: Hashable, Sendable {
        var token: Token
        /// Index into `members`.
        var member: UInt16
    }

    /// Sorted by node.
    package let members: [RingMember]
    package let tokensPerNode: Int
    /// Sorted by token, ties by member.
    private let points: [Point]
    /// The zone of each member, as a number.
    private let zones: [UInt16]
    private let zoneCount: Int

    /// A ring of `members`, whose nodes must differ.
    package init(
        _ members: [RingMember],
        tokensPerNode: Int = PlacementLimits.tokensPerNode
    ) {
        precondition(members.count <= PlacementLimits.membersMax)
        precondition(tokensPerNode >= 1 && tokensPerNode <= PlacementLimits.tokensPerNodeMax)
        let sorted = members.sorted { $0.node < $1.node }
        var points: [Point] = []
        points.reserveCapacity(sorted.count * tokensPerNode)
        for (index, member) in sorted.enumerated() {
            precondition(index == 0 || sorted[index - 1].node < member.node, "a node twice")
            let name = Array(member.name.utf8)
            for number in 0..<tokensPerNode {
                let token = XXHash64.hash(name, seed: UInt64(number) &+ 1)
                points.append(Point(token: token, member: UInt16(index)))
            }
        }
        points.sort { ($0.token, $0.member) < ($1.token, $1.member) }
        self.members = sorted
        self.tokensPerNode = tokensPerNode
        self.points = points
        (self.zones, self.zoneCount) = Self.numberedZones(sorted)
    }

    /// The first `count` nodes clockwise from `token` in distinct zones.
    ///
    /// When the region has fewer zones than replicas, the walk goes round again and takes the nodes
    /// that were passed over, in the order in which it met them. Fewer than `count` nodes are
    /// returned only when the ring has fewer.
    package func replicas(for token: Token, count: Int) -> [NodeID] {
        precondition(count >= 1)
        let wanted = min(count, self.members.count)
        let zonesWanted = min(wanted, self.zoneCount)
        var chosen: [UInt16] = []
        var passedOver: [UInt16] = []
        guard wanted > 0 else { return [] }
        let start = self.firstPoint(at: token)
        for step in 0..<self.points.count {
            let member = self.points[(start + step) % self.points.count].member
            guard !chosen.contains(member), !passedOver.contains(member) else { continue }
            let zone = self.zones[Int(member)]
            if chosen.contains(where: { self.zones[Int($0)] == zone }) {
                passedOver.append(member)
            } else {
                chosen.append(member)
            }
            let needsOthers = wanted - zonesWanted
            if chosen.count >= zonesWanted && passedOver.count >= needsOthers { break }
        }
        chosen.append(contentsOf: passedOver.prefix(wanted - min(wanted, chosen.count)))
        return chosen.prefix(wanted).map { self.members[Int($0)].node }
    }

    /// The part of the circle that each node is first for, in parts per million, in node order.
    package func ownership() -> [(node: NodeID, partsPerMillion: UInt32)] {
        guard let last = self.points.last else { return [] }
        // The whole circle is one token more than fits.
        guard self.members.count > 1 else { return [(self.members[0].node, 1_000_000)] }
        var arcs = [UInt64](repeating: 0, count: self.members.count)
        var previous = last.token
        for point in self.points {
            arcs[Int(point.member)] += point.token &- previous  // Wraps at the top of the circle.
            previous = point.token
        }
        return self.members.enumerated().map { index, member in
            let share = arcs[index].multipliedFullWidth(by: 1_000_000)
            return (member.node, UInt32(share.high + (share.low >> 63)))
        }
    }

    /// The same ring with one more node.
    package func adding(_ member: RingMember) -> HashRing {
        HashRing(self.members + [member], tokensPerNode: self.tokensPerNode)
    }

    /// The same ring without `node`.
    package func removing(_ node: NodeID) -> HashRing {
        HashRing(self.members.filter { $0.node != node }, tokensPerNode: self.tokensPerNode)
    }

    /// The index of the first point at or after `token`, wrapping at the top.
    private func firstPoint(at token: Token) -> Int {
        var low = 0
        var high = self.points.count
        while low < high {
            let middle = (low + high) / 2
            if self.points[middle].token < token { low = middle + 1 } else { high = middle }
        }
        return low == self.points.count ? 0 : low
    }

    private static func numberedZones(_ members: [RingMember]) -> ([UInt16], count: Int) {
        var names: [String] = []
        var zones: [UInt16] = []
        for member in members {
            if let known = names.firstIndex(of: member.zone) {
                zones.append(UInt16(known))
            } else {
                zones.append(UInt16(names.count))
                names.append(member.zone)
            }
        }
        return (zones, names.count)
    }
}
