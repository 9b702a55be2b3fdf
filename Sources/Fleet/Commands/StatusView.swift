import Wire

/// `atoll status` for people: nodes, tables, faults and what happened last.
struct StatusView {
    private let json: JSONValue
    private let style: TextStyle
    private let hasPartitions: Bool

    init(_ json: JSONValue, _ style: TextStyle, hasPartitions: Bool) {
        self.json = json
        self.style = style
        self.hasPartitions = hasPartitions
    }

    private var regions: [JSONValue] { self.json["regions"]?.array ?? [] }

    var text: String {
        var text = self.headline + "\n" + self.nodeTable + "\n" + self.tableTable
        if self.hasPartitions { text += "\n" + self.partitionTable }
        let faults = self.json["faults"]?.array ?? []
        if !faults.isEmpty { text += "\n" + FaultView(self.style).list(self.json) }
        let events = self.json["events"]?.array ?? []
        for event in events.suffix(5) {
            let ago = Figures.duration((event["agoMs"]?.uint64 ?? 0) * 1_000_000)
            let line = (event["text"]?.string ?? "").split(separator: "\n").first ?? ""
            text += self.style.dim("\(ago) ago: ") + line + "\n"
        }
        return text
    }

    private var headline: String {
        let nodes = self.regions.flatMap { $0["nodes"]?.array ?? [] }
        let ready = nodes.filter { $0["report"]?["ready"]?.bool == true }.count
        let name = self.style.bold(self.json["cluster"]?.string ?? "?")
        let phase = self.json["phase"]?.string ?? "?"
        let uptime = Figures.duration((self.json["uptimeMs"]?.uint64 ?? 0) * 1_000_000)
        let port = self.json["gatewayPort"]?.int ?? 0
        let gateway =
            self.json["gatewayRuns"]?.bool == true
            ? "http://127.0.0.1:\(port)" : self.style.red("dead")
        return "\(name): \(phase), up \(uptime), \(ready) of \(nodes.count) nodes ready, "
            + "gateway \(gateway)\n"
    }

    private var nodeTable: String {
        var table = ReportTable(headings: [
            "region", "node", "state", "pid", "port", "leads", "groups", "ring", "memory", "clock",
            "disk", "up",
        ])
        for region in self.regions {
            for (index, node) in (region["nodes"]?.array ?? []).enumerated() {
                let report = node["report"] ?? .null
                let clock = report["clock"]?["offsetNs"]?.int ?? 0
                table.row([
                    .plain(index == 0 ? region["name"]?.string ?? "" : ""),
                    .plain(node["name"]?.string ?? ""), Self.state(node),
                    .number(node["pid"]?.numberText ?? "–"),
                    .number(node["port"]?.numberText ?? ""),
                    .number(report["groups"]?["leading"]?.numberText ?? "–"),
                    .number(report["groups"]?["total"]?.numberText ?? "–"),
                    .number(Self.share(of: node["name"]?.string ?? "", report)),
                    .number(report["residentBytes"]?.uint64.map(Figures.bytes) ?? "–"),
                    clock == 0 ? .number("–") : .warning(Figures.signedDuration(Int64(clock))),
                    report["disk"]?.string == "full" ? .bad("full") : .plain("ok"),
                    .number(
                        report["uptimeMs"]?.uint64.map { Figures.duration($0 * 1_000_000) } ?? "–"
                    ),
                ])
            }
        }
        return table.rendered(self.style)
    }

    private static func state(_ node: JSONValue) -> TableCell {
        let state = node["state"]?.string ?? "?"
        switch state {
        case "ready": return .good(state)
        case "dead": return .bad("dead: \(node["lastExit"]?.string ?? "?")")
        default: return .warning(state)
        }
    }

    /// A node's part of its region's ring: `33.1 %`.
    private static func share(of name: String, _ report: JSONValue) -> String {
        let entry = report["ring"]?.array?.first { $0["node"]?.string == name }
        guard let text = entry?["share"]?.numberText, let share = Double(text) else { return "–" }
        let tenths = Int((share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// The tables that any node of a region reports, by name; a partition as its leader sees it.
    private func tables(of region: JSONValue) -> [(name: String, json: JSONValue)] {
        var tables: [(name: String, json: JSONValue)] = []
        for node in region["nodes"]?.array ?? [] {
            for table in node["report"]?["tables"]?.array ?? [] {
                guard let name = table["name"]?.string else { continue }
                let partitions = (table["partitions"]?.array ?? []).filter {
                    $0["role"]?.string == "leader"
                }
                if let index = tables.firstIndex(where: { $0.name == name }) {
                    let known = tables[index].json["partitions"]?.array ?? []
                    tables[index].json["partitions"] = .array(known + partitions)
                } else {
                    var json = table
                    json["partitions"] = .array(partitions)
                    tables.append((name, json))
                }
            }
        }
        return tables
    }

    private var tableTable: String {
        var table = ReportTable(headings: [
            "table", "region", "status", "partitions led", "items", "bytes", "leaders",
        ])
        var isEmpty = true
        let all = self.regions.map { ($0["name"]?.string ?? "", self.tables(of: $0)) }
        for name in Set(all.flatMap { $0.1.map(\.name) }).sorted() {
            for (region, tables) in all {
                guard let json = tables.first(where: { $0.name == name })?.json else { continue }
                isEmpty = false
                let partitions = json["partitions"]?.array ?? []
                let items = partitions.reduce(0) { $0 + ($1["items"]?.uint64 ?? 0) }
                let bytes = partitions.reduce(0) { $0 + ($1["bytes"]?.uint64 ?? 0) }
                let leaders = Set(partitions.compactMap { $0["leader"]?.string }).sorted()
                table.row([
                    .plain(name), .plain(region), .plain(json["status"]?.string ?? ""),
                    .number("\(partitions.count)"), .number("\(items)"),
                    .number(Figures.bytes(bytes)), .dim(leaders.joined(separator: " ")),
                ])
            }
        }
        return isEmpty ? "no tables yet\n" : table.rendered(self.style)
    }

    private var partitionTable: String {
        var table = ReportTable(headings: [
            "table", "region", "partition", "leader", "term", "commit", "applied", "items", "bytes",
        ])
        for region in self.regions {
            for (name, json) in self.tables(of: region) {
                for partition in json["partitions"]?.array ?? [] {
                    table.row([
                        .plain(name), .plain(region["name"]?.string ?? ""),
                        .number(partition["id"]?.numberText ?? ""),
                        .plain(partition["leader"]?.string ?? "–"),
                        .number(partition["term"]?.numberText ?? ""),
                        .number(partition["commit"]?.numberText ?? ""),
                        .number(partition["applied"]?.numberText ?? ""),
                        .number(partition["items"]?.numberText ?? ""),
                        .number(Figures.bytes(partition["bytes"]?.uint64 ?? 0)),
                    ])
                }
            }
        }
        return table.rendered(self.style)
    }
}
