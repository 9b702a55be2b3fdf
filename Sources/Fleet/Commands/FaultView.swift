import Wire

/// Faults for people.
struct FaultView {
    let style: TextStyle

    init(_ style: TextStyle) { self.style = style }

    func injected(_ json: JSONValue) -> String {
        let id = json["id"]?.string ?? "?"
        var text = "\(self.style.bold(id)) \(json["title"]?.string ?? "")\n"
        text += self.measurements(json)
        if let remaining = json["remainingMs"]?.uint64 {
            text += "  heals by itself in \(Figures.duration(remaining * 1_000_000))\n"
        } else if json["kind"]?.string != "restart" {
            text += self.style.dim("  heal it: atoll heal \(id)\n")
        }
        return text
    }

    func healed(_ json: JSONValue, isAll: Bool) -> String {
        var text = ""
        let healed = json["healed"]?.array ?? []
        for fault in healed {
            let id = fault["id"]?.string ?? "?"
            if let problem = fault["problem"]?.string {
                text += self.style.red("not healed ") + "\(id): \(problem)\n"
            } else {
                text += "healed \(self.style.bold(id)) \(fault["title"]?.string ?? "")\n"
            }
            text += self.measurements(fault)
        }
        if isAll {
            if healed.isEmpty { text += "no faults were in force\n" }
            let left = (json["left"]?.array ?? []).compactMap(\.string)
            text +=
                left.isEmpty
                ? self.style.green("nothing is left: ")
                    + "links, clocks, replication, processes and endpoints are as the topology "
                    + "says\n"
                : left.map { self.style.red("left: ") + $0 + "\n" }.joined()
        }
        return text
    }

    func list(_ json: JSONValue) -> String {
        let faults = json["faults"]?.array ?? []
        guard !faults.isEmpty else { return "no faults are in force\n" }
        var table = ReportTable(headings: ["id", "fault", "age", "heals in", "effect"])
        for fault in faults {
            let measurement = fault["measurements"]?.array?.first
            let effect = measurement.map {
                "\($0["what"]?.string ?? ""): \($0["before"]?.string ?? "") → "
                    + ($0["after"]?.string ?? "")
            }
            table.row([
                .plain(fault["id"]?.string ?? "?"), .plain(fault["title"]?.string ?? ""),
                .number(Self.duration(fault["ageMs"])),
                .number(Self.remaining(fault)),
                fault["problem"]?.string.map { .bad("not healed: " + $0) } ?? .plain(effect ?? ""),
            ])
        }
        return table.rendered(self.style)
            + self.style.dim("heal one: atoll heal ID; all: atoll heal --all\n")
    }

    /// A table of what was measured before and after.
    func measurements(_ json: JSONValue) -> String {
        let measurements = json["measurements"]?.array ?? []
        guard !measurements.isEmpty else { return "" }
        var table = ReportTable(indent: 2, headings: ["measured", "before", "after", ""])
        for measurement in measurements {
            let isGood = measurement["ok"]?.bool == true
            let expected = measurement["expected"]?.string ?? ""
            table.row([
                .plain(measurement["what"]?.string ?? ""),
                .plain(measurement["before"]?.string ?? ""),
                .plain(measurement["after"]?.string ?? ""),
                isGood ? .good("✓") : .bad("✗ expected: \(expected)"),
            ])
        }
        return table.rendered(self.style)
    }

    private static func remaining(_ fault: JSONValue) -> String {
        if fault["healing"]?.bool == true { return "now" }
        guard fault["remainingMs"]?.uint64 != nil else { return "–" }
        return self.duration(fault["remainingMs"])
    }

    private static func duration(_ milliseconds: JSONValue?) -> String {
        Figures.duration((milliseconds?.uint64 ?? 0) * 1_000_000)
    }
}
