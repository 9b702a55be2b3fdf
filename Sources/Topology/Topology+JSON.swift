import Placement
import Primitives

/// Writes JSON for `topology show --json`: indented, members in the order of writing.
private struct JSONText {
    var text = ""
    private var depth = 0
    private var isFirst = true

    mutating func object(_ name: String? = nil, _ body: (inout JSONText) -> Void) {
        self.nest(name, "{", "}", body)
    }

    mutating func array(_ name: String? = nil, _ body: (inout JSONText) -> Void) {
        self.nest(name, "[", "]", body)
    }

    mutating func string(_ name: String? = nil, _ value: String) {
        self.begin(name)
        self.text += Self.quoted(value)
    }

    mutating func number<Number: BinaryInteger>(_ name: String, _ value: Number) {
        self.begin(name)
        self.text += "\(value)"
    }

    mutating func null(_ name: String) {
        self.begin(name)
        self.text += "null"
    }

    private mutating func nest(
        _ name: String?,
        _ open: String,
        _ close: String,
        _ body: (inout JSONText) -> Void
    ) {
        self.begin(name)
        self.text += open
        self.depth += 1
        self.isFirst = true
        body(&self)
        self.depth -= 1
        if !self.isFirst { self.newLine() }
        self.text += close
        self.isFirst = false
    }

    private mutating func begin(_ name: String?) {
        if self.depth > 0 {
            if !self.isFirst { self.text += "," }
            self.newLine()
        }
        self.isFirst = false
        if let name { self.text += Self.quoted(name) + ": " }
    }

    private mutating func newLine() {
        self.text += "\n" + String(repeating: "  ", count: self.depth)
    }

    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

extension Topology {
    /// The topology for programs.
    ///
    /// Durations are in nanoseconds, bandwidths in bytes a second, losses
    /// in parts per million.
    package var json: String {
        var json = JSONText()
        json.object { json in
            json.string("name", self.name)
            json.string("path", self.path)
            json.number("replicationFactor", self.replicationFactor)
            json.number("partitionsPerTable", self.partitionsPerTable)
            json.string("durability", self.durability.rawValue)
            json.string("stamps", self.stamps.rawValue)
            json.string("defaultRegion", self.region(self.defaultRegion).name)
            json.number("gatewayPort", self.gatewayPort)
            json.number("controlPort", self.controlPort)
            json.number("zoneLatencyNs", self.zoneLatency)
            json.number("controlPlaneDelayNs", self.tables.controlPlaneDelay)
            json.number("ttlSweepNs", self.tables.expiryPeriod)
            json.number("itemCollectionLimit", self.tables.collectionBytesMax)
            json.array("regions") { json in
                for region in self.regions { self.write(region, into: &json) }
            }
            json.array("links") { json in
                for source in self.regions {
                    for target in self.regions where source.id != target.id {
                        self.write(source, target, into: &json)
                    }
                }
            }
        }
        return json.text + "\n"
    }

    private func write(_ region: Region, into json: inout JSONText) {
        json.object { json in
            json.string("name", region.name)
            json.number("rank", region.id.rank)
            json.number("port", region.port)
            json.array("zones") { json in
                for zone in region.zones { json.string(nil, zone) }
            }
            json.array("nodes") { json in
                for (id, share) in self.ring(of: region.id).ownership() {
                    let node = self.node(id)
                    json.object { json in
                        json.number("id", id.index)
                        json.string("name", node.name)
                        json.string("zone", node.zone)
                        json.number("clientPort", node.clientPort)
                        json.number("peerPort", node.peerPort)
                        json.number("ringSharePPM", share)
                        json.number("clockOffsetNs", node.clock.offsetNanoseconds)
                        json.number("clockDriftPPM", node.clock.driftPPM)
                    }
                }
            }
        }
    }

    private func write(_ source: Region, _ target: Region, into json: inout JSONText) {
        let link = self.linkSettings(from: source.id, to: target.id)
        json.object { json in
            json.string("from", source.name)
            json.string("to", target.name)
            json.number("latencyNs", link.latency)
            json.number("roundTripNs", self.roundTrip(source.id, target.id))
            json.number("jitterNs", link.jitter)
            json.number("lossPPM", link.lossPerMillion)
            if let bandwidth = link.bandwidth {
                json.number("bandwidthBytes", bandwidth)
            } else {
                json.null("bandwidthBytes")
            }
        }
    }
}
