import Primitives

/// Draws who told whom what, and when, as plain text: a column for each node, time downwards.
///
/// Greetings and empty turns are left out; what stays is what the failure can have come from.
package struct SpaceTime {
    private let names: [String]
    private let rowsMax: Int
    private var lines: [TraceLine] = []

    /// - Parameters:
    ///   - names: of the nodes, by number.
    ///   - rowsMax: of all events only the last so many are drawn.
    package init(names: [String], rowsMax: Int = 150) {
        self.names = names
        self.rowsMax = rowsMax
    }

    package mutating func take(_ line: TraceLine) {
        guard Self.matters(line) else { return }
        self.lines.append(line)
        if self.lines.count > 4 * self.rowsMax { self.lines.removeFirst(2 * self.rowsMax) }
    }

    private static func matters(_ line: TraceLine) -> Bool {
        switch line.kind {
        case .tick, .turn, .dialled, .connected: false
        case .broken, .started, .killed, .asked, .answered, .fault, .heal: true
        case .message: !line.text.hasPrefix("greeting")
        }
    }

    package func rendered() -> [String] {
        let shown = self.lines.suffix(self.rowsMax)
        var used: [Int] = []
        for line in shown where line.kind != .asked && line.kind != .answered {
            for node in [line.node, line.peer ?? line.node] where !used.contains(node) {
                used.append(node)
            }
        }
        used.sort()
        var rows = [Self.pad("     seconds", 14) + self.header(used)]
        for line in shown { rows.append(self.row(line, used)) }
        return rows
    }

    private static let width = 8

    private func header(_ used: [Int]) -> String {
        var text = ""
        for node in used { text += Self.pad(self.short(node), Self.width) }
        return text + " "
            + used.map { "\(self.short($0)) = \(self.names[$0])" }
            .joined(separator: ", ")
    }

    private func short(_ node: Int) -> String { "n\(node)" }

    private func row(_ line: TraceLine, _ used: [Int]) -> String {
        let since = line.at.since(World.start)
        let micros = "\(1_000_000 + since / 1_000 % 1_000_000)".dropFirst()
        let time = "\(since / 1_000_000_000).\(micros)"
        let blanks = String(repeating: " ", count: max(0, 12 - time.count))
        var cells = used.map { _ in Array("|" + String(repeating: " ", count: Self.width - 1)) }
        let from = used.firstIndex(of: line.node)
        if line.kind == .message, let from, let peer = line.peer,
            let to = used.firstIndex(of: peer)
        {
            self.draw(from, to, &cells)
        } else if line.kind != .asked, line.kind != .answered, line.kind != .fault,
            line.kind != .heal, let from
        {
            cells[from][0] = line.kind == .killed ? "X" : line.kind == .started ? "S" : "*"
        }
        var text = line.text
        switch line.kind {
        case .asked: text = "client asks " + text
        case .answered: text = "client told " + text
        case .fault: text = "FAULT " + text
        case .heal: text = "heal " + text
        case .broken: text = "stream to \(line.peer.map { self.short($0) } ?? "?") broken"
        case .started: text = "starts"
        case .killed: text = "dies"
        case .message, .tick, .turn, .dialled, .connected: break
        }
        return blanks + time + "  " + cells.map { String($0) }.joined() + " " + text
    }

    /// An arrow from one column to another.
    private func draw(_ from: Int, _ to: Int, _ cells: inout [[Character]]) {
        let low = min(from, to)
        let high = max(from, to)
        for column in low..<high {
            for place in 0..<Self.width where column > low || place > 0 {
                cells[column][place] = "-"
            }
        }
        cells[from][0] = "o"
        if from < to {
            cells[to - 1][Self.width - 1] = ">"
        } else {
            cells[to][0] = "|"
            cells[to][1] = "<"
        }
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
