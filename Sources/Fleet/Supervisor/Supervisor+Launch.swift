import EventLoop
import Glibc
import Primitives
import Topology
import Wire

/// Bringing a cluster up.
extension Supervisor {
    func start() async throws(ClusterError) {
        try self.checkPorts()
        try self.prepareDirectory()
        try self.checkSurvivors()
        try self.prepareHistory()
        do throws(LoopError) {
            self.server = try HTTPServer(self.loop, port: self.ports.control) {
                await self.answer($0)
            }
        } catch {
            throw ClusterError(error.description, hint: Self.portHint)
        }
        self.saveState()
        try self.startGateway()
        for node in self.nodes { try self.startProcess(node) }
        self.saveState()
        try await self.waitUntilReady()
        await self.apply(toNodes: Set(self.nodes.indices))
        for node in self.nodes { node.isBootstrapped = true }
        await self.announce()
        self.phase = .ready
        self.saveState()
    }

    /// When the ports belong to another cluster of this place, what stops that.
    private var holderHint: String? {
        let others = Files.names(in: ClusterDirectory.root).compactMap {
            ClusterState.read(from: ClusterDirectory(cluster: $0))
        }.filter(\.isRunning)
        guard let other = others.first else { return nil }
        return "Cluster \(other.name) runs here; stop it: atoll down --cluster \(other.name); or "
            + "start beside it: atoll up --port-offset 1000"
    }

    private static let portHint =
        "Stop that process, or start on other ports: atoll up --port-offset 1000"

    /// Reports every port that somebody else has, at once.
    private func checkPorts() throws(ClusterError) {
        var taken: [String] = []
        for (port, purpose) in self.ports.all(self.topology) {
            do throws(LoopError) {
                try self.loop.listen(port: port) { $0.abort() }.close()
            } catch {
                taken.append("\(purpose): \(error.description)")
            }
        }
        guard !taken.isEmpty else { return }
        let listedMax = 4
        var text = taken.prefix(listedMax).joined(separator: "\n       ")
        if taken.count > listedMax {
            text += "\n       and \(taken.count - listedMax) more ports"
        }
        throw ClusterError(text, hint: self.holderHint ?? Self.portHint)
    }

    private func prepareDirectory() throws(ClusterError) {
        do throws(FileError) {
            let before = self.options.isFresh ? nil : ClusterState.read(from: self.directory)
            if self.options.isFresh { try Files.remove(self.directory.path + "/nodes") }
            try Files.createDirectory(self.directory.path)
            let copy = try Files.read(self.topology.path)
            try Files.write(copy, to: self.directory.topologyFile)
            for node in self.nodes {
                try Files.createDirectory(self.directory.nodeDirectory(node.name))
                node.isBootstrapped =
                    before?.nodes.first { $0.name == node.name }?.isBootstrapped ?? false
            }
        } catch {
            throw ClusterError(
                error.description,
                hint: "Choose another place: ATOLL_DIR=/path atoll up"
            )
        }
    }

    /// Refuses to wait for a region that lost more disks than its groups survive: a node without
    /// its data can only be refilled by a majority that still has it.
    private func checkSurvivors() throws(ClusterError) {
        for region in self.topology.regions {
            let former = region.nodes.map { self.nodes[Int($0.index)] }.filter(\.isBootstrapped)
            let lost = former.filter {
                !Files.isDirectory(self.directory.dataDirectory($0.name))
            }
            guard !former.isEmpty, !Self.survives(losing: lost.count, of: former.count) else {
                continue
            }
            let names = lost.map(\.name).joined(separator: ", ")
            throw ClusterError(
                "\(region.name) has lost the data of \(names), more than it can do without",
                hint: "Begin with empty tables: atoll up --fresh"
            )
        }
    }

    static func survives(losing lost: Int, of count: Int) -> Bool { lost <= (count - 1) / 2 }

    private func startGateway() throws(ClusterError) {
        do throws(LoopError) {
            let log = try self.openLog(self.directory.gatewayLog)
            defer { close(log) }
            var arguments = [
                "gateway", "--topology", self.directory.topologyFile, "--port-offset",
                "\(self.options.portOffset)", "--die-with-parent",
            ]
            if let history = self.options.history { arguments += ["--history", history] }
            let command = ChildProcess.Command(self.options.program, arguments, output: log)
            self.gateway = try self.loop.spawn(command) { status, signal in
                self.gateway = nil
                guard !self.isStopping else { return }
                let how = signal != 0 ? "was killed by signal \(signal)" : "ended with \(status)"
                self.note(
                    self.style.red("the gateway \(how)") + self.tail(self.directory.gatewayLog)
                        + "\n  start everything again: atoll down, then atoll up"
                )
            }
        } catch {
            throw ClusterError(
                "cannot start the gateway: \(error.description)",
                hint: "See ulimit -a."
            )
        }
    }

    /// Starts a node's process.
    ///
    /// Without its former data it must not found the cluster again, so only
    /// a node that never was part of it is started with `--bootstrap`.
    func startProcess(_ node: NodeProcess) throws(ClusterError) {
        do throws(LoopError) {
            let log = try self.openLog(self.directory.nodeLog(node.name))
            defer { close(log) }
            var arguments = [
                "node", "--topology", self.directory.topologyFile, "--node", node.name, "--data",
                self.directory.dataDirectory(node.name), "--cluster", self.options.cluster,
                "--port-offset", "\(self.options.portOffset)", "--die-with-parent",
            ]
            if !node.isBootstrapped { arguments.append("--bootstrap") }
            if let log = self.applyLog(of: node) { arguments += ["--apply-log", log] }
            try node.start(
                ChildProcess.Command(self.options.program, arguments, output: log),
                on: self.loop
            ) { self.exitedUnexpectedly($0) }
        } catch {
            throw ClusterError(
                "cannot start \(node.name): \(error.description)",
                hint: "See ulimit -a."
            )
        }
    }

    private func openLog(_ path: String) throws(LoopError) -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            let reason = String(cString: strerror(errno))
            throw LoopError(code: -errno, description: "cannot write \(path): \(reason)")
        }
        return file
    }

    private func exitedUnexpectedly(_ node: NodeProcess) {
        guard !self.isStopping else { return }
        self.note(
            self.style.red("\(node.name) ended: \(node.lastExit ?? "?")")
                + self.tail(self.directory.nodeLog(node.name))
                + "\n  it stays down; start it again: atoll fault restart \(node.name)"
        )
        self.saveState()
    }

    /// The last lines of a log, indented, each on a line of its own.
    func tail(_ path: String) -> String {
        let text = String(decoding: Files.tail(path, limit: 4096), as: UTF8.self)
        let lines = text.split(separator: "\n").suffix(8)
        return lines.isEmpty ? "" : "\n  " + lines.joined(separator: "\n  ")
    }

    private func waitUntilReady() async throws(ClusterError) {
        let deadline = self.loop.now + self.options.readyMilliseconds * 1_000_000
        while true {
            await self.refreshReadiness()
            if self.isStopping { throw ClusterError("interrupted", hint: "") }
            if let dead = self.nodes.first(where: { $0.condition == .dead }) {
                throw ClusterError(
                    "\(dead.name) ended while it started: \(dead.lastExit ?? "?")",
                    hint: "Its log: \(self.directory.nodeLog(dead.name))"
                )
            }
            guard self.gateway != nil else {
                throw ClusterError(
                    "the gateway ended while it started",
                    hint: "Its log: \(self.directory.gatewayLog)"
                )
            }
            let waiting = self.nodes.filter { $0.condition != .ready }
            if waiting.isEmpty { break }
            guard self.loop.now < deadline else {
                let names = waiting.map(\.name).joined(separator: ", ")
                throw ClusterError(
                    "not ready after \(self.options.readyMilliseconds / 1000) s: \(names)"
                        + self.tail(self.directory.nodeLog(waiting[0].name)),
                    hint: "Their logs: \(self.directory.path)/nodes/*/node.log"
                )
            }
            await self.loop.sleep(milliseconds: 20)
        }
        try await self.waitUntilGatewayServes(deadline)
    }

    /// Asks every node that is still starting whether it serves by now.
    func refreshReadiness() async {
        let starting = self.nodes.filter { $0.condition == .starting && $0.answers }
        let answers = await self.http.gather(
            starting.map { Self.statusRequest($0.port, timeoutMilliseconds: 1_000) }
        )
        for (node, answer) in zip(starting, answers) {
            guard case .success(let answer) = answer, answer.json?["ready"]?.bool == true,
                node.condition == .starting
            else { continue }
            node.condition = .ready
        }
    }

    private func waitUntilGatewayServes(_ deadline: UInt64) async throws(ClusterError) {
        while true {
            let answer = await self.http.send(
                HTTPClient.Request(
                    "GET",
                    "/_atoll/status",
                    port: self.ports.gateway,
                    timeoutMilliseconds: 1_000
                )
            )
            if case .success(let answer) = answer, let regions = answer.json?["regions"]?.array {
                let nodes = regions.flatMap { $0["nodes"]?.array ?? [] }
                if nodes.allSatisfy({ $0["health"]?.string == "healthy" }) { return }
            }
            if self.isStopping || self.gateway == nil || self.loop.now > deadline {
                throw ClusterError(
                    "the gateway does not reach every node" + self.tail(self.directory.gatewayLog),
                    hint: "Its log: \(self.directory.gatewayLog)"
                )
            }
            await self.loop.sleep(milliseconds: 10)
        }
    }

    static func statusRequest(_ port: UInt16, timeoutMilliseconds: UInt64) -> HTTPClient.Request {
        HTTPClient.Request(
            "GET",
            "/_atoll/status",
            port: port,
            timeoutMilliseconds: timeoutMilliseconds
        )
    }
}
