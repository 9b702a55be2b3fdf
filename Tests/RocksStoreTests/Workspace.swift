import Foundation
import RocksStore
import Tables

/// A directory of one test, removed with it.
final class Workspace {
    let path: String

    init() {
        self.path = "/tmp/atoll-store-\(UUID().uuidString)"
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    static let identity = StoreIdentity(cluster: "test", node: "us-east-1-a", incarnation: 1)

    func open(
        _ identity: StoreIdentity = Workspace.identity,
        create: Bool = true,
        settings: RocksSettings = .init()
    ) throws(StoreError) -> RocksStore {
        try RocksStore(path: self.path, identity: identity, create: create, settings: settings)
    }

    /// The newest file of the database with a name's end, for tests that damage it.
    func newestFile(_ suffix: String) throws -> String {
        let directory = self.path + "/db"
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(suffix) }.sorted()
        guard let name = names.last else { throw CocoaError(.fileNoSuchFile) }
        return "\(directory)/\(name)"
    }
}

/// Inverts one byte of a file.
func damage(_ path: String, at offset: Int) throws {
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[offset] ^= 0xFF
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

extension Store {
    /// The keys and values of a range, as text.
    func texts(
        _ space: Space,
        from: String = "",
        to: String? = nil,
        reverse: Bool = false,
        limit: Int = .max,
        snapshot: SnapshotID? = nil
    ) throws -> [String] {
        var found: [String] = []
        let visit = { (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool in
            found.append(
                "\(String(decoding: key, as: UTF8.self))=\(String(decoding: value, as: UTF8.self))"
            )
            return found.count < limit
        }
        let (from, to) = (bytes(from), to.map(bytes))
        if let snapshot {
            try self.scan(snapshot: snapshot, space, from: from, to: to, reverse: reverse, visit)
        } else {
            try self.scan(space, from: from, to: to, reverse: reverse, visit)
        }
        return found
    }

    func put(_ space: Space, _ entries: String...) {
        for entry in entries {
            let parts = entry.split(separator: "=", omittingEmptySubsequences: false)
            self.put(space, bytes(String(parts[0])), bytes(String(parts[1])))
        }
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
