import Primitives

/// Which bytes a name may have: names become ports' labels, directories and words of commands.
enum NameRule {
    /// Lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen.
    static func isName(_ text: String, bytesMax: Int) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= bytesMax else {
            return false
        }
        let isLetter = { (byte: UInt8) in byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        let hyphen = UInt8(ascii: "-")
        guard isLetter(first), last != hyphen else { return false }
        return bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == hyphen }
    }

    /// Lower-case letters only, so that `a2` can be the second node of zone `a` and nothing else.
    static func isZone(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= TopologyLimits.zoneNameBytesMax
            && text.utf8.allSatisfy { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
    }
}

/// A region as written, before ids and ports are known.
struct RegionDraft {
    var name: String
    var line: Int
    var zones: [String]
    var nodeCount: Int

    static let zonesDefault = ["a", "b", "c"]
    static let nodesDefault = 3

    /// Nodes go to the zones in turn.
    func zone(ofNode index: Int) -> String { self.zones[index % self.zones.count] }

    func nodeName(_ index: Int) -> String {
        let round = index / self.zones.count
        return "\(self.name)-\(self.zone(ofNode: index))" + (round == 0 ? "" : "\(round + 1)")
    }
}

extension TopologyReader {
    static let regionKeys = ["name", "zones", "nodes"]
    static let clockKeys = ["offset", "drift"]
    private static let regionsForm = "a list of regions, each a name or a mapping with 'name'"
    private static let nameForm = "lower-case letters, digits and hyphens, beginning with a letter"

    // MARK: Regions

    mutating func regions(_ node: YAMLNode?, line: Int) -> [RegionDraft] {
        guard let node else {
            self.report(line, "no regions; allowed is \(Self.regionsForm)")
            return []
        }
        guard case .sequence(let items) = node.content, !items.isEmpty else {
            let found = node.content == .sequence([]) ? "an empty list" : Self.kind(node)
            self.report(node.line, "regions is \(found); allowed is \(Self.regionsForm)")
            return []
        }
        var regions: [RegionDraft] = []
        let max = TopologyLimits.regionsMax
        if items.count > max {
            self.report(node.line, "\(items.count) regions; allowed are at most \(max)")
        }
        for item in items.prefix(max) {
            guard let region = self.region(item) else { continue }
            if let first = regions.first(where: { $0.name == region.name }) {
                self.report(
                    region.line,
                    "region '\(region.name)' again, first on line \(first.line); names must differ"
                )
            } else {
                regions.append(region)
            }
        }
        self.checkCounts(regions, line: node.line)
        self.checkNames(regions)
        return regions
    }

    private mutating func region(_ node: YAMLNode) -> RegionDraft? {
        if case .scalar = node.content {
            guard let name = self.regionName(node) else { return nil }
            return RegionDraft(
                name: name,
                line: node.line,
                zones: RegionDraft.zonesDefault,
                nodeCount: RegionDraft.nodesDefault
            )
        }
        guard
            let fields = self.fields(
                node,
                of: "a region",
                under: " in a region",
                known: Self.regionKeys
            )
        else { return nil }
        guard let nameNode = fields["name"] else {
            self.report(node.line, "a region without 'name'; allowed is \(Self.nameForm)")
            return nil
        }
        let name = self.regionName(nameNode)
        let label = name ?? "the region"
        let count = fields["nodes"].flatMap {
            self.integer($0, of: "nodes of \(label)", in: 1...TopologyLimits.nodesPerRegionMax)
        }
        var zones: [String]?
        if let node = fields["zones"] { zones = self.zones(node, of: label) }
        let nodeCount = count ?? zones?.count ?? RegionDraft.nodesDefault
        if let zones, let node = fields["zones"], let empty = zones.dropFirst(nodeCount).first {
            self.report(
                node.line,
                "zone '\(empty)' of \(label) gets no node, as the region has \(nodeCount); "
                    + "allowed are at most as many zones as nodes"
            )
        }
        guard let name else { return nil }
        return RegionDraft(
            name: name,
            line: nameNode.line,
            zones: zones ?? Array(RegionDraft.zonesDefault.prefix(nodeCount)),
            nodeCount: nodeCount
        )
    }

    private mutating func regionName(_ node: YAMLNode) -> String? {
        let max = TopologyLimits.regionNameBytesMax
        let allowed = "a name of \(Self.nameForm), at most \(max) bytes"
        guard let text = self.text(node, of: "a region's name", allowed: allowed) else {
            return nil
        }
        guard NameRule.isName(text, bytesMax: max) else {
            self.report(
                node.line,
                "a region's name is \(Self.quoted(text)); allowed is \(allowed)"
            )
            return nil
        }
        return text
    }

    private mutating func zones(_ node: YAMLNode, of region: String) -> [String]? {
        let max = TopologyLimits.zonesPerRegionMax
        let allowed =
            "a list of 1 to \(max) names of at most \(TopologyLimits.zoneNameBytesMax) "
            + "lower-case letters, such as [a, b, c]"
        let name = "zones of \(region)"
        guard case .sequence(let items) = node.content, !items.isEmpty, items.count <= max else {
            let found: String
            if case .sequence(let items) = node.content {
                found = "a list of \(items.count)"
            } else {
                found = Self.kind(node)
            }
            self.report(node.line, "\(name) is \(found); allowed is \(allowed)")
            return nil
        }
        var zones: [String] = []
        for item in items {
            guard let text = self.text(item, of: "a zone of \(region)", allowed: allowed) else {
                continue
            }
            if !NameRule.isZone(text) {
                let found = Self.quoted(text)
                self.report(item.line, "a zone of \(region) is \(found); allowed is \(allowed)")
            } else if zones.contains(text) {
                self.report(item.line, "zone '\(text)' of \(region) again; names must differ")
            } else {
                zones.append(text)
            }
        }
        return zones.isEmpty ? nil : zones
    }

    private mutating func checkCounts(_ regions: [RegionDraft], line: Int) {
        let nodes = regions.reduce(0) { $0 + $1.nodeCount }
        if nodes > TopologyLimits.nodesMax {
            self.report(line, "\(nodes) nodes; allowed are at most \(TopologyLimits.nodesMax)")
        }
    }

    /// A word of a command must mean one thing: a region or a node.
    private mutating func checkNames(_ regions: [RegionDraft]) {
        let names = Set(regions.map(\.name))
        for region in regions {
            for index in 0..<region.nodeCount where names.contains(region.nodeName(index)) {
                self.report(
                    region.line,
                    "a node of region '\(region.name)' is named '\(region.nodeName(index))', as a "
                        + "region is; names must differ"
                )
            }
        }
    }

    // MARK: Replication

    mutating func replicationFactor(_ node: YAMLNode?, regions: [RegionDraft]) -> Int {
        let range = 1...TopologyLimits.replicationFactorMax
        var factor = 3
        if let node {
            guard let value = self.integer(node, of: "replication-factor", in: range) else {
                return factor
            }
            factor = value
        }
        for region in regions where region.nodeCount < factor {
            let source = node == nil ? " (the default)" : ""
            let nodes = region.nodeCount == 1 ? "1 node" : "\(region.nodeCount) nodes"
            self.report(
                node?.line ?? region.line,
                "replication-factor is \(factor)\(source) and region '\(region.name)' has "
                    + "\(nodes); allowed is at most the nodes of the smallest region"
            )
        }
        return factor
    }

    // MARK: Clocks

    /// Clocks by node name, region settings first and node settings over them.
    mutating func clocks(_ node: YAMLNode?, regions: [RegionDraft]) -> [String: ClockSettings] {
        guard let node, let entries = self.entries(node, of: "clocks", under: " under clocks")
        else { return [:] }
        let regionNames = regions.map(\.name)
        let nodeNames = regions.flatMap { region in
            (0..<region.nodeCount).map { region.nodeName($0) }
        }
        var clocks: [String: ClockSettings] = [:]
        // Regions before nodes, whatever the order of the file.
        for entry in entries where regionNames.contains(entry.key) {
            guard let region = regions.first(where: { $0.name == entry.key }) else { continue }
            let clock = self.clock(entry, over: .exact)
            for index in 0..<region.nodeCount { clocks[region.nodeName(index)] = clock }
        }
        for entry in entries where !regionNames.contains(entry.key) {
            guard nodeNames.contains(entry.key) else {
                guard self.hasAllRegions else { continue }
                let hint = self.clause(
                    for: entry.key,
                    among: regionNames + nodeNames,
                    otherwise: "; regions are " + regionNames.joined(separator: ", ")
                )
                let found = Self.quoted(entry.key)
                self.report(
                    entry.line,
                    "\(found) under clocks is neither a region nor a node\(hint)"
                )
                continue
            }
            clocks[entry.key] = self.clock(entry, over: clocks[entry.key] ?? .exact)
        }
        return clocks
    }

    private mutating func clock(_ entry: YAMLEntry, over base: ClockSettings) -> ClockSettings {
        var clock = base
        let name = "the clock of \(entry.key)"
        guard
            let fields = self.fields(
                entry.value,
                of: name,
                under: " in \(name)",
                known: Self.clockKeys
            )
        else { return clock }
        if let node = fields["offset"] {
            let max = Int64(TopologyLimits.clockOffsetMax)
            let value = self.quantity(
                node,
                of: "offset of \(entry.key)",
                .signedDuration,
                in: -max...max,
                text: "-168h to +168h",
                Quantity.signedDuration
            )
            if let value { clock.offsetNanoseconds = value }
        }
        if let node = fields["drift"] {
            let max = TopologyLimits.driftPPMMax
            let value = self.quantity(
                node,
                of: "drift of \(entry.key)",
                .drift,
                in: -max...max,
                text: "-\(max)ppm to +\(max)ppm",
                Quantity.drift
            )
            if let value { clock.driftPPM = value }
        }
        return clock
    }
}
