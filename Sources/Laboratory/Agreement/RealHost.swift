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
        let process = try Subprocess(
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
            process.stop(patienceMilliseconds: 20_000)
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

/// A child process that this one waits for.
final class Subprocess {
    private let pid: pid_t
    private var hasEnded = false
    /// Our end of its standard input, which closes when this process ends, however it ends.
    private let input: Int32

    /// Starts a program in this process' own group, so that Ctrl-C reaches both.
    init(_ program: String, _ arguments: [String], output: String) throws(ExperimentError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ExperimentError("cannot make a pipe: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        posix_spawn_file_actions_addopen(
            &actions,
            STDOUT_FILENO,
            output,
            O_WRONLY | O_CREAT | O_TRUNC,
            0o644
        )
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var pid: pid_t = 0
        let status = posix_spawn(&pid, program, &actions, nil, words, environ)
        guard status == 0 else {
            close(ends[1])
            throw ExperimentError("cannot start \(program): \(String(cString: strerror(status)))")
        }
        self.pid = pid
        self.input = ends[1]
    }

    deinit { close(self.input) }

    var isRunning: Bool {
        guard !self.hasEnded else { return false }
        var status: Int32 = 0
        if waitpid(self.pid, &status, WNOHANG) == self.pid { self.hasEnded = true }
        return !self.hasEnded
    }

    /// Asks it to end, insists after a while, and returns when it is gone.
    func stop(patienceMilliseconds: Int) {
        kill(self.pid, SIGTERM)
        for _ in 0..<patienceMilliseconds / 10 {
            guard self.isRunning else { return }
            pause(nanoseconds: 10_000_000)
        }
        kill(self.pid, SIGKILL)
        while self.isRunning { pause(nanoseconds: 10_000_000) }
    }
}

/// Lets time pass.
func pause(nanoseconds: UInt64) {
    var rest = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000),
        tv_nsec: Int(nanoseconds % 1_000_000_000)
    )
    while true {
        let span = rest
        let status = withUnsafePointer(to: span) { nanosleep($0, &rest) }
        if status == 0 || errno != EINTR { return }
    }
}
