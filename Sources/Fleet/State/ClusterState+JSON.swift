package import Wire

extension ClusterState {
    package var json: JSONValue {
        [
            "name": .string(self.name), "phase": .string(self.phase.rawValue),
            "pid": .integer(self.pid), "pidStartTime": .integer(self.pidStartTime),
            "controlPort": .integer(self.controlPort), "gatewayPort": .integer(self.gatewayPort),
            "gatewayPid": self.gatewayPid.map { .integer($0) } ?? .null,
            "portOffset": .integer(self.portOffset), "topology": .string(self.topology),
            "failure": self.failure.map { .string($0) } ?? .null,
            "regions": .array(
                self.regions.map { ["name": .string($0.name), "port": .integer($0.port)] }
            ),
            "nodes": .array(
                self.nodes.map { node in
                    [
                        "name": .string(node.name), "region": .string(node.region),
                        "zone": .string(node.zone), "port": .integer(node.port),
                        "pid": node.pid.map { .integer($0) } ?? .null,
                        "bootstrapped": .bool(node.isBootstrapped),
                    ]
                }
            ),
        ]
    }

    /// Nil when the text is not what ``json`` writes.
    package init?(json: JSONValue) {
        guard let name = json["name"]?.string,
            let phase = json["phase"]?.string.flatMap(Phase.init(rawValue:)),
            let pid = json["pid"]?.int, let controlPort = json["controlPort"]?.int,
            let gatewayPort = json["gatewayPort"]?.int, let regions = json["regions"]?.array,
            let nodes = json["nodes"]?.array
        else { return nil }
        self.init(
            name: name,
            phase: phase,
            pid: Int32(truncatingIfNeeded: pid),
            pidStartTime: json["pidStartTime"]?.uint64 ?? 0,
            controlPort: UInt16(truncatingIfNeeded: controlPort),
            gatewayPort: UInt16(truncatingIfNeeded: gatewayPort),
            gatewayPid: json["gatewayPid"]?.int.map { Int32(truncatingIfNeeded: $0) },
            portOffset: json["portOffset"]?.int ?? 0,
            topology: json["topology"]?.string ?? "",
            regions: regions.compactMap(Region.init(json:)),
            nodes: nodes.compactMap(Node.init(json:)),
            failure: json["failure"]?.string
        )
    }

    package func write(to directory: ClusterDirectory) throws(FileError) {
        try Files.write(Array(self.json.pretty().utf8) + [0x0A], to: directory.stateFile)
    }

    /// Nil when there is none, or none that can be read.
    package static func read(from directory: ClusterDirectory) -> ClusterState? {
        guard let bytes = try? Files.read(directory.stateFile),
            let json = try? JSONValue(parsing: bytes)
        else { return nil }
        return ClusterState(json: json)
    }

    /// True while the supervisor that wrote this runs.
    package var isRunning: Bool {
        (self.phase == .starting || self.phase == .ready)
            && ProcessTable.isAlive(self.pid, startTime: self.pidStartTime)
    }
}

extension ClusterState.Region {
    fileprivate init?(json: JSONValue) {
        guard let name = json["name"]?.string, let port = json["port"]?.int else { return nil }
        self.init(name: name, port: UInt16(truncatingIfNeeded: port))
    }
}

extension ClusterState.Node {
    fileprivate init?(json: JSONValue) {
        guard let name = json["name"]?.string, let port = json["port"]?.int else { return nil }
        self.init(
            name: name,
            region: json["region"]?.string ?? "",
            zone: json["zone"]?.string ?? "",
            port: UInt16(truncatingIfNeeded: port),
            pid: json["pid"]?.int.map { Int32(truncatingIfNeeded: $0) },
            isBootstrapped: json["bootstrapped"]?.bool ?? false
        )
    }
}

extension ClusterDirectory {
    /// The cluster that a command means: the named one, or the only one that runs here.
    package static func running(named name: String?) throws(ClusterError) -> ClusterState {
        if let name {
            guard let state = ClusterState.read(from: ClusterDirectory(cluster: name)) else {
                throw ClusterError(
                    "there is no cluster \(name) in \(self.root)",
                    hint: "Start it: atoll up --cluster \(name)"
                )
            }
            guard state.isRunning else {
                let offset = state.portOffset == 0 ? "" : " --port-offset \(state.portOffset)"
                throw ClusterError(
                    "cluster \(name) is not running",
                    hint: "Start it: atoll up \(state.topology) --cluster \(name)\(offset)"
                )
            }
            return state
        }
        let states = Files.names(in: self.root).compactMap {
            ClusterState.read(from: ClusterDirectory(cluster: $0))
        }.filter(\.isRunning)
        guard let state = states.first else {
            throw ClusterError(
                "no cluster is running in \(self.root)",
                hint: "Start one: atoll up; or go to the directory in which one was started."
            )
        }
        guard states.count == 1 else {
            let names = states.map(\.name).joined(separator: ", ")
            throw ClusterError(
                "several clusters are running here: \(names)",
                hint: "Choose one: --cluster \(state.name)"
            )
        }
        return state
    }
}
