import Primitives
package import Tables

/// Whose data a directory holds, so that a node never serves another node's, or a former life's,
/// data.
package struct StoreIdentity: Equatable, Sendable, CustomStringConvertible {
    package var cluster: String
    package var node: String
    package var incarnation: UInt32

    package init(cluster: String, node: String, incarnation: UInt32) {
        self.cluster = cluster
        self.node = node
        self.incarnation = incarnation
    }

    package var description: String {
        "cluster \(self.cluster), node \(self.node), incarnation \(self.incarnation)"
    }

    /// The identity that a data directory carries, or `nil` when it carries none.
    package static func read(from path: String) throws(StoreError) -> StoreIdentity? {
        try IdentityRecord.read(path)?.identity
    }
}

/// The identity file: lines of text, the last one a checksum of the lines above.
struct IdentityRecord: Equatable {
    static let fileName = "identity"
    /// Raised when an older program could no longer read the directory.
    static let formatNewest = 1

    /// `creating` until the database has been opened once: a `ready` directory without a database
    /// has lost it.
    enum Stage: String { case creating, ready }

    var identity: StoreIdentity
    var stage: Stage

    static func read(_ path: String) throws(StoreError) -> IdentityRecord? {
        let file = "\(path)/\(self.fileName)"
        guard DataDirectory.exists(file) else { return nil }
        return try self.parse(try DataDirectory.read(file), file)
    }

    func write(_ path: String) throws(StoreError) {
        try DataDirectory.replace("\(path)/\(Self.fileName)", self.encoded())
    }

    private func encoded() -> [UInt8] {
        let text = """
            atoll data directory
            format \(Self.formatNewest)
            cluster \(self.identity.cluster)
            node \(self.identity.node)
            incarnation \(self.identity.incarnation)
            stage \(self.stage.rawValue)

            """
        return Array((text + "checksum \(CRC32.checksum(Array(text.utf8)))\n").utf8)
    }

    private static func parse(_ bytes: [UInt8], _ file: String) throws(StoreError) -> IdentityRecord
    {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == "atoll data directory", lines.count > 1 else {
            throw .corrupt("\(file) was not written by Atoll; \(advice)")
        }
        // The format comes first and is read alone: the lines of a newer one may be different.
        if let format = value("format", lines[1]).flatMap({ Int($0) }), format > self.formatNewest {
            throw .io(
                "\(file) has format \(format), and this program reads formats up to "
                    + "\(self.formatNewest); start the newer program, or \(advice)"
            )
        }
        guard lines.count == 8, lines[7].isEmpty,
            let cluster = value("cluster", lines[2]),
            let node = value("node", lines[3]),
            let incarnation = value("incarnation", lines[4]).flatMap({ UInt32($0) }),
            let stage = value("stage", lines[5]).flatMap({ Stage(rawValue: String($0)) }),
            let checksum = value("checksum", lines[6]).flatMap({ UInt32($0) }),
            checksum == CRC32.checksum(Array((lines[...5].joined(separator: "\n") + "\n").utf8))
        else { throw .corrupt("\(file) is damaged; \(advice)") }
        return IdentityRecord(
            identity: StoreIdentity(
                cluster: String(cluster),
                node: String(node),
                incarnation: incarnation
            ),
            stage: stage
        )
    }

    private static func value(_ name: String, _ line: Substring) -> Substring? {
        line.hasPrefix(name + " ") ? line.dropFirst(name.count + 1) : nil
    }
}

/// What every refusal of a directory ends with.
let advice = "move the directory away and let the node be refilled by its peers"

extension IdentityRecord {
    /// Checks a directory before RocksDB touches it, and marks an empty one as ours.
    ///
    /// - Returns: whether RocksDB may create its database.
    static func admit(
        _ path: String,
        _ identity: StoreIdentity,
        create: Bool
    ) throws(StoreError) -> Bool {
        precondition(!identity.cluster.contains("\n") && !identity.node.contains("\n"))
        guard let found = try self.read(path) else {
            let entries = DataDirectory.entries(path)
            if let first = entries.first {
                throw .io(
                    "\(path) holds files that are not Atoll's (\(first) and \(entries.count - 1) "
                        + "more); choose another directory"
                )
            }
            guard create else {
                throw .io("\(path) holds no data of \(identity); create it, or correct the path")
            }
            try DataDirectory.make(path)
            try IdentityRecord(identity: identity, stage: .creating).write(path)
            return true
        }
        guard found.identity == identity else {
            throw .io(
                "\(path) belongs to \(found.identity), and this is \(identity); "
                    + "correct the path, or \(advice)"
            )
        }
        if found.stage == .ready && !DataDirectory.exists("\(path)/db/CURRENT") {
            throw .corrupt("\(path) has lost its database (db/CURRENT is missing); \(advice)")
        }
        return found.stage == .creating
    }
}
