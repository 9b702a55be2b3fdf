/// Columns of text, each as wide as its widest cell, two blanks apart.
struct TextTable: Sendable {
    private var rows: [[String]]
    /// Columns that are flush right: numbers.
    private let rightAligned: Set<Int>

    init(heading: [String], rightAligned: Set<Int> = []) {
        self.rows = [heading]
        self.rightAligned = rightAligned
    }

    mutating func row(_ cells: [String]) { self.rows.append(cells) }

    /// Lines that each begin with `indent` and end in a line feed, without blanks at their ends.
    func text(indent: String = "") -> String {
        var widths: [Int] = []
        for row in self.rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        var text = ""
        for row in self.rows {
            var line = indent
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += self.rightAligned.contains(column) ? padding + cell : cell + padding
                line += "  "
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
