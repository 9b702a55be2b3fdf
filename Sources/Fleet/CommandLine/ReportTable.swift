/// Colours, when somebody is there to see them.
package struct TextStyle: Sendable {
    package var isColored: Bool

    package init(isColored: Bool) { self.isColored = isColored }

    package static let plain = TextStyle(isColored: false)

    package func bold(_ text: String) -> String { self.wrap(text, "1") }
    package func dim(_ text: String) -> String { self.wrap(text, "2") }
    package func red(_ text: String) -> String { self.wrap(text, "31") }
    package func green(_ text: String) -> String { self.wrap(text, "32") }
    package func yellow(_ text: String) -> String { self.wrap(text, "33") }

    private func wrap(_ text: String, _ code: String) -> String {
        self.isColored && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// One field of a table: text, and what it means to the reader.
package enum TableCell: Equatable, Sendable {
    case plain(String)
    /// Right-aligned.
    case number(String)
    case good(String)
    case warning(String)
    case bad(String)
    case dim(String)
    case heading(String)

    package var text: String {
        switch self {
        case .plain(let text), .number(let text), .good(let text), .warning(let text),
            .bad(let text), .dim(let text), .heading(let text):
            text
        }
    }

    fileprivate func styled(_ style: TextStyle) -> String {
        switch self {
        case .plain(let text), .number(let text): text
        case .good(let text): style.green(text)
        case .warning(let text): style.yellow(text)
        case .bad(let text): style.red(text)
        case .dim(let text), .heading(let text): style.dim(text)
        }
    }
}

/// Rows of cells, printed with each column as wide as its widest cell.
package struct ReportTable: Sendable {
    private var rows: [[TableCell]] = []
    private let indent: Int
    private let gap = 2

    package init(indent: Int = 0) { self.indent = indent }

    package init(indent: Int = 0, headings: [String]) {
        self.indent = indent
        self.rows = [headings.map { .heading($0) }]
    }

    package var isEmpty: Bool { self.rows.isEmpty }

    package mutating func row(_ cells: [TableCell]) { self.rows.append(cells) }

    /// The table as lines, each ended by a newline and without trailing blanks.
    package func rendered(_ style: TextStyle) -> String {
        var widths: [Int] = []
        for row in self.rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.text.count)
            }
        }
        var text = ""
        for row in self.rows {
            text += String(repeating: " ", count: self.indent)
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.text.count)
                let isLast = column == row.count - 1
                if self.isRightAligned(column) {
                    text += padding + cell.styled(style)
                } else {
                    text += cell.styled(style) + (isLast ? "" : padding)
                }
                if !isLast { text += String(repeating: " ", count: self.gap) }
            }
            while text.last == " " { text.removeLast() }
            text += "\n"
        }
        return text
    }

    /// A column is aligned to the right, its heading too, when it holds a number.
    private func isRightAligned(_ column: Int) -> Bool {
        self.rows.contains { row in
            guard column < row.count, case .number = row[column] else { return false }
            return true
        }
    }
}
