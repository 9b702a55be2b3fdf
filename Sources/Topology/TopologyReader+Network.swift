import Primitives

/// The network as written: directed links between regions by rank, and the delay between zones.
struct NetworkDraft {
    var links: [[LinkSettings]]
    var zoneLatency: Nanoseconds = 0

    init(regionCount: Int) {
        let row = [LinkSettings](repeating: .instant, count: regionCount)
        self.links = [[LinkSettings]](repeating: row, count: regionCount)
    }

    /// Changes every link between two different regions.
    mutating func changeAll(_ change: (inout LinkSettings) -> Void) {
        for source in self.links.indices {
            for target in self.links.indices where source != target {
                change(&self.links[source][target])
            }
        }
    }
}

/// Where the delays between regions come from before single pairs are overridden.
private enum LatencySource {
    case aws
    case none
    case uniform(Nanoseconds)
    /// Only from `round-trip`, which must then name every pair.
    case matrix
}

extension TopologyReader {
    static let networkKeys = [
        "latency", "round-trip", "zones", "jitter", "loss", "bandwidth", "links",
    ]
    private static let linkKeys = ["from", "to", "latency", "jitter", "loss", "bandwidth"]

    mutating func network(_ node: YAMLNode?, regions: [RegionDraft]) -> NetworkDraft {
        var draft = NetworkDraft(regionCount: regions.count)
        guard let node else {
            self.applyMeasured(regions, to: &draft)
            return draft
        }
        guard
            let fields = self.fields(
                node,
                of: "network",
                under: " under network",
                known: Self.networkKeys
            )
        else { return draft }
        let matrix = fields["round-trip"]
        switch self.latencySource(fields["latency"], hasMatrix: matrix != nil) {
        case .aws: self.applyMeasured(regions, except: Self.pairs(in: matrix), to: &draft)
        case .uniform(let latency): draft.changeAll { $0.latency = latency }
        case .none: break
        case .matrix:
            let pairs = Self.pairs(in: matrix)
            for (index, from) in regions.enumerated() {
                for to in regions[(index + 1)...] where !pairs.contains([from.name, to.name]) {
                    self.reportLacking(from, to, line: matrix?.line)
                }
            }
        }
        if let matrix { self.applyMatrix(matrix, regions, to: &draft) }
        if let zones = fields["zones"] {
            draft.zoneLatency = self.duration(zones, of: "zones") ?? 0
        }
        let common = self.quality(fields, of: "")
        draft.changeAll { common.apply(to: &$0) }
        if let links = fields["links"] { self.applyLinks(links, regions, to: &draft) }
        return draft
    }

    // MARK: Delays between regions

    private mutating func latencySource(_ node: YAMLNode?, hasMatrix: Bool) -> LatencySource {
        guard let node else { return hasMatrix ? .matrix : .aws }
        let allowed = "aws (measured round trips), none, or a one-way delay such as 35ms"
        guard let text = self.text(node, of: "latency", allowed: allowed) else { return .none }
        if text == "aws" { return .aws }
        if text == "none" { return .none }
        guard text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true else {
            let hint = self.clause(for: text, among: ["aws", "none"], otherwise: "")
            self.report(
                node.line,
                "latency is \(Self.quoted(text)); allowed is \(allowed)\(hint)"
            )
            return .none
        }
        return self.duration(node, of: "latency").map { .uniform($0) } ?? .none
    }

    /// Half of each measured round trip, both ways.
    ///
    /// A region that the data lack is a fault unless `round-trip` names all its pairs.
    private mutating func applyMeasured(
        _ regions: [RegionDraft],
        except pairs: Set<[String]> = [],
        to draft: inout NetworkDraft
    ) {
        for region in regions where !RegionDistances.regions.contains(region.name) {
            let others = regions.filter { $0.name != region.name }
            guard let other = others.first(where: { !pairs.contains([region.name, $0.name]) })
            else { continue }
            let hint = self.clause(
                for: region.name,
                among: RegionDistances.regions,
                otherwise: ""
            )
            self.report(
                region.line,
                "no round trip from '\(region.name)' to '\(other.name)' is known (latency: aws); "
                    + "allowed are AWS regions, or under network 'round-trip' for every such pair, "
                    + "or another 'latency'\(hint)"
            )
        }
        for (source, from) in regions.enumerated() {
            for (target, to) in regions.enumerated() where source != target {
                guard let whole = RegionDistances.roundTrip(from.name, to.name) else { continue }
                draft.links[source][target].latency = whole / 2
            }
        }
    }

    /// Every pair that a round-trip matrix names, both ways round.
    private static func pairs(in matrix: YAMLNode?) -> Set<[String]> {
        guard let matrix, case .mapping(let rows) = matrix.content else { return [] }
        var pairs: Set<[String]> = []
        for row in rows {
            guard case .mapping(let cells) = row.value.content else { continue }
            for cell in cells { pairs.formUnion([[row.key, cell.key], [cell.key, row.key]]) }
        }
        return pairs
    }

    private mutating func reportLacking(_ from: RegionDraft, _ to: RegionDraft, line: Int?) {
        self.report(
            line,
            "round-trip lacks \(from.name) to \(to.name); allowed is every pair, or a 'latency' "
                + "for those that are not named"
        )
    }

    private mutating func applyMatrix(
        _ matrix: YAMLNode,
        _ regions: [RegionDraft],
        to draft: inout NetworkDraft
    ) {
        let place = " under round-trip"
        guard let rows = self.entries(matrix, of: "round-trip", under: place) else { return }
        var lines: [[Int]: Int] = [:]
        for row in rows {
            let source = self.regionIndex(row.key, line: row.line, place: place, regions)
            guard let cells = self.entries(row.value, of: "'\(row.key)'\(place)", under: place)
            else { continue }
            for cell in cells {
                let target = self.regionIndex(cell.key, line: cell.line, place: place, regions)
                let name = "round-trip \(row.key) to \(cell.key)"
                let value = self.duration(
                    cell.value,
                    of: name,
                    max: TopologyLimits.roundTripMax
                )
                guard let source, let target else { continue }
                guard source != target else {
                    self.report(
                        cell.line,
                        "\(name) is of a region to itself; allowed are two regions"
                    )
                    continue
                }
                if let first = lines[[min(source, target), max(source, target)]] {
                    self.report(
                        cell.line,
                        "\(name) again, first on line \(first); a round trip counts for both "
                            + "directions ('links' sets one)"
                    )
                    continue
                }
                lines[[min(source, target), max(source, target)]] = cell.line
                draft.links[source][target].latency = (value ?? 0) / 2
                draft.links[target][source].latency = (value ?? 0) / 2
            }
        }
    }

    private mutating func regionIndex(
        _ name: String,
        line: Int,
        place: String,
        _ regions: [RegionDraft]
    ) -> Int? {
        if let index = regions.firstIndex(where: { $0.name == name }) { return index }
        guard self.hasAllRegions else { return nil }
        let names = regions.map(\.name)
        let hint = self.clause(
            for: name,
            among: names,
            otherwise: "; regions are " + names.joined(separator: ", ")
        )
        self.report(line, "unknown region \(Self.quoted(name))\(place)\(hint)")
        return nil
    }

    // MARK: Jitter, loss, bandwidth

    /// What a mapping says about the quality of links; nil leaves it as it was.
    private struct Quality {
        var latency: Nanoseconds?
        var jitter: Nanoseconds?
        var lossPerMillion: UInt32?
        var bandwidth: UInt64?

        func apply(to link: inout LinkSettings) {
            if let latency = self.latency { link.latency = latency }
            if let jitter = self.jitter { link.jitter = jitter }
            if let loss = self.lossPerMillion { link.lossPerMillion = loss }
            if let bandwidth = self.bandwidth { link.bandwidth = bandwidth }
        }
    }

    private mutating func quality(_ fields: Fields, of link: String) -> Quality {
        var quality = Quality()
        if let node = fields["jitter"] {
            quality.jitter = self.duration(node, of: "jitter" + link)
        }
        if let node = fields["loss"] {
            let max = TopologyLimits.lossPerMillionMax
            quality.lossPerMillion = self.quantity(
                node,
                of: "loss" + link,
                .ratio,
                in: 0...max,
                text: "0% to \(Quantity.text(partsPerMillion: max))",
                Quantity.partsPerMillion
            )
        }
        if let node = fields["bandwidth"] {
            let range = TopologyLimits.bandwidthRange
            let low = Quantity.text(bandwidth: range.lowerBound)
            let high = Quantity.text(bandwidth: range.upperBound)
            quality.bandwidth = self.quantity(
                node,
                of: "bandwidth" + link,
                .bandwidth,
                in: range,
                text: "\(low) to \(high)",
                Quantity.bandwidth
            )
        }
        return quality
    }

    private mutating func applyLinks(
        _ node: YAMLNode,
        _ regions: [RegionDraft],
        to draft: inout NetworkDraft
    ) {
        guard case .sequence(let items) = node.content else {
            self.report(
                node.line,
                "links is \(Self.kind(node)); allowed is a list such as "
                    + "[{from: us-east-1, to: eu-west-1, loss: 1%}]"
            )
            return
        }
        var lines: [[Int]: Int] = [:]
        for item in items {
            guard
                let fields = self.fields(
                    item,
                    of: "a link",
                    under: " in a link",
                    known: Self.linkKeys
                )
            else { continue }
            let source = self.end("from", fields, item, regions)
            let target = self.end("to", fields, item, regions)
            var quality = self.quality(fields, of: " of a link")
            if let latency = fields["latency"] {
                quality.latency = self.duration(latency, of: "latency of a link")
            }
            if !fields.entries.contains(where: { $0.key != "from" && $0.key != "to" }) {
                self.report(
                    item.line,
                    "a link that changes nothing; allowed are latency, jitter, loss, bandwidth"
                )
            }
            guard let source, let target else { continue }
            guard source != target else {
                self.report(item.line, "a link from a region to itself; allowed are two regions")
                continue
            }
            if let first = lines[[source, target]] {
                let pair = "\(regions[source].name) to \(regions[target].name)"
                self.report(
                    item.line,
                    "the link \(pair) again, first on line \(first); once is allowed"
                )
                continue
            }
            lines[[source, target]] = item.line
            quality.apply(to: &draft.links[source][target])
        }
    }

    private mutating func end(
        _ key: String,
        _ fields: Fields,
        _ link: YAMLNode,
        _ regions: [RegionDraft]
    ) -> Int? {
        guard let node = fields[key] else {
            self.report(link.line, "a link without '\(key)'; allowed is a region of this file")
            return nil
        }
        guard
            let name = self.text(node, of: "'\(key)' of a link", allowed: "a region of this file")
        else { return nil }
        return self.regionIndex(name, line: node.line, place: " in a link", regions)
    }
}
