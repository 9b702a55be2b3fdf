import EventLoop
import Glibc
import Topology

/// `atoll up`: in the foreground, or in a process of its own that outlives this one.
package enum UpCommand {
    package static func run(_ command: ParsedCommand, _ console: Console) -> Int32 {
        do throws(TopologyError) {
            let topology = try Topology.load(
                nameOrPath: command.positional(0) ?? Self.defaultTopology
            )
            return self.run(command, topology, console)
        } catch {
            console.error(
                error.description,
                hint: "Check a file: atoll topology check FILE; names are those of topologies in "
                    + "$ATOLL_HOME, which scripts/atoll sets, or here."
            )
            return ExitCode.failed
        }
    }

    package static let defaultTopology = "three-regions"

    private static func run(
        _ command: ParsedCommand,
        _ topology: Topology,
        _ console: Console
    ) -> Int32 {
        do throws(ClusterError) {
            let offset = try Self.portOffset(command)
            guard let ports = ClusterPorts(topology, offset: offset) else {
                throw ClusterError(
                    "with --port-offset \(offset) some ports leave 1024 to 65535",
                    hint: "atoll topology show lists the ports."
                )
            }
            let name = try Self.clusterName(command, topology)
            if let state = ClusterState.read(from: ClusterDirectory(cluster: name)),
                state.isRunning
            {
                throw ClusterError(
                    "cluster \(name) runs already (process \(state.pid))",
                    hint: "Look at it: atoll status; stop it: atoll down; or start another beside "
                        + "it: atoll up --cluster NAME --port-offset 1000"
                )
            }
            var options = SupervisorOptions(
                cluster: name,
                isFresh: command.has("--fresh"),
                portOffset: offset,
                program: Self.program
            )
            options.history = command.value("--history").map(Files.absolute)
            options.diesWithParent = command.has("--die-with-parent")
            if command.has("--detach") {
                return try Detachment.run(command, topology, options, console)
            }
            return try Self.supervise(topology, ports, options, console)
        } catch {
            console.error(error.message, hint: error.hint)
            return ExitCode.failed
        }
    }

    private static func supervise(
        _ topology: Topology,
        _ ports: ClusterPorts,
        _ options: SupervisorOptions,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        raiseFileDescriptorLimit()
        let style = console.style
        do throws(LoopError) {
            return try FleetLoop.run { loop in
                await Supervisor(topology, ports, options, style: style, on: loop).run()
            }
        } catch {
            throw ClusterError(error.description, hint: "See ulimit -a.")
        }
    }

    private static func portOffset(_ command: ParsedCommand) throws(ClusterError) -> Int {
        guard let text = command.value("--port-offset") else { return 0 }
        guard let offset = Int(text), (-65_535...65_535).contains(offset) else {
            throw ClusterError(
                "--port-offset \(text) is not a number from -65535 to 65535",
                hint: "For example: --port-offset 1000"
            )
        }
        return offset
    }

    private static func clusterName(
        _ command: ParsedCommand,
        _ topology: Topology
    ) throws(ClusterError) -> String {
        let name = command.value("--cluster") ?? topology.name
        let isName =
            !name.isEmpty && name.utf8.count <= TopologyLimits.clusterNameBytesMax
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D
            }
        guard isName else {
            throw ClusterError(
                "\"\(name)\" cannot name a cluster",
                hint: "Use lower-case letters, digits and hyphens, at most 40."
            )
        }
        return name
    }

    /// This binary: the nodes and the gateway must be of the same build.
    package static var program: String {
        Files.linkTarget("/proc/self/exe") ?? Files.absolute(CommandLine.arguments[0])
    }
}

/// Starts `atoll up` again in a session of its own and waits until it serves.
enum Detachment {
    static func run(
        _ command: ParsedCommand,
        _ topology: Topology,
        _ options: SupervisorOptions,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        let directory = ClusterDirectory(cluster: options.cluster)
        do throws(FileError) {
            try Files.createDirectory(directory.path)
            try Files.write([], to: directory.supervisorLog)
        } catch {
            throw ClusterError(
                error.description,
                hint: "Choose another place: ATOLL_DIR=/path atoll up"
            )
        }
        let log = open(directory.supervisorLog, O_WRONLY | O_APPEND | O_CLOEXEC)
        defer { close(log) }
        var arguments = [
            "up", topology.path, "--cluster", options.cluster, "--port-offset",
            "\(options.portOffset)",
        ]
        if options.isFresh { arguments.append("--fresh") }
        if let history = options.history { arguments += ["--history", history] }
        let child = ChildProcess.Command(options.program, arguments, output: log)
        let state: ClusterState?
        do throws(LoopError) {
            state = try FleetLoop.run { loop in await self.wait(for: child, directory, loop) }
        } catch {
            throw ClusterError(error.description, hint: "See ulimit -a.")
        }
        let text = (try? Files.read(directory.supervisorLog)) ?? []
        let output = String(decoding: text, as: UTF8.self)
        guard let state else {
            throw ClusterError(
                "the cluster did not start\n" + output,
                hint: "Its logs: \(directory.path)"
            )
        }
        console.print(output.replacingSuffix("Ctrl-C stops it\n", with: "atoll down stops it\n"))
        console.print(
            console.style.dim(
                "  process \(state.pid) runs in the background; its log is "
                    + "\(directory.supervisorLog)\n"
            )
        )
        return ExitCode.done
    }

    /// The state of the started supervisor once it is ready, or nil when it ended before.
    @FleetLoop private static func wait(
        for command: ChildProcess.Command,
        _ directory: ClusterDirectory,
        _ loop: EventLoop
    ) async -> ClusterState? {
        var hasEnded = false
        guard let child = try? loop.spawn(command, onExit: { _, _ in hasEnded = true }) else {
            return nil
        }
        while !hasEnded {
            if let state = ClusterState.read(from: directory), state.pid == child.pid,
                state.phase == .ready
            {
                return state
            }
            await loop.sleep(milliseconds: 20)
        }
        return nil
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
        self.hasSuffix(suffix) ? String(self.dropLast(suffix.count)) + other : self
    }
}
