import Wire

/// Lag, conflicts and verification for people.
enum ReportViews {
    static func lag(
        _ json: JSONValue,
        seconds: Int?,
        isOfIndexes: Bool = false,
        _ style: TextStyle
    ) -> String {
        let entries = json["lag"]?.array ?? []
        guard !entries.isEmpty else {
            guard !isOfIndexes else { return "no table has a global index\n" }
            return "no table replicates between regions\n"
                + style.dim("add a replica: aws dynamodb update-table --replica-updates …\n")
        }
        // Without a choice, the longest window says most.
        let longest = entries.compactMap { $0["window"]?.int }.max() ?? 0
        let wanted = seconds ?? longest
        var table = ReportTable(headings: [
            isOfIndexes ? "table/index" : "table", "from", "to", "window", "arrived", "p50", "p90",
            "p99", "max", "backlog",
            "bytes", "oldest",
        ])
        for entry in entries {
            let window = entry["window"]?.int ?? 0
            guard window == wanted || window == 0 else { continue }
            let hasArrived = (entry["count"]?.uint64 ?? 0) > 0
            let backlog = entry["backlogChanges"]?.uint64 ?? 0
            let lags = ["p50Us", "p90Us", "p99Us", "maxUs"].map { name -> TableCell in
                .number(hasArrived ? self.microseconds(entry[name]) : "–")
            }
            let row: [TableCell] =
                [
                    .plain(entry["table"]?.string ?? ""), .plain(entry["source"]?.string ?? ""),
                    .plain(entry["destination"]?.string ?? ""),
                    .number(window == 0 ? "–" : "\(window) s"),
                    .number(entry["count"]?.numberText ?? "0"),
                ] + lags + [
                    backlog == 0 ? .number("0") : .warning("\(backlog)"),
                    .number(Figures.bytes(entry["backlogBytes"]?.uint64 ?? 0)),
                    .number(self.microseconds(entry["watermarkAgeUs"])),
                ]
            table.row(row)
        }
        return table.rendered(style)
    }

    static func conflicts(_ json: JSONValue, _ style: TextStyle) -> String {
        let conflicts = json["conflicts"]?.array ?? []
        guard !conflicts.isEmpty else { return "no write has lost to another region's write\n" }
        var table = ReportTable(headings: [
            "table", "key", "winner", "loser", "relation", "decided in",
        ])
        for conflict in conflicts {
            let regions = (conflict["decidedIn"]?.array ?? []).compactMap(\.string)
            let relation = conflict["relation"]?.string ?? ""
            table.row([
                .plain(conflict["table"]?.string ?? ""), .plain(self.key(conflict["key"])),
                .plain(self.stamp(conflict["winner"])), .plain(self.stamp(conflict["loser"])),
                relation == "skew-inversion" ? .bad(relation) : .plain(relation),
                .dim(regions.joined(separator: " ")),
            ])
        }
        let total = json["total"]?.int ?? conflicts.count
        let more =
            total > conflicts.count
            ? style.dim("\(conflicts.count) of \(total); more: atoll conflicts --limit \(total)\n")
            : ""
        return table.rendered(style) + more
    }

    static func verify(_ json: JSONValue, _ style: TextStyle) -> String {
        let tables = json["tables"]?.array ?? []
        guard !tables.isEmpty else { return "there are no tables\n" }
        var grid = ReportTable(headings: ["table", "regions", "items", "partitions", "result"])
        var details = ""
        for table in tables {
            let regions = table["regions"]?.array ?? []
            let counts = regions.map { $0["items"]?.numberText ?? "?" }
            let isSame = Set(counts).count <= 1
            let result: TableCell =
                table["equal"]?.bool == true
                ? .good(regions.count > 1 ? "equal" : "one region only") : .bad("different")
            grid.row([
                .plain(table["table"]?.string ?? ""),
                .plain(regions.compactMap { $0["region"]?.string }.joined(separator: " ")),
                .number(isSame ? counts.first ?? "0" : counts.joined(separator: " ")),
                .number(table["partitions"]?.numberText ?? "0"), result,
            ])
            details += self.differences(of: table, style)
        }
        let backlog = json["backlogChanges"]?.uint64 ?? 0
        let waited = Figures.duration((json["waitedMs"]?.uint64 ?? 0) * 1_000_000)
        let tail =
            backlog == 0
            ? "backlogs are empty (after \(waited))\n"
            : style.yellow("\(backlog) changes are still to arrive") + " (after \(waited)); "
                + "wait for them: atoll verify --wait 30s\n"
        return grid.rendered(style) + details + tail
    }

    private static func differences(of table: JSONValue, _ style: TextStyle) -> String {
        var text = ""
        for region in table["unanswered"]?.array ?? [] {
            let partitions = (region["partitions"]?.array ?? []).compactMap(\.numberText)
            text += style.red("  no leader answers")
            text +=
                " in \(region["region"]?.string ?? "") for partitions "
                + "\(partitions.joined(separator: ", ")) of \(table["table"]?.string ?? "")\n"
        }
        let differences = table["differences"]?.array ?? []
        guard !differences.isEmpty else { return text }
        let regions = differences[0]["regions"]?.array ?? []
        var grid = ReportTable(
            indent: 2,
            headings: ["key that differs"] + regions.map { $0["region"]?.string ?? "" }
        )
        for difference in differences {
            let states = (difference["regions"]?.array ?? []).map { state -> TableCell in
                guard let stamp = state["stamp"]?.string else { return .warning("absent") }
                return .plain("\(stamp) #\((state["hash"]?.string ?? "").prefix(8))")
            }
            grid.row([.plain(self.key(difference["key"]))] + states)
        }
        text += grid.rendered(style)
        let found = table["differencesFound"]?.int ?? 0
        if found > differences.count {
            text += "  and \(found - differences.count) more\n"
        }
        return text
    }

    private static func key(_ key: JSONValue?) -> String {
        guard let members = key?.members else { return "?" }
        return members.map { member in
            let value = member.value.members?.first?.value
            return "\(member.name)=\(value?.string ?? value?.numberText ?? "?")"
        }.joined(separator: " ")
    }

    private static func stamp(_ stamp: JSONValue?) -> String {
        guard let stamp, stamp != .null else { return "?" }
        let time = stamp["time"]?.string ?? stamp["time"]?.numberText ?? "?"
        return "\(time) \(stamp["region"]?.string ?? "")"
    }

    private static func microseconds(_ value: JSONValue?) -> String {
        Figures.duration((value?.uint64 ?? 0) * 1_000)
    }
}
