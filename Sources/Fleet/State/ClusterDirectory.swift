import Glibc

/// Where a cluster keeps its files: `.atoll/<cluster>/` in the working directory, or in
/// `$ATOLL_DIR/<cluster>/`.
///
/// ```
/// cluster.json        who runs where; what commands look for
/// topology.yaml       a copy of what the cluster was started with
/// supervisor.log      what a detached supervisor printed
/// gateway.log
/// nodes/<name>/data/  nodes/<name>/node.log
/// ```
package struct ClusterDirectory: Equatable, Sendable {
    package var path: String

    package init(path: String) { self.path = path }

    package init(cluster: String) { self.path = Self.root + "/" + cluster }

    /// The directory that holds all clusters of this place.
    package static var root: String {
        guard let variable = getenv("ATOLL_DIR"), variable.pointee != 0 else {
            return Files.currentDirectory + "/.atoll"
        }
        return Files.absolute(String(cString: variable))
    }

    package var stateFile: String { self.path + "/cluster.json" }
    package var topologyFile: String { self.path + "/topology.yaml" }
    package var supervisorLog: String { self.path + "/supervisor.log" }
    package var gatewayLog: String { self.path + "/gateway.log" }

    package func nodeDirectory(_ node: String) -> String { self.path + "/nodes/" + node }
    package func dataDirectory(_ node: String) -> String {
        self.nodeDirectory(node) + "/data"
    }
    package func nodeLog(_ node: String) -> String { self.nodeDirectory(node) + "/node.log" }
}

/// What `cluster.json` records: enough for a command to find the supervisor and for the next start
/// to know which nodes have a past.
package struct ClusterState: Equatable, Sendable {
    /// How far the supervisor is.
    package enum Phase: String, Sendable {
        case starting, ready, stopped, failed
    }

    package struct Node: Equatable, Sendable {
        package var name: String
        package var region: String
        package var zone: String
        package var port: UInt16
        package var pid: Int32?
        /// The node has been part of the cluster's first start, so its data must be there; a
        /// node whose data vanished has to rejoin empty instead of founding the cluster again.
        package var isBootstrapped: Bool
    }

    package struct Region: Equatable, Sendable {
        package var name: String
        package var port: UInt16
    }

    package var name: String
    package var phase: Phase
    /// The supervisor's process.
    package var pid: Int32
    /// What that process was started at, so that another process with a reused id is not taken for
    /// it.
    package var pidStartTime: UInt64
    package var controlPort: UInt16
    package var gatewayPort: UInt16
    package var gatewayPid: Int32?
    package var portOffset: Int
    /// What the operator named.
    package var topology: String
    package var regions: [Region]
    package var nodes: [Node]
    /// Why the start failed, when it did.
    package var failure: String?
}

/// A cluster that a command cannot use, with what to do about it.
package struct ClusterError: Error, Equatable, Sendable {
    package var message: String
    package var hint: String

    package init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// Whether a process is there.
package enum ProcessTable {
    /// True while the process exists and is not a zombie, and started when it should have.
    package static func isAlive(_ pid: Int32, startTime: UInt64? = nil) -> Bool {
        guard pid > 0, kill(pid, 0) == 0 || errno == EPERM else { return false }
        guard let fields = self.fields(of: pid) else { return true }
        if fields.state == "Z" { return false }
        if let startTime, startTime != 0, let actual = fields.startTime {
            return actual == startTime
        }
        return true
    }

    /// Ticks since the machine's start at which a process began; zero where `/proc` is absent.
    package static func startTime(of pid: Int32) -> UInt64 {
        self.fields(of: pid)?.startTime ?? 0
    }

    /// Whether the process is stopped by a signal.
    package static func isStopped(_ pid: Int32) -> Bool {
        self.fields(of: pid)?.state == "T"
    }

    private static func fields(of pid: Int32) -> (state: String, startTime: UInt64?)? {
        guard let bytes = try? Files.read("/proc/\(pid)/stat") else { return nil }
        // The second field is the program's name in parentheses and may hold blanks.
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let words = bytes[(close + 1)...].split(separator: UInt8(ascii: " ")).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard words.count > 19 else { return nil }
        return (words[0], UInt64(words[19]))
    }
}
