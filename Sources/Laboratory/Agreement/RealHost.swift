import EventLoop
package import Experiments
import Fleet
import Glibc
package import Topology
import Wire

/// Runs experiments on real clusters: `atoll up` with processes, sockets and disks, in a directory
/// of its own that is gone afterwards.
package final class RealHost: ClusterHost {
    package let name = "real"
    private let topology: Topology
    private let portOffset: Int
    private let directory: String
    private var count = 0

    /// - Parameters:
    ///   - topology: the cluster; its stamps are as each experiment asks.
    ///   - portOffset: keeps its ports apart from those of other clusters.
    package init(_ topology: Topology, portOffset: Int) {
        self.topology = topology
        self.portOffset = portOffset
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        self.directory = "\(place)/atoll-agree-\(getpid())"
    }

    package func start(_ setting: ClusterSetting) throws(ExperimentError) -> any Cluster {
        self.count += 1
        let name = "agree-\(self.count)"
        do throws(FileError) {
            try Files.createDirectory(self.directory)
            let text = try Files.read(self.topology.path)
            try Files.write(
                Self.topologyText(text, isHybrid: setting.isHybrid),
                to: self.directory + "/topology.yaml"
            )
        } catch {
            throw ExperimentError(error.description)
        }
        // The cluster's directory is found by this variable, here and by the processes.
        setenv("ATOLL_DIR", self.directory, 1)
        let process = try ClusterProcess(
            UpCommand.program,
            [
                "up", self.directory + "/topology.yaml", "--cluster", name, "--fresh",
                "--port-offset", "\(self.portOffset)", "--die-with-parent",
            ],
            output: self.directory + "/up.log"
        )
        do throws(ExperimentError) {
            return try RealCluster(self.topology, name, process, log: self.directory + "/up.log")
        } catch {
            process.stop(patience: 20_000_000_000)
            try? Files.remove(self.directory)
            throw error
        }
    }

    package func stop(_ cluster: any Cluster) {
        guard let cluster = cluster as? RealCluster else { return }
        cluster.stop()
        try? Files.remove(self.directory)
    }

    /// The topology's file with other stamps.
    static func topologyText(_ text: [UInt8], isHybrid: Bool) -> [UInt8] {
        let lines = String(decoding: text, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("stamps:") }
        let stamps = "stamps: \(isHybrid ? "hybrid" : "wall")\n"
        return Array((lines.joined(separator: "\n") + "\n" + stamps).utf8)
    }
}
