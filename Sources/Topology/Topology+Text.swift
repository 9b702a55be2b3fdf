import Placement
import Primitives

extension Topology {
    /// The topology for people: a summary, nodes, round trips, and links that are not plain.
    package var table: String {
        var text = "\(self.name)  (\(self.path))\n"
        text += "  replication factor \(self.replicationFactor), "
        text += "\(self.partitionsPerTable) partitions per table, "
        text += "durability \(self.durability.rawValue), stamps \(self.stamps.rawValue)\n"
        text += "  gateway http://127.0.0.1:\(self.gatewayPort), control port \(self.controlPort), "
        text += "default region \(self.region(self.defaultRegion).name)\n"
        text += "\n" + self.regionTable + "\n" + self.nodeTable
        if self.regions.count > 1 { text += "\n" + self.roundTripTable }
        text += self.linkTable
        return text
    }

    private var regionTable: String {
        var table = TextTable(
            heading: ["rank", "region", "endpoint", "nodes", "zones"],
            rightAligned: [0, 3]
        )
        for region in self.regions {
            table.row([
                "\(region.id.rank)", region.name, "http://127.0.0.1:\(region.port)",
                "\(region.nodes.count)", region.zones.joined(separator: " "),
            ])
        }
        return table.text(indent: "  ")
    }

    private var nodeTable: String {
        let hasClocks = self.nodes.contains { $0.clock != .exact }
        var heading = ["node", "zone", "client", "peer", "ring share"]
        if hasClocks { heading.append("clock") }
        var table = TextTable(heading: heading, rightAligned: [2, 3, 4])
        for region in self.regions {
            for (id, share) in self.ring(of: region.id).ownership() {
                let node = self.node(id)
                let tenths = (share + 500) / 1_000
                var cells = [
                    node.name, node.zone, "\(node.clientPort)", "\(node.peerPort)",
                    "\(tenths / 10).\(tenths % 10)%",
                ]
                if hasClocks { cells.append(Self.text(node.clock)) }
                table.row(cells)
            }
        }
        return table.text(indent: "  ")
    }

    private static func text(_ clock: ClockSettings) -> String {
        var parts: [String] = []
        if clock.offsetNanoseconds != 0 {
            parts.append(Quantity.text(signedNanoseconds: clock.offsetNanoseconds))
        }
        if clock.driftPPM != 0 {
            parts.append("\(clock.driftPPM > 0 ? "+" : "")\(clock.driftPPM)ppm")
        }
        return parts.isEmpty ? "exact" : parts.joined(separator: " ")
    }

    private var roundTripTable: String {
        let columns = self.regions.map(\.name)
        var table = TextTable(heading: [""] + columns, rightAligned: Set(1...columns.count))
        for source in self.regions {
            let cells = self.regions.map { target in
                source.id == target.id
                    ? "·" : Quantity.milliseconds(self.roundTrip(source.id, target.id))
            }
            table.row([source.name] + cells)
        }
        return "  round trips asked, ms\n" + table.text(indent: "  ")
    }

    /// Links with more than a delay, and what lies between zones; empty when there is nothing.
    private var linkTable: String {
        var table = TextTable(
            heading: ["from", "to", "one way", "jitter", "loss", "bandwidth"],
            rightAligned: [2, 3, 4, 5]
        )
        var isEmpty = true
        for source in self.regions {
            for target in self.regions where source.id != target.id {
                let link = self.linkSettings(from: source.id, to: target.id)
                let back = self.linkSettings(from: target.id, to: source.id)
                guard link != LinkSettings(latency: link.latency) || link.latency != back.latency
                else { continue }
                isEmpty = false
                table.row([
                    source.name, target.name, Quantity.text(nanoseconds: link.latency),
                    Quantity.text(nanoseconds: link.jitter),
                    Quantity.text(partsPerMillion: link.lossPerMillion),
                    link.bandwidth.map { Quantity.text(bandwidth: $0) } ?? "unlimited",
                ])
            }
        }
        var text = ""
        if self.zoneLatency > 0 {
            let delay = Quantity.text(nanoseconds: self.zoneLatency)
            text += "\n  between zones of a region, one way \(delay)\n"
        }
        return isEmpty ? text : text + "\n" + table.text(indent: "  ")
    }
}
