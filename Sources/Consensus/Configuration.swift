package import Primitives

/// The members of a group: voters count towards majorities, learners only receive the log.
///
/// The order of the voters is kept: it ranks who campaigns first when a leader is lost.
package struct Configuration: Hashable, Sendable {
    package var voters: [ReplicaID]
    package var learners: [ReplicaID]

    package init(voters: [ReplicaID], learners: [ReplicaID] = []) {
        self.voters = voters
        self.learners = learners
    }

    /// What a replica starts from that is yet to be told who its peers are; it never campaigns.
    package static let none = Configuration(voters: [])

    package var majority: Int { self.voters.count / 2 + 1 }

    package func contains(_ replica: ReplicaID) -> Bool {
        self.voters.contains(replica) || self.learners.contains(replica)
    }

    /// No member twice, at least one voter, no more members than the limit.
    package var isValid: Bool {
        let members = self.voters + self.learners
        guard !self.voters.isEmpty, members.count <= ConsensusLimits.membersMax else {
            return false
        }
        for (position, member) in members.enumerated()
        where members[..<position].contains(member) {
            return false
        }
        return true
    }

    /// Whether every majority here shares a member with every majority of `other`, which holds when
    /// they differ in at most one voter (thesis §4.1).
    ///
    /// Learners do not matter.
    package func overlaps(_ other: Configuration) -> Bool {
        let added = other.voters.count { !self.voters.contains($0) }
        let removed = self.voters.count { !other.voters.contains($0) }
        return added + removed <= 1
    }
}

extension Configuration {
    package func encode(into writer: inout ByteWriter) {
        for members in [self.voters, self.learners] {
            writer.varint(UInt64(members.count))
            for member in members {
                writer.u16(member.node.index)
                writer.u32(member.incarnation)
            }
        }
    }

    package init(decoding reader: inout ByteReader) throws(DecodingError) {
        let start = reader.offset
        self.init(voters: try Self.members(&reader), learners: try Self.members(&reader))
        guard self.isValid else { throw DecodingError(offset: start) }
    }

    /// The payload of a configuration entry.
    package var payload: [UInt8] {
        var writer = ByteWriter()
        self.encode(into: &writer)
        return writer.bytes
    }

    /// Reads the payload of a configuration entry; nothing may follow it.
    package init(payload: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(payload)
        try self.init(decoding: &reader)
        guard reader.isAtEnd else { throw DecodingError(offset: reader.offset) }
    }

    private static func members(_ reader: inout ByteReader) throws(DecodingError) -> [ReplicaID] {
        let count = try reader.count()
        guard count <= ConsensusLimits.membersMax else {
            throw DecodingError(offset: reader.offset)
        }
        var members: [ReplicaID] = []
        members.reserveCapacity(count)
        for _ in 0..<count {
            let node = NodeID(try reader.u16())
            members.append(ReplicaID(node: node, incarnation: try reader.u32()))
        }
        return members
    }
}
