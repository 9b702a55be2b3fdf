import EventLoop
import Glibc

/// `atoll down`: stops clusters and returns when nothing of them runs.
enum DownCommand {
    private static let patience: UInt64 = 20_000_000_000

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
        guard try self.ends(state) else {
            throw ClusterError(
                "process \(state.pid) of \(state.name) does not end",
                hint: "End it by force; its nodes end with it: kill -9 \(state.pid)"
            )
        }
        console.print(
            "stopped \(state.name); its data stays in "
                + "\(ClusterDirectory(cluster: state.name).path)\n"
        )
        return ExitCode.done
    }

    /// Waits for the supervisor's process; false when patience ends first.
    private static func ends(_ state: ClusterState) throws(ClusterError) -> Bool {
        do throws(LoopError) {
            return try FleetLoop.run { loop in
                let deadline = loop.now + self.patience
                while ProcessTable.isAlive(state.pid, startTime: state.pidStartTime) {
                    guard loop.now < deadline else { return false }
                    await loop.sleep(milliseconds: 20)
                }
                return true
            }
        } catch {
            throw ClusterError(error.description, hint: "See ulimit -a.")
        }
    }
}
