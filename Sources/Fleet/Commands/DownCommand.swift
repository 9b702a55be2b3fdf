import Glibc

/// `atoll down`: stops clusters and returns when nothing of them runs.
enum DownCommand {
    private static let patienceMilliseconds = 20_000

    static func run(_ command: ParsedCommand, _ console: Console) throws(ClusterError) -> Int32 {
        guard command.has("--all") else {
            return try self.stop(
                ClusterDirectory.running(named: command.value("--cluster")),
                console
            )
        }
        let running = Files.names(in: ClusterDirectory.root).compactMap {
            ClusterState.read(from: ClusterDirectory(cluster: $0))
        }.filter(\.isRunning)
        if running.isEmpty { console.print("nothing runs in \(ClusterDirectory.root)\n") }
        var code = ExitCode.done
        for state in running { code = max(code, try self.stop(state, console)) }
        return code
    }

    private static func stop(
        _ state: ClusterState,
        _ console: Console
    ) throws(ClusterError) -> Int32 {
        do throws(ClusterError) {
            _ = try ControlClient(cluster: state).ask("POST", "/v1/shutdown")
        } catch {
            // It may still be starting, or be stuck; the signal means the same.
            kill(state.pid, SIGTERM)
        }
        var waited = 0
        while ProcessTable.isAlive(state.pid, startTime: state.pidStartTime) {
            guard waited < self.patienceMilliseconds else {
                throw ClusterError(
                    "process \(state.pid) of \(state.name) does not end",
                    hint: "End it by force; its nodes end with it: kill -9 \(state.pid)"
                )
            }
            usleep(20_000)
            waited += 20
        }
        console.print(
            "stopped \(state.name); its data stays in "
                + "\(ClusterDirectory(cluster: state.name).path)\n"
        )
        return ExitCode.done
    }
}
