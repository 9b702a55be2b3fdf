import Primitives

extension Topology {
    static let keys = [
        "name", "regions", "replication-factor", "partitions-per-table", "durability", "stamps",
        "network", "clocks", "ports", "default-region", "control-plane-delay", "ttl-sweep",
        "item-collection-limit",
    ]

    /// Every key at every level, each once; the manual names them all.
    package static var documentedKeys: [String] {
        let ports = PortsDraft.defaults(regionCount: 1, nodeCount: 1).runs.map(\.key)
        let nested = TopologyReader.regionKeys + TopologyReader.networkKeys
        let all = Self.keys + nested + TopologyReader.clockKeys + ports
        return Set(all).sorted()
    }

    /// Reads a topology from the bytes of a YAML file.
    ///
    /// `path` is for messages. A file that does not name its cluster gets `defaultName`, or else
    /// the name of the file.
    ///
    /// - Throws: every fault of the file at once.
    package init(
        yaml bytes: [UInt8],
        path: String,
        defaultName: String? = nil
    ) throws(TopologyError) {
        let root: YAMLNode?
        do throws(YAMLError) {
            root = try YAMLParser.document(in: bytes)
        } catch {
            throw TopologyError(faults: [
                TopologyFault(
                    path: path,
                    line: error.line,
                    column: error.column,
                    message: error.message
                )
            ])
        }
        var reader = TopologyReader(
            path: path,
            defaultName: defaultName ?? Self.defaultName(path: path)
        )
        let topology = reader.topology(root ?? YAMLNode(line: 1, content: .mapping([])))
        guard let topology, reader.faults.isEmpty else {
            throw TopologyError(faults: reader.sortedFaults)
        }
        self = topology
    }

    /// The cluster's name that a file has when it does not say one: the file's, without its ending.
    static func defaultName(path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? ""
        for ending in [".yaml", ".yml"] where name.hasSuffix(ending) {
            name.removeLast(ending.count)
        }
        return name
    }
}

extension TopologyReader {
    /// In the order of the file, with a last word when there were more than are kept.
    var sortedFaults: [TopologyFault] {
        var sorted = self.faults.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }.map(\.element)
        if self.isFull {
            sorted.append(
                TopologyFault(path: self.path, message: "more faults follow; mend these first")
            )
        }
        return sorted
    }

    /// The whole topology, or nil when a region is lacking; valid only without faults.
    mutating func topology(_ root: YAMLNode) -> Topology? {
        guard let fields = self.fields(root, of: "the file", under: "", known: Topology.keys)
        else { return nil }
        let name = self.name(fields["name"])
        let faultsBefore = self.faults.count
        let regions = self.regions(fields["regions"], line: root.line)
        self.hasAllRegions = self.faults.count == faultsBefore
        let nodeCount = regions.reduce(0) { $0 + $1.nodeCount }
        let factor = self.replicationFactor(fields["replication-factor"], regions: regions)
        let partitions = fields["partitions-per-table"].flatMap {
            self.integer(
                $0,
                of: "partitions-per-table",
                in: 1...TopologyLimits.partitionsPerTableMax
            )
        }
        let durability = fields["durability"].flatMap {
            self.choice($0, of: "durability", Durability.self)
        }
        let stamps = fields["stamps"].flatMap { self.choice($0, of: "stamps", StampKind.self) }
        let network = self.network(fields["network"], regions: regions)
        let clocks = self.clocks(fields["clocks"], regions: regions)
        let ports = self.ports(
            fields["ports"],
            regionCount: regions.count,
            nodeCount: nodeCount,
            line: root.line
        )
        let defaultRegion = self.defaultRegion(fields["default-region"], regions)
        guard self.faults.isEmpty else { return nil }
        var topology = Topology(
            name: name,
            path: self.path,
            regions: [],
            nodes: [],
            replicationFactor: factor,
            partitionsPerTable: partitions ?? 4,
            durability: durability ?? .process,
            stamps: stamps ?? .hybrid,
            defaultRegion: defaultRegion,
            gatewayPort: UInt16(ports.first("gateway")),
            controlPort: UInt16(ports.first("control")),
            zoneLatency: network.zoneLatency,
            regionLinks: network.links
        )
        topology.tables = self.tables(fields)
        guard self.faults.isEmpty else { return nil }
        topology.number(regions, ports: ports, clocks: clocks)
        return topology
    }

    private mutating func name(_ node: YAMLNode?) -> String {
        let max = TopologyLimits.clusterNameBytesMax
        let allowed =
            "lower-case letters, digits and hyphens, beginning with a letter, at most \(max) bytes"
        guard let node else {
            let name = self.defaultName
            if !NameRule.isName(name, bytesMax: max) {
                self.report(
                    1,
                    "the file's name \(Self.quoted(name)) cannot name the cluster; write 'name:', "
                        + "of \(allowed)"
                )
            }
            return name
        }
        guard let text = self.text(node, of: "name", allowed: allowed) else { return "" }
        if !NameRule.isName(text, bytesMax: max) {
            self.report(node.line, "name is \(Self.quoted(text)); allowed are \(allowed)")
        }
        return text
    }

    private mutating func defaultRegion(_ node: YAMLNode?, _ regions: [RegionDraft]) -> RegionID {
        guard let node else { return RegionID(0) }
        let names = regions.map(\.name)
        let allowed = "a region of this file"
        guard let text = self.text(node, of: "default-region", allowed: allowed) else {
            return RegionID(0)
        }
        guard let rank = names.firstIndex(of: text), rank <= Int(UInt8.max) else {
            guard self.hasAllRegions else { return RegionID(0) }
            let hint = self.clause(
                for: text,
                among: names,
                otherwise: "; regions are " + names.joined(separator: ", ")
            )
            self.report(
                node.line,
                "default-region is \(Self.quoted(text)); allowed is \(allowed)\(hint)"
            )
            return RegionID(0)
        }
        return RegionID(UInt8(rank))
    }
}

extension Topology {
    /// Gives regions their ranks, nodes their ids, and both their ports, in the order of the file.
    fileprivate mutating func number(
        _ drafts: [RegionDraft],
        ports: PortsDraft,
        clocks: [String: ClockSettings]
    ) {
        for (rank, draft) in drafts.enumerated() {
            let region = RegionID(UInt8(rank))
            let firstNode = self.nodes.count
            for index in 0..<draft.nodeCount {
                let number = self.nodes.count
                let name = draft.nodeName(index)
                self.nodes.append(
                    Node(
                        id: NodeID(UInt16(number)),
                        name: name,
                        region: region,
                        zone: draft.zone(ofNode: index),
                        clientPort: UInt16(ports.first("nodes") + number),
                        peerPort: UInt16(ports.first("peers") + number),
                        clock: clocks[name] ?? .exact
                    )
                )
            }
            self.regions.append(
                Region(
                    id: region,
                    name: draft.name,
                    zones: draft.zones,
                    nodes: (firstNode..<self.nodes.count).map { NodeID(UInt16($0)) },
                    port: UInt16(ports.first("regions") + rank)
                )
            )
        }
    }
}

extension TopologyReader {
    fileprivate mutating func tables(_ fields: Fields) -> TableTopology {
        var tables = TableTopology()
        if let node = fields["control-plane-delay"],
            let delay = self.duration(
                node,
                of: "control-plane-delay",
                max: TopologyLimits.controlPlaneDelayMax
            )
        {
            tables.controlPlaneDelay = delay
        }
        if let node = fields["ttl-sweep"],
            let period = self.quantity(
                node,
                of: "ttl-sweep",
                .duration,
                in: TopologyLimits.expiryPeriods,
                text: "100ms to 86400s",
                Quantity.duration
            )
        {
            tables.expiryPeriod = period
        }
        if let node = fields["item-collection-limit"],
            let bytes = self.integer(
                node,
                of: "item-collection-limit",
                in: TopologyLimits.collectionBytes
            )
        {
            tables.collectionBytesMax = UInt64(bytes)
        }
        return tables
    }
}
